/* stream: bytes that are pulled from somewhere, once, front to back.
 *
 * Streams are stacked: a part of a file, below a digest, below a decompressor, below a reader ahead in a
 * thread of its own.  stream_free() frees the whole stack; a stream that is given to another belongs to it,
 * also when the call fails.  A stream is used by one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/err.h"

struct stream;

struct stream_ops {
        /* Up to `size` bytes, at least one; 0 at the end; a negative errno with *e set. */
        ssize_t (*read)(struct stream *s, uint8_t *buffer, size_t size, struct err *e);
        /* Passes over up to `size` bytes without delivering them: how many, 0 when there is no cheaper way
         * than reading.  May be NULL. */
        uint64_t (*skip)(struct stream *s, uint64_t size);
        void (*free)(struct stream *s);
};

/* The first member of every kind of stream. */
struct stream {
        const struct stream_ops *ops;
};

ssize_t stream_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e);
/* Fills the buffer as far as the stream goes. */
ssize_t stream_read_full(struct stream *s, uint8_t *buffer, size_t size, struct err *e);
/* Passes over exactly `size` bytes; -EBADMSG when the stream ends before. */
int stream_skip(struct stream *s, uint64_t size, struct err *e);
void stream_free(struct stream *s); /* accepts NULL */

/* `size` bytes of a file from `offset`; a file that ends before is -EBADMSG.  fd: borrowed, stays open as
 * long as the stream.  `what` names the file in errors, borrowed likewise. */
struct stream *stream_of_file(int fd, uint64_t offset, uint64_t size, const char *what);

/* The same with a descriptor and a name (of malloc) that belong to the stream. */
struct stream *stream_of_owned_file(int fd, uint64_t offset, uint64_t size, char *what);

/* Bytes in memory, borrowed. */
struct stream *stream_of_bytes(const void *bytes, size_t size);

/* Passes the bytes of `inner` through and takes their SHA-256; at the end compares it with `expected`, and
 * the count with size_bytes.  What was read before the end is not yet verified. */
struct stream *stream_verify(struct stream *inner, const uint8_t expected[DIGEST_SIZE], uint64_t size_bytes,
                             const char *what);
/* size_bytes of stream_verify() when the length is not known beforehand. */
#define STREAM_SIZE_UNKNOWN UINT64_MAX

/* The first `size` bytes of `inner`, which is borrowed and stands behind them afterwards (also when the
 * result is freed early: what was not read is not skipped); ended() is called when the result is freed. */
struct stream *stream_part(struct stream *inner, uint64_t size, void (*ended)(uint64_t n_read, void *user),
                           void *user);

/* Calls `passed` for bytes that were read; for progress. */
struct stream *stream_count(struct stream *inner, void (*passed)(uint64_t bytes, void *user), void *user);

/* Reads and drops the rest, so that what is verified at the end is verified. */
int stream_drain(struct stream *s, struct err *e);

static inline void clean_stream(struct stream **s)
{
        stream_free(*s);
}
#define _cleanup_stream_ __attribute__((cleanup(clean_stream)))
