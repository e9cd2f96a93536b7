#include "base/test.h"

#include <string.h>

#include "base/clean.h"
#include "oci/manifest.h"

#define HEX              "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define DIGEST           "\"digest\":\"sha256:" HEX "\""
#define BLOB             DIGEST ",\"size\":2"
#define CONFIG           "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\"," BLOB "}"
#define LAYER(type)      "{\"mediaType\":\"" type "\"," BLOB "}"
#define MANIFEST(layers) "{\"schemaVersion\":2," CONFIG ",\"layers\":[" layers "]}"

static json_t *parse(const char *text)
{
        struct err e = ERR_INIT;
        json_t *json = json_parse(text, strlen(text), "test", &e);

        if (!json)
                fail_msg("%s: %s", text, e.text);
        return json;
}

/* Each case: a document, and a part of the error; NULL: none. */
struct json_case {
        const char *text, *error;
};

static void run(const struct json_case *cases, size_t n, int (*check)(const json_t *json, struct err *e))
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_json_ json_t *json = parse(cases[i].text);
                struct err e = ERR_INIT;
                int r = check(json, &e);

                if ((r < 0) != (cases[i].error != NULL) || (r < 0 && !strstr(e.text, cases[i].error)))
                        fail_msg("%s: %d \"%s\"", cases[i].text, r, e.text);
                if (r < 0) {
                        assert_int_equal(e.code, r);
                        assert_non_null(strstr(e.text, "FILE"));
                }
        }
}

static int check_descriptor(const json_t *json, struct err *e)
{
        struct oci_descriptor d;

        return oci_descriptor_parse(&d, json, "FILE", e);
}

static void test_descriptors(void **state)
{
        static const struct json_case cases[] = {
                { "[]", "not a JSON object" },
                { "{}", "no digest" },
                { "{\"digest\":5,\"size\":1}", "no digest" },
                { "{\"digest\":\"sha512:" HEX HEX "\",\"size\":1}", "not of sha256" },
                { "{\"digest\":\"md5:x\",\"size\":1}", "not of sha256" },
                { "{\"digest\":\"sha256:../../../etc/passwd\",\"size\":1}", "malformed digest" },
                { "{\"digest\":\"sha256:" HEX "0\",\"size\":1}", "malformed digest" },
                { "{" DIGEST "}", "no size" },
                { "{" DIGEST ",\"size\":-1}", "no size" },
                { "{" DIGEST ",\"size\":1.5}", "no size" },
                { "{" DIGEST ",\"size\":\"1\"}", "no size" },
                { "{" BLOB "}", NULL },
                { "{" BLOB ",\"annotations\":[],\"platform\":7}", NULL },
        };

        (void) state;
        run(cases, ARRAY_SIZE(cases), check_descriptor);
}

static int check_manifest(const json_t *json, struct err *e)
{
        _cleanup_oci_manifest_ struct oci_manifest m = { .n_layers = 0 };

        return oci_manifest_parse(json, "FILE", &m, e);
}

