#include "run/rootfs_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "run/ext3.h"
#include "run/loop.h"
#include "run/mount.h"

/* A program may only write where it was asked to. */
static unsigned mount_flags(const struct rootfs *rootfs)
{
        return MOUNT_NODEV | (rootfs->allow_setuid ? 0 : MOUNT_NOSUID) |
               (rootfs->writable ? 0 : MOUNT_READONLY);
}

static struct imagefs_request server_request(const struct rootfs *rootfs,
                                             const struct rootfs_source_settings *settings)
{
        return (struct imagefs_request){
                .image_fd = rootfs->fd,
                .offset = rootfs->offset,
                .size = rootfs->size,
                .server_path = settings->server_path,
                .linger_s = settings->linger_s,
                .ids = settings->privileged || settings->many_ids ? IMAGEFS_IDS_IMAGE
                       : settings->beside                         ? IMAGEFS_IDS_CALLER_ONLY
                                                                  : IMAGEFS_IDS_CALLER,
                .unpack_in = settings->unpack_in,
        };
}

void rootfs_source_begin(struct rootfs_source *source, const struct rootfs *rootfs,
                         const struct rootfs_source_settings *settings)
{
        const struct imagefs_request request = server_request(rootfs, settings);

        /* The privileged try a loop device first. */
        if (rootfs->kind == ROOTFS_SQUASHFS && (!settings->privileged || settings->unpack_in))
                imagefs_begin(&request, &source->join);
}

static int join_server(struct rootfs_source *source, const struct rootfs_source_settings *settings,
                       struct err *e)
{
        const struct imagefs_request request = server_request(source->rootfs, settings);
        int r = imagefs_connect(&request, &source->join, e);

        if (r < 0)
                return err_ctx(e, r, "%s", source->rootfs->path);
        source->served = true;
        return 0;
}

int rootfs_source_open(struct rootfs_source *source, const struct rootfs *rootfs,
                       const struct rootfs_source_settings *settings, const struct notes *notes,
                       struct err *e)
{
        struct err loop = ERR_INIT;

        source->rootfs = rootfs;
        if (rootfs->kind == ROOTFS_DIRECTORY)
                return 0;
        if (settings->privileged && !settings->unpack_in) {
                source->loop = loop_attach(rootfs->fd, rootfs->offset, rootfs->size, rootfs->writable,
                                           settings->loop_max, &loop);
                if (source->loop >= 0)
                        return 0;
                note(notes, LOG_VERBOSE, "no loop device, using FUSE: %s", loop.text);
        }
        return rootfs->kind == ROOTFS_EXT3 ? 0 : join_server(source, settings, e);
}

int rootfs_source_serve(struct rootfs_source *source, bool privileged, struct err *e)
{
        if (source->rootfs->kind != ROOTFS_EXT3 || source->loop >= 0)
                return 0;
        source->join.mount = ext3_serve(source->rootfs, !privileged, e);
        return source->join.mount < 0 ? source->join.mount : 0;
}

/* The descriptor belongs to the caller's mount namespace, where nothing can be bound from: the path is opened
 * again here, and must still be the same directory. */
static int bind_directory(const struct rootfs *rootfs, struct mount_tree *tree, struct err *e)
{
        struct stat opened, found;
        int r = mount_bind(tree, AT_FDCWD, rootfs->path, mount_flags(rootfs), NULL);

        if (r == -EINVAL) /* mounts below it that may not be left out */
                r = mount_bind(tree, AT_FDCWD, rootfs->path, mount_flags(rootfs) | MOUNT_RECURSIVE, e);
        else if (r < 0)
                err_errno(e, r, "binding %s", rootfs->path);
        if (r < 0)
                return r;
        if (fstat(rootfs->fd, &opened) < 0 || fstat(tree->fd, &found) < 0)
                return err_errno(e, -errno, "%s", rootfs->path);
        if (opened.st_dev != found.st_dev || opened.st_ino != found.st_ino)
                return err_set(e, -ESTALE, "%s: became another directory while it was started", rootfs->path);
        return 0;
}

static int take_served(struct rootfs_source *source, struct mount_tree *tree, struct err *e)
{
        if (source->join.mount >= 0)
                return mount_adopt(tree, fd_take(&source->join.mount), mount_flags(source->rootfs), e);
        return mount_bind(tree, AT_FDCWD, source->join.mount_path, mount_flags(source->rootfs), e);
}

int rootfs_source_mount(struct rootfs_source *source, int dir, const char *place, int *ret, struct err *e)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        int r;

        if (source->rootfs->kind == ROOTFS_DIRECTORY)
                r = bind_directory(source->rootfs, &tree, e);
        else if (source->served || source->join.mount >= 0)
                r = take_served(source, &tree, e);
        else
                r = source->rootfs->kind == ROOTFS_EXT3 ? ext3_mount(source->loop, source->rootfs->writable,
                                                                     mount_flags(source->rootfs), &tree, e)
                                                        : loop_mount(source->loop, "squashfs", NULL,
                                                                     mount_flags(source->rootfs), &tree, e);
        if (r >= 0)
                r = mount_attach(&tree, dir, place, e);
        if (r < 0)
                return err_ctx(e, r, "mounting the image");
        *ret = fd_take(&tree.fd);
        return 0;
}

void rootfs_source_done(struct rootfs_source *source)
{
        clean_close(&source->loop);
        imagefs_join_done(&source->join);
        *source = (struct rootfs_source) ROOTFS_SOURCE_INIT;
}
