#include "image/squashfs_writer.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqfs/block.h>
#include <sqfs/error.h>

#include "base/clean.h"
#include "base/text.h"
#include "image/squashfs_compressor.h"
#include "image/squashfs_writer_internal.h"

#define ALIGNMENT          4096u /* of the image's size: loop devices have blocks */
#define MIB                ((uint64_t) 1 << 20)
#define MEMORY_BYTES       (512 * MIB)
#define QUEUE_BYTES        (48 * MIB)
#define ZSTD_STRONG        13 /* from this level on zstd searches by trees, in libzstd 1.5 */
#define BLOCKS_PER_THREAD  8u /* queued; more only cost memory */
#define SUPER_FLAG_REMOVED SQFS_FLAG_NO_DUPLICATES /* the bit says that duplicates were removed */

struct squashfs_writer {
        struct squashfs_options options;
        sqfs_file_t *file; /* owned, as all of these */
        sqfs_compressor_t *compressor;
        sqfs_compressor_t *uncompressor; /* reads fragments back, to compare */
        sqfs_compressor_t *plain;
        sqfs_block_writer_t *blocks;
        sqfs_frag_table_t *fragments;
        sqfs_block_processor_t *processor;
        struct codec_state codec;
        struct record_pool records;
        sqfs_super_t super;
        struct tree_inode *open; /* whose content comes now, borrowed */
        uint64_t n_open_bytes;
        uint32_t n_queued; /* blocks that can be under way at once */
        bool finished;
};

/* --- new and free --------------------------------------------------------------------------------------- */

static unsigned count_processors(void)
{
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 1)
                return 1;
        return (unsigned) CPU_COUNT(&set);
}

/* What one thread's compressor takes, by measurement: the search structures of the strong ones are many times
 * as large as a block. */
static uint64_t thread_bytes(const struct squashfs_options *o)
{
        unsigned kind = o->compressor;

        if (kind == SQUASHFS_XZ || kind == SQUASHFS_LZMA ||
            (kind == SQUASHFS_ZSTD && o->level >= ZSTD_STRONG))
                return (uint64_t) 22 * o->block_size + MIB;
        return (uint64_t) 3 * o->block_size + MIB;
}

static uint64_t memory_bytes(const struct squashfs_options *o)
{
        return o->memory_bytes > 0 ? o->memory_bytes : MEMORY_BYTES;
}

static unsigned count_threads(const struct squashfs_options *o)
{
        unsigned n = o->n_threads > 0 ? o->n_threads : count_processors();
        uint64_t most = memory_bytes(o) / (thread_bytes(o) + 2 * o->block_size);

        return n <= most ? n : most > 0 ? (unsigned) most : 1;
}

/* Blocks that may be under way at once: enough to keep the threads busy, no more than the memory allows, no
 * fewer than one for each thread and three that the processor holds itself. */
static uint32_t count_queued(const struct squashfs_options *o, unsigned n_threads)
{
        uint64_t least = n_threads + 3, most = (uint64_t) n_threads * BLOCKS_PER_THREAD;
        uint64_t threads = n_threads * thread_bytes(o), memory = memory_bytes(o);
        uint64_t queue = memory > threads ? memory - threads : 0, n;

        n = (queue < QUEUE_BYTES ? queue : QUEUE_BYTES) / o->block_size;
        n = n > most ? most : n;
        return (uint32_t) (n < least ? least : n);
}

static int make_processor(struct squashfs_writer *w, struct err *e)
{
        sqfs_block_processor_desc_t description = {
                .size = sizeof(description),
                .max_block_size = w->options.block_size,
                .cmp = w->compressor,
                .wr = w->blocks,
                .tbl = w->fragments,
                .file = w->file,
                .uncmp = w->uncompressor,
        };
        unsigned n_threads = count_threads(&w->options);
        int r;

        /* A limit on processes (RLIMIT_NPROC, pids cgroup) may leave room for some threads only. */
        do {
                description.num_workers = n_threads;
                description.max_backlog = w->n_queued = count_queued(&w->options, n_threads);
                r = sqfs_block_processor_create_ex(&description, &w->processor);
                n_threads /= 2;
        } while (r != 0 && n_threads > 0);
        if (r == SQFS_ERROR_INTERNAL)
                return err_hint(e, err_set(e, -EAGAIN, "cannot start a thread for compression"),
                                "see the limits on processes (ulimit -u, pids cgroup)");
        return r != 0 ? image_error(w->file, r, e) : 0;
}

static int make_compressors(struct squashfs_writer *w, struct err *e)
{
        const struct squashfs_options *o = &w->options;
        sqfs_compressor_t *inner = NULL;
        int r;

        r = squashfs_compressor_new(&inner, o->compressor, o->level, o->block_size, false, e);
        if (r == 0)
                r = squashfs_compressor_new(&w->uncompressor, o->compressor, 0, o->block_size, true, e);
        if (r < 0) {
                sqfs_destroy(inner);
                return r;
        }
        w->compressor = guarded_codec_new(inner, &w->codec);
        w->plain = plain_codec_new();
        if (!w->compressor || !w->plain)
                return err_errno(e, -ENOMEM, "squashfs writer");
        return 0;
}

