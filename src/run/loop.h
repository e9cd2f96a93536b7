/* loop: part of a file as a block device, for the privileged.
 *
 * The device has LO_FLAGS_AUTOCLEAR: it is free again when its last user is gone, which is
 * the descriptor first and the mount then.  A mount in a private mount namespace goes with the last process
 * in it, so that nothing is left after any end.  Source: loop(4), linux/loop.h; LOOP_CONFIGURE is Linux 5.8.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "run/mount.h"

/* Attaches [offset, offset + size) of `file` to a free device below number `most`; returns its descriptor or
 * a negative errno.  writable: `file` is open for writing; else the device is read-only. */
int loop_attach(int file, uint64_t offset, uint64_t size, bool writable, unsigned most, struct err *e);

/* A file system of `type` on the device, as a tree to be attached.  options may be NULL. */
int loop_mount(int loop, const char *type, const char *options, unsigned flags, struct mount_tree *tree,
               struct err *e);
