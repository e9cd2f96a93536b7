#include "base/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/digest.h"
#include "base/fd.h"
#include "image/sif.h"

/* A file in memory, as long as this program. */
static int new_file(void)
{
        int fd = memfd_create("sif_writer_test", MFD_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void assert_digest(int fd, const char *hex)
{
        _cleanup_free_ char *bytes = NULL;
        uint8_t digest[DIGEST_SIZE];
        char text[DIGEST_TEXT_SIZE];
        size_t size = 0;

        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(fd_read_all(fd, 1 << 20, &bytes, &size), 0);
        digest_of(bytes, size, digest);
        digest_format(digest, text);
        assert_string_equal(text + strlen("sha256:"), hex);
}

static void begin(struct sif_writer *w, int fd, const char *launch)
{
        assert_int_equal(sif_writer_init(w, fd, launch, true, NULL), 0);
}

static void finish(struct sif_writer *w, off_t size)
{
        int fd = w->fd;

        assert_int_equal(sif_writer_finish(w, NULL), 0);
        sif_writer_done(w);
        assert_int_equal(lseek(fd, 0, SEEK_END), size);
}

/* Digests of images that the original library makes (spec image-formats.md, section 9). */
static void test_golden_empty(void **state)
{
        static const uint8_t id[16] = { 0x3f, 0xa8, 0x02, 0xcc, 0x35, 0x8b, 0x45, 0xe3,
                                        0xbc, 0xc0, 0x69, 0xdc, 0x7a, 0x45, 0xf9, 0xf8 };
        _cleanup_close_ int plain = new_file(), named = new_file(), launched = new_file();
        struct sif_writer w;

        (void) state;
        begin(&w, plain, NULL);
        finish(&w, 32176);
        assert_digest(plain, "1987d6041b278a3a87810475ce3bbe5416bc0301471c29c1e2f020579a61f815");
        begin(&w, named, NULL);
        memcpy(w.id, id, sizeof(id));
        finish(&w, 32176);
        assert_digest(named, "e69ae87e8234646a5cea26af912dbdf40e28b8ac4917f591eb66f94af3073b6e");
        begin(&w, launched, "#!/usr/bin/env run-script\n");
        finish(&w, 32176);
        assert_digest(launched, "c403ae5756610316b5a138386ae6fbbf052e5c3d21579c1f0c77066ec84fc2a1");
}

static void test_golden_objects(void **state)
{
        static const uint8_t message[] = { 0xfe, 0xfe, 0xf0, 0xf0 };
        _cleanup_close_ int json = new_file(), dated = new_file(), crypto = new_file();
        uint8_t extra[SIF_MESSAGE_EXTRA_SIZE];
        const struct sif_object data = { .type = SIF_TYPE_JSON, .group = 1, .name = "data.json" };
        const struct sif_object wrapped = {
                .type = SIF_TYPE_CRYPTO, .group = 1, .extra = extra, .extra_size = sizeof(extra)
        };
        struct sif_writer w;

        (void) state;
        begin(&w, json, NULL);
        assert_int_equal(sif_writer_add_bytes(&w, &data, "{}", 2, NULL), 0);
        finish(&w, 32178);
        assert_digest(json, "710a9262f63f5fbde75973110767922d42fdf26673ed19c6093b44da0fcbbef9");
        begin(&w, dated, NULL);
        w.time = 1593475316;
        assert_int_equal(sif_writer_add_bytes(&w, &data, "{}", 2, NULL), 0);
        finish(&w, 32178);
        assert_digest(dated, "848041a0fab06236b18b55b4bf1f9df4763033b0494f80bcb566e1ba03476140");
        begin(&w, crypto, NULL);
        sif_message_extra(extra, 1, 0x100);
        assert_int_equal(sif_writer_add_bytes(&w, &wrapped, message, sizeof(message), NULL), 0);
        finish(&w, 32180);
        assert_digest(crypto, "da3d848c3b6fe26ee6340cdc731865c9d273a233cddb62794aecd132bfea71a4");
}

/* The layout that `build` of the original was seen to make (1.7). */
static void test_placement(void **state)
{
        static const char text[2186];
        _cleanup_close_ int fd = new_file();
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        const struct sif_object def = { .type = SIF_TYPE_DEFFILE, .group = 1 };
        const struct sif_object json = { .type = SIF_TYPE_JSON, .group = 1 };
        const struct sif_object part = {
                .type = SIF_TYPE_PARTITION, .group = 1, .extra = extra, .extra_size = sizeof(extra)
        };
        struct sif_writer w;
        struct sif s;
        uint64_t offset;

        (void) state;
        begin(&w, fd, SIF_LAUNCHER);
        assert_int_equal(sif_writer_add_bytes(&w, &def, text, 35, NULL), 0);
        assert_int_equal(sif_writer_add_bytes(&w, &json, text, 2186, NULL), 0);
        sif_partition_extra(extra, SIF_FS_SQUASHFS, SIF_PART_PRIMARY, "02");
        assert_int_equal(sif_writer_begin(&w, &part, &offset, NULL), 0);
        assert_int_equal(offset, 36864);
        assert_int_equal(sif_writer_end(&w, 1044480, NULL), 0);
        finish(&w, 1081344);
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        assert_string_equal(s.launch, SIF_LAUNCHER);
        assert_string_equal(s.arch, "02");
        assert_int_equal(s.descriptors_free_hint, 45);
        assert_int_equal(s.data_size, 1049168);
        assert_int_equal(s.descriptors[1].size_with_padding, 2186);
        assert_int_equal(s.descriptors[2].size_with_padding, 1046947);
        sif_done(&s);
}

static void test_refusals(void **state)
{
        char long_name[130];
        const struct sif_object bad[] = {
                { .type = SIF_TYPE_JSON, .name = long_name },
                { .type = SIF_TYPE_JSON, .group = 0x10000000 },
                { .type = SIF_TYPE_JSON, .link = 0xf0000001 },
                { .type = SIF_TYPE_JSON, .link_is_group = true },
                { .type = SIF_TYPE_JSON, .alignment = 3 },
                { .type = SIF_TYPE_JSON, .extra = (const uint8_t *) long_name, .extra_size = 385 },
                { .type = SIF_TYPE_JSON, .alignment = UINT64_C(1) << 63 },
        };
        _cleanup_close_ int fd = new_file();
        struct sif_writer w;

        (void) state;
        memset(long_name, 'n', sizeof(long_name) - 1);
        long_name[129] = '\0';
        begin(&w, fd, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct err e = ERR_INIT;

                assert_true(sif_writer_add_bytes(&w, &bad[i], "x", 1, &e) < 0);
                assert_true(e.text[0] != '\0');
        }
        finish(&w, 32176);
        assert_int_equal(sif_writer_init(&w, fd, "#!/usr/bin/env run-singularity-2\n", true, NULL), -E2BIG);
}

static void test_second_primary_and_capacity(void **state)
{
        _cleanup_close_ int fd = new_file();
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        const struct sif_object part = { .type = SIF_TYPE_PARTITION,
                                         .extra = extra,
                                         .extra_size = sizeof(extra) };
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        struct sif_writer w;

        (void) state;
        begin(&w, fd, NULL);
        sif_partition_extra(extra, SIF_FS_RAW, SIF_PART_PRIMARY, "04");
        assert_int_equal(sif_writer_add_bytes(&w, &part, "x", 1, NULL), 0);
        assert_int_equal(sif_writer_add_bytes(&w, &part, "x", 1, NULL), -EEXIST);
        for (size_t i = 1; i < SIF_DESCRIPTORS_DEFAULT; i++)
                assert_int_equal(sif_writer_add_bytes(&w, &raw, NULL, 0, NULL), 0);
        assert_int_equal(sif_writer_add_bytes(&w, &raw, NULL, 0, NULL), -ENOSPC);
        finish(&w, 32768 + 1);
}

static void test_identity(void **state)
{
        struct sif_writer a, b;
        char text[SIF_ID_TEXT_SIZE];

        (void) state;
        assert_int_equal(sif_writer_init(&a, -EBADF, NULL, false, NULL), 0);
        assert_int_equal(sif_writer_init(&b, -EBADF, NULL, false, NULL), 0);
        assert_memory_not_equal(a.id, b.id, sizeof(a.id));
        sif_id_format(a.id, text);
        assert_int_equal(strlen(text), 36);
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
        assert_true(a.time > 1700000000);
        sif_writer_done(&a);
        sif_writer_done(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_empty),
                cmocka_unit_test(test_golden_objects),
                cmocka_unit_test(test_placement),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_second_primary_and_capacity),
                cmocka_unit_test(test_identity),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
