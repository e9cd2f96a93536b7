/* imagefs: one image server per user and image on a node, and how a start joins it.
 *
 *      start 1 ── connect fails ── binds the name ── spawns libexec/apptainer/imagefs ─┐
 *      start 2..n ── connect ─────────────────────────────────────────────────────────┤
 *                                                                                     v
 *                               imagefs: new user + mount namespace, FUSE mount, answers each start with
 *                               [user namespace fd, detached clone of the mount]
 *
 * The meeting place is an abstract unix socket named by what is served (device, inode, size, mtime and offset
 * of the image, uid, id map): the kernel frees the name with its owner, so nothing can be left behind or be
 * stale; binding it is the election.  Both sides check the other's uid (SO_PEERCRED); a name that somebody
 * else sits on only costs the sharing.
 *
 * A start registers its lease: a descriptor of a file system that lives as long as its mount namespace.  When
 * that file system is gone (inotify IN_UNMOUNT), the lease is; the server ends when no lease and no start was
 * there for the linger time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct imagefs_request {
        int image_fd;    /* borrowed: regular file, open for reading */
        uint64_t offset; /* of the squashfs in it */
        uint64_t size;
        const char *server_path; /* the imagefs executable */
        unsigned linger_s;       /* how long the server stays after its last container */
};

struct imagefs_join {
        int userns;  /* owned: the user namespace all containers of this image share */
        int mount;   /* owned: detached mount of the image; -EBADF where the kernel has no open_tree(2) */
        int mountns; /* owned: the server's mount namespace when `mount` is -EBADF: join it and unshare from
                        there */
        int lease;   /* owned: connected socket, see imagefs_lease() */
        char mount_path[64]; /* where the image is mounted in `mountns` */
};

#define IMAGEFS_JOIN_INIT                                                                                    \
        {                                                                                                    \
                .userns = -EBADF, .mount = -EBADF, .mountns = -EBADF, .lease = -EBADF                        \
        }

/* Finds or starts the server and gets the descriptors.  Errors of the server (no /dev/fuse, user namespaces
 * off, a broken image) come back as its own message and hint. */
int imagefs_connect(const struct imagefs_request *request, struct imagefs_join *ret, struct err *e);

/* Tells the server that this start lives as long as the file system of `fd` (a directory of a tmpfs that only
 * the container's mount namespace holds), and closes the lease socket. */
int imagefs_lease(struct imagefs_join *join, int fd, struct err *e);

void imagefs_join_done(struct imagefs_join *join);
#define _cleanup_imagefs_join_ __attribute__((cleanup(imagefs_join_done)))
