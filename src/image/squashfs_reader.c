#include "image/squashfs_reader_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"
#include "image/squashfs_compressor.h"
#include <sqfs/error.h>
#include <sqfs/predef.h>

#define IDS_IN_BLOCK (METADATA_BYTES / 4)

int reader_pread(const struct squashfs_shared *s, void *out, size_t size, uint64_t position, struct err *e)
{
        int r;

        if (position > s->super.bytes_used || size > s->super.bytes_used - position)
                return err_set(e, -EBADMSG, "squashfs: %zu bytes at %llu lie outside the image", size,
                               (unsigned long long) position);
        r = fd_pread_all(s->fd, out, size, s->offset + position);
        if (r == -EBADMSG)
                return err_set(e, r, "squashfs: the file ends before byte %" PRIu64 " of the image",
                               position + size);
        return r < 0 ? err_errno(e, r, "squashfs: reading %zu bytes at %llu", size,
                                 (unsigned long long) position)
                     : 0;
}

int reader_decode(struct squashfs_reader *r, const void *stored, uint32_t size, void *out, uint32_t room,
                  size_t *ret_size, struct err *e)
{
        sqfs_s32 n = r->compressor->do_block(r->compressor, stored, size, out, room);

        if (n <= 0 || (uint32_t) n > room)
                return err_set(e, n == SQFS_ERROR_ALLOC ? -ENOMEM : -EBADMSG,
                               "squashfs: a compressed block is damaged");
        *ret_size = (size_t) n;
        return 0;
}

/* --- metadata ----------------------------------------------------------------------------------- */

struct metadata_load {
        struct squashfs_reader *reader;
        uint64_t position, limit;
        struct err *e;
};

/* Reads the block at `position`; the note is the position behind it. */
static int load_metadata(void *user, uint8_t *room, size_t *ret_size, uint64_t *ret_note, struct err *e)
{
        struct metadata_load *load = user;
        const struct squashfs_shared *s = load->reader->shared;
        uint8_t stored[2 + METADATA_BYTES];
        uint64_t there = s->super.bytes_used - load->position;
        size_t want = there < sizeof(stored) ? (size_t) there : sizeof(stored);
        struct span bytes;
        const uint8_t *content;
        uint16_t head;
        uint32_t size;
        int r = reader_pread(s, stored, want, load->position, e);

        if (r < 0)
                return r;
        bytes = span_of(stored, want);
        if (span_u16(&bytes, &head) < 0)
                return err_set(e, -EBADMSG, "squashfs: the image ends in a metadata block");
        size = head & ~METADATA_STORED & 0xffff;
        if (size == 0 || size > METADATA_BYTES || span_take(&bytes, size, &content) < 0)
                return err_set(e, -EBADMSG, "squashfs: metadata block at %llu has an impossible size",
                               (unsigned long long) load->position);
        *ret_note = load->position + 2 + size;
        if (head & METADATA_STORED) {
                memcpy(room, content, size);
                *ret_size = size;
                return 0;
        }
        return reader_decode(load->reader, content, size, room, METADATA_BYTES, ret_size, e);
}

void metadata_init(struct metadata_cursor *c, struct squashfs_reader *r, uint64_t start, uint64_t limit)
{
        *c = (struct metadata_cursor){ .reader = r, .start = start, .limit = limit };
}

void metadata_done(struct metadata_cursor *c)
{
        squashfs_cache_put(c->reader->shared->metadata, c->held);
        c->held = NULL;
}

static int hold(struct metadata_cursor *c, uint64_t block, struct err *e)
{
        struct metadata_load load = { .reader = c->reader, .position = block };
        const struct squashfs_cached *got;
        int r;

        if (c->held && c->held_block == block)
                return 0;
        if (block < c->start || block >= c->limit)
                return err_set(e, -EBADMSG, "squashfs: a metadata position lies outside its table");
        r = squashfs_cache_get(c->reader->shared->metadata, block, load_metadata, &load, &got, e);
        if (r < 0)
                return r;
        metadata_done(c);
        c->held = got;
        c->held_block = block;
        return 0;
}

int metadata_seek(struct metadata_cursor *c, struct metadata_place place, struct err *e)
{
        int r = hold(c, place.block, e);

        if (r < 0)
                return r;
        if (place.offset > c->held->size) /* at its very end: the next block goes on */
                return err_set(e, -EBADMSG, "squashfs: a metadata offset lies outside its block");
        c->at = place;
        return 0;
}

/* Makes `held` the block that the next byte is in; returns how many bytes it has from there. */
static int ensure(struct metadata_cursor *c, size_t *ret, struct err *e)
{
        int r;

        while (c->at.offset == c->held->size) {
                struct metadata_place next = { .block = c->held->note };

                r = hold(c, next.block, e);
                if (r < 0)
                        return r;
                c->at = next;
        }
        *ret = c->held->size - c->at.offset;
        return 0;
}

int metadata_read(struct metadata_cursor *c, void *out, size_t size, struct err *e)
{
        uint8_t *to = out;

        while (size) {
                size_t there;
                int r = ensure(c, &there, e);

                if (r < 0)
                        return r;
                if (there > size)
                        there = size;
                memcpy(to, c->held->bytes + c->at.offset, there);
                c->at.offset += (uint32_t) there;
                to += there;
                size -= there;
        }
        return 0;
}

int metadata_skip(struct metadata_cursor *c, uint64_t size, struct err *e)
{
        while (size) {
                size_t there;
                int r = ensure(c, &there, e);

                if (r < 0)
                        return r;
                if (there > size)
                        there = (size_t) size;
                c->at.offset += (uint32_t) there;
                size -= there;
        }
        return 0;
}

