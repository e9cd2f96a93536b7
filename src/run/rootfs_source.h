/* rootfs_source: how the image's root file system gets mounted.
 *
 *      directory                bound
 *      squashfs, privileged     the kernel's, through a loop device that goes with its mount
 *      squashfs otherwise       joined from the image server; also where no loop device is to be had
 *      squashfs, unpack_in      a copy that the image server makes and removes
 *      ext3, privileged         the kernel's, through a loop device
 *      ext3 otherwise           served by fuse2fs
 *
 * rootfs_source_begin() and rootfs_source_open() are called in the caller's namespaces, rootfs_source_serve()
 * in the container's user namespace, but before its pid namespace.
 */
#pragma once

#include <stdbool.h>

#include "base/clean.h"
#include "base/err.h"
#include "base/note.h"
#include "imagefs/imagefs.h"
#include "run/rootfs.h"

struct rootfs_source {
        const struct rootfs *rootfs; /* borrowed */
        int loop;                    /* owned: loop device, or -EBADF */
        bool served;                 /* by the image server: `join` is filled */
        struct imagefs_join join;
};

#define ROOTFS_SOURCE_INIT                                                                                   \
        {                                                                                                    \
                .loop = -EBADF, .join = IMAGEFS_JOIN_INIT                                                    \
        }

struct rootfs_source_settings {
        bool privileged;         /* may attach loop devices and mount squashfs */
        bool beside;             /* not the root file system, but mounted beside it */
        const char *server_path; /* the imagefs executable */
        unsigned linger_s;
        unsigned loop_max;
        bool many_ids; /* root of a user namespace in which many ids are mapped: owners are the image's */
        const char *unpack_in; /* NULL, or where the image server unpacks the image instead of serving it */
};

/* Starts what takes a while, as early as possible: an image server.  rootfs_source_open() with the same
 * rootfs and settings completes it. */
void rootfs_source_begin(struct rootfs_source *source, const struct rootfs *rootfs,
                         const struct rootfs_source_settings *settings);

int rootfs_source_open(struct rootfs_source *source, const struct rootfs *rootfs,
                       const struct rootfs_source_settings *settings, const struct notes *notes,
                       struct err *e);

/* Starts what serves an ext3 image without a loop device; nothing for others. */
int rootfs_source_serve(struct rootfs_source *source, bool privileged, struct err *e);

/* In the container's mount namespace: mounts it at `place` below `dir`, read-only.  *ret: its root. */
int rootfs_source_mount(struct rootfs_source *source, int dir, const char *place, int *ret, struct err *e);

void rootfs_source_done(struct rootfs_source *source);
#define _cleanup_rootfs_source_ __attribute__((cleanup(rootfs_source_done)))
