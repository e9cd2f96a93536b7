#include "base/output.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "base/text.h"

#define PART_SUFFIX ".part~"
#define NAME_TRIES  64

static char *part_prefix(const char *name)
{
        return text_format(".%s.", name);
}

static bool part_is_ours(const char *entry, const char *prefix)
{
        return text_starts(entry, prefix) && text_ends(entry, PART_SUFFIX);
}

void output_sweep(const char *path)
{
        _cleanup_free_ char *dir_name = path_dir(path);
        _cleanup_free_ char *prefix = part_prefix(path_base(path));
        _cleanup_closedir_ DIR *dir = opendir(dir_name);

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                _cleanup_close_ int fd = -EBADF;

                if (!part_is_ours(entry->d_name, prefix))
                        continue;
                fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                        unlinkat(dirfd(dir), entry->d_name, 0);
        }
}

static int open_named(struct output *o, mode_t mode)
{
        _cleanup_free_ char *prefix = part_prefix(o->name);

        for (int i = 0; i < NAME_TRIES; i++) {
                _cleanup_free_ char *name = text_format("%s%d.%d" PART_SUFFIX, prefix, (int) getpid(), i);
                int fd = openat(o->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

                if (fd < 0 && errno == EEXIST)
                        continue;
                if (fd < 0)
                        return -errno;
                if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
                        close(fd); /* a sweeper took it for a dead one's */
                        continue;
                }
                o->temporary = ptr_take(&name);
                return fd;
        }
        return -EEXIST;
}

int output_open(struct output *o, const char *path, mode_t mode, struct err *e)
{
        _cleanup_free_ char *dir_name = path_dir(path);

        *o = (struct output) OUTPUT_INIT;
        output_sweep(path);
        o->path = text_dup(path);
        o->name = text_dup(path_base(path));
        o->dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (o->dir < 0)
                return err_errno(e, -errno, "cannot open the directory %s", dir_name);
        o->fd = openat(o->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
        if (o->fd < 0)
                o->fd = open_named(o, mode);
        if (o->fd < 0)
                return err_errno(e, o->fd, "cannot create a file in %s", dir_name);
        return 0;
}

/* Gives an O_TMPFILE file a temporary name, since linkat() cannot replace. */
static int link_temporary(struct output *o)
{
        _cleanup_free_ char *prefix = part_prefix(o->name);
        char link[sizeof("/proc/self/fd/") + 12];

        snprintf(link, sizeof(link), "/proc/self/fd/%d", o->fd);
        flock(o->fd, LOCK_EX | LOCK_NB);
        for (int i = 0; i < NAME_TRIES; i++) {
                _cleanup_free_ char *name = text_format("%s%d.%d" PART_SUFFIX, prefix, (int) getpid(), i);

                if (linkat(AT_FDCWD, link, o->dir, name, AT_SYMLINK_FOLLOW) == 0) {
                        o->temporary = ptr_take(&name);
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

static int link_target(struct output *o)
{
        char link[sizeof("/proc/self/fd/") + 12];

        if (o->temporary)
                return renameat2(o->dir, o->temporary, o->dir, o->name, RENAME_NOREPLACE) < 0 ? -errno : 0;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", o->fd);
        return linkat(AT_FDCWD, link, o->dir, o->name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int rename_target(struct output *o)
{
        int r = o->temporary ? 0 : link_temporary(o);

        if (r < 0)
                return r;
        return renameat(o->dir, o->temporary, o->dir, o->name) < 0 ? -errno : 0;
}

int output_commit(struct output *o, bool replace, struct err *e)
{
        int r;

        if (fsync(o->fd) < 0 && errno != EINVAL)
                return err_errno(e, -errno, "cannot write %s", o->path);
        r = link_target(o);
        if (r == -EEXIST && replace)
                r = rename_target(o);
        else if (r == -EINVAL && o->temporary) /* no RENAME_NOREPLACE here */
                r = rename_target(o);
        if (r < 0)
                return err_errno(e, r, "cannot give %s its name", o->path);
        free(ptr_take(&o->temporary));
        fsync(o->dir); /* best effort: some network file systems refuse */
        return 0;
}

void output_done(struct output *o)
{
        if (o->temporary && o->dir >= 0)
                unlinkat(o->dir, o->temporary, 0);
        clean_close(&o->fd);
        clean_close(&o->dir);
        free(o->path);
        free(o->name);
        free(o->temporary);
        *o = (struct output) OUTPUT_INIT;
}
