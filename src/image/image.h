/* image: what a path given as IMAGE is, opened once.
 *
 * The order of tries and the tests are those of spec image-formats.md, 3.1-3.4: directory, SIF, squashfs,
 * ext3.  The descriptor stays open and everything later (mount, verify, inspect) uses it, never the path
 * again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "image/sif.h"
#include "image/squashfs_super.h"

enum image_kind { IMAGE_SANDBOX, IMAGE_SIF, IMAGE_SQUASHFS, IMAGE_EXT3 };

/* The root file system inside the image. */
enum image_rootfs {
        IMAGE_ROOTFS_DIRECTORY,
        IMAGE_ROOTFS_SQUASHFS,
        IMAGE_ROOTFS_EXT3,
        IMAGE_ROOTFS_ENCRYPTED, /* LUKS2 */
        IMAGE_ROOTFS_GOCRYPTFS,
};

struct image {
        int fd;     /* owned: the file or directory */
        char *path; /* owned: absolute, links resolved */
        enum image_kind kind;
        enum image_rootfs rootfs;
        uint64_t offset; /* of the root file system in the file */
        uint64_t size;
        struct stat status;
        struct sif sif;              /* kind IMAGE_SIF: loaded, read-only */
        struct squashfs_super super; /* rootfs IMAGE_ROOTFS_SQUASHFS */
};

#define IMAGE_INIT                                                                                           \
        {                                                                                                    \
                .fd = -EBADF                                                                                 \
        }

/* Opens and recognises; pipes and devices are refused without blocking.  need_rootfs: a SIF without a usable
 * primary partition, or of an architecture that cannot run here, is an error (both architectures named), and
 * so is "/" as sandbox.  Without need_rootfs a SIF whose root file system is missing or broken has size 0.
 * -ENOEXEC: none of the formats; -ENOTSUP: of a kind, or an architecture, that does not run here. */
int image_open(struct image *image, const char *path, bool need_rootfs, struct err *e);

/* For an image opened without need_rootfs: says why a SIF has no root file system, or 0 when it has one,
 * whatever its architecture. */
int image_find_rootfs(struct image *image, struct err *e);

void image_done(struct image *image);

#define _cleanup_image_ __attribute__((cleanup(image_done)))
