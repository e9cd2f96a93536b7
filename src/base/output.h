/* output: a file that appears whole or not at all.
 *
 * output_open(), write to output_fd(), output_commit(); output_done() in any case.  Where the file system has
 * O_TMPFILE the unfinished file has no name, so a killed process leaves nothing.  Elsewhere it is
 * ".NAME.PID.part~" beside the target, and output_sweep() of a later run removes those whose writer is gone
 * (a lock held on the file tells). Source: open(2) O_TMPFILE, linkat(2), rename(2).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct output {
        int fd;          /* owned; read-write */
        int dir;         /* owned: the target's directory */
        char *path;      /* owned: the target as named, for messages */
        char *name;      /* owned: last component of the target */
        char *temporary; /* owned: name of the unfinished file, NULL while it has none */
};

#define OUTPUT_INIT                                                                                          \
        {                                                                                                    \
                .fd = -EBADF, .dir = -EBADF                                                                  \
        }

/* Starts a file that will become `path` with `mode` (before umask).  The directory must exist. */
int output_open(struct output *o, const char *path, mode_t mode, struct err *e);

/* Flushes the bytes to disk and gives the file its name.  replace: an existing file (not directory) at the
 * target is atomically replaced; otherwise -EEXIST. */
int output_commit(struct output *o, bool replace, struct err *e);

/* Drops what was not committed. */
void output_done(struct output *o);

/* Removes unfinished files of dead writers that would have become `path`. */
void output_sweep(const char *path);

#define _cleanup_output_ __attribute__((cleanup(output_done)))
