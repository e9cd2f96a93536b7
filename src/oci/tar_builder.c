#include "oci/tar_builder.h"

#include <stdio.h>
#include <string.h>

#include "base/clean.h"

#define BLOCK 512

static void put_number(char *field, size_t size, uint64_t value)
{
        char digits[32];

        snprintf(digits, sizeof(digits), "%0*llo", (int) size - 1, (unsigned long long) value);
        if (strlen(digits) < size) {
                memcpy(field, digits, size - 1);
                return;
        }
        for (size_t i = size; i-- > 1; value >>= 8) /* GNU base-256 */
                field[i] = (char) (value & 0xff);
        field[0] = (char) 0x80;
}

static void put_mtime(char *field, int64_t mtime)
{
        if (mtime >= 0) {
                put_number(field, 12, (uint64_t) mtime);
                return;
        }
        for (size_t i = 12; i-- > 0; mtime >>= 8)
                field[i] = (char) (mtime & 0xff);
}

static void put_padded(struct text *out, const void *bytes, size_t size)
{
        static const char zeros[BLOCK];

        text_add_bytes(out, bytes, size);
        text_add_bytes(out, zeros, (BLOCK - size % BLOCK) % BLOCK);
}

static void put_header(struct text *out, const struct tar_item *item, uint64_t size)
{
        char header[BLOCK] = { 0 };
        unsigned sum = 0;

        strncpy(header, item->name, 100);
        put_number(header + 100, 8, item->mode);
        put_number(header + 108, 8, item->uid);
        put_number(header + 116, 8, item->gid);
        put_number(header + 124, 12, size);
        put_mtime(header + 136, item->mtime);
        memset(header + 148, ' ', 8);
        header[156] = item->type;
        if (item->link)
                strncpy(header + 157, item->link, 100);
        memcpy(header + 257, "ustar\00000", 8);
        put_number(header + 329, 8, item->major);
        put_number(header + 337, 8, item->minor);
        for (size_t i = 0; i < BLOCK; i++)
                sum += (unsigned char) header[i];
        snprintf(header + 148, 8, "%06o", sum);
        text_add_bytes(out, header, BLOCK);
}

void pax_put(struct text *out, const char *key, const void *value, size_t size)
{
        size_t rest = strlen(key) + size + 3, length = rest;
        char digits[32];

        while (rest + (size_t) snprintf(digits, sizeof(digits), "%zu", length) != length)
                length = rest + strlen(digits);
        text_printf(out, "%zu %s=", length, key);
        text_add_bytes(out, value, size);
        text_add_char(out, '\n');
}

void tar_put_special(struct text *out, char type, const void *body, size_t size)
{
        const struct tar_item item = { .type = type, .name = "special" };

        put_header(out, &item, size);
        put_padded(out, body, size);
}

static void put_pax(struct text *out, const struct tar_item *item)
{
        _cleanup_text_ struct text body = TEXT_INIT;

        if (strlen(item->name) > 100)
                pax_put(&body, "path", item->name, strlen(item->name));
        if (item->link && strlen(item->link) > 100)
                pax_put(&body, "linkpath", item->link, strlen(item->link));
        for (const char *at = item->pax, *end; at && *at; at = *end ? end + 1 : end) {
                const char *equal = strchr(at, '=');
                _cleanup_free_ char *key = text_dup_bytes(at, (size_t) (equal - at));

                end = equal + strcspn(equal, "\n");
                pax_put(&body, key, equal + 1, (size_t) (end - equal - 1));
        }
        if (body.used > 0)
                tar_put_special(out, 'x', body.at, body.used);
}

void tar_put(struct text *out, const struct tar_item *item)
{
        size_t content_size = item->content_size;

        if (item->content && content_size == 0)
                content_size = strlen(item->content);
        put_pax(out, item);
        put_header(out, item, item->size ? item->size : content_size);
        put_padded(out, item->content ? item->content : "", content_size);
}

void tar_end(struct text *out)
{
        static const char zeros[2 * BLOCK];

        text_add_bytes(out, zeros, sizeof(zeros));
}
