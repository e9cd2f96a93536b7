/* privileges: what the program may keep.
 *
 * Spec runtime.md, 1.5.  Container side, behind everything that needs a privilege.  Sets are by number, as in
 * linux/capability.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Leaves of the five capability sets (bounding, inheritable, permitted, effective, ambient) what is in `keep`
 * and reads them back; no_new_privs: execve gives nothing from now on. */
int privileges_drop(uint64_t keep, bool no_new_privs, struct err *e);
