/* squashfs_reader: reading a squashfs, safe against hostile images.
 *
 * A reader is used by one thread at a time; squashfs_reader_clone() gives another thread its own over the
 * same file, sharing tables and decoded metadata.  Inodes are named by their reference (block << 16 | offset)
 * as in directory entries.  Compressors: gzip (libdeflate), xz, lzma, lz4, zstd, and lzo where the library
 * has it.
 *
 * Every position, size and count is checked where it is used; what is wrong with an image shows as -EBADMSG
 * of the call that met it.  No call does more work than the bytes it returns and the limits below allow.
 *
 * Source: kernel Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h (the format).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/squashfs_super.h"

#define SQUASHFS_BLOCK_MAX      1048576U   /* the format's largest data block */
#define SQUASHFS_NAME_MAX       256        /* bytes of a name in a directory */
#define SQUASHFS_FILE_BLOCK_MAX (1U << 26) /* blocks of one file: 8 TiB in blocks of 128 KiB */

struct squashfs_reader;

/* fd: borrowed, must stay open; [offset, offset + size) holds the image. */
int squashfs_reader_new(struct squashfs_reader **ret, int fd, uint64_t offset, uint64_t size, struct err *e);
int squashfs_reader_clone(struct squashfs_reader **ret, const struct squashfs_reader *r, struct err *e);
void squashfs_reader_free(struct squashfs_reader *r); /* accepts NULL */
const struct squashfs_super *squashfs_reader_super(const struct squashfs_reader *r);

struct squashfs_inode; /* a decoded inode, independent of the reader; one thread at a time */

int squashfs_inode_read(struct squashfs_reader *r, uint64_t reference, struct squashfs_inode **ret,
                        struct err *e);
void squashfs_inode_free(struct squashfs_inode *inode); /* accepts NULL */
/* Everything but st_dev: ids are the image's, st_ino the squashfs inode number, mtime in seconds. */
void squashfs_inode_stat(const struct squashfs_inode *inode, struct stat *ret);
/* Symbolic link target, terminated; NULL for other types.  Borrowed from the inode. */
const char *squashfs_inode_link(const struct squashfs_inode *inode);
bool squashfs_inode_has_xattrs(const struct squashfs_inode *inode);

/* The attributes alone, without making an inode: for long listings. */
int squashfs_stat(struct squashfs_reader *r, uint64_t reference, struct stat *ret, struct err *e);

struct squashfs_entry {
        const char *name; /* not terminated; no "/", no NUL, never "." or ".." */
        size_t name_size;
        uint64_t reference;
        uint32_t inode_number;
        uint32_t mode_type; /* S_IFDIR and the like, as the directory claims */
        uint64_t next;      /* where to go on behind this entry: a later call's `from` */
};

/* Directory entries in stored (byte) order, without "." and "..".  Calls visit until it returns nonzero, and
 * returns that.  from: 0, or the `next` of an entry of this directory; going on costs no more than a step of
 * 256 entries. */
typedef int (*squashfs_entry_visit)(const struct squashfs_entry *entry, void *user);
int squashfs_directory_read(struct squashfs_reader *r, const struct squashfs_inode *dir, uint64_t from,
                            squashfs_entry_visit visit, void *user, struct err *e);
/* -ENOENT when there is no such name (then `e` is untouched). */
int squashfs_directory_find(struct squashfs_reader *r, const struct squashfs_inode *dir, const char *name,
                            size_t name_size, uint64_t *ret_reference, struct err *e);
/* The inode number of "..". */
uint32_t squashfs_directory_parent(const struct squashfs_inode *dir);
/* Path from the root without following links; "" is the root. */
int squashfs_path_find(struct squashfs_reader *r, const char *path, uint64_t *ret_reference, struct err *e);

/* The content of a regular file is a list of blocks, the last of which may be a fragment's part.
 * squashfs_file_n_blocks() counts them all; each but the last decodes to the block size. */
uint64_t squashfs_file_size(const struct squashfs_inode *file);
uint64_t squashfs_file_n_blocks(const struct squashfs_inode *file);

#define SQUASHFS_NO_FRAGMENT UINT32_MAX

/* Where block `index` of the file lies: a data block or a fragment block shared with other files. */
struct squashfs_block {
        uint64_t position;    /* in the image; the key of a cache.  0 with sparse */
        uint32_t stored_size; /* bytes on disk */
        bool compressed;
        bool sparse;          /* all zeros, nothing on disk */
        uint32_t fragment;    /* number of the fragment block, or SQUASHFS_NO_FRAGMENT */
        uint32_t block_bytes; /* decoded size of the whole block; for a fragment block the most it can be */
        uint32_t from, n;     /* the file's part of the decoded block */
};
int squashfs_file_block(struct squashfs_reader *r, struct squashfs_inode *file, uint64_t index,
                        struct squashfs_block *ret, struct err *e);
/* A fragment block as a whole; -ENOENT beyond the last. */
int squashfs_fragment_block(struct squashfs_reader *r, uint32_t fragment, struct squashfs_block *ret,
                            struct err *e);
/* Decodes a block into `out` (room for the image's block size); *ret_size bytes came, at least from + n. */
int squashfs_block_read(struct squashfs_reader *r, const struct squashfs_block *block, void *out,
                        size_t *ret_size, struct err *e);
/* The bytes as they are stored, for copying without decoding: stored_size bytes. */
int squashfs_block_read_stored(struct squashfs_reader *r, const struct squashfs_block *block, void *out,
                               struct err *e);

/* Reads [offset, offset + size) of a file, short at its end; for small files and tools (one block is
 * remembered). */
ssize_t squashfs_file_read(struct squashfs_reader *r, struct squashfs_inode *file, uint64_t offset, void *out,
                           size_t size, struct err *e);

/* Extended attributes: visit gets the full name and the value, until it returns nonzero, which is returned.
 */
typedef int (*squashfs_xattr_visit)(const char *name, const void *value, size_t value_size, void *user);
int squashfs_xattrs_read(struct squashfs_reader *r, const struct squashfs_inode *inode,
                         squashfs_xattr_visit visit, void *user, struct err *e);
/* Whether any inode of the image may have some. */
bool squashfs_reader_has_xattrs(const struct squashfs_reader *r);
