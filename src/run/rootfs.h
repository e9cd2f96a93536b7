/* rootfs: what a launch is given to start from, or to lay over that.  run/ never learns what a SIF is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum rootfs_kind {
        ROOTFS_DIRECTORY, /* fd: the directory */
        ROOTFS_SQUASHFS,  /* fd: a file, the squashfs at [offset, offset + size) */
        ROOTFS_EXT3,      /* likewise; fd is open for writing if it is to be written */
};

struct rootfs {
        enum rootfs_kind kind;
        bool writable;     /* is to be written */
        bool allow_setuid; /* its setuid programs work */
        int fd;            /* borrowed */
        uint64_t offset;
        uint64_t size;
        const char *path; /* absolute, for APPTAINER_CONTAINER and messages */
};
