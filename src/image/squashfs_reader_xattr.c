/* Extended attributes.  At xattr_table: where keys and values start u64, number of ids u32, unused u32, then
 * the positions of metadata blocks of ids (reference u64, count u32, size u32; 512 in each).  A reference
 * names the first key: type u16, name size u16, name; then the value: size u32, bytes.  Type & 0x100: the
 * value is a reference (u64) to where it is. */
#include <stdlib.h>
#include <string.h>

#include "image/squashfs_reader_internal.h"

#define XATTR_HEAD_BYTES 16
#define XATTR_ELSEWHERE  0x100
#define XATTR_NAME_MAX   255U   /* of the kernel, with prefix */
#define XATTR_VALUE_MAX  65536U /* of the kernel */
#define XATTR_COUNT_MAX  4096U  /* of one inode: listxattr(2) returns at most 64 KiB of names */
#define XATTR_IDS        (METADATA_BYTES / 16)

static int wrong(struct err *e, const char *what)
{
        return err_set(e, -EBADMSG, "squashfs: an extended attribute %s", what);
}

bool squashfs_reader_has_xattrs(const struct squashfs_reader *r)
{
        return r->shared->n_xattrs > 0;
}

int xattr_table_read(struct squashfs_shared *s, struct err *e)
{
        uint8_t room[XATTR_HEAD_BYTES];
        struct span span = span_of(room, sizeof(room));
        int r;

        if (s->super.xattr_table == NO_TABLE || (s->super.flags & SQUASHFS_FLAG_NO_XATTRS))
                return 0;
        r = reader_pread(s, room, sizeof(room), s->super.xattr_table, e);
        if (r < 0)
                return err_ctx(e, r, "table of extended attributes");
        span_u64(&span, &s->xattr_start);
        span_u32(&span, &s->n_xattrs);
        return 0;
}

/* Where the attributes of id `index` are, and how many. */
static int find_id(struct squashfs_reader *r, uint32_t index, uint64_t *ret_reference, uint32_t *ret_count,
                   struct err *e)
{
        const struct squashfs_shared *s = r->shared;
        struct metadata_place place = { .offset = index % XATTR_IDS * 16 };
        struct metadata_cursor c;
        uint8_t room[16];
        struct span span = span_of(room, sizeof(room));
        int result;

        if (index >= s->n_xattrs)
                return wrong(e, "id lies outside the table");
        result = table_index_read(s, s->super.xattr_table + XATTR_HEAD_BYTES + index / XATTR_IDS * 8U, 1,
                                  &place.block, e);
        if (result < 0)
                return result;
        metadata_init(&c, r, 0, s->super.bytes_used);
        result = metadata_seek(&c, place, e);
        if (result == 0)
                result = metadata_read(&c, room, sizeof(room), e);
        metadata_done(&c);
        if (result < 0)
                return result;
        span_u64(&span, ret_reference);
        span_u32(&span, ret_count);
        return *ret_count > XATTR_COUNT_MAX ? wrong(e, "list is longer than 4096") : 0;
}

static int seek(struct metadata_cursor *c, uint64_t reference, struct err *e)
{
        struct metadata_place place = { .offset = REFERENCE_OFFSET(reference) };

        if (REFERENCE_BLOCK(reference) > c->limit)
                return wrong(e, "reference lies outside the table");
        place.block = c->start + REFERENCE_BLOCK(reference);
        return metadata_seek(c, place, e);
}

static int read_name(struct metadata_cursor *c, char *name, uint16_t *ret_type, struct err *e)
{
        static const char *const prefixes[] = { "user.", "trusted.", "security." };
        uint8_t room[4];
        struct span span = span_of(room, sizeof(room));
        uint16_t size;
        size_t prefix;
        int r = metadata_read(c, room, sizeof(room), e);

        if (r < 0)
                return r;
        span_u16(&span, ret_type);
        span_u16(&span, &size);
        if ((*ret_type & 0xff) >= 3)
                return wrong(e, "is of an unknown class");
        prefix = strlen(prefixes[*ret_type & 0xff]);
        if (size > XATTR_NAME_MAX - prefix)
                return wrong(e, "name is too long");
        memcpy(name, prefixes[*ret_type & 0xff], prefix);
        r = metadata_read(c, name + prefix, size, e);
        name[prefix + size] = '\0';
        return r == 0 && strlen(name) != prefix + size ? wrong(e, "name has a NUL in it") : r;
}

static int read_size(struct metadata_cursor *c, uint32_t *ret, struct err *e)
{
        uint8_t room[4];
        struct span span = span_of(room, sizeof(room));
        int r = metadata_read(c, room, sizeof(room), e);

        if (r == 0)
                span_u32(&span, ret);
        return r == 0 && *ret > XATTR_VALUE_MAX ? wrong(e, "value is longer than 64 KiB") : r;
}

/* A value that is kept elsewhere; the cursor goes on behind the reference to it. */
static int read_elsewhere(struct metadata_cursor *c, void *value, uint32_t *ret_size, struct err *e)
{
        struct metadata_place behind;
        uint8_t room[12];
        struct span span = span_of(room + 4, 8);
        uint64_t reference;
        int r = metadata_read(c, room, sizeof(room), e);

        if (r < 0)
                return r;
        behind = c->at;
        span_u64(&span, &reference);
        r = seek(c, reference, e);
        if (r == 0)
                r = read_size(c, ret_size, e);
        if (r == 0)
                r = metadata_read(c, value, *ret_size, e);
        return r == 0 ? metadata_seek(c, behind, e) : r;
}

static int read_value(struct metadata_cursor *c, uint16_t type, void *value, uint32_t *ret_size,
                      struct err *e)
{
        int r;

        if (type & XATTR_ELSEWHERE)
                return read_elsewhere(c, value, ret_size, e);
        r = read_size(c, ret_size, e);
        return r == 0 ? metadata_read(c, value, *ret_size, e) : r;
}

int squashfs_xattrs_read(struct squashfs_reader *r, const struct squashfs_inode *inode,
                         squashfs_xattr_visit visit, void *user, struct err *e)
{
        const struct squashfs_shared *s = r->shared;
        char name[XATTR_NAME_MAX + 1];
        struct metadata_cursor c;
        uint64_t reference = 0;
        uint32_t count = 0;
        uint8_t *value;
        int result;

        if (inode->xattr == NO_XATTR)
                return 0;
        value = malloc(XATTR_VALUE_MAX);
        if (!value)
                return err_set(e, -ENOMEM, "no memory for an extended attribute");
        metadata_init(&c, r, s->xattr_start, s->super.bytes_used);
        result = find_id(r, inode->xattr, &reference, &count, e);
        if (result == 0)
                result = seek(&c, reference, e);
        for (uint32_t i = 0; result == 0 && i < count; i++) {
                uint32_t size = 0;
                uint16_t type = 0;

                result = read_name(&c, name, &type, e);
                if (result == 0)
                        result = read_value(&c, type, value, &size, e);
                if (result == 0)
                        result = visit(name, value, size, user);
        }
        metadata_done(&c);
        free(value);
        return result;
}
