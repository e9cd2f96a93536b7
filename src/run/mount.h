/* mount: trees of mounts, made first and attached later.
 *
 * With open_tree(2), fsopen(2), move_mount(2) and mount_setattr(2) (Linux 5.2 and 5.12) a tree is a detached
 * mount with its flags set before anybody can see it, and it goes onto a descriptor, so that no path is
 * resolved twice.  Where a kernel lacks one of them, or a filter denies it, mount_classic.c does the same by
 * mount(2) through /proc/self/fd.  Either way: one call makes a tree, mount_attach() puts it in place.
 *
 * Flags are added to those that the source has; a flag of the host is never taken away.
 */
#pragma once

#include <stdbool.h>

#include "base/clean.h"
#include "base/err.h"

enum mount_flags {
        MOUNT_RECURSIVE = 1 << 0, /* with what is mounted below; read-only then holds for that too */
        MOUNT_NOSUID = 1 << 1,
        MOUNT_NODEV = 1 << 2,
        MOUNT_NOEXEC = 1 << 3,
        MOUNT_READONLY = 1 << 4,
};

struct mount_tree {
        int fd;         /* owned; before mount_attach(): the detached mount, or (classic) what is to be bound;
                           behind it: the root of the attached mount */
        bool classic;   /* to be attached by mount(2) */
        unsigned flags; /* classic: what is left to be done */
        const char *type;    /* classic, a new file system: borrowed */
        const char *source;  /* likewise; NULL: `device` */
        char device[32];     /* likewise: the name of a loop device */
        const char *options; /* likewise */
};

#define MOUNT_TREE_INIT                                                                                      \
        {                                                                                                    \
                .fd = -EBADF                                                                                 \
        }

/* A copy of what is mounted at a path below `dir` (AT_FDCWD: the host).  path "" is `dir` itself. */
int mount_bind(struct mount_tree *tree, int dir, const char *path, unsigned flags, struct err *e);

/* A new file system.  source: a device, or NULL; options: "key=value,flag,…", or NULL. */
int mount_new(struct mount_tree *tree, const char *type, const char *source, const char *options,
              unsigned flags, struct err *e);

/* Takes a detached mount that came from elsewhere. */
int mount_adopt(struct mount_tree *tree, int fd, unsigned flags, struct err *e);

/* Attaches at a path below `root`, which is resolved by the rules of fd_open_in(); -ENOENT when it is
 * missing. */
int mount_attach(struct mount_tree *tree, int root, const char *target, struct err *e);

/* Attaches over "/" of this process: paths from "/" go on leading below it, only tree->fd leads into it. */
int mount_attach_over_root(struct mount_tree *tree, struct err *e);

void mount_tree_done(struct mount_tree *tree);
#define _cleanup_mount_tree_ __attribute__((cleanup(mount_tree_done)))
