#include "base/test.h"

#include <errno.h>
#include <string.h>

#include "base/clean.h"
#include "build/ownership.h"

struct owner_case {
        uint32_t uid, gid;
        const char *bytes;
        size_t size;
};

static const struct owner_case cases[] = {
        { 1000, 1001, "\x08\xe8\x07\x10\xe9\x07", 6 },
        { 0, 42, "\x08\xff\xff\xff\xff\x0f\x10\x2a", 8 },
        { 4294967294u, 1, "\x08\xfe\xff\xff\xff\x0f\x10\x01", 8 },
};

static void test_both_ways(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t bytes[OWNERSHIP_SIZE_MAX];
                uint32_t uid, gid;

                assert_int_equal(ownership_encode(cases[i].uid, cases[i].gid, bytes), cases[i].size);
                assert_memory_equal(bytes, cases[i].bytes, cases[i].size);
                assert_int_equal(ownership_decode(bytes, cases[i].size, &uid, &gid), 0);
                assert_int_equal(uid, cases[i].uid);
                assert_int_equal(gid, cases[i].gid);
        }
}

static void test_refused(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
        } broken[] = {
                { "\x08", 1 },
                { "\x08\xe8", 2 },
                { "\x18\x01", 2 },
                { "\x08\xff\xff\xff\xff\xff\x01", 7 },
                { "\x08\xff\xff\xff\xff\x1f", 6 },
                { "hello", 5 },
        };
        uint32_t uid, gid;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
                assert_int_equal(
                        ownership_decode((const uint8_t *) broken[i].bytes, broken[i].size, &uid, &gid),
                        -EBADMSG);
}

static void test_missing_field_is_root(void **state)
{
        uint32_t uid = 9, gid = 9;

        (void) state;
        assert_int_equal(ownership_decode((const uint8_t *) "\x10\x05", 2, &uid, &gid), 0);
        assert_int_equal(uid, 0);
        assert_int_equal(gid, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_both_ways),
                cmocka_unit_test(test_missing_field_is_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
