/* source: where an image comes from, opened: it fills a tree, then brings the bytes of the files.
 *
 * Order of calls: one of the open functions, load once, content as often as wanted (the tree may have lost
 * and got nodes meanwhile), free.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "build/spec.h"
#include "image/content.h"
#include "image/tree.h"

struct source;

struct source_ops {
        int (*load)(struct source *s, struct tree *t, const struct notes *notes, struct err *e);
        /* label: of the progress line. */
        int (*content)(struct source *s, struct tree *t, const struct content_sink *sink, const char *label,
                       struct err *e);
        void (*free)(struct source *s);
};

struct source {
        const struct source_ops *ops;
        bool overwrite;       /* files of the base environment that are there already are replaced */
        bool is_oci;          /* config means something */
        const json_t *config; /* OCI: the inner config object, NULL for none; borrowed from the source */
        char *oci_config;     /* owned: the oci-config.json of a SIF, NULL for none */
        bool has_created;     /* known when it was made; after load */
        int64_t created;      /* seconds */
};

/* platform: which of several images. */
struct oci_platform;
int source_open_oci(struct source **ret, const struct spec *spec, const struct oci_platform *platform,
                    const struct notes *notes, struct err *e);
/* A directory, SIF or squashfs. */
int source_open_local(struct source **ret, const struct spec *spec, struct err *e);
/* The two kinds of it.  image (of kind IMAGE_SIF or IMAGE_SQUASHFS) is taken over. */
struct image;
int source_open_directory(struct source **ret, const char *path, struct err *e);
int source_open_squashfs(struct source **ret, struct image *image, struct err *e);

void source_free(struct source *s); /* accepts NULL */

/* Fetches the content of the files that the image's metadata is made of into the inodes' `bytes`. */
int source_fetch_metadata(struct source *s, struct tree *t, struct err *e);

static inline void clean_source(struct source **s)
{
        source_free(*s);
}
#define _cleanup_source_ __attribute__((cleanup(clean_source)))
