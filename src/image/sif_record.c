/* Header and descriptor records as bytes, and what may become one. */
#include "image/sif_internal.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/num.h"
#include "base/span.h"

int32_t sif_get_i32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return (int32_t) le32toh(value);
}

int64_t sif_get_i64(const uint8_t *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return (int64_t) le64toh(value);
}

void sif_put_u32(uint8_t *at, uint32_t value)
{
        value = htole32(value);
        memcpy(at, &value, sizeof(value));
}

void sif_put_u64(uint8_t *at, uint64_t value)
{
        value = htole64(value);
        memcpy(at, &value, sizeof(value));
}

static void take_u32(struct span *s, uint32_t *ret)
{
        int r = span_u32(s, ret);

        assert(r == 0); /* the record has a fixed size */
}

static void take_i64(struct span *s, int64_t *ret)
{
        uint64_t value = 0;
        int r = span_u64(s, &value);

        assert(r == 0);
        *ret = (int64_t) value;
}

static const uint8_t *take_bytes(struct span *s, size_t size)
{
        const uint8_t *at = NULL;
        int r = span_take(s, size, &at);

        assert(r == 0);
        return at;
}

/* Only NULs at the end are padding. */
static void name_decode(const uint8_t *bytes, char ret[SIF_NAME_SIZE + 1])
{
        size_t size = SIF_NAME_SIZE;

        while (size && bytes[size - 1] == '\0')
                size--;
        for (size_t i = 0; i < size; i++)
                ret[i] = bytes[i] ? (char) bytes[i] : '\001';
        ret[size] = '\0';
}

void sif_record_decode(const uint8_t record[SIF_DESCRIPTOR_SIZE], struct sif_descriptor *ret)
{
        struct span s = span_of(record, SIF_DESCRIPTOR_SIZE);
        uint32_t type;

        take_u32(&s, &type);
        ret->type = (int32_t) type;
        ret->used = *take_bytes(&s, 1) != 0;
        take_u32(&s, &ret->id);
        take_u32(&s, &ret->group_raw);
        take_u32(&s, &ret->link_raw);
        take_i64(&s, &ret->offset);
        take_i64(&s, &ret->size);
        take_i64(&s, &ret->size_with_padding);
        take_i64(&s, &ret->created);
        take_i64(&s, &ret->modified);
        take_i64(&s, &ret->uid);
        take_i64(&s, &ret->gid);
        name_decode(take_bytes(&s, SIF_NAME_SIZE), ret->name);
        memcpy(ret->extra, take_bytes(&s, SIF_EXTRA_SIZE), SIF_EXTRA_SIZE);
        assert(s.left == 0);
}

void sif_record_encode(const struct sif_descriptor *d, uint8_t record[SIF_DESCRIPTOR_SIZE])
{
        memset(record, 0, SIF_DESCRIPTOR_SIZE);
        sif_put_u32(record, (uint32_t) d->type);
        record[4] = d->used;
        sif_put_u32(record + 5, d->id);
        sif_put_u32(record + 9, d->group_raw);
        sif_put_u32(record + 13, d->link_raw);
        sif_put_u64(record + 17, (uint64_t) d->offset);
        sif_put_u64(record + 25, (uint64_t) d->size);
        sif_put_u64(record + 33, (uint64_t) d->size_with_padding);
        sif_put_u64(record + 41, (uint64_t) d->created);
        sif_put_u64(record + SIF_AT_RECORD_MODIFIED, (uint64_t) d->modified);
        sif_put_u64(record + 57, (uint64_t) d->uid);
        sif_put_u64(record + 65, (uint64_t) d->gid);
        memcpy(record + 73, d->name, strlen(d->name));
        memcpy(record + SIF_AT_RECORD_EXTRA, d->extra, SIF_EXTRA_SIZE);
}

