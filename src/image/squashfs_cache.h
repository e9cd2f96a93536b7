/* squashfs_cache: decoded blocks, shared by threads, bounded, each decoded once.
 *
 * Whoever asks for a block that nobody has decodes it; whoever asks for it meanwhile waits for that.  Blocks
 * in use are pinned; of the others the least recently used go first.  The bound holds but for pinned blocks,
 * of which each thread has a few.
 *
 * One mutex guards everything: it is held for some tens of nanoseconds per look-up, never while decoding.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct squashfs_cache;

/* A decoded block, pinned until squashfs_cache_put(). */
struct squashfs_cached {
        const uint8_t *bytes;
        size_t size;
        uint64_t note; /* what the loader wanted to remember */
};

/* room_bytes: the most a block decodes to; limit_bytes: of all blocks together. */
int squashfs_cache_new(struct squashfs_cache **ret, size_t room_bytes, size_t limit_bytes);
void squashfs_cache_free(struct squashfs_cache *c); /* accepts NULL; nothing may be pinned */

/* Decodes into `room` (room_bytes); 0 or a negative errno. */
typedef int (*squashfs_cache_load)(void *user, uint8_t *room, size_t *ret_size, uint64_t *ret_note,
                                   struct err *e);
int squashfs_cache_get(struct squashfs_cache *c, uint64_t key, squashfs_cache_load load, void *user,
                       const struct squashfs_cached **ret, struct err *e);
/* The block if it is there now, else NULL.  Waits for nobody. */
const struct squashfs_cached *squashfs_cache_peek(struct squashfs_cache *c, uint64_t key);
void squashfs_cache_put(struct squashfs_cache *c, const struct squashfs_cached *block); /* accepts NULL */
/* Forgets what is not pinned and gives the memory back. */
void squashfs_cache_drop(struct squashfs_cache *c);
