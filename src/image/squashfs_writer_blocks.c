/* The block processor hands over finished blocks in order; those of one file come in a row.  After its last
 * block a file is looked up among all earlier ones by a hash over its blocks' sizes and checksums.  When one
 * has the same blocks (compared byte by byte on disk), the new ones are taken back.
 *
 * libsquashfs's own block writer compares with every earlier block, which costs minutes for images of many
 * big files; this one looks into a table. */
#include "image/squashfs_writer_internal.h"

#include <stdlib.h>
#include <string.h>

#include <sqfs/block.h>
#include <sqfs/error.h>

#include "base/text.h"

#define BUCKETS_FIRST 1024
#define COMPARE_SIZE  65536
#define UNCOMPRESSED  (1u << 24) /* in a stored size: the block is as it was */

/* The blocks of one file, all in a row from `offset`. */
struct run {
        uint64_t hash;
        uint64_t offset;
        uint64_t n_bytes;
        size_t first; /* index of its first block in `sizes` */
        size_t n_blocks;
        uint32_t next; /* in the same bucket, as index + 1; 0: none */
};

struct block_list {
        sqfs_block_writer_t base;
        sqfs_file_t *file; /* borrowed */
        bool look_for_same;
        uint32_t *sizes; /* stored sizes of all blocks, owned */
        size_t n_sizes, room_sizes;
        struct run *runs; /* owned */
        size_t n_runs, room_runs;
        uint32_t *buckets; /* owned: index + 1 of a run */
        size_t n_buckets;  /* a power of two */
        struct run current;
        uint64_t n_blocks; /* stored in all */
        uint8_t left[COMPARE_SIZE], right[COMPARE_SIZE];
};

static struct block_list *list_of(const void *object)
{
        return (struct block_list *) (uintptr_t) object;
}

static uint64_t hash_add(uint64_t hash, uint64_t value)
{
        hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
        return hash ^ (hash >> 29);
}

static void list_grow_buckets(struct block_list *l)
{
        free(l->buckets);
        l->n_buckets = l->n_buckets ? l->n_buckets * 2 : BUCKETS_FIRST;
        l->buckets = text_alloc(l->n_buckets * sizeof(uint32_t));
        for (size_t i = 0; i < l->n_runs; i++) {
                uint32_t *bucket = &l->buckets[l->runs[i].hash & (l->n_buckets - 1)];

                l->runs[i].next = *bucket;
                *bucket = (uint32_t) i + 1;
        }
}

static void list_add_run(struct block_list *l)
{
        uint32_t *bucket;

        if (l->n_runs == l->room_runs) {
                l->room_runs = l->room_runs ? l->room_runs * 2 : BUCKETS_FIRST;
                l->runs = text_realloc(l->runs, l->room_runs * sizeof(struct run));
        }
        if (l->n_runs >= l->n_buckets)
                list_grow_buckets(l);
        bucket = &l->buckets[l->current.hash & (l->n_buckets - 1)];
        l->current.next = *bucket;
        l->runs[l->n_runs++] = l->current;
        *bucket = (uint32_t) l->n_runs;
}

static void list_add_size(struct block_list *l, uint32_t size)
{
        if (l->n_sizes == l->room_sizes) {
                l->room_sizes = l->room_sizes ? l->room_sizes * 2 : BUCKETS_FIRST;
                l->sizes = text_realloc(l->sizes, l->room_sizes * sizeof(uint32_t));
        }
        l->sizes[l->n_sizes++] = size;
}

/* 1: the same bytes, 0: not, negative: an SQFS_ERROR. */
static int compare_bytes(struct block_list *l, uint64_t a, uint64_t b, uint64_t n_bytes)
{
        while (n_bytes > 0) {
                size_t n = n_bytes < COMPARE_SIZE ? (size_t) n_bytes : COMPARE_SIZE;
                int r = l->file->read_at(l->file, a, l->left, n);

                if (r == 0)
                        r = l->file->read_at(l->file, b, l->right, n);
                if (r != 0)
                        return r;
                if (memcmp(l->left, l->right, n) != 0)
                        return 0;
                a += n;
                b += n;
                n_bytes -= n;
        }
        return 1;
}

static int same_run(struct block_list *l, const struct run *a, const struct run *b)
{
        if (a->hash != b->hash || a->n_blocks != b->n_blocks || a->n_bytes != b->n_bytes ||
            memcmp(l->sizes + a->first, l->sizes + b->first, a->n_blocks * sizeof(uint32_t)) != 0)
                return 0;
        return compare_bytes(l, a->offset, b->offset, a->n_bytes);
}

/* Ends the current run; *ret_offset: where the file's blocks are. */
static int list_end_run(struct block_list *l, uint64_t *ret_offset)
{
        struct run *current = &l->current;

        *ret_offset = current->n_blocks > 0 ? current->offset : 0;
        if (current->n_blocks == 0 || !l->look_for_same)
                return 0;
        for (uint32_t i = l->n_buckets ? l->buckets[current->hash & (l->n_buckets - 1)] : 0; i > 0;
             i = l->runs[i - 1].next) {
                const struct run *earlier = &l->runs[i - 1];
                int r = same_run(l, earlier, current);

                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                *ret_offset = earlier->offset;
                l->n_sizes = current->first;
                l->n_blocks -= current->n_blocks;
                return l->file->truncate(l->file, current->offset);
        }
        list_add_run(l);
        return 0;
}

static int list_write(sqfs_block_writer_t *base, void *user, sqfs_u32 size, sqfs_u32 checksum, sqfs_u32 flags,
                      const sqfs_u8 *bytes, sqfs_u64 *ret_location)
{
        struct block_list *l = list_of(base);
        int r;

        (void) user;
        *ret_location = l->file->get_size(l->file);
        if (flags & SQFS_BLK_FIRST_BLOCK)
                l->current = (struct run){ .offset = *ret_location, .first = l->n_sizes };
        if (size > 0 && !(flags & SQFS_BLK_IS_SPARSE)) {
                r = l->file->write_at(l->file, *ret_location, bytes, size);
                if (r != 0)
                        return r;
                l->n_blocks++;
                if (!(flags & SQFS_BLK_FRAGMENT_BLOCK)) {
                        uint32_t stored = size | (flags & SQFS_BLK_IS_COMPRESSED ? 0 : UNCOMPRESSED);

                        list_add_size(l, stored);
                        l->current.n_blocks++;
                        l->current.n_bytes += size;
                        l->current.hash = hash_add(l->current.hash, (uint64_t) stored << 32 | checksum);
                }
        }
        if (flags & SQFS_BLK_LAST_BLOCK)
                return list_end_run(l, ret_location);
        return 0;
}

static sqfs_u64 list_count(const sqfs_block_writer_t *base)
{
        return list_of(base)->n_blocks;
}

static void list_destroy(sqfs_object_t *object)
{
        struct block_list *l = list_of(object);

        free(l->sizes);
        free(l->runs);
        free(l->buckets);
        free(l);
}

sqfs_block_writer_t *block_list_new(sqfs_file_t *file, bool look_for_same)
{
        struct block_list *l = text_alloc(sizeof(*l));

        l->base.base.destroy = list_destroy;
        l->base.write_data_block = list_write;
        l->base.get_block_count = list_count;
        l->file = file;
        l->look_for_same = look_for_same;
        return &l->base;
}
