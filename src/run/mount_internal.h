/* mount_internal: what mount.c and mount_classic.c share. */
#pragma once

#include "run/mount.h"

/* Attaches by mount(2) what `tree` describes; tree->fd is replaced by the root of the new mount. */
int mount_attach_classic(struct mount_tree *tree, int root, const char *target, struct err *e);
int mount_attach_over_root_classic(struct mount_tree *tree, struct err *e);
