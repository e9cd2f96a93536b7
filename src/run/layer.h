/* layer: mount points that the image lacks, and the container's root made of them and the image.
 *
 * Targets are looked up in the image by its own links, without leaving it.  What is missing is made in a
 * directory of the session, which is then laid over the image by overlayfs, read-only.  Where that is not to
 * be had (a kernel before 5.11 in a user namespace, an image directory on a file system that overlayfs does
 * not like) the underlay does: a skeleton in the session of the directories on the way to each missing mount
 * point, with everything else of the image bound into it.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/note.h"
#include "run/overlay.h"
#include "run/session.h"

struct layer {
        int session;                 /* borrowed */
        struct overlay_stack *stack; /* borrowed; mounted */
        int image;                   /* borrowed, or `lookup`: what targets are looked up in */
        int lookup;                  /* owned: the image and its overlays together; -EBADF without them */
        int points;                  /* owned: the directory of mount points */
        bool used;                   /* something is missing */
        char *parent; /* owned: where the last mount point was made: many are made in one directory */
};

#define LAYER_INIT                                                                                           \
        {                                                                                                    \
                .lookup = -EBADF, .points = -EBADF                                                           \
        }

/* Where a target is in the image. */
struct layer_place {
        char *path;        /* owned: by no more links, without '/' in front; "" is the root */
        bool exists;       /* in the image */
        bool through_link; /* a link was on the way */
};

/* image: its root. */
int layer_init(struct layer *layer, const struct session *session, int image, struct overlay_stack *stack,
               struct err *e);

/* own_name: a link at the target itself is not followed, and counts as missing. */
int layer_find(const struct layer *layer, const char *target, bool own_name, struct layer_place *ret);
/* Makes a directory or an empty file that the image does not have. */
int layer_add(struct layer *layer, const char *path, bool directory);
int layer_add_link(struct layer *layer, const char *path, const char *text);

/* Mounts the root of the container; *ret is a descriptor of it.  underlay: do not try overlayfs. */
int layer_mount(struct layer *layer, bool underlay, const struct notes *notes, int *ret, struct err *e);

void layer_done(struct layer *layer);
#define _cleanup_layer_ __attribute__((cleanup(layer_done)))
