#include "run/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "host/reason.h"

#define PROC_SELF "/proc/self/"

/* self: directory of the process in a /proc, or AT_FDCWD for the one that is mounted. */
static int write_map(int self, const char *path, const char *text)
{
        _cleanup_close_ int fd =
                openat(self, self == AT_FDCWD ? path : path + strlen(PROC_SELF), O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fd_write_all(fd, text, strlen(text));
}

static int write_maps(int self, uid_t uid_inside, uid_t uid, gid_t gid_inside, gid_t gid)
{
        char text[32];
        int r = write_map(self, PROC_SELF "setgroups", "deny"); /* Linux 3.19; needed before gid_map */

        if (r < 0 && r != -ENOENT)
                return r;
        snprintf(text, sizeof(text), "%u %u 1", uid_inside, uid);
        r = write_map(self, PROC_SELF "uid_map", text);
        if (r < 0)
                return r;
        snprintf(text, sizeof(text), "%u %u 1", gid_inside, gid);
        return write_map(self, PROC_SELF "gid_map", text);
}

int namespaces_own_user(struct err *e)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (unshare(CLONE_NEWUSER) < 0)
                return reason_userns(-EBADF, -errno, e);
        r = write_maps(AT_FDCWD, uid, uid, gid, gid);
        return r < 0 ? reason_userns(-EBADF, r, e) : 0;
}

int namespaces_rename_ids(int self, uid_t uid_inside, gid_t gid_inside, struct err *e)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (unshare(CLONE_NEWUSER) < 0)
                return reason_userns(-EBADF, -errno, e);
        r = write_maps(self, uid_inside, uid, gid_inside, gid);
        return r < 0 ? err_errno(e, r, "--security: naming the user %u, the group %u", uid_inside, gid_inside)
                     : 0;
}

int namespaces_join_user(int userns, struct err *e)
{
        if (setns(userns, CLONE_NEWUSER) < 0)
                return err_errno(e, -errno, "joining the user namespace of the image server");
        return 0;
}

int namespaces_unshare(unsigned which, struct err *e)
{
        if (unshare((int) which) < 0)
                return err_errno(e, -errno, "unshare %s%s%s%s%s", which & CLONE_NEWNS ? "mount " : "",
                                 which & CLONE_NEWPID ? "pid " : "", which & CLONE_NEWIPC ? "ipc " : "",
                                 which & CLONE_NEWUTS ? "uts " : "", which & CLONE_NEWNET ? "net " : "");
        return 0;
}

int namespaces_join_net(const char *path, struct err *e)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return err_errno(e, -errno, "network namespace %s", path);
        if (setns(fd, CLONE_NEWNET) == 0)
                return 0;
        if (errno == EINVAL)
                return err_set(e, -EINVAL, "%s is not a network namespace", path);
        return err_errno(e, -errno, "joining the network namespace %s", path);
}

int namespaces_loopback_up(struct err *e)
{
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        /* A kernel without IPv4 has sockets of another kind. */
        if (fd < 0)
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
                return err_errno(e, -errno, "bringing up the interface lo");
        return 0;
}

int namespaces_cut_mounts(bool slave, struct err *e)
{
        if (mount(NULL, "/", NULL, MS_REC | (slave ? MS_SLAVE : MS_PRIVATE), NULL) < 0)
                return err_errno(e, -errno, "cutting the mount namespace off");
        return 0;
}
