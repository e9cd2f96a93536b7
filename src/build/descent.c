#include "build/descent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/text.h"

void descent_init(struct descent *d, int root)
{
        *d = (struct descent){ .root = root, .deeper = { .fd = -EBADF } };
}

static void level_close(struct descent_level *level)
{
        clean_close(&level->fd);
        *level = (struct descent_level){ .fd = -EBADF };
}

void descent_reset(struct descent *d)
{
        while (d->n)
                level_close(&d->levels[--d->n]);
        level_close(&d->deeper);
}

void descent_done(struct descent *d)
{
        descent_reset(d);
}

static int open_child(int dir, const struct tree_node *node)
{
        int fd = openat(dir, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static size_t depth_of(const struct tree_node *node)
{
        size_t n = 0;

        for (; node->parent; node = node->parent)
                n++;
        return n;
}

/* Walks on below the kept levels with one descriptor at a time, from the last one if that is on the way. */
static int open_deeper(struct descent *d, const struct tree_node *const *way, size_t n)
{
        size_t from = n;

        while (d->deeper.node && from > DESCENT_LEVELS && way[from - 1] != d->deeper.node)
                from--;
        if (!d->deeper.node || from == DESCENT_LEVELS) {
                level_close(&d->deeper);
                from = DESCENT_LEVELS;
        }
        for (size_t i = from; i < n; i++) {
                int fd = open_child(i == DESCENT_LEVELS ? d->levels[DESCENT_LEVELS - 1].fd : d->deeper.fd,
                                    way[i]);

                level_close(&d->deeper);
                if (fd < 0)
                        return fd;
                d->deeper = (struct descent_level){ .node = way[i], .fd = fd };
        }
        return d->deeper.fd;
}

static int open_way(struct descent *d, const struct tree_node *const *way, size_t n)
{
        size_t kept = n < DESCENT_LEVELS ? n : DESCENT_LEVELS, same = 0;

        while (same < d->n && same < kept && d->levels[same].node == way[same])
                same++;
        if (same < d->n)
                level_close(&d->deeper);
        while (d->n > same)
                level_close(&d->levels[--d->n]);
        for (; d->n < kept; d->n++) {
                int fd = open_child(d->n ? d->levels[d->n - 1].fd : d->root, way[d->n]);

                if (fd < 0)
                        return fd;
                d->levels[d->n] = (struct descent_level){ .node = way[d->n], .fd = fd };
        }
        if (n > DESCENT_LEVELS)
                return open_deeper(d, way, n);
        return d->n ? d->levels[d->n - 1].fd : d->root;
}

int descent_open(struct descent *d, const struct tree_node *dir)
{
        size_t n = depth_of(dir);
        _cleanup_free_ const struct tree_node **way = NULL;

        if (d->n && d->n < DESCENT_LEVELS && d->levels[d->n - 1].node == dir)
                return d->levels[d->n - 1].fd;
        if (d->deeper.node == dir)
                return d->deeper.fd;
        if (n == 0)
                return d->root;
        way = text_alloc(n * sizeof(struct tree_node *));
        for (const struct tree_node *at = dir; at->parent; at = at->parent)
                way[--n] = at;
        return open_way(d, way, depth_of(dir));
}
