/* How a tree is kept in memory:
 *
 * 1. All names are in one hash index over (parent, name), chained through the nodes.  The hash is keyed by a
 *    random seed, so that names chosen by an image cannot make the chains long.
 * 2. A directory has a list of its children in order of arrival.  Their order by name is computed when
 *    somebody asks and kept until the directory changes.
 * 3. Nothing here recurses: an image may nest directories as deep as it likes.
 *
 * One file with a name of 20 bytes costs about 270 bytes.
 */
#include "image/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clean.h"
#include "base/text.h"

#define BUCKETS_FIRST 1024
#define LINKS_MAX     40 /* the kernel's limit, path_resolution(7) */

struct entry;

struct children {
        struct entry *first, *last;
        size_t n;
        size_t n_changes;
        struct entry **sorted; /* owned; NULL while not known */
};

struct entry {
        struct tree_node node; /* first: a tree_node is an entry */
        struct entry *chain;   /* next in the same bucket */
        struct entry *next, *previous;
        struct children *children; /* owned, directories only */
        uint32_t hash;
        char name[]; /* terminated; node.name points here */
};

struct tree {
        struct entry *root;
        struct entry **buckets;
        size_t n_buckets; /* a power of two */
        size_t n;
        uint64_t seed;
};

static struct entry *entry_of(const struct tree_node *node)
{
        return (struct entry *) (uintptr_t) node;
}

/* --- inodes ------------------------------------------------------------------------------------------- */

static struct tree_inode *inode_new(uint32_t mode)
{
        struct tree_inode *inode = text_alloc(sizeof(*inode));

        inode->mode = mode;
        inode->n_links = 1;
        return inode;
}

static void inode_unlink(struct tree_inode *inode)
{
        if (--inode->n_links > 0)
                return;
        tree_xattr_clear(inode);
        free(inode->link);
        free(inode->bytes);
        free(inode);
}

void tree_xattr_set(struct tree_inode *inode, const char *name, const void *value, size_t value_size)
{
        struct tree_xattr **place = &inode->xattrs;

        while (*place && strcmp((*place)->name, name) != 0)
                place = &(*place)->next;
        if (!*place) {
                *place = text_alloc(sizeof(**place));
                (*place)->name = text_dup(name);
        }
        free((*place)->value);
        (*place)->value = text_alloc(value_size > 0 ? value_size : 1);
        if (value_size > 0)
                memcpy((*place)->value, value, value_size);
        (*place)->value_size = value_size;
}

void tree_xattr_clear(struct tree_inode *inode)
{
        for (struct tree_xattr *x = inode->xattrs, *next; x; x = next) {
                next = x->next;
                free(x->name);
                free(x->value);
                free(x);
        }
        inode->xattrs = NULL;
}

/* --- the index of names ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
        unsigned __int128 product =
                (unsigned __int128) (a ^ 0xa0761d6478bd642full) * (b ^ 0xe7037ed1a0b428dbull);

        return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static uint32_t hash_name(const struct tree *t, const struct tree_node *dir, const char *name, size_t size)
{
        uint64_t hash = mix(t->seed, (uint64_t) (uintptr_t) dir);

        for (; size >= 8; name += 8, size -= 8) {
                uint64_t word;

                memcpy(&word, name, 8);
                hash = mix(hash ^ word, t->seed);
        }
        uint64_t rest = (uint64_t) size << 56;
        for (size_t i = 0; i < size; i++)
                rest |= (uint64_t) (uint8_t) name[i] << (8 * i);
        hash = mix(hash ^ rest, ~t->seed);
        return (uint32_t) (hash ^ (hash >> 32));
}

static struct entry **bucket_of(const struct tree *t, uint32_t hash)
{
        return &t->buckets[hash & (t->n_buckets - 1)];
}

static void index_grow(struct tree *t)
{
        size_t n_old = t->n_buckets;
        _cleanup_free_ struct entry **old = t->buckets;

        t->n_buckets = n_old * 2;
        t->buckets = text_alloc(t->n_buckets * sizeof(struct entry *));
        for (size_t i = 0; i < n_old; i++) {
                for (struct entry *en = old[i], *next; en; en = next) {
                        struct entry **bucket = bucket_of(t, en->hash);

                        next = en->chain;
                        en->chain = *bucket;
                        *bucket = en;
                }
        }
}

static void index_add(struct tree *t, struct entry *en)
{
        struct entry **bucket;

        if (t->n >= t->n_buckets)
                index_grow(t);
        bucket = bucket_of(t, en->hash);
        en->chain = *bucket;
        *bucket = en;
}

static void index_remove(struct tree *t, const struct entry *en)
{
        struct entry **place = bucket_of(t, en->hash);

        while (*place != en)
                place = &(*place)->chain;
        *place = en->chain;
}

struct tree_node *tree_child(struct tree *t, struct tree_node *dir, const char *name, size_t name_size)
{
        uint32_t hash = hash_name(t, dir, name, name_size);

        for (struct entry *en = *bucket_of(t, hash); en; en = en->chain) {
                if (en->hash == hash && en->node.parent == dir && en->node.name_size == name_size &&
                    memcmp(en->name, name, name_size) == 0)
                        return &en->node;
        }
        return NULL;
}

/* --- children ----------------------------------------------------------------------------------------- */

