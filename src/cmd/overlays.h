/* overlays: the images and directories of --overlay, and the overlay partitions of a SIF, opened.
 *
 * Which partitions count: spec image-formats.md, 3.4; what is written and what only read: runtime.md, 4.2.
 */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "base/text.h"
#include "config/config.h"
#include "image/image.h"
#include "run/rootfs.h"

struct overlays {
        struct image *images; /* owned: those of --overlay, in order */
        size_t n_images;
        struct rootfs *layers; /* owned: lowest first; descriptors are the images', or `fds` */
        size_t n_layers;
        int *fds; /* owned: opened for writing */
        size_t n_fds;
};

#define OVERLAYS_INIT                                                                                        \
        {                                                                                                    \
                .images = NULL                                                                               \
        }

/* Adds the overlay partitions of the image to be started, which are below all others.  writable: its ext3
 * partition is to be written; -ENOENT when it has none. */
int overlays_add_image(struct overlays *overlays, const struct image *image, bool writable, struct err *e);

/* An ext3 root file system, which is opened and locked as such an overlay is. */
int overlays_open_root(struct overlays *overlays, const struct image *image, struct rootfs *root,
                       struct err *e);

/* Adds one "PATH[:ro]". */
int overlays_add(struct overlays *overlays, const char *argument, const struct config *config,
                 const struct notes *notes, struct err *e);

void overlays_done(struct overlays *overlays);