/* The superblock's place and the compressor's options; data begins behind them. */
static int write_head(struct squashfs_writer *w, struct err *e)
{
        int r;

        r = sqfs_super_init(&w->super, w->options.block_size, 0, (SQFS_COMPRESSOR) w->options.compressor);
        if (r == 0)
                r = sqfs_super_write(&w->super, w->file);
        if (r == 0)
                r = w->compressor->write_options(w->compressor, w->file);
        if (r > 0)
                w->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
        return r < 0 ? image_error(w->file, r, e) : 0;
}

int squashfs_writer_new(struct squashfs_writer **ret, int fd, uint64_t offset,
                        const struct squashfs_options *options, struct err *e)
{
        struct squashfs_writer *w = text_alloc(sizeof(*w));
        int r;

        w->options = *options;
        w->file = image_file_new(fd, offset);
        w->blocks = block_list_new(w->file, !options->no_duplicates);
        w->fragments = sqfs_frag_table_create(0);
        r = w->fragments ? make_compressors(w, e) : err_errno(e, -ENOMEM, "squashfs writer");
        if (r == 0)
                r = write_head(w, e);
        if (r == 0)
                r = make_processor(w, e);
        if (r < 0) {
                squashfs_writer_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

/* Blocks that are still in the threads' hands belong to nobody else: they must come back. */
static void abandon(struct squashfs_writer *w)
{
        atomic_store(&w->codec.abandoned, true);
        image_file_discard(w->file);
        for (uint32_t i = 0; i < w->n_queued && sqfs_block_processor_sync(w->processor) != 0; i++)
                continue; /* one of them failed, perhaps of what made us give up */
}

void squashfs_writer_free(struct squashfs_writer *w)
{
        if (!w)
                return;
        if (w->processor && !w->finished)
                abandon(w);
        sqfs_destroy(w->processor);
        sqfs_destroy(w->fragments);
        sqfs_destroy(w->blocks);
        sqfs_destroy(w->compressor);
        sqfs_destroy(w->uncompressor);
        sqfs_destroy(w->plain);
        sqfs_destroy(w->file);
        record_pool_done(&w->records);
        free(w);
}

/* --- content -------------------------------------------------------------------------------------------- */

/* Small files share fragment blocks.  The end of a larger one stays a block of its own, as mksquashfs does by
 * default: reading it then needs nothing but the file. */
static uint32_t block_flags(const struct squashfs_options *o, uint64_t expected_bytes)
{
        bool fragment = !o->no_fragments && expected_bytes < o->block_size;
        uint32_t flags = fragment ? 0 : SQFS_BLK_DONT_FRAGMENT;

        if (fragment ? o->no_compress_fragments : o->no_compress_data)
                flags |= SQFS_BLK_DONT_COMPRESS;
        return flags;
}

static int content_error(struct squashfs_writer *w, int sqfs_error, struct err *e)
{
        int failed = atomic_load(&w->codec.error);

        if (sqfs_error == 0)
                sqfs_error = failed;
        return sqfs_error != 0 ? image_error(w->file, sqfs_error, e) : 0;
}

static int begin(struct squashfs_writer *w, struct tree_inode *inode, struct record *record, struct err *e)
{
        assert(!w->open && S_ISREG(inode->mode));
        w->open = inode;
        w->n_open_bytes = 0;
        return content_error(w,
                             sqfs_block_processor_begin_file(w->processor, &record->file, NULL,
                                                             block_flags(&w->options, inode->size_bytes)),
                             e);
}

int squashfs_writer_file_begin(struct squashfs_writer *w, struct tree_inode *inode, struct err *e)
{
        struct record *record = record_new(&w->records);

        inode->writer = record;
        return begin(w, inode, record, e);
}

int squashfs_writer_file_data(struct squashfs_writer *w, const void *bytes, size_t size, struct err *e)
{
        assert(w->open);
        if (size == 0)
                return 0; /* libsquashfs 1.2 takes it badly */
        w->n_open_bytes += size;
        return content_error(w, sqfs_block_processor_append(w->processor, bytes, size), e);
}

int squashfs_writer_file_end(struct squashfs_writer *w, struct err *e)
{
        assert(w->open);
        w->open->size_bytes = w->n_open_bytes;
        w->open = NULL;
        return content_error(w, sqfs_block_processor_end_file(w->processor), e);
}

/* --- finish --------------------------------------------------------------------------------------------- */

struct pending {
        struct squashfs_writer *w;
        struct err *e;
};

static int write_bytes(struct squashfs_writer *w, struct tree_inode *inode, struct err *e)
{
        int r = begin(w, inode, inode->writer, e);

        if (r == 0)
                r = squashfs_writer_file_data(w, inode->bytes, inode->size_bytes, e);
        if (r == 0)
                r = squashfs_writer_file_end(w, e);
        return r;
}

/* Content in memory that was not written before; content that should have come and did not. */
static int visit_pending(struct tree_node *child, void *user)
{
        struct pending *p = user;
        struct tree_inode *inode = child->inode;
        const struct record *record = inode->writer;

        if (!S_ISREG(inode->mode) || record->file || inode->size_bytes == 0)
                return 0;
        if (!inode->bytes) {
                _cleanup_free_ char *path = tree_path(child), *printable = text_printable(path);

                return err_set(p->e, -EINVAL, "/%s: the content of this file is missing", printable);
        }
        return write_bytes(p->w, inode, p->e);
}

static int forget_record(struct tree_node *child, void *user)
{
        (void) user;
        child->inode->writer = NULL;
        return 0;
}

static int for_all_directories(const struct directory_list *list, struct tree *tree,
                               int (*visit)(struct tree_node *child, void *user), void *user)
{
        int r = 0;

        for (size_t i = 0; i < list->n && r == 0; i++)
                r = tree_each(tree, list->at[i], visit, user);
        return r;
}

static void set_super(struct squashfs_writer *w, const struct directory_list *list)
{
        const struct squashfs_options *o = &w->options;
        int64_t time = o->has_mtime ? o->mtime : list->newest;
        sqfs_u16 flags = w->super.flags;

        w->super.modification_time = time < 0 ? 0 : time > UINT32_MAX ? UINT32_MAX : (sqfs_u32) time;
        /* What libsquashfs sets without knowing: the ends of large files are blocks of their own. */
        flags &= (sqfs_u16) ~(SQFS_FLAG_ALWAYS_FRAGMENTS | SUPER_FLAG_REMOVED);
        flags |= o->no_duplicates ? 0 : SUPER_FLAG_REMOVED;
        flags |= o->no_compress_inodes ? SQFS_FLAG_UNCOMPRESSED_INODES : 0;
        flags |= o->no_compress_data ? SQFS_FLAG_UNCOMPRESSED_DATA : 0;
        flags |= o->no_compress_xattrs ? SQFS_FLAG_UNCOMPRESSED_XATTRS : 0;
        flags |= o->no_compress_ids ? SQFS_FLAG_UNCOMPRESSED_IDS : 0;
        w->super.flags = flags;
}

/* Zeros up to the alignment, then the superblock, which makes it a squashfs. */
static int write_end(struct squashfs_writer *w, uint64_t *ret_size, struct err *e)
{
        static const uint8_t zeros[ALIGNMENT];
        uint64_t size = w->file->get_size(w->file), rest = size % ALIGNMENT;
        int r = 0;

        w->super.bytes_used = size;
        if (rest > 0)
                r = w->file->write_at(w->file, size, zeros, ALIGNMENT - rest);
        if (r == 0)
                r = sqfs_super_write(&w->super, w->file);
        if (r == 0)
                r = image_file_finish(w->file);
        if (r != 0)
                return image_error(w->file, r, e);
        *ret_size = w->file->get_size(w->file);
        return 0;
}

static int write_tables(struct squashfs_writer *w, struct tree *tree, const struct directory_list *list,
                        struct err *e)
{
        struct tables t = {
                .file = w->file,
                .for_inodes = w->options.no_compress_inodes ? w->plain : w->compressor,
                .for_ids = w->options.no_compress_ids ? w->plain : w->compressor,
                .for_xattrs = w->options.no_compress_xattrs ? w->plain : w->compressor,
                .options = &w->options,
                .tree = tree,
                .directories = list,
                .fragments = w->fragments,
                .super = &w->super,
        };
        int r = tables_write(&t, e);

        return r < 0 ? r : content_error(w, 0, e);
}

static int finish(struct squashfs_writer *w, struct tree *tree, const struct directory_list *list,
                  uint64_t *ret_size_bytes, struct err *e)
{
        struct pending pending = { .w = w, .e = e };
        int r;

        r = for_all_directories(list, tree, visit_pending, &pending);
        if (r < 0)
                return r;
        r = content_error(w, sqfs_block_processor_finish(w->processor), e);
        if (r < 0)
                return r;
        w->finished = true;
        r = write_tables(w, tree, list, e);
        if (r < 0)
                return r;
        set_super(w, list);
        return write_end(w, ret_size_bytes, e);
}

int squashfs_writer_finish(struct squashfs_writer *w, struct tree *tree, uint64_t *ret_size_bytes,
                           struct err *e)
{
        struct directory_list list = { 0 };
        int r;

        assert(!w->open && !w->finished);
        r = directory_list_make(&list, tree, &w->records, e);
        if (r == 0)
                r = finish(w, tree, &list, ret_size_bytes, e);
        for_all_directories(&list, tree, forget_record, NULL);
        tree_root(tree)->inode->writer = NULL;
        directory_list_done(&list);
        return r;
}
