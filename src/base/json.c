#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

/* Depth is checked before parsing, since the parser recurses. */
static bool too_deep(const char *bytes, size_t size)
{
        size_t depth = 0;
        bool in_string = false;

        for (size_t i = 0; i < size; i++) {
                char c = bytes[i];

                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        if (++depth > JSON_DEPTH_MAX)
                                return true;
                } else if ((c == '}' || c == ']') && depth) {
                        depth--;
                }
        }
        return false;
}

json_t *json_parse(const char *bytes, size_t size, const char *what, struct err *e)
{
        json_error_t error;
        json_t *value;

        if (size > JSON_SIZE_MAX) {
                err_set(e, -E2BIG, "%s: %zu bytes of JSON, more than the limit of %zu", what, size,
                        JSON_SIZE_MAX);
                return NULL;
        }
        if (too_deep(bytes, size)) {
                err_set(e, -E2BIG, "%s: JSON nested deeper than %d levels", what, JSON_DEPTH_MAX);
                return NULL;
        }
        value = json_loadb(bytes, size, JSON_ALLOW_NUL, &error);
        if (!value)
                err_set(e, -EBADMSG, "%s: malformed JSON at line %d, column %d: %s", what, error.line,
                        error.column, error.text);
        return value;
}

static void string_write(struct text *out, const char *bytes, size_t size)
{
        text_add_char(out, '"');
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) bytes[i];

                if (c == '"' || c == '\\')
                        text_printf(out, "\\%c", c);
                else if (c == '\b')
                        text_add(out, "\\b");
                else if (c == '\f')
                        text_add(out, "\\f");
                else if (c == '\n')
                        text_add(out, "\\n");
                else if (c == '\r')
                        text_add(out, "\\r");
                else if (c == '\t')
                        text_add(out, "\\t");
                else if (c < 0x20 || c == '<' || c == '>' || c == '&')
                        text_printf(out, "\\u%04x", c);
                else if (c == 0xe2 && size - i > 2 && (unsigned char) bytes[i + 1] == 0x80 &&
                         ((unsigned char) bytes[i + 2] | 1) == 0xa9) {
                        text_printf(out, "\\u20%02x", (unsigned char) bytes[i + 2] - 0x80);
                        i += 2;
                } else
                        text_add_char(out, (char) c);
        }
        text_add_char(out, '"');
}

static void newline_write(struct text *out, const char *indent, unsigned level)
{
        if (!indent)
                return;
        text_add_char(out, '\n');
        for (unsigned i = 0; i < level; i++)
                text_add(out, indent);
}

static void value_write(const json_t *value, const char *indent, bool sorted, unsigned level,
                        struct text *out);

static void member_write(const char *key, const json_t *value, const char *indent, bool sorted,
                         unsigned level, bool first, struct text *out)
{
        if (!first)
                text_add_char(out, ',');
        newline_write(out, indent, level);
        string_write(out, key, strlen(key));
        text_add(out, indent ? ": " : ":");
        value_write(value, indent, sorted, level, out);
}

static void object_write(const json_t *object, const char *indent, bool sorted, unsigned level,
                         struct text *out)
{
        _cleanup_text_list_ struct text_list keys = TEXT_LIST_INIT;
        json_t *unconst = (json_t *) (uintptr_t) object; /* jansson iterates over non-const objects only */

        for (void *at = json_object_iter(unconst); at; at = json_object_iter_next(unconst, at))
                text_list_add(&keys, json_object_iter_key(at));
        if (sorted)
                text_list_sort(&keys);
        text_add_char(out, '{');
        for (size_t i = 0; i < keys.n; i++)
                member_write(keys.at[i], json_object_get(object, keys.at[i]), indent, sorted, level + 1,
                             i == 0, out);
        if (keys.n)
                newline_write(out, indent, level);
        text_add_char(out, '}');
}

static void array_write(const json_t *array, const char *indent, bool sorted, unsigned level,
                        struct text *out)
{
        text_add_char(out, '[');
        for (size_t i = 0; i < json_array_size(array); i++) {
                if (i)
                        text_add_char(out, ',');
                newline_write(out, indent, level + 1);
                value_write(json_array_get(array, i), indent, sorted, level + 1, out);
        }
        if (json_array_size(array))
                newline_write(out, indent, level);
        text_add_char(out, ']');
}

static void value_write(const json_t *value, const char *indent, bool sorted, unsigned level,
                        struct text *out)
{
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                object_write(value, indent, sorted, level, out);
                break;
        case JSON_ARRAY:
                array_write(value, indent, sorted, level, out);
                break;
        case JSON_STRING:
                string_write(out, json_string_value(value), json_string_length(value));
                break;
        default: {
                _cleanup_free_ char *plain = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

                text_add(out, plain ? plain : "null");
        }
        }
}

void json_write(const json_t *value, const char *indent, bool sorted, struct text *out)
{
        value_write(value, indent, sorted, 0, out);
}

/* Length of the well-formed UTF-8 sequence at `at`, 0 when it is none (RFC 3629). */
static size_t utf8_size(const unsigned char *at, size_t left)
{
        size_t size = at[0] < 0x80   ? 1
                      : at[0] < 0xc2 ? 0
                      : at[0] < 0xe0 ? 2
                      : at[0] < 0xf0 ? 3
                      : at[0] < 0xf5 ? 4
                                     : 0;

        if (size > left)
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        if (size == 3 && ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)))
                return 0;
        if (size == 4 && ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)))
                return 0;
        return size;
}

json_t *json_string_lossy(const char *bytes, size_t size)
{
        _cleanup_text_ struct text clean = TEXT_INIT;
        size_t i = 0;

        while (i < size) {
                size_t n = utf8_size((const unsigned char *) bytes + i, size - i);

                if (n == 0)
                        text_add(&clean, "\xef\xbf\xbd");
                else
                        text_add_bytes(&clean, bytes + i, n);
                i += n ? n : 1;
        }
        return json_stringn(text_get(&clean), clean.used);
}

const char *json_member(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}
