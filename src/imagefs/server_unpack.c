#include "imagefs/server_unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/remove.h"
#include "base/text.h"
#include "image/squashfs_extract.h"

#define COPY_NAME "root"
#define TRIES     100

/* Our directory, locked; -ENOENT when somebody who sweeps took it before the lock. */
static int lock_directory(int parent, const char *name)
{
        _cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat s;

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        if (fstat(fd, &s) < 0 || s.st_nlink == 0)
                return -ENOENT;
        return s.st_uid == geteuid() ? fd_take(&fd) : -EPERM;
}

/* Removes what killed servers of this user left behind. */
static void sweep(const struct unpacked *u)
{
        int copy = fcntl(u->parent, F_DUPFD_CLOEXEC, 3);
        DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        _cleanup_free_ char *prefix = text_format(UNPACK_NAME "%u-", geteuid());

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                _cleanup_close_ int lock = -EBADF;

                if (!text_starts(entry->d_name, prefix))
                        continue;
                lock = lock_directory(u->parent, entry->d_name);
                if (lock >= 0)
                        remove_tree(u->parent, entry->d_name, NULL);
        }
        clean_closedir(&dir);
}

static int make_directory(struct unpacked *u, const char *in, struct err *e)
{
        for (int i = 0; i < TRIES; i++) {
                snprintf(u->path, sizeof(u->path), "%s/" UNPACK_NAME "%u-XXXXXX", in, geteuid());
                if (!mkdtemp(u->path))
                        return err_errno(e, -errno, "making a directory in %s", in);
                snprintf(u->name, sizeof(u->name), "%s", strrchr(u->path, '/') + 1);
                u->lock = lock_directory(u->parent, u->name);
                if (u->lock >= 0)
                        return 0;
        }
        u->name[0] = '\0';
        return err_errno(e, u->lock, "locking a directory in %s", in);
}

static int unpack(const struct unpacked *u, const struct server_options *options,
                  struct squashfs_reader *reader, struct err *e)
{
        _cleanup_close_ int root = -EBADF;

        if (mkdirat(u->lock, COPY_NAME, 0700) == 0)
                root = openat(u->lock, COPY_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (root < 0)
                return err_errno(e, -errno, "making a directory in %s", u->path);
        return squashfs_extract(
                reader, root,
                options->ids == IMAGEFS_IDS_IMAGE ? SQUASHFS_EXTRACT_EXACT : SQUASHFS_EXTRACT_CALLER, e);
}

int unpack_make(struct unpacked *u, const struct server_options *options, struct squashfs_reader *reader,
                struct err *e)
{
        int r;

        u->parent = open(options->unpack_in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (u->parent < 0)
                return err_errno(e, -errno, "unpacking into %s", options->unpack_in);
        sweep(u);
        r = make_directory(u, options->unpack_in, e);
        if (r == 0)
                r = unpack(u, options, reader, e);
        if (r == -ENOSPC || r == -EDQUOT)
                err_hint(e, r, "Set APPTAINER_TMPDIR to a directory with room for the unpacked image.");
        if (r == 0)
                snprintf(u->path + strlen(u->path), sizeof(u->path) - strlen(u->path), "/" COPY_NAME);
        else
                unpack_remove(u);
        return r;
}

void unpack_remove(struct unpacked *u)
{
        if (u->name[0])
                remove_tree(u->parent, u->name, NULL);
        u->name[0] = '\0';
        clean_close(&u->lock);
        clean_close(&u->parent);
        u->lock = u->parent = -EBADF;
}
