#include "image/image.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "image/architecture.h"
#include "image/ext3_super.h"

/* What was opened, not what the name leads to by now. */
static char *resolved_path(int fd, const char *path)
{
        char link[sizeof("/proc/self/fd/") + 12], target[PATH_MAX];
        char *resolved;
        ssize_t size;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        size = readlink(link, target, sizeof(target));
        if (size > 0 && (size_t) size < sizeof(target) && target[0] == '/')
                return text_dup_bytes(target, (size_t) size);
        resolved = realpath(path, NULL); /* no /proc here */
        return resolved ? resolved : text_dup(path);
}

static int open_failed(int code, const char *path, struct err *e)
{
        if (code == -EACCES)
                return err_set(e, code, "%s is not readable by the current user, check permissions", path);
        if (code == -ENXIO)
                return err_set(e, code, "it is a socket or a device without a driver, not an image");
        return err_set(e, code, "%s", strerror(-code));
}

static const char *special_kind(mode_t mode)
{
        return S_ISFIFO(mode)   ? "a named pipe"
               : S_ISCHR(mode)  ? "a character device"
               : S_ISBLK(mode)  ? "a block device"
               : S_ISSOCK(mode) ? "a socket"
                                : "no file";
}

/* A pipe without a writer, or a device, must not block the open; what is left is a file or a directory, for
 * which the flag is taken off again, since some archiving file systems refuse to fetch a file under it. */
static int open_any(struct image *image, const char *path, struct err *e)
{
        image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (image->fd < 0)
                return open_failed(-errno, path, e);
        if (fstat(image->fd, &image->status) < 0)
                return err_errno(e, -errno, "fstat");
        if (!S_ISREG(image->status.st_mode) && !S_ISDIR(image->status.st_mode))
                return err_set(e, -ENOEXEC, "image format not recognized: it is %s",
                               special_kind(image->status.st_mode));
        if (fcntl(image->fd, F_SETFL, 0) < 0)
                return err_errno(e, -errno, "fcntl");
        image->path = resolved_path(image->fd, path);
        return 0;
}

static int sandbox_open(struct image *image, bool need_rootfs, struct err *e)
{
        image->kind = IMAGE_SANDBOX;
        image->rootfs = IMAGE_ROOTFS_DIRECTORY;
        if (need_rootfs && strcmp(image->path, "/") == 0)
                return err_set(e, -EPERM, "/ as sandbox is not authorized");
        return 0;
}

/* A superblock that is not there at all is an error of the partition, not a reason to try other formats. */
static int partition_failed(int code, const struct sif_descriptor *d, struct err *e)
{
        code = code == -ENOEXEC ? -EBADMSG : code;
        return err_ctx(e, code, "while checking system partition header: partition %u", d->id);
}

static int partition_open(struct image *image, const struct sif_descriptor *d, struct err *e)
{
        struct sif_partition p = { .fs = 0 };
        int r = 0;

        sif_partition(d, &p);
        image->offset = (uint64_t) d->offset;
        image->size = (uint64_t) d->size;
        switch (p.fs) {
        case SIF_FS_SQUASHFS:
                image->rootfs = IMAGE_ROOTFS_SQUASHFS;
                r = squashfs_super_read(image->fd, image->offset, image->size, &image->super, e);
                break;
        case SIF_FS_EXT3:
                image->rootfs = IMAGE_ROOTFS_EXT3;
                r = ext3_super_check(image->fd, image->offset, image->size, e);
                break;
        case SIF_FS_ENCRYPTED:
                image->rootfs = IMAGE_ROOTFS_ENCRYPTED;
                break;
        case SIF_FS_GOCRYPTFS:
                image->rootfs = IMAGE_ROOTFS_GOCRYPTFS;
                break;
        case SIF_FS_RAW:
                return err_set(e, -ENOTSUP,
                               "partition %u is a raw partition: there is no file system to mount as root",
                               d->id);
        default:
                return err_set(e, -ENOTSUP, "unknown filesystem type %d (partition %u)", p.fs, d->id);
        }
        return r < 0 ? partition_failed(r, d, e) : 0;
}

static int architecture_check(const struct sif_descriptor *d, struct err *e)
{
        struct sif_partition p = { .fs = 0 };
        const char *name;

        sif_partition(d, &p);
        name = sif_arch_name(p.arch);
        if (architecture_runs(name, sif_arch_native(), ARCHITECTURE_BINFMT))
                return 0;
        err_set(e, -ENOTSUP, "the image's architecture (%s) could not run on the host's (%s)", name,
                sif_arch_native());
        return err_hint(e, -ENOTSUP,
                        "get the image for %s, or register an emulator with the kernel (qemu-user-static, "
                        "binfmt_misc with flag F)",
                        sif_arch_native());
}

