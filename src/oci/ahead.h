/* ahead: reads a stream in a thread of its own, so that decompression overlaps with what is done with the
 * bytes.
 *
 * The bytes are handed out block by block without being copied.  The thread stops at the end, at the first
 * error, when AHEAD_BLOCKS blocks wait, and when the reader is freed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/stream.h"

/* Large enough that ISA-L's copy of its 32 KiB of history and the thread's wake-ups do not count; four of
 * them even out stalls of the reader. */
#define AHEAD_BLOCK_SIZE ((size_t) 512 << 10)
#define AHEAD_BLOCKS     4

struct ahead;

/* Takes `inner`.  threaded false: the same without a thread, each block is read when it is asked for. */
struct ahead *ahead_new(struct stream *inner, bool threaded);

/* The next block, valid until the next call: its size, 0 at the end, or a negative errno with *e set. */
ssize_t ahead_next(struct ahead *a, const uint8_t **ret, struct err *e);

/* Passes over up to `size` bytes behind the last block, where that is cheaper than reading: how many. */
uint64_t ahead_skip(struct ahead *a, uint64_t size);

void ahead_free(struct ahead *a); /* accepts NULL */

/* An ahead as a stream, for decompression on another processor than reading and checking; takes `inner`. */
struct stream *stream_ahead(struct stream *inner);
