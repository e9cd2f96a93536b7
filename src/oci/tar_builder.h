/* tar_builder: small tar archives by hand, for tests; every field can be made wrong. */
#pragma once

#include <stdint.h>

#include "base/text.h"

struct tar_item {
        char type; /* typeflag: '0' file, '1' hard link, '2' link, '3' '4' devices, '5' directory, '6' fifo */
        const char *name;
        const char *link;
        uint32_t mode;
        uint64_t uid, gid;
        int64_t mtime;
        const char *content; /* terminated, unless content_size says more */
        size_t content_size;
        uint64_t size; /* in the header, where it is not that of the content */
        unsigned major, minor;
        const char *pax; /* records "key=value", each behind the other with '\n' between; NULL: no header */
};

/* Appends header and content.  Names of more than 100 bytes go into a pax header. */
void tar_put(struct text *out, const struct tar_item *item);
/* A pax extended header ('x') or any other special header with a body ('L', 'K', 'g'). */
void tar_put_special(struct text *out, char type, const void *body, size_t size);
/* One pax record, with its length in front. */
void pax_put(struct text *out, const char *key, const void *value, size_t size);
/* Two empty blocks. */
void tar_end(struct text *out);
