#include "run/mount.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "run/mount_internal.h"
#include "sys/sys.h"

/* What a call answers that cannot work: a complaint about its descriptor, unless the kernel has no such call
 * or a filter denies it. */
static bool answers(int r)
{
        return r == -EBADF || r == -EINVAL;
}

static bool by_descriptor(void)
{
        static int known; /* 0 not asked, 1 yes, -1 no */
        const unsigned empty = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
        const struct sys_mount_attr attr = { .attr_set = SYS_MOUNT_ATTR_NOSUID };

        if (known == 0)
                known = answers(sys_open_tree(-EBADF, "", AT_EMPTY_PATH)) &&
                                        answers(sys_move_mount(-EBADF, "", -EBADF, "", empty)) &&
                                        answers(sys_fsconfig(-EBADF, SYS_FSCONFIG_CMD_CREATE, NULL, NULL,
                                                             0)) &&
                                        answers(sys_mount_setattr(-EBADF, "", AT_EMPTY_PATH, &attr))
                                ? 1
                                : -1;
        return known > 0;
}

static uint64_t attributes(unsigned flags)
{
        uint64_t attr = 0;

        if (flags & MOUNT_NOSUID)
                attr |= SYS_MOUNT_ATTR_NOSUID;
        if (flags & MOUNT_NODEV)
                attr |= SYS_MOUNT_ATTR_NODEV;
        if (flags & MOUNT_NOEXEC)
                attr |= SYS_MOUNT_ATTR_NOEXEC;
        if (flags & MOUNT_READONLY)
                attr |= SYS_MOUNT_ATTR_RDONLY;
        return attr;
}

/* nosuid and nodev are for the top mount only: a /dev below a bound directory keeps its devices.  Read-only
 * is what the user asked of the whole tree. */
static int set_flags(int fd, unsigned flags)
{
        struct sys_mount_attr attr = { .attr_set = attributes(flags & ~(unsigned) MOUNT_READONLY) };
        int r = 0;

        if (flags & MOUNT_READONLY && !(flags & MOUNT_RECURSIVE))
                attr.attr_set |= SYS_MOUNT_ATTR_RDONLY;
        if (attr.attr_set)
                r = sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr);
        if (r < 0 || !(flags & MOUNT_READONLY) || !(flags & MOUNT_RECURSIVE))
                return r;
        attr.attr_set = SYS_MOUNT_ATTR_RDONLY;
        return sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr);
}

static int bind_classic(struct mount_tree *tree, int dir, const char *path, unsigned flags)
{
        int fd = *path ? openat(dir, path, O_PATH | O_CLOEXEC) : fcntl(dir, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return -errno;
        *tree = (struct mount_tree){ .fd = fd, .classic = true, .flags = flags };
        return 0;
}

int mount_bind(struct mount_tree *tree, int dir, const char *path, unsigned flags, struct err *e)
{
        unsigned how = OPEN_TREE_CLONE | (unsigned) OPEN_TREE_CLOEXEC |
                       (flags & MOUNT_RECURSIVE ? (unsigned) AT_RECURSIVE : 0) | (*path ? 0 : AT_EMPTY_PATH);
        int fd, r;

        if (!by_descriptor()) {
                r = bind_classic(tree, dir, path, flags);
                return r < 0 ? err_errno(e, r, "binding %s", path) : 0;
        }
        fd = sys_open_tree(dir, path, how);
        if (fd < 0)
                return err_errno(e, fd, "binding %s", path);
        *tree = (struct mount_tree){ .fd = fd };
        r = set_flags(fd, flags);
        return r < 0 ? err_errno(e, r, "setting mount flags of %s", path) : 0;
}

static int configure(int fs, const char *options)
{
        while (options && *options) {
                size_t size = strcspn(options, ",");
                _cleanup_free_ char *option = text_dup_bytes(options, size);
                char *equals = strchr(option, '=');
                int r;

                if (equals)
                        *equals = '\0';
                r = sys_fsconfig(fs, equals ? SYS_FSCONFIG_SET_STRING : SYS_FSCONFIG_SET_FLAG, option,
                                 equals ? equals + 1 : NULL, 0);
                if (r < 0)
                        return r;
                options += size + (options[size] == ',' ? 1 : 0);
        }
        return sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int mount_new(struct mount_tree *tree, const char *type, const char *source, const char *options,
              unsigned flags, struct err *e)
{
        _cleanup_close_ int fs = -EBADF;
        int r, fd;

        if (!by_descriptor()) {
                *tree = (struct mount_tree){ .fd = -EBADF,
                                             .classic = true,
                                             .flags = flags,
                                             .type = type,
                                             .source = source ? source : type,
                                             .options = options };
                return 0;
        }
        fs = sys_fsopen(type, SYS_FSOPEN_CLOEXEC);
        if (fs < 0)
                return err_errno(e, fs, "new %s file system", type);
        r = sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "source", source ? source : type, 0);
        /* The file system too, not the mount alone: a device may be read-only. */
        if (r >= 0 && flags & MOUNT_READONLY)
                r = sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "ro", NULL, 0);
        if (r >= 0)
                r = configure(fs, options);
        if (r < 0)
                return err_errno(e, r, "new %s file system with %s", type, options ? options : "no options");
        fd = sys_fsmount(fs, SYS_FSMOUNT_CLOEXEC, (unsigned) attributes(flags));
        if (fd < 0)
                return err_errno(e, fd, "new %s file system", type);
        *tree = (struct mount_tree){ .fd = fd };
        return 0;
}

int mount_adopt(struct mount_tree *tree, int fd, unsigned flags, struct err *e)
{
        int r;

        *tree = (struct mount_tree){ .fd = fd };
        r = set_flags(fd, flags);
        return r < 0 ? err_errno(e, r, "setting flags of the image's mount") : 0;
}

static bool kinds_differ(int a, int b)
{
        struct stat one, other;

        return fstat(a, &one) == 0 && fstat(b, &other) == 0 && S_ISDIR(one.st_mode) != S_ISDIR(other.st_mode);
}

int mount_attach(struct mount_tree *tree, int root, const char *target, struct err *e)
{
        _cleanup_close_ int place = -EBADF;
        int r;

        if (tree->classic)
                return mount_attach_classic(tree, root, target, e);
        place = fd_open_in(root, target, O_PATH, 0);
        if (place < 0)
                return err_errno(e, place, "mount point %s", target);
        r = sys_move_mount(tree->fd, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        if (r == -EINVAL && kinds_differ(tree->fd, place)) /* mount(2) says so by itself */
                r = -ENOTDIR;
        return r < 0 ? err_errno(e, r, "mounting on %s", target) : 0;
}

int mount_attach_over_root(struct mount_tree *tree, struct err *e)
{
        int r;

        if (tree->classic)
                return mount_attach_over_root_classic(tree, e);
        r = sys_move_mount(tree->fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
        return r < 0 ? err_errno(e, r, "mounting over /") : 0;
}

void mount_tree_done(struct mount_tree *tree)
{
        clean_close(&tree->fd);
        *tree = (struct mount_tree) MOUNT_TREE_INIT;
}
