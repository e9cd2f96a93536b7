#include "base/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void test_refusals(void **state)
{
        struct err e = ERR_INIT;
        size_t size = JSON_SIZE_MAX + 1;
        char *big = calloc(1, size), deep[20001];

        (void) state;
        assert_null(json_parse("{", 1, "x", &e));
        assert_int_equal(e.code, -EBADMSG);
        memset(big, ' ', size);
        assert_null(json_parse(big, size, "x", &e));
        assert_int_equal(e.code, -E2BIG);
        free(big);
        memset(deep, '[', 10000);
        memset(deep + 10000, ']', 10000);
        assert_null(json_parse(deep, 20000, "x", &e));
        assert_int_equal(e.code, -E2BIG);
}

static void test_write(void **state)
{
        struct err e = ERR_INIT;
        static const char source[] = "{\"b\":[1,\"<a&b>\\u2028\\n\"],\"a\":{}}";
        json_t *value = json_parse(source, strlen(source), "x", &e);
        struct text t = TEXT_INIT;

        (void) state;
        assert_non_null(value);
        json_write(value, NULL, true, &t);
        assert_string_equal(t.at, "{\"a\":{},\"b\":[1,\"\\u003ca\\u0026b\\u003e\\u2028\\n\"]}");
        text_done(&t);
        json_write(value, "\t", true, &t);
        assert_string_equal(
                t.at,
                "{\n\t\"a\": {},\n\t\"b\": [\n\t\t1,\n\t\t\"\\u003ca\\u0026b\\u003e\\u2028\\n\"\n\t]\n}");
        text_done(&t);
        json_decref(value);
}

static void test_lossy(void **state)
{
        json_t *value = json_string_lossy("a\xff\xc3\xa9", 4);

        (void) state;
        assert_string_equal(json_string_value(value), "a\xef\xbf\xbd\xc3\xa9");
        json_decref(value);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_refusals), cmocka_unit_test(test_write),
                                            cmocka_unit_test(test_lossy) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
