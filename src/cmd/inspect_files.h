/* inspect_files: an image's metadata read from its files, wherever these are. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "image/image.h"

/* A larger file is no script, label list or help text. */
#define INSPECT_FILE_MAX ((size_t) 4 << 20)
/* Names in one directory of the image; apps and environment scripts come by the dozen at most. */
#define INSPECT_NAMES_MAX 10000

/* Paths are absolute inside the image; links lead nowhere outside.  A file that is not there, is no regular
 * file or is too large counts as missing: -ENOENT. */
struct inspect_files {
        int (*read)(void *user, const char *path, char **ret, size_t *ret_size, struct err *e);
        int (*list)(void *user, const char *path, struct text_list *ret, struct err *e);
        void *user;
};

int inspect_files_gather(const struct inspect_files *files, json_t **ret_attributes,
                         const struct notes *notes, struct err *e);

/* A directory. */
int inspect_directory(int dir, json_t **ret_attributes, const struct notes *notes, struct err *e);
/* The root file system of an image file; linked only where the squashfs library is. */
int inspect_squashfs(const struct image *image, json_t **ret_attributes, const struct notes *notes,
                     struct err *e) __attribute__((weak));
