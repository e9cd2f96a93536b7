/* References, and the choice of an image within a layout or an archive. */
#include "base/test.h"

#include <archive.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "oci/blobs.h"
#include "oci/manifest.h"
#include "oci/source.h"
#include "oci/tar_builder.h"
#include "oci/test_pack.h"

/* --- references --------------------------------------------------------------------------------------- */

static void test_references(void **state)
{
#define HEX "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        static const struct {
                const char *text, *error;
                enum oci_transport transport;
                const char *path, *tag, *digest;
                long position;
        } cases[] = {
                { "docker:busybox", "does not start with oci:", .position = 0 },
                { "oci:", "names no file", .position = 0 },
                { "oci:nothing", "nothing: No such file", .position = 0 },
                { "oci:nothing:tag", "nothing: No such file", .position = 0 },
                { "oci:dir:", "is empty", .position = 0 },
                { "oci:dir@sha256:12", "not a digest", .position = 0 },
                { "docker-archive:dir:@x", "not the position", .position = 0 },
                { "oci:dir", NULL, OCI_LAYOUT, "dir", NULL, NULL, -1 },
                { "oci:dir:latest", NULL, OCI_LAYOUT, "dir", "latest", NULL, -1 },
                { "oci:dir:host:5000/name:v1", NULL, OCI_LAYOUT, "dir", "host:5000/name:v1", NULL, -1 },
                { "oci:dir@sha256:" HEX, NULL, OCI_LAYOUT, "dir", NULL, "sha256:" HEX, -1 },
                { "oci:di:r", NULL, OCI_LAYOUT, "di:r", NULL, NULL, -1 },
                { "oci:di:r:v1", NULL, OCI_LAYOUT, "di:r", "v1", NULL, -1 },
                { "oci-archive:dir/a.tar:v1", NULL, OCI_ARCHIVE, "dir/a.tar", "v1", NULL, -1 },
                { "docker-archive:dir/a.tar:name:v1", NULL, OCI_DOCKER_ARCHIVE, "dir/a.tar", "name:v1", NULL,
                  -1 },
                { "docker-archive:dir/a.tar:@3", NULL, OCI_DOCKER_ARCHIVE, "dir/a.tar", NULL, NULL, 3 },
                { "docker-archive://dir/a.tar", NULL, OCI_DOCKER_ARCHIVE, "dir/a.tar", NULL, NULL, -1 },
                { "oci:///", NULL, OCI_LAYOUT, "/", NULL, NULL, -1 },
                { "oci://proc", NULL, OCI_LAYOUT, "/proc", NULL, NULL, -1 },
        };
        char *directory = pack_directory();

        (void) state;
        assert_int_equal(chdir(directory), 0);
        mkdir("dir", 0755);
        mkdir("di:r", 0755);
        close(open("dir/a.tar", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_oci_reference_ struct oci_reference r = OCI_REFERENCE_INIT;
                struct err e = ERR_INIT;
                int error = oci_reference_parse(&r, cases[i].text, &e);

                if (cases[i].error) {
                        if (error >= 0 || !strstr(e.text, cases[i].error))
                                fail_msg("%s: %d \"%s\"", cases[i].text, error, e.text);
                        continue;
                }
                if (error < 0)
                        fail_msg("%s: %s", cases[i].text, e.text);
                assert_int_equal(r.transport, cases[i].transport);
                assert_string_equal(r.path, cases[i].path);
                assert_string_equal(r.tag ? r.tag : "", cases[i].tag ? cases[i].tag : "");
                assert_string_equal(r.digest ? r.digest : "", cases[i].digest ? cases[i].digest : "");
                assert_int_equal(r.position, cases[i].position);
        }
        assert_int_equal(chdir("/"), 0);
        pack_remove(directory);
}

/* --- platforms ---------------------------------------------------------------------------------------- */

