#include "base/test.h"

#include <string.h>

#include <sqfs/error.h>
#include <sqfs/io.h>

#include "base/clean.h"
#include "base/text.h"
#include "image/squashfs_compressor.h"

#define BLOCK 131072

static const unsigned kinds[] = { SQUASHFS_GZIP, SQUASHFS_LZMA, SQUASHFS_XZ, SQUASHFS_LZ4, SQUASHFS_ZSTD };

static void clean_object(void *pointer)
{
        sqfs_destroy(*(void **) pointer);
}

static void test_refusals(void **state)
{
        static const struct {
                unsigned kind;
                int level, code;
        } cases[] = {
                { 0, 0, -ENOTSUP },
                { 7, 0, -ENOTSUP },
                { SQUASHFS_LZO, 0, -ENOTSUP },
                { SQUASHFS_GZIP, 10, -ERANGE },
                { SQUASHFS_GZIP, -1, -ERANGE },
                { SQUASHFS_ZSTD, 23, -ERANGE },
                { SQUASHFS_LZ4, 2, -ERANGE },
                { SQUASHFS_XZ, 10, -ERANGE },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                sqfs_compressor_t *c = NULL;
                struct err e = ERR_INIT;

                assert_int_equal(squashfs_compressor_new(&c, cases[i].kind, cases[i].level, BLOCK, false, &e),
                                 cases[i].code);
                assert_null(c);
                assert_true(e.text[0] != '\0');
        }
}

static void fill(uint8_t *bytes, size_t size, bool compressible)
{
        uint32_t x = 1;

        for (size_t i = 0; i < size; i++) {
                x = x * 1664525u + 1013904223u;
                bytes[i] = compressible && i / 64 % 8 ? (uint8_t) (i % 64) : (uint8_t) (x >> 24);
        }
}

static void check_round_trip(unsigned kind, sqfs_compressor_t *compress, sqfs_compressor_t *uncompress,
                             size_t size)
{
        _cleanup_free_ uint8_t *in = text_alloc(BLOCK), *packed = text_alloc(BLOCK), *out = text_alloc(BLOCK);
        sqfs_s32 n;

        fill(in, size, true);
        n = compress->do_block(compress, in, (sqfs_u32) size, packed, BLOCK);
        assert_true(n > 0 && (size_t) n < size);
        assert_int_equal(uncompress->do_block(uncompress, packed, (sqfs_u32) n, out, BLOCK), size);
        assert_memory_equal(in, out, size);

        /* Broken: an error or other bytes, never more than there is room for. */
        for (sqfs_s32 i = 0; i < n; i += 1 + n / 50) {
                packed[i] = (uint8_t) ~packed[i];
                assert_true(uncompress->do_block(uncompress, packed, (sqfs_u32) n, out, BLOCK) <= BLOCK);
                packed[i] = (uint8_t) ~packed[i];
        }
        assert_true(uncompress->do_block(uncompress, packed, (sqfs_u32) n / 2, out, BLOCK) <= 0 ||
                    kind == SQUASHFS_LZMA);
        assert_true(uncompress->do_block(uncompress, packed, (sqfs_u32) n, out, (sqfs_u32) size / 2) <= 0);

        fill(in, size, false);
        assert_int_equal(compress->do_block(compress, in, (sqfs_u32) size, packed, (sqfs_u32) size), 0);
}

static void test_round_trip(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_(clean_object) sqfs_compressor_t *compress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *uncompress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *other_compress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *other_uncompress = NULL;
                sqfs_compressor_config_t config;

                assert_int_equal(squashfs_compressor_new(&compress, kinds[i], 0, BLOCK, false, NULL), 0);
                assert_int_equal(squashfs_compressor_new(&uncompress, kinds[i], 0, BLOCK, true, NULL), 0);
                check_round_trip(kinds[i], compress, uncompress, BLOCK);
                check_round_trip(kinds[i], compress, uncompress, 8192);
                other_compress = sqfs_copy(compress);
                other_uncompress = sqfs_copy(uncompress);
                assert_non_null(other_compress);
                assert_non_null(other_uncompress);
                check_round_trip(kinds[i], other_compress, other_uncompress, BLOCK / 2);
                uncompress->get_configuration(uncompress, &config);
                assert_int_equal(config.id, kinds[i]);
                assert_int_equal(config.flags & SQFS_COMP_FLAG_UNCOMPRESS, SQFS_COMP_FLAG_UNCOMPRESS);
        }
}

