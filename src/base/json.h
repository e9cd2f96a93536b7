/* json: jansson with limits in front and the original's writing behind. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

/* What a JSON text from outside may have at most; a manifest or config beyond this is refused. */
#define JSON_SIZE_MAX  ((size_t) 16 << 20)
#define JSON_DEPTH_MAX 64

/* Parses `size` bytes.  `what` names the text in errors.  NULL and *e filled when it is malformed (-EBADMSG),
 * too large or too deep (-E2BIG).  The caller owns the reference. */
json_t *json_parse(const char *bytes, size_t size, const char *what, struct err *e);

/* Writes as Go's encoding/json does: `<`, `>`, `&`, U+2028 and U+2029 escaped, object keys in the order of
 * the object unless `sorted`.  indent: NULL for compact, else the string of one level ("\t"). */
void json_write(const json_t *value, const char *indent, bool sorted, struct text *out);

/* A JSON string of bytes that may be invalid UTF-8: bad bytes become U+FFFD. */
json_t *json_string_lossy(const char *bytes, size_t size);

/* The string member `key`, or NULL when absent or of another type; borrowed. */
const char *json_member(const json_t *object, const char *key);

static inline void clean_json(json_t **value)
{
        json_decref(*value);
}
#define _cleanup_json_ __attribute__((cleanup(clean_json)))
