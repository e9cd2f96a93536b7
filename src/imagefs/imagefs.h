/* imagefs: one image server per user and image on a node, and how a start joins it.
 *
 *      start 1 ── connect fails ── binds the name ── spawns libexec/apptainer/imagefs ─┐
 *      start 2..n ── connect ─────────────────────────────────────────────────────────┤
 *                                                                                     v
 *                               imagefs: new user + mount namespace, FUSE mount, answers each start with
 *                               [user namespace fd, detached clone of the mount]
 *
 * The meeting place is an abstract unix socket named by what is served (device, inode, size, times and offset
 * of the image, id map) and for whom (uid, user namespace, and the cgroup whose end would kill the server):
 * the kernel frees the name with its owner, so nothing can be left behind or be stale; binding it is the
 * election.  Both sides check the other's uid (SO_PEERCRED); a name that somebody else sits on only costs the
 * sharing.
 *
 * A start registers its lease: a descriptor of a file system that lives as long as its mount namespace.  When
 * that file system is gone (inotify IN_UNMOUNT), the lease is; the server ends when no lease and no start was
 * there for the linger time.  Until then an open lease socket counts as a lease, so a process that needs no
 * container of its own may simply keep it open.
 *
 * Order of calls: imagefs_begin() early, if there is something else to do; imagefs_connect(); setns(userns),
 * unshare(CLONE_NEWNS), move_mount(mount); make the session tmpfs; imagefs_lease() with a directory of it;
 * imagefs_join_done().
 *
 * Sources: unix(7) (abstract names, SO_PEERCRED, SCM_RIGHTS), inotify(7) IN_UNMOUNT, open_tree(2).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Whose the files appear to be. */
enum imagefs_ids {
        IMAGEFS_IDS_CALLER = 0, /* all the caller's; a user namespace in which only the caller is mapped */
        IMAGEFS_IDS_ROOT = 1,   /* all root's; a user namespace in which the caller is root, nobody else */
        IMAGEFS_IDS_IMAGE = 2,  /* as in the image; no user namespace: for real root only */
        IMAGEFS_IDS_CALLER_ONLY = 4, /* as CALLER, but only processes with the caller's uid and gid get at the
                                        files, and those in any user namespace: for an image beside another */
};

struct imagefs_request {
        int image_fd;    /* borrowed: regular file, open for reading */
        uint64_t offset; /* of the squashfs in it */
        uint64_t size;
        const char *server_path; /* the imagefs executable */
        unsigned linger_s;       /* how long the server stays after its last container */
        enum imagefs_ids ids;
        const char *unpack_in; /* NULL, or an absolute directory: not through FUSE but from an unpacked copy
                                  there, which the server makes and removes */
};

struct imagefs_join {
        int userns;  /* owned: the user namespace all containers of this image share; -EBADF: stay in yours */
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

/* Begins what imagefs_connect() completes, and waits for nobody: a server that has to be started does so
 * while the caller prepares the rest.  No error: imagefs_connect() meets it again.  Whoever does not go on to
 * connect closes `ret` as after a join.  Not for threads: forks. */
void imagefs_begin(const struct imagefs_request *request, struct imagefs_join *ret);

/* Finds or starts the server and gets the descriptors.  `ret` as initialised, or begun with the same request.
 * Errors of the server (no /dev/fuse, user namespaces off, a broken image) come back as its own message and
 * hint.  Waits for the server without a time limit; a server that dies meanwhile is replaced.  Not for
 * threads: forks. */
int imagefs_connect(const struct imagefs_request *request, struct imagefs_join *ret, struct err *e);

/* Tells the server that this start lives as long as the file system of `fd` (a directory of a tmpfs that only
 * the container's mount namespace holds), and closes the lease socket. */
int imagefs_lease(struct imagefs_join *join, int fd, struct err *e);

void imagefs_join_done(struct imagefs_join *join);
#define _cleanup_imagefs_join_ __attribute__((cleanup(imagefs_join_done)))
