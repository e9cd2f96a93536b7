#include "build/ext3_image.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/remove.h"

#define UPPER         "/upper"
#define OUTPUT_MAX    4096
#define NOT_INSTALLED 127
#define TREE_NAME     "overlay-XXXXXX"

/* The original's limit: above it, older fuse2fs takes the owner for another. */
#define SHORT_ID_MAX 65535

/* --- what is in it ----------------------------------------------------------------------------------------
 */

static int make_directory(int tree, const char *path, mode_t mode, struct err *e)
{
        int r = fd_mkdir_in(tree, path, mode);

        return r < 0 ? err_errno(e, r, "making %s for the overlay", path) : 0;
}

static int make_tree(int tree, const struct ext3_image_request *q, struct err *e)
{
        bool long_ids = getuid() > SHORT_ID_MAX || getgid() > SHORT_ID_MAX;
        mode_t mode = long_ids ? 0777 : 0755;
        int r = make_directory(tree, UPPER, mode, e);

        if (r >= 0)
                r = make_directory(tree, "/work", mode, e);
        for (size_t i = 0; q->directories && i < q->directories->n && r >= 0; i++) {
                _cleanup_free_ char *below = path_join(UPPER, q->directories->at[i]);

                if (!path_within(below, UPPER))
                        return err_set(e, -EINVAL, "--create-dir %s leads out of the overlay",
                                       q->directories->at[i]);
                r = make_directory(tree, below, mode, e);
        }
        return r;
}

/* --- mkfs.ext3 --------------------------------------------------------------------------------------------
 */

static bool write_text(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);
}

/* In a user namespace where the caller is root, what it owns is root's to mkfs.ext3. */
static bool become_root(uid_t uid, gid_t gid)
{
        char uids[32], gids[32];

        snprintf(uids, sizeof(uids), "0 %u 1", uid);
        snprintf(gids, sizeof(gids), "0 %u 1", gid);
        if (unshare(CLONE_NEWUSER) < 0)
                return false;
        return write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", uids) &&
               write_text("/proc/self/gid_map", gids);
}

static _Noreturn void child_run(int fd, const char *tree, bool as_root, bool sparse, int output)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        const char *path = getenv("PATH");
        _cleanup_free_ char *search = text_format("%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
                                                  path && *path ? path : "/usr/bin");
        char owner[64], file[32];

        if (as_root && uid != 0 && !become_root(uid, gid)) {
                dprintf(output, "a user namespace cannot be made: %s", strerror(errno));
                _exit(1);
        }
        snprintf(owner, sizeof(owner), "%sroot_owner=%u:%u", sparse ? "" : "nodiscard,", as_root ? 0 : uid,
                 as_root ? 0 : gid);
        dup2(output, 1);
        dup2(output, 2);
        fd = dup(fd); /* without O_CLOEXEC */
        snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
        setenv("PATH", search, 1);
        execlp("mkfs.ext3", "mkfs.ext3", "-q", "-F", "-d", tree, "-E", owner, file, (char *) NULL);
        if (errno == ENOENT)
                _exit(NOT_INSTALLED);
        dprintf(2, "%s", strerror(errno));
        _exit(1);
}

static int run_mkfs(int fd, const char *tree, const struct ext3_image_request *q, struct err *e)
{
        _cleanup_close_ int output = memfd_create("mkfs.ext3", MFD_CLOEXEC);
        char words[OUTPUT_MAX] = "";
        int status = 0;
        ssize_t n;
        pid_t child;

        if (output < 0)
                return err_errno(e, -errno, "memfd_create");
        child = fork();
        if (child == 0)
                child_run(fd, tree, q->as_root, q->sparse, output);
        if (child < 0)
                return err_errno(e, -errno, "fork");
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_INSTALLED) {
                err_set(e, -ENOENT, "mkfs.ext3 is needed to make an ext3 image, and is not installed");
                return err_hint(
                        e, -ENOENT,
                        "install e2fsprogs, or use a directory instead: mkdir DIRECTORY, then --overlay "
                        "DIRECTORY");
        }
        n = pread(output, words, sizeof(words) - 1, 0);
        words[n > 0 ? n : 0] = '\0';
        return err_set(e, -EIO, "mkfs.ext3: %s", *words ? words : "it ended without a word");
}

/* --- all --------------------------------------------------------------------------------------------------
 */

static int set_size(int fd, const struct ext3_image_request *q, struct err *e)
{
        int r = q->sparse ? (ftruncate(fd, (off_t) q->size_bytes) < 0 ? -errno : 0)
                          : -posix_fallocate(fd, 0, (off_t) q->size_bytes);

        return r < 0 ? err_errno(e, r, "%llu MiB for the overlay", (unsigned long long) (q->size_bytes >> 20))
                     : 0;
}

int ext3_image_make(int fd, const struct ext3_image_request *q, struct err *e)
{
        _cleanup_free_ char *name = path_join(q->scratch, TREE_NAME);
        _cleanup_close_ int tree = -EBADF;
        mode_t before;
        int r = set_size(fd, q, e);

        if (r < 0)
                return r;
        if (!mkdtemp(name))
                return err_errno(e, -errno, "making a directory in %s", q->scratch);
        tree = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        before = umask(0);
        r = tree < 0 || fchmod(tree, 0755) < 0 ? err_errno(e, -errno, "%s", name) : make_tree(tree, q, e);
        umask(before);
        if (r >= 0)
                r = run_mkfs(fd, name, q, e);
        remove_tree(AT_FDCWD, name, NULL);
        return r;
}
