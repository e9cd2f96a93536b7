/* Which subordinate ids are taken (spec runtime.md, 1.3). */
#include "base/test.h"
#include "run/fakeroot.h"

static void check(const char *text, uint32_t first, uint32_t n)
{
        uint32_t got_first = 0, got_n = 0;

        assert_int_equal(fakeroot_range(text, "anna", 1000, &got_first, &got_n), n > 0);
        assert_int_equal(got_n, n);
        if (n)
                assert_int_equal(got_first, first);
}

static void test_ranges(void **state)
{
        (void) state;
        check("", 0, 0);
        check("anna:100000:65536\n", 100000, 65536);
        check("bert:100000:65536\nanna:165536:65536", 165536, 65536);
        check("1000:5000000:65536\n", 5000000, 65536);
        check("!anna:100000:65536\n", 0, 0);
        check("anna:100000:1000\n", 0, 0);
        check("anna:100000:200000\nanna:600000:65536\nanna:1000000:300000\n", 600000, 65536);
        check("anna:100000:200000\nanna:1000000:300000\n", 1000000, 300000);
        check("anna:100000\nanna\n:::\nanna:x:65536\nanna:100000:99999999999\n", 0, 0);
        check("annabel:100000:65536\nann:1:65536\n", 0, 0);
        check("anna:4294900000:66000\n", 4294900000, 66000);
        check("anna:4294900000:70000\n", 0, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_ranges) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
