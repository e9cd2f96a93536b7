/* pack: a tree and its content as a SIF file (spec image-formats.md, 2.1), written in one pass. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/note.h"
#include "build/epoch.h"
#include "build/source.h"
#include "image/squashfs_options.h"
#include "image/tree.h"

struct pack {
        const char *path;               /* absolute: the target */
        bool replace;                   /* what is there is replaced */
        const char *definition;         /* object 1 */
        const char *inspect;            /* inspect-metadata.json */
        const char *oci_config;         /* oci-config.json; NULL or empty: none */
        const char *build_architecture; /* Go's name: for the note when the files say another */
        struct epoch epoch;
        struct squashfs_options options;
};

int pack_sif(const struct pack *p, struct source *source, struct tree *tree, const struct notes *notes,
             struct err *e);

/* A SIF with a data partition that is a copy of the squashfs at [offset, offset + size) of fd. */
int pack_data(const struct pack *p, int fd, uint64_t offset, uint64_t size, struct err *e);
