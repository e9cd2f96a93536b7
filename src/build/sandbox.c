/* Directories stay 0700 until the very end: otherwise one of an image that its owner may not enter or change
 * could not be filled.
 */
#include "build/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "build/interrupt.h"
#include "build/ownership.h"
#include "build/walk.h"

#define HOLE_SIZE      4096 /* zeros of this size and alignment become a hole */
#define PROC_PATH_SIZE (sizeof("/proc/self/fd//") + 12 + 256)

static int fail(const struct tree_node *node, int code, const char *what, struct err *e)
{
        _cleanup_free_ char *path = tree_path(node);

        if (code == -EEXIST)
                return err_set(
                        e, code,
                        "cannot %s /%s: there is such a name already; a file system that does not tell upper "
                        "from lower case cannot hold this image",
                        what, path);
        return err_errno(e, code, "cannot %s /%s", what, path);
}

void sandbox_init(struct sandbox *s, int root, struct tree *t, const struct notes *notes)
{
        *s = (struct sandbox){ .tree = t, .notes = notes, .rootless = geteuid() != 0, .fd = -EBADF };
        descent_init(&s->descent, root);
        descent_init(&s->second, root);
}

void sandbox_done(struct sandbox *s)
{
        clean_close(&s->fd);
        descent_done(&s->descent);
        descent_done(&s->second);
}

/* --- attributes --------------------------------------------------------------------------------------- */

/* Attributes that this user cannot set are the administrator's business; one that cannot be had at all is
 * told once. */
static int set_xattr(struct sandbox *s, const struct tree_node *node, const char *path, const char *name,
                     const void *value, size_t size, struct err *e)
{
        if (lsetxattr(path, name, value, size, 0) == 0)
                return 0;
        if (errno == ENOTSUP) {
                if (!s->told_xattrs)
                        note(s->notes, LOG_WARNING,
                             "the file system of the sandbox cannot hold the attribute %s", name);
                s->told_xattrs = true;
                return 0;
        }
        if ((errno == EPERM || errno == EACCES) && (s->rootless || !text_starts(name, "user.")))
                return 0;
        return fail(node, -errno, "set an extended attribute of", e);
}

static int set_xattrs(struct sandbox *s, const struct tree_node *node, const char *path, struct err *e)
{
        const struct tree_inode *inode = node->inode;
        uint8_t owner[OWNERSHIP_SIZE_MAX];
        int r = 0;

        for (const struct tree_xattr *x = inode->xattrs; x && r == 0; x = x->next)
                if (!s->rootless || strcmp(x->name, OWNERSHIP_XATTR) != 0)
                        r = set_xattr(s, node, path, x->name, x->value, x->value_size, e);
        /* The kernel has user.* on files and directories only. */
        if (r == 0 && s->rootless && (inode->uid || inode->gid) &&
            (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISCHR(inode->mode) || S_ISBLK(inode->mode)))
                r = set_xattr(s, node, path, OWNERSHIP_XATTR, owner,
                              ownership_encode(inode->uid, inode->gid, owner), e);
        return r;
}

static int set_owner(const struct sandbox *s, const struct tree_node *node, int dir, const char *name,
                     struct err *e)
{
        int r;

