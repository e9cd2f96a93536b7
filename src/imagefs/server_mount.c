#include "imagefs/server_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "sys/sys.h"

#define FUSE_DEVICE "/dev/fuse"
#define READ_MAX    "1048576" /* the kernel's own limit: 256 pages in one request */
#define IMAGE_PLACE "/image"

/* Where the image is mounted when the host's directories stay in sight: below sysfs is a directory for FUSE's
 * control files that exists exactly where FUSE does and that no container needs. */
static const char *const host_places[] = { "/sys/fs/fuse/connections", "/mnt", "/media", "/srv", "/opt" };

static int kernel_file_write(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* --- the user namespace ------------------------------------------------------------------------- */

static int userns_refused(int code, struct err *e)
{
        err_errno(e, code, "the image server may not make a user namespace");
        if (code == -ENOSPC)
                return err_hint(
                        e, code,
                        "The limit user.max_user_namespaces is used up or 0; ask your administrator to "
                        "raise it: sysctl user.max_user_namespaces=15000");
        if (code == -EUSERS)
                return err_hint(e, code, "User namespaces are nested too deeply (32 at most).");
        if (code == -EPERM)
                return err_hint(e, code,
                                "Ask your administrator to allow user namespaces: sysctl "
                                "kernel.unprivileged_userns_clone=1 (Debian) or "
                                "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu).");
        return err_hint(e, code, "The kernel needs user namespaces (CONFIG_USER_NS).");
}

static int map_ids(const struct server_options *options, uid_t uid, gid_t gid, struct server_mount *m,
                   struct err *e)
{
        char text[64];
        int r;

        m->uid = options->ids == IMAGEFS_IDS_ROOT ? 0 : uid;
        m->gid = options->ids == IMAGEFS_IDS_ROOT ? 0 : gid;
        r = kernel_file_write("/proc/self/setgroups", "deny");
        if (r < 0 && r != -ENOENT)
                return err_errno(e, r, "writing /proc/self/setgroups");
        snprintf(text, sizeof(text), "%u %u 1\n", m->uid, uid);
        r = kernel_file_write("/proc/self/uid_map", text);
        if (r < 0)
                return userns_refused(r, e);
        snprintf(text, sizeof(text), "%u %u 1\n", m->gid, gid);
        r = kernel_file_write("/proc/self/gid_map", text);
        return r < 0 ? err_errno(e, r, "writing /proc/self/gid_map") : 0;
}

static int enter_namespaces(struct server_mount *m, const struct server_options *options, struct err *e)
{
        bool userns = options->ids != IMAGEFS_IDS_IMAGE;
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (unshare((userns ? CLONE_NEWUSER : 0) | CLONE_NEWNS) < 0)
                return userns ? userns_refused(-errno, e) : err_errno(e, -errno, "making a mount namespace");
        if (!userns)
                return 0;
        r = map_ids(options, uid, gid, m, e);
        if (r < 0)
                return r;
        m->userns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
        return m->userns < 0 ? err_errno(e, -errno, "opening /proc/self/ns/user") : 0;
}

/* --- the device --------------------------------------------------------------------------------- */

static int open_device(struct server_mount *m, struct err *e)
{
        int code;

        m->fuse = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
        if (m->fuse >= 0)
                return 0;
        code = -errno;
        err_errno(e, code, "images are served through %s, which cannot be opened", FUSE_DEVICE);
        if (code == -EACCES || code == -EPERM)
                return err_hint(e, code,
                                "Ask your administrator to let users open it: chmod 0666 %s. "
                                "Until then --unsquash runs the image from an unpacked copy.",
                                FUSE_DEVICE);
        return err_hint(e, code,
                        "Ask your administrator to load the kernel's FUSE module: modprobe fuse. "
                        "Within another container, %s must be passed into it. "
                        "Until then --unsquash runs the image from an unpacked copy.",
                        FUSE_DEVICE);
}

/* --- the mount, Linux 5.2 and later -------------------------------------------------------------- */

/* A new file system of `type` with options; a detached mount or a negative errno. */
static int new_mount(const char *type, const char *const (*settings)[2], unsigned attributes)
{
        _cleanup_close_ int fs = sys_fsopen(type, SYS_FSOPEN_CLOEXEC);
        int r;

        if (fs < 0)
                return fs;
        for (; (*settings)[0]; settings++) {
                unsigned command = (*settings)[1] ? SYS_FSCONFIG_SET_STRING : SYS_FSCONFIG_SET_FLAG;

                r = sys_fsconfig(fs, command, (*settings)[0], (*settings)[1], 0);
                if (r < 0)
                        return r;
        }
        r = sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        return r < 0 ? r : sys_fsmount(fs, SYS_FSMOUNT_CLOEXEC, attributes);
}

static int new_image(const struct server_mount *m, bool allow_subtype)
{
        /* The kernel lets others in by their user namespace, which must be ours or below it; the mounter gets
         * in from anywhere. */
        const char *others = m->caller_only ? "default_permissions" : "allow_other";
        char fd[12], uid[12], gid[12];
        const char *const settings[][2] = {
                { "source", "imagefs" }, { "fd", fd },
                { "rootmode", "40000" }, { "user_id", uid },
                { "group_id", gid },     { "max_read", READ_MAX },
                { "ro", NULL },          { "default_permissions", NULL },
                { others, NULL },        { allow_subtype ? "subtype" : NULL, "imagefs" },
                { NULL, NULL }
        };

        snprintf(fd, sizeof(fd), "%d", m->fuse);
        snprintf(uid, sizeof(uid), "%u", geteuid());
        snprintf(gid, sizeof(gid), "%u", getegid());
        return new_mount("fuse", settings,
                         SYS_MOUNT_ATTR_RDONLY | SYS_MOUNT_ATTR_NOSUID | SYS_MOUNT_ATTR_NODEV);
}

/* Makes an empty tmpfs the root of everything.  Where the root cannot be pivoted (it is the initial ramfs of
 * a diskless node), the host's mounts stay, and follow the host's changes. */
static int enter_empty_root(struct server_mount *m)
{
        static const char *const settings[][2] = {
                { "source", "imagefs" }, { "mode", "0700" }, { "size", "64k" }, { NULL, NULL }
        };
        _cleanup_close_ int root = new_mount("tmpfs", settings, SYS_MOUNT_ATTR_NOSUID | SYS_MOUNT_ATTR_NODEV);
        int r;

        if (root < 0)
                return root;
        if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                return -errno;
        r = sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
        if (r < 0)
                return r;
        if (fchdir(root) < 0)
                return -errno;
        if (sys_pivot_root(".", ".") == 0) {
                m->old_root_left = true; /* it lies over the new one now */
                return chdir("/") < 0 ? -errno : 0;
        }
        return chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}

static int attach_tree(struct server_mount *m)
{
        int r = enter_empty_root(m);

        if (r == 0 && mkdir(IMAGE_PLACE, 0700) < 0)
                r = -errno;
        if (r == 0)
                r = sys_move_mount(m->tree, "", AT_FDCWD, IMAGE_PLACE, MOVE_MOUNT_F_EMPTY_PATH);
        snprintf(m->path, sizeof(m->path), "%s", IMAGE_PLACE);
        return r;
}

static int new_tree(const struct server_mount *m, const char *directory)
{
        int tree;

        if (directory)
                return sys_open_tree(AT_FDCWD, directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        tree = new_image(m, true);
        /* fsconfig knows "subtype" for fuse since Linux 5.5. */
        return tree == -EINVAL ? new_image(m, false) : tree;
}

/* -ENOSYS: do it the old way. */
static int mount_by_tree(struct server_mount *m, const char *directory, struct err *e)
{
        _cleanup_close_ int probe = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        int r;

        /* EPERM: a filter from before these calls knows only how to refuse. */
        if (probe == -ENOSYS || probe == -EPERM)
                return -ENOSYS;
        m->tree = new_tree(m, directory);
        if (m->tree == -ENOSYS)
                return -ENOSYS;
        if (m->tree < 0)
                return err_errno(e, m->tree, "mounting the image");
        r = attach_tree(m);
        return r < 0 ? err_errno(e, r, "attaching the image") : 0;
}

/* --- the mount, before Linux 5.2 ------------------------------------------------------------------ */

static int mount_on(const struct server_mount *m, const char *directory, const char *place)
{
        char data[160];

        if (directory)
                return mount(directory, place, NULL, MS_BIND, NULL);
        snprintf(data, sizeof(data),
                 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=" READ_MAX ",default_permissions%s",
                 m->fuse, geteuid(), getegid(), m->caller_only ? "" : ",allow_other");
        return mount("imagefs", place, "fuse.imagefs", MS_RDONLY | MS_NOSUID | MS_NODEV, data);
}

static int mount_by_namespace(struct server_mount *m, const char *directory, struct err *e)
{
        if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                return err_errno(e, -errno, "changing the propagation of mounts");
        for (size_t i = 0; i < ARRAY_SIZE(host_places); i++) {
                if (mount_on(m, directory, host_places[i]) == 0) {
                        snprintf(m->path, sizeof(m->path), "%s", host_places[i]);
                        break;
                }
                if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
                        return err_errno(e, -errno, "mounting the image on %s", host_places[i]);
        }
        if (!m->path[0])
                return err_set(e, -ENOENT, "mounting the image: there is no directory to mount it on");
        m->by_namespace = true;
        m->mountns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        return m->mountns < 0 ? err_errno(e, -errno, "opening /proc/self/ns/mnt") : 0;
}

int server_mount_make(struct server_mount *m, const struct server_options *options, const char *directory,
                      struct err *e)
{
        int r;

        m->caller_only = options->ids == IMAGEFS_IDS_CALLER_ONLY;
        r = enter_namespaces(m, options, e);
        if (r == 0 && !directory)
                r = open_device(m, e);
        if (r < 0)
                return r;
        r = mount_by_tree(m, directory, e);
        return r == -ENOSYS ? mount_by_namespace(m, directory, e) : r;
}

void server_mount_settle(struct server_mount *m)
{
        if (m->old_root_left)
                umount2("/", MNT_DETACH);
        m->old_root_left = false;
}

int server_mount_clone(const struct server_mount *m)
{
        if (m->by_namespace)
                return fd_dup_high(m->mountns);
        return sys_open_tree(m->tree, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

void server_mount_drop(struct server_mount *m)
{
        int *fds[] = { &m->tree, &m->mountns };

        umount2(m->path, MNT_DETACH);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                clean_close(fds[i]);
                *fds[i] = -EBADF;
        }
}