static void test_manifests(void **state)
{
        static const struct json_case cases[] = {
                { "{}", "no config" },
                { "{\"config\":{}}", "no list of layers" },
                { "{\"config\":{},\"layers\":{}}", "no list of layers" },
                { "{\"config\":{},\"layers\":[]}", "no digest" },
                { MANIFEST(""), "no extractable OCI/Docker tar layers found in this image" },
                { MANIFEST(LAYER("application/vnd.sylabs.sif.layer.v1.sif")),
                  "no extractable OCI/Docker tar layers found in this image (the first has media type "
                  "\"application/vnd.sylabs.sif.layer.v1.sif\")" },
                { MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar") "," LAYER("text/x-strange")),
                  "unknown media type \"text/x-strange\"" },
                { MANIFEST("{" BLOB "}"), "no extractable" },
                { MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")), "encrypted" },
                { MANIFEST("7"), "not a JSON object" },
                { MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar")), NULL },
                { MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar+gzip")), NULL },
                { MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar+zstd")), NULL },
                { MANIFEST(LAYER("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")), NULL },
                { MANIFEST(LAYER("application/vnd.docker.image.rootfs.diff.tar.gzip")), NULL },
                { MANIFEST(LAYER("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")), NULL },
        };

        (void) state;
        run(cases, ARRAY_SIZE(cases), check_manifest);
}

static void test_too_many_layers(void **state)
{
        _cleanup_text_ struct text list = TEXT_INIT;
        _cleanup_json_ json_t *json = NULL;
        struct err e = ERR_INIT;

        (void) state;
        text_add(&list, "{" CONFIG ",\"layers\":[");
        for (unsigned i = 0; i <= MANIFEST_LAYERS_MAX; i++)
                text_printf(&list, "%s%s", i ? "," : "", LAYER("application/vnd.oci.image.layer.v1.tar"));
        text_add(&list, "]}");
        json = parse(list.at);
        assert_int_equal(check_manifest(json, &e), -E2BIG);
        assert_non_null(strstr(e.text, "1024"));
}

static void test_kinds(void **state)
{
        static const struct {
                const char *text, *media_type;
                int kind;
                const char *error;
        } cases[] = {
                { "[]", NULL, -EBADMSG, "not a JSON object" },
                { "{}", NULL, -EBADMSG, "neither an index nor a manifest" },
                { "{}", "text/plain", -ENOTSUP, "unknown media type \"text/plain\"" },
                { "{\"mediaType\":\"text/plain\",\"layers\":[]}", NULL, -ENOTSUP, "\"text/plain\"" },
                { "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, -ENOTSUP,
                  "unsupported MediaType: \"application/vnd.docker.distribution.manifest.v1+json\"" },
                { "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", -ENOTSUP,
                  "v1+prettyjws" },
                { "{\"layers\":[]}", NULL, OCI_MANIFEST, NULL },
                { "{\"layers\":[]}", "application/json", OCI_MANIFEST, NULL },
                { "{\"manifests\":[]}", NULL, OCI_INDEX, NULL },
                { "{}", "application/vnd.oci.image.index.v1+json", OCI_INDEX, NULL },
                { "{}", "application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX, NULL },
                { "{}", "application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST, NULL },
                { "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"}",
                  "application/vnd.oci.image.index.v1+json", OCI_MANIFEST, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_json_ json_t *json = parse(cases[i].text);
                struct err e = ERR_INIT;

                assert_int_equal(oci_document_kind(json, cases[i].media_type, "FILE", &e), cases[i].kind);
                if (cases[i].error && !strstr(e.text, cases[i].error))
                        fail_msg("%s: \"%s\"", cases[i].text, e.text);
        }
}

static int check_config(const json_t *json, struct err *e)
{
        return oci_config_check(json, "FILE", e);
}

static void test_configs(void **state)
{
        static const struct json_case cases[] = {
                { "[]", "not a JSON object" },
                { "{\"config\":[]}", "\"config\" is not an object" },
                { "{\"config\":{\"Env\":\"PATH=/\"}}", "config.Env" },
                { "{\"config\":{\"Cmd\":[1]}}", "config.Cmd" },
                { "{\"config\":{\"Entrypoint\":{}}}", "config.Entrypoint" },
                { "{\"config\":{\"Labels\":[]}}", "config.Labels" },
                { "{\"config\":{\"Labels\":{\"key\":1}}}", "label \"key\" is not a string" },
                { "{}", NULL },
                { "{\"config\":null}", NULL },
                { "{\"config\":{\"Env\":null,\"Cmd\":[\"a\"],\"Labels\":{\"a\":\"b\"}}}", NULL },
        };

        (void) state;
        run(cases, ARRAY_SIZE(cases), check_config);
}

static int check_diff_ids(const json_t *json, struct err *e)
{
        _cleanup_free_ uint8_t(*ids)[DIGEST_SIZE] = NULL;
        size_t n;

        return oci_config_diff_ids(json, "FILE", &ids, &n, e);
}

static void test_diff_ids(void **state)
{
        static const struct json_case cases[] = {
                { "{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "malformed diff_id \"x\"" },
                { "{\"rootfs\":{\"diff_ids\":[5]}}", "malformed diff_id" },
                { "{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX "\"]}}", NULL },
                { "{}", NULL },
        };

        (void) state;
        run(cases, ARRAY_SIZE(cases), check_diff_ids);
}

static int check_docker(const json_t *json, struct err *e)
{
        _cleanup_free_ struct docker_image *images = NULL;
        size_t n;

        return docker_manifest_parse(json, "FILE", &images, &n, e);
}

static void test_docker_manifests(void **state)
{
        static const struct json_case cases[] = {
                { "{}", "not a list" },
                { "[]", "names no image" },
                { "[5]", "no Config" },
                { "[{\"Config\":\"c\"}]", "Layers is not" },
                { "[{\"Config\":\"c\",\"Layers\":[1]}]", "Layers is not" },
                { "[{\"Config\":\"c\",\"Layers\":[],\"RepoTags\":\"x\"}]", "RepoTags is not" },
                { "[{\"Config\":\"c\",\"Layers\":[\"l\"],\"RepoTags\":null}]", NULL },
                { "[{\"Config\":\"c\",\"Layers\":[\"l\"],\"RepoTags\":[\"a:b\"]}]", NULL },
        };

        (void) state;
        run(cases, ARRAY_SIZE(cases), check_docker);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_descriptors),      cmocka_unit_test(test_manifests),
                cmocka_unit_test(test_too_many_layers),  cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_configs),          cmocka_unit_test(test_diff_ids),
                cmocka_unit_test(test_docker_manifests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
