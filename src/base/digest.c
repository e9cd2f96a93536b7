#include "base/digest.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct digest {
        EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
        struct digest *d = text_alloc(sizeof(*d));

        d->context = EVP_MD_CTX_new();
        if (!d->context || EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1)
                abort(); /* libcrypto without SHA-256: nothing works there */
        return d;
}

void digest_free(struct digest *d)
{
        if (!d)
                return;
        EVP_MD_CTX_free(d->context);
        free(d);
}

void digest_add(struct digest *d, const void *bytes, size_t size)
{
        EVP_DigestUpdate(d->context, bytes, size);
}

void digest_end(struct digest *d, uint8_t ret[DIGEST_SIZE])
{
        unsigned size = DIGEST_SIZE;

        EVP_DigestFinal_ex(d->context, ret, &size);
}

void digest_of(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE])
{
        _cleanup_digest_ struct digest *d = digest_new();

        digest_add(d, bytes, size);
        digest_end(d, ret);
}

void digest_format(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_TEXT_SIZE])
{
        memcpy(ret, "sha256:", 7);
        for (size_t i = 0; i < DIGEST_SIZE; i++)
                snprintf(ret + 7 + 2 * i, 3, "%02x", digest[i]);
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) tolower((unsigned char) c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_parse(const char *text, uint8_t ret[DIGEST_SIZE])
{
        uint8_t parsed[DIGEST_SIZE];

        if (strncmp(text, "sha256:", 7) != 0 || strlen(text) != DIGEST_TEXT_SIZE - 1)
                return -EBADMSG;
        for (size_t i = 0; i < DIGEST_SIZE; i++) {
                int high = hex_value(text[7 + 2 * i]), low = hex_value(text[8 + 2 * i]);

                if (high < 0 || low < 0)
                        return -EBADMSG;
                parsed[i] = (uint8_t) (high << 4 | low);
        }
        memcpy(ret, parsed, DIGEST_SIZE);
        return 0;
}