static void children_changed(struct children *c)
{
        free(ptr_take(&c->sorted));
        c->n_changes++;
}

static void children_add(struct children *c, struct entry *en)
{
        children_changed(c);
        en->previous = c->last;
        if (c->last)
                c->last->next = en;
        else
                c->first = en;
        c->last = en;
        c->n++;
}

static void children_remove(struct children *c, struct entry *en)
{
        children_changed(c);
        if (en->previous)
                en->previous->next = en->next;
        else
                c->first = en->next;
        if (en->next)
                en->next->previous = en->previous;
        else
                c->last = en->previous;
        c->n--;
}

static int compare_names(const void *a, const void *b)
{
        const struct entry *x = *(struct entry *const *) a, *y = *(struct entry *const *) b;
        size_t shorter = x->node.name_size < y->node.name_size ? x->node.name_size : y->node.name_size;
        int order = memcmp(x->name, y->name, shorter);

        if (order != 0)
                return order;
        return (x->node.name_size > y->node.name_size) - (x->node.name_size < y->node.name_size);
}

static struct entry **children_sort(const struct children *c)
{
        struct entry **sorted = text_alloc(c->n * sizeof(struct entry *));
        size_t n = 0;

        for (struct entry *en = c->first; en; en = en->next)
                sorted[n++] = en;
        qsort(sorted, n, sizeof(struct entry *), compare_names);
        return sorted;
}

int tree_each(struct tree *t, struct tree_node *dir, int (*visit)(struct tree_node *child, void *user),
              void *user)
{
        struct children *c = entry_of(dir)->children;
        size_t n = c->n, n_changes = c->n_changes;
        int r = 0;

        (void) t;
        if (n == 0)
                return 0;
        if (!c->sorted)
                c->sorted = children_sort(c);
        /* Held here meanwhile, so that visit may change the directory. */
        _cleanup_free_ struct entry **sorted = ptr_take(&c->sorted);
        for (size_t i = 0; i < n && r == 0; i++)
                r = visit(&sorted[i]->node, user);
        if (!c->sorted && c->n_changes == n_changes)
                c->sorted = ptr_take(&sorted);
        return r;
}

size_t tree_n_children(struct tree *t, const struct tree_node *dir)
{
        (void) t;
        return entry_of(dir)->children->n;
}

/* --- nodes -------------------------------------------------------------------------------------------- */

static struct entry *entry_new(const char *name, size_t name_size, struct tree_inode *inode)
{
        struct entry *en = text_alloc(sizeof(*en) + name_size + 1);

        memcpy(en->name, name, name_size);
        en->node.name = en->name;
        en->node.name_size = name_size;
        en->node.inode = inode;
        if (S_ISDIR(inode->mode))
                en->children = text_alloc(sizeof(*en->children));
        return en;
}

static void entry_free(struct entry *en)
{
        if (en->children)
                free(en->children->sorted);
        free(en->children);
        inode_unlink(en->node.inode);
        free(en);
}