static void test_platforms(void **state)
{
        static const struct {
                const char *architecture, *variant, *found, *found_variant;
        } cases[] = {
                { "amd64", NULL, "amd64", NULL },   { "x86_64", "", "amd64", NULL },
                { "arm", "7", "arm", "v7" },        { "armhf", NULL, "arm", "v7" },
                { "aarch64", NULL, "arm64", NULL }, { "arm", "9", NULL, NULL },
                { "pdp11", NULL, NULL, NULL },      { "", NULL, NULL, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct oci_platform p;
                struct err e = ERR_INIT;
                int r = oci_platform_parse(&p, cases[i].architecture, cases[i].variant, &e);

                assert_int_equal(r, cases[i].found ? 0 : -EINVAL);
                if (r < 0)
                        continue;
                assert_string_equal(p.architecture, cases[i].found);
                assert_string_equal(p.variant ? p.variant : "",
                                    cases[i].found_variant ? cases[i].found_variant : "");
        }
        assert_non_null(oci_platform_host().architecture);
}

/* --- choice in a layout ------------------------------------------------------------------------------- */

/* A whole image whose config's "created" tells which it is; returns the descriptor of its manifest. */
static char *add_image(struct pack *p, const char *name, const char *members)
{
        _cleanup_text_ struct text tar = TEXT_INIT;
        _cleanup_free_ char *config = NULL, *config_descriptor = NULL, *layer = NULL, *manifest = NULL;

        tar_put(&tar, &(struct tar_item){ .type = '0', .name = "file", .content = name });
        config = text_format("{\"created\":\"%s\",\"architecture\":\"amd64\",\"config\":{}}", name);
        config_descriptor = pack_add_blob(p, PACK_CONFIG, config, strlen(config), "");
        layer = pack_add_blob(p, PACK_LAYER, tar.at, tar.used, "");
        manifest =
                text_format("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s]}", config_descriptor, layer);
        return pack_add_blob(p, PACK_MANIFEST, manifest, strlen(manifest), members);
}

#define REF(name)        "\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"},"
#define CONTAINERD(name) "\"annotations\":{\"io.containerd.image.name\":\"" name "\"},"
#define PLATFORM(arch)   "\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"},"
#define VARIANT(arch, v)                                                                                     \
        "\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\",\"variant\":\"" v "\"},"
#define ATTESTATION "\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},"

struct entry {
        const char *name, *members;
};

static char *index_of(struct pack *p, const struct entry *entries)
{
        struct text index = TEXT_INIT;

        text_add(&index, "{\"schemaVersion\":2,\"manifests\":[");
        for (size_t i = 0; entries[i].name; i++) {
                _cleanup_free_ char *descriptor = add_image(p, entries[i].name, entries[i].members);

                text_printf(&index, "%s%s", i ? "," : "", descriptor);
        }
        text_add(&index, "]}");
        return text_take(&index);
}

/* Opens PATH with what stands behind it and tells which image it is, or the error. */
static char *open_image(const char *transport, const char *path, const char *selector,
                        const struct oci_platform *platform)
{
        _cleanup_oci_reference_ struct oci_reference reference = OCI_REFERENCE_INIT;
        _cleanup_oci_image_ struct oci_image *image = NULL;
        _cleanup_free_ char *text = text_format("%s:%s%s", transport, path, selector);
        struct err e = ERR_INIT;

        if (oci_reference_parse(&reference, text, &e) < 0 ||
            oci_image_open(&image, &reference, platform, NULL, &e) < 0)
                return text_format("error %d: %s; %s", e.code, e.text, e.hint);
        return text_dup(oci_image_created(image));
}

struct choice {
        struct entry entries[8];
        const char *selector, *architecture, *variant;
        const char *found; /* "created" of the image, or a part of the error */
};

static const struct choice choices[] = {
        { { { NULL, NULL } }, "", "amd64", NULL, "has no image: its index.json is empty" },
        { { { "a", "" } }, "", "amd64", NULL, "a" },
        { { { "a", "" } }, "", "s390x", NULL, "a" }, /* a lone manifest is taken whatever it is for */
        { { { "a", "" } }, ":v1", "amd64", NULL, "has no image \"v1\"" },
        { { { "a", REF("v1") }, { "b", REF("v2") } },
          "",
          "amd64",
          NULL,
          "more than one image in oci, choose an image: v1, v2" },
        { { { "a", REF("v1") }, { "b", REF("v2") } }, ":v2", "amd64", NULL, "b" },
        { { { "a", REF("v1") }, { "b", REF("v2") } },
          ":v3",
          "amd64",
          NULL,
          "no image \"v3\"; it has: v1, v2" },
        { { { "a", REF("v1") }, { "b", REF("v2") } }, ":@1", "amd64", NULL, "b" },
        { { { "a", REF("v1") }, { "b", REF("v2") } }, ":@2", "amd64", NULL, "no image @2" },
        { { { "a", REF("v1") }, { "a", REF("v2") } }, "", "amd64", NULL, "a" }, /* one image with two names */
        { { { "a", REF("host:5/x:v1") }, { "b", REF("v2") } }, ":v1", "amd64", NULL, "a" },
        { { { "a", REF("x:v2") }, { "b", REF("v2") } }, ":v2", "amd64", NULL, "b" }, /* exact before part */
        { { { "a", CONTAINERD("docker.io/library/x:v1") }, { "b", REF("y") } }, ":x:v1", "amd64", NULL, "a" },
        { { { "a", "" }, { "att", ATTESTATION } }, "", "amd64", NULL, "a" },
        { { { "a", PLATFORM("amd64") }, { "b", PLATFORM("arm64") } }, "", "arm64", NULL, "b" },
        { { { "a", PLATFORM("amd64") }, { "b", PLATFORM("arm64") } },
          "",
          "s390x",
          NULL,
          "more than one image" },
};

static void check_choice(const struct choice *c, bool nested)
{
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *index = index_of(&p, c->entries), *found = NULL;
        const struct oci_platform platform = { c->architecture, c->variant };

        if (nested) { /* as the only entry of another index */
                _cleanup_free_ char *inner = pack_add_blob(&p, PACK_INDEX, index, strlen(index), "");

                free(index);
                index = text_format("{\"schemaVersion\":2,\"manifests\":[%s]}", inner);
        }
        pack_add_text(&p, "index.json", index);
        pack_write_directory(&p, directory);
        found = open_image("oci", directory, c->selector, &platform);
        if (!strstr(found, c->found) || text_starts(found, "error") != (strlen(c->found) > 1))
                fail_msg("%s%s for %s: expected \"%s\", got \"%s\"", nested ? "nested " : "", c->selector,
                         c->architecture, c->found, found);
        pack_done(&p);
        pack_remove(directory);
}

static void test_choices(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
                check_choice(&choices[i], false);
}

static void test_choices_of_platform(void **state)
{
        static const struct choice nested[] = {
                { { { "a", PLATFORM("amd64") }, { "b", PLATFORM("arm64") } }, "", "amd64", NULL, "a" },
                { { { "a", PLATFORM("amd64") }, { "b", PLATFORM("arm64") } }, "", "arm64", NULL, "b" },
                { { { "a", PLATFORM("amd64") }, { "b", VARIANT("arm64", "v8") }, { "t", ATTESTATION } },
                  "",
                  "s390x",
                  NULL,
                  "linux/s390x image not found in" },
                { { { "a", PLATFORM("amd64") }, { "b", VARIANT("arm64", "v8") }, { "t", ATTESTATION } },
                  "",
                  "s390x",
                  NULL,
                  "it has: linux/amd64, linux/arm64/v8;" },
                { { { "a", VARIANT("arm", "v6") }, { "b", VARIANT("arm", "v7") } }, "", "arm", "v7", "b" },
                { { { "a", VARIANT("arm", "v6") }, { "b", VARIANT("arm", "v7") } }, "", "arm", NULL, "a" },
                { { { "a", PLATFORM("amd64") }, { "b", PLATFORM("amd64") } }, "", "amd64", NULL, "a" },
                { { { "a", PLATFORM("arm64") }, { "b", "" } },
                  "",
                  "amd64",
                  NULL,
                  "b" }, /* no platform: unspecified */
                { { { "t", ATTESTATION } }, "", "amd64", NULL, "image not found in" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(nested); i++)
                check_choice(&nested[i], true);
}

static void test_choice_by_digest(void **state)
{
        static const struct entry entries[] = { { "a", REF("v1") }, { "b", REF("v2") }, { NULL, NULL } };
        const struct oci_platform platform = { "amd64", NULL };
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *index = index_of(&p, entries), *selector = NULL, *found = NULL, *missing = NULL;
        const char *digest = strstr(strstr(index, "v2"), "sha256:");

        (void) state;
        selector = text_format("@%.71s", digest);
        pack_add_text(&p, "index.json", index);
        pack_write_directory(&p, directory);
        found = open_image("oci", directory, selector, &platform);
        assert_string_equal(found, "b");
        missing = open_image("oci", directory, "@sha256:" HEX, &platform);
        assert_non_null(strstr(missing, "has no image sha256:" HEX));
        pack_done(&p);
        pack_remove(directory);
}

static void test_index_in_index_ends(void **state)
{
        const struct oci_platform platform = { "amd64", NULL };
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *inner = add_image(&p, "a", ""), *found = NULL, *index = NULL;

        (void) state;
        for (unsigned i = 0; i <= MANIFEST_DEPTH_MAX; i++) {
                _cleanup_free_ char *document =
                        text_format("{\"schemaVersion\":2,\"manifests\":[%s]}", inner);

                free(inner);
                inner = pack_add_blob(&p, PACK_INDEX, document, strlen(document), "");
        }
        index = text_format("{\"manifests\":[%s]}", inner);
        pack_add_text(&p, "index.json", index);
        pack_write_directory(&p, directory);
        found = open_image("oci", directory, "", &platform);
        assert_non_null(strstr(found, "indexes within indexes"));
        pack_done(&p);
        pack_remove(directory);
}

/* --- what is damaged ---------------------------------------------------------------------------------- */

static void spoil_text(struct pack_file *f, const char *string)
{
        text_done(&f->bytes);
        text_add(&f->bytes, string);
}

/* Makes a good layout, spoils the file whose bytes contain `where` by replacing all of them, and looks at the
 * error. */
static void check_spoiled(const char *where, const char *bytes, const char *error)
{
        static const struct entry entries[] = { { "a", REF("v1") }, { NULL, NULL } };
        const struct oci_platform platform = { "amd64", NULL };
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *index = index_of(&p, entries), *found = NULL;

        pack_add_text(&p, "index.json", index);
        pack_add_text(&p, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
        for (size_t i = 0; i < p.n; i++)
                if (strstr(text_get(&p.files[i].bytes), where))
                        spoil_text(&p.files[i], bytes);
        pack_write_directory(&p, directory);
        found = open_image("oci", directory, "", &platform);
        if (!text_starts(found, "error") || !strstr(found, error) || !strstr(found, directory))
                fail_msg("\"%s\" -> \"%s\": expected \"%s\", got \"%s\"", where, bytes, error, found);
        pack_done(&p);
        pack_remove(directory);
}

static void test_spoiled_layouts(void **state)
{
        _cleanup_text_ struct text deep = TEXT_INIT, same_size = TEXT_INIT;

        (void) state;
        for (unsigned i = 0; i < 10000; i++)
                text_add(&deep, "[");
        for (unsigned i = 0; i < 50; i++)
                text_add(&same_size, " ");
        check_spoiled("manifests", "{", "index.json: malformed JSON");
        check_spoiled("manifests", "", "malformed JSON");
        check_spoiled("manifests", "{}", "no list \"manifests\"");
        check_spoiled("manifests", "{\"manifests\":[{}]}", "index.json: a descriptor has no digest");
        check_spoiled("manifests", deep.at, "nested deeper than 64");
        check_spoiled("imageLayoutVersion", "{\"imageLayoutVersion\":\"2.0\"}",
                      "unsupported version \"2.0\"");
        check_spoiled("imageLayoutVersion", "{}", "unsupported version");
        check_spoiled("layers", "{}", "has 2 bytes");
        check_spoiled("created", "{}", "config sha256:");
        check_spoiled("created", same_size.at, "is damaged: its digest is");
}

static void test_missing_and_huge(void **state)
{
        static const struct entry entries[] = { { "a", REF("v1") }, { NULL, NULL } };
        const struct oci_platform platform = { "amd64", NULL };
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *index = index_of(&p, entries), *path = NULL, *file = NULL, *layer = NULL;
        char *found;

        (void) state;
        found = open_image("oci", directory, "", &platform);
        assert_non_null(strstr(found, "is not an OCI layout: it has no index.json"));
        free(found);
        pack_add_text(&p, "index.json", index);
        pack_write_directory(&p, directory);
        layer = text_format("%s/%s", directory, p.files[1].name); /* config, layer, manifest */
        assert_int_equal(unlink(layer), 0);
        found = open_image("oci", directory, "", &platform);
        assert_non_null(strstr(found, "layer sha256:"));
        assert_non_null(strstr(found, "is missing"));
        free(found);
        assert_int_equal(mkfifo(layer, 0600), 0);
        found = open_image("oci", directory, "", &platform);
        assert_non_null(strstr(found, "is not a regular file"));
        free(found);
        path = text_format("%s/index.json", directory);
        assert_int_equal(truncate(path, 100 << 20), 0);
        found = open_image("oci", directory, "", &platform);
        assert_non_null(strstr(found, "index.json has 104857600 bytes, more than the limit"));
        free(found);
        file = open_image("oci", path, "", &platform);
        assert_non_null(strstr(file, "is a file, an OCI layout is a directory"));
        pack_done(&p);
        pack_remove(directory);
}

/* --- docker-archive ------------------------------------------------------------------------------------- */

static void add_docker_image(struct pack *p, struct text *manifest, const char *name, const char *tags)
{
        _cleanup_text_ struct text tar = TEXT_INIT;
        _cleanup_free_ char *config = NULL, *config_name = NULL,
                            *layer_name = text_format("%s/layer.tar", name);
        char diff_id[72], digest[72];

        tar_put(&tar, &(struct tar_item){ .type = '0', .name = "file", .content = name });
        pack_digest(tar.at, tar.used, diff_id);
        config = text_format("{\"created\":\"%s\",\"rootfs\":{\"diff_ids\":[\"%s\"]}}", name, diff_id);
        pack_digest(config, strlen(config), digest);
        config_name = text_format("%s.json", digest + 7);
        pack_add_text(p, config_name, config);
        pack_add(p, layer_name, tar.at, tar.used);
        text_printf(manifest, "%s{\"Config\":\"%s\",\"RepoTags\":%s,\"Layers\":[\"%s\"]}",
                    manifest->used > 1 ? "," : "", config_name, tags, layer_name);
}

static void test_docker_archives(void **state)
{
        static const struct {
                const char *selector, *found;
        } cases[] = {
                { "",
                  "more than one image, choose an image: @0 busybox:1 docker.io/library/box:latest, @1 h:5/x:v2" },
                { "", "docker-archive:" },
                { ":busybox:1", "a" },
                { ":docker.io/library/busybox:1", "a" },
                { ":box", "a" },
                { ":h:5/x:v2", "b" },
                { ":x:v2", "has no image \"x:v2\"" },
                { ":@1", "b" },
                { ":@2", "has no image @2" },
                { "@sha256:" HEX, "without manifest digests" },
        };
        static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD,
                                       ARCHIVE_FILTER_XZ };
        const struct oci_platform platform = { "amd64", NULL };
        _cleanup_text_ struct text manifest = TEXT_INIT;
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *path = text_format("%s/a.tar", directory);

        (void) state;
        text_add(&manifest, "[");
        add_docker_image(&p, &manifest, "a", "[\"busybox:1\",\"docker.io/library/box:latest\"]");
        add_docker_image(&p, &manifest, "b", "[\"h:5/x:v2\"]");
        text_add(&manifest, "]");
        pack_add_text(&p, "manifest.json", manifest.at);
        for (size_t f = 0; f < ARRAY_SIZE(filters); f++) {
                pack_write_archive(&p, path, filters[f]);
                for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                        _cleanup_free_ char *found =
                                open_image("docker-archive", path, cases[i].selector, &platform);

                        if (!strstr(found, cases[i].found) ||
                            text_starts(found, "error") != (strlen(cases[i].found) > 1))
                                fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].selector, cases[i].found,
                                         found);
                }
        }
        pack_done(&p);
        pack_remove(directory);
}

