/* Where the data comes from: the object beside a SIF's partition, or the files themselves. */
#include "cmd/inspect.h"

#include "base/clean.h"
#include "cmd/inspect_files.h"
#include "image/image.h"

#define OBJECT "inspect-metadata.json"

/* -ENOENT: the image has no such object, or one that is no use (said in a WARNING). */
static int load_object(const struct image *image, json_t **ret, const struct notes *notes)
{
        const struct sif_descriptor *d = sif_find_named(&image->sif, SIF_TYPE_JSON, OBJECT);
        _cleanup_json_ json_t *whole = NULL;
        _cleanup_free_ char *text = NULL;
        struct err why = ERR_INIT;
        json_t *attributes;
        size_t size;

        if (!d)
                return -ENOENT;
        if (sif_read(&image->sif, d, JSON_SIZE_MAX, &text, &size, &why) == 0)
                whole = json_parse(text, size, OBJECT, &why);
        attributes = json_object_get(json_object_get(whole, "data"), "attributes");
        if (json_is_object(attributes)) {
                *ret = json_incref(attributes);
                return 0;
        }
        note(notes, LOG_WARNING, "%s: %s; the files of the image are looked at instead", image->path,
             why.code ? why.text : OBJECT " has no data.attributes");
        return -ENOENT;
}

static int load_partition(const struct image *image, json_t **ret, const struct notes *notes, struct err *e)
{
        int r;

        if (image->rootfs != IMAGE_ROOTFS_SQUASHFS)
                return err_set(e, -ENOTSUP,
                               "%s: it carries no " OBJECT
                               ", and its root file system is of a kind that cannot be read here",
                               image->path);
        if (!inspect_squashfs)
                return err_set(e, -ENOSYS, "%s: a squashfs cannot be read by this executable", image->path);
        r = inspect_squashfs(image, ret, notes, e);
        return r < 0 ? err_ctx(e, r, "%s", image->path) : 0;
}

int inspect_load(const char *path, json_t **ret_attributes, const struct notes *notes, struct err *e)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        int r = image_open(&image, path, false, e);

        if (r < 0)
                return err_ctx(e, r, "Failed to open image %s", path);
        if (image.kind == IMAGE_SANDBOX)
                return inspect_directory(image.fd, ret_attributes, notes, e);
        if (image.kind == IMAGE_SIF && load_object(&image, ret_attributes, notes) == 0)
                return 0;
        image_done(&image);
        image = (struct image) IMAGE_INIT;
        r = image_open(&image, path, true, e);
        if (r < 0)
                return err_ctx(e, r, "Failed to open image %s", path);
        return load_partition(&image, ret_attributes, notes, e);
}
