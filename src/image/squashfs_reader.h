/* squashfs_reader: reading a squashfs through libsquashfs, safe against hostile images.
 *
 * A reader is used by one thread at a time; squashfs_reader_clone() gives another thread its own over the
 * same file. Inodes are named by their reference (block << 16 | offset) as in directory entries. Compressors:
 * gzip (libdeflate), xz, lzma, lz4, zstd, and lzo where the library has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "image/squashfs_super.h"

struct squashfs_reader;

/* fd: borrowed, must stay open; [offset, offset + size) holds the image. */
int squashfs_reader_new(struct squashfs_reader **ret, int fd, uint64_t offset, uint64_t size, struct err *e);
int squashfs_reader_clone(struct squashfs_reader **ret, const struct squashfs_reader *r, struct err *e);
void squashfs_reader_free(struct squashfs_reader *r); /* accepts NULL */
const struct squashfs_super *squashfs_reader_super(const struct squashfs_reader *r);

struct squashfs_inode; /* a decoded inode, independent of the reader */

int squashfs_inode_read(struct squashfs_reader *r, uint64_t reference, struct squashfs_inode **ret,
                        struct err *e);
void squashfs_inode_free(struct squashfs_inode *inode); /* accepts NULL */
/* Everything but st_dev: ids are the image's, st_ino the squashfs inode number, mtime in seconds. */
void squashfs_inode_stat(const struct squashfs_inode *inode, struct stat *ret);
/* Symbolic link target, terminated; NULL for other types.  Borrowed from the inode. */
const char *squashfs_inode_link(const struct squashfs_inode *inode);
bool squashfs_inode_has_xattrs(const struct squashfs_inode *inode);

/* Directory entries in stored (byte) order.  Calls visit with the name (not terminated) and the inode
 * reference until it returns nonzero, and returns that.  `skip` entries are passed over first without a call.
 */
typedef int (*squashfs_entry_visit)(const char *name, size_t name_size, uint64_t reference,
                                    uint32_t mode_type, void *user);
int squashfs_directory_read(struct squashfs_reader *r, const struct squashfs_inode *dir, uint64_t skip,
                            squashfs_entry_visit visit, void *user, struct err *e);
/* -ENOENT when there is no such name. */
int squashfs_directory_find(struct squashfs_reader *r, const struct squashfs_inode *dir, const char *name,
                            size_t name_size, uint64_t *ret_reference, struct err *e);
/* Path from the root without following links; "" is the root. */
int squashfs_path_find(struct squashfs_reader *r, const char *path, uint64_t *ret_reference, struct err *e);

/* The content of a regular file is a list of blocks, the last of which may be a fragment's part.
 * squashfs_file_n_blocks() counts them all; each but the last decodes to the block size. */
uint64_t squashfs_file_size(const struct squashfs_inode *file);
uint64_t squashfs_file_n_blocks(const struct squashfs_inode *file);

/* Where block `index` of the file lies: a data block or a fragment block shared with other files. */
struct squashfs_block {
        uint64_t position;    /* in the image; the key of a cache.  0 with sparse */
        uint32_t stored_size; /* bytes on disk */
        bool compressed;
        bool sparse;          /* all zeros, nothing on disk */
        uint32_t block_bytes; /* decoded size of the whole block */
        uint32_t from, n;     /* the file's part of the decoded block */
};
int squashfs_file_block(struct squashfs_reader *r, const struct squashfs_inode *file, uint64_t index,
                        struct squashfs_block *ret, struct err *e);
/* Decodes a block into `out` (at least the image's block size); *ret_size bytes came. */
int squashfs_block_read(struct squashfs_reader *r, const struct squashfs_block *block, void *out,
                        size_t *ret_size, struct err *e);

/* Reads [offset, offset + size) of a file, short at its end; for small files and tools (one block is
 * remembered). */
ssize_t squashfs_file_read(struct squashfs_reader *r, const struct squashfs_inode *file, uint64_t offset,
                           void *out, size_t size, struct err *e);

/* Extended attributes: visit gets the full name and the value. */
typedef int (*squashfs_xattr_visit)(const char *name, const void *value, size_t value_size, void *user);
int squashfs_xattrs_read(struct squashfs_reader *r, const struct squashfs_inode *inode,
                         squashfs_xattr_visit visit, void *user, struct err *e);
