/* A sandbox directory as a source.
 *
 * Nothing in it is followed or changed: entries are taken by descriptor-relative calls that stop at links,
 * regular files are the only ones ever opened.  Owners as an ordinary user sees them: what belongs to that
 * user is root's in the image, unless the file records another owner (ownership.h); the rest stays as it is.
 */
#include "build/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/progress.h"
#include "base/text.h"
#include "build/descent.h"
#include "build/ownership.h"
#include "build/walk.h"

#define COPY_SIZE       ((size_t) 1 << 20)
#define XATTR_LIST_MAX  65536 /* the kernel's limits, xattr(7) */
#define XATTR_VALUE_MAX 65536
#define LINK_TARGET_MAX 65536 /* far above PATH_MAX: some file systems allow more */
#define PROC_PATH_SIZE  (sizeof("/proc/self/fd//") + 12 + 256)
#define DEVPTS_MAGIC    0x1cd1
#define MQUEUE_MAGIC    0x19800202
#define CONFIGFS_MAGIC  0x62656570

struct source_directory {
        struct source source; /* first */
        char *path;           /* owned: as the user named it */
        int fd;
        uid_t uid; /* of the caller; 0: owners are taken as they are */
        gid_t gid;
        struct tree_node **found; /* directories not yet read; the next one is the last */
        size_t n_found, room_found;
        void *hardlinks; /* tsearch tree of struct hardlink */
        struct descent descent;
        const struct notes *notes;
        struct tree *tree;
        int64_t newest; /* modification time of any file */
        uint64_t content_bytes;
        bool told_acl;
        char *xattr_names, *xattr_value; /* owned buffers */
};

struct hardlink {
        dev_t device;
        ino_t number;
        struct tree_node *node;
};

static int fail(const struct source_directory *d, const struct tree_node *dir, const char *name, int code,
                const char *what, struct err *e)
{
        _cleanup_free_ char *inside = tree_path(dir);

        return err_errno(e, code, "cannot %s %s%s%s%s%s", what, d->path, inside[0] ? "/" : "", inside,
                         name[0] ? "/" : "", name);
}

/* --- extended attributes ------------------------------------------------------------------------------ */

/* What squashfs can hold, without what belongs to the host. */
static bool xattr_wanted(struct source_directory *d, const char *name)
{
        if (text_starts(name, "system.posix_acl_") && !d->told_acl) {
                note(d->notes, LOG_WARNING, "access control lists in %s are not kept: squashfs has none",
                     d->path);
                d->told_acl = true;
        }
        if (strcmp(name, "security.selinux") == 0)
                return false;
        return text_starts(name, "user.") || text_starts(name, "trusted.") || text_starts(name, "security.");
}

static void take_owner(const struct source_directory *d, struct tree_inode *inode, const void *value,
                       size_t size)
{
        uint32_t uid, gid;

        if (inode->uid == 0 && inode->gid == 0 && d->uid != 0 &&
            ownership_decode(value, size, &uid, &gid) == 0) {
                inode->uid = uid;
                inode->gid = gid;
        }
}

static int read_xattrs(struct source_directory *d, int dir, const char *name, struct tree_inode *inode)
{
        char path[PROC_PATH_SIZE];
        ssize_t size;

        /* There is no llistxattrat() before Linux 6.13. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
        size = llistxattr(path, d->xattr_names, XATTR_LIST_MAX);
        if (size < 0)
                return errno == ENOTSUP || errno == ENOENT ? 0 : -errno;
        for (const char *at = d->xattr_names; at < d->xattr_names + size; at += strlen(at) + 1) {
                ssize_t value_size;

                if (!xattr_wanted(d, at))
                        continue;
                value_size = lgetxattr(path, at, d->xattr_value, XATTR_VALUE_MAX);
                if (value_size < 0 && (errno == ENODATA || errno == EPERM || errno == EACCES))
                        continue; /* gone, or not for us: trusted.* of a foreign namespace */
                if (value_size < 0)
                        return -errno;
                if (strcmp(at, OWNERSHIP_XATTR) == 0 && d->uid != 0)
                        take_owner(d, inode, d->xattr_value, (size_t) value_size);
                else
                        tree_xattr_set(inode, at, d->xattr_value, (size_t) value_size);
        }
        return 0;
}

