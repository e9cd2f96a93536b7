/* server_files: FUSE requests, answered from the image.
 *
 * The image cannot change, so every answer is good for ever: names, absent names, attributes, listings and
 * links stay in the kernel, and open and opendir need no request at all (ENOSYS; Linux 3.16, 5.1).  A node's
 * number is its inode's reference in the image plus 2 (1 is the root's), so nothing needs to be remembered
 * about what the kernel knows, and "forget" has nothing to do.
 *
 * Source: linux/fuse.h, fuse_lowlevel.h.
 */
#pragma once

#include <fuse_lowlevel.h>

#include "base/err.h"
#include "image/squashfs_reader.h"
#include "imagefs/server.h"
#include "imagefs/server_data.h"
#include "imagefs/server_mount.h"

struct files {
        const struct squashfs_reader *reader; /* borrowed: each thread has a clone */
        struct data *data;                    /* borrowed */
        bool own_ids;                         /* all files belong to uid and gid */
        uid_t uid;
        gid_t gid;
};

/* A session over the device of `m`, which it takes. */
int files_session_new(struct fuse_session **ret, struct files *files, struct server_mount *m, struct err *e);
/* What each thread needs: for workers_new(). */
void *files_thread_started(void *files);
