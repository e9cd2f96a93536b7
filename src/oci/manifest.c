#include "oci/manifest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"

#define NO_LAYERS "no extractable OCI/Docker tar layers found in this image"

/* --- media types -------------------------------------------------------------------------------------- */

static const char *const index_types[] = {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
};

static const char *const manifest_types[] = {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
};

static const char *const schema1_types[] = {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
};

/* Compression is told by the data, so it does not matter here. */
static const char *const layer_types[] = {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.zstd",
};

static bool is_one_of(const char *type, const char *const *types, size_t n)
{
        for (size_t i = 0; type && i < n; i++)
                if (strcmp(type, types[i]) == 0)
                        return true;
        return false;
}

#define IS_ONE_OF(type, types) is_one_of(type, types, ARRAY_SIZE(types))

/* --- descriptors -------------------------------------------------------------------------------------- */

int oci_descriptor_parse(struct oci_descriptor *ret, const json_t *json, const char *what, struct err *e)
{
        struct oci_descriptor d = { .json = json };
        const char *digest = json_member(json, "digest");
        const json_t *size = json_object_get(json, "size");

        if (!json_is_object(json))
                return err_set(e, -EBADMSG, "%s: a descriptor is not a JSON object", what);
        if (!digest)
                return err_set(e, -EBADMSG, "%s: a descriptor has no digest", what);
        if (!text_starts(digest, "sha256:"))
                return err_set(e, -ENOTSUP, "%s: digest \"%.128s\" is not of sha256", what, digest);
        if (digest_parse(digest, d.digest) < 0)
                return err_set(e, -EBADMSG, "%s: malformed digest \"%.128s\"", what, digest);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
                return err_set(e, -EBADMSG, "%s: the descriptor of %s has no size", what, digest);
        d.size_bytes = (uint64_t) json_integer_value(size);
        digest_format(d.digest, d.digest_text);
        d.media_type = json_member(json, "mediaType");
        if (!d.media_type)
                d.media_type = "";
        *ret = d;
        return 0;
}

static const char *annotation(const struct oci_descriptor *d, const char *name)
{
        return json_member(json_object_get(d->json, "annotations"), name);
}

const char *oci_descriptor_ref_name(const struct oci_descriptor *d)
{
        return annotation(d, "org.opencontainers.image.ref.name");
}

const char *oci_descriptor_image_name(const struct oci_descriptor *d)
{
        return annotation(d, "io.containerd.image.name");
}

/* --- index and manifest ------------------------------------------------------------------------------- */

static int kind_of_type(const char *type)
{
        if (IS_ONE_OF(type, index_types))
                return OCI_INDEX;
        return IS_ONE_OF(type, manifest_types) ? OCI_MANIFEST : 0;
}

int oci_document_kind(const json_t *json, const char *media_type, const char *what, struct err *e)
{
        const char *own_type = json_member(json, "mediaType");
        const char *type = own_type ? own_type : media_type;
        int kind;

        if (!json_is_object(json))
                return err_set(e, -EBADMSG, "%s is not a JSON object", what);
        if (IS_ONE_OF(type, schema1_types) ||
            (!kind_of_type(type) && json_integer_value(json_object_get(json, "schemaVersion")) == 1)) {
                err_set(e, -ENOTSUP, "%s: unsupported MediaType: \"%s\"", what,
                        IS_ONE_OF(type, schema1_types) ? type : schema1_types[0]);
                return err_hint(e, -ENOTSUP,
                                "the image was made before 2016: pull and push it again with a "
                                "current Docker or skopeo");
        }
        kind = kind_of_type(own_type);
        if (kind == 0)
                kind = kind_of_type(media_type);
        if (kind != 0)
                return kind;
        if (own_type)
                return err_set(e, -ENOTSUP, "%s: unknown media type \"%.128s\"", what, own_type);
        if (json_is_array(json_object_get(json, "manifests")))
                return OCI_INDEX;
        if (json_is_array(json_object_get(json, "layers")))
                return OCI_MANIFEST;
        if (media_type && media_type[0])
                return err_set(e, -ENOTSUP, "%s: unknown media type \"%.128s\"", what, media_type);
        return err_set(e, -EBADMSG, "%s is neither an index nor a manifest", what);
}