/* --- entries ------------------------------------------------------------------------------------------ */

static void take_status(struct source_directory *d, struct tree_inode *inode, const struct stat *status)
{
        inode->mode = status->st_mode;
        inode->uid = d->uid != 0 && status->st_uid == d->uid ? 0 : status->st_uid;
        inode->gid = d->uid != 0 && status->st_gid == d->gid ? 0 : status->st_gid;
        inode->mtime = status->st_mtime;
        inode->rdev = S_ISBLK(status->st_mode) || S_ISCHR(status->st_mode) ? status->st_rdev : 0;
        inode->size_bytes = S_ISREG(status->st_mode) ? (uint64_t) status->st_size : 0;
        if (status->st_mtime > d->newest)
                d->newest = status->st_mtime;
}

static int read_link(int dir, const char *name, struct tree_inode *inode)
{
        _cleanup_free_ char *target = NULL;
        ssize_t size = 0;

        for (size_t room = 256; room <= LINK_TARGET_MAX; room *= 4) {
                target = text_realloc(target, room);
                size = readlinkat(dir, name, target, room);
                if (size < 0)
                        return -errno;
                if ((size_t) size < room) {
                        inode->link = text_dup_bytes(target, (size_t) size);
                        inode->size_bytes = (uint64_t) size;
                        return 0;
                }
        }
        return -ENAMETOOLONG;
}

static int compare_hardlinks(const void *x, const void *y)
{
        const struct hardlink *a = x, *b = y;

        if (a->device != b->device)
                return a->device < b->device ? -1 : 1;
        return (a->number > b->number) - (a->number < b->number);
}

/* The node that this file is already known by; else NULL, and it will be known by `node`. */
static struct hardlink *hardlink_find(struct source_directory *d, const struct stat *status)
{
        struct hardlink *key = text_alloc(sizeof(*key)), **found;

        *key = (struct hardlink){ .device = status->st_dev, .number = status->st_ino };
        found = tsearch(key, &d->hardlinks, compare_hardlinks);
        if (*found != key)
                free(key);
        return *found;
}

static void found_directory(struct source_directory *d, struct tree_node *node)
{
        if (d->n_found == d->room_found) {
                d->room_found = d->room_found ? d->room_found * 2 : 64;
                d->found = text_realloc(d->found, d->room_found * sizeof(struct tree_node *));
        }
        d->found[d->n_found++] = node;
}

/* Unreadable files are told before hours are spent on the others. */
static int check_readable(const struct source_directory *d, int dir, const char *name)
{
        if (d->uid == 0 || faccessat(dir, name, R_OK, AT_EACCESS) == 0)
                return 0;
        return -errno;
}

static int add_entry(struct source_directory *d, int dir, struct tree_node *parent, const char *name,
                     struct err *e)
{
        struct hardlink *known = NULL;
        struct tree_node *node;
        struct stat status;
        int r;

        if (tree_child(d->tree, parent, name, strlen(name)))
                return 0; /* readdir() may repeat itself in a directory that changes */
        if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(d, parent, name, -errno, "look at", e);
        if (status.st_nlink > 1 && !S_ISDIR(status.st_mode)) {
                known = hardlink_find(d, &status);
                if (known->node) {
                        tree_add_link(d->tree, parent, name, strlen(name), known->node);
                        return 0;
                }
        }
        node = tree_add(d->tree, parent, name, strlen(name), status.st_mode);
        if (known)
                known->node = node;
        take_status(d, node->inode, &status);
        r = read_xattrs(d, dir, name, node->inode);
        if (r < 0)
                return fail(d, parent, name, r, "read the extended attributes of", e);
        if (S_ISLNK(status.st_mode))
                r = read_link(dir, name, node->inode);
        else if (S_ISREG(status.st_mode))
                r = check_readable(d, dir, name);
        else if (S_ISDIR(status.st_mode))
                found_directory(d, node);
        if (S_ISREG(status.st_mode))
                d->content_bytes += node->inode->size_bytes;
        if (r == -EACCES)
                return err_hint(e, fail(d, parent, name, r, "read", e),
                                "make it readable (chmod -R u+rX), or build as the user it belongs to");
        return r < 0 ? fail(d, parent, name, r, "read", e) : 0;
}