static void check_docker_files(const char *const files[][2], const char *error)
{
        const struct oci_platform platform = { "amd64", NULL };
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *path = text_format("%s/a.tar", directory), *found = NULL;

        for (size_t i = 0; files[i][0]; i++)
                pack_add_text(&p, files[i][0], files[i][1]);
        pack_write_archive(&p, path, ARCHIVE_FILTER_NONE);
        found = open_image("docker-archive", path, "", &platform);
        if (!strstr(found, error) || !strstr(found, path))
                fail_msg("expected \"%s\", got \"%s\"", error, found);
        pack_done(&p);
        pack_remove(directory);
}

static void test_spoiled_docker_archives(void **state)
{
#define DOCKER(config, layers) "[{\"Config\":\"" config "\",\"Layers\":[" layers "]}]"
        (void) state;
        check_docker_files((const char *const[][2]){ { "x", "" }, { NULL, NULL } },
                           "it has no manifest.json");
        check_docker_files((const char *const[][2]){ { "repositories", "{}" }, { NULL, NULL } },
                           "older than 1.10");
        check_docker_files((const char *const[][2]){ { "manifest.json", "{}" }, { NULL, NULL } },
                           "is not a list");
        check_docker_files(
                (const char *const[][2]){ { "manifest.json", DOCKER("c.json", "\"l\"") }, { NULL, NULL } },
                "no member \"c.json\"");
        check_docker_files((const char *const[][2]){ { "manifest.json", DOCKER("c.json", "\"l\"") },
                                                     { "c.json", "{}" },
                                                     { NULL, NULL } },
                           "no member \"l\"");
        check_docker_files((const char *const[][2]){ { "manifest.json", DOCKER("c.json", "") },
                                                     { "c.json", "{}" },
                                                     { NULL, NULL } },
                           "no extractable");
        check_docker_files((const char *const[][2]){ { "manifest.json", DOCKER(HEX ".json", "\"l\"") },
                                                     { HEX ".json", "{ }" },
                                                     { NULL, NULL } },
                           "is damaged: its digest is");
        check_docker_files((const char *const[][2]){ { "manifest.json", DOCKER("c.json", "\"l\"") },
                                                     { "c.json", "{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX
                                                                 "\",\"sha256:" HEX "\"]}}" },
                                                     { "l", "" },
                                                     { NULL, NULL } },
                           "1 layers in manifest.json, 2 in the config");
}

