/* walk: through a whole tree in the order of names, however deep it is. */
#pragma once

#include "image/tree.h"

struct walk {
        /* Every node, a directory before what is in it.  The root is a node too. */
        int (*enter)(struct tree_node *node, void *user);
        /* Every directory after what is in it; may be NULL. */
        int (*leave)(struct tree_node *dir, void *user);
        void *user;
};

/* Stops at and returns the first nonzero result.  The visits may change inodes, not names. */
int walk_tree(struct tree *t, const struct walk *walk);
