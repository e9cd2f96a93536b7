#include "sys/sys.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers are the same on every architecture for calls added since Linux 5.1. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

static int result(long r)
{
        return r < 0 ? -errno : (int) r;
}

int sys_openat2(int dir, const char *path, const struct sys_open_how *how)
{
        return result(syscall(SYS_openat2, dir, path, how, sizeof(*how)));
}

int sys_open_tree(int dir, const char *path, unsigned flags)
{
        return result(syscall(SYS_open_tree, dir, path, flags));
}

int sys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        return result(syscall(SYS_move_mount, from_dir, from, to_dir, to, flags));
}

int sys_fsopen(const char *type, unsigned flags)
{
        return result(syscall(SYS_fsopen, type, flags));
}

int sys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux)
{
        return result(syscall(SYS_fsconfig, fs, command, key, value, aux));
}

int sys_fsmount(int fs, unsigned flags, unsigned attributes)
{
        return result(syscall(SYS_fsmount, fs, flags, attributes));
}

int sys_mount_setattr(int dir, const char *path, unsigned flags, const struct sys_mount_attr *attr)
{
        return result(syscall(SYS_mount_setattr, dir, path, flags, attr, sizeof(*attr)));
}

int sys_pidfd_open(pid_t pid, unsigned flags)
{
        return result(syscall(SYS_pidfd_open, pid, flags));
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
        return result(syscall(SYS_close_range, first, last, flags));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
        return result(syscall(SYS_pivot_root, new_root, put_old));
}
