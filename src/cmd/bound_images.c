#include "cmd/bound_images.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/text.h"
#include "image/ext3_super.h"
#include "image/squashfs_super.h"
#include "run/ext3.h"

/* What a part of a SIF can be bound from: *ret is filled when it is one. */
static int use_partition(const struct image *image, const struct sif_descriptor *d, struct rootfs *ret,
                         struct err *e)
{
        struct sif_partition p = { .fs = 0 };
        struct squashfs_super super;
        int r = sif_partition(d, &p);

        if (r < 0 || p.part == SIF_PART_SYSTEM)
                return err_set(e, -ENOTSUP, "object %u is no root, overlay or data partition", d->id);
        r = sif_check(&image->sif, d, true, e);
        if (r < 0)
                return r;
        ret->offset = (uint64_t) d->offset;
        ret->size = (uint64_t) d->size;
        switch (p.fs) {
        case SIF_FS_SQUASHFS:
                ret->kind = ROOTFS_SQUASHFS;
                return squashfs_super_read(image->fd, ret->offset, ret->size, &super, e);
        case SIF_FS_EXT3:
                ret->kind = ROOTFS_EXT3;
                return ext3_super_check(image->fd, ret->offset, ret->size, e);
        default:
                return err_set(e, -ENOTSUP, "partition %u is neither squashfs nor ext3", d->id);
        }
}

static int use_id(const struct image *image, const char *text, struct rootfs *ret, struct err *e)
{
        const struct sif_descriptor *d;
        uint64_t id;
        int r;

        if (num_u64(text, 10, 0, UINT32_MAX, &id) < 0)
                return err_set(e, -EINVAL, "id number \"%s\" is not a number", text);
        if (id == 0)
                return err_set(e, -EINVAL, "id number must be greater than 0");
        if (image->kind != IMAGE_SIF)
                return 0;
        r = sif_find(&image->sif, (uint32_t) id, &d, e);
        if (r >= 0)
                r = use_partition(image, d, ret, e);
        return r < 0 ? err_hint(e, r, "apptainer sif list %s shows what is in it", image->path) : 0;
}

static int use_first(const struct image *image, struct rootfs *ret, struct err *e)
{
        struct sif_partition p;

        for (uint64_t i = 0; i < image->sif.n_descriptors; i++) {
                const struct sif_descriptor *d = &image->sif.descriptors[i];

                if (d->used && d->type == SIF_TYPE_PARTITION && sif_partition(d, &p) == 0 &&
                    p.part == SIF_PART_DATA)
                        return use_partition(image, d, ret, e);
        }
        err_set(e, -ENOENT, "no data partition found in %s", image->path);
        return err_hint(e, -ENOENT, "id=N names another partition; apptainer sif list %s shows them",
                        image->path);
}

static int choose(const struct image *image, const char *id, struct rootfs *ret, struct err *e)
{
        int r = id ? use_id(image, id, ret, e) : 0;

        if (r < 0)
                return r;
        switch (image->kind) {
        case IMAGE_SIF:
                return id ? 0 : use_first(image, ret, e);
        case IMAGE_SQUASHFS:
                ret->kind = ROOTFS_SQUASHFS;
                return 0;
        case IMAGE_EXT3:
                ret->kind = ROOTFS_EXT3;
                return 0;
        case IMAGE_SANDBOX:
                return err_set(e, -ENOTSUP, "not supported image format: it is a directory");
        }
        return -EINVAL;
}

/* An ext3 file system is written unless it was said otherwise or the file does not allow it; nobody else may
 * have it then. */
static int open_for_writing(struct bound_images *bound, size_t index, bool readonly,
                            const struct notes *notes, struct err *e)
{
        struct rootfs *file = &bound->files[index];
        int r;

        if (!readonly && file->kind == ROOTFS_EXT3) {
                bound->writing[index] = fd_reopen(file->fd, O_RDWR);
                file->writable = bound->writing[index] >= 0;
                if (file->writable)
                        file->fd = bound->writing[index];
        }
        if (!readonly && !file->writable)
                note(notes, LOG_WARNING, "Data image %s is not writable, proceeding with read-only",
                     file->path);
        if (file->kind != ROOTFS_EXT3)
                return 0;
        r = ext3_lock(file->fd, file->offset, file->size, file->writable, file->path, e);
        if (r == -EBUSY && e) {
                e->hint[0] = '\0'; /* that one is about overlays */
                err_hint(e, r, "wait until that has ended%s",
                         file->writable ? ", or bind it with the option ro next to other readers" : "");
        }
        return r;
}

static int open_one(struct bound_images *bound, const struct plan_image *wanted, const struct notes *notes,
                    struct err *e)
{
        struct image *image = &bound->images[bound->n];
        struct rootfs *file = &bound->files[bound->n];
        int r;

        *image = (struct image) IMAGE_INIT;
        bound->writing[bound->n] = -EBADF;
        bound->n++;
        r = image_open(image, wanted->path, false, e);
        if (r < 0)
                return r;
        *file = (struct rootfs){
                .fd = image->fd, .offset = image->offset, .size = image->size, .path = image->path
        };
        r = choose(image, wanted->id, file, e);
        if (r < 0)
                return err_ctx(e, r, "could not use %s for image binding", wanted->path);
        return open_for_writing(bound, bound->n - 1, wanted->readonly, notes, e);
}

int bound_images_open(struct bound_images *bound, const struct plan *plan, const struct notes *notes,
                      struct err *e)
{
        int r = 0;

        if (plan->n_images == 0)
                return 0;
        bound->images = text_alloc(plan->n_images * sizeof(*bound->images));
        bound->files = text_alloc(plan->n_images * sizeof(*bound->files));
        bound->writing = text_alloc(plan->n_images * sizeof(*bound->writing));
        for (size_t i = 0; i < plan->n_images && r >= 0; i++)
                r = open_one(bound, &plan->images[i], notes, e);
        return r < 0 ? err_ctx(e, r, "while binding from an image") : 0;
}

void bound_images_done(struct bound_images *bound)
{
        for (size_t i = 0; i < bound->n; i++) {
                image_done(&bound->images[i]);
                clean_close(&bound->writing[i]);
        }
        free(bound->writing);
        free(bound->images);
        free(bound->files);
        *bound = (struct bound_images) BOUND_IMAGES_INIT;
}
