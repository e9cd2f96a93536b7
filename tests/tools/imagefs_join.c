/* Joins the image server as a start does and runs a program with the image mounted on MOUNTPOINT.
 *
 *      imagefs_join [-l LINGER] [-o OFFSET] [-k] [-r] SERVER IMAGE MOUNTPOINT PROGRAM [ARG...]
 *
 * -k: keep the connection as lease (it is handed to the program) instead of leaving a lease on a tmpfs.
 * -r: be root in the user namespace.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "imagefs/imagefs.h"
#include "sys/sys.h"

static _Noreturn void fail(const char *what)
{
        perror(what);
        exit(1);
}

static void enter(const struct imagefs_join *join, const char *mountpoint)
{
        if (join->userns >= 0 && setns(join->userns, CLONE_NEWUSER) < 0)
                fail("setns of the user namespace");
        if (join->mount < 0) {
                if (setns(join->mountns, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
                        fail("setns of the mount namespace");
                if (mount(join->mount_path, mountpoint, NULL, MS_BIND, NULL) < 0)
                        fail("bind mount");
                return;
        }
        if (unshare(CLONE_NEWNS) < 0)
                fail("unshare");
        if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
                fail("private mounts");
        if (sys_move_mount(join->mount, "", AT_FDCWD, mountpoint, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                fail("move_mount");
}

/* A tmpfs that only this mount namespace holds, on a directory that nobody here needs. */
static void leave_lease(struct imagefs_join *join, struct err *e)
{
        static const char *const places[] = { "/media", "/srv", "/opt" };
        _cleanup_close_ int fd = -EBADF;

        for (size_t i = 0; i < ARRAY_SIZE(places) && fd < 0; i++) {
                if (mount("session", places[i], "tmpfs", 0, "mode=0700") == 0)
                        fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fd < 0)
                fail("session tmpfs");
        if (imagefs_lease(join, fd, e) < 0) {
                fprintf(stderr, "%s\n", e->text);
                exit(1);
        }
}

int main(int argc, char **argv)
{
        struct imagefs_request request = { .linger_s = 0 };
        _cleanup_imagefs_join_ struct imagefs_join join = IMAGEFS_JOIN_INIT;
        struct err e = ERR_INIT;
        struct stat status;
        bool keep = false;
        int option;

        while ((option = getopt(argc, argv, "+l:o:kr")) != -1) {
                if (option == 'l')
                        request.linger_s = (unsigned) strtoul(optarg, NULL, 10);
                else if (option == 'o')
                        request.offset = strtoull(optarg, NULL, 10);
                else if (option == 'r')
                        request.ids = IMAGEFS_IDS_ROOT;
                else
                        keep = true;
        }
        argv += optind;
        if (argc - optind < 4)
                return 2;
        request.server_path = argv[0];
        request.image_fd = open(argv[1], O_RDONLY | O_CLOEXEC);
        if (request.image_fd < 0 || fstat(request.image_fd, &status) < 0)
                fail(argv[1]);
        request.size = (uint64_t) status.st_size - request.offset;
        if (imagefs_connect(&request, &join, &e) < 0) {
                fprintf(stderr, "%s\n%s\n", e.text, e.hint);
                return 255;
        }
        enter(&join, argv[2]);
        if (keep)
                fcntl(join.lease, F_SETFD, 0);
        else
                leave_lease(&join, &e);
        execvp(argv[3], argv + 3);
        fail(argv[3]);
}
