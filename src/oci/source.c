#include "oci/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"
#include "oci/source_internal.h"

/* --- JSON files --------------------------------------------------------------------------------------- */

json_t *oci_read_json(struct blobs *blobs, const char *name, uint64_t limit, const char *what, struct err *e)
{
        _cleanup_free_ char *bytes = NULL;
        size_t size;

        if (blobs_read(blobs, name, limit, &bytes, &size, e) < 0)
                return NULL;
        return json_parse(bytes, size, what, e);
}

char *oci_blob_name(const char *digest_text)
{
        return text_format("blobs/sha256/%s", digest_text + strlen("sha256:"));
}

/* The size of a blob, which must be the one that was announced. */
static int check_blob_size(struct blobs *blobs, const char *name, const struct oci_descriptor *d,
                           const char *what, struct err *e)
{
        uint64_t size;
        int r = blobs_size(blobs, name, &size, e);

        if (r == -ENOENT)
                return err_set(e, -ENOENT, "%s is missing", what);
        if (r < 0)
                return r;
        if (size != d->size_bytes)
                return err_set(e, -EBADMSG, "%s has %llu bytes, %llu were announced", what,
                               (unsigned long long) size, (unsigned long long) d->size_bytes);
        return 0;
}

json_t *oci_read_blob_json(struct blobs *blobs, const struct oci_descriptor *d, uint64_t limit,
                           const char *kind, struct err *e)
{
        _cleanup_free_ char *name = oci_blob_name(d->digest_text), *bytes = NULL;
        _cleanup_free_ char *what = text_format("%s: %s %s", blobs_path(blobs), kind, d->digest_text);
        char found_text[DIGEST_TEXT_SIZE];
        uint8_t found[DIGEST_SIZE];
        size_t size;

        if (check_blob_size(blobs, name, d, what, e) < 0 ||
            blobs_read(blobs, name, limit, &bytes, &size, e) < 0)
                return NULL;
        digest_of(bytes, size, found);
        if (memcmp(found, d->digest, DIGEST_SIZE) != 0) {
                digest_format(found, found_text);
                err_set(e, -EBADMSG, "%s is damaged: its digest is %s", what, found_text);
                return NULL;
        }
        return json_parse(bytes, size, what, e);
}

/* --- from a layout ------------------------------------------------------------------------------------ */

static int load_layout_layer(struct oci_image *image, struct oci_layer *layer, const struct oci_descriptor *d,
                             struct err *e)
{
        layer->name = oci_blob_name(d->digest_text);
        layer->what = text_format("%s: layer %s", blobs_path(image->blobs), d->digest_text);
        layer->size_bytes = d->size_bytes;
        layer->has_digest = true;
        memcpy(layer->digest, d->digest, DIGEST_SIZE);
        return check_blob_size(image->blobs, layer->name, d, layer->what, e);
}

static int load_layout(const struct oci_search *s, struct oci_image *image, struct err *e)
{
        _cleanup_json_ json_t *document = NULL;
        _cleanup_oci_manifest_ struct oci_manifest m = { .n_layers = 0 };
        _cleanup_free_ char *what = NULL, *config_what = NULL;
        int r = oci_select_manifest(s, &document, image->digest, e);

        if (r < 0)
                return r;
        what = text_format("%s: manifest %s", blobs_path(s->blobs), image->digest);
        r = oci_manifest_parse(document, what, &m, e);
        if (r < 0)
                return r;
        image->config = oci_read_blob_json(s->blobs, &m.config, JSON_SIZE_MAX, "config", e);
        if (!image->config)
                return e ? e->code : -EBADMSG;
        config_what = text_format("%s: config %s", blobs_path(s->blobs), m.config.digest_text);
        r = oci_config_check(image->config, config_what, e);
        image->layers = text_alloc(m.n_layers * sizeof(*image->layers));
        for (size_t i = 0; i < m.n_layers && r == 0; i++) {
                image->n_layers++;
                r = load_layout_layer(image, &image->layers[i], &m.layers[i], e);
        }
        return r;
}

