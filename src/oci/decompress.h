/* decompress: a stream over a compressed one; what it is compressed with is told by its first bytes.
 *
 * gzip (RFC 1952, any number of members) by ISA-L, zstd (RFC 8878, any number of frames, skippable ones too)
 * by libzstd, xz and bzip2 by libarchive; anything else passes unchanged.  Media types are not asked (spec
 * transports.md, 2.4: "decided by content").
 */
#pragma once

#include <stdbool.h>

#include "oci/stream.h"

/* A decompressed stream may be this many times as long as the compressed one, once it is longer than
 * DECOMPRESS_FREE.  deflate reaches 1,032 on zeros and zstd far more; layers of real images stay below 20. */
#define DECOMPRESS_RATIO_MAX 200
#define DECOMPRESS_FREE      ((uint64_t) 1 << 30)

/* Largest window of a zstd frame, and with it the memory that one stream may take: 128 MiB, what the zstd
 * program accepts without being asked for more. */
#define DECOMPRESS_ZSTD_WINDOW_LOG_MAX 27

/* Takes `inner`.  `what` names it in errors, borrowed.  Truncated or malformed input is -EBADMSG, too much
 * output -E2BIG, at the read that meets it.  When the end is reached, inner was read to its end too.  Bytes
 * behind the last gzip member that are no gzip are ignored, as gzip(1) does. */
int stream_decompress(struct stream **ret, struct stream *inner, const char *what, struct err *e);

/* Whether the stream that stream_decompress() made passes its input unchanged. */
bool stream_is_plain(const struct stream *decompressed);
