#include "cmd/overlays.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "cmd/image_policy.h"
#include "image/ext3_super.h"
#include "run/ext3.h"

static void add_layer(struct overlays *o, const struct rootfs *layer)
{
        o->layers = text_realloc(o->layers, (o->n_layers + 1) * sizeof(*o->layers));
        o->layers[o->n_layers++] = *layer;
}

/* --- writing -------------------------------------------------------------------------------------------- */

/* A file description of its own: the lock must not outlive the container with the image server, which has a
 * copy of the image's. */
static int open_again(struct overlays *o, const struct image *image, int flags)
{
        int fd = fd_reopen(image->fd, flags);

        if (fd < 0)
                return fd;
        o->fds = text_realloc(o->fds, (o->n_fds + 1) * sizeof(*o->fds));
        o->fds[o->n_fds++] = fd;
        return fd;
}

static bool is_writable_directory(const char *path)
{
        static const char *const parts[] = { "upper", "work" };

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                _cleanup_free_ char *part = text_format("%s/%s", path, parts[i]);
                bool there = access(part, F_OK) == 0;

                if (faccessat(AT_FDCWD, there ? part : path, W_OK | X_OK, AT_EACCESS) < 0)
                        return false;
        }
        return true;
}

static void note_unwritable(const char *path, const struct notes *notes)
{
        note(notes, LOG_WARNING, "overlay %s is not writable by you, it is used read-only", path);
}

/* --- kinds ------------------------------------------------------------------------------------------------
 */

/* Takes the bytes of an ext3 file system; writable: as far as the file can be written. */
static int add_ext3(struct overlays *o, const struct image *image, uint64_t offset, uint64_t size,
                    bool writable, const struct notes *notes, struct err *e)
{
        struct rootfs layer = {
                .kind = ROOTFS_EXT3, .fd = image->fd, .offset = offset, .size = size, .path = image->path
        };
        int r;

        if (writable) {
                layer.fd = open_again(o, image, O_RDWR);
                layer.writable = layer.fd >= 0;
                if (!layer.writable)
                        note_unwritable(image->path, notes);
        }
        if (!layer.writable)
                layer.fd = open_again(o, image, O_RDONLY);
        if (layer.fd < 0)
                return err_errno(e, layer.fd, "opening %s", image->path);
        r = ext3_lock(layer.fd, offset, size, layer.writable, image->path, e);
        if (r >= 0)
                add_layer(o, &layer);
        return r;
}

static bool is_overlay_of(const struct sif_descriptor *d, const struct sif_descriptor *primary,
                          struct sif_partition *ret)
{
        return d->used && d->type == SIF_TYPE_PARTITION && sif_partition(d, ret) == 0 &&
               ret->part == SIF_PART_OVERLAY && (!primary || sif_group(d) == sif_group(primary));
}

/* *ret: the number of partitions that were added. */
static int add_partitions(struct overlays *o, const struct image *image, bool writable,
                          const struct notes *notes, size_t *ret_ext3, size_t *ret, struct err *e)
{
        const struct sif_descriptor *primary = NULL;
        struct sif_partition p;

        *ret = *ret_ext3 = 0;
        sif_primary(&image->sif, &primary, NULL);
        for (uint64_t i = 0; i < image->sif.n_descriptors; i++) {
                const struct sif_descriptor *d = &image->sif.descriptors[i];
                uint64_t offset = (uint64_t) d->offset, size = (uint64_t) d->size;
                struct squashfs_super super;
                int r = 0;

                if (!is_overlay_of(d, primary, &p) || sif_check(&image->sif, d, true, NULL) < 0)
                        continue;
                if (p.fs == SIF_FS_EXT3 && ext3_super_check(image->fd, offset, size, NULL) == 0) {
                        r = add_ext3(o, image, offset, size, writable, notes, e);
                        ++*ret_ext3;
                } else if (p.fs == SIF_FS_SQUASHFS &&
                           squashfs_super_read(image->fd, offset, size, &super, NULL) == 0) {
                        add_layer(o, &(struct rootfs){ .kind = ROOTFS_SQUASHFS,
                                                       .fd = image->fd,
                                                       .offset = offset,
                                                       .size = size,
                                                       .path = image->path });
                } else {
                        continue;
                }
                if (r < 0)
                        return r;
                ++*ret;
        }
        return 0;
}

