#include "oci/merge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clean.h"
#include "base/text.h"

#define COMPONENTS_MAX (TAR_PATH_MAX / 2 + 1)
#define WHITEOUT       ".wh."
#define OPAQUE         ".wh..wh..opq"

/* A directory on the resolved way to an entry; node NULL: not there. */
struct component {
        const char *name; /* borrowed from the record or from the target of a link in the tree */
        size_t name_size;
        struct tree_node *node;
};

struct merge {
        struct tree *tree;
        uint32_t index;
        const char *what;
        const struct notes *notes;
        struct err *err;
        const struct layer_record *record;
        bool told_xattr;
        struct component *way; /* owned: COMPONENTS_MAX */
        size_t n_way;
        size_t way_bytes;
};

static int fail(const struct merge *m, int code, const char *problem)
{
        return err_set(m->err, code, "%s: entry \"" TAR_SHOWN "\": %s", m->what, m->record->path, problem);
}

/* --- the way to an entry ------------------------------------------------------------------------------ */

static struct tree_node *way_end(const struct merge *m)
{
        return m->n_way ? m->way[m->n_way - 1].node : tree_root(m->tree);
}

static int way_enter(struct merge *m, const char *name, size_t size)
{
        struct tree_node *dir = way_end(m), *child = NULL;

        if (dir && S_ISDIR(dir->inode->mode))
                child = tree_child(m->tree, dir, name, size);
        if (m->n_way == COMPONENTS_MAX || m->way_bytes + size + 1 > TAR_PATH_MAX)
                return fail(m, -E2BIG, "its parents lead to a path of more than 4095 bytes");
        m->way[m->n_way++] = (struct component){ .name = name, .name_size = size, .node = child };
        m->way_bytes += size + 1;
        return 0;
}

static void way_leave(struct merge *m)
{
        if (m->n_way > 0)
                m->way_bytes -= m->way[--m->n_way].name_size + 1;
}

/* Takes the last component back when it is a link; returns its target, NULL when it is none. */
static const char *way_link(struct merge *m)
{
        struct tree_node *node = way_end(m);

        if (m->n_way == 0 || !node || !S_ISLNK(node->inode->mode))
                return NULL;
        way_leave(m);
        if (node->inode->link[0] == '/')
                while (m->n_way > 0)
                        way_leave(m);
        return node->inode->link;
}

/* Follows the first `size` bytes of `path`, which has no "..".  What is not there is taken as directories to
 * be made, and ".." in the target of a link leaves it again, as the reference has it (securejoin). */
static int way_follow(struct merge *m, const char *path, size_t size)
{
        struct {
                const char *at, *end;
        } rest[MERGE_LINKS_MAX + 1];
        size_t depth = 0, n_links = 0, n_steps = 0;

        m->n_way = m->way_bytes = 0;
        rest[0].at = path;
        rest[0].end = path + size;
        for (;;) {
                const char *name = rest[depth].at;
                const char *target = NULL;
                size_t left = (size_t) (rest[depth].end - name), n;
                int r = 0;

                if (left == 0 && depth == 0)
                        return 0;
                if (left == 0) {
                        depth--;
                        continue;
                }
                for (n = 0; n < left && name[n] != '/'; n++)
                        ;
                rest[depth].at += n < left ? n + 1 : n;
                if (++n_steps > MERGE_STEPS_MAX)
                        return fail(m, -E2BIG, "too many symbolic links among its parents");
                if (n == 2 && name[0] == '.' && name[1] == '.')
                        way_leave(m);
                else if (n > 0 && !(n == 1 && name[0] == '.'))
                        r = way_enter(m, name, n);
                else
                        continue;
                if (r == 0)
                        target = way_link(m);
                if (target && n_links++ == MERGE_LINKS_MAX)
                        return fail(m, -ELOOP, "its parents are symbolic links that never end");
                if (target) {
                        depth++;
                        rest[depth].at = target;
                        rest[depth].end = target + strlen(target);
                }
                if (r < 0)
                        return r;
        }
}

/* The directory that the way leads to, NULL when it is not there. */
static struct tree_node *way_directory(const struct merge *m)
{
        struct tree_node *dir = way_end(m);

