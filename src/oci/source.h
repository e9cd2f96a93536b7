/* source: an OCI or Docker image on disk, opened without unpacking anything.
 *
 * Where it can be (spec transports.md, 9.2 and 9.3; image-formats.md, 5.1):
 *   oci:DIR            an OCI layout directory
 *   oci-archive:FILE   a layout as one tar
 *   docker-archive:FILE  what `docker save` and `podman save` write; newer ones are layouts too
 * Archives are plain or compressed (gzip, zstd, xz, bzip2).  Blobs in a plain archive are read in place; a
 * compressed one is decompressed from its start once to index it and once for every pass over the layers, and
 * never written anywhere.
 *
 * Order of calls: oci_reference_parse, oci_image_open, accessors, then convert.h; oci_image_free.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "oci/platform.h"

enum oci_transport { OCI_LAYOUT, OCI_ARCHIVE, OCI_DOCKER_ARCHIVE };

struct oci_reference {
        enum oci_transport transport;
        char *path;    /* owned: directory or archive */
        char *tag;     /* owned: "latest", "repo/name:tag"; NULL: none */
        char *digest;  /* owned: "sha256:…" of a manifest; NULL: none */
        long position; /* of "@N" (counted from 0), -1: none */
};

#define OCI_REFERENCE_INIT                                                                                   \
        {                                                                                                    \
                .position = -1                                                                               \
        }

/* Takes "oci:…", "oci-archive:…", "docker-archive:…", the path with or without "//" in front:
 *   PATH, PATH:TAG, PATH@sha256:HEX, PATH:@N
 * A path that contains a colon is recognised by its being there.  -EINVAL for another transport, -ENOENT when
 * there is nothing at the path. */
int oci_reference_parse(struct oci_reference *ret, const char *text, struct err *e);
void oci_reference_done(struct oci_reference *r);

/* Whether the text starts with one of the three transports. */
bool oci_reference_is(const char *text);

#define _cleanup_oci_reference_ __attribute__((cleanup(oci_reference_done)))

/* An image: its manifest, config and layers, chosen and checked.  Blobs are verified against their digests
 * whenever they are read. */
struct oci_image;

/* Errors name the file or blob: nothing there, several images and none chosen (they are listed), no image for
 * the platform (the ones there are listed), unknown media types, digests that do not match, malformed or huge
 * JSON.  notes may be NULL. */
int oci_image_open(struct oci_image **ret, const struct oci_reference *reference,
                   const struct oci_platform *platform, const struct notes *notes, struct err *e);
void oci_image_free(struct oci_image *image); /* accepts NULL */

/* The whole config file; its member "config", NULL when it has none.  Borrowed. */
const json_t *oci_image_config_file(const struct oci_image *image);
const json_t *oci_image_config(const struct oci_image *image);

/* As the config states them; NULL when it does not.  Borrowed. */
const char *oci_image_architecture(const struct oci_image *image);
const char *oci_image_variant(const struct oci_image *image);
const char *oci_image_created(const struct oci_image *image); /* RFC 3339 */

/* "sha256:…" of the manifest; for a docker-archive without one, of the config. */
const char *oci_image_digest(const struct oci_image *image);

size_t oci_image_n_layers(const struct oci_image *image);
/* Bytes of all layers as they lie in the source. */
uint64_t oci_image_size(const struct oci_image *image);

static inline void clean_oci_image(struct oci_image **image)
{
        oci_image_free(*image);
}
#define _cleanup_oci_image_ __attribute__((cleanup(clean_oci_image)))
