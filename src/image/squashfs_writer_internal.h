/* What the files of the squashfs writer share; for nobody else.
 *
 *   squashfs_writer.c          the calls of squashfs_writer.h, in the order of the format
 *   squashfs_writer_file.c     where the bytes go: a part of a file, through a buffer
 *   squashfs_writer_blocks.c   compressed blocks in order; files with the same blocks are stored once
 *   squashfs_writer_codec.c    the compressor as the block processor's threads see it
 *   squashfs_writer_numbers.c  order of directories, inode numbers
 *   squashfs_writer_tables.c   inodes, directories, ids, extended attributes
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/compressor.h>
#include <sqfs/frag_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>

#include "base/err.h"
#include "image/squashfs_writer.h"

#define NO_XATTRS 0xffffffffu /* index of an inode without extended attributes */

static inline void clean_sqfs(void *object)
{
        sqfs_destroy(*(void **) object);
}
#define _cleanup_sqfs_ __attribute__((cleanup(clean_sqfs)))

/* --- file ---------------------------------------------------------------------------------------------- */

struct image_file; /* is a sqfs_file_t; position 0 is `offset` of fd */

sqfs_file_t *image_file_new(int fd, uint64_t offset);
/* From now on writes succeed without effect: the image is given up. */
void image_file_discard(sqfs_file_t *file);
/* Writes out the buffer and cuts the file behind the image. */
int image_file_finish(sqfs_file_t *file);
/* The negative errno of what went wrong last, 0: nothing (libsquashfs knows only "input/output error"). */
int image_file_code(const sqfs_file_t *file);

/* --- blocks -------------------------------------------------------------------------------------------- */

/* file: borrowed. */
sqfs_block_writer_t *block_list_new(sqfs_file_t *file, bool look_for_same);

/* --- codec --------------------------------------------------------------------------------------------- */

/* What all copies of a writer's compressor share. */
struct codec_state {
        atomic_bool abandoned; /* nobody wants the result any more: do nothing */
        atomic_int error;      /* the first SQFS_ERROR of a compressor */
};

/* Wraps `inner` (owned from now on, also on failure) for libsquashfs's threads, which wait for ever when a
 * block fails: the block is stored as it is and the error kept in `state`.  NULL: no memory. */
sqfs_compressor_t *guarded_codec_new(sqfs_compressor_t *inner, struct codec_state *state);
/* Stores everything as it is. */
sqfs_compressor_t *plain_codec_new(void);

/* --- numbers ------------------------------------------------------------------------------------------- */

/* What the writer knows of an inode; tree_inode.writer points to it. */
struct record {
        sqfs_inode_generic_t *file; /* owned: regular files, filled by the block processor */
        uint64_t reference;         /* of the inode in the inode table, once written */
        uint32_t number;            /* 0: not numbered yet */
        bool written;
};

/* Records live until the writer is freed, whatever becomes of their inodes. */
struct record_pool {
        struct record_slab *last; /* owned */
        size_t n_in_last;
};
struct record *record_new(struct record_pool *pool);
void record_pool_done(struct record_pool *pool);

/* All directories of a tree, every one before those below it. */
struct directory_list {
        struct tree_node **at; /* owned */
        size_t n;
        size_t room;
        uint32_t n_inodes;
        int64_t newest; /* mtime of all inodes */
};
/* Checks what the format cannot hold, gives every inode a record and a number from 1. */
int directory_list_make(struct directory_list *list, struct tree *tree, struct record_pool *pool,
                        struct err *e);
void directory_list_done(struct directory_list *list);

/* --- tables -------------------------------------------------------------------------------------------- */

struct tables {
        sqfs_file_t *file;
        sqfs_compressor_t *for_inodes; /* inodes, directories, fragment and export table */
        sqfs_compressor_t *for_ids;
        sqfs_compressor_t *for_xattrs;
        const struct squashfs_options *options;
        struct tree *tree;
        const struct directory_list *directories;
        sqfs_frag_table_t *fragments;
        sqfs_super_t *super; /* filled */
};
/* All tables in the order that the format asks for. */
int tables_write(struct tables *t, struct err *e);

/* --- errors -------------------------------------------------------------------------------------------- */

/* Turns the result of a libsquashfs call that wrote to `file` into an error. */
int image_error(const sqfs_file_t *file, int sqfs_error, struct err *e);