/* Ours and libsquashfs's read each other's blocks. */
static void test_against_library(void **state)
{
        static const unsigned ours[] = { SQUASHFS_GZIP, SQUASHFS_ZSTD };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
                _cleanup_(clean_object) sqfs_compressor_t *compress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *uncompress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *library_compress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *library_uncompress = NULL;
                sqfs_compressor_config_t config;

                assert_int_equal(squashfs_compressor_new(&compress, ours[i], 0, BLOCK, false, NULL), 0);
                assert_int_equal(squashfs_compressor_new(&uncompress, ours[i], 0, BLOCK, true, NULL), 0);
                sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR) ours[i], BLOCK, 0);
                assert_int_equal(sqfs_compressor_create(&config, &library_compress), 0);
                config.flags = SQFS_COMP_FLAG_UNCOMPRESS;
                assert_int_equal(sqfs_compressor_create(&config, &library_uncompress), 0);
                check_round_trip(ours[i], compress, library_uncompress, BLOCK);
                check_round_trip(ours[i], library_compress, uncompress, BLOCK);
        }
}

/* --- options on disk ---------------------------------------------------------------------------------- */

struct memory_file {
        sqfs_file_t base;
        uint8_t bytes[256];
        size_t size;
};

static int memory_write(sqfs_file_t *file, sqfs_u64 offset, const void *bytes, size_t size)
{
        struct memory_file *f = (struct memory_file *) file;

        memcpy(f->bytes + offset, bytes, size);
        f->size = offset + size;
        return 0;
}

static int memory_read(sqfs_file_t *file, sqfs_u64 offset, void *bytes, size_t size)
{
        struct memory_file *f = (struct memory_file *) file;

        if (offset + size > f->size)
                return SQFS_ERROR_OUT_OF_BOUNDS;
        memcpy(bytes, f->bytes + offset, size);
        return 0;
}

static void test_options_on_disk(void **state)
{
        static const struct {
                unsigned kind;
                int level;
                size_t size;
                const char *bytes;
        } cases[] = {
                { SQUASHFS_GZIP, 0, 0, "" },
                { SQUASHFS_GZIP, 9, 0, "" },
                { SQUASHFS_GZIP, 1, 10, "\x08\x80\x01\x00\x00\x00\x0f\x00\x00\x00" },
                { SQUASHFS_ZSTD, 0, 6, "\x04\x80\x03\x00\x00\x00" },
                { SQUASHFS_ZSTD, 15, 0, "" },
                { SQUASHFS_ZSTD, 22, 6, "\x04\x80\x16\x00\x00\x00" },
                { SQUASHFS_LZ4, 1, 10, "\x08\x80\x01\x00\x00\x00\x01\x00\x00\x00" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(clean_object) sqfs_compressor_t *compress = NULL;
                _cleanup_(clean_object) sqfs_compressor_t *library = NULL;
                struct memory_file file = { .base = { .write_at = memory_write, .read_at = memory_read } };
                sqfs_compressor_config_t config;

                assert_int_equal(
                        squashfs_compressor_new(&compress, cases[i].kind, cases[i].level, BLOCK, false, NULL),
                        0);
                assert_int_equal(compress->write_options(compress, &file.base), cases[i].size);
                assert_memory_equal(file.bytes + sizeof(sqfs_super_t), cases[i].bytes, cases[i].size);
                if (cases[i].size == 0)
                        continue;
                sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR) cases[i].kind, BLOCK, 0);
                assert_int_equal(sqfs_compressor_create(&config, &library), 0);
                assert_int_equal(library->read_options(library, &file.base), 0);
        }
}

static void test_errors(void **state)
{
        const char *message = NULL;

        (void) state;
        assert_int_equal(squashfs_error(SQFS_ERROR_CORRUPTED, &message), -EBADMSG);
        assert_non_null(message);
        assert_int_equal(squashfs_error(-1000, &message), -EIO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),        cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_against_library), cmocka_unit_test(test_options_on_disk),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
