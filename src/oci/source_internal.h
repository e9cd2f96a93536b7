/* source_internal: what source.c, select.c, docker_archive.c and convert.c share; nobody else includes it. */
#pragma once

#include <stdbool.h>

#include "base/digest.h"
#include "base/json.h"
#include "oci/blobs.h"
#include "oci/manifest.h"
#include "oci/source.h"

struct oci_layer {
        char *name; /* owned: of the file in the blobs */
        char *what; /* owned: how messages call it */
        uint64_t size_bytes;
        bool has_digest; /* of the bytes as stored */
        uint8_t digest[DIGEST_SIZE];
        bool has_diff_id; /* of the bytes as decompressed; set where there is no digest */
        uint8_t diff_id[DIGEST_SIZE];
};

struct oci_image {
        struct blobs *blobs;
        json_t *config;
        char digest[DIGEST_TEXT_SIZE];
        struct oci_layer *layers;
        size_t n_layers;
};

/* Where an image is being looked for. */
struct oci_search {
        struct blobs *blobs;
        const struct oci_reference *reference;
        const struct oci_platform *platform;
};

/* Reads and parses a JSON file of the source.  what: how messages call it. */
json_t *oci_read_json(struct blobs *blobs, const char *name, uint64_t limit, const char *what, struct err *e);

/* "blobs/sha256/…" of a digest; the caller frees it. */
char *oci_blob_name(const char *digest_text);

/* Reads the blob of a descriptor, checks size and digest, and parses it. */
json_t *oci_read_blob_json(struct blobs *blobs, const struct oci_descriptor *d, uint64_t limit,
                           const char *kind, struct err *e);

/* Finds the manifest that is meant in index.json and the indexes below.  -ENOENT: no such tag. */
int oci_select_manifest(const struct oci_search *s, json_t **ret, char ret_digest[DIGEST_TEXT_SIZE],
                        struct err *e);

/* Fills the image from docker save's manifest.json. */
int docker_archive_load(const struct oci_search *s, struct oci_image *image, struct err *e);

/* Whether two names of Docker's mean the same: "busybox", "docker.io/library/busybox:latest". */
bool docker_names_equal(const char *a, const char *b);
