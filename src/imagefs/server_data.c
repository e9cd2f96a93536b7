#include "imagefs/server_data.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "imagefs/server_ahead.h"

/* Decoded blocks kept.  The kernel keeps what it was given, so this only needs to hold what is wanted in
 * parts: fragment blocks of small files, blocks larger than a request, what is read ahead. */
#define DATA_CACHE_BYTES (24U << 20)

/* Files that are remembered with their place in the list of blocks; a power of two. */
#define FILE_SLOTS 256

/* Blocks decoded ahead of a reader in order, who has taken this many blocks in order before.  Bytes count:
 * with blocks of 1 MiB one ahead is enough to keep a processor busy. */
#define AHEAD_AFTER   2
#define AHEAD_BYTES   (512U << 10)
#define AHEAD_THREADS 4

/* A file up to this size is wanted whole once it is asked for a second time: programs and libraries are read
 * by page faults in no order, and each fault would wait for one block. */
#define WHOLE_BYTES (2U << 20)

struct file {
        pthread_mutex_t lock;
        uint64_t reference;           /* UINT64_MAX: empty */
        struct squashfs_inode *inode; /* owned */
        uint64_t next;                /* block behind the last one read */
        uint64_t ahead;               /* block behind the last one wanted ahead */
        unsigned in_order;            /* blocks read in order */
        unsigned n_requests;
};

struct data {
        struct squashfs_cache *blocks;
        struct ahead *ahead;
        uint32_t block_size;
        unsigned n_ahead;           /* blocks */
        uint8_t *zeros;             /* a block of them, never written: the kernel's zero page behind it */
        atomic_uint fragment;       /* read last */
        atomic_uint fragment_ahead; /* wanted last */
        struct file files[FILE_SLOTS];
};

int data_new(struct data **ret, const struct squashfs_reader *reader, unsigned n_processors, struct err *e)
{
        struct data *d = calloc(1, sizeof(*d));
        unsigned n_threads = n_processors < 2               ? 0
                             : n_processors < AHEAD_THREADS ? n_processors
                                                            : AHEAD_THREADS;

        if (!d)
                return err_set(e, -ENOMEM, "no memory for the cache");
        d->block_size = squashfs_reader_super(reader)->block_size;
        d->n_ahead = d->block_size < AHEAD_BYTES ? AHEAD_BYTES / d->block_size : 1;
        if (d->n_ahead > 8)
                d->n_ahead = 8;
        d->fragment = d->fragment_ahead = SQUASHFS_NO_FRAGMENT;
        d->zeros = calloc(1, d->block_size);
        if (!d->zeros || squashfs_cache_new(&d->blocks, d->block_size, DATA_CACHE_BYTES) < 0) {
                free(d->zeros);
                free(d);
                return err_set(e, -ENOMEM, "no memory for the cache");
        }
        for (size_t i = 0; i < FILE_SLOTS; i++) {
                pthread_mutex_init(&d->files[i].lock, NULL);
                d->files[i].reference = UINT64_MAX;
        }
        *ret = d;
        return ahead_new(&d->ahead, d->blocks, reader, n_threads, e);
}

/* --- which blocks ----------------------------------------------------------------------------------- */

/* The remembered file, locked. */
static int file_lock(struct data *d, struct squashfs_reader *reader, uint64_t reference, struct file **ret,
                     struct err *e)
{
        struct file *file = &d->files[(reference * 0x9e3779b97f4a7c15U) >> 56];
        struct squashfs_inode *inode;
        int r;

        pthread_mutex_lock(&file->lock);
        if (file->reference != reference) {
                r = squashfs_inode_read(reader, reference, &inode, e);
                if (r < 0) {
                        pthread_mutex_unlock(&file->lock);
                        return r;
                }
                squashfs_inode_free(file->inode);
                file->inode = inode;
                file->reference = reference;
                file->next = file->ahead = 0;
                file->in_order = 0;
                file->n_requests = 0;
        }
        *ret = file;
        return 0;
}

