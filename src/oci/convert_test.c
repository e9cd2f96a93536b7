/* Whole images, from every kind of source, through both passes. */
#include "base/test.h"

#include <archive.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "oci/convert.h"
#include "oci/tar_builder.h"
#include "oci/test_pack.h"

#define LARGE 600000

/* --- a sink that writes down what comes -------------------------------------------------------------------
 */

struct record {
        struct text log; /* "SIZE:DIGEST," per file */
        struct text content;
        struct tree_inode *inode;
        int fail_at_begin, fail_at_data, fail_at_end;
        unsigned n_begin;
};

static int record_begin(void *user, struct tree_inode *inode, struct err *e)
{
        struct record *r = user;

        r->n_begin++;
        if (r->fail_at_begin < 0)
                return err_set(e, r->fail_at_begin, "begin");
        if (inode->size_bytes == 5)
                return CONTENT_SKIP;
        r->inode = inode;
        return 0;
}

static int record_data(void *user, const void *bytes, size_t size, struct err *e)
{
        struct record *r = user;

        if (r->fail_at_data < 0)
                return err_set(e, r->fail_at_data, "data");
        text_add_bytes(&r->content, bytes, size);
        return 0;
}

static int record_end(void *user, struct err *e)
{
        struct record *r = user;
        char digest[72];

        if (r->fail_at_end < 0)
                return err_set(e, r->fail_at_end, "end");
        assert_int_equal(r->content.used, r->inode->size_bytes);
        pack_digest(r->content.at, r->content.used, digest);
        text_printf(&r->log, "%zu:%.12s,", r->content.used, digest + 7);
        text_done(&r->content);
        return 0;
}

static struct content_sink record_sink(struct record *r)
{
        return (struct content_sink){
                .begin = record_begin, .data = record_data, .end = record_end, .user = r
        };
}

/* --- an image of three layers ------------------------------------------------------------------------------
 */

static void make_layers(struct text layers[3])
{
        _cleanup_text_ struct text large = TEXT_INIT, sparse = TEXT_INIT;
        char map[512] = "1\n3000\n4\n";

        pack_sample(LARGE, 1, &large);
        tar_put(&layers[0],
                &(struct tar_item){ .type = '0', .name = "removed", .content = "nobody wants this" });
        tar_put(&layers[0],
                &(struct tar_item){
                        .type = '0', .name = "large", .content = large.at, .content_size = large.used });
        tar_put(&layers[0], &(struct tar_item){ .type = '1', .name = "link", .link = "large" });
        tar_put(&layers[0], &(struct tar_item){ .type = '0', .name = "empty" });
        text_add_bytes(&sparse, map, sizeof(map));
        text_add(&sparse, "data");
        tar_put(&layers[1], &(struct tar_item){ .type = '0', .name = ".wh.removed" });
        tar_put(&layers[1], &(struct tar_item){ .type = '0',
                                                .name = "sparse",
                                                .content = sparse.at,
                                                .content_size = sparse.used,
                                                .pax = "GNU.sparse.major=1\nGNU.sparse.minor=0\n"
                                                       "GNU.sparse.realsize=200000" });
        tar_put(&layers[1], &(struct tar_item){ .type = '0', .name = "twice", .content = "first" });
        tar_put(&layers[1], &(struct tar_item){ .type = '0', .name = "twice", .content = "second" });
        tar_put(&layers[2], &(struct tar_item){ .type = '0', .name = "skipped", .content = "12345" });
        tar_put(&layers[2], &(struct tar_item){ .type = '0', .name = "top", .content = "top layer" });
        for (size_t i = 0; i < 3; i++)
                tar_end(&layers[i]);
}

