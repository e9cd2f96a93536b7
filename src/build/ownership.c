#include "build/ownership.h"

#include <errno.h>

#include "base/span.h"

#define TAG_UID   0x08
#define TAG_GID   0x10
#define NO_CHANGE 0xffffffffu

static size_t encode_field(uint8_t *at, uint8_t tag, uint32_t id)
{
        uint32_t value = id ? id : NO_CHANGE;
        size_t n = 0;

        at[n++] = tag;
        while (value > 0x7f) {
                at[n++] = (uint8_t) (value | 0x80);
                value >>= 7;
        }
        at[n++] = (uint8_t) value;
        return n;
}

size_t ownership_encode(uint32_t uid, uint32_t gid, uint8_t ret[OWNERSHIP_SIZE_MAX])
{
        size_t n = encode_field(ret, TAG_UID, uid);

        return n + encode_field(ret + n, TAG_GID, gid);
}

/* A varint of at most 32 bits. */
static int decode_varint(struct span *s, uint32_t *ret)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 35; shift += 7) {
                uint8_t byte;

                if (span_u8(s, &byte) < 0)
                        return -EBADMSG;
                value |= (uint64_t) (byte & 0x7f) << shift;
                if (!(byte & 0x80)) {
                        if (value > UINT32_MAX)
                                return -EBADMSG;
                        *ret = (uint32_t) value;
                        return 0;
                }
        }
        return -EBADMSG;
}

int ownership_decode(const uint8_t *bytes, size_t size, uint32_t *ret_uid, uint32_t *ret_gid)
{
        struct span s = span_of(bytes, size);
        uint32_t uid = 0, gid = 0;

        while (s.left) {
                uint32_t value;
                uint8_t tag;

                if (span_u8(&s, &tag) < 0 || decode_varint(&s, &value) < 0)
                        return -EBADMSG;
                if (value == NO_CHANGE)
                        value = 0;
                if (tag == TAG_UID)
                        uid = value;
                else if (tag == TAG_GID)
                        gid = value;
                else
                        return -EBADMSG;
        }
        *ret_uid = uid;
        *ret_gid = gid;
        return 0;
}
