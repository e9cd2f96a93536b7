/* Any text of --mksquashfs-args: refused or taken, and what is taken is within its bounds. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "image/squashfs_options.h"

#define SIZE_MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        struct err e = ERR_INIT;
        char *words;

        if (size > SIZE_MOST)
                return 0;
        words = text_dup_bytes((const char *) bytes, size);
        if (squashfs_options_parse(&o, words, &e) == 0) {
                assert(o.block_size >= 4096 && o.block_size <= 1u << 20);
                assert(o.compressor >= SQUASHFS_GZIP && o.compressor <= SQUASHFS_ZSTD);
                assert(o.level >= 0 && o.level <= 22);
        } else {
                assert(e.code < 0 && e.text[0] != '\0');
        }
        free(words);
        return 0;
}
