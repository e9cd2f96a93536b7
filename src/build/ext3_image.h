/* ext3_image: a new ext3 file system to be written through an overlay: upper/ for the files, work/ for
 * overlayfs (spec image-formats.md, 2.6).  mkfs.ext3 (e2fsprogs) makes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct ext3_image_request {
        uint64_t size_bytes;
        bool sparse;         /* blocks are taken when they are written */
        bool as_root;        /* all is root's, for containers in which the user is root; else the caller's */
        const char *scratch; /* absolute directory for what mkfs.ext3 copies */
        const struct text_list *directories; /* made below upper/ */
};

/* Fills an empty file. */
int ext3_image_make(int fd, const struct ext3_image_request *request, struct err *e);