/* As an OCI layout; filters: one for each layer. */
static void make_layout(struct pack *p, const int filters[3])
{
        struct text layers[3] = { TEXT_INIT, TEXT_INIT, TEXT_INIT };
        _cleanup_text_ struct text manifest = TEXT_INIT, index = TEXT_INIT;
        _cleanup_free_ char *config = pack_add_blob(p, PACK_CONFIG, "{}", 2, ""), *descriptor = NULL;

        make_layers(layers);
        text_printf(&manifest, "{\"config\":%s,\"layers\":[", config);
        for (size_t i = 0; i < 3; i++) {
                _cleanup_text_ struct text packed = TEXT_INIT;
                _cleanup_free_ char *layer = NULL;

                pack_bytes(filters[i], layers[i].at, layers[i].used, &packed);
                layer = pack_add_blob(p, PACK_LAYER, packed.at, packed.used, "");
                text_printf(&manifest, "%s%s", i ? "," : "", layer);
                text_done(&layers[i]);
        }
        text_add(&manifest, "]}");
        descriptor = pack_add_blob(p, PACK_MANIFEST, manifest.at, manifest.used, "");
        text_printf(&index, "{\"manifests\":[%s]}", descriptor);
        pack_add_text(p, "index.json", index.at);
        pack_add_text(p, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
}

/* As a docker-archive with its layers in the order of `places`. */
static void make_docker(struct pack *p, const int filters[3], const size_t places[3], bool bad_diff_id)
{
        struct text layers[3] = { TEXT_INIT, TEXT_INIT, TEXT_INIT };
        _cleanup_text_ struct text config = TEXT_INIT;

        make_layers(layers);
        text_add(&config, "{\"rootfs\":{\"diff_ids\":[");
        for (size_t i = 0; i < 3; i++) {
                char diff_id[72];

                pack_digest(layers[i].at, layers[i].used - (bad_diff_id && i == 1), diff_id);
                text_printf(&config, "%s\"%s\"", i ? "," : "", diff_id);
        }
        text_add(&config, "]}}");
        for (size_t i = 0; i < 3; i++) {
                _cleanup_free_ char *name = text_format("%zu/layer.tar", places[i]);
                _cleanup_text_ struct text packed = TEXT_INIT;

                pack_bytes(filters[places[i]], layers[places[i]].at, layers[places[i]].used, &packed);
                pack_add(p, name, packed.at, packed.used);
        }
        pack_add_text(
                p, "manifest.json",
                "[{\"Config\":\"c.json\",\"Layers\":[\"0/layer.tar\",\"1/layer.tar\",\"2/layer.tar\"]}]");
        pack_add_text(p, "c.json", config.at);
        for (size_t i = 0; i < 3; i++)
                text_done(&layers[i]);
}

static int open_image(struct oci_image **ret, const char *transport, const char *path, struct err *e)
{
        _cleanup_oci_reference_ struct oci_reference reference = OCI_REFERENCE_INIT;
        _cleanup_free_ char *text = text_format("%s:%s", transport, path);
        const struct oci_platform platform = oci_platform_host();
        int r = oci_reference_parse(&reference, text, e);

        return r < 0 ? r : oci_image_open(ret, &reference, &platform, NULL, e);
}

static void check_good(const char *transport, const char *path, bool archive_order)
{
        _cleanup_oci_image_ struct oci_image *image = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        struct record record = { .log = TEXT_INIT, .content = TEXT_INIT };
        const struct content_sink sink = record_sink(&record);
        struct err e = ERR_INIT;

        if (open_image(&image, transport, path, &e) < 0 || oci_image_merge(image, t, NULL, NULL, &e) < 0)
                fail_msg("%s: %s", path, e.text);
        assert_int_equal(tree_count(t), 1 + 7);
        assert_int_equal(oci_content_size(t), LARGE + 200000 + 6 + 5 + 9);
        if (oci_image_content(image, t, &sink, NULL, &e) < 0)
                fail_msg("%s: %s", path, e.text);
        assert_int_equal(record.n_begin, 5);
        assert_non_null(strstr(record.log.at, "6:16367aacb67a,")); /* sha256 of "second" */
        if (archive_order)
                assert_true(strstr(record.log.at, "6:") < strstr(record.log.at, "600000:"));
        else
                assert_true(text_starts(record.log.at, "600000:"));
        assert_null(strstr(record.log.at, "5:"));
        text_done(&record.log);
}

static const int mixed[3] = { ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_NONE };
static const int plain[3] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_NONE };
static const int outer[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ,
                             ARCHIVE_FILTER_BZIP2 };

static void test_layouts(void **state)
{
        char *directory = pack_directory();
        _cleanup_free_ char *layout = text_format("%s/layout", directory),
                            *tar = text_format("%s/a.tar", directory);
        struct pack p = { .n = 0 };

        (void) state;
        make_layout(&p, mixed);
        mkdir(layout, 0755);
        pack_write_directory(&p, layout);
        check_good("oci", layout, false);
        for (size_t i = 0; i < ARRAY_SIZE(outer); i++) {
                pack_write_archive(&p, tar, outer[i]);
                check_good("oci-archive", tar, false);
                check_good("docker-archive", tar, false);
        }
        pack_done(&p);
        pack_remove(directory);
}

