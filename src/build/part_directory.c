#include "build/part_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "base/remove.h"
#include "base/text.h"

#define NAME_TRIES     64
#define NAME_SHOWN_MAX 120 /* of the target's name; the rest of NAME_MAX is for PID and host */

static char *part_prefix(const char *name)
{
        return text_format(".%.*s.", NAME_SHOWN_MAX, name);
}

static char *part_suffix(void)
{
        char host[HOST_NAME_MAX + 1] = "";

        gethostname(host, sizeof(host) - 1);
        return text_format("-%s.part~", host);
}

static char *part_name(const char *name, int number)
{
        _cleanup_free_ char *prefix = part_prefix(name), *suffix = part_suffix();

        return text_format("%s%d.%d%s", prefix, (int) getpid(), number, suffix);
}

/* Whether the directory still has this name. */
static bool is_at(int parent, const char *name, int fd)
{
        struct stat here, there;

        return fstat(fd, &here) == 0 && fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static int open_directory(int parent, const char *name)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static int make_part(struct part_directory *p)
{
        for (int i = 0; i < NAME_TRIES; i++) {
                _cleanup_free_ char *name = part_name(p->name, i);
                _cleanup_close_ int fd = -EBADF;

                if (mkdirat(p->parent, name, 0700) < 0) {
                        if (errno == EEXIST)
                                continue;
                        return -errno;
                }
                fd = open_directory(p->parent, name);
                /* A sweeper may have been quicker than the lock. */
                if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) ||
                    !is_at(p->parent, name, fd))
                        continue;
                p->fd = fd_take(&fd);
                p->temporary = ptr_take(&name);
                return 0;
        }
        return -EEXIST;
}

static int open_parent(struct part_directory *p, const char *path, struct err *e)
{
        _cleanup_free_ char *dir_name = path_dir(path);

        *p = (struct part_directory) PART_DIRECTORY_INIT;
        p->path = text_dup(path);
        p->name = text_dup(path_base(path));
        p->parent = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (p->parent < 0)
                return err_errno(e, -errno, "cannot open the directory %s", dir_name);
        return 0;
}

int part_directory_open(struct part_directory *p, const char *path, struct err *e)
{
        int r;

        part_directory_sweep(path);
        r = open_parent(p, path, e);
        if (r < 0)
                return r;
        r = make_part(p);
        return r < 0 ? err_errno(e, r, "cannot make a directory beside %s", path) : 0;
}

/* For file systems that cannot exchange names. */
static int replace_by_two_renames(struct part_directory *p, struct err *e)
{
        _cleanup_free_ char *aside = part_name(p->name, NAME_TRIES);
        struct err ignored = ERR_INIT;
        int r;

        if (renameat(p->parent, p->name, p->parent, aside) < 0)
                return err_errno(e, -errno, "cannot replace %s", p->path);
        if (renameat(p->parent, p->temporary, p->parent, p->name) < 0) {
                r = -errno;
                renameat(p->parent, aside, p->parent, p->name);
                return err_errno(e, r, "cannot replace %s", p->path);
        }
        free(ptr_take(&p->temporary));
        r = remove_tree(p->parent, aside, &ignored);
        return r < 0 ? err_set(e, r, "%s is in place, but of what was there: %s", p->path, ignored.text) : 0;
}

static int exchange(struct part_directory *p, struct err *e)
{
        struct err removal = ERR_INIT;
        int r;

        if (renameat2(p->parent, p->temporary, p->parent, p->name, RENAME_EXCHANGE) < 0) {
                if (errno == EINVAL || errno == ENOSYS)
                        return replace_by_two_renames(p, e);
                return err_errno(e, -errno, "cannot replace %s", p->path);
        }
        r = remove_tree(p->parent, p->temporary, &removal);
        free(ptr_take(&p->temporary));
        return r < 0 ? err_set(e, r, "%s is in place, but of what was there: %s", p->path, removal.text) : 0;
}

int part_directory_commit(struct part_directory *p, bool replace, struct err *e)
{
        int r = 0;

        if (renameat2(p->parent, p->temporary, p->parent, p->name, RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r == -EEXIST && replace)
                return exchange(p, e);
        if ((r == -EINVAL || r == -ENOSYS) && faccessat(p->parent, p->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                if (replace)
                        return replace_by_two_renames(p, e);
                r = -EEXIST;
        } else if (r == -EINVAL || r == -ENOSYS) {
                r = renameat(p->parent, p->temporary, p->parent, p->name) < 0 ? -errno : 0;
        }
        if (r < 0)
                return err_errno(e, r, "cannot give %s its name", p->path);
        free(ptr_take(&p->temporary));
        return 0;
}

void part_directory_done(struct part_directory *p)
{
        struct err ignored = ERR_INIT;

        if (p->temporary && p->parent >= 0)
                remove_tree(p->parent, p->temporary, &ignored);
        clean_close(&p->fd);
        clean_close(&p->parent);
        free(p->path);
        free(p->name);
        free(p->temporary);
        *p = (struct part_directory) PART_DIRECTORY_INIT;
}

void part_directory_sweep(const char *path)
{
        _cleanup_free_ char *dir_name = path_dir(path), *prefix = part_prefix(path_base(path)),
                            *suffix = part_suffix();
        _cleanup_text_list_ struct text_list dead = TEXT_LIST_INIT;
        _cleanup_closedir_ DIR *dir = opendir(dir_name);

        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (text_starts(entry->d_name, prefix) && text_ends(entry->d_name, suffix))
                        text_list_add(&dead, entry->d_name);
        for (size_t i = 0; i < dead.n; i++) {
                _cleanup_close_ int fd = open_directory(dirfd(dir), dead.at[i]);
                struct err ignored = ERR_INIT;

                if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                        remove_tree(dirfd(dir), dead.at[i], &ignored);
        }
}

int part_directory_set_aside(struct part_directory *p, const char *path, struct err *e)
{
        struct stat status;
        int r = open_parent(p, path, e);

        if (r < 0)
                return r;
        if (fstatat(p->parent, p->name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode))
                return 0;
        p->temporary = part_name(p->name, NAME_TRIES);
        if (renameat(p->parent, p->name, p->parent, p->temporary) < 0) {
                r = -errno;
                free(ptr_take(&p->temporary));
                return err_errno(e, r, "cannot replace %s", path);
        }
        return 0;
}

void part_directory_put_back(struct part_directory *p)
{
        if (p->temporary && renameat(p->parent, p->temporary, p->parent, p->name) == 0)
                free(ptr_take(&p->temporary));
}

int part_directory_discard(struct part_directory *p, struct err *e)
{
        struct err removal = ERR_INIT;
        int r = p->temporary ? remove_tree(p->parent, p->temporary, &removal) : 0;

        free(ptr_take(&p->temporary));
        return r < 0 ? err_set(e, r, "%s is in place, but of what was there: %s", p->path, removal.text) : 0;
}
