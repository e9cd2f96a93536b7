/* rootfs: what a launch is given to start from.  run/ never learns what a SIF is. */
#pragma once

#include <stdint.h>

enum rootfs_kind {
        ROOTFS_DIRECTORY, /* fd: the directory */
        ROOTFS_SQUASHFS,  /* fd: a file, the squashfs at [offset, offset + size) */
};

struct rootfs {
        enum rootfs_kind kind;
        int fd; /* borrowed */
        uint64_t offset;
        uint64_t size;
        const char *path; /* absolute, for APPTAINER_CONTAINER and messages */
};
