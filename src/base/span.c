#include "base/span.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int span_take(struct span *s, size_t size, const uint8_t **ret)
{
        if (size > s->left)
                return -EBADMSG;
        *ret = s->at;
        s->at += size;
        s->left -= size;
        return 0;
}

int span_skip(struct span *s, size_t size)
{
        const uint8_t *ignored;

        return span_take(s, size, &ignored);
}

int span_u8(struct span *s, uint8_t *ret)
{
        const uint8_t *at;
        int r = span_take(s, sizeof(*ret), &at);

        if (r == 0)
                *ret = *at;
        return r;
}

int span_u16(struct span *s, uint16_t *ret)
{
        const uint8_t *at;
        int r = span_take(s, sizeof(*ret), &at);

        if (r < 0)
                return r;
        memcpy(ret, at, sizeof(*ret));
        *ret = le16toh(*ret);
        return 0;
}

int span_u32(struct span *s, uint32_t *ret)
{
        const uint8_t *at;
        int r = span_take(s, sizeof(*ret), &at);

        if (r < 0)
                return r;
        memcpy(ret, at, sizeof(*ret));
        *ret = le32toh(*ret);
        return 0;
}

int span_u64(struct span *s, uint64_t *ret)
{
        const uint8_t *at;
        int r = span_take(s, sizeof(*ret), &at);

        if (r < 0)
                return r;
        memcpy(ret, at, sizeof(*ret));
        *ret = le64toh(*ret);
        return 0;
}
