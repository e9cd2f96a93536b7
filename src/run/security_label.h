/* security_label: the AppArmor profile or SELinux label that a program starts with.
 *
 * Given to the kernel beforehand, in effect with the next execve(2); it goes to children as well.
 */
#pragma once

#include "base/err.h"

enum security_module { SECURITY_APPARMOR, SECURITY_SELINUX };

/* Whether this machine has it: -ENOTSUP where not, with the reason. */
int security_label_check(enum security_module module, struct err *e);

/* Where the host's /proc and /sys are to be seen. */
int security_label_set(enum security_module module, const char *label, struct err *e);
