/* tree: a root file system in memory, before it is written as squashfs.
 *
 * Sources fill a tree (the merge of OCI layers, a scan of a directory, the inode table of a squashfs); the
 * squashfs writer reads it.  Nothing in a tree touches the host's file system.  Names are any bytes but '/'
 * and NUL; they are compared bytewise.  Directories hold their children by name; a directory of 200,000
 * entries is ordinary.
 *
 * A node is a name in a directory; an inode is what it names.  Hard links are several nodes with one inode.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tree;

struct tree_xattr {
        char *name;     /* full name with its namespace, "security.capability" */
        uint8_t *value; /* value_size bytes */
        size_t value_size;
        struct tree_xattr *next;
};

struct tree_inode {
        uint32_t mode; /* type and 12 permission bits, as st_mode */
        uint32_t uid;  /* of the image, whatever the host's ids */
        uint32_t gid;
        uint32_t n_links;          /* nodes that name this inode */
        int64_t mtime;             /* seconds */
        uint64_t size_bytes;       /* regular files: length of the content */
        uint64_t rdev;             /* devices: makedev() */
        char *link;                /* symbolic links: the target, owned */
        struct tree_xattr *xattrs; /* owned list, no duplicate names */
        /* Where the bytes of a regular file are, in words of the source that made the node:
         * OCI merge: layer index and ordinal of the entry; directory scan, squashfs: source's own. */
        uint32_t source;
        uint64_t source_entry;
        uint8_t *bytes; /* owned: content held in memory (generated files); else NULL */
        void *writer;   /* the squashfs writer's record of the content; see squashfs_writer.h */
        bool marked;    /* free for the use of the room that walks the tree */
};

struct tree_node {
        char *name; /* "" for the root */
        size_t name_size;
        struct tree_node *parent; /* NULL for the root */
        struct tree_inode *inode; /* shared between hard links */
        uint32_t layer;           /* OCI merge: index of the layer that last made or touched it */
};

/* An empty tree: a root directory, mode 0755, owner 0:0, mtime 0. */
struct tree *tree_new(void);
void tree_free(struct tree *t); /* accepts NULL */

struct tree_node *tree_root(struct tree *t);
size_t tree_count(const struct tree *t); /* nodes, the root included */

/* The child called name, or NULL.  `dir` must be a directory. */
struct tree_node *tree_child(struct tree *t, struct tree_node *dir, const char *name, size_t name_size);

/* Adds a child with a new inode of `mode` (everything else 0).  There must be none of that name. */
struct tree_node *tree_add(struct tree *t, struct tree_node *dir, const char *name, size_t name_size,
                           uint32_t mode);

/* Adds a child that shares the inode of `target` (not a directory). */
struct tree_node *tree_add_link(struct tree *t, struct tree_node *dir, const char *name, size_t name_size,
                                struct tree_node *target);

/* Removes the node and all below it; an inode goes with its last node. */
void tree_remove(struct tree *t, struct tree_node *node);

/* Gives the node a fresh inode of `mode` in place of the one it has; the name stays.  Not for directories
 * with children unless `mode` is a directory too. */
void tree_renew(struct tree *t, struct tree_node *node, uint32_t mode);

/* Children in byte order of their names.  Calls visit for each until it returns nonzero, and returns that.
 * visit may add to the directory (not visited then) and remove the child that it is given. */
int tree_each(struct tree *t, struct tree_node *dir, int (*visit)(struct tree_node *child, void *user),
              void *user);
size_t tree_n_children(struct tree *t, const struct tree_node *dir);

/* Replaces or adds one extended attribute; the value is copied. */
void tree_xattr_set(struct tree_inode *inode, const char *name, const void *value, size_t value_size);
void tree_xattr_clear(struct tree_inode *inode);

/* Follows `path` from the root as the kernel would inside one (path_resolution(7)): absolute links restart at
 * the root, ".." stops there, at most 40 links; "" is the root.  The last component is followed only when
 * follow_last or a slash stands behind it.  NULL: nothing there, or a loop (*ret_code -ENOENT, -ENOTDIR,
 * -ELOOP; ret_code may be NULL). */
struct tree_node *tree_resolve(struct tree *t, const char *path, bool follow_last, int *ret_code);

/* "usr/lib/x" without a leading slash, "" for the root, for messages; the caller frees it. */
char *tree_path(const struct tree_node *node);

/* Makes or replaces a regular file with content in memory, its missing parents as directories 0755; parents
 * that are links are followed inside the root; a link at the path itself is replaced.  For generated files
 * such as those of /.singularity.d.  NULL with *ret_code: a parent is not a directory (-ENOTDIR) or a link to
 * nothing (-ENOENT, -ELOOP); the path is a directory (-EISDIR). */
struct tree_node *tree_put_file(struct tree *t, const char *path, uint32_t mode, const void *bytes,
                                size_t size, int *ret_code);

static inline void clean_tree(struct tree **t)
{
        tree_free(*t);
}
#define _cleanup_tree_ __attribute__((cleanup(clean_tree)))
