/* The archive of `docker save` and `podman save`: manifest.json names config and layers of each image. */
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"
#include "oci/source_internal.h"

#define MANIFEST "manifest.json"

/* --- names -------------------------------------------------------------------------------------------- */

/* "docker.io/library/busybox:latest" for "busybox" (Docker's "familiar names",
 * github.com/distribution/reference). The caller frees it. */
static char *normal_name(const char *name)
{
        _cleanup_free_ char *whole = NULL;
        size_t first = strcspn(name, "/");
        const char *base;

        if (name[first] == '\0')
                whole = text_format("docker.io/library/%s", name);
        else if (memchr(name, '.', first) || memchr(name, ':', first) || strncmp(name, "localhost/", 10) == 0)
                whole = text_dup(name);
        else
                whole = text_format("docker.io/%s", name);
        base = strrchr(whole, '/');
        if (strchr(base, ':') || strchr(base, '@'))
                return ptr_take(&whole);
        return text_format("%s:latest", whole);
}

bool docker_names_equal(const char *a, const char *b)
{
        _cleanup_free_ char *x = normal_name(a), *y = normal_name(b);

        return strcmp(x, y) == 0;
}

/* --- choice ------------------------------------------------------------------------------------------- */

static bool has_tag(const struct docker_image *image, const char *tag)
{
        for (size_t i = 0; i < json_array_size(image->tags); i++)
                if (docker_names_equal(json_string_value(json_array_get(image->tags, i)), tag))
                        return true;
        return false;
}

static char *list_images(const struct docker_image *images, size_t n)
{
        struct text list = TEXT_INIT;

        for (size_t i = 0; i < n && list.used < 512; i++) {
                text_printf(&list, "%s@%zu", i ? ", " : "", i);
                for (size_t k = 0; k < json_array_size(images[i].tags); k++)
                        text_printf(&list, " %s", json_string_value(json_array_get(images[i].tags, k)));
        }
        return text_take(&list);
}

static const struct docker_image *choose(const struct oci_search *s, const struct docker_image *images,
                                         size_t n, struct err *e)
{
        _cleanup_free_ char *list = list_images(images, n);
        const char *path = blobs_path(s->blobs);
        const struct oci_reference *r = s->reference;

        if (r->digest) {
                err_set(e, -ENOENT, "%s is an archive without manifest digests; it has: %s", path, list);
                return NULL;
        }
        if (r->position >= 0) {
                if ((size_t) r->position < n)
                        return &images[r->position];
                err_set(e, -ENOENT, "%s has no image @%ld; it has: %s", path, r->position, list);
                return NULL;
        }
        for (size_t i = 0; r->tag && i < n; i++)
                if (has_tag(&images[i], r->tag))
                        return &images[i];
        if (r->tag) {
                err_set(e, -ENOENT, "%s has no image \"%s\"; it has: %s", path, r->tag, list);
                return NULL;
        }
        if (n == 1)
                return &images[0];
        err_set(e, -EINVAL, "%s has more than one image, choose an image: %s", path, list);
        err_hint(e, -EINVAL, "name it behind the file: docker-archive:%s:NAME:TAG or docker-archive:%s:@N",
                 path, path);
        return NULL;
}

/* --- loading ------------------------------------------------------------------------------------------ */

/* "HEX.json" and "blobs/sha256/HEX" say what the digest of the file is. */
static bool digest_of_name(const char *name, uint8_t ret[DIGEST_SIZE])
{
        const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
        _cleanup_free_ char *text = text_format("sha256:%.64s", base);
        const char *rest = base + strlen(text) - 7;

        if (*rest != '\0' && strcmp(rest, ".json") != 0)
                return false;
        return digest_parse(text, ret) == 0;
}

static int load_config(const struct oci_search *s, struct oci_image *image, const char *name, struct err *e)
{
        uint8_t expected[DIGEST_SIZE], found[DIGEST_SIZE];
        _cleanup_free_ char *bytes = NULL, *what = text_format("%s: config %s", blobs_path(s->blobs), name);
        size_t size;
        int r = blobs_read(s->blobs, name, JSON_SIZE_MAX, &bytes, &size, e);

        if (r < 0)
                return r;
        digest_of(bytes, size, found);
        digest_format(found, image->digest);
        if (digest_of_name(name, expected) && memcmp(expected, found, DIGEST_SIZE) != 0)
                return err_set(e, -EBADMSG, "%s is damaged: its digest is %s", what, image->digest);
        image->config = json_parse(bytes, size, what, e);
        if (!image->config)
                return e ? e->code : -EBADMSG;
        return oci_config_check(image->config, what, e);
}

static int load_layers(const struct oci_search *s, struct oci_image *image, const json_t *names,
                       struct err *e)
{
        _cleanup_free_ uint8_t(*diff_ids)[DIGEST_SIZE] = NULL;
        const char *path = blobs_path(s->blobs);
        size_t n = json_array_size(names), n_diff_ids;
        int r = oci_config_diff_ids(image->config, path, &diff_ids, &n_diff_ids, e);

        if (r < 0)
                return r;
        if (n == 0)
                return err_set(e, -ENOTSUP, "%s: no extractable OCI/Docker tar layers found in this image",
                               path);
        if (n_diff_ids != 0 && n_diff_ids != n)
                return err_set(e, -EBADMSG, "%s: %zu layers in %s, %zu in the config", path, n, MANIFEST,
                               n_diff_ids);
        image->layers = text_alloc(n * sizeof(*image->layers));
        for (; image->n_layers < n; image->n_layers++) {
                const char *name = json_string_value(json_array_get(names, image->n_layers));
                struct oci_layer *layer = &image->layers[image->n_layers];

                r = blobs_size(s->blobs, name, &layer->size_bytes, e);
                if (r < 0)
                        return r;
                layer->name = text_dup(name);
                layer->what = text_format("%s: layer %s", path, name);
                layer->has_diff_id = n_diff_ids != 0;
                if (layer->has_diff_id)
                        memcpy(layer->diff_id, diff_ids[image->n_layers], DIGEST_SIZE);
        }
        return 0;
}

int docker_archive_load(const struct oci_search *s, struct oci_image *image, struct err *e)
{
        const char *path = blobs_path(s->blobs);
        _cleanup_free_ char *what = text_format("%s: %s", path, MANIFEST);
        _cleanup_free_ struct docker_image *images = NULL;
        _cleanup_json_ json_t *manifest = NULL;
        const struct docker_image *chosen;
        size_t n;
        int r;

        if (!blobs_has(s->blobs, MANIFEST)) {
                if (blobs_has(s->blobs, "repositories"))
                        return err_set(e, -ENOTSUP,
                                       "%s was written by a Docker older than 1.10: it has no %s", path,
                                       MANIFEST);
                return err_set(e, -EBADMSG, "%s is not a docker-archive: it has no %s", path, MANIFEST);
        }
        manifest = oci_read_json(s->blobs, MANIFEST, MANIFEST_SIZE_MAX, what, e);
        if (!manifest)
                return e ? e->code : -EBADMSG;
        r = docker_manifest_parse(manifest, what, &images, &n, e);
        if (r < 0)
                return r;
        chosen = choose(s, images, n, e);
        if (!chosen)
                return e ? e->code : -ENOENT;
        r = load_config(s, image, chosen->config, e);
        if (r < 0)
                return r;
        return load_layers(s, image, chosen->layers, e);
}
