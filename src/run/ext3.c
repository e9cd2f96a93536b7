#include "run/ext3.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "run/fuse_program.h"
#include "run/loop.h"

#define LOCK_WAIT_MS 3000

/* --- who holds a lock ------------------------------------------------------------------------------------
 */

/* fcntl(2) tells no owner of such a lock, so the processes that have the file open are looked for; those of
 * others are not seen, and of another machine none. */
static bool has_open(const char *pid, const struct stat *file)
{
        _cleanup_free_ char *path = text_format("/proc/%s/fd", pid);
        _cleanup_closedir_ DIR *fds = opendir(path);
        struct stat status;

        if (!fds)
                return false;
        for (const struct dirent *entry = readdir(fds); entry; entry = readdir(fds))
                if (fstatat(dirfd(fds), entry->d_name, &status, 0) == 0 && status.st_dev == file->st_dev &&
                    status.st_ino == file->st_ino)
                        return true;
        return false;
}

static bool find_process(const struct stat *file, struct text *ret)
{
        _cleanup_closedir_ DIR *processes = opendir("/proc");
        _cleanup_free_ char *own = text_format("%d", getpid());

        if (!processes)
                return false;
        for (const struct dirent *entry = readdir(processes); entry; entry = readdir(processes)) {
                _cleanup_free_ char *path = NULL, *name = NULL;

                if (!isdigit((unsigned char) entry->d_name[0]) || strcmp(entry->d_name, own) == 0 ||
                    !has_open(entry->d_name, file))
                        continue;
                path = text_format("/proc/%s/comm", entry->d_name);
                if (fd_read_file(AT_FDCWD, path, PATH_MAX, &name, NULL) >= 0)
                        name[strcspn(name, "\n")] = '\0';
                if (name && strcmp(name, "imagefs") == 0) /* serves another part of a SIF */
                        continue;
                text_printf(ret, "process %s%s%s%s", entry->d_name, name ? " (" : "", name ? name : "",
                            name ? ")" : "");
                return true;
        }
        return false;
}

static bool find_loop(const char *image, struct text *ret)
{
        _cleanup_closedir_ DIR *blocks = opendir("/sys/block");
        char resolved[PATH_MAX];

        if (!blocks || !realpath(image, resolved))
                return false;
        for (const struct dirent *entry = readdir(blocks); entry; entry = readdir(blocks)) {
                _cleanup_free_ char *path = text_format("/sys/block/%s/loop/backing_file", entry->d_name);
                _cleanup_free_ char *file = NULL;

                if (!text_starts(entry->d_name, "loop") ||
                    fd_read_file(AT_FDCWD, path, PATH_MAX, &file, NULL) < 0)
                        continue;
                file[strcspn(file, "\n")] = '\0';
                if (strcmp(file, resolved) == 0) {
                        text_printf(ret, "a container of root, by /dev/%s", entry->d_name);
                        return true;
                }
        }
        return false;
}

static int in_use(int fd, bool writable, const char *path, struct err *e)
{
        _cleanup_text_ struct text holder = TEXT_INIT;
        struct stat file;

        if (fstat(fd, &file) < 0 || (!find_process(&file, &holder) && !find_loop(path, &holder)))
                text_add(&holder, "somebody else's process, or one on another host");
        err_set(e, -EBUSY, "can't open %s for %s, currently in use %sby %s", path,
                writable ? "writing" : "reading", writable ? "" : "for writing ", text_get(&holder));
        return err_hint(e, -EBUSY,
                        writable ? "wait until that has ended, or use it read-only next to other readers: "
                                   "--overlay %s:ro"
                                 : "wait until that has ended, or make a copy of %s",
                        path);
}

/* A container that has just ended may still be writing what it had. */
static int try_lock(int fd, struct flock *lock)
{
        const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
        int r = -EAGAIN;

        for (int i = 0; i < LOCK_WAIT_MS / 10 && (r == -EAGAIN || r == -EACCES); i++) {
                if (i > 0)
                        nanosleep(&pause, NULL);
                r = fcntl(fd, F_OFD_SETLK, lock) < 0 ? -errno : 0;
        }
        return r;
}

int ext3_lock(int fd, uint64_t offset, uint64_t size, bool writable, const char *path, struct err *e)
{
        struct flock lock = { .l_type = writable ? F_WRLCK : F_RDLCK,
                              .l_whence = SEEK_SET,
                              .l_start = (off_t) offset,
                              .l_len = (off_t) size };
        int r = try_lock(fd, &lock);

        if (r == -EAGAIN || r == -EACCES)
                return in_use(fd, writable, path, e);
        return r == -ENOLCK || r == -EINVAL || r == -ENOTSUP || r == 0 ? 0
                                                                       : err_errno(e, r, "locking %s", path);
}

/* --- mounting --------------------------------------------------------------------------------------------
 */

int ext3_mount(int loop, bool writable, unsigned flags, struct mount_tree *tree, struct err *e)
{
        int r = loop_mount(loop, "ext3", NULL, flags, tree, e);

        /* A journal that was not played back: where nothing may be written, what is there is shown. */
        if (r == -EROFS && !writable) {
                err_clear(e);
                r = loop_mount(loop, "ext3", "noload", flags, tree, e);
        }
        return r;
}

int ext3_serve(const struct rootfs *image, bool as_user, struct err *e)
{
        _cleanup_(fuse_program_done) struct fuse_program program = FUSE_PROGRAM_INIT;
        _cleanup_free_ char *path = fuse_program_find("fuse2fs");
        _cleanup_text_ struct text options = TEXT_INIT;
        char file[32];
        int r;

        if (!path) {
                err_set(e, -ENOENT, "%s: ext3 images are served by fuse2fs, which is not installed",
                        image->path);
                return err_hint(e, -ENOENT,
                                "ask your administrator to install fuse2fs (e2fsprogs), or use a directory: "
                                "--overlay DIRECTORY");
        }
        snprintf(file, sizeof(file), "/proc/self/fd/%d", FUSE_PROGRAM_FD);
        text_printf(&options, "allow_other%s%s", image->writable ? "" : ",ro", as_user ? ",fakeroot" : "");
        if (image->offset)
                text_printf(&options, ",offset=%llu", (unsigned long long) image->offset);
        const char *const argv[] = { path, "-f", "-o", text_get(&options), file, ".", NULL };

        r = fuse_program_prepare(&program, e);
        if (r >= 0)
                r = fuse_program_mount(&program, argv, image->fd, NULL, e);
        if (r >= 0)
                return r;
        err_ctx(e, r, "%s: it cannot be mounted", image->path);
        return err_hint(e, r, "check it: fsck.ext3 -f %s", image->path);
}