/* --- blobs --------------------------------------------------------------------------------------------- */

static void test_members(void **state)
{
        static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP };
        struct pack p = { .n = 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *path = text_format("%s/a.tar", directory);

        (void) state;
        pack_add_text(&p, "./twice", "old");
        pack_add_text(&p, "a/layer.tar", "content of the layer");
        pack_add_link(&p, "b/layer.tar", "../a/layer.tar");
        pack_add_link(&p, "loop", "loop");
        pack_add_link(&p, "outside", "../../../etc/passwd");
        pack_add_text(&p, "twice", "new");
        for (size_t f = 0; f < ARRAY_SIZE(filters); f++) {
                _cleanup_blobs_ struct blobs *b = NULL;
                _cleanup_free_ char *linked = NULL, *twice = NULL;
                struct err e = ERR_INIT;
                size_t size;

                pack_write_archive(&p, path, filters[f]);
                assert_int_equal(blobs_open_archive(&b, path, &e), 0);
                assert_int_equal(blobs_is_serial(b), filters[f] != ARCHIVE_FILTER_NONE);
                assert_int_equal(blobs_read(b, "b/layer.tar", 100, &linked, &size, &e), 0);
                assert_string_equal(linked, "content of the layer");
                assert_int_equal(blobs_read(b, "twice", 100, &twice, &size, &e), 0);
                assert_string_equal(twice, "new");
                assert_false(blobs_has(b, "loop"));
                assert_false(blobs_has(b, "outside"));
                assert_int_equal(blobs_read(b, "twice", 2, &twice, &size, &e), -E2BIG);
        }
        pack_done(&p);
        pack_remove(directory);
}

