/* ext3_super: recognising an ext3 file system, without any library.
 *
 * Source: kernel Documentation/filesystems/ext4/super.rst; which features make it ext3: spec
 * image-formats.md, 3.3.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/* Checks for an ext3 superblock of a file system that begins at `offset` and may use `size` bytes.
 * -ENOEXEC: nothing of the ext family (try another format); -ENOTSUP: ext2, ext4 or features that ext3 has
 * not; -EBADMSG: longer than `size`. */
int ext3_super_check(int fd, uint64_t offset, uint64_t size, struct err *e);