/* --- directories -------------------------------------------------------------------------------------- */

/* File systems that are the kernel's windows, not files: a mounted /proc is an empty directory in the image.
 */
static bool is_window(int dir)
{
        static const unsigned long types[] = { PROC_SUPER_MAGIC,   SYSFS_MAGIC,         DEVPTS_MAGIC,
                                               CGROUP_SUPER_MAGIC, SECURITYFS_MAGIC,    DEBUGFS_MAGIC,
                                               TRACEFS_MAGIC,      CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,
                                               MQUEUE_MAGIC,       CONFIGFS_MAGIC };
        struct statfs fs;

        if (fstatfs(dir, &fs) < 0)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if ((unsigned long) fs.f_type == types[i])
                        return true;
        return false;
}

static int read_directory(struct source_directory *d, struct tree_node *node, struct err *e)
{
        int fd = descent_open(&d->descent, node);
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;
        int r = 0, copy;

        if (fd < 0)
                return err_hint(e, fail(d, node, "", fd, "open", e),
                                "make it readable (chmod -R u+rX), or build as the user it belongs to");
        if (is_window(fd)) {
                _cleanup_free_ char *inside = tree_path(node);

                note(d->notes, LOG_WARNING,
                     "%s/%s is a mounted kernel file system: it stays empty in the image", d->path, inside);
                return 0;
        }
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        dir = copy < 0 ? NULL : fdopendir(copy);
        if (!dir) {
                int code = -errno;

                clean_close(&copy);
                return fail(d, node, "", code, "open", e);
        }
        rewinddir(dir); /* the position is shared with the original descriptor */
        while (r == 0) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return errno ? fail(d, node, "", -errno, "read", e) : 0;
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = add_entry(d, fd, node, entry->d_name, e);
        }
        return r;
}

static int load_root(struct source_directory *d, struct err *e)
{
        struct tree_node *root = tree_root(d->tree);
        struct stat status;
        int r;

        if (fstat(d->fd, &status) < 0)
                return fail(d, root, "", -errno, "look at", e);
        take_status(d, root->inode, &status);
        r = read_xattrs(d, d->fd, ".", root->inode);
        if (r < 0)
                return fail(d, root, "", r, "read the extended attributes of", e);
        found_directory(d, root);
        return 0;
}

static int load(struct source *s, struct tree *t, const struct notes *notes, struct err *e)
{
        struct source_directory *d = (struct source_directory *) s;
        int r;

        note(notes, LOG_INFO, "Extracting local image...");
        d->notes = notes;
        d->tree = t;
        r = load_root(d, e);
        while (r == 0 && d->n_found)
                r = read_directory(d, d->found[--d->n_found], e);
        descent_reset(&d->descent);
        s->has_created = true;
        s->created = d->newest;
        return r;
}

/* --- content ------------------------------------------------------------------------------------------ */

struct reading {
        struct source_directory *d;
        const struct content_sink *sink;
        struct progress *progress;
        uint8_t *buffer;
        struct err *e;
};

static int changed(const struct source_directory *d, const struct tree_node *node, struct err *e)
{
        _cleanup_free_ char *inside = tree_path(node);

        return err_set(e, -ESTALE, "%s/%s changed while it was being read", d->path, inside);
}

/* Whether this place on disk still is the file that was scanned. */
static int open_file(struct reading *x, const struct tree_node *node, int *ret)
{
        int dir = descent_open(&x->d->descent, node->parent);
        _cleanup_close_ int fd = -EBADF;
        struct stat status;

        if (dir < 0)
                return fail(x->d, node->parent, "", dir, "open", x->e);
        fd = openat(dir, node->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return fail(x->d, node->parent, node->name, -errno, "open", x->e);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
            (uint64_t) status.st_size != node->inode->size_bytes)
                return changed(x->d, node, x->e);
        *ret = fd_take(&fd);
        return 0;
}

