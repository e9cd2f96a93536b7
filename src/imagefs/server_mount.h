/* server_mount: the namespaces and the mount of the image: FUSE's, or of the directory with its unpacked
 * copy.
 *
 * The mount lives in a mount namespace of the server's own, whose root is an empty tmpfs: nothing of the host
 * is kept busy.  Starts get detached clones of it (open_tree).  Where the kernel lacks fsopen(2) and
 * open_tree(2) (before Linux 5.2), the namespace keeps the host's mounts, the image lies on a directory that
 * no container has a use for, and starts get the namespace instead.
 *
 * Source: fuse(4) mount options; kernel fs/fuse/inode.c: /dev/fuse must be opened in the user namespace that
 * mounts; user_namespaces(7).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "imagefs/server.h"

struct server_mount {
        int fuse;    /* owned: /dev/fuse of the mount; given to the FUSE session.  -EBADF: a directory */
        int userns;  /* owned; -EBADF with IMAGEFS_IDS_IMAGE */
        int mountns; /* owned; -EBADF unless by_namespace */
        int tree;    /* owned: the mount, to clone; -EBADF with by_namespace */
        bool by_namespace;
        bool caller_only;   /* nobody else gets in */
        bool old_root_left; /* over the root of the namespace, see server_mount_settle() */
        char path[64];      /* of the mount in the namespace */
        unsigned uid, gid;  /* whose the files are, inside; not used with IMAGEFS_IDS_IMAGE */
};

#define SERVER_MOUNT_INIT                                                                                    \
        {                                                                                                    \
                .fuse = -EBADF, .userns = -EBADF, .mountns = -EBADF, .tree = -EBADF                          \
        }

/* directory: of an unpacked copy; NULL: FUSE.  Must be called while the process has one thread. */
int server_mount_make(struct server_mount *m, const struct server_options *options, const char *directory,
                      struct err *e);
/* Lets go of the host's mounts, of which the server keeps none.  Takes milliseconds, since the kernel waits
 * for all processors: to be called when nobody waits.  Harmless to call again. */
void server_mount_settle(struct server_mount *m);
/* What a start gets: a new descriptor, owned by the caller, or a negative errno. */
int server_mount_clone(const struct server_mount *m);
/* Lets go of the mount: the file system lives on until its last user has gone, and the FUSE device tells. */
void server_mount_drop(struct server_mount *m);
