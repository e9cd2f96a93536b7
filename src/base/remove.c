/* One directory is open per level, up to LEVELS_MAX; what lies deeper is moved up to the top first. */
#include "base/remove.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "sys/sys.h"

#define LEVELS_MAX   64 /* open descriptors at most */
#define PASSES_MAX   8  /* readdir() may pass over entries while others go; a directory is read again then */
#define RIGHTS_OWNER 0700

struct level {
        DIR *dir;
        char *name;
        unsigned n_passes;
};

struct removal {
        struct level levels[LEVELS_MAX];
        unsigned n;
        unsigned long n_moved;
        dev_t device;
        struct err *e;
};

/* The mount that a descriptor's file is seen through; -1 when /proc does not tell (proc(5), fdinfo). */
static long mount_id(int fd)
{
        _cleanup_free_ char *path = text_format("/proc/self/fdinfo/%d", fd), *text = NULL;
        const char *line = NULL;

        if (fd_read_file(AT_FDCWD, path, 65536, &text, NULL) == 0)
                line = strstr(text, "mnt_id:");
        return line ? strtol(line + strlen("mnt_id:"), NULL, 10) : -1;
}

/* Before openat2(2), Linux 5.6: a mount of the same file system shows only in its number. */
static int open_same_mount(int dir, const char *name)
{
        _cleanup_close_ int parent = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return mount_id(parent) == mount_id(fd) ? fd_take(&fd) : -EXDEV;
}

static int open_once(int dir, const char *name)
{
        struct sys_open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                                    .resolve = SYS_RESOLVE_NO_XDEV | SYS_RESOLVE_NO_SYMLINKS };
        int fd = sys_openat2(dir, name, &how);

        return fd == -ENOSYS ? open_same_mount(dir, name) : fd;
}

/* Gives the owner all rights to dir/name. */
static int rights_give(int dir, const char *name)
{
        _cleanup_close_ int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char link[sizeof("/proc/self/fd/") + 12];

        if (fd < 0)
                return -errno;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        return chmod(link, RIGHTS_OWNER) < 0 ? -errno : 0;
}

static int open_directory(int dir, const char *name, struct stat *ret)
{
        _cleanup_close_ int fd = open_once(dir, name);

        if (fd == -EACCES && rights_give(dir, name) == 0)
                fd = open_once(dir, name);
        if (fd < 0)
                return fd;
        if (fstat(fd, ret) < 0)
                return -errno;
        if ((ret->st_mode & RIGHTS_OWNER) != RIGHTS_OWNER)
                fchmod(fd, RIGHTS_OWNER); /* removing tells when it does not help */
        return fd_take(&fd);
}

static int failed(const struct removal *x, int code, const char *name)
{
        _cleanup_text_ struct text path = TEXT_INIT;

        for (unsigned i = 0; i < x->n; i++)
                text_printf(&path, "%s/", x->levels[i].name);
        text_add(&path, name);
        if (code == -EXDEV || code == -EBUSY)
                return err_set(x->e, -EBUSY, "cannot remove %s: something is mounted there", text_get(&path));
        return err_errno(x->e, code, "cannot remove %s", text_get(&path));
}

static int enter(struct removal *x, int parent, const char *name)
{
        struct level *level = &x->levels[x->n];
        struct stat status;
        int fd = open_directory(parent, name, &status);

        if (fd < 0)
                return failed(x, fd, name);
        if (x->n > 0 && status.st_dev != x->device) {
                close(fd);
                return failed(x, -EXDEV, name);
        }
        x->device = status.st_dev;
        level->dir = fdopendir(fd);
        if (!level->dir) {
                int code = -errno;

                close(fd);
                return failed(x, code, name);
        }
        level->name = text_dup(name);
        level->n_passes = 0;
        x->n++;
        return 0;
}

static void leave(struct removal *x)
{
        struct level *level = &x->levels[--x->n];

        closedir(level->dir);
        free(level->name);
}

/* A directory at the last level: it becomes a child of the first, which is read once more. */
static int move_up(struct removal *x, int dir, const char *name)
{
        int top = dirfd(x->levels[0].dir);

        for (;;) {
                _cleanup_free_ char *moved = text_format(".deep.%lu~", x->n_moved++);

                if (renameat2(dir, name, top, moved, RENAME_NOREPLACE) == 0) {
                        x->levels[0].n_passes = 0;
                        return 0;
                }
                if (errno == EINVAL && faccessat(top, moved, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        return renameat(dir, name, top, moved) < 0 ? failed(x, -errno, name) : 0;
                if (errno != EEXIST && errno != EINVAL)
                        return failed(x, -errno, name);
        }
}

static int remove_entry(struct removal *x, int dir, const struct dirent *entry)
{
        bool is_directory = entry->d_type == DT_DIR;
        struct stat status;

        if (entry->d_type == DT_UNKNOWN)
                is_directory = fstatat(dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                               S_ISDIR(status.st_mode);
        if (!is_directory)
                return unlinkat(dir, entry->d_name, 0) < 0 && errno != ENOENT
                               ? failed(x, -errno, entry->d_name)
                               : 0;
        if (x->n == LEVELS_MAX)
                return move_up(x, dir, entry->d_name);
        return enter(x, dir, entry->d_name);
}

/* The last level is read to its end: removes it, or reads it again when something is left. */
static int finish_level(struct removal *x, int outside)
{
        struct level *level = &x->levels[x->n - 1];
        int parent = x->n > 1 ? dirfd(x->levels[x->n - 2].dir) : outside;
        _cleanup_free_ char *name = NULL;

        if (unlinkat(parent, level->name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
                if (errno == ENOTEMPTY && ++level->n_passes < PASSES_MAX) {
                        rewinddir(level->dir);
                        return 0;
                }
                name = text_dup(level->name);
                x->n--;
                int r = failed(x, -errno, name);
                x->n++;
                return r;
        }
        leave(x);
        return 0;
}

static int remove_directory(struct removal *x, int outside, const char *name)
{
        int r = enter(x, outside, name);

        while (r == 0 && x->n > 0) {
                struct level *level = &x->levels[x->n - 1];
                struct dirent *entry;

                errno = 0;
                entry = readdir(level->dir);
                if (!entry)
                        r = errno ? failed(x, -errno, ".") : finish_level(x, outside);
                else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = remove_entry(x, dirfd(level->dir), entry);
        }
        while (x->n > 0)
                leave(x);
        return r;
}

int remove_tree(int dir, const char *name, struct err *e)
{
        struct removal x = { .e = e };
        struct stat status;

        if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : err_errno(e, -errno, "cannot remove %s", name);
        if (S_ISDIR(status.st_mode))
                return remove_directory(&x, dir, name);
        if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
                return err_errno(e, -errno, "cannot remove %s", name);
        return 0;
}