/* The part of a file up to `end` that is a hole or data. */
static int read_range(struct reading *x, int fd, uint64_t from, uint64_t end, bool hole)
{
        while (from < end) {
                size_t wanted = end - from < COPY_SIZE ? (size_t) (end - from) : COPY_SIZE;
                ssize_t got = (ssize_t) wanted;
                int r;

                if (hole)
                        memset(x->buffer, 0, wanted);
                else
                        got = pread(fd, x->buffer, wanted, (off_t) from);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return got < 0 ? -errno : -ESTALE;
                r = x->sink->data(x->sink->user, x->buffer, (size_t) got, x->e);
                if (r < 0)
                        return r;
                progress_add(x->progress, (uint64_t) got);
                from += (uint64_t) got;
        }
        return 0;
}

static int read_content(struct reading *x, int fd, uint64_t size)
{
        uint64_t at = 0;

        while (at < size) {
                off_t data = lseek(fd, (off_t) at, SEEK_DATA), hole;
                uint64_t end;
                int r;

                if (data < 0 && errno != ENXIO)
                        return read_range(x, fd, at, size, false); /* cannot tell */
                end = data < 0 || (uint64_t) data > size ? size : (uint64_t) data;
                r = read_range(x, fd, at, end, true);
                if (r < 0 || end == size)
                        return r;
                hole = lseek(fd, (off_t) end, SEEK_HOLE);
                at = hole < 0 || (uint64_t) hole > size ? size : (uint64_t) hole;
                r = read_range(x, fd, end, at, false);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_file(struct tree_node *node, void *user)
{
        struct reading *x = user;
        struct tree_inode *inode = node->inode;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!S_ISREG(inode->mode) || inode->bytes || inode->size_bytes == 0 || inode->source_entry)
                return 0;
        inode->source_entry = 1; /* seen under one of its names */
        r = x->sink->begin(x->sink->user, inode, x->e);
        if (r)
                return r == CONTENT_SKIP ? 0 : r;
        r = open_file(x, node, &fd);
        if (r < 0)
                return r;
        r = read_content(x, fd, inode->size_bytes);
        if (r == -ESTALE)
                return changed(x->d, node, x->e);
        if (r < 0)
                return x->e && x->e->code ? r : fail(x->d, node->parent, node->name, r, "read", x->e);
        return x->sink->end(x->sink->user, x->e);
}

static int forget_seen(struct tree_node *node, void *user)
{
        (void) user;
        node->inode->source_entry = 0;
        return 0;
}

static int content(struct source *s, struct tree *t, const struct content_sink *sink, const char *label,
                   struct err *e)
{
        struct source_directory *d = (struct source_directory *) s;
        _cleanup_progress_ struct progress *progress = label ? progress_new(label, d->content_bytes) : NULL;
        _cleanup_free_ uint8_t *buffer = text_alloc(COPY_SIZE);
        struct reading reading = { .d = d, .sink = sink, .progress = progress, .buffer = buffer, .e = e };
        struct walk forget = { .enter = forget_seen }, read = { .enter = read_file, .user = &reading };

        walk_tree(t, &forget);
        return walk_tree(t, &read);
}

static void directory_free(struct source *s)
{
        struct source_directory *d = (struct source_directory *) s;

        descent_done(&d->descent);
        clean_close(&d->fd);
        tdestroy(d->hardlinks, free);
        free(d->found);
        free(d->path);
        free(d->xattr_names);
        free(d->xattr_value);
        free(d);
}

static const struct source_ops directory_ops = { .load = load, .content = content, .free = directory_free };

int source_open_directory(struct source **ret, const char *path, struct err *e)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct source_directory *d;

        if (fd < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        d = text_alloc(sizeof(*d));
        d->source = (struct source){ .ops = &directory_ops };
        d->path = text_dup(path);
        d->fd = fd_take(&fd);
        d->uid = geteuid();
        d->gid = getegid();
        d->xattr_names = text_alloc(XATTR_LIST_MAX);
        d->xattr_value = text_alloc(XATTR_VALUE_MAX);
        descent_init(&d->descent, d->fd);
        *ret = &d->source;
        return 0;
}
