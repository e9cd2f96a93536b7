#include "base/test.h"

#include <string.h>

#include "base/clean.h"
#include "image/squashfs_options.h"

static void test_refusals(void **state)
{
        static const struct {
                const char *words;
                int code;
                const char *told; /* part of the message */
        } cases[] = {
                { "-comp", -EINVAL, "-comp needs a value" },
                { "-comp brotli", -EINVAL, "brotli" },
                { "-comp ''", -EINVAL, "''" },
                { "-b 5000", -EINVAL, "power of two" },
                { "-b 2K", -EINVAL, "power of two" },
                { "-b 2M", -EINVAL, "power of two" },
                { "-b 0", -EINVAL, "power of two" },
                { "-b -4096", -EINVAL, "power of two" },
                { "-Xcompression-level 0", -EINVAL, "not a level" },
                { "-Xcompression-level 23", -EINVAL, "not a level" },
                { "-Xcompression-level x", -EINVAL, "not a level" },
                { "-comp gzip -Xcompression-level 10", -EINVAL, "gzip has levels 1 to 9" },
                { "-Xcompression-level 10 -comp gzip", -EINVAL, "gzip has levels 1 to 9" },
                { "-comp xz -Xcompression-level 9", -EINVAL, "xz has no" },
                { "-Xhc", -EINVAL, "lz4" },
                { "-processors 0", -EINVAL, "-processors" },
                { "-processors 1.5", -EINVAL, "-processors" },
                { "-mem 0", -EINVAL, "-mem" },
                { "-mem 10%", -EINVAL, "-mem" },
                { "-comp xz -Xbcj x86", -ENOTSUP, "-Xbcj" },
                { "-e usr", -ENOTSUP, "-e" },
                { "-sort file", -ENOTSUP, "-sort" },
                { "-nonsense", -EINVAL, "unknown option \"-nonsense\"" },
                { "gzip", -EINVAL, "unknown option \"gzip\"" },
                { "-noi", -EINVAL, "unknown option" },
                { "\x1b[2J", -EINVAL, "unknown option \"\\x1b[2J\"" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct squashfs_options o = SQUASHFS_OPTIONS_INIT, before = o;
                struct err e = ERR_INIT;

                assert_int_equal(squashfs_options_parse(&o, cases[i].words, &e), cases[i].code);
                if (!strstr(e.text, cases[i].told))
                        fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].words, e.text, cases[i].told);
                assert_memory_equal(&o, &before, sizeof(o));
        }
}

static void test_values(void **state)
{
        static const struct {
                const char *words;
                struct squashfs_options expected;
        } cases[] = {
#define WITH(kind, size, ...) { .compressor = SQUASHFS_##kind, .block_size = (size), __VA_ARGS__ }
                { "", WITH(ZSTD, 131072) },
                { "  \t\n ", WITH(ZSTD, 131072) },
                { "-comp zstd -Xcompression-level 19", WITH(ZSTD, 131072, .level = 19) },
                { "-Xcompression-level 5 -comp gzip", WITH(GZIP, 131072, .level = 5) },
                { "-comp lz4 -Xhc", WITH(LZ4, 131072, .level = 1) },
                { "-comp lzo", WITH(LZO, 131072) },
                { "-comp xz -b 1M", WITH(XZ, 1u << 20) },
                { "-b 4096", WITH(ZSTD, 4096) },
                { "-b 256k  -processors 3 -mem 2G",
                  WITH(ZSTD, 262144, .n_threads = 3, .memory_bytes = (uint64_t) 2 << 30) },
                { "-no-fragments -no-xattrs -no-duplicates -all-root",
                  WITH(ZSTD, 131072, .no_fragments = true, .no_xattrs = true, .no_duplicates = true,
                       .all_root = true) },
                { "-noI -noD", WITH(ZSTD, 131072, .no_compress_inodes = true, .no_compress_ids = true,
                                    .no_compress_data = true) },
                { "-noFragmentCompression -noXattrCompression -noIdTableCompression",
                  WITH(ZSTD, 131072, .no_compress_fragments = true, .no_compress_xattrs = true,
                       .no_compress_ids = true) },
                { "-no-compression",
                  WITH(ZSTD, 131072, .no_compress_fragments = true, .no_compress_xattrs = true,
                       .no_compress_ids = true, .no_compress_inodes = true, .no_compress_data = true) },
                { "-noappend -quiet -no-progress -exports -xattrs", WITH(ZSTD, 131072) },
#undef WITH
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
                struct err e = ERR_INIT;

                if (squashfs_options_parse(&o, cases[i].words, &e) != 0)
                        fail_msg("%s: %s", cases[i].words, e.text);
                assert_int_equal(o.compressor, cases[i].expected.compressor);
                assert_int_equal(o.level, cases[i].expected.level);
                assert_int_equal(o.block_size, cases[i].expected.block_size);
                assert_int_equal(o.n_threads, cases[i].expected.n_threads);
                assert_int_equal(o.memory_bytes, cases[i].expected.memory_bytes);
                assert_memory_equal(&o.no_fragments, &cases[i].expected.no_fragments,
                                    offsetof(struct squashfs_options, has_mtime) -
                                            offsetof(struct squashfs_options, no_fragments));
        }
}

/* A level set before belongs to the compressor set before. */
static void test_compressor_resets_level(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;

        (void) state;
        o.level = 22;
        assert_int_equal(squashfs_options_parse(&o, "-comp gzip", NULL), 0);
        assert_int_equal(o.level, 0);
}

static void test_names(void **state)
{
        (void) state;
        assert_string_equal(squashfs_compressor_name(SQUASHFS_GZIP), "gzip");
        assert_string_equal(squashfs_compressor_name(SQUASHFS_ZSTD), "zstd");
        assert_string_equal(squashfs_compressor_name(0), "unknown");
        assert_string_equal(squashfs_compressor_name(7), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_compressor_resets_level),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
