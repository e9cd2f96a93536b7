/* sys: system calls and constants that the oldest libc we build with may lack.
 *
 * One thin wrapper each: arguments as in the man page, a negative errno back, -ENOSYS when the headers know
 * no number. Features are probed by calling, never by version.
 */
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/types.h>

/* openat2(2), Linux 5.6 */
struct sys_open_how {
        uint64_t flags;
        uint64_t mode;
        uint64_t resolve;
};
#define SYS_RESOLVE_NO_XDEV       0x01
#define SYS_RESOLVE_NO_MAGICLINKS 0x02
#define SYS_RESOLVE_NO_SYMLINKS   0x04
#define SYS_RESOLVE_BENEATH       0x08
#define SYS_RESOLVE_IN_ROOT       0x10
int sys_openat2(int dir, const char *path, const struct sys_open_how *how);

/* open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2): Linux 5.2 */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#define SYS_FSCONFIG_SET_FLAG   0
#define SYS_FSCONFIG_SET_STRING 1
#define SYS_FSCONFIG_SET_BINARY 2
#define SYS_FSCONFIG_SET_PATH   3
#define SYS_FSCONFIG_SET_FD     5
#define SYS_FSCONFIG_CMD_CREATE 6
#define SYS_FSOPEN_CLOEXEC      1
#define SYS_FSMOUNT_CLOEXEC     1
#define SYS_MOUNT_ATTR_RDONLY   0x00000001
#define SYS_MOUNT_ATTR_NOSUID   0x00000002
#define SYS_MOUNT_ATTR_NODEV    0x00000004
#define SYS_MOUNT_ATTR_NOEXEC   0x00000008
#define SYS_MOUNT_ATTR_NOATIME  0x00000010
int sys_open_tree(int dir, const char *path, unsigned flags);
int sys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int sys_fsopen(const char *type, unsigned flags);
int sys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux);
int sys_fsmount(int fs, unsigned flags, unsigned attributes);

/* mount_setattr(2), Linux 5.12 */
struct sys_mount_attr {
        uint64_t attr_set;
        uint64_t attr_clr;
        uint64_t propagation;
        uint64_t userns_fd;
};
int sys_mount_setattr(int dir, const char *path, unsigned flags, const struct sys_mount_attr *attr);

/* pidfd_open(2), Linux 5.3; close_range(2), Linux 5.9; pivot_root(2) */
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
int sys_pivot_root(const char *new_root, const char *put_old);