int image_find_rootfs(struct image *image, struct err *e)
{
        const struct sif_descriptor *d;
        int r;

        if (image->kind != IMAGE_SIF)
                return 0;
        r = sif_primary(&image->sif, &d, e);
        if (r == 0)
                r = sif_check(&image->sif, d, true, e);
        if (r < 0)
                return r;
        if (d->size == 0)
                return err_set(e, -EBADMSG, "invalid image size, zero length: partition %u", d->id);
        r = partition_open(image, d, e);
        if (r < 0)
                image->offset = image->size = 0;
        return r;
}

static int sif_image_open(struct image *image, bool need_rootfs, struct err *e)
{
        const struct sif_descriptor *d;
        int r;

        image->kind = IMAGE_SIF;
        r = image_find_rootfs(image, need_rootfs ? e : NULL);
        if (!need_rootfs)
                return 0;
        if (r == 0)
                r = sif_primary(&image->sif, &d, e);
        if (r == 0)
                r = architecture_check(d, e);
        return r;
}

/* The superblock at the start, else behind a launcher line. */
static int bare_open(struct image *image, struct err *e)
{
        uint64_t file_size = (uint64_t) image->status.st_size;
        uint64_t skip = 0;
        int r = squashfs_super_read(image->fd, 0, file_size, &image->super, e);

        if (r == -ENOEXEC) {
                skip = squashfs_launcher_skip(image->fd);
                if (skip && skip < file_size)
                        r = squashfs_super_read(image->fd, skip, file_size - skip, &image->super, e);
                else
                        skip = 0;
        }
        image->kind = IMAGE_SQUASHFS;
        image->rootfs = IMAGE_ROOTFS_SQUASHFS;
        if (r == -ENOEXEC) {
                image->kind = IMAGE_EXT3;
                image->rootfs = IMAGE_ROOTFS_EXT3;
                r = ext3_super_check(image->fd, skip, file_size - skip, e);
        }
        image->offset = skip;
        image->size = file_size - skip;
        return r;
}

/* What people mistake for images. */
static const struct {
        size_t offset;
        const char *bytes;
        const char *what;
        const char *hint;
} look_alikes[] = {
        { 0, "\x1f\x8b", "gzip data", "an archive of layers: `apptainer build IMAGE docker-archive:FILE`" },
        { 0, "\x28\xb5\x2f\xfd", "zstd data",
          "an archive of layers: `apptainer build IMAGE docker-archive:FILE`" },
        { 257, "ustar", "a tar archive",
          "an archive of layers: `apptainer build IMAGE docker-archive:FILE` or oci-archive:FILE" },
        { 0, "version https://git-lfs", "a Git LFS pointer", "fetch the file itself: `git lfs pull`" },
        { 0, "<!DOCTYPE", "an HTML page", "the download brought a web page instead of the image" },
        { 0, "<html", "an HTML page", "the download brought a web page instead of the image" },
        { 0,
          "\x7f"
          "ELF",
          "a program", NULL },
        { 0, "sqsh", "a big-endian squashfs", NULL },
};

static int not_recognized(const struct image *image, struct err *e)
{
        char bytes[512] = "";
        ssize_t size = pread(image->fd, bytes, sizeof(bytes), 0);

        if (image->status.st_size == 0)
                return err_set(e, -ENOEXEC, "image format not recognized: the file is empty");
        for (size_t i = 0; size > 0 && i < ARRAY_SIZE(look_alikes); i++) {
                size_t length = strlen(look_alikes[i].bytes);

                if (look_alikes[i].offset + length > (size_t) size ||
                    memcmp(bytes + look_alikes[i].offset, look_alikes[i].bytes, length) != 0)
                        continue;
                err_set(e, -ENOEXEC, "image format not recognized: it is %s", look_alikes[i].what);
                if (look_alikes[i].hint)
                        err_hint(e, -ENOEXEC, "%s", look_alikes[i].hint);
                return -ENOEXEC;
        }
        return err_set(e, -ENOEXEC, "image format not recognized");
}

static int recognise(struct image *image, const char *path, bool need_rootfs, struct err *e)
{
        int r = open_any(image, path, e);

        if (r < 0)
                return r;
        if (S_ISDIR(image->status.st_mode))
                return sandbox_open(image, need_rootfs, e);
        r = sif_open(&image->sif, image->fd, false, e);
        if (r == 0)
                return sif_image_open(image, need_rootfs, e);
        if (r == -ENOEXEC)
                r = bare_open(image, e);
        if (r == -ENOEXEC)
                r = not_recognized(image, e);
        return r;
}

int image_open(struct image *image, const char *path, bool need_rootfs, struct err *e)
{
        int r;

        *image = (struct image) IMAGE_INIT;
        image->sif.fd = -EBADF;
        r = recognise(image, path, need_rootfs, e);
        if (r < 0) {
                _cleanup_free_ char *absolute = path_absolute(path);

                err_ctx(e, r, "could not open image %s", absolute ? absolute : path);
                image_done(image);
        }
        return r;
}

void image_done(struct image *image)
{
        sif_done(&image->sif);
        clean_close(&image->fd);
        free(image->path);
        *image = (struct image) IMAGE_INIT;
}