/* --- opening ------------------------------------------------------------------------------------------ */

static int load(const struct oci_search *s, struct oci_image *image, struct err *e)
{
        bool is_layout = blobs_has(s->blobs, "index.json"), is_docker = blobs_has(s->blobs, "manifest.json");
        const char *path = blobs_path(s->blobs);
        int r;

        if (s->reference->transport != OCI_DOCKER_ARCHIVE && !is_layout) {
                err_set(e, -EBADMSG, "%s is not an OCI %s: it has no index.json", path,
                        s->reference->transport == OCI_LAYOUT ? "layout" : "archive");
                return is_docker ? err_hint(e, -EBADMSG, "it is a docker-archive: docker-archive:%s", path)
                                 : -EBADMSG;
        }
        if (s->reference->transport == OCI_DOCKER_ARCHIVE &&
            !(is_layout && blobs_has(s->blobs, "oci-layout")))
                return docker_archive_load(s, image, e);
        r = load_layout(s, image, e);
        if (r == -ENOENT && image->digest[0] == '\0' && is_docker && s->reference->tag) {
                err_clear(e);
                return docker_archive_load(s, image, e);
        }
        return r;
}

/* A lone manifest is taken whatever it is for; the program would tell only when it is run. */
static void tell_about_architecture(const struct oci_image *image, const struct oci_platform *platform,
                                    const struct notes *notes)
{
        const char *architecture = oci_image_architecture(image);

        if (architecture && architecture[0] && strcmp(architecture, platform->architecture) != 0)
                note(notes, LOG_WARNING, "%s is an image for architecture %s, %s was asked for",
                     blobs_path(image->blobs), architecture, platform->architecture);
}

int oci_image_open(struct oci_image **ret, const struct oci_reference *reference,
                   const struct oci_platform *platform, const struct notes *notes, struct err *e)
{
        _cleanup_oci_image_ struct oci_image *image = text_alloc(sizeof(*image));
        struct oci_search s = { .reference = reference, .platform = platform };
        struct err own = ERR_INIT; /* code of failures that return NULL */
        int r;

        e = e ? e : &own;
        if (reference->transport == OCI_LAYOUT)
                r = blobs_open_directory(&image->blobs, reference->path, e);
        else
                r = blobs_open_archive(&image->blobs, reference->path, e);
        if (r < 0)
                return r;
        s.blobs = image->blobs;
        r = load(&s, image, e);
        if (r < 0)
                return r;
        tell_about_architecture(image, platform, notes);
        *ret = ptr_take(&image);
        return 0;
}

void oci_image_free(struct oci_image *image)
{
        if (!image)
                return;
        for (size_t i = 0; i < image->n_layers; i++) {
                free(image->layers[i].name);
                free(image->layers[i].what);
        }
        free(image->layers);
        json_decref(image->config);
        blobs_free(image->blobs);
        free(image);
}

/* --- accessors ---------------------------------------------------------------------------------------- */

const json_t *oci_image_config_file(const struct oci_image *image)
{
        return image->config;
}

const json_t *oci_image_config(const struct oci_image *image)
{
        const json_t *config = json_object_get(image->config, "config");

        return json_is_object(config) ? config : NULL;
}

const char *oci_image_architecture(const struct oci_image *image)
{
        return json_member(image->config, "architecture");
}

const char *oci_image_variant(const struct oci_image *image)
{
        return json_member(image->config, "variant");
}

const char *oci_image_created(const struct oci_image *image)
{
        return json_member(image->config, "created");
}

const char *oci_image_digest(const struct oci_image *image)
{
        return image->digest;
}

size_t oci_image_n_layers(const struct oci_image *image)
{
        return image->n_layers;
}

uint64_t oci_image_size(const struct oci_image *image)
{
        uint64_t size = 0;

        for (size_t i = 0; i < image->n_layers; i++)
                size += image->layers[i].size_bytes;
        return size;
}
