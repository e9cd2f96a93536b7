#include "base/test.h"

#include <string.h>
#include <sys/mman.h>

#include "base/clean.h"
#include "oci/ahead.h"
#include "oci/stream.h"
#include "oci/test_pack.h"

/* A stream of `left` bytes "x" that fails in the end when `code` says so. */
struct failing {
        struct stream stream;
        size_t left;
        int code;
};

static ssize_t failing_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct failing *f = (struct failing *) s;

        if (f->left == 0)
                return f->code < 0 ? err_set(e, f->code, "broken stream") : 0;
        if (size > f->left)
                size = f->left;
        memset(buffer, 'x', size);
        f->left -= size;
        return (ssize_t) size;
}

static void failing_free(struct stream *s)
{
        free(s);
}

static struct stream *failing_new(size_t size, int code)
{
        static const struct stream_ops ops = { .read = failing_read, .free = failing_free };
        struct failing *f = text_alloc(sizeof(*f));

        *f = (struct failing){ .stream = { &ops }, .left = size, .code = code };
        return &f->stream;
}

static void test_files(void **state)
{
        int fd = memfd_create("test", MFD_CLOEXEC);
        struct stream *s;
        uint8_t buffer[10];
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(write(fd, "0123456789", 10), 10);
        s = stream_of_file(fd, 8, 5, "file");
        assert_int_equal(stream_read(s, buffer, 10, &e), 2);
        assert_int_equal(stream_read(s, buffer, 10, &e), -EBADMSG);
        assert_non_null(strstr(e.text, "file is cut short: 3 bytes"));
        stream_free(s);
        s = stream_of_file(fd, 1, 8, "file");
        assert_int_equal(stream_skip(s, 3, &e), 0);
        assert_int_equal(stream_read_full(s, buffer, 10, &e), 5);
        assert_memory_equal(buffer, "45678", 5);
        assert_int_equal(stream_skip(s, 1, &e), -EBADMSG);
        stream_free(s);
        close(fd);
}

static void test_verify(void **state)
{
        static const struct {
                const char *bytes;
                const char *of; /* whose digest is expected */
                uint64_t size;
                const char *error;
        } cases[] = {
                { "abc", "abd", 3, "is damaged: its digest is sha256:ba7816bf" },
                { "abc", "abc", 4, "has 3 bytes, 4 were announced" },
                { "abc", "abc", 2, "has 3 bytes, 2 were announced" },
                { "", "a", STREAM_SIZE_UNKNOWN, "is damaged" },
                { "abc", "abc", 3, NULL },
                { "abc", "abc", STREAM_SIZE_UNKNOWN, NULL },
                { "", "", 0, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t digest[DIGEST_SIZE];
                struct err e = ERR_INIT;
                struct stream *s;
                int r;

                digest_of(cases[i].of, strlen(cases[i].of), digest);
                s = stream_verify(stream_of_bytes(cases[i].bytes, strlen(cases[i].bytes)), digest,
                                  cases[i].size, "blob");
                r = stream_drain(s, &e);
                stream_free(s);
                assert_int_equal(r, cases[i].error ? -EBADMSG : 0);
                if (cases[i].error)
                        assert_non_null(strstr(e.text, cases[i].error));
        }
}

static void note_end(uint64_t n_read, void *user)
{
        *(uint64_t *) user += n_read;
}

static void test_parts(void **state)
{
        _cleanup_stream_ struct stream *whole = stream_of_bytes("abcdefgh", 8);
        uint64_t at = 0;
        uint8_t buffer[8];
        struct err e = ERR_INIT;
        struct stream *part = stream_part(whole, 3, note_end, &at);

        (void) state;
        assert_int_equal(stream_read_full(part, buffer, 8, &e), 3);
        stream_free(part);
        assert_int_equal(at, 3);
        part = stream_part(whole, 9, note_end, &at);
        assert_int_equal(stream_read_full(part, buffer, 5, &e), 5);
        assert_memory_equal(buffer, "defgh", 5);
        assert_int_equal(stream_read(part, buffer, 8, &e), -EBADMSG);
        stream_free(part);
        assert_int_equal(at, 8);
}

static void check_ahead(bool threaded, size_t size, int code)
{
        struct ahead *a = ahead_new(failing_new(size, code), threaded);
        const uint8_t *bytes;
        struct err e = ERR_INIT;
        size_t found = 0;
        ssize_t n;

        while ((n = ahead_next(a, &bytes, &e)) > 0) {
                assert_int_equal(bytes[0], 'x');
                assert_int_equal(bytes[n - 1], 'x');
                found += (size_t) n;
        }
        assert_int_equal(n, code);
        assert_int_equal(e.code, code);
        if (code == 0)
                assert_int_equal(found, size);
        assert_int_equal(ahead_next(a, &bytes, &e), 0); /* it stays at the end */
        ahead_free(a);
}

static void test_ahead(void **state)
{
        static const size_t sizes[] = { 0, 1, AHEAD_BLOCK_SIZE, 3 * AHEAD_BLOCK_SIZE + 1,
                                        20 * AHEAD_BLOCK_SIZE };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                check_ahead(true, sizes[i], 0);
                check_ahead(false, sizes[i], 0);
                check_ahead(true, sizes[i], -EIO);
                check_ahead(false, sizes[i], -EIO);
        }
}

static void test_ahead_can_be_left(void **state)
{
        (void) state;
        for (unsigned n = 0; n < 6; n++) {
                struct ahead *a = ahead_new(failing_new(100 * AHEAD_BLOCK_SIZE, 0), true);
                const uint8_t *bytes;
                struct err e = ERR_INIT;

                for (unsigned i = 0; i < n; i++)
                        assert_true(ahead_next(a, &bytes, &e) > 0);
                ahead_free(a);
        }
}

static void test_ahead_as_a_stream(void **state)
{
        _cleanup_text_ struct text plain = TEXT_INIT, found = TEXT_INIT;
        uint8_t buffer[70001];
        struct err e = ERR_INIT;
        struct stream *s;
        ssize_t n;

        (void) state;
        pack_sample(2000000, 1, &plain);
        s = stream_ahead(stream_of_bytes(plain.at, plain.used));
        while ((n = stream_read(s, buffer, sizeof(buffer), &e)) > 0)
                text_add_bytes(&found, buffer, (size_t) n);
        stream_free(s);
        assert_int_equal(n, 0);
        assert_int_equal(found.used, plain.used);
        assert_memory_equal(found.at, plain.at, plain.used);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_verify),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_ahead),
                cmocka_unit_test(test_ahead_can_be_left),
                cmocka_unit_test(test_ahead_as_a_stream),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