static int descriptors_parse(const json_t *array, const char *what, size_t most, struct oci_descriptor **ret,
                             size_t *ret_n, struct err *e)
{
        size_t n = json_array_size(array);
        _cleanup_free_ struct oci_descriptor *list = NULL;

        if (n > most)
                return err_set(e, -E2BIG, "%s: %zu entries, more than the limit of %zu", what, n, most);
        list = text_alloc(n * sizeof(*list));
        for (size_t i = 0; i < n; i++) {
                int r = oci_descriptor_parse(&list[i], json_array_get(array, i), what, e);

                if (r < 0)
                        return r;
        }
        *ret = ptr_take(&list);
        *ret_n = n;
        return 0;
}

int oci_index_parse(const json_t *json, const char *what, struct oci_descriptor **ret, size_t *ret_n,
                    struct err *e)
{
        const json_t *manifests = json_object_get(json, "manifests");

        if (!json_is_array(manifests))
                return err_set(e, -EBADMSG, "%s is not an index: it has no list \"manifests\"", what);
        return descriptors_parse(manifests, what, MANIFEST_ENTRIES_MAX, ret, ret_n, e);
}

static int check_layer_types(const struct oci_manifest *m, const char *what, struct err *e)
{
        const char *unknown = NULL;
        size_t n_known = 0;

        for (size_t i = 0; i < m->n_layers; i++) {
                const char *type = m->layers[i].media_type;

                if (text_ends(type, "+encrypted"))
                        return err_set(e, -ENOTSUP, "%s: layer %s is encrypted (\"%.128s\")", what,
                                       m->layers[i].digest_text, type);
                if (IS_ONE_OF(type, layer_types))
                        n_known++;
                else if (!unknown)
                        unknown = type;
        }
        if (n_known == 0 && unknown)
                return err_set(e, -ENOTSUP, "%s: %s (the first has media type \"%.128s\")", what, NO_LAYERS,
                               unknown);
        if (n_known == 0)
                return err_set(e, -ENOTSUP, "%s: %s", what, NO_LAYERS);
        if (unknown)
                return err_set(e, -ENOTSUP, "%s: a layer has the unknown media type \"%.128s\"", what,
                               unknown);
        return 0;
}

void oci_manifest_done(struct oci_manifest *m)
{
        free(m->layers);
        *m = (struct oci_manifest){ .n_layers = 0 };
}

int oci_manifest_parse(const json_t *json, const char *what, struct oci_manifest *ret, struct err *e)
{
        _cleanup_oci_manifest_ struct oci_manifest m = { .n_layers = 0 };
        const json_t *config = json_object_get(json, "config"), *layers = json_object_get(json, "layers");
        int r;

        if (!config)
                return err_set(e, -EBADMSG, "%s: invalid manifest: no config", what);
        if (!json_is_array(layers))
                return err_set(e, -EBADMSG, "%s: invalid manifest: no list of layers", what);
        r = oci_descriptor_parse(&m.config, config, what, e);
        if (r < 0)
                return r;
        r = descriptors_parse(layers, what, MANIFEST_LAYERS_MAX, &m.layers, &m.n_layers, e);
        if (r < 0)
                return r;
        r = check_layer_types(&m, what, e);
        if (r < 0)
                return r;
        *ret = m;
        m = (struct oci_manifest){ .n_layers = 0 };
        return 0;
}

/* --- config ------------------------------------------------------------------------------------------- */

static bool is_absent(const json_t *value)
{
        return !value || json_is_null(value);
}

static bool is_string_array(const json_t *value)
{
        if (!json_is_array(value))
                return false;
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!json_is_string(json_array_get(value, i)))
                        return false;
        return true;
}

