/* manifest: the JSON documents of an image: index, manifest, config, and docker save's manifest.json.
 *
 * Sources: OCI image specification 1.1 (image-index.md, manifest.md, config.md, descriptor.md), Docker image
 * manifest version 2 schema 2, Docker image specification 1.2 ("manifest.json" of saved images); media types
 * as in spec transports.md, 2.4.  What these functions return borrows from the JSON.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"

/* Bytes of an index or manifest; registries refuse more than 4 MiB. */
#define MANIFEST_SIZE_MAX ((uint64_t) 8 << 20)
/* Entries of an index, images in an archive. */
#define MANIFEST_ENTRIES_MAX 4096
/* Layers of an image; Docker stops at 127. */
#define MANIFEST_LAYERS_MAX 1024
/* Indexes within indexes. */
#define MANIFEST_DEPTH_MAX 4

struct oci_descriptor {
        const char *media_type; /* "" when absent */
        uint8_t digest[DIGEST_SIZE];
        char digest_text[DIGEST_TEXT_SIZE];
        uint64_t size_bytes;
        const json_t *json;
};

/* Only sha256 is taken.  `what` names the document in errors. */
int oci_descriptor_parse(struct oci_descriptor *ret, const json_t *json, const char *what, struct err *e);

/* "org.opencontainers.image.ref.name" and containerd's "io.containerd.image.name"; NULL when absent. */
const char *oci_descriptor_ref_name(const struct oci_descriptor *d);
const char *oci_descriptor_image_name(const struct oci_descriptor *d);

enum oci_document { OCI_INDEX = 1, OCI_MANIFEST };

/* Which of the two a document is: by its own mediaType, then by that of its descriptor (may be NULL), then by
 * its members.  Docker's schema 1 and unknown media types are -ENOTSUP, by name. */
int oci_document_kind(const json_t *json, const char *media_type, const char *what, struct err *e);

/* The descriptors of an index; the caller frees *ret. */
int oci_index_parse(const json_t *json, const char *what, struct oci_descriptor **ret, size_t *ret_n,
                    struct err *e);

struct oci_manifest {
        struct oci_descriptor config;
        struct oci_descriptor *layers; /* owned */
        size_t n_layers;
};

/* Layers of unknown media type are refused by name; none that is known: "no extractable OCI/Docker tar layers
 * found in this image". */
int oci_manifest_parse(const json_t *json, const char *what, struct oci_manifest *ret, struct err *e);
void oci_manifest_done(struct oci_manifest *m);

/* Checks that a config file is an object and that its parts which are used have the right types. */
int oci_config_check(const json_t *json, const char *what, struct err *e);

/* rootfs.diff_ids of a config; the caller frees *ret.  *ret_n 0: it has none. */
int oci_config_diff_ids(const json_t *json, const char *what, uint8_t (**ret)[DIGEST_SIZE], size_t *ret_n,
                        struct err *e);

/* One element of docker save's manifest.json. */
struct docker_image {
        const char *config;   /* name of a member of the archive */
        const json_t *tags;   /* array of strings, or NULL */
        const json_t *layers; /* array of strings: names of members */
};

/* The caller frees *ret. */
int docker_manifest_parse(const json_t *json, const char *what, struct docker_image **ret, size_t *ret_n,
                          struct err *e);

#define _cleanup_oci_manifest_ __attribute__((cleanup(oci_manifest_done)))