static void test_docker_archives(void **state)
{
        static const size_t forward[3] = { 0, 1, 2 }, backward[3] = { 2, 1, 0 };
        char *directory = pack_directory();
        _cleanup_free_ char *tar = text_format("%s/a.tar", directory);

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(outer); i++) {
                struct pack p = { .n = 0 }, q = { .n = 0 };

                make_docker(&p, i % 2 ? plain : mixed, forward, false);
                pack_write_archive(&p, tar, outer[i]);
                check_good("docker-archive", tar, false);
                make_docker(&q, plain, backward, false);
                pack_write_archive(&q, tar, outer[i]);
                check_good("docker-archive", tar, outer[i] != ARCHIVE_FILTER_NONE);
                pack_done(&p);
                pack_done(&q);
        }
        pack_remove(directory);
}

/* --- what is wrong ----------------------------------------------------------------------------------------
 */

/* Makes one byte of the layer that comes n-th among the blobs another one. */
static void check_damaged_layer(const int filters[3], size_t file, size_t at, const char *error)
{
        char *directory = pack_directory();
        _cleanup_oci_image_ struct oci_image *image = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        struct pack p = { .n = 0 };
        struct err e = ERR_INIT;
        int r;

        make_layout(&p, filters);
        p.files[file].bytes.at[at ? at : p.files[file].bytes.used - 1] ^= 4;
        pack_write_directory(&p, directory);
        assert_int_equal(open_image(&image, "oci", directory, &e), 0);
        r = oci_image_merge(image, t, NULL, NULL, &e);
        if (r != -EBADMSG || !strstr(e.text, error) || !strstr(e.text, "layer sha256:"))
                fail_msg("expected \"%s\", got %d \"%s\"", error, r, e.text);
        pack_done(&p);
        pack_remove(directory);
}

static void test_damaged_layers(void **state)
{
        (void) state;
        check_damaged_layer(plain, 1, 0, "is damaged: its digest is");    /* behind the end of the tar */
        check_damaged_layer(plain, 1, 5000, "is damaged: its digest is"); /* content of a file */
        check_damaged_layer(plain, 2, 3, "");                             /* a header */
        check_damaged_layer(mixed, 1, 5000, "is damaged");                /* deflate data */
        check_damaged_layer(mixed, 2, 20, "is damaged");                  /* zstd data */
}

static void test_wrong_diff_id(void **state)
{
        static const size_t forward[3] = { 0, 1, 2 };
        char *directory = pack_directory();
        _cleanup_free_ char *tar = text_format("%s/a.tar", directory);

        (void) state;
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_oci_image_ struct oci_image *image = NULL;
                _cleanup_tree_ struct tree *t = tree_new();
                struct pack p = { .n = 0 };
                struct err e = ERR_INIT;

                make_docker(&p, i & 1 ? mixed : plain, forward, true);
                pack_write_archive(&p, tar, i & 2 ? ARCHIVE_FILTER_GZIP : ARCHIVE_FILTER_NONE);
                assert_int_equal(open_image(&image, "docker-archive", tar, &e), 0);
                assert_int_equal(oci_image_merge(image, t, NULL, NULL, &e), -EBADMSG);
                assert_non_null(strstr(e.text, "layer 1/layer.tar is damaged"));
                pack_done(&p);
        }
        pack_remove(directory);
}

static void test_archive_cut_short(void **state)
{
        static const size_t forward[3] = { 0, 1, 2 };
        char *directory = pack_directory();
        _cleanup_free_ char *tar = text_format("%s/a.tar", directory);
        struct pack p = { .n = 0 };

        (void) state;
        make_docker(&p, plain, forward, false);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_oci_image_ struct oci_image *image = NULL;
                struct err e = ERR_INIT;

                pack_write_archive(&p, tar, i ? ARCHIVE_FILTER_GZIP : ARCHIVE_FILTER_NONE);
                assert_int_equal(truncate(tar, 300000), 0);
                assert_int_equal(open_image(&image, "docker-archive", tar, &e), -EBADMSG);
                assert_non_null(strstr(e.text, tar));
        }
        pack_done(&p);
        pack_remove(directory);
}

