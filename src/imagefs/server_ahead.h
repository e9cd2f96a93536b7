/* server_ahead: decoding the blocks that a reader in order will want next.
 *
 * Threads of their own, made when first wanted, decode into the cache while the request before is answered.
 * What is wanted is a short list: when they do not keep up, the oldest wish is dropped, since by then
 * somebody waits for that block and decodes it himself.  On one processor there are none: there is nothing to
 * gain.
 */
#pragma once

#include "image/squashfs_cache.h"
#include "image/squashfs_reader.h"

struct ahead;

/* blocks: borrowed, keyed by position; reader: borrowed, cloned by each thread. */
int ahead_new(struct ahead **ret, struct squashfs_cache *blocks, const struct squashfs_reader *reader,
              unsigned n_threads, struct err *e);
/* Soon, if there is time. */
void ahead_want(struct ahead *a, const struct squashfs_block *block);
