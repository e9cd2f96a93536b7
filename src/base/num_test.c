#include "base/test.h"

#include <errno.h>

#include "base/num.h"

static void test_refusals(void **state)
{
        static const char *const bad[] = { "", " 1", "-1", "+1", "1x", "0x", "99999999999999999999999" };
        uint64_t value = 7;

        (void) state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_true(num_u64(bad[i], 0, 0, UINT64_MAX, &value) < 0);
        assert_int_equal(num_u64("10", 10, 0, 9, &value), -ERANGE);
        assert_int_equal(value, 7);
}

static void test_values(void **state)
{
        uint64_t value;
        int64_t signed_value;
        bool flag = false;

        (void) state;
        assert_int_equal(num_u64("0x10", 0, 0, UINT64_MAX, &value), 0);
        assert_int_equal(value, 16);
        assert_int_equal(num_i64("-5", 10, -10, 10, &signed_value), 0);
        assert_int_equal(signed_value, -5);
        assert_int_equal(num_bool("True", &flag), 0);
        assert_true(flag);
        assert_int_equal(num_bool("yes", &flag), -EINVAL);
}

static void test_sizes(void **state)
{
        uint64_t value;

        (void) state;
        assert_int_equal(num_size("64k", &value), 0);
        assert_int_equal(value, 65536);
        assert_int_equal(num_size("2GiB", &value), 0);
        assert_int_equal(value, (uint64_t) 2 << 30);
        assert_int_equal(num_size("5", &value), 0);
        assert_int_equal(value, 5);
        assert_int_equal(num_size("5x", &value), -EINVAL);
        assert_int_equal(num_size("k", &value), -EINVAL);
        assert_int_equal(num_size("99999999999P", &value), -ERANGE);
}

static void test_checked(void **state)
{
        uint64_t value = 3;

        (void) state;
        assert_false(num_add(UINT64_MAX, 1, &value));
        assert_false(num_mul(UINT64_MAX, 2, &value));
        assert_false(num_align(UINT64_MAX, 4096, &value));
        assert_int_equal(value, 3);
        assert_true(num_align(4097, 4096, &value));
        assert_int_equal(value, 8192);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_refusals), cmocka_unit_test(test_values),
                                            cmocka_unit_test(test_sizes), cmocka_unit_test(test_checked) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