        if (s->rootless || fchownat(dir, name, node->inode->uid, node->inode->gid, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        r = fail(node, -errno, "change the owner of", e);
        return err_hint(e, r,
                        "this file system or namespace does not allow root to give files away; build as an "
                        "ordinary user, or to another place");
}

static int set_mode(const struct tree_node *node, int dir, const char *name, struct err *e)
{
        if (S_ISLNK(node->inode->mode))
                return 0;
        /* Its own directory, its own file: there is no link at `name`. */
        if (fchmodat(dir, name, node->inode->mode & 07777, 0) < 0)
                return fail(node, -errno, "change the mode of", e);
        return 0;
}

/* Owner, attributes, mode, time of dir/name.  In this order: a change of the owner takes setuid bits and file
 * capabilities away. */
static int set_all(struct sandbox *s, const struct tree_node *node, int dir, const char *name, struct err *e)
{
        struct timespec times[2] = { { .tv_sec = node->inode->mtime }, { .tv_sec = node->inode->mtime } };
        char path[PROC_PATH_SIZE];
        int r;

        snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
        r = set_owner(s, node, dir, name, e);
        if (r == 0)
                r = set_xattrs(s, node, path, e);
        if (r == 0)
                r = set_mode(node, dir, name, e);
        if (r == 0 && utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                r = fail(node, -errno, "set the time of", e);
        return r;
}

/* --- directories, first part -------------------------------------------------------------------------- */

struct pass {
        struct sandbox *s;
        struct err *e;
};

/* Directories are made; every other inode learns the first of its names. */
static int prepare(struct tree_node *node, void *user)
{
        struct pass *p = user;
        int dir;

        if (!S_ISDIR(node->inode->mode)) {
                if (!node->inode->writer)
                        node->inode->writer = node;
                return 0;
        }
        if (!node->parent)
                return 0;
        dir = descent_open(&p->s->descent, node->parent);
        if (dir < 0)
                return fail(node->parent, dir, "open", p->e);
        if (mkdirat(dir, node->name, 0700) < 0)
                return fail(node, -errno, "make", p->e);
        if (interrupt_pending())
                return err_set(p->e, -EINTR, "stopped by a signal");
        return 0;
}

static int forget(struct tree_node *node, void *user)
{
        (void) user;
        node->inode->writer = NULL;
        node->inode->marked = false;
        return 0;
}

int sandbox_skeleton(struct sandbox *s, struct err *e)
{
        struct pass pass = { .s = s, .e = e };
        struct walk clear = { .enter = forget }, walk = { .enter = prepare, .user = &pass };

        walk_tree(s->tree, &clear);
        return walk_tree(s->tree, &walk);
}

/* --- regular files ------------------------------------------------------------------------------------ */

static int file_begin(void *user, struct tree_inode *inode, struct err *e)
{
        struct sandbox *s = user;
        const struct tree_node *node = inode->writer;
        int dir;

        if (interrupt_pending())
                return err_set(e, -EINTR, "stopped by a signal");
        dir = descent_open(&s->descent, node->parent);
        if (dir < 0)
                return fail(node->parent, dir, "open", e);
        s->fd = openat(dir, node->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (s->fd < 0)
                return fail(node, -errno, "make", e);
        s->inode = inode;
        s->at = 0;
        return 0;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
        return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* How many bytes from here on are either all data or a hole. */
static size_t run_size(const uint8_t *bytes, size_t size, bool hole)
{
        size_t n = 0;

        while (size - n >= HOLE_SIZE && is_zero(bytes + n, HOLE_SIZE) == hole)
                n += HOLE_SIZE;
        return size - n < HOLE_SIZE && !hole ? size : n;
}

static int file_data(void *user, const void *bytes, size_t size, struct err *e)
{
        struct sandbox *s = user;
        const uint8_t *at = bytes;

        if (interrupt_pending())
                return err_set(e, -EINTR, "stopped by a signal");
        while (size) {
                bool hole = s->at % HOLE_SIZE == 0 && size >= HOLE_SIZE && is_zero(at, HOLE_SIZE);
                size_t n = s->at % HOLE_SIZE == 0 ? run_size(at, size, hole) : HOLE_SIZE - s->at % HOLE_SIZE;
                int r = 0;

                n = n > size ? size : n;
                if (!hole)
                        r = fd_pwrite_all(s->fd, at, n, s->at);
                if (r < 0)
                        return fail(s->inode->writer, r, "write", e);
                s->at += n;
                at += n;
                size -= n;
        }
        return 0;
}

static int file_end(void *user, struct err *e)
{
        struct sandbox *s = user;
        const struct tree_node *node = s->inode->writer;
        int r = 0, dir = descent_open(&s->descent, node->parent);

        if (dir < 0)
                r = fail(node->parent, dir, "open", e);
        else if (ftruncate(s->fd, (off_t) s->at) < 0) /* the file may end in a hole */
                r = fail(node, -errno, "write", e);
        else
                r = set_all(s, node, dir, node->name, e);
        s->inode->marked = true;
        if (close(fd_take(&s->fd)) < 0 && r == 0)
                r = fail(node, -errno, "write", e);
        return r;
}

struct content_sink sandbox_sink(struct sandbox *s)
{
        return (struct content_sink){ file_begin, file_data, file_end, s };
}

static int file_of_ours(struct sandbox *s, struct tree_inode *inode, struct err *e)
{
        int r;

        if (!inode->bytes && inode->size_bytes > 0)
                return fail(inode->writer, -EBADMSG, "have the content of", e);
        r = file_begin(s, inode, e);
        if (r == 0 && inode->bytes)
                r = file_data(s, inode->bytes, (size_t) inode->size_bytes, e);
        return r == 0 ? file_end(s, e) : r;
}

/* --- everything else ---------------------------------------------------------------------------------- */

static int make_device(struct sandbox *s, const struct tree_node *node, int dir, struct err *e)
{
        const struct tree_inode *inode = node->inode;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;

        if (!s->rootless && mknodat(dir, node->name, inode->mode & (S_IFMT | 0700), inode->rdev) == 0)
                return 0;
        if (!s->rootless && errno != EPERM)
                return fail(node, -errno, "make the device", e);
        path = tree_path(node);
        note(s->notes, LOG_WARNING, "creating empty file in place of device %u:%u: /%s", major(inode->rdev),
             minor(inode->rdev), path);
        fd = openat(dir, node->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd < 0 ? fail(node, -errno, "make", e) : 0;
}

static int make_first(struct sandbox *s, const struct tree_node *node, int dir, struct err *e)
{
        const struct tree_inode *inode = node->inode;

        switch (inode->mode & S_IFMT) {
        case S_IFLNK:
                if (symlinkat(inode->link ? inode->link : "", dir, node->name) < 0)
                        return fail(node, -errno, "make the link", e);
                return 0;
        case S_IFBLK:
        case S_IFCHR:
                return make_device(s, node, dir, e);
        case S_IFIFO:
        case S_IFSOCK:
                if (mknodat(dir, node->name, (inode->mode & S_IFMT) | 0600, 0) < 0)
                        return fail(node, -errno, "make", e);
                return 0;
        default:
                return fail(node, -EINVAL, "make", e);
        }
}

static int make_link(struct sandbox *s, const struct tree_node *node, int dir, struct err *e)
{
        const struct tree_node *first = node->inode->writer;
        int first_dir = descent_open(&s->second, first->parent);

        if (first_dir < 0)
                return fail(first->parent, first_dir, "open", e);
        if (linkat(first_dir, first->name, dir, node->name, 0) < 0)
                return fail(node, -errno, "make the hard link", e);
        return 0;
}

static int make_rest(struct tree_node *node, void *user)
{
        struct pass *p = user;
        struct sandbox *s = p->s;
        int dir, r;

        if (S_ISDIR(node->inode->mode))
                return interrupt_pending() ? err_set(p->e, -EINTR, "stopped by a signal") : 0;
        if (node->inode->writer == node && S_ISREG(node->inode->mode))
                return node->inode->marked ? 0 : file_of_ours(s, node->inode, p->e);
        dir = descent_open(&s->descent, node->parent);
        if (dir < 0)
                return fail(node->parent, dir, "open", p->e);
        if (node->inode->writer != node)
                return make_link(s, node, dir, p->e);
        r = make_first(s, node, dir, p->e);
        return r == 0 ? set_all(s, node, dir, node->name, p->e) : r;
}

/* --- directories, second part ------------------------------------------------------------------------- */

static int enter_nothing(struct tree_node *node, void *user)
{
        (void) node;
        (void) user;
        return 0;
}

static int leave_directory(struct tree_node *node, void *user)
{
        struct pass *p = user;
        int dir = node->parent ? descent_open(&p->s->descent, node->parent) : p->s->descent.root;

        if (dir < 0)
                return fail(node->parent, dir, "open", p->e);
        return set_all(p->s, node, dir, node->parent ? node->name : ".", p->e);
}

int sandbox_finish(struct sandbox *s, struct err *e)
{
        struct pass pass = { .s = s, .e = e };
        struct walk rest = { .enter = make_rest, .user = &pass };
        struct walk directories = { .enter = enter_nothing, .leave = leave_directory, .user = &pass };
        int r = walk_tree(s->tree, &rest);

        return r == 0 ? walk_tree(s->tree, &directories) : r;
}
