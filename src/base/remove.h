/* remove: a file, or a directory and all below it, without following a link or entering a mount.
 *
 * Directories of our own that lack rights for their owner get them first.  Depth is no matter.
 */
#pragma once

#include "base/err.h"

/* Removes dir/name; nothing there is success.  -EBUSY: something is mounted there or below; what was removed
 * until then is gone. */
int remove_tree(int dir, const char *name, struct err *e);
