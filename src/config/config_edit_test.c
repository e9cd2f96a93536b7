#include "base/test.h"
#include "config/config_edit.h"

#include <string.h>

#include "base/clean.h"

static const char before[] = "# a comment\n"
                             "mount tmp = yes\n"
                             "bind path = /a\n"
                             "# between\n"
                             "bind path = /b, /c\n"
                             "limit container owners =\n"
                             "allow setuid = no\n"
                             "no setting";

static void check_change(enum config_edit edit, const char *directive, const char *value,
                         const char *expected)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        struct err e = ERR_INIT;

        if (config_change(before, strlen(before), edit, directive, value, &out, &e) < 0)
                fail_msg("%s: %s", directive, e.text);
        assert_string_equal(text_get(&out), expected);
}

#define HEAD   "# a comment\n"
#define TMP    "mount tmp = yes\n"
#define A      "bind path = /a\n"
#define BC     "# between\nbind path = /b, /c\n"
#define OWNERS "limit container owners =\n"
#define TAIL   "allow setuid = no\nno setting\n"

static void test_changes(void **state)
{
        (void) state;
        check_change(CONFIG_SET, "mount tmp", "no", HEAD "mount tmp = no\n" A BC OWNERS TAIL);
        check_change(CONFIG_SET, "image linger", "60,70", HEAD TMP A BC OWNERS TAIL "image linger = 60\n");
        check_change(CONFIG_SET, "bind path", "/b,/new:/there",
                     HEAD TMP "bind path = /new:/there\n" A BC OWNERS TAIL);
        check_change(CONFIG_SET, "limit container owners", "x,y",
                     HEAD TMP A BC "limit container owners = x\nlimit container owners = y\n" TAIL);
        check_change(CONFIG_UNSET, "bind path", "/a", HEAD TMP BC OWNERS TAIL);
        check_change(CONFIG_UNSET, "bind path", "/c,/a", HEAD TMP "# between\nbind path = /b\n" OWNERS TAIL);
        check_change(CONFIG_UNSET, "mount tmp", "yes", HEAD A BC OWNERS TAIL);
        check_change(CONFIG_RESET, "bind path", NULL, HEAD TMP "# between\n" OWNERS TAIL);
        check_change(CONFIG_RESET, "mount home", NULL, HEAD TMP A BC OWNERS TAIL);
}

static void check_refused(enum config_edit edit, const char *directive, const char *value,
                          const char *message)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        struct err e = ERR_INIT;

        assert_true(config_change(before, strlen(before), edit, directive, value, &out, &e) < 0);
        if (!strstr(e.text, message))
                fail_msg("%s", e.text);
}

static void test_refused(void **state)
{
        (void) state;
        check_refused(CONFIG_SET, "nope", "x", "\"nope\" is not a valid configuration directive");
        check_refused(CONFIG_SET, "mount tmp", "maybe", "configuration directive invalid");
        check_refused(CONFIG_SET, "max loop devices", "abc", "configuration directive invalid");
        check_refused(CONFIG_SET, "mount tmp", NULL, "you must specify a value for directive \"mount tmp\"");
        check_refused(CONFIG_SET, "bind path", ",", "you must specify a value");
        check_refused(CONFIG_UNSET, "bind path", "/a,/z", "value '/z' not found for directive \"bind path\"");
        check_refused(CONFIG_UNSET, "mount tmp", "no", "value 'no' not found");
}

static void check_get(const char *text, const char *directive, const char *expected)
{
        _cleanup_text_ struct text out = TEXT_INIT;

        assert_int_equal(config_get(text, text ? strlen(text) : 0, directive, &out, NULL), 0);
        assert_string_equal(text_get(&out), expected);
}

static void test_values(void **state)
{
        _cleanup_text_ struct text out = TEXT_INIT;

        (void) state;
        check_get(before, "mount tmp", "yes");
        check_get(before, "bind path", "/a,/b,/c");
        check_get(before, "limit container owners", "");
        check_get(before, "image linger", "10");
        check_get(before, "mount dev", "yes");
        check_get(before, "memory fs type", "tmpfs");
        check_get(before, "allow setuid", "no");
        check_get(before, "allow net users", "");
        check_get(NULL, "bind path", "/etc/localtime,/etc/hosts");
        assert_int_equal(config_get(before, strlen(before), "nope", &out, NULL), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
