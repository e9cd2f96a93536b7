/* server_data: the content of files, as pieces of decoded blocks.
 *
 * All threads share one bounded cache of decoded blocks; each block is decoded once, however many ask for it
 * at the same time.  Pieces point into the cache, so content is copied once only: by the kernel, into its
 * page cache.  Who reads in order finds the next blocks decoded (server_ahead.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"
#include "image/squashfs_cache.h"
#include "image/squashfs_reader.h"

#define DATA_READ_MAX 1048576U /* bytes of one request */
#define DATA_PIECES   (DATA_READ_MAX / 4096 + 1)

/* Of threads that decode: the decompressors keep their tables on the heap. */
#define DATA_STACK_BYTES (256U << 10)

struct data;

int data_new(struct data **ret, const struct squashfs_reader *reader, unsigned n_processors, struct err *e);

/* Pieces of a file, pinned until data_release(). */
struct data_pieces {
        size_t n;
        struct iovec at[DATA_PIECES];
        size_t n_pins;
        const struct squashfs_cached *pins[DATA_PIECES];
        struct squashfs_block blocks[DATA_PIECES]; /* where they are */
};

/* [offset, offset + size) of the file, short at its end; size at most DATA_READ_MAX.  before_long() is called
 * before anything that takes long. */
int data_read(struct data *d, struct squashfs_reader *reader, uint64_t reference, uint64_t offset,
              size_t size, void (*before_long)(void), struct data_pieces *ret, struct err *e);
void data_release(struct data *d, struct data_pieces *pieces);

/* Decodes all of a file into the cache, if it is not large (2 MiB). */
void data_load(struct data *d, struct squashfs_reader *reader, uint64_t reference);

/* The decoded block, from the cache or else into it; pinned. */
int data_block_get(struct squashfs_cache *blocks, struct squashfs_reader *reader,
                   const struct squashfs_block *block, const struct squashfs_cached **ret, struct err *e);