static int add_opened(struct overlays *o, const struct image *image, bool writable, const struct notes *notes,
                      struct err *e)
{
        struct rootfs layer = {
                .fd = image->fd, .offset = image->offset, .size = image->size, .path = image->path
        };
        size_t n, n_ext3;
        int r;

        switch (image->kind) {
        case IMAGE_SANDBOX:
                layer.kind = ROOTFS_DIRECTORY;
                layer.writable = writable && is_writable_directory(image->path);
                if (writable && !layer.writable)
                        note_unwritable(image->path, notes);
                add_layer(o, &layer);
                return 0;
        case IMAGE_SQUASHFS:
                layer.kind = ROOTFS_SQUASHFS;
                add_layer(o, &layer);
                return 0;
        case IMAGE_EXT3:
                return add_ext3(o, image, image->offset, image->size, writable, notes, e);
        case IMAGE_SIF:
                r = add_partitions(o, image, writable, notes, &n_ext3, &n, e);
                if (r >= 0 && n == 0)
                        note(notes, LOG_WARNING, "%s has no overlay partition, it is left out", image->path);
                return r;
        }
        return -EINVAL;
}

/* --- all --------------------------------------------------------------------------------------------------
 */

int overlays_open_root(struct overlays *o, const struct image *image, struct rootfs *root, struct err *e)
{
        root->fd = open_again(o, image, root->writable ? O_RDWR : O_RDONLY);
        if (root->fd < 0)
                return err_errno(e, root->fd, "opening %s", image->path);
        return ext3_lock(root->fd, root->offset, root->size, root->writable, image->path, e);
}

int overlays_add_image(struct overlays *o, const struct image *image, bool writable, struct err *e)
{
        size_t n, n_ext3;
        int r;

        if (image->kind != IMAGE_SIF)
                return 0;
        r = add_partitions(o, image, writable, NULL, &n_ext3, &n, e);
        if (r < 0 || !writable)
                return r;
        if (n_ext3 == 0) {
                err_set(e, -ENOENT, "no SIF writable overlay partition found in %s", image->path);
                return err_hint(e, -ENOENT,
                                "add one: apptainer overlay create IMAGE; or write elsewhere: --overlay "
                                "DIRECTORY, --writable-tmpfs, or a directory image: apptainer build "
                                "--sandbox DIRECTORY IMAGE");
        }
        for (size_t i = 0; i < o->n_layers; i++)
                if (o->layers[i].writable)
                        return 0;
        return err_set(e, -EACCES, "could not use %s for writing, you don't have write permissions",
                       image->path);
}

int overlays_add(struct overlays *o, const char *argument, const struct config *config,
                 const struct notes *notes, struct err *e)
{
        size_t size = strlen(argument);
        bool read_only = size > 3 && strcmp(argument + size - 3, ":ro") == 0;
        _cleanup_free_ char *path = text_dup_bytes(argument, size - (read_only ? 3 : 0));
        struct image image = IMAGE_INIT;
        int r = *path ? image_open(&image, path, false, e)
                      : err_set(e, -EINVAL, "--overlay \"%s\": there is no path in it", argument);

        if (r < 0)
                return err_ctx(e, r, "overlay");
        o->images = text_realloc(o->images, (o->n_images + 1) * sizeof(*o->images));
        o->images[o->n_images++] = image;
        r = image_policy_check(&image, config, e);
        return r < 0 ? r : add_opened(o, &image, !read_only, notes, e);
}

void overlays_done(struct overlays *o)
{
        for (size_t i = 0; i < o->n_images; i++)
                image_done(&o->images[i]);
        for (size_t i = 0; i < o->n_fds; i++)
                close(o->fds[i]);
        free(o->images);
        free(o->layers);
        free(o->fds);
        *o = (struct overlays) OVERLAYS_INIT;
}
