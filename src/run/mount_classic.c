/* Mounting by mount(2), for kernels before 5.12: paths lead through /proc/self/fd, so that they still mean
 * descriptors.  Differences that stay: for a moment a bind is visible without its flags (nobody else is in
 * this mount namespace), and read-only does not reach what is mounted below it. */
#include "run/mount_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"

static const struct {
        unsigned flag;
        unsigned long classic;
} flag_pairs[] = {
        { MOUNT_NOSUID, MS_NOSUID },
        { MOUNT_NODEV, MS_NODEV },
        { MOUNT_NOEXEC, MS_NOEXEC },
        { MOUNT_READONLY, MS_RDONLY },
};

/* statvfs(3) names of flags that a remount must repeat; in a user namespace they may not be taken away. */
static const struct {
        unsigned long there, classic;
} kept_pairs[] = {
        { ST_RDONLY, MS_RDONLY },     { ST_NOSUID, MS_NOSUID },   { ST_NODEV, MS_NODEV },
        { ST_NOEXEC, MS_NOEXEC },     { ST_NOATIME, MS_NOATIME }, { ST_NODIRATIME, MS_NODIRATIME },
        { ST_RELATIME, MS_RELATIME },
};

static unsigned long classic_flags(unsigned flags)
{
        unsigned long classic = 0;

        for (size_t i = 0; i < ARRAY_SIZE(flag_pairs); i++)
                if (flags & flag_pairs[i].flag)
                        classic |= flag_pairs[i].classic;
        return classic;
}

static void proc_path(char *path, size_t size, int fd)
{
        snprintf(path, size, "/proc/self/fd/%d", fd);
}

static int add_flags(int fd, unsigned long flags)
{
        struct statvfs there;
        char path[32];

        if (fstatvfs(fd, &there) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(kept_pairs); i++)
                if (there.f_flag & kept_pairs[i].there)
                        flags |= kept_pairs[i].classic;
        proc_path(path, sizeof(path), fd);
        return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

int mount_attach_classic(struct mount_tree *tree, int root, const char *target, struct err *e)
{
        _cleanup_close_ int place = fd_open_in(root, target, O_PATH, 0);
        unsigned long flags = classic_flags(tree->flags);
        char from[32], to[32];
        int r, top;

        if (place < 0)
                return err_errno(e, place, "mount point %s", target);
        proc_path(to, sizeof(to), place);
        if (tree->type) {
                r = mount(tree->source ? tree->source : tree->device, to, tree->type, flags, tree->options);
        } else {
                proc_path(from, sizeof(from), tree->fd);
                r = mount(from, to, NULL, MS_BIND | (tree->flags & MOUNT_RECURSIVE ? MS_REC : 0), NULL);
        }
        if (r < 0)
                return err_errno(e, -errno, "mounting on %s", target);
        /* The descriptor still means what is covered now; the same path leads onto the new mount. */
        top = fd_open_in(root, target, O_PATH, 0);
        if (top < 0)
                return err_errno(e, top, "entering the mount on %s", target);
        clean_close(&tree->fd);
        tree->fd = top;
        r = flags && !tree->type ? add_flags(top, flags) : 0;
        return r < 0 ? err_errno(e, r, "setting mount flags of %s", target) : 0;
}

int mount_attach_over_root_classic(struct mount_tree *tree, struct err *e)
{
        int top;

        if (mount(tree->source, "/", tree->type, classic_flags(tree->flags), tree->options) < 0)
                return err_errno(e, -errno, "new %s file system", tree->type);
        /* A look-up of "/" stops at this process's root, one of ".." goes up to what is mounted over it. */
        top = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (top < 0)
                return err_errno(e, -errno, "entering the new %s file system", tree->type);
        clean_close(&tree->fd);
        tree->fd = top;
        return 0;
}