static void want_blocks(struct data *d, struct squashfs_reader *reader, struct file *file, uint64_t from,
                        uint64_t until)
{
        struct squashfs_block block;

        for (; from < until; from++) {
                if (squashfs_file_block(reader, file->inode, from, &block, NULL) < 0)
                        return;
                ahead_want(d->ahead, &block);
        }
}

/* Has the blocks decoded that the reader of first .. last is going to want: those behind, if he reads in
 * order; all, of a file that is not large. */
static void want_next_blocks(struct data *d, struct squashfs_reader *reader, struct file *file,
                             uint64_t first, uint64_t last)
{
        uint64_t n = squashfs_file_n_blocks(file->inode), until;

        if (n * d->block_size <= WHOLE_BYTES) {
                if (++file->n_requests == 2) {
                        want_blocks(d, reader, file, last + 1, n);
                        want_blocks(d, reader, file, 0, first);
                }
                return;
        }
        /* Again in the block of the last time is in order too: requests may be smaller than blocks. */
        if (first == file->next || first + 1 == file->next)
                file->in_order += last + 1 > file->next;
        else
                file->in_order = 0;
        file->next = last + 1;
        if (file->in_order < AHEAD_AFTER)
                return;
        until = last + 1 + d->n_ahead < n ? last + 1 + d->n_ahead : n;
        if (file->ahead < last + 1 || file->ahead > until)
                file->ahead = last + 1;
        want_blocks(d, reader, file, file->ahead, until);
        file->ahead = until;
}

/* Small files lie in fragment blocks in the order of the tree; who walks the tree takes one after the other.
 */
static void want_next_fragment(struct data *d, struct squashfs_reader *reader, uint32_t fragment)
{
        uint32_t last = atomic_exchange_explicit(&d->fragment, fragment, memory_order_relaxed);
        struct squashfs_block block;

        if (fragment == last || fragment != last + 1)
                return;
        if (atomic_exchange_explicit(&d->fragment_ahead, fragment + 1, memory_order_relaxed) == fragment + 1)
                return;
        if (squashfs_fragment_block(reader, fragment + 1, &block, NULL) == 0)
                ahead_want(d->ahead, &block);
}

/* Finds the file's parts of [offset, offset + size); with each block where its part begins and how long it is
 * (from, n). */
static int find_blocks(struct data *d, struct squashfs_reader *reader, uint64_t reference, uint64_t offset,
                       size_t size, struct data_pieces *p, size_t *ret_n, struct err *e)
{
        struct file *file;
        uint64_t there;
        size_t n = 0;
        int r = file_lock(d, reader, reference, &file, e);

        if (r < 0)
                return r;
        there = squashfs_file_size(file->inode);
        if (offset >= there)
                size = 0;
        else if (size > there - offset)
                size = (size_t) (there - offset);
        while (size && r == 0) {
                uint32_t within = (uint32_t) (offset % d->block_size);
                struct squashfs_block *block = &p->blocks[n];

                r = squashfs_file_block(reader, file->inode, offset / d->block_size, block, e);
                if (r < 0)
                        break;
                block->from += within;
                block->n -= within;
                if (block->n > size)
                        block->n = (uint32_t) size;
                offset += block->n;
                size -= block->n;
                n++;
        }
        if (r == 0 && n && squashfs_file_n_blocks(file->inode) > 1)
                want_next_blocks(d, reader, file, (offset - 1) / d->block_size - (n - 1),
                                 (offset - 1) / d->block_size);
        pthread_mutex_unlock(&file->lock);
        *ret_n = n;
        return r;
}

/* --- their content ---------------------------------------------------------------------------------- */

struct load {
        struct squashfs_reader *reader;
        const struct squashfs_block *block;
};

