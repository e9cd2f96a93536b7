/* layer_list: what a layer contains, without the bytes of its files; about 100 bytes and the name per entry.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/tar.h"

/* Names, link targets and attributes of one layer: far above any real layer (two million files have 200 MiB),
 * below what would take a node's memory away. */
#define LAYER_LIST_BYTES_MAX ((uint64_t) 1 << 30)

struct layer_record {
        enum tar_entry_type type;
        uint32_t permissions, uid, gid;
        int64_t mtime;
        uint64_t size_bytes;   /* files */
        uint32_t major, minor; /* devices */
        const char *path;      /* "usr/lib/x": cleaned lexically, ".." cannot leave the root; "" the root */
        const char *link;      /* symbolic links: the target; hard links: cleaned like a path */
        const struct tar_xattr *xattrs;
        size_t n_xattrs;
        /* The place in the list is the ordinal of the entry. */
};

struct layer_list {
        struct layer_record *at;
        size_t n, room;
        struct layer_chunk *chunks; /* owned: memory for names and attributes */
        uint64_t bytes;
};

#define LAYER_LIST_INIT                                                                                      \
        {                                                                                                    \
                .at = NULL                                                                                   \
        }

void layer_list_done(struct layer_list *list);

/* Adds the remaining entries of the layer and reads it to its end. */
int layer_list_read(struct layer_list *list, struct tar *tar, const char *what, struct err *e);

/* "./a//b/../c/" -> "a/c"; the result is not longer than `path`, whose size with terminator `out` has. */
void layer_path_clean(const char *path, char *out);

#define _cleanup_layer_list_ __attribute__((cleanup(layer_list_done)))