/* --- opening ------------------------------------------------------------------------------------ */

/* Where a table that starts at `start` ends at the latest: at the next one, or with the image. */
static uint64_t table_limit(const struct squashfs_super *super, uint64_t start)
{
        uint64_t others[] = { super->id_table,        super->xattr_table,    super->inode_table,
                              super->directory_table, super->fragment_table, super->export_table };
        uint64_t limit = super->bytes_used;

        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                if (others[i] > start && others[i] < limit)
                        limit = others[i];
        }
        return limit;
}

int table_index_read(const struct squashfs_shared *s, uint64_t position, size_t n, uint64_t *ret,
                     struct err *e)
{
        while (n) {
                size_t part = n < 512 ? n : 512;
                uint8_t room[512 * 8];
                struct span span = span_of(room, part * 8);
                int r = reader_pread(s, room, part * 8, position, e);

                if (r < 0)
                        return r;
                for (size_t i = 0; i < part; i++)
                        span_u64(&span, ret++);
                position += part * 8;
                n -= part;
        }
        return 0;
}

/* The ids of owners: a list of positions of metadata blocks, 2048 ids in each. */
static int read_ids(struct squashfs_reader *r, struct err *e)
{
        struct squashfs_shared *s = r->shared;
        size_t n = s->super.n_ids, n_blocks = (n + IDS_IN_BLOCK - 1) / IDS_IN_BLOCK;
        uint64_t positions[UINT16_MAX / IDS_IN_BLOCK + 1];
        struct metadata_cursor c;
        int result;

        s->ids = calloc(n ? n : 1, sizeof(*s->ids));
        if (!s->ids)
                return err_set(e, -ENOMEM, "no memory for a table of ids");
        metadata_init(&c, r, 0, s->super.bytes_used);
        result = table_index_read(s, s->super.id_table, n_blocks, positions, e);
        for (size_t block = 0; block < n_blocks && result == 0; block++) {
                size_t at = block * IDS_IN_BLOCK, part = n - at < IDS_IN_BLOCK ? n - at : IDS_IN_BLOCK;
                uint8_t bytes[METADATA_BYTES];
                struct span span = span_of(bytes, part * 4);

                result = metadata_seek(&c, (struct metadata_place){ .block = positions[block] }, e);
                if (result == 0)
                        result = metadata_read(&c, bytes, part * 4, e);
                for (size_t i = 0; result == 0 && i < part; i++)
                        span_u32(&span, &s->ids[at + i]);
        }
        metadata_done(&c);
        return result < 0 ? err_ctx(e, result, "table of owners") : 0;
}

/* A reader over `shared`, which it takes a share of. */
static int reader_over(struct squashfs_shared *shared, struct squashfs_reader **ret, struct err *e)
{
        struct squashfs_reader *r = calloc(1, sizeof(*r));
        int result;

        if (!r)
                return err_set(e, -ENOMEM, "no memory for a squashfs reader");
        result = squashfs_compressor_new(&r->compressor, shared->super.compressor, 0,
                                         shared->super.block_size, true, e);
        if (result < 0) {
                free(r);
                return err_ctx(e, result, "squashfs");
        }
        r->shared = shared;
        atomic_fetch_add(&shared->users, 1);
        metadata_init(&r->inodes, r, shared->super.inode_table, shared->inode_limit);
        r->last_position = UINT64_MAX;
        *ret = r;
        return 0;
}

static void shared_free(struct squashfs_shared *s)
{
        squashfs_cache_free(s->metadata);
        free(s->ids);
        free(s->fragment_index);
        free(s);
}

int squashfs_reader_new(struct squashfs_reader **ret, int fd, uint64_t offset, uint64_t size, struct err *e)
{
        struct squashfs_shared *s = calloc(1, sizeof(*s));
        struct squashfs_reader *reader = NULL;
        int r;

        if (!s)
                return err_set(e, -ENOMEM, "no memory for a squashfs reader");
        s->fd = fd;
        s->offset = offset;
        r = squashfs_super_read(fd, offset, size, &s->super, e);
        if (r == 0 && squashfs_cache_new(&s->metadata, METADATA_BYTES, METADATA_CACHE) < 0)
                r = err_set(e, -ENOMEM, "no memory for a squashfs reader");
        if (r == 0) {
                s->inode_limit = table_limit(&s->super, s->super.inode_table);
                s->directory_limit = table_limit(&s->super, s->super.directory_table);
                r = reader_over(s, &reader, e);
        }
        if (r != 0) {
                shared_free(s);
                return r;
        }
        r = read_ids(reader, e);
        if (r == 0)
                r = fragment_index_read(s, e);
        if (r == 0)
                r = xattr_table_read(s, e);
        if (r < 0) {
                squashfs_reader_free(reader);
                return r;
        }
        *ret = reader;
        return 0;
}

int squashfs_reader_clone(struct squashfs_reader **ret, const struct squashfs_reader *r, struct err *e)
{
        return reader_over(r->shared, ret, e);
}

void squashfs_reader_free(struct squashfs_reader *r)
{
        if (!r)
                return;
        metadata_done(&r->inodes);
        sqfs_destroy(r->compressor);
        if (atomic_fetch_sub(&r->shared->users, 1) == 1)
                shared_free(r->shared);
        free(r->stored);
        free(r->last);
        free(r);
}

const struct squashfs_super *squashfs_reader_super(const struct squashfs_reader *r)
{
        return &r->shared->super;
}