static int load_block(void *user, uint8_t *room, size_t *ret_size, uint64_t *ret_note, struct err *e)
{
        struct load *load = user;

        *ret_note = 0;
        return squashfs_block_read(load->reader, load->block, room, ret_size, e);
}

int data_block_get(struct squashfs_cache *blocks, struct squashfs_reader *reader,
                   const struct squashfs_block *block, const struct squashfs_cached **ret, struct err *e)
{
        struct load load = { .reader = reader, .block = block };

        return squashfs_cache_get(blocks, block->position, load_block, &load, ret, e);
}

void data_load(struct data *d, struct squashfs_reader *reader, uint64_t reference)
{
        struct squashfs_inode *inode;
        uint64_t n;

        if (squashfs_inode_read(reader, reference, &inode, NULL) < 0)
                return;
        n = squashfs_file_n_blocks(inode);
        if (n > WHOLE_BYTES / d->block_size)
                n = 0;
        for (uint64_t i = 0; i < n; i++) {
                const struct squashfs_cached *cached;
                struct squashfs_block block;

                if (squashfs_file_block(reader, inode, i, &block, NULL) < 0)
                        break;
                if (!block.sparse && data_block_get(d->blocks, reader, &block, &cached, NULL) == 0)
                        squashfs_cache_put(d->blocks, cached);
        }
        squashfs_inode_free(inode);
}

static int add_piece(struct data *d, struct squashfs_reader *reader, const struct squashfs_block *block,
                     void (*before_long)(void), struct data_pieces *p, struct err *e)
{
        const struct squashfs_cached *cached;
        int r;

        if (block->sparse) {
                p->at[p->n++] = (struct iovec){ .iov_base = d->zeros, .iov_len = block->n };
                return 0;
        }
        cached = squashfs_cache_peek(d->blocks, block->position);
        if (!cached) {
                before_long();
                r = data_block_get(d->blocks, reader, block, &cached, e);
                if (r < 0)
                        return r;
        }
        p->pins[p->n_pins++] = cached;
        if ((size_t) block->from + block->n > cached->size)
                return err_set(e, -EBADMSG, "squashfs: a file lies outside its block");
        p->at[p->n++] = (struct iovec){ .iov_base = (uint8_t *) (uintptr_t) cached->bytes + block->from,
                                        .iov_len = block->n };
        return 0;
}

/* Has all but the first block of a request decoded by others, while this thread decodes the first. */
static void want_others(struct data *d, const struct squashfs_block *blocks, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                const struct squashfs_cached *cached = NULL;

                if (!blocks[i].sparse)
                        cached = squashfs_cache_peek(d->blocks, blocks[i].position);
                if (cached)
                        squashfs_cache_put(d->blocks, cached);
                else
                        ahead_want(d->ahead, &blocks[i]);
        }
}

int data_read(struct data *d, struct squashfs_reader *reader, uint64_t reference, uint64_t offset,
              size_t size, void (*before_long)(void), struct data_pieces *ret, struct err *e)
{
        size_t n = 0;
        int r;

        ret->n = ret->n_pins = 0;
        if (size > DATA_READ_MAX)
                size = DATA_READ_MAX;
        r = find_blocks(d, reader, reference, offset, size, ret, &n, e);
        want_others(d, ret->blocks, r == 0 ? n : 0);
        for (size_t i = 0; i < n && r == 0; i++)
                r = add_piece(d, reader, &ret->blocks[i], before_long, ret, e);
        if (r == 0 && n && ret->blocks[n - 1].fragment != SQUASHFS_NO_FRAGMENT)
                want_next_fragment(d, reader, ret->blocks[n - 1].fragment);
        if (r < 0)
                data_release(d, ret);
        return r;
}

void data_release(struct data *d, struct data_pieces *pieces)
{
        for (size_t i = 0; i < pieces->n_pins; i++)
                squashfs_cache_put(d->blocks, pieces->pins[i]);
        pieces->n = pieces->n_pins = 0;
}
