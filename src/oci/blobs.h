/* blobs: where the files of an image lie: in a directory, or in a tar archive that is never unpacked.
 *
 * Files have names like "index.json" and "blobs/sha256/…".  Links between the members of an archive are
 * followed (old `docker save` links layers that occur twice).  An archive is indexed once; a compressed one
 * keeps its small members in memory then, and its large ones are read by decompressing it again, which costs
 * least when they are read in the order of blobs_position().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/stream.h"

/* Members of an archive; an image with 1,000 layers of the old format has 3,000. */
#define BLOBS_MEMBERS_MAX 100000
/* What is kept of a compressed archive: manifests and configs are far smaller. */
#define BLOBS_KEPT_SIZE_MAX  ((uint64_t) 1 << 20)
#define BLOBS_KEPT_TOTAL_MAX ((uint64_t) 32 << 20)

struct blobs;

int blobs_open_directory(struct blobs **ret, const char *path, struct err *e);
int blobs_open_archive(struct blobs **ret, const char *path, struct err *e);
void blobs_free(struct blobs *b); /* accepts NULL */

/* The path it was opened by, for messages. */
const char *blobs_path(const struct blobs *b);

bool blobs_has(struct blobs *b, const char *name);

/* -ENOENT when there is none. */
int blobs_size(struct blobs *b, const char *name, uint64_t *ret, struct err *e);

/* The whole file in memory, terminated; the caller frees it.  More than `limit` bytes are -E2BIG. */
int blobs_read(struct blobs *b, const char *name, uint64_t limit, char **ret, size_t *ret_size,
               struct err *e);

/* A stream of the file; it must not outlive b.  Where blobs_is_serial(), only one at a time. */
int blobs_stream(struct blobs *b, const char *name, struct stream **ret, struct err *e);

/* Streams share one decompression of the archive: read one after the other, by position. */
bool blobs_is_serial(const struct blobs *b);
uint64_t blobs_position(struct blobs *b, const char *name);

/* -EBADMSG when a file is not what it was when it was first opened here (size, time, inode). */
int blobs_check_unchanged(struct blobs *b, const char *name, struct err *e);

static inline void clean_blobs(struct blobs **b)
{
        blobs_free(*b);
}
#define _cleanup_blobs_ __attribute__((cleanup(clean_blobs)))
