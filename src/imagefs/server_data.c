#include "imagefs/server_data.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Decoded blocks kept.  The kernel keeps what it was given, so this only needs to hold what is wanted in
 * parts: fragment blocks of small files, blocks larger than a request, what is read ahead. */
#define DATA_CACHE_BYTES (24U << 20)

/* Files of more than one block that are remembered with their place in the list of blocks. */
#define FILE_SLOTS 256

struct file {
        pthread_mutex_t lock;
        uint64_t reference;           /* UINT64_MAX: empty */
        struct squashfs_inode *inode; /* owned */
};

struct data {
        struct squashfs_cache *blocks;
        uint32_t block_size;
        uint8_t *zeros; /* a block of them, never written: the kernel's zero page behind it */
        struct file files[FILE_SLOTS];
};

int data_new(struct data **ret, const struct squashfs_reader *reader, struct err *e)
{
        struct data *d = calloc(1, sizeof(*d));

        if (!d)
                return err_set(e, -ENOMEM, "no memory for the cache");
        d->block_size = squashfs_reader_super(reader)->block_size;
        d->zeros = calloc(1, d->block_size);
        if (!d->zeros || squashfs_cache_new(&d->blocks, d->block_size, DATA_CACHE_BYTES) < 0)
                return err_set(e, -ENOMEM, "no memory for the cache");
        for (size_t i = 0; i < FILE_SLOTS; i++) {
                pthread_mutex_init(&d->files[i].lock, NULL);
                d->files[i].reference = UINT64_MAX;
        }
        *ret = d;
        return 0;
}

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

static int add_piece(struct data *d, struct squashfs_reader *reader, const struct squashfs_block *block,
                     uint32_t within, uint32_t n, void (*before_long)(void), struct data_pieces *p,
                     struct err *e)
{
        struct load load = { .reader = reader, .block = block };
        const struct squashfs_cached *cached;
        int r;

        if (block->sparse) {
                p->at[p->n++] = (struct iovec){ .iov_base = d->zeros, .iov_len = n };
                return 0;
        }
        cached = squashfs_cache_peek(d->blocks, block->position);
        if (!cached) {
                before_long();
                r = squashfs_cache_get(d->blocks, block->position, load_block, &load, &cached, e);
                if (r < 0)
                        return r;
        }
        p->pins[p->n_pins++] = cached;
        if ((size_t) block->from + within + n > cached->size)
                return err_set(e, -EBADMSG, "squashfs: a file lies outside its block");
        p->at[p->n++] =
                (struct iovec){ .iov_base = (uint8_t *) (uintptr_t) cached->bytes + block->from + within,
                                .iov_len = n };
        return 0;
}

static int add_pieces(struct data *d, struct squashfs_reader *reader, struct squashfs_inode *inode,
                      uint64_t offset, size_t size, void (*before_long)(void), struct data_pieces *p,
                      struct err *e)
{
        uint64_t there = squashfs_file_size(inode);

        if (offset >= there)
                return 0;
        if (size > there - offset)
                size = (size_t) (there - offset);
        while (size) {
                uint32_t within = (uint32_t) (offset % d->block_size), n;
                struct squashfs_block block;
                int r = squashfs_file_block(reader, inode, offset / d->block_size, &block, e);

                if (r < 0)
                        return r;
                n = block.n - within;
                if (n > size)
                        n = (uint32_t) size;
                r = add_piece(d, reader, &block, within, n, before_long, p, e);
                if (r < 0)
                        return r;
                offset += n;
                size -= n;
        }
        return 0;
}

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
        }
        *ret = file;
        return 0;
}

int data_read(struct data *d, struct squashfs_reader *reader, uint64_t reference, uint64_t offset,
              size_t size, void (*before_long)(void), struct data_pieces *ret, struct err *e)
{
        struct file *file;
        int r;

        ret->n = ret->n_pins = 0;
        if (size > DATA_READ_MAX)
                size = DATA_READ_MAX;
        r = file_lock(d, reader, reference, &file, e);
        if (r < 0)
                return r;
        r = add_pieces(d, reader, file->inode, offset, size, before_long, ret, e);
        pthread_mutex_unlock(&file->lock);
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
