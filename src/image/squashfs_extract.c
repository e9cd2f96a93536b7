#include "image/squashfs_extract.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"

/* Names in one image; ordinary ones have 40,000. */
#define NODES_MAX ((size_t) 16 << 20)

struct directory {
        char *path; /* owned: below the root, "" the root itself */
        uint64_t reference;
        struct stat status;
};

/* An inode that may be met again. */
struct known {
        ino_t number;
        char *path; /* owned: its first name; NULL: a directory */
};

struct extract {
        struct squashfs_reader *reader;
        int root;
        bool exact;
        struct directory *directories; /* owned; those behind `n_done` wait */
        size_t n_directories, n_done, room;
        size_t n_nodes;
        void *known;     /* tsearch tree of struct known */
        uint8_t *buffer; /* owned: a block */
        int dir;         /* the directory that is being filled */
        struct err *err;
};

/* A system call about `name` in the directory that is being filled failed with errno. */
static int refused(const struct extract *x, const char *name)
{
        const char *path = x->directories[x->n_done].path;
        int code = -errno;

        if (code == -EEXIST)
                return err_set(
                        x->err, code,
                        "unpacking %s%s%s: there is such a name already; the image is damaged, or this "
                        "file system does not tell upper from lower case",
                        path, *path ? "/" : "", name);
        return err_errno(x->err, code, "unpacking %s%s%s", path, *path ? "/" : "", name);
}

/* --- inodes met again ---------------------------------------------------------------------------------- */

static int compare_known(const void *a, const void *b)
{
        const struct known *x = a, *y = b;

        return (x->number > y->number) - (x->number < y->number);
}

/* The record of a number; *ret_new: it was made now, without a path. */
static struct known *known_find(struct extract *x, ino_t number, bool *ret_new)
{
        struct known *key = text_alloc(sizeof(*key)), **found;

        key->number = number;
        found = tsearch(key, &x->known, compare_known);
        if (!found)
                abort();
        *ret_new = *found == key;
        if (!*ret_new)
                free(key);
        return *found;
}

static void known_free(void *data)
{
        struct known *known = data;

        free(known->path);
        free(known);
}

/* --- attributes ---------------------------------------------------------------------------------------- */

struct attributes {
        struct extract *x;
        const char *path; /* below /proc/self/fd: no link is followed on the way */
};

static int set_xattr(const char *name, const void *value, size_t size, void *user)
{
        const struct attributes *a = user;

        if (!a->x->exact && !text_starts(name, "user."))
                return 0;
        if (lsetxattr(a->path, name, value, size, 0) == 0)
                return 0;
        /* What this user or file system cannot have is left out, as with every copy. */
        if (errno == ENOTSUP || errno == EPERM || errno == EACCES)
                return 0;
        return err_errno(a->x->err, -errno, "unpacking: attribute %s", name);
}

static int set_xattrs(struct extract *x, int dir, const char *name, const struct squashfs_inode *inode)
{
        _cleanup_free_ char *path = text_format("/proc/self/fd/%d/%s", dir, name);
        struct attributes a = { .x = x, .path = path };

        return squashfs_inode_has_xattrs(inode)
                       ? squashfs_xattrs_read(x->reader, inode, set_xattr, &a, x->err)
                       : 0;
}

