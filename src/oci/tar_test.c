#include "base/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "oci/tar.h"
#include "oci/tar_builder.h"

/* Reads all entries; 0 or the first error. */
static int read_all(const struct text *bytes,
                    void (*see)(struct tar *t, const struct tar_entry *en, void *user), void *user,
                    struct err *e)
{
        _cleanup_tar_ struct tar *t = NULL;
        const struct tar_entry *entry;
        int r = tar_open(&t, stream_of_bytes(text_get(bytes), bytes->used), "layer", 0, e);

        if (r < 0)
                return r;
        while ((r = tar_next(t, &entry, e)) > 0)
                if (see)
                        see(t, entry, user);
        return r < 0 ? r : tar_finish(t, e);
}

static const char empty_map[512] = "0\n"; /* of a sparse file without data */

/* --- refusals ----------------------------------------------------------------------------------------- */

static const struct {
        const char *sin;
        struct tar_item item;
        int code;
        const char *error;
} bad_items[] = {
        { "owner above 32 bits",
          { .type = '0', .name = "a/b", .uid = 1ull << 32 },
          -EBADMSG,
          "\"a/b\": owner" },
        { "owner that chown(2) ignores", { .type = '5', .name = "a", .gid = UINT32_MAX }, -EBADMSG, "owner" },
        { "negative owner", { .type = '5', .name = "a", .pax = "uid=-5" }, -EBADMSG, "owner" },
        { "major number", { .type = '3', .name = "a", .major = 4096 }, -EBADMSG, "device" },
        { "minor number", { .type = '4', .name = "a", .minor = 1 << 20 }, -EBADMSG, "device" },
        { "link to nothing",
          { .type = '2', .name = "a", .link = "" },
          -EBADMSG,
          "\"a\": symbolic link without" },
        { "no name", { .type = '0', .name = "" }, -EBADMSG, "has no name" },
        { "other volume", { .type = 'M', .name = "a" }, -EBADMSG, "unknown type" },
        { "malformed pax", { .type = '0', .name = "a", .pax = "=x" }, -EBADMSG, "malformed" },
        { "negative size", { .type = '0', .name = "a", .pax = "size=-1" }, -EBADMSG, "tar" },
        { "huge size",
          { .type = '0', .name = "a", .pax = "size=9000000000000000000" },
          -E2BIG,
          "bytes of files" },
        { "content that is missing",
          { .type = '0', .name = "a", .content = "x", .size = 600 },
          -EBADMSG,
          "layer" },
        { "hole that never ends",
          { .type = '0',
            .name = "a",
            .content = empty_map,
            .content_size = 512,
            .pax = "GNU.sparse.major=1\nGNU.sparse.minor=0\nGNU.sparse.name=a\nGNU.sparse.realsize=4611686018427387904" },
          -E2BIG,
          "bytes of files" },
        { "hole of a TiB",
          { .type = '0',
            .name = "a",
            .content = empty_map,
            .content_size = 512,
            .pax = "GNU.sparse.major=1\nGNU.sparse.minor=0\nGNU.sparse.name=a\nGNU.sparse.realsize=1099511627776" },
          -E2BIG,
          "holes" },
};

static void test_refusals(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad_items); i++) {
                _cleanup_text_ struct text bytes = TEXT_INIT;
                struct err e = ERR_INIT;
                int r;

                tar_put(&bytes, &bad_items[i].item);
                r = read_all(&bytes, NULL, NULL, &e);
                if (r != bad_items[i].code || !strstr(e.text, bad_items[i].error))
                        fail_msg("%s: %d \"%s\"", bad_items[i].sin, r, e.text);
        }
}

static void test_bytes_that_are_no_tar(void **state)
{
        static const char *const texts[] = { "hello", "<!DOCTYPE html>", "\1\2\3\4" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_text_ struct text bytes = TEXT_INIT;
                struct err e = ERR_INIT;

                for (unsigned k = 0; k < 300; k++)
                        text_add(&bytes, texts[i]);
                assert_int_equal(read_all(&bytes, NULL, NULL, &e), -EBADMSG);
                assert_non_null(strstr(e.text, "layer is not a tar archive"));
        }
}

