/* fuse_mounts: the FUSE file systems of --fusemount, and the programs that serve them.
 *
 * The device is opened in the container's user namespace, where the kernel wants it mounted; the program gets
 * it as descriptor 3 and /dev/fd/3 as its mount point, so that it mounts nothing itself.
 *
 *      container   started inside, by process 1, before anything is looked up in the container
 *      host        started before any namespace is left, so that it is on the host in every respect; it waits
 *                  for the device
 *
 * No program outlives the container: those inside end with its pid namespace, all get SIGTERM when the
 * container ends or when whoever started them is killed, and the device of a container that is gone answers
 * ENODEV.  Spec runtime.md, 3.15.
 *
 * Order of calls: fuse_mounts_prepare() with the caller's namespaces, fuse_mounts_open() in the container's
 * user namespace, mounting, fuse_mounts_start() in its root; fuse_mounts_release() in every process;
 * fuse_mounts_stop_…() at the end.
 */
#pragma once

#include "base/err.h"
#include "base/text.h"
#include "run/plan.h"

struct fuse_mount {
        const struct plan_fuse *plan;
        int device;  /* owned */
        int waiting; /* owned: socket to the program's process on the host */
        pid_t pid;   /* 0: not started */
};

struct fuse_mounts {
        struct fuse_mount *at; /* owned: in the order of the plan's */
        size_t n;
};

#define FUSE_MOUNTS_INIT                                                                                     \
        {                                                                                                    \
                .at = NULL, .n = 0                                                                           \
        }

int fuse_mounts_prepare(struct fuse_mounts *mounts, const struct plan *plan, struct err *e);
int fuse_mounts_open(struct fuse_mounts *mounts, struct err *e);

/* Mount options of one, for the process that mounts; the caller frees them. */
char *fuse_mounts_options(const struct fuse_mounts *mounts, const struct plan *plan, size_t index);

/* Starts the programs.  plan: whose privileges those inside get. */
int fuse_mounts_start(struct fuse_mounts *mounts, const struct plan *plan, struct err *e);

/* Closes the devices: of a program that has died they would keep the file system hanging. */
void fuse_mounts_release(struct fuse_mounts *mounts);

/* SIGTERM, and waits a few seconds.  By the process that prepared them; by process 1.  user: a struct
 * fuse_mounts. */
void fuse_mounts_stop_host(void *user);
void fuse_mounts_stop_inside(void *user);

void fuse_mounts_done(struct fuse_mounts *mounts);
