#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/path.h"

static void test_clean(void **state)
{
        static const char *const cases[][2] = {
                { "", "." },
                { "/", "/" },
                { "//a//b/", "/a/b" },
                { "/a/../../b", "/b" },
                { "../a/./b", "../a/b" },
                { "a/..", "." },
                { "a/../../b", "../b" },
                { "/..", "/" },
                { "./x", "x" },
                { "...", "..." },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *clean = path_clean(cases[i][0]);

                assert_string_equal(clean, cases[i][1]);
        }
}

static void test_within(void **state)
{
        (void) state;
        assert_true(path_within("/a/b", "/a"));
        assert_true(path_within("/a", "/a"));
        assert_true(path_within("/a", "/"));
        assert_false(path_within("/ab", "/a"));
        assert_false(path_within("/", "/a"));
}

static void test_parts(void **state)
{
        _cleanup_free_ char *top = path_dir("/a"), *none = path_dir("a"), *deep = path_dir("/a/b/c");

        (void) state;
        assert_string_equal(top, "/");
        assert_string_equal(none, ".");
        assert_string_equal(deep, "/a/b");
        assert_string_equal(path_base("/a/b"), "b");
        assert_string_equal(path_base("/"), "/");
        assert_int_equal(path_depth("/a/b"), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_clean), cmocka_unit_test(test_within),
                                            cmocka_unit_test(test_parts) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
