#include "run/data_images.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"

int data_images_open(struct data_images *images, const struct rootfs *files, size_t n,
                     const struct rootfs_source_settings *settings, const struct notes *notes, struct err *e)
{
        if (n == 0)
                return 0;
        images->at = text_alloc(n * sizeof(*images->at));
        for (size_t i = 0; i < n; i++) {
                struct data_image *image = &images->at[images->n++];
                int r;

                *image = (struct data_image){ .source = ROOTFS_SOURCE_INIT, .root = -EBADF };
                r = rootfs_source_open(&image->source, &files[i], settings, notes, e);
                if (r >= 0 && image->source.served && image->source.join.mount < 0)
                        r = err_set(e, -ENOSYS, "%s: binding from images needs Linux 5.2", files[i].path);
                if (r < 0)
                        return err_ctx(e, r, "while binding from an image");
        }
        return 0;
}

int data_images_serve(struct data_images *images, bool privileged, struct err *e)
{
        for (size_t i = 0; i < images->n; i++) {
                int r = rootfs_source_serve(&images->at[i].source, privileged, e);

                if (r < 0)
                        return err_ctx(e, r, "while binding from an image");
        }
        return 0;
}

int data_images_mount(struct data_images *images, const struct session *session, struct err *e)
{
        if (images->n && mkdirat(session->fd, SESSION_DATA, 0700) < 0)
                return err_errno(e, -errno, "session: making %s", SESSION_DATA);
        for (size_t i = 0; i < images->n; i++) {
                _cleanup_free_ char *place = text_format(SESSION_DATA "/%zu", i);
                struct data_image *image = &images->at[i];
                int r = mkdirat(session->fd, place, 0700) < 0
                                ? err_errno(e, -errno, "session: making %s", place)
                                : 0;

                if (r >= 0 && image->source.served)
                        r = imagefs_lease(&image->source.join, session->fd, e);
                if (r >= 0)
                        r = rootfs_source_mount(&image->source, session->fd, place, &image->root, e);
                if (r < 0)
                        return err_ctx(e, r, "binding from %s", image->source.rootfs->path);
        }
        return 0;
}

int data_images_find(const struct data_images *images, size_t image, const char *path, struct err *e)
{
        const struct data_image *found = &images->at[image];
        int fd = fd_open_in(found->root, path, O_PATH, 0);

        if (fd == -ENOENT || fd == -ENOTDIR)
                return err_set(e, fd, "%s doesn't exist in image %s", path, found->source.rootfs->path);
        return fd < 0 ? err_errno(e, fd, "%s in image %s", path, found->source.rootfs->path) : fd;
}

void data_images_done(struct data_images *images)
{
        for (size_t i = 0; i < images->n; i++) {
                rootfs_source_done(&images->at[i].source);
                clean_close(&images->at[i].root);
        }
        free(images->at);
        *images = (struct data_images) DATA_IMAGES_INIT;
}