static void test_every_cut(void **state)
{
        static const struct tar_item item = {
                .type = '0', .name = "file", .content = "content", .pax = "mtime=1.5"
        };
        _cleanup_text_ struct text bytes = TEXT_INIT;

        (void) state;
        tar_put(&bytes, &item);
        for (size_t size = 1; size < bytes.used; size++) {
                struct text cut = { .at = bytes.at, .used = size };
                struct err e = ERR_INIT;
                int r = read_all(&cut, NULL, NULL, &e);
                /* What umoci insert writes: all of the last file's content, but no padding. */
                int expected = size >= bytes.used - 512 + strlen("content") ? 0 : -EBADMSG;

                if (r != expected)
                        fail_msg("cut at %zu of %zu: %d", size, bytes.used, r);
        }
        assert_int_equal(read_all(&bytes, NULL, NULL, NULL), 0); /* no end blocks: accepted */
}

static void test_bad_checksum(void **state)
{
        _cleanup_text_ struct text bytes = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = "one" });
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = "two" });
        bytes.at[512 + 3] ^= 1;
        assert_int_equal(read_all(&bytes, NULL, NULL, &e), -EBADMSG);
        assert_non_null(strstr(e.text, "behind entry 1, \"one\""));
}

static void test_long_names_are_refused(void **state)
{
        _cleanup_text_ struct text component = TEXT_INIT, path = TEXT_INIT, bytes = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        for (unsigned i = 0; i < TAR_NAME_MAX; i++)
                text_add_char(&component, 'n');
        while (path.used < TAR_PATH_MAX - TAR_NAME_MAX)
                text_printf(&path, "%s/", component.at);
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = path.at });
        assert_int_equal(read_all(&bytes, NULL, NULL, &e), 0);
        text_printf(&path, "%s/x", component.at);
        text_done(&bytes);
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = path.at });
        assert_int_equal(read_all(&bytes, NULL, NULL, &e), -E2BIG);
        text_done(&bytes);
        tar_put(&bytes, &(struct tar_item){ .type = '2', .name = "a", .link = path.at });
        assert_int_equal(read_all(&bytes, NULL, NULL, &e), -E2BIG);
        assert_non_null(strstr(e.text, "link target of more than 4095"));
        text_add(&component, "n");
        text_done(&bytes);
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = component.at });
        assert_int_equal(read_all(&bytes, NULL, NULL, &e), -E2BIG);
        assert_non_null(strstr(e.text, "more than 255"));
}

static void test_large_attribute_is_refused(void **state)
{
        _cleanup_text_ struct text value = TEXT_INIT, pax = TEXT_INIT, bytes = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        while (value.used <= TAR_XATTR_VALUE_MAX)
                text_add_char(&value, 'v');
        pax_put(&pax, "SCHILY.xattr.user.a", value.at, value.used);
        tar_put_special(&bytes, 'x', pax.at, pax.used);
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = "a" });
        assert_int_equal(read_all(&bytes, NULL, NULL, &e), -E2BIG);
        assert_non_null(strstr(e.text, "\"a\": extended attribute"));
}

/* --- what is there -------------------------------------------------------------------------------------- */

struct seen {
        char path[4096], link[4096];
        struct tar_entry entry;
        char xattrs[256];
        char content[4096]; /* with holes as '.' */
        unsigned n;
};

static void see(struct tar *t, const struct tar_entry *en, void *user)
{
        struct seen *s = user;
        const void *bytes;
        uint64_t offset;
        size_t size;

        s->entry = *en;
        snprintf(s->path, sizeof(s->path), "%s", en->path);
        snprintf(s->link, sizeof(s->link), "%s", en->link ? en->link : "");
        s->xattrs[0] = '\0';
        for (size_t i = 0; i < en->n_xattrs; i++)
                snprintf(s->xattrs + strlen(s->xattrs), 64, "%s=%.*s;", en->xattrs[i].name,
                         (int) en->xattrs[i].value_size, (const char *) en->xattrs[i].value);
        memset(s->content, '.', sizeof(s->content));
        while (tar_data(t, &bytes, &size, &offset, NULL) > 0)
                memcpy(s->content + offset, bytes, size);
        s->content[en->size_bytes] = '\0';
        s->n++;
}

