#include "base/test.h"
#include "host/scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"

static void test_what_is_asked_for(void **state)
{
        _cleanup_free_ char *path = NULL;
        struct err e = ERR_INIT;
        char place[] = "/tmp/scratch_test.XXXXXX";

        (void) state;
        assert_non_null(mkdtemp(place));
        assert_int_equal(scratch_directory(place, &path, &e), 0);
        assert_string_equal(path, place);
        rmdir(place);
        assert_int_equal(scratch_directory(place, &path, &e), -ENOENT);
        assert_non_null(strstr(e.text, place));
        assert_non_null(strstr(e.hint, "APPTAINER_TMPDIR"));
}

static void test_the_variable_and_the_default(void **state)
{
        _cleanup_free_ char *by_variable = NULL, *by_default = NULL, *empty = NULL;

        (void) state;
        setenv("TMPDIR", "/tmp", 1);
        assert_int_equal(scratch_directory(NULL, &by_variable, NULL), 0);
        assert_string_equal(by_variable, "/tmp");
        unsetenv("TMPDIR");
        assert_int_equal(scratch_directory(NULL, &by_default, NULL), 0);
        assert_true(strcmp(by_default, "/tmp") == 0 || strcmp(by_default, "/var/tmp") == 0);
        assert_int_equal(scratch_directory("", &empty, NULL), 0);
        assert_string_equal(by_default, empty);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_asked_for),
                cmocka_unit_test(test_the_variable_and_the_default),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
