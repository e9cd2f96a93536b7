/* bound_images: the image files of which something is bound, opened and their partitions chosen.
 *
 * Which partition: spec image-formats.md, 3.6.
 */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "image/image.h"
#include "run/plan.h"
#include "run/rootfs.h"

struct bound_images {
        struct image *images; /* owned */
        struct rootfs *files; /* owned: one per image of the plan, in its order */
        int *writing;         /* owned: descriptors of those that are written; the others' are the images' */
        size_t n;
};

#define BOUND_IMAGES_INIT                                                                                    \
        {                                                                                                    \
                .images = NULL                                                                               \
        }

int bound_images_open(struct bound_images *bound, const struct plan *plan, const struct notes *notes,
                      struct err *e);
void bound_images_done(struct bound_images *bound);