static struct tree_node *entry_add(struct tree *t, struct tree_node *dir, const char *name, size_t name_size,
                                   struct tree_inode *inode)
{
        struct entry *en;

        assert(S_ISDIR(dir->inode->mode) && name_size > 0 && !tree_child(t, dir, name, name_size));
        en = entry_new(name, name_size, inode);
        en->node.parent = dir;
        en->hash = hash_name(t, dir, name, name_size);
        index_add(t, en);
        children_add(entry_of(dir)->children, en);
        t->n++;
        return &en->node;
}

struct tree_node *tree_add(struct tree *t, struct tree_node *dir, const char *name, size_t name_size,
                           uint32_t mode)
{
        return entry_add(t, dir, name, name_size, inode_new(mode));
}

struct tree_node *tree_add_link(struct tree *t, struct tree_node *dir, const char *name, size_t name_size,
                                struct tree_node *target)
{
        assert(!S_ISDIR(target->inode->mode));
        target->inode->n_links++;
        return entry_add(t, dir, name, name_size, target->inode);
}

/* Takes a node without children out of the tree. */
static void remove_leaf(struct tree *t, struct entry *en)
{
        index_remove(t, en);
        children_remove(entry_of(en->node.parent)->children, en);
        entry_free(en);
        t->n--;
}

void tree_remove(struct tree *t, struct tree_node *node)
{
        struct entry *top = entry_of(node), *en = top;

        assert(top != t->root);
        for (;;) {
                struct entry *parent = entry_of(en->node.parent);

                if (en->children && en->children->last) {
                        en = en->children->last;
                        continue;
                }
                remove_leaf(t, en);
                if (en == top)
                        return;
                en = parent;
        }
}

void tree_renew(struct tree *t, struct tree_node *node, uint32_t mode)
{
        struct entry *en = entry_of(node);

        (void) t;
        assert(S_ISDIR(mode) || !en->children || en->children->n == 0);
        inode_unlink(node->inode);
        node->inode = inode_new(mode);
        if (S_ISDIR(mode) && !en->children)
                en->children = text_alloc(sizeof(*en->children));
        if (!S_ISDIR(mode) && en->children) {
                free(en->children->sorted);
                free(ptr_take(&en->children));
        }
}

struct tree *tree_new(void)
{
        struct tree *t = text_alloc(sizeof(*t));

        if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t) sizeof(t->seed))
                t->seed = mix((uint64_t) (uintptr_t) t, (uint64_t) clock());
        t->n_buckets = BUCKETS_FIRST;
        t->buckets = text_alloc(t->n_buckets * sizeof(struct entry *));
        t->root = entry_new("", 0, inode_new(S_IFDIR | 0755));
        t->n = 1;
        return t;
}

void tree_free(struct tree *t)
{
        if (!t)
                return;
        for (size_t i = 0; i < t->n_buckets; i++) {
                for (struct entry *en = t->buckets[i], *next; en; en = next) {
                        next = en->chain;
                        entry_free(en);
                }
        }
        entry_free(t->root);
        free(t->buckets);
        free(t);
}

struct tree_node *tree_root(struct tree *t)
{
        return &t->root->node;
}

size_t tree_count(const struct tree *t)
{
        return t->n;
}

/* --- paths -------------------------------------------------------------------------------------------- */

/* A walk reads the path and, on top of it, the targets of links that are being followed. */
struct walk {
        struct tree *t;
        struct tree_node *at;
        const char *rest[LINKS_MAX + 1]; /* what is left of the path [0] and of each target */
        unsigned depth;
        unsigned n_links;
        bool follow_last;
};

static int walk_link(struct walk *w, const struct tree_inode *inode)
{
        const char *target = inode->link ? inode->link : "";

        if (w->n_links == LINKS_MAX)
                return -ELOOP;
        if (target[0] == '\0')
                return -ENOENT;
        w->n_links++;
        w->rest[++w->depth] = target;
        if (target[0] == '/')
                w->at = tree_root(w->t);
        return 0;
}

