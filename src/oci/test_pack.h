/* test_pack: compressed bytes and whole images, made for tests by other libraries than those that are tested.
 */
#pragma once

#include <stddef.h>

#include "base/text.h"

/* filter: ARCHIVE_FILTER_GZIP (zlib), _ZSTD, _XZ, _BZIP2 of libarchive; ARCHIVE_FILTER_NONE copies.  Appends.
 */
void pack_bytes(int filter, const void *bytes, size_t size, struct text *out);

/* Bytes that compress somewhat, the same for the same seed. */
void pack_sample(size_t size, unsigned seed, struct text *out);

/* The files of an image, gathered before they are written as a directory or an archive. */
struct pack_file {
        char *name, *link;
        struct text bytes;
};
struct pack {
        struct pack_file *files;
        size_t n;
};

void pack_done(struct pack *p);
void pack_add(struct pack *p, const char *name, const void *bytes, size_t size);
void pack_add_text(struct pack *p, const char *name, const char *string);
void pack_add_link(struct pack *p, const char *name, const char *target);
struct pack_file *pack_find(struct pack *p, const char *name);
/* Adds blobs/sha256/… and returns the descriptor as JSON text; the caller frees it.  members: more JSON
 * members, each with a comma behind, or "". */
char *pack_add_blob(struct pack *p, const char *media_type, const void *bytes, size_t size,
                    const char *members);
void pack_digest(const void *bytes, size_t size, char ret[72]);

void pack_write_directory(const struct pack *p, const char *path);
void pack_write_archive(const struct pack *p, const char *path, int filter);

/* A new empty directory; removed with all it has by pack_remove(). */
char *pack_directory(void);
void pack_remove(char *path);

#define PACK_CONFIG   "application/vnd.oci.image.config.v1+json"
#define PACK_LAYER    "application/vnd.oci.image.layer.v1.tar"
#define PACK_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define PACK_INDEX    "application/vnd.oci.image.index.v1+json"
