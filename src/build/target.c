#include "build/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "image/image.h"

static bool is_empty(int fd)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;

        if (!dir) {
                clean_close(&copy);
                return false;
        }
        while ((entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return false;
        return true;
}

static bool is_sandbox(int fd)
{
        static const char *const expected[] = { ".singularity.d", "dev", "proc", "sys" };

        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                if (faccessat(fd, expected[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        return false;
        return true;
}

static int look_at_directory(const char *path, bool force, struct err *e)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (force)
                return 0;
        if (fd < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        if (!is_empty(fd) && !is_sandbox(fd))
                return err_set(
                        e, -EEXIST,
                        "%s is not empty and is not an Apptainer sandbox, check its content first and use "
                        "--force if you want to overwrite it",
                        path);
        return 0;
}

static int look_at_parent(const char *path, struct err *e)
{
        _cleanup_free_ char *parent = path_dir(path);
        struct stat status;

        if (stat(parent, &status) < 0)
                return err_errno(e, -errno, "the directory %s", parent);
        if (!S_ISDIR(status.st_mode))
                return err_set(e, -ENOTDIR, "%s is not a directory", parent);
        if (access(parent, W_OK | X_OK) < 0)
                return err_errno(e, -errno, "cannot write into %s", parent);
        return 0;
}

int target_look(const char *path, bool force, enum target_state *ret, struct err *e)
{
        struct image image = IMAGE_INIT;
        struct err ignored = ERR_INIT;
        struct stat status;
        int r = look_at_parent(path, e);

        if (r < 0)
                return r;
        if (strcmp(path, "/") == 0)
                return err_set(e, -EINVAL, "/ cannot be replaced");
        if (lstat(path, &status) < 0) {
                *ret = TARGET_FREE;
                return errno == ENOENT ? 0 : err_errno(e, -errno, "cannot look at %s", path);
        }
        *ret = TARGET_OTHER;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
                *ret = TARGET_IMAGE;
                return look_at_directory(path, force, e);
        }
        if (image_open(&image, path, false, &ignored) == 0)
                *ret = TARGET_IMAGE;
        image_done(&image);
        return 0;
}
