/* num: numbers from people and from disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses the whole of `text`: -EINVAL when it is not a number, -ERANGE outside [least, most].
 * base 0 takes 0x and leading-0 octal as strtoull() does; blanks and signs other than a leading '-' for
 * num_i64() are refused. */
int num_u64(const char *text, int base, uint64_t least, uint64_t most, uint64_t *ret);
int num_i64(const char *text, int base, int64_t least, int64_t most, int64_t *ret);

/* A size in bytes with an optional binary unit: "4096", "64k", "1M", "2GiB", "1g".  -EINVAL, -ERANGE. */
int num_size(const char *text, uint64_t *ret);

/* "yes/no/true/false/1/0/t/f" as strconv.ParseBool takes them: 1 t T true TRUE True, 0 f F false FALSE
 * False.  -EINVAL otherwise ("yes" included). */
int num_bool(const char *text, bool *ret);

/* Checked arithmetic: false and *ret untouched on overflow. */
static inline bool num_add(uint64_t a, uint64_t b, uint64_t *ret)
{
        uint64_t sum;

        if (__builtin_add_overflow(a, b, &sum))
                return false;
        *ret = sum;
        return true;
}

static inline bool num_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
        uint64_t product;

        if (__builtin_mul_overflow(a, b, &product))
                return false;
        *ret = product;
        return true;
}

/* Rounds up to a power of two; false on overflow. */
static inline bool num_align(uint64_t value, uint64_t alignment, uint64_t *ret)
{
        uint64_t raised;

        if (!num_add(value, alignment - 1, &raised))
                return false;
        *ret = raised & ~(alignment - 1);
        return true;
}

/* Writes `bytes` for people: "512 B", "1.3 MiB".  The buffer has at least 16 bytes; returns it. */
char *num_human(uint64_t bytes, char *buffer, size_t size);
