#include "image/squashfs_writer_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clean.h"
#include "base/text.h"

#define NAME_SIZE_MOST    255u        /* NAME_MAX of Linux */
#define LINK_SIZE_MOST    4095u       /* PATH_MAX without the terminator; newer kernels take no longer one */
#define INODES_MOST       0xfffffffeu /* 32 bits, and -1 has a meaning */
#define DEVICE_MAJOR_MOST 0xfffu      /* 12 and 20 bits: include/linux/kdev_t.h, new_encode_dev() */
#define DEVICE_MINOR_MOST 0xfffffu
#define RECORDS_PER_SLAB  1024

struct record_slab {
        struct record_slab *previous;
        struct record records[RECORDS_PER_SLAB];
};

struct record *record_new(struct record_pool *pool)
{
        if (!pool->last || pool->n_in_last == RECORDS_PER_SLAB) {
                struct record_slab *slab = text_alloc(sizeof(*slab));

                slab->previous = pool->last;
                pool->last = slab;
                pool->n_in_last = 0;
        }
        return &pool->last->records[pool->n_in_last++];
}

void record_pool_done(struct record_pool *pool)
{
        for (struct record_slab *slab = pool->last, *previous; slab; slab = previous) {
                previous = slab->previous;
                for (size_t i = 0; i < RECORDS_PER_SLAB; i++)
                        sqfs_free(slab->records[i].file);
                free(slab);
        }
        pool->last = NULL;
}

/* --- what the format cannot hold ------------------------------------------------------------------------ */

static int check_inode(const struct tree_inode *inode, struct err *e)
{
        switch (inode->mode & S_IFMT) {
        case S_IFREG:
        case S_IFDIR:
        case S_IFIFO:
        case S_IFSOCK:
                return 0;
        case S_IFLNK:
                if (inode->link && strnlen(inode->link, LINK_SIZE_MOST + 1) > LINK_SIZE_MOST)
                        return err_set(e, -E2BIG, "the link's target is longer than %u bytes",
                                       LINK_SIZE_MOST);
                return 0;
        case S_IFCHR:
        case S_IFBLK:
                if (major(inode->rdev) > DEVICE_MAJOR_MOST || minor(inode->rdev) > DEVICE_MINOR_MOST)
                        return err_set(e, -E2BIG, "device number %u:%u is larger than squashfs holds",
                                       major(inode->rdev), minor(inode->rdev));
                return 0;
        default:
                return err_set(e, -EINVAL, "mode %o is not of a file type that squashfs has", inode->mode);
        }
}

static int check_node(const struct tree_node *node, struct err *e)
{
        int r = 0;

        if (node->name_size > NAME_SIZE_MOST)
                r = err_set(e, -E2BIG, "the name is longer than %u bytes", NAME_SIZE_MOST);
        if (r == 0)
                r = check_inode(node->inode, e);
        if (r < 0) {
                _cleanup_free_ char *path = tree_path(node), *printable = text_printable(path);

                return err_ctx(e, r, "/%s", printable);
        }
        return 0;
}

/* --- the walk ------------------------------------------------------------------------------------------- */

struct walk {
        struct directory_list *list;
        struct record_pool *pool;
        struct tree_node **stack; /* owned: directories to be entered, the next one last */
        size_t n_stack, room_stack;
        struct err *e;
};

static void push(struct tree_node ***at, size_t *n, size_t *room, struct tree_node *node)
{
        if (*n == *room) {
                *room = *room ? *room * 2 : 256;
                *at = text_realloc(*at, *room * sizeof(struct tree_node *));
        }
        (*at)[(*n)++] = node;
}

static int number_inode(struct walk *w, struct tree_inode *inode)
{
        struct record *record = inode->writer;

        if (!record)
                record = inode->writer = record_new(w->pool);
        if (record->number > 0)
                return 0;
        if (w->list->n_inodes == INODES_MOST)
                return err_set(w->e, -E2BIG, "more than %u files", INODES_MOST);
        record->number = ++w->list->n_inodes;
        if (inode->mtime > w->list->newest)
                w->list->newest = inode->mtime;
        return 0;
}

static int visit(struct tree_node *child, void *user)
{
        struct walk *w = user;
        int r = check_node(child, w->e);

        if (r == 0)
                r = number_inode(w, child->inode);
        if (r == 0 && S_ISDIR(child->inode->mode))
                push(&w->stack, &w->n_stack, &w->room_stack, child);
        return r;
}

static void reverse(struct tree_node **at, size_t n)
{
        for (size_t i = 0; i < n / 2; i++) {
                struct tree_node *node = at[i];

                at[i] = at[n - 1 - i];
                at[n - 1 - i] = node;
        }
}

/* The children of a directory get numbers in a row: that is what directory headers like. */
int directory_list_make(struct directory_list *list, struct tree *tree, struct record_pool *pool,
                        struct err *e)
{
        struct walk w = { .list = list, .pool = pool, .e = e };
        int r = check_node(tree_root(tree), e);

        if (r == 0)
                r = number_inode(&w, tree_root(tree)->inode);
        push(&w.stack, &w.n_stack, &w.room_stack, tree_root(tree));
        while (r == 0 && w.n_stack > 0) {
                struct tree_node *dir = w.stack[--w.n_stack];
                size_t n_before = w.n_stack;

                push(&list->at, &list->n, &list->room, dir);
                r = tree_each(tree, dir, visit, &w);
                reverse(w.stack + n_before, w.n_stack - n_before);
        }
        free(w.stack);
        return r;
}

void directory_list_done(struct directory_list *list)
{
        free(list->at);
        *list = (struct directory_list){ 0 };
}
