/* server_unpack: the image as an unpacked copy in a directory, for machines where FUSE is not to be had.
 *
 * The copy is shared like the mount it stands for, and goes when the server ends.  It lies in a directory of
 * the server's own, "apptainer-unpacked-UID-XXXXXX", which is locked (flock) as long as the server lives:
 * what a killed server left behind is not locked, and the next one of the same user removes it.
 */
#pragma once

#include "base/err.h"
#include "image/squashfs_reader.h"
#include "imagefs/server.h"

#define UNPACK_NAME "apptainer-unpacked-"

struct unpacked {
        int parent;      /* owned: the directory that was asked for */
        int lock;        /* owned: our directory in it */
        char name[64];   /* of our directory */
        char path[4096]; /* of the copy */
};

#define UNPACKED_INIT                                                                                        \
        {                                                                                                    \
                .parent = -EBADF, .lock = -EBADF                                                             \
        }

/* Takes as long as it takes.  To be called in the namespaces of the starter. */
int unpack_make(struct unpacked *u, const struct server_options *options, struct squashfs_reader *reader,
                struct err *e);
/* Removes the copy; with nothing made, nothing. */
void unpack_remove(struct unpacked *u);
