#include "host/scratch.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"

static bool in_memory(const char *path)
{
        struct statfs fs;

        return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static int check(const char *path, struct err *e)
{
        struct statvfs fs;

        if (access(path, W_OK | X_OK) < 0 || statvfs(path, &fs) < 0)
                return err_errno(e, -errno, "temporary directory %s", path);
        if (fs.f_flag & ST_NOEXEC)
                return err_set(e, -EACCES,
                               "temporary directory %s is mounted noexec: no program can be started from it",
                               path);
        return 0;
}

static int choose(const char *asked, const char **ret, struct err *e)
{
        const char *general = getenv("TMPDIR");

        *ret = asked && *asked ? asked : general;
        if (!*ret || !**ret)
                *ret = !in_memory("/tmp") && check("/tmp", NULL) == 0 ? "/tmp" : "/var/tmp";
        return check(*ret, e);
}

int scratch_directory(const char *asked, char **ret, struct err *e)
{
        const char *path;
        int r = choose(asked, &path, e);

        if (r < 0)
                return err_hint(e, r, "Set APPTAINER_TMPDIR to a directory on a disk that you may write to.");
        *ret = path_absolute(path);
        return *ret ? 0 : err_errno(e, -errno, "temporary directory %s", path);
}
