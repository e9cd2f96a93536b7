/* The files of a squashfs, read without mounting it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/text.h"
#include "cmd/inspect_files.h"
#include "image/squashfs_reader.h"

#define LINKS_MAX 40 /* path_resolution(7) */
#define DEPTH_MAX 128

static void reader_free(struct squashfs_reader **reader)
{
        squashfs_reader_free(*reader);
}

static void inode_free(struct squashfs_inode **inode)
{
        squashfs_inode_free(*inode);
}
#define _cleanup_reader_ _cleanup_(reader_free)
#define _cleanup_inode_  _cleanup_(inode_free)

/* A walk from the root; ".." goes back by the stack and stops at the root. */
struct walk {
        struct squashfs_reader *reader;
        uint64_t stack[DEPTH_MAX]; /* references of the directories, the root first */
        size_t depth;
        unsigned links;
        char *todo; /* owned */
        struct err *e;
};

static void walk_done(struct walk *w)
{
        free(w->todo);
}

static int walk_link(struct walk *w, const char *target, const char *rest)
{
        char *todo;

        if (++w->links > LINKS_MAX)
                return -ENOENT;
        if (target[0] == '/')
                w->depth = 1;
        if (strlen(target) + strlen(rest) > 4 * PATH_MAX)
                return -ENOENT;
        todo = text_format("%s/%s", target, rest);
        free(w->todo);
        w->todo = todo;
        return 0;
}

/* One name; 1 when *ret is where the path ends. */
static int walk_step(struct walk *w, struct squashfs_inode **ret)
{
        _cleanup_inode_ struct squashfs_inode *dir = NULL, *inode = NULL;
        const char *name = w->todo + strspn(w->todo, "/");
        size_t size = strcspn(name, "/");
        _cleanup_free_ char *rest = text_dup(name + size + strspn(name + size, "/"));
        uint64_t reference = w->stack[w->depth - 1];
        struct stat status;
        int r;

        if (size == 2 && memcmp(name, "..", 2) == 0)
                w->depth -= w->depth > 1;
        else if (size && !(size == 1 && name[0] == '.')) {
                r = squashfs_inode_read(w->reader, reference, &dir, w->e);
                if (r == 0)
                        r = squashfs_directory_find(w->reader, dir, name, size, &reference, w->e);
                if (r < 0)
                        return r == -ENOTDIR ? -ENOENT : r;
                r = squashfs_inode_read(w->reader, reference, &inode, w->e);
                if (r < 0)
                        return r;
                squashfs_inode_stat(inode, &status);
                if (S_ISLNK(status.st_mode))
                        return walk_link(w, squashfs_inode_link(inode), rest);
                if (w->depth == DEPTH_MAX || (*rest && !S_ISDIR(status.st_mode)))
                        return -ENOENT;
                w->stack[w->depth++] = reference;
        }
        if (*rest) {
                memmove(w->todo, rest, strlen(rest) + 1);
                return 0;
        }
        if (!inode) {
                r = squashfs_inode_read(w->reader, w->stack[w->depth - 1], &inode, w->e);
                if (r < 0)
                        return r;
        }
        *ret = ptr_take(&inode);
        return 1;
}

static int find(struct squashfs_reader *reader, const char *path, struct squashfs_inode **ret, struct err *e)
{
        _cleanup_(walk_done) struct walk w = { .reader = reader, .depth = 1, .todo = text_dup(path), .e = e };
        int r = squashfs_path_find(reader, "", &w.stack[0], e);

        while (r == 0)
                r = walk_step(&w, ret);
        return r < 0 ? r : 0;
}

static int squashfs_read(void *user, const char *path, char **ret, size_t *ret_size, struct err *e)
{
        _cleanup_inode_ struct squashfs_inode *inode = NULL;
        _cleanup_free_ char *text = NULL;
        struct stat status;
        size_t size, at = 0;
        int r = find(user, path, &inode, e);

        if (r < 0)
                return r;
        squashfs_inode_stat(inode, &status);
        if (!S_ISREG(status.st_mode) || squashfs_file_size(inode) > INSPECT_FILE_MAX)
                return -ENOENT;
        size = (size_t) squashfs_file_size(inode);
        text = text_alloc(size + 1);
        while (at < size) {
                ssize_t n = squashfs_file_read(user, inode, at, text + at, size - at, e);

                if (n <= 0)
                        return n < 0 ? (int) n : err_set(e, -EBADMSG, "the file ends early");
                at += (size_t) n;
        }
        *ret = ptr_take(&text);
        *ret_size = size;
        return 0;
}

static int add_name(const struct squashfs_entry *entry, void *user)
{
        struct text_list *list = user;

        if (list->n >= INSPECT_NAMES_MAX)
                return -E2BIG;
        text_list_add_bytes(list, entry->name, entry->name_size);
        return 0;
}

static int squashfs_list(void *user, const char *path, struct text_list *ret, struct err *e)
{
        _cleanup_inode_ struct squashfs_inode *inode = NULL;
        struct stat status;
        int r = find(user, path, &inode, e);

        if (r < 0)
                return r;
        squashfs_inode_stat(inode, &status);
        if (!S_ISDIR(status.st_mode))
                return -ENOENT;
        r = squashfs_directory_read(user, inode, 0, add_name, ret, e);
        return r == -E2BIG ? err_set(e, r, "%s: more than %d names", path, INSPECT_NAMES_MAX) : r;
}

int inspect_squashfs(const struct image *image, json_t **ret_attributes, const struct notes *notes,
                     struct err *e)
{
        _cleanup_reader_ struct squashfs_reader *reader = NULL;
        struct inspect_files files = { .read = squashfs_read, .list = squashfs_list };
        int r = squashfs_reader_new(&reader, image->fd, image->offset, image->size, e);

        if (r < 0)
                return r;
        files.user = reader;
        return inspect_files_gather(&files, ret_attributes, notes, e);
}