static void test_odd_archives(void **state)
{
        char *directory = pack_directory();
        _cleanup_free_ char *path = text_format("%s/a.tar", directory),
                            *fifo = text_format("%s/f", directory);
        const struct oci_platform platform = { "amd64", NULL };
        char *found;
        FILE *file = fopen(path, "w");

        (void) state;
        assert_int_equal(mkfifo(fifo, 0600), 0);
        found = open_image("oci-archive", fifo, "", &platform);
        assert_non_null(strstr(found, "is not a regular file"));
        free(found);
        found = open_image("oci-archive", directory, "", &platform);
        assert_non_null(strstr(found, "is a directory, not an archive"));
        free(found);
        fputs("not a tar at all, but some text that goes on and on", file);
        fclose(file);
        found = open_image("docker-archive", path, "", &platform);
        assert_non_null(strstr(found, "a.tar is not a tar archive"));
        free(found);
        assert_int_equal(truncate(path, 0), 0);
        found = open_image("docker-archive", path, "", &platform);
        assert_non_null(strstr(found, "no manifest.json"));
        free(found);
        pack_remove(directory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_platforms),
                cmocka_unit_test(test_spoiled_layouts),
                cmocka_unit_test(test_missing_and_huge),
                cmocka_unit_test(test_spoiled_docker_archives),
                cmocka_unit_test(test_odd_archives),
                cmocka_unit_test(test_choices),
                cmocka_unit_test(test_choices_of_platform),
                cmocka_unit_test(test_choice_by_digest),
                cmocka_unit_test(test_index_in_index_ends),
                cmocka_unit_test(test_docker_archives),
                cmocka_unit_test(test_members),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
