/* The bytes as each of the JSON documents of an image. */
#include <assert.h>
#include <stdint.h>

#include "base/clean.h"
#include "oci/manifest.h"
#include "oci/platform.h"

#define SIZE_MAX_ ((size_t) 256 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void use_index(const json_t *json)
{
        const struct oci_platform platform = { "amd64", NULL };
        _cleanup_free_ struct oci_descriptor *list = NULL;
        char buffer[OCI_PLATFORM_TEXT_SIZE];
        struct err e = ERR_INIT;
        size_t n = 0;

        assert(oci_index_parse(json, "index", &list, &n, &e) == e.code);
        for (size_t i = 0; i < n; i++) {
                const json_t *p = json_object_get(list[i].json, "platform");

                oci_descriptor_ref_name(&list[i]);
                oci_descriptor_image_name(&list[i]);
                oci_platform_is_attestation(p);
                if (oci_platform_matches(&platform, p))
                        oci_platform_format(json_member(p, "architecture"), json_member(p, "variant"),
                                            buffer);
                oci_document_kind(list[i].json, list[i].media_type, "index", NULL);
        }
}

static void use_manifest(const json_t *json)
{
        _cleanup_oci_manifest_ struct oci_manifest m = { .n_layers = 0 };
        _cleanup_free_ struct docker_image *images = NULL;
        struct err e = ERR_INIT;
        size_t n;

        assert(oci_manifest_parse(json, "manifest", &m, &e) == e.code);
        err_clear(&e);
        assert(docker_manifest_parse(json, "manifest.json", &images, &n, &e) == e.code);
}

static void use_config(const json_t *json)
{
        _cleanup_free_ uint8_t(*ids)[DIGEST_SIZE] = NULL;
        struct err e = ERR_INIT;
        size_t n;

        assert(oci_config_check(json, "config", &e) == e.code);
        err_clear(&e);
        assert(oci_config_diff_ids(json, "config", &ids, &n, &e) == e.code);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_json_ json_t *json = NULL;
        struct err e = ERR_INIT;

        if (size > SIZE_MAX_)
                return 0;
        json = json_parse((const char *) bytes, size, "document", &e);
        if (!json) {
                assert(e.code < 0);
                return 0;
        }
        oci_document_kind(json, NULL, "document", &e);
        use_index(json);
        use_manifest(json);
        use_config(json);
        return 0;
}