static void read_one(const struct text *bytes, struct seen *s)
{
        struct err e = ERR_INIT;

        *s = (struct seen){ .n = 0 };
        if (read_all(bytes, see, s, &e) < 0)
                fail_msg("%s", e.text);
}

static void test_fields(void **state)
{
        static const struct tar_item item = { .type = '0',
                                              .name = "short",
                                              .content = "hello",
                                              .mode = 06755,
                                              .uid = 4294967294u,
                                              .gid = 2097152,
                                              .mtime = -100000,
                                              .pax = "path=real/path\nmtime=1700000000.999999999\n"
                                                     "SCHILY.xattr.user.a=1\nSCHILY.xattr.trusted.b=2=3" };
        _cleanup_text_ struct text bytes = TEXT_INIT;
        struct seen s;

        (void) state;
        tar_put(&bytes, &item);
        read_one(&bytes, &s);
        assert_string_equal(s.path, "real/path");
        assert_string_equal(s.content, "hello");
        assert_string_equal(s.xattrs, "user.a=1;trusted.b=2=3;");
        assert_int_equal(s.entry.permissions, 06755);
        assert_int_equal(s.entry.uid, 4294967294u);
        assert_int_equal(s.entry.gid, 2097152);
        assert_int_equal(s.entry.mtime, 1700000000);
        assert_int_equal(s.entry.data_offset, 3 * 512);
        assert_false(s.entry.sparse);
}

static void test_times(void **state)
{
        static const struct {
                int64_t field;
                const char *pax;
                int64_t expected;
        } cases[] = { { 0, NULL, 0 },        { -1, NULL, -1 },          { 1LL << 34, NULL, 1LL << 34 },
                      { 5, "mtime=0", 0 },   { 5, "mtime=7.25", 7 },    { 5, "mtime=-1.5", -2 },
                      { 5, "mtime=-2", -2 }, { 5, "mtime=-2.000", -2 }, { 5, "atime=9", 5 } };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_ struct text bytes = TEXT_INIT;
                struct seen s;

                tar_put(&bytes,
                        &(struct tar_item){
                                .type = '5', .name = "d", .mtime = cases[i].field, .pax = cases[i].pax });
                read_one(&bytes, &s);
                assert_int_equal(s.entry.mtime, cases[i].expected);
        }
}

static void test_gnu_long_names(void **state)
{
        _cleanup_text_ struct text name = TEXT_INIT, link = TEXT_INIT, bytes = TEXT_INIT;
        struct seen s;

        (void) state;
        for (unsigned i = 0; i < 50; i++) {
                text_add(&name, "name\xff/");
                text_add(&link, "link/");
        }
        tar_put_special(&bytes, 'L', name.at, name.used + 1);
        tar_put_special(&bytes, 'K', link.at, link.used + 1);
        tar_put(&bytes, &(struct tar_item){ .type = '2', .name = "x", .link = "y" });
        read_one(&bytes, &s);
        assert_string_equal(s.path, name.at);
        assert_string_equal(s.link, link.at);
        assert_int_equal(s.n, 1);
}

static void test_sparse_files(void **state)
{
        static const char map10[512] = "2\n2\n3\n8\n1\n", *const map01 = "2,3,8,1";
        _cleanup_text_ struct text bytes = TEXT_INIT, body = TEXT_INIT, pax = TEXT_INIT;
        struct seen s;

        (void) state;
        text_add_bytes(&body, map10, sizeof(map10));
        text_add(&body, "abcd");
        tar_put(&bytes,
                &(struct tar_item){ .type = '0',
                                    .name = "GNUSparseFile.0/x",
                                    .content = body.at,
                                    .content_size = body.used,
                                    .pax = "GNU.sparse.major=1\nGNU.sparse.minor=0\nGNU.sparse.name=real\n"
                                           "GNU.sparse.realsize=12" });
        read_one(&bytes, &s);
        assert_string_equal(s.path, "real");
        assert_string_equal(s.content, "..abc...d...");
        assert_true(s.entry.sparse);
        text_done(&bytes);
        pax_put(&pax, "GNU.sparse.size", "12", 2);
        pax_put(&pax, "GNU.sparse.map", map01, strlen(map01));
        tar_put_special(&bytes, 'x', pax.at, pax.used);
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = "real", .content = "abcd" });
        read_one(&bytes, &s);
        assert_string_equal(s.content, "..abc...d...");
}