        return dir && S_ISDIR(dir->inode->mode) ? dir : NULL;
}

/* --- making things ------------------------------------------------------------------------------------ */

/* Makes what is missing on the way and replaces what is no directory. */
static struct tree_node *make_way(struct merge *m)
{
        struct tree_node *dir = tree_root(m->tree);

        for (size_t i = 0; i < m->n_way; i++) {
                struct component *c = &m->way[i];

                if (c->node && !S_ISDIR(c->node->inode->mode)) {
                        tree_remove(m->tree, c->node);
                        c->node = NULL;
                }
                if (!c->node) {
                        c->node = tree_add(m->tree, dir, c->name, c->name_size, S_IFDIR | 0775);
                        c->node->inode->mtime = m->record->mtime;
                }
                dir = c->node;
        }
        return dir;
}

/* A node below an untouched one is untouched: marking can stop at the first touched ancestor.  (New nodes are
 * untouched, or all there are touched while the lowest layer is applied.) */
static void touch(struct merge *m, struct tree_node *node)
{
        node->layer = m->index;
        for (node = node->parent; node && node->layer != m->index; node = node->parent)
                node->layer = m->index;
}

static bool is_left_out(struct merge *m, const char *name)
{
        if (strcmp(name, "security.selinux") != 0 && strcmp(name, "system.nfs4_acl") != 0)
                return false;
        if (!m->told_xattr)
                note(m->notes, LOG_VERBOSE,
                     "%s: attribute %s is left out: it belongs to the machine it was made on", m->what, name);
        m->told_xattr = true;
        return true;
}

/* struct vfs_cap_data, revisions 2 and 3 (linux/capability.h); setxattr(2) refuses all else. */
static bool is_capability(const struct tar_xattr *x)
{
        const uint8_t *bytes = x->value;

        return (x->value_size == 20 && bytes[3] == 2) || (x->value_size == 24 && bytes[3] == 3);
}

static int set_xattrs(struct merge *m, struct tree_inode *inode)
{
        tree_xattr_clear(inode);
        for (size_t i = 0; i < m->record->n_xattrs; i++) {
                const struct tar_xattr *x = &m->record->xattrs[i];

                if (is_left_out(m, x->name))
                        continue;
                if (strcmp(x->name, "security.capability") == 0 && !is_capability(x))
                        return fail(m, -EBADMSG, "malformed attribute security.capability");
                tree_xattr_set(inode, x->name, x->value, x->value_size);
        }
        return 0;
}

static uint32_t mode_of(const struct layer_record *r)
{
        static const uint32_t types[] = {
                [TAR_FILE] = S_IFREG,         [TAR_DIRECTORY] = S_IFDIR,
                [TAR_SYMLINK] = S_IFLNK,      [TAR_CHARACTER_DEVICE] = S_IFCHR,
                [TAR_BLOCK_DEVICE] = S_IFBLK, [TAR_FIFO] = S_IFIFO,
        };

        return r->type == TAR_SYMLINK ? S_IFLNK | 0777 : types[r->type] | r->permissions;
}

static int set_metadata(struct merge *m, struct tree_inode *inode)
{
        const struct layer_record *r = m->record;

        inode->mode = mode_of(r);
        inode->uid = r->uid;
        inode->gid = r->gid;
        inode->mtime = r->mtime;
        if (r->type == TAR_CHARACTER_DEVICE || r->type == TAR_BLOCK_DEVICE)
                inode->rdev = makedev(r->major, r->minor);
        return set_xattrs(m, inode);
}

/* --- whiteouts ---------------------------------------------------------------------------------------- */

static int remove_untouched(struct tree_node *node, void *user)
{
        struct merge *m = user;

        if (node->layer != m->index)
                tree_remove(m->tree, node);
        else if (S_ISDIR(node->inode->mode))
                return tree_each(m->tree, node, remove_untouched, m);
        return 0;
}

/* name: behind the prefix.  m->way leads to the directory it is in. */
static int apply_whiteout(struct merge *m, const char *base)
{
        const char *name = base + strlen(WHITEOUT);
        struct tree_node *dir = way_directory(m), *node;

        if (m->index == 0)
                return 0; /* no lower layer; everything there was touched by this one */
        if (strcmp(base, OPAQUE) == 0)
                return dir ? tree_each(m->tree, dir, remove_untouched, m) : 0;
        node = dir ? tree_child(m->tree, dir, name, strlen(name)) : NULL;
        return node ? remove_untouched(node, m) : 0;
}

