/* data_images: image files of which something is bound (--bind FILE:TARGET:image-src=PATH).
 *
 * Each is mounted in the session beside the container's image, in the same ways; the mounts of the plan then
 * bind parts of them.  For users the image server lets only the caller's own processes in: its files would be
 * closed to the user namespace of another image otherwise.
 *
 * Order of calls: data_images_open() in the caller's namespaces, data_images_serve() in the container's user
 * namespace, but before its pid namespace, data_images_mount() in the container's mount
 * namespace, data_images_done().  Spec runtime.md, 3.13.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/note.h"
#include "run/rootfs_source.h"
#include "run/session.h"

struct data_image {
        struct rootfs_source source;
        int root; /* owned: once it is mounted */
};

struct data_images {
        struct data_image *at; /* owned: in the order of the plan's images */
        size_t n;
};

#define DATA_IMAGES_INIT                                                                                     \
        {                                                                                                    \
                .at = NULL, .n = 0                                                                           \
        }

/* files: one per image of the plan, borrowed. */
int data_images_open(struct data_images *images, const struct rootfs *files, size_t n,
                     const struct rootfs_source_settings *settings, const struct notes *notes, struct err *e);
int data_images_serve(struct data_images *images, bool privileged, struct err *e);
int data_images_mount(struct data_images *images, const struct session *session, struct err *e);

/* A descriptor of `path` in an image, by the image's own links; the caller closes it. */
int data_images_find(const struct data_images *images, size_t image, const char *path, struct err *e);

void data_images_done(struct data_images *images);
