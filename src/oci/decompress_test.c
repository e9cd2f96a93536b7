#include "base/test.h"

#include <archive.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "base/clean.h"
#include "oci/decompress.h"
#include "oci/test_pack.h"

/* A stream that gives at most `step` bytes at a time, so that every state of a decompressor is left in the
 * middle. */
struct drip {
        struct stream stream;
        const struct text *from;
        size_t at, size, step;
};

static ssize_t drip_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct drip *d = (struct drip *) s;
        size_t n = d->size - d->at;

        (void) e;
        if (n > d->step)
                n = d->step;
        if (n > size)
                n = size;
        memcpy(buffer, d->from->at + d->at, n);
        d->at += n;
        return (ssize_t) n;
}

static void drip_free(struct stream *s)
{
        free(s);
}

static struct stream *drip_new(const struct text *from, size_t size, size_t step)
{
        static const struct stream_ops ops = { .read = drip_read, .free = drip_free };
        struct drip *d = text_alloc(sizeof(*d));

        *d = (struct drip){ .stream = { &ops }, .from = from, .size = size, .step = step };
        return &d->stream;
}

/* Decompresses the first `size` bytes of `from`, `step` in and `room` out at a time; 0 or the error. */
static int decompress(const struct text *from, size_t size, size_t step, size_t room, struct text *out,
                      struct err *e)
{
        _cleanup_free_ uint8_t *buffer = text_alloc(room);
        _cleanup_stream_ struct stream *s = NULL;
        int r = stream_decompress(&s, drip_new(from, size, step), "blob", e);
        ssize_t n;

        if (r < 0)
                return r;
        while ((n = stream_read(s, buffer, room, e)) > 0)
                if (out)
                        text_add_bytes(out, buffer, (size_t) n);
        return (int) n;
}

static const int filters[] = { ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ,
                               ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_NONE };

static void check_round_trip(int filter, const struct text *plain, size_t step, size_t room)
{
        _cleanup_text_ struct text packed = TEXT_INIT, found = TEXT_INIT;
        struct err e = ERR_INIT;

        pack_bytes(filter, plain->at, plain->used, &packed);
        if (decompress(&packed, packed.used, step, room, &found, &e) < 0)
                fail_msg("filter %d, %zu bytes, step %zu, room %zu: %s", filter, plain->used, step, room,
                         e.text);
        if (found.used != plain->used || memcmp(text_get(&found), text_get(plain), found.used) != 0)
                fail_msg("filter %d, %zu bytes, step %zu, room %zu: differs", filter, plain->used, step,
                         room);
}

static void test_round_trips(void **state)
{
        static const size_t sizes[] = { 1, 511, 512, 513, 4096, 70000, 400000 };
        static const size_t steps[] = { 1, 3, 1000, 1 << 20 }, rooms[] = { 1, 100, 65536, 1 << 19 };

        (void) state;
        for (size_t f = 0; f < ARRAY_SIZE(filters); f++) {
                for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                        _cleanup_text_ struct text plain = TEXT_INIT;

                        pack_sample(sizes[i], (unsigned) i, &plain);
                        for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
                                check_round_trip(filters[f], &plain, steps[k],
                                                 rooms[(k + i) % ARRAY_SIZE(rooms)]);
                }
        }
}

static void test_nothing_is_plain(void **state)
{
        _cleanup_text_ struct text empty = TEXT_INIT, found = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        text_add(&empty, "");
        assert_int_equal(decompress(&empty, 0, 1, 10, &found, &e), 0);
        assert_int_equal(found.used, 0);
}

/* Cut anywhere, a compressed stream is an error; never a short result. */
static void test_every_cut_is_an_error(void **state)
{
        static const size_t magic_sizes[] = { 2, 4, 6, 3 };

        (void) state;
        for (size_t f = 0; f < 4; f++) {
                _cleanup_text_ struct text plain = TEXT_INIT, packed = TEXT_INIT;

                pack_sample(3000, 7, &plain);
                pack_bytes(filters[f], plain.at, plain.used, &packed);
                for (size_t size = magic_sizes[f]; size < packed.used; size += size < 40 ? 1 : 13) {
                        struct err e = ERR_INIT;

                        if (decompress(&packed, size, 4096, 4096, NULL, &e) != -EBADMSG)
                                fail_msg("filter %d cut at %zu of %zu: no error", filters[f], size,
                                         packed.used);
                        assert_non_null(strstr(e.text, "blob"));
                }
                for (size_t less = 1; less <= 12; less++) {
                        struct err e = ERR_INIT;

                        if (decompress(&packed, packed.used - less, 4096, 4096, NULL, &e) != -EBADMSG)
                                fail_msg("filter %d without its last %zu bytes: no error", filters[f], less);
                }
        }
}

static void test_damage_is_an_error(void **state)
{
        _cleanup_text_ struct text plain = TEXT_INIT, packed = TEXT_INIT;

        (void) state;
        pack_sample(5000, 3, &plain);
        pack_bytes(ARCHIVE_FILTER_GZIP, plain.at, plain.used, &packed);
        for (size_t i = 10; i < packed.used; i += 3) {
                _cleanup_text_ struct text found = TEXT_INIT;
                struct err e = ERR_INIT;

                packed.at[i] ^= 0x10;
                /* A match may come to lie on other bytes of the same content; that is no damage. */
                if (decompress(&packed, packed.used, 4096, 4096, &found, &e) != -EBADMSG &&
                    (found.used != plain.used || memcmp(found.at, plain.at, plain.used) != 0))
                        fail_msg("gzip with byte %zu of %zu changed: no error", i, packed.used);
                packed.at[i] ^= 0x10;
        }
}

