#include "build/walk.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"

/* Directories that are entered and not left; the children still to come lie behind one another in `nodes`. */
struct walker {
        struct tree_node **nodes;
        size_t n, room;
        struct tree_node **open;
        size_t n_open, room_open;
};

static void push(struct tree_node ***nodes, size_t *n, size_t *room, struct tree_node *node)
{
        if (*n == *room) {
                *room = *room ? *room * 2 : 64;
                *nodes = text_realloc(*nodes, *room * sizeof(struct tree_node *));
        }
        (*nodes)[(*n)++] = node;
}

static int push_child(struct tree_node *child, void *user)
{
        struct walker *w = user;

        push(&w->nodes, &w->n, &w->room, child);
        return 0;
}

/* The children lie in order; what is taken next is the last. */
static void reverse(struct tree_node **nodes, size_t n)
{
        for (size_t i = 0; i < n / 2; i++) {
                struct tree_node *other = nodes[n - 1 - i];

                nodes[n - 1 - i] = nodes[i];
                nodes[i] = other;
        }
}

static int enter(struct walker *w, struct tree *t, struct tree_node *node, const struct walk *walk)
{
        int r = walk->enter(node, walk->user);
        size_t first = w->n;

        if (r || !S_ISDIR(node->inode->mode))
                return r;
        push(&w->open, &w->n_open, &w->room_open, node);
        tree_each(t, node, push_child, w);
        reverse(w->nodes + first, w->n - first);
        return 0;
}

/* Leaves the directories that `node` is not in; NULL: all. */
static int leave_until(struct walker *w, const struct tree_node *parent, const struct walk *walk)
{
        while (w->n_open && w->open[w->n_open - 1] != parent) {
                struct tree_node *dir = w->open[--w->n_open];
                int r = walk->leave ? walk->leave(dir, walk->user) : 0;

                if (r)
                        return r;
        }
        return 0;
}

int walk_tree(struct tree *t, const struct walk *walk)
{
        struct walker w = { 0 };
        int r = enter(&w, t, tree_root(t), walk);

        while (r == 0 && w.n) {
                struct tree_node *node = w.nodes[--w.n];

                r = leave_until(&w, node->parent, walk);
                if (r == 0)
                        r = enter(&w, t, node, walk);
        }
        if (r == 0)
                r = leave_until(&w, NULL, walk);
        free(w.nodes);
        free(w.open);
        return r;
}
