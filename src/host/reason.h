/* reason: why this machine does not give something, in words that its user or administrator can act on.
 *
 * Called behind a failure, never before: whether something works is found out by doing it.  The switches are
 * read below a descriptor of /proc/sys, so that tests can show any machine.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* A user namespace could not be made or used: `code` is the negative errno of unshare(2), clone(2), or of the
 * first use.  Fills `e` with text and hint and returns -EUSERS.  proc_sys: descriptor of /proc/sys, or
 * negative to open it here. Sources: user_namespaces(7); Debian's kernel.unprivileged_userns_clone; Ubuntu's
 * kernel.apparmor_restrict_unprivileged_userns. */
int reason_userns(int proc_sys, int code, struct err *e);

/* Whether AppArmor lets a program make a user namespace but use nothing in it. */
bool reason_userns_is_hollow(int proc_sys);
