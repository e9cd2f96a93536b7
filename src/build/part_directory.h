/* part_directory: a directory that appears whole or not at all, as base/output.h does for files.
 *
 * While it is being filled it is ".NAME.PID-HOST.part~" beside the target, locked (flock) by its writer; what
 * a killed writer left is swept by the next one on that host that builds the same target.  The host is part
 * of the name because locks on directories of a network file system hold on one host only.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct part_directory {
        int parent;      /* owned: the target's directory */
        int fd;          /* owned: the directory being filled, locked */
        char *path;      /* owned: the target as named, for messages */
        char *name;      /* owned: last component of the target */
        char *temporary; /* owned: name of the directory being filled; NULL once committed */
};

#define PART_DIRECTORY_INIT                                                                                  \
        {                                                                                                    \
                .parent = -EBADF, .fd = -EBADF                                                               \
        }

/* Makes an empty directory, mode 0700, that will become `path`. */
int part_directory_open(struct part_directory *p, const char *path, struct err *e);

/* Gives it its name.  replace: what is at the target is exchanged for it at once, then removed with all that
 * is below; otherwise -EEXIST. */
int part_directory_commit(struct part_directory *p, bool replace, struct err *e);

/* Removes what was not committed. */
void part_directory_done(struct part_directory *p);

/* Removes leftovers of dead writers. */
void part_directory_sweep(const char *path);

/* For a file that takes the place of a directory: renames the directory away (nothing happens when `path` is
 * none), and later either puts it back or removes it with all that is below. */
int part_directory_set_aside(struct part_directory *p, const char *path, struct err *e);
void part_directory_put_back(struct part_directory *p);
int part_directory_discard(struct part_directory *p, struct err *e);

#define _cleanup_part_directory_ __attribute__((cleanup(part_directory_done)))
