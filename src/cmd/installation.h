/* installation: where the other parts of this installation are.
 *
 * Found from /proc/self/exe, so that a whole prefix can be moved or mounted elsewhere: the executables lie in
 * PREFIX/bin and PREFIX/libexec/apptainer, the settings in PREFIX/etc/apptainer.  The directories of the
 * build configuration are used when nothing is there.  In a build tree the helper programs lie in the
 * directories of their rooms.
 */
#pragma once

/* Path of a helper program, "apptainer-images" or "imagefs"; the caller frees it.  When none is found, where
 * it ought to be. */
char *installation_helper(const char *name);

/* Path of a file of the site's settings, "apptainer.conf"; the caller frees it. */
char *installation_setting(const char *name);
