/* scratch: a directory of this machine for large temporary files that programs are started from. */
#pragma once

#include "base/err.h"

/* An absolute path that the caller frees.  asked (APPTAINER_TMPDIR, --tmpdir) or, when it is NULL or empty,
 * TMPDIR must do; without both it is /tmp, or /var/tmp where /tmp lies in memory or is mounted noexec (spec
 * runtime.md, 6: as from 1.6 on).  -EACCES and the like: it does not do, and why. */
int scratch_directory(const char *asked, char **ret, struct err *e);
