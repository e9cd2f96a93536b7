/* target: what is at the place where an image shall appear (spec build.md, 4.4). */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum target_state {
        TARGET_FREE,
        TARGET_IMAGE, /* an image or a sandbox: it would be replaced */
        TARGET_OTHER, /* a file of another kind, such as a definition */
};

/* path: absolute, cleaned.  force: whether anything may be replaced.  Errors: the parent directory is missing
 * or no directory; a directory that is no sandbox and not empty, without force. */
int target_look(const char *path, bool force, enum target_state *ret, struct err *e);
