/* The base environment, and files of our own in a tree that somebody else filled. */
#include "image/metadata.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "image/metadata_internal.h"

#define OWN_DIRECTORY ".singularity.d"

/* What the root directory has at least; an entry of any kind is left alone. */
static const char *const standard_directories[] = { "dev", "proc", "root", "var", "var/tmp",
                                                    "tmp", "etc",  "sys",  "home" };

static const char *const own_directories[] = { "", "actions", "env", "libs" };

static const struct {
        const char *name, *target;
} root_links[] = {
        { "singularity", ".singularity.d/runscript" },
        { ".run", ".singularity.d/actions/run" },
        { ".exec", ".singularity.d/actions/exec" },
        { ".test", ".singularity.d/actions/test" },
        { ".shell", ".singularity.d/actions/shell" },
        { "environment", ".singularity.d/env/90-environment.sh" },
};

static bool is_type(const struct tree_node *node, mode_t type)
{
        return node && (node->inode->mode & S_IFMT) == type;
}

static struct tree_node *child(struct tree *t, struct tree_node *dir, const char *name)
{
        return tree_child(t, dir, name, strlen(name));
}

/* What dir/name is when links are followed inside the image; NULL when that leads nowhere. */
static struct tree_node *followed(struct tree *t, struct tree_node *dir, const char *name)
{
        _cleanup_free_ char *parent = tree_path(dir);
        _cleanup_free_ char *path = text_format("/%s/%s", parent, name);
        int code = 0;

        return tree_resolve(t, path, true, &code);
}

static struct tree_node *directory_add(struct tree *t, struct tree_node *dir, const char *name, int64_t mtime)
{
        struct tree_node *made = tree_add(t, dir, name, strlen(name), S_IFDIR | 0755);

        made->inode->mtime = mtime;
        return made;
}

/* A directory of the standard set: nothing happens when the parent is no directory. */
static void standard_directory(struct tree *t, const char *path, int64_t mtime)
{
        const char *slash = strchr(path, '/');
        _cleanup_free_ char *parent_name = slash ? text_dup_bytes(path, (size_t) (slash - path)) : NULL;
        struct tree_node *parent = slash ? followed(t, tree_root(t), parent_name) : tree_root(t);
        const char *name = slash ? slash + 1 : path;

        if (is_type(parent, S_IFDIR) && !child(t, parent, name))
                directory_add(t, parent, name, mtime);
}

/* A directory below `dir` that must be one afterwards. */
static struct tree_node *own_directory(struct tree *t, struct tree_node *dir, const char *name,
                                       bool replace_links, int64_t mtime)
{
        struct tree_node *node = child(t, dir, name), *there;

        if (is_type(node, S_IFDIR))
                return node;
        if (is_type(node, S_IFLNK) && !replace_links) {
                there = followed(t, dir, name);
                if (is_type(there, S_IFDIR))
                        return there;
        }
        if (node)
                tree_remove(t, node);
        return directory_add(t, dir, name, mtime);
}

int metadata_directory(struct tree *t, const char *name, bool replace_links, int64_t mtime,
                       struct tree_node **ret, struct err *e)
{
        struct tree_node *dir = own_directory(t, tree_root(t), OWN_DIRECTORY, replace_links, mtime);

        if (name[0])
                dir = own_directory(t, dir, name, replace_links, mtime);
        if (!dir)
                return err_set(e, -ENOTDIR, "cannot make /" OWN_DIRECTORY "/%s in the image", name);
        *ret = dir;
        return 0;
}

struct tree_node *metadata_file(struct tree *t, struct tree_node *dir, const char *name, mode_t mode,
                                const char *content, size_t size, int64_t mtime)
{
        struct tree_node *node = child(t, dir, name);

        /* Never the old inode: it may have other names. */
        if (node)
                tree_remove(t, node);
        node = tree_add(t, dir, name, strlen(name), S_IFREG | mode);
        node->inode->bytes = (uint8_t *) text_dup_bytes(content, size);
        node->inode->size_bytes = size;
        node->inode->mtime = mtime;
        return node;
}

