/* squashfs_super: recognising a squashfs, without any library.
 *
 * Source: kernel Documentation/filesystems/squashfs.rst; the launcher line of old images: spec
 * image-formats.md, 3.2.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct squashfs_super {
        uint32_t n_inodes;
        uint32_t mtime;
        uint32_t block_size;
        uint32_t n_fragments;
        uint16_t compressor;
        uint16_t block_log;
        uint16_t flags;
        uint16_t n_ids;
        uint64_t root_inode;
        uint64_t bytes_used;
        uint64_t id_table, xattr_table, inode_table, directory_table, fragment_table, export_table;
};

#define SQUASHFS_FLAG_NO_XATTRS 0x0200

/* Reads and checks the superblock at `offset`; the file system may use at most `size` bytes from there.
 * -ENOEXEC: no squashfs here (try another format); -EBADMSG, -ENOTSUP: squashfs, but broken or of an unknown
 * kind. */
int squashfs_super_read(int fd, uint64_t offset, uint64_t size, struct squashfs_super *ret, struct err *e);

/* Looks for a launcher line ("… run-singularity\n") at the start of the file: the offset behind it, or 0. */
uint64_t squashfs_launcher_skip(int fd);