static void test_source_that_changes(void **state)
{
        char *directory = pack_directory();
        _cleanup_free_ char *layer = NULL;
        _cleanup_oci_image_ struct oci_image *image = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        struct pack p = { .n = 0 };
        struct record record = { .log = TEXT_INIT, .content = TEXT_INIT };
        const struct content_sink sink = record_sink(&record);
        struct err e = ERR_INIT;

        (void) state;
        make_layout(&p, plain);
        pack_write_directory(&p, directory);
        assert_int_equal(open_image(&image, "oci", directory, &e), 0);
        assert_int_equal(oci_image_merge(image, t, NULL, NULL, &e), 0);
        layer = text_format("%s/%s", directory, p.files[3].name);
        assert_int_equal(truncate(layer, 512), 0);
        assert_int_equal(oci_image_content(image, t, &sink, NULL, &e), -EBADMSG);
        assert_non_null(strstr(e.text, "has changed while it was being read"));
        text_done(&record.log);
        pack_done(&p);
        pack_remove(directory);
}

/* --- the sink
 * ------------------------------------------------------------------------------------------------ */

static void test_sink_decides(void **state)
{
        static const int codes[] = { -ENOSPC, -EDQUOT, -EIO };
        static const char *const texts[] = { "begin", "data", "end" };
        char *directory = pack_directory();
        struct pack p = { .n = 0 };

        (void) state;
        make_layout(&p, mixed);
        pack_write_directory(&p, directory);
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_oci_image_ struct oci_image *image = NULL;
                _cleanup_tree_ struct tree *t = tree_new();
                struct record record = { .log = TEXT_INIT, .content = TEXT_INIT };
                const struct content_sink sink = record_sink(&record);
                struct err e = ERR_INIT;

                record.fail_at_begin = i == 0 ? -ENOSPC : 0;
                record.fail_at_data = i == 1 ? -EDQUOT : 0;
                record.fail_at_end = i == 2 ? -EIO : 0;
                assert_int_equal(open_image(&image, "oci", directory, &e), 0);
                assert_int_equal(oci_image_merge(image, t, NULL, NULL, &e), 0);
                assert_int_equal(oci_image_content(image, t, &sink, NULL, &e), codes[i]);
                assert_string_equal(e.text, texts[i]);
                assert_int_equal(record.n_begin, 1);
                text_done(&record.log);
                text_done(&record.content);
        }
        pack_done(&p);
        pack_remove(directory);
}

static void test_what_the_caller_replaces_is_not_sent(void **state)
{
        char *directory = pack_directory();
        _cleanup_oci_image_ struct oci_image *image = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        struct pack p = { .n = 0 };
        struct record record = { .log = TEXT_INIT, .content = TEXT_INIT };
        const struct content_sink sink = record_sink(&record);
        struct err e = ERR_INIT;

        (void) state;
        make_layout(&p, mixed);
        pack_write_directory(&p, directory);
        assert_int_equal(open_image(&image, "oci", directory, &e), 0);
        assert_int_equal(oci_image_merge(image, t, NULL, NULL, &e), 0);
        assert_non_null(tree_put_file(t, "top", 0644, "new content", 11, NULL));
        assert_non_null(tree_put_file(t, "link", 0644, "", 0, NULL)); /* "large" keeps its own */
        tree_remove(t, tree_resolve(t, "sparse", false, NULL));
        assert_int_equal(oci_image_content(image, t, &sink, NULL, &e), 0);
        assert_int_equal(record.n_begin, 3);
        assert_true(text_starts(record.log.at, "600000:"));
        assert_non_null(strstr(record.log.at, ",6:"));
        text_done(&record.log);
        pack_done(&p);
        pack_remove(directory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_damaged_layers),
                cmocka_unit_test(test_wrong_diff_id),
                cmocka_unit_test(test_archive_cut_short),
                cmocka_unit_test(test_source_that_changes),
                cmocka_unit_test(test_sink_decides),
                cmocka_unit_test(test_layouts),
                cmocka_unit_test(test_docker_archives),
                cmocka_unit_test(test_what_the_caller_replaces_is_not_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