/* A file of the base environment. */
static void base_file(struct tree *t, struct tree_node *dir, const char *name, mode_t mode,
                      const char *content, bool overwrite, int64_t mtime)
{
        struct tree_node *there = child(t, dir, name);

        if (is_type(there, S_IFLNK))
                there = followed(t, dir, name);
        if (is_type(there, S_IFREG) && !overwrite)
                there->inode->mode = S_IFREG | mode;
        else
                metadata_file(t, dir, name, mode, content, strlen(content), mtime);
}

static void base_link(struct tree *t, const char *name, const char *target, int64_t mtime)
{
        struct tree_node *node = child(t, tree_root(t), name);

        if (is_type(node, S_IFLNK) && node->inode->link && strcmp(node->inode->link, target) == 0)
                return;
        if (node && !is_type(node, S_IFLNK))
                return;
        if (node)
                tree_remove(t, node);
        node = tree_add(t, tree_root(t), name, strlen(name), S_IFLNK | 0777);
        node->inode->link = text_dup(target);
        node->inode->size_bytes = strlen(target);
        node->inode->mtime = mtime;
}

int metadata_put_base(struct tree *t, bool overwrite, int64_t mtime, struct err *e)
{
        struct tree_node *etc, *dir;
        int r;

        tree_root(t)->inode->mode |= S_IWUSR;
        for (size_t i = 0; i < ARRAY_SIZE(own_directories); i++) {
                r = metadata_directory(t, own_directories[i], overwrite, mtime, &dir, e);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ARRAY_SIZE(standard_directories); i++)
                standard_directory(t, standard_directories[i], mtime);
        for (size_t i = 0; i < ARRAY_SIZE(root_links); i++)
                base_link(t, root_links[i].name, root_links[i].target, mtime);
        etc = followed(t, tree_root(t), "etc");
        if (is_type(etc, S_IFDIR)) {
                /* Mount points for the host's files. */
                base_file(t, etc, "hosts", 0644, "", overwrite, mtime);
                base_file(t, etc, "resolv.conf", 0644, "", overwrite, mtime);
        }
        for (size_t i = 0; i < n_metadata_scripts; i++) {
                const struct metadata_script *script = &metadata_scripts[i];

                r = metadata_directory(t, script->dir, overwrite, mtime, &dir, e);
                if (r < 0)
                        return r;
                base_file(t, dir, script->name, 0755, script->content, overwrite, mtime);
        }
        return 0;
}

/* A free name ApptainerN; the number of entries is where the search starts. */
static char *history_name(struct tree *t, struct tree_node *history)
{
        for (size_t n = tree_n_children(t, history);; n++) {
                char *name = text_format("Apptainer%zu", n);

                if (!child(t, history, name))
                        return name;
                free(name);
        }
}

int metadata_put_definition(struct tree *t, const char *definition, int64_t mtime, struct err *e)
{
        struct tree_node *dir, *history, *old;
        int r = metadata_directory(t, "", false, mtime, &dir, e);

        if (r < 0)
                return r;
        old = child(t, dir, "Singularity");
        if (is_type(old, S_IFREG) && (old->inode->bytes || old->inode->size_bytes == 0)) {
                _cleanup_free_ char *name = NULL;

                history = own_directory(t, dir, "bootstrap_history", false, mtime);
                name = history_name(t, history);
                tree_add_link(t, history, name, strlen(name), old);
        }
        metadata_file(t, dir, "Singularity", 0644, definition, strlen(definition), mtime);
        return 0;
}

int metadata_put_labels(struct tree *t, const json_t *labels, int64_t mtime, struct err *e)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        struct tree_node *dir;
        int r = metadata_directory(t, "", false, mtime, &dir, e);

        if (r < 0)
                return r;
        json_write(labels, "\t", true, &out);
        metadata_file(t, dir, "labels.json", 0644, text_get(&out), out.used, mtime);
        return 0;
}
