/* ext3: the file system in an image file that can be written, mounted and locked.
 *
 * The kernel mounts it for the privileged, through a loop device; for everybody else fuse2fs does, a program
 * that is not ours (e2fsprogs).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "run/mount.h"
#include "run/rootfs.h"

/* Takes the bytes of the file system, for writing alone or for reading with others (F_OFD_SETLK, fcntl(2);
 * spec runtime.md, 4.6).  The lock is the open file's: it goes with the last descriptor of it, a loop
 * device's included.  -EBUSY: somebody has it, who is named as far as this machine knows.  A file system
 * without locks is no error. */
int ext3_lock(int fd, uint64_t offset, uint64_t size, bool writable, const char *path, struct err *e);

/* Has fuse2fs serve it, which takes the lock over; called as fuse_program_prepare().  as_user: files of
 * others are not closed to the caller, who could read the image anyway.  Returns a detached mount. */
int ext3_serve(const struct rootfs *image, bool as_user, struct err *e);

/* Mounts it from a loop device. */
int ext3_mount(int loop, bool writable, unsigned flags, struct mount_tree *tree, struct err *e);