/* Owner first: chown takes set-id bits away. */
static int set_status(struct extract *x, int dir, const char *name, const struct stat *s)
{
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, s->st_mtim };
        mode_t mode = s->st_mode & (x->exact ? 07777 : 01777);

        if (x->exact && fchownat(dir, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return refused(x, name);
        if (!S_ISLNK(s->st_mode) && fchmodat(dir, name, mode, 0) < 0)
                return refused(x, name);
        return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? refused(x, name) : 0;
}

/* --- files ---------------------------------------------------------------------------------------------- */

static int write_block(struct extract *x, const struct squashfs_block *block, const char *name, int fd,
                       uint64_t at)
{
        size_t size;
        int r = squashfs_block_read(x->reader, block, x->buffer, &size, x->err);

        if (r < 0)
                return r;
        r = fd_pwrite_all(fd, x->buffer + block->from, block->n, at);
        if (r < 0)
                errno = -r;
        return r < 0 ? refused(x, name) : 0;
}

static int make_file(struct extract *x, const char *name, struct squashfs_inode *inode)
{
        _cleanup_close_ int fd =
                openat(x->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        uint64_t n = squashfs_file_n_blocks(inode), at = 0;
        int r = fd < 0 ? refused(x, name) : 0;

        for (uint64_t i = 0; i < n && r == 0; i++) {
                struct squashfs_block block;

                r = squashfs_file_block(x->reader, inode, i, &block, x->err);
                if (r == 0 && !block.sparse)
                        r = write_block(x, &block, name, fd, at);
                at += r == 0 ? block.n : 0;
        }
        if (r == 0 && ftruncate(fd, (off_t) squashfs_file_size(inode)) < 0)
                return refused(x, name);
        return r;
}

static int make_special(struct extract *x, const char *name, const struct stat *s)
{
        bool device = S_ISCHR(s->st_mode) || S_ISBLK(s->st_mode);
        mode_t type = device && !x->exact ? S_IFREG : s->st_mode & S_IFMT;

        return mknodat(x->dir, name, type | 0600, device && x->exact ? s->st_rdev : 0) < 0 ? refused(x, name)
                                                                                           : 0;
}

static void wait_directory(struct extract *x, char *path, uint64_t reference, const struct stat *s)
{
        if (x->n_directories == x->room) {
                x->room = x->room ? x->room * 2 : 256;
                x->directories = text_realloc(x->directories, x->room * sizeof(*x->directories));
        }
        x->directories[x->n_directories++] =
                (struct directory){ .path = path, .reference = reference, .status = *s };
}

/* --- entries -------------------------------------------------------------------------------------------- */

static char *path_of(const struct extract *x, const char *name)
{
        const char *path = x->directories[x->n_done].path;

        return text_format("%s%s%s", path, *path ? "/" : "", name);
}

static int make_directory(struct extract *x, const char *name, uint64_t reference, const struct stat *s)
{
        bool is_new;

        known_find(x, s->st_ino, &is_new);
        if (!is_new)
                return err_set(x->err, -EBADMSG, "%s: a directory occurs twice in the image", name);
        if (mkdirat(x->dir, name, 0700) < 0)
                return refused(x, name);
        wait_directory(x, path_of(x, name), reference, s);
        return 0;
}

/* 1: it was a further name of something that is there. */
static int link_known(struct extract *x, const char *name, const struct stat *s)
{
        struct known *known;
        bool is_new;

        if (s->st_nlink < 2)
                return 0;
        known = known_find(x, s->st_ino, &is_new);
        if (is_new) {
                known->path = path_of(x, name);
                return 0;
        }
        if (!known->path)
                return err_set(x->err, -EBADMSG, "%s: a file with the number of a directory", name);
        return linkat(x->root, known->path, x->dir, name, 0) < 0 ? refused(x, name) : 1;
}

static int make_entry(struct extract *x, const char *name, struct squashfs_inode *inode, uint64_t reference)
{
        struct stat s;
        int r;

        squashfs_inode_stat(inode, &s);
        if (S_ISDIR(s.st_mode))
                return make_directory(x, name, reference, &s);
        r = link_known(x, name, &s);
        if (r != 0)
                return r < 0 ? r : 0;
        if (S_ISREG(s.st_mode))
                r = make_file(x, name, inode);
        else if (S_ISLNK(s.st_mode))
                r = symlinkat(squashfs_inode_link(inode), x->dir, name) < 0 ? refused(x, name) : 0;
        else
                r = make_special(x, name, &s);
        if (r == 0)
                r = set_xattrs(x, x->dir, name, inode);
        return r == 0 ? set_status(x, x->dir, name, &s) : r;
}

static int visit(const struct squashfs_entry *entry, void *user)
{
        struct extract *x = user;
        struct squashfs_inode *inode;
        char name[SQUASHFS_NAME_MAX + 1];
        int r;

        memcpy(name, entry->name, entry->name_size);
        name[entry->name_size] = '\0';
        if (++x->n_nodes > NODES_MAX)
                return err_set(x->err, -E2BIG, "more than %zu files in the image", NODES_MAX);
        r = squashfs_inode_read(x->reader, entry->reference, &inode, x->err);
        if (r < 0)
                return r;
        r = make_entry(x, name, inode, entry->reference);
        squashfs_inode_free(inode);
        return r;
}

/* --- directories ---------------------------------------------------------------------------------------- */

static int fill_directory(struct extract *x)
{
        const struct directory *d = &x->directories[x->n_done];
        struct squashfs_inode *inode;
        int r;

        x->dir = fd_open_in(x->root, *d->path ? d->path : ".",
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
        if (x->dir < 0)
                return err_errno(x->err, x->dir, "unpacking %s", d->path);
        r = squashfs_inode_read(x->reader, d->reference, &inode, x->err);
        if (r == 0) {
                r = squashfs_directory_read(x->reader, inode, 0, visit, x, x->err);
                if (r == 0)
                        r = set_xattrs(x, x->dir, ".", inode);
                squashfs_inode_free(inode);
        }
        close(x->dir);
        return r;
}

/* Those further down first, since a directory may close the way to what is below it. */
static int finish_directories(struct extract *x)
{
        int r = 0;

        for (x->n_done = x->n_directories; x->n_done-- > 0 && r == 0;) {
                const struct directory *d = &x->directories[x->n_done];

                r = set_status(x, x->root, *d->path ? d->path : ".", &d->status);
        }
        return r;
}

static int extract_all(struct extract *x)
{
        struct stat root;
        bool is_new;
        int r = squashfs_stat(x->reader, squashfs_reader_super(x->reader)->root_inode, &root, x->err);

        if (r < 0)
                return r;
        known_find(x, root.st_ino, &is_new);
        wait_directory(x, text_dup(""), squashfs_reader_super(x->reader)->root_inode, &root);
        for (; x->n_done < x->n_directories; x->n_done++) {
                r = fill_directory(x);
                if (r < 0)
                        return r;
        }
        return finish_directories(x);
}

int squashfs_extract(struct squashfs_reader *r, int directory, enum squashfs_extract_as as, struct err *e)
{
        struct extract x = { .reader = r,
                             .root = directory,
                             .exact = as == SQUASHFS_EXTRACT_EXACT,
                             .buffer = text_alloc(squashfs_reader_super(r)->block_size),
                             .err = e };
        mode_t before = umask(0);
        int result = extract_all(&x);

        umask(before);
        for (size_t i = 0; i < x.n_directories; i++)
                free(x.directories[i].path);
        free(x.directories);
        free(x.buffer);
        tdestroy(x.known, known_free);
        return result;
}