static int check_whiteout(const struct merge *m, const char *base)
{
        const char *name = base + strlen(WHITEOUT);

        if (name[0] == '\0')
                return fail(m, -EBADMSG, "invalid whiteout with an empty name");
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return fail(m, -EBADMSG, "invalid whiteout of a directory by the name of \".\" or \"..\"");
        return 0;
}

/* --- entries ------------------------------------------------------------------------------------------ */

static const char *base_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int follow_parents(struct merge *m, const char *path)
{
        return way_follow(m, path, (size_t) (base_of(path) - path));
}

static int apply_root(struct merge *m)
{
        if (m->record->type != TAR_DIRECTORY)
                return fail(m, -EBADMSG, "refusing to change the type of the root directory");
        return set_metadata(m, tree_root(m->tree)->inode);
}

static int apply_hard_link(struct merge *m, struct tree_node *dir, const char *base)
{
        const char *link = m->record->link, *link_base = base_of(link);
        struct tree_node *target = NULL, *node;
        int r = follow_parents(m, link);

        if (r < 0)
                return r;
        if (way_directory(m) && link_base[0])
                target = tree_child(m->tree, way_directory(m), link_base, strlen(link_base));
        if (!target && link_base[0])
                return err_set(m->err, -EBADMSG,
                               "%s: entry \"" TAR_SHOWN "\": hard link to \"" TAR_SHOWN
                               "\", which is not there",
                               m->what, m->record->path, link);
        if (!target || S_ISDIR(target->inode->mode))
                return err_set(m->err, -EBADMSG,
                               "%s: entry \"" TAR_SHOWN "\": hard link to the directory \"" TAR_SHOWN "\"",
                               m->what, m->record->path, link);
        node = tree_add_link(m->tree, dir, base, strlen(base), target);
        touch(m, node);
        return 0;
}

static int apply_entry(struct merge *m, uint64_t ordinal)
{
        const struct layer_record *record = m->record;
        const char *base = base_of(record->path);
        struct tree_node *dir, *node;
        int r;

        if (record->path[0] == '\0')
                return apply_root(m);
        r = follow_parents(m, record->path);
        if (r < 0)
                return r;
        if (text_starts(base, WHITEOUT)) {
                r = check_whiteout(m, base);
                return r < 0 ? r : apply_whiteout(m, base);
        }
        if (m->way_bytes + strlen(base) > TAR_PATH_MAX)
                return fail(m, -E2BIG, "its parents lead to a path of more than 4095 bytes");
        dir = make_way(m);
        node = tree_child(m->tree, dir, base, strlen(base));
        if (node && !(S_ISDIR(node->inode->mode) && record->type == TAR_DIRECTORY)) {
                tree_remove(m->tree, node);
                node = NULL;
        }
        if (record->type == TAR_HARDLINK)
                return apply_hard_link(m, dir, base);
        if (!node)
                node = tree_add(m->tree, dir, base, strlen(base), mode_of(record));
        touch(m, node);
        if (record->type == TAR_SYMLINK)
                node->inode->link = text_dup(record->link);
        node->inode->size_bytes = record->size_bytes;
        node->inode->source = m->index;
        node->inode->source_entry = ordinal;
        return set_metadata(m, node->inode);
}

int merge_layer(struct tree *t, const struct layer_list *list, uint32_t index, const char *what,
                const struct notes *notes, struct err *e)
{
        struct merge m = { .tree = t, .index = index, .what = what, .notes = notes, .err = e };
        int r = 0;

        m.way = text_alloc(COMPONENTS_MAX * sizeof(*m.way));
        for (size_t i = 0; i < list->n && r == 0; i++) {
                m.record = &list->at[i];
                r = apply_entry(&m, i);
                if (r == 0 && tree_count(t) > MERGE_NODES_MAX)
                        r = fail(&m, -E2BIG, "more than 16,777,216 files in the image");
        }
        free(m.way);
        return r;
}
