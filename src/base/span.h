/* span: a cursor over borrowed bytes that cannot leave them.
 *
 * Every parser of foreign bytes reads through one of these; nobody moves a pointer by hand.  All functions
 * return 0, or -EBADMSG with the span unchanged when fewer bytes are left than asked for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct span {
        const uint8_t *at; /* borrowed: the next byte */
        size_t left;       /* bytes not yet read */
};

static inline struct span span_of(const void *bytes, size_t size)
{
        return (struct span){ .at = bytes, .left = size };
}

/* Takes the next `size` bytes; *ret points into the borrowed bytes. */
int span_take(struct span *s, size_t size, const uint8_t **ret);
int span_skip(struct span *s, size_t size);

/* Little-endian integers. */
int span_u8(struct span *s, uint8_t *ret);
int span_u16(struct span *s, uint16_t *ret);
int span_u32(struct span *s, uint32_t *ret);
int span_u64(struct span *s, uint64_t *ret);