static void test_malformed_sparse_maps(void **state)
{
        static const char *const maps[] = { "1\n0\n100\n", "2\n4\n2\n2\n2\n",
                                            "1\n20\n1\n",  "1\n-1\n1\n",
                                            "x",           "99999999999999999999\n" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
                _cleanup_text_ struct text bytes = TEXT_INIT;
                _cleanup_tar_ struct tar *t = NULL;
                const struct tar_entry *entry;
                char body[516] = { 0 };
                struct err e = ERR_INIT;
                const void *data;
                uint64_t offset;
                size_t size;
                int r;

                memcpy(body, maps[i], strlen(maps[i]));
                memcpy(body + 512, "abcd", 4);
                tar_put(&bytes, &(struct tar_item){ .type = '0',
                                                    .name = "x",
                                                    .content = body,
                                                    .content_size = sizeof(body),
                                                    .pax = "GNU.sparse.major=1\nGNU.sparse.minor=0\n"
                                                           "GNU.sparse.realsize=12" });
                assert_int_equal(tar_open(&t, stream_of_bytes(bytes.at, bytes.used), "layer", 0, &e), 0);
                r = tar_next(t, &entry, &e);
                for (uint64_t end = 0; r > 0 && (r = tar_data(t, &data, &size, &offset, &e)) > 0;) {
                        assert_true(offset >= end && offset + size <= 12);
                        end = offset + size;
                }
                assert_true(r <= 0);
        }
}

static void test_odd_archives(void **state)
{
        _cleanup_text_ struct text bytes = TEXT_INIT;
        struct seen s;

        (void) state;
        text_add(&bytes, "");
        read_one(&bytes, &s);
        assert_int_equal(s.n, 0); /* no byte at all */
        tar_end(&bytes);
        read_one(&bytes, &s);
        assert_int_equal(s.n, 0);
        text_done(&bytes);
        tar_put_special(&bytes, 'g', "18 comment=global\n", 18);
        tar_put(&bytes, &(struct tar_item){ .type = '7', .name = "contiguous", .content = "x" });
        tar_put(&bytes,
                &(struct tar_item){ .type = 'Z', .name = "unknown: a file, says POSIX", .content = "y" });
        tar_end(&bytes);
        text_add(&bytes, "what stands behind the end does not matter");
        read_one(&bytes, &s);
        assert_int_equal(s.n, 2);
        assert_int_equal(s.entry.type, TAR_FILE);
        assert_string_equal(s.content, "y");
}

static void test_names_whatever_the_locale(void **state)
{
        static const char *const locales[] = { "C", "C.UTF-8", "C.utf8" };
        static const char name[] = "\xff pa\xc3\xa9 e\xcc\x81";

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(locales); i++) {
                _cleanup_text_ struct text bytes = TEXT_INIT, pax = TEXT_INIT;
                struct seen s;

                setlocale(LC_ALL, locales[i]);
                pax_put(&pax, "path", name, strlen(name));
                pax_put(&pax, "linkpath", name, strlen(name));
                pax_put(&pax, "uname", name, strlen(name));
                tar_put_special(&bytes, 'x', pax.at, pax.used);
                tar_put(&bytes, &(struct tar_item){ .type = '2', .name = "a", .link = "b" });
                read_one(&bytes, &s);
                assert_string_equal(s.path, name);
                assert_string_equal(s.link, name);
        }
        setlocale(LC_ALL, "C");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_bytes_that_are_no_tar),
                cmocka_unit_test(test_every_cut),
                cmocka_unit_test(test_bad_checksum),
                cmocka_unit_test(test_long_names_are_refused),
                cmocka_unit_test(test_large_attribute_is_refused),
                cmocka_unit_test(test_malformed_sparse_maps),
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_gnu_long_names),
                cmocka_unit_test(test_sparse_files),
                cmocka_unit_test(test_odd_archives),
                cmocka_unit_test(test_names_whatever_the_locale),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
