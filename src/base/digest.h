/* digest: SHA-256 of bytes as they pass, over OpenSSL's libcrypto (SHA extensions). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE      32
#define DIGEST_TEXT_SIZE (7 + 64 + 1) /* "sha256:" + hex + terminator */

struct digest; /* a running computation */

struct digest *digest_new(void);
void digest_free(struct digest *d); /* accepts NULL */
void digest_add(struct digest *d, const void *bytes, size_t size);
/* Ends the computation. */
void digest_end(struct digest *d, uint8_t ret[DIGEST_SIZE]);

/* One call for bytes in memory. */
void digest_of(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE]);

/* "sha256:<64 lower-case hex digits>" both ways; parse returns -EBADMSG for any other form (upper-case hex
 * taken). */
void digest_format(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_TEXT_SIZE]);
int digest_parse(const char *text, uint8_t ret[DIGEST_SIZE]);

static inline void clean_digest(struct digest **d)
{
        digest_free(*d);
}
#define _cleanup_digest_ __attribute__((cleanup(clean_digest)))