int sif_object_check(const struct sif_object *object, struct err *e)
{
        if (object->name && strlen(object->name) > SIF_NAME_SIZE)
                return err_set(e, -E2BIG, "name value too large: %zu bytes, at most %d", strlen(object->name),
                               SIF_NAME_SIZE);
        if (object->extra_size > SIF_EXTRA_SIZE)
                return err_set(e, -E2BIG, "extra value too large: %zu bytes, at most %d", object->extra_size,
                               SIF_EXTRA_SIZE);
        if (object->group & SIF_GROUP_MASK)
                return err_set(e, -EINVAL, "invalid group ID %u: at most %u", object->group, ~SIF_GROUP_MASK);
        if (object->link_is_group ? (object->link & SIF_GROUP_MASK) || object->link == 0
                                  : (object->link & SIF_GROUP_MASK) == SIF_GROUP_MASK)
                return err_set(e, -EINVAL, "invalid link %u", object->link);
        if (object->alignment & (object->alignment - 1))
                return err_set(e, -EINVAL, "invalid alignment %llu: it must be a power of two",
                               (unsigned long long) object->alignment);
        return 0;
}

void sif_object_record(const struct sif_object *object, struct sif_descriptor *ret)
{
        *ret = (struct sif_descriptor){
                .type = object->type,
                .used = true,
                .group_raw = object->group | SIF_GROUP_MASK,
                .link_raw = object->link_is_group ? object->link | SIF_GROUP_MASK : object->link,
        };
        if (object->name)
                memcpy(ret->name, object->name, strlen(object->name));
        if (object->extra_size)
                memcpy(ret->extra, object->extra, object->extra_size);
}

/* Partitions are mounted, and mounting wants whole pages. */
#define PARTITION_ALIGNMENT 4096

int sif_object_place(const struct sif_object *object, uint64_t end, uint64_t *ret_offset, struct err *e)
{
        uint64_t alignment = object->alignment;
        uint64_t offset;

        if (!alignment)
                alignment = object->type == SIF_TYPE_PARTITION ? PARTITION_ALIGNMENT : 1;
        if (!num_align(end, alignment, &offset) || offset > INT64_MAX)
                return err_set(e, -EOVERFLOW, "integer overflow when calculating alignment");
        *ret_offset = offset;
        return 0;
}

bool sif_is_primary(const struct sif_descriptor *d)
{
        struct sif_partition p;

        return d->used && sif_partition(d, &p) == 0 && p.part == SIF_PART_PRIMARY;
}

void sif_partition_extra(uint8_t extra[SIF_PARTITION_EXTRA_SIZE], int32_t fs, int32_t part,
                         const char *arch_code)
{
        memset(extra, 0, SIF_PARTITION_EXTRA_SIZE);
        sif_put_u32(extra + SIF_AT_PARTITION_FS, (uint32_t) fs);
        sif_put_u32(extra + SIF_AT_PARTITION_PART, (uint32_t) part);
        memcpy(extra + SIF_AT_PARTITION_ARCH, arch_code, strnlen(arch_code, 2));
}

void sif_signature_extra(uint8_t extra[SIF_SIGNATURE_EXTRA_SIZE], int32_t hash,
                         const uint8_t entity[SIF_ENTITY_SIZE])
{
        memset(extra, 0, SIF_SIGNATURE_EXTRA_SIZE);
        sif_put_u32(extra + SIF_AT_SIGNATURE_HASH, (uint32_t) hash);
        memcpy(extra + SIF_AT_SIGNATURE_ENTITY, entity, SIF_ENTITY_SIZE);
}

void sif_message_extra(uint8_t extra[SIF_MESSAGE_EXTRA_SIZE], int32_t format, int32_t message)
{
        sif_put_u32(extra + SIF_AT_MESSAGE_FORMAT, (uint32_t) format);
        sif_put_u32(extra + SIF_AT_MESSAGE_TYPE, (uint32_t) message);
}

void sif_sbom_extra(uint8_t extra[SIF_SBOM_EXTRA_SIZE], int32_t format)
{
        sif_put_u32(extra + SIF_AT_SBOM_FORMAT, (uint32_t) format);
}