/* Takes the component of `size` bytes at the start of what is left. */
static int walk_component(struct walk *w, const char *name, size_t size)
{
        struct tree_node *child;

        if (!S_ISDIR(w->at->inode->mode))
                return -ENOTDIR;
        w->rest[w->depth] = name + size;
        if (size == 1 && name[0] == '.')
                return 0;
        if (size == 2 && name[0] == '.' && name[1] == '.') {
                w->at = w->at->parent ? w->at->parent : w->at;
                return 0;
        }
        child = tree_child(w->t, w->at, name, size);
        if (!child)
                return -ENOENT;
        if (S_ISLNK(child->inode->mode) && (w->follow_last || w->depth > 0 || name[size] != '\0'))
                return walk_link(w, child->inode);
        w->at = child;
        return 0;
}

struct tree_node *tree_resolve(struct tree *t, const char *path, bool follow_last, int *ret_code)
{
        struct walk w = { .t = t, .at = tree_root(t), .rest = { path }, .follow_last = follow_last };
        int r = 0;

        while (r == 0) {
                const char *at = w.rest[w.depth];

                if (*at == '/') { /* what stands before a slash is a directory */
                        r = S_ISDIR(w.at->inode->mode) ? 0 : -ENOTDIR;
                        w.rest[w.depth] += strspn(at, "/");
                } else if (*at != '\0') {
                        r = walk_component(&w, at, strcspn(at, "/"));
                } else if (w.depth > 0) {
                        w.depth--;
                } else {
                        return w.at;
                }
        }
        if (ret_code)
                *ret_code = r;
        return NULL;
}

char *tree_path(const struct tree_node *node)
{
        size_t size = 0;
        char *path, *at;

        for (const struct tree_node *n = node; n->parent; n = n->parent)
                size += n->name_size + 1;
        if (size == 0)
                return text_dup("");
        path = text_alloc(size);
        at = path + size - 1;
        for (const struct tree_node *n = node; n->parent; n = n->parent) {
                at -= n->name_size;
                memcpy(at, n->name, n->name_size);
                if (at > path)
                        *--at = '/';
        }
        return path;
}

/* The directory that the component `name` of `path` leads to from `dir`, made when there is none. */
static struct tree_node *enter_directory(struct tree *t, struct tree_node *dir, const char *path,
                                         const char *name, size_t size, int *ret_code)
{
        struct tree_node *child;

        if (size == 1 && name[0] == '.')
                return dir;
        if (size == 2 && name[0] == '.' && name[1] == '.')
                return dir->parent ? dir->parent : dir;
        child = tree_child(t, dir, name, size);
        if (!child)
                return tree_add(t, dir, name, size, S_IFDIR | 0755);
        if (S_ISLNK(child->inode->mode)) {
                _cleanup_free_ char *up_to_here = text_dup_bytes(path, (size_t) (name + size - path));

                child = tree_resolve(t, up_to_here, true, ret_code);
                if (!child)
                        return NULL;
        }
        if (!S_ISDIR(child->inode->mode)) {
                *ret_code = -ENOTDIR;
                return NULL;
        }
        return child;
}

struct tree_node *tree_put_file(struct tree *t, const char *path, uint32_t mode, const void *bytes,
                                size_t size, int *ret_code)
{
        struct tree_node *dir = tree_root(t), *node;
        const char *name = path + strspn(path, "/");
        int unused;

        ret_code = ret_code ? ret_code : &unused;
        for (const char *end; (end = strchr(name, '/')); name = end + strspn(end, "/")) {
                dir = enter_directory(t, dir, path, name, (size_t) (end - name), ret_code);
                if (!dir)
                        return NULL;
        }
        node = tree_child(t, dir, name, strlen(name));
        if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            (node && S_ISDIR(node->inode->mode))) {
                *ret_code = -EISDIR;
                return NULL;
        }
        if (node)
                tree_renew(t, node, S_IFREG | (mode & 07777));
        else
                node = tree_add(t, dir, name, strlen(name), S_IFREG | (mode & 07777));
        node->inode->bytes = text_alloc(size + 1); /* terminated, for those who read it as text */
        if (size > 0)
                memcpy(node->inode->bytes, bytes, size);
        node->inode->size_bytes = size;
        return node;
}
