/* fuse_program: a file system that a program of the machine serves through FUSE (fuse2fs, fuse-overlayfs).
 *
 *      start ── fork ── keeper ── fork ── program
 *                        hands the mount to the start and ends
 *
 * The keeper has a mount namespace of its own, in which the program mounts; it clones that mount, takes it
 * off there, and hands the clone over.  So the container holds the only mount: when its last process is gone,
 * however it ended, the kernel closes the program's connection, the program writes what it still has and
 * ends, and with it the locks on descriptors that it was given.
 *
 * Order of calls: fuse_program_prepare() in the container's user namespace, but before its pid namespace, at
 * whose end the program would be killed; fuse_program_mount(); fuse_program_done() without a mount sends the
 * keeper away.  Needs Linux 5.2 (open_tree(2)).
 */
#pragma once

#include "base/clean.h"
#include "base/err.h"

struct fuse_program {
        int keeper; /* owned: socket; -EBADF: none */
};

#define FUSE_PROGRAM_INIT                                                                                    \
        {                                                                                                    \
                .keeper = -EBADF                                                                             \
        }

/* Absolute path of a program by PATH and where administrators' programs are; the caller frees it.  NULL: not
 * installed. */
char *fuse_program_find(const char *name);

int fuse_program_prepare(struct fuse_program *p, struct err *e);

/* Runs `argv` (NULL behind it, argv[0] absolute) and returns the mount that it makes, detached.  What it says
 * on standard error when it fails is the error.
 *
 * fd: a file, which the program has as descriptor FUSE_PROGRAM_FD, and it mounts on "."; or, with place, a
 * detached tree of mounts, which is the program's working directory, and it mounts on `place` in that. */
#define FUSE_PROGRAM_FD 3
int fuse_program_mount(struct fuse_program *p, const char *const *argv, int fd, const char *place,
                       struct err *e);

static inline void fuse_program_done(struct fuse_program *p)
{
        clean_close(&p->keeper);
        p->keeper = -EBADF;
}