int oci_config_check(const json_t *json, const char *what, struct err *e)
{
        static const char *const lists[] = { "Env", "Entrypoint", "Cmd" };
        const json_t *config = json_object_get(json, "config"), *labels, *value;
        void *at;

        if (!json_is_object(json))
                return err_set(e, -EBADMSG, "%s is not a JSON object", what);
        if (is_absent(config))
                return 0;
        if (!json_is_object(config))
                return err_set(e, -EBADMSG, "%s: \"config\" is not an object", what);
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                value = json_object_get(config, lists[i]);
                if (!is_absent(value) && !is_string_array(value))
                        return err_set(e, -EBADMSG, "%s: \"config.%s\" is not a list of strings", what,
                                       lists[i]);
        }
        labels = json_object_get(config, "Labels");
        if (is_absent(labels))
                return 0;
        if (!json_is_object(labels))
                return err_set(e, -EBADMSG, "%s: \"config.Labels\" is not an object", what);
        for (at = json_object_iter((json_t *) (uintptr_t) labels); at;
             at = json_object_iter_next((json_t *) (uintptr_t) labels, at))
                if (!json_is_string(json_object_iter_value(at)))
                        return err_set(e, -EBADMSG, "%s: label \"%.128s\" is not a string", what,
                                       json_object_iter_key(at));
        return 0;
}

int oci_config_diff_ids(const json_t *json, const char *what, uint8_t (**ret)[DIGEST_SIZE], size_t *ret_n,
                        struct err *e)
{
        const json_t *list = json_object_get(json_object_get(json, "rootfs"), "diff_ids");
        size_t n = json_array_size(list);
        _cleanup_free_ uint8_t(*ids)[DIGEST_SIZE] = NULL;

        if (n > MANIFEST_LAYERS_MAX)
                return err_set(e, -E2BIG, "%s: %zu layers, more than the limit of %d", what, n,
                               MANIFEST_LAYERS_MAX);
        ids = text_alloc(n * sizeof(*ids));
        for (size_t i = 0; i < n; i++) {
                const char *text = json_string_value(json_array_get(list, i));

                if (!text || digest_parse(text, ids[i]) < 0)
                        return err_set(e, -EBADMSG, "%s: malformed diff_id \"%.128s\"", what,
                                       text ? text : "");
        }
        *ret = ptr_take(&ids);
        *ret_n = n;
        return 0;
}

/* --- docker save -------------------------------------------------------------------------------------- */

static int docker_image_parse(struct docker_image *ret, const json_t *json, const char *what, struct err *e)
{
        struct docker_image image = { .config = json_member(json, "Config"),
                                      .tags = json_object_get(json, "RepoTags"),
                                      .layers = json_object_get(json, "Layers") };

        if (!image.config)
                return err_set(e, -EBADMSG, "%s: an image has no Config", what);
        if (is_absent(image.tags))
                image.tags = NULL;
        else if (!is_string_array(image.tags))
                return err_set(e, -EBADMSG, "%s: RepoTags is not a list of strings", what);
        if (!is_string_array(image.layers))
                return err_set(e, -EBADMSG, "%s: Layers is not a list of strings", what);
        if (json_array_size(image.layers) > MANIFEST_LAYERS_MAX)
                return err_set(e, -E2BIG, "%s: %zu layers, more than the limit of %d", what,
                               json_array_size(image.layers), MANIFEST_LAYERS_MAX);
        *ret = image;
        return 0;
}

int docker_manifest_parse(const json_t *json, const char *what, struct docker_image **ret, size_t *ret_n,
                          struct err *e)
{
        size_t n = json_array_size(json);
        _cleanup_free_ struct docker_image *list = NULL;

        if (!json_is_array(json))
                return err_set(e, -EBADMSG, "%s is not a list", what);
        if (n == 0)
                return err_set(e, -EBADMSG, "%s names no image", what);
        if (n > MANIFEST_ENTRIES_MAX)
                return err_set(e, -E2BIG, "%s: %zu images, more than the limit of %d", what, n,
                               MANIFEST_ENTRIES_MAX);
        list = text_alloc(n * sizeof(*list));
        for (size_t i = 0; i < n; i++) {
                int r = docker_image_parse(&list[i], json_array_get(json, i), what, e);

                if (r < 0)
                        return r;
        }
        *ret = ptr_take(&list);
        *ret_n = n;
        return 0;
}
