/* descent: opens the directories of a tree that lies on disk, by descriptors from the root down, never
 * following a link.
 *
 * The way to the directory opened last is kept open, so that going through a tree in order opens each
 * directory once.
 */
#pragma once

#include <stddef.h>

#include "image/tree.h"

#define DESCENT_LEVELS 64 /* directories kept open; what lies deeper is walked to again */

struct descent_level {
        const struct tree_node *node;
        int fd;
};

struct descent {
        int root; /* borrowed: the directory that the tree's root is */
        struct descent_level levels[DESCENT_LEVELS];
        size_t n;
        struct descent_level deeper; /* the last one below the kept levels */
};

void descent_init(struct descent *d, int root);
void descent_done(struct descent *d);

/* A descriptor of `dir`, borrowed until the next call.  Or a negative errno: -ELOOP, -ENOTDIR when the
 * directory is something else by now. */
int descent_open(struct descent *d, const struct tree_node *dir);

/* Forgets all: after directories were renamed or removed. */
void descent_reset(struct descent *d);

#define _cleanup_descent_ __attribute__((cleanup(descent_done)))
