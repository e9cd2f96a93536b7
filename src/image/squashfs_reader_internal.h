/* What the files squashfs_reader*.c share; nobody else includes it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/span.h"
#include "image/squashfs_cache.h"
#include "image/squashfs_reader.h"
#include <sqfs/compressor.h>

#define METADATA_BYTES      8192U      /* decoded size of a metadata block */
#define METADATA_STORED     0x8000U    /* in its two-byte head: not compressed */
#define METADATA_CACHE      (6U << 20) /* bytes of decoded metadata kept: about 60,000 inodes and names */
#define BLOCK_UNCOMPRESSED  (1U << 24) /* in the size word of a data block */
#define BLOCK_SIZE_MASK     (BLOCK_UNCOMPRESSED - 1)
#define REFERENCE_BLOCK(r)  ((r) >> 16)
#define REFERENCE_OFFSET(r) ((uint32_t) ((r) &0xffff))
#define NO_TABLE            UINT64_MAX
#define NO_XATTR            UINT32_MAX

/* A place in a table of metadata: a block's position in the image and an offset in its decoded bytes. */
struct metadata_place {
        uint64_t block;
        uint32_t offset;
};

/* Reads decoded metadata across blocks, between `start` and `limit` only. */
struct metadata_cursor {
        struct squashfs_reader *reader;
        uint64_t start, limit; /* positions in the image: blocks begin in [start, limit) */
        struct metadata_place at;
        const struct squashfs_cached *held; /* block at at.block, pinned; NULL before the first */
        uint64_t held_block;
};

/* What all clones share, never changed after opening but for the cache. */
struct squashfs_shared {
        atomic_uint users;
        int fd;
        uint64_t offset; /* of the image in the file */
        struct squashfs_super super;
        uint64_t inode_limit, directory_limit; /* where these tables end at the latest */
        struct squashfs_cache *metadata;
        uint32_t *ids;
        uint64_t *fragment_index; /* positions of the fragment table's blocks; NULL: too many to keep */
        /* Extended attributes: where keys and values start, the table of their ids. */
        uint64_t xattr_start;
        uint32_t n_xattrs;
};

struct squashfs_reader {
        struct squashfs_shared *shared;
        sqfs_compressor_t *compressor;
        struct metadata_cursor inodes; /* kept, since neighbours follow */
        uint8_t *stored; /* as a block lies on disk: the image's block size, made on first use */
        uint8_t *last;   /* squashfs_file_read: the block decoded last */
        uint64_t last_position;
        size_t last_size;
};

struct squashfs_inode {
        uint64_t reference;
        struct stat status;
        uint32_t xattr; /* index, or NO_XATTR */
        union {
                struct {
                        struct metadata_place listing;
                        uint32_t listing_bytes;
                        uint32_t parent;
                        struct metadata_place index; /* entries of the index, in the inode table */
                        uint16_t n_index;
                } dir;
                struct {
                        uint64_t size, start;
                        uint32_t fragment, fragment_offset;
                        uint64_t n_listed;       /* blocks of its own */
                        struct file_mark *marks; /* one per FILE_MARK_BLOCKS blocks, made as needed */
                        size_t n_marks;
                        struct metadata_place listing; /* of the block sizes, in the inode table */
                } file;
                struct {
                        char *target; /* squashfs_inode_read only */
                        struct metadata_place at;
                        uint32_t size;
                } link;
        };
};

/* Reads `size` bytes at `position` of the image; -EBADMSG beyond bytes_used. */
int reader_pread(const struct squashfs_shared *s, void *out, size_t size, uint64_t position, struct err *e);
/* Decodes `size` stored bytes; -EBADMSG unless 1 to `room` bytes come. */
int reader_decode(struct squashfs_reader *r, const void *stored, uint32_t size, void *out, uint32_t room,
                  size_t *ret_size, struct err *e);

void metadata_init(struct metadata_cursor *c, struct squashfs_reader *r, uint64_t start, uint64_t limit);
void metadata_done(struct metadata_cursor *c);
/* block: position in the image.  -EBADMSG outside the table. */
int metadata_seek(struct metadata_cursor *c, struct metadata_place place, struct err *e);
int metadata_read(struct metadata_cursor *c, void *out, size_t size, struct err *e);
int metadata_skip(struct metadata_cursor *c, uint64_t size, struct err *e);

/* Decodes the inode into caller's storage without the target of a link; nothing needs to be freed but a
 * file's marks, which are empty. */
int inode_decode(struct squashfs_reader *r, uint64_t reference, struct squashfs_inode *ret, struct err *e);

/* Reads the positions of a table's metadata blocks, as they are listed at `position`. */
int table_index_read(const struct squashfs_shared *s, uint64_t position, size_t n, uint64_t *ret,
                     struct err *e);
/* Keeps the index of the fragment table. */
int fragment_index_read(struct squashfs_shared *s, struct err *e);
int xattr_table_read(struct squashfs_shared *s, struct err *e);