static void test_gzip_members(void **state)
{
        _cleanup_text_ struct text plain = TEXT_INIT, packed = TEXT_INIT;

        (void) state;
        for (unsigned i = 0; i < 5; i++) {
                _cleanup_text_ struct text part = TEXT_INIT;

                pack_sample(i == 2 ? 0 : 100 + i * 3000, i, &part); /* one of them is empty */
                text_add_bytes(&plain, text_get(&part), part.used);
                pack_bytes(ARCHIVE_FILTER_GZIP, text_get(&part), part.used, &packed);
        }
        for (size_t step = 1; step < 9000; step = step * 3 + 1) {
                _cleanup_text_ struct text found = TEXT_INIT;
                struct err e = ERR_INIT;

                if (decompress(&packed, packed.used, step, 1000, &found, &e) < 0)
                        fail_msg("members, step %zu: %s", step, e.text);
                assert_int_equal(found.used, plain.used);
                assert_memory_equal(found.at, plain.at, plain.used);
        }
}

static void test_what_stands_behind_gzip_is_ignored(void **state)
{
        static const char zeros[2000], words[] = "some words";
        _cleanup_text_ struct text packed = TEXT_INIT, found = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        pack_bytes(ARCHIVE_FILTER_GZIP, "inside", 6, &packed);
        text_add_bytes(&packed, zeros, sizeof(zeros));
        text_add_bytes(&packed, words, sizeof(words));
        assert_int_equal(decompress(&packed, packed.used, 100, 100, &found, &e), 0);
        assert_string_equal(text_get(&found), "inside");
        /* what starts as a member is one */
        text_add_bytes(&packed, "\x1f\x8b", 2);
        text_done(&found);
        assert_int_equal(decompress(&packed, packed.used, 100, 100, &found, &e), 0);
        text_done(&packed);
        pack_bytes(ARCHIVE_FILTER_GZIP, "inside", 6, &packed);
        text_add_bytes(&packed, "\x1f\x8b\x08", 3);
        assert_int_equal(decompress(&packed, packed.used, 100, 100, NULL, &e), -EBADMSG);
}

static void test_zstd_frames(void **state)
{
        _cleanup_text_ struct text packed = TEXT_INIT, found = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        text_add_bytes(&packed, "\x5f\x2a\x4d\x18\x03\0\0\0xyz", 11); /* a skippable frame first */
        pack_bytes(ARCHIVE_FILTER_ZSTD, "one", 3, &packed);
        text_add_bytes(&packed, "\x50\x2a\x4d\x18\x01\0\0\0x", 9);
        pack_bytes(ARCHIVE_FILTER_ZSTD, "two", 3, &packed);
        assert_int_equal(decompress(&packed, packed.used, 1, 100, &found, &e), 0);
        assert_string_equal(text_get(&found), "onetwo");
        assert_int_equal(decompress(&packed, packed.used - 1, 100, 100, NULL, &e), -EBADMSG);
}

static void test_huge_zstd_window_is_refused(void **state)
{
        ZSTD_CCtx *c = ZSTD_createCCtx();
        _cleanup_text_ struct text packed = TEXT_INIT;
        char buffer[1024];
        struct err e = ERR_INIT;
        ZSTD_inBuffer in = { "abc", 3, 0 };
        ZSTD_outBuffer out = { buffer, sizeof(buffer), 0 };

        (void) state;
        ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, DECOMPRESS_ZSTD_WINDOW_LOG_MAX + 1);
        ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
        ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue);
        ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush);
        ZSTD_compressStream2(c, &out, &in, ZSTD_e_end);
        ZSTD_freeCCtx(c);
        text_add_bytes(&packed, buffer, out.pos);
        assert_int_equal(decompress(&packed, packed.used, 100, 100, NULL, &e), -EBADMSG);
        assert_non_null(strstr(e.text, "memory"));
}

/* A member of 8 MiB of zeros, over and over. */
static void test_bombs_end(void **state)
{
        (void) state;
        for (size_t f = 0; f < 2; f++) {
                _cleanup_text_ struct text one = TEXT_INIT, bomb = TEXT_INIT;
                _cleanup_free_ void *plain = text_alloc(8 << 20);
                struct err e = ERR_INIT;

                pack_bytes(filters[f], plain, 8 << 20, &one);
                for (unsigned i = 0; i < 140; i++)
                        text_add_bytes(&bomb, one.at, one.used);
                assert_int_equal(decompress(&bomb, bomb.used, 1 << 18, 1 << 19, NULL, &e), -E2BIG);
                assert_non_null(strstr(e.text, "200 times"));
                /* below the threshold it is left in peace */
                err_clear(&e);
                assert_int_equal(decompress(&bomb, one.used * 100, 1 << 18, 1 << 19, NULL, &e), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_cut_is_an_error),
                cmocka_unit_test(test_damage_is_an_error),
                cmocka_unit_test(test_huge_zstd_window_is_refused),
                cmocka_unit_test(test_bombs_end),
                cmocka_unit_test(test_nothing_is_plain),
                cmocka_unit_test(test_round_trips),
                cmocka_unit_test(test_gzip_members),
                cmocka_unit_test(test_what_stands_behind_gzip_is_ignored),
                cmocka_unit_test(test_zstd_frames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
