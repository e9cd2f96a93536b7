#include "base/test.h"

#include <string.h>

#include "base/clean.h"
#include "base/text.h"
#include "run/bind.h"

/* One bind as "source>target", "!" behind it when read-only, "{image-src}", "-" for nonested and "#id". */
static char *written(const struct bind_list *list)
{
        struct text t = TEXT_INIT;

        for (size_t i = 0; i < list->n; i++) {
                const struct bind *b = &list->at[i];

                text_printf(&t, "%s%s>%s%s", i ? " " : "", b->source, b->target, b->readonly ? "!" : "");
                if (b->image_source)
                        text_printf(&t, "{%s}", b->image_source);
                if (b->nonested)
                        text_add_char(&t, '-');
                if (b->image_id)
                        text_printf(&t, "#%s", b->image_id);
        }
        return text_take(&t);
}

static void refuses(void **state)
{
        static const struct {
                const char *argument, *message;
        } cases[] = {
                { "/a:", "at character 3: \"/a:\": nothing behind the colon" },
                { "/a:/b:", "at character 6: \"/a:/b:\": \"\" is not a valid bind option" },
                { "/a:/b:word", "at character 7: \"/a:/b:word\": word is not a valid bind option" },
                { "/a:/b:ro:x", "is not a valid bind option" },
                { "/a:/b:id=1:x", "too many parts" },
                { "/a:/b:/c:/d", "is not a valid bind option" },
                { "a", "\"a\": the destination must be an absolute path" },
                { "/a:b", "\"b\": the destination must be an absolute path" },
                { "/a,ro", "\"ro\": the destination must be an absolute path" },
                { "/x,/y:/z:ro,b,/c", "at character 13: \"b\": the destination" },
                { "/a:b,/c", "at character 4: \"b\": the destination" },
                { "/a:/b:ro,foo", "\"foo\": the destination must be an absolute path" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
                struct err e = ERR_INIT;

                assert_int_equal(bind_parse(&list, cases[i].argument, &e), -EINVAL);
                if (!strstr(e.text, cases[i].message))
                        fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].argument, e.text, cases[i].message);
        }
}

static void takes(void **state)
{
        static const struct {
                const char *argument, *binds;
        } cases[] = {
                { "", "" },
                { ",,:^ ,", "" },
                { "/a", "/a>/a" },
                { "/a:/b", "/a>/b" },
                { "a:/b", "a>/b" },
                { "/a:/b:ro", "/a>/b!" },
                { "/a:/b:rw", "/a>/b" },
                { "/a:/b:rw,ro", "/a>/b!" },
                { "/a:/b:ro,rw", "/a>/b!" },
                { "/a,/b:/c,/d", "/a>/a /b>/c /d>/d" },
                { "/a:/b:ro,/c:/d:ro,/e", "/a>/b! /c>/d! /e>/e" },
                { "/a:/b,/c:/d", "/a>/b /c>/d" },
                { "/a::/b", "/a>/b" },
                { "/a:,/b", "/a>/b" },
                { ":/a", "/a>/a" },
                { ",/a,,/b,", "/a>/a /b>/b" },
                { "/a^/b", "/a>/a /b>/b" },
                { " /a : /b , /c ", "/a >/b /c>/c" },
                { "/a:/b,ro", "/a>/b,ro" },
                { "/a\\,b", "/a,b>/a,b" },
                { "/a\\,b:/c:ro", "/a,b>/c!" },
                { "/a\\:b:/c", "/a:b>/c" },
                { "/a\\:b", "/a:b>/a:b" },
                { "/a\\,b,/etc", "/a,b>/a,b" },
                { "/a\\,b,/etc,/d", "/a,b>/a,b /d>/d" },
                { "/i.sif:/d:id=4", "/i.sif>/d#4" },
                { "/i.img:/d:image-src=/sub,ro", "/i.img>/d!{/sub}" },
                { "/i.img:/d:image-src=,/x", "/i.img>/d{} /x>/x" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
                struct err e = ERR_INIT;

                if (bind_parse(&list, cases[i].argument, &e) < 0)
                        fail_msg("%s: %s", cases[i].argument, e.text);
                _cleanup_free_ char *binds = written(&list);
                assert_string_equal(binds, cases[i].binds);
        }
}

static void mount_refuses(void **state)
{
        static const struct {
                const char *argument, *message;
        } cases[] = {
                { "source=/a", "at character 1: mount destination must be specified" },
                { "dst=/a", "mount source must be specified" },
                { "type=tmpfs,dst=/a", "at character 1: \"tmpfs\" is not a supported type of mount" },
                { "type,src=/a,dst=/b", "\"\" is not a supported type" },
                { "src=/a,dst=b", "at character 8: \"b\": the destination must be an absolute path" },
                { "src=,dst=/b", "src needs a value" },
                { "src,dst=/b", "src needs a value" },
                { "src=/a,dst=/b,image-src=", "at character 15: image-src needs a value" },
                { "src=/a,dst=/b,id=", "id needs a value" },
                { "src=/a,dst=/b,ro=maybe", "ro is \"true\" or \"false\", not \"maybe\"" },
                { "src=/a,dst=/b,rw", "at character 15: invalid key \"rw\"" },
                { "src=/a,dst=/b,", "at character 15: invalid key \"\"" },
                { "src=/a,dst=/b,bind-propagation=shared", "bind-propagation is not supported" },
                { " src=/a,dst=/b", "invalid key \" src\"" },
                { "src=/a,\"dst=/b", "at character 8: this quotation mark is never closed" },
                { "src=/a,\"dst=/b\"x", "at character 16: only a comma" },
                { "src=/a,dst=\"/b\"", "at character 12: a quotation mark inside a field" },
                { "src=/a,dst=/b\nsrc=/c", "at character 15: mount destination" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
                struct err e = ERR_INIT;

                assert_int_equal(bind_parse_mount(&list, cases[i].argument, &e), -EINVAL);
                if (!strstr(e.text, cases[i].message))
                        fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].argument, e.text, cases[i].message);
        }
}

static void mount_takes(void **state)
{
        static const struct {
                const char *argument, *binds;
        } cases[] = {
                { "", "" },
                { "\n\r\n", "" },
                { "type=bind,source=/a,destination=/b", "/a>/b" },
                { "src=a,dst=/b", "a>/b" },
                { "target=/b,src=/a,readonly", "/a>/b!" },
                { "src=/a,dst=/b,ro", "/a>/b!" },
                { "src=/a,dst=/b,ro=true", "/a>/b!" },
                { "src=/a,dst=/b,readonly=1", "/a>/b!" },
                { "src=/a,dst=/b,readonly=false", "/a>/b" },
                { "src=/a,dst=/b,ro,ro=0", "/a>/b" },
                { "src=/x,src=/a,dst=/b", "/a>/b" },
                { "src=/a:b\\,dst=/c=d", "/a:b\\>/c=d" },
                { "\"src=/a,b\",\"dst=/c\"\"d\"", "/a,b>/c\"d" },
                { "\"src=/a\nb\",dst=/c", "/a\nb>/c" },
                { "src=/a,dst=/b\nsrc=/c,dst=/d,ro\r\n\nsrc=/e,dst=/f\n", "/a>/b /c>/d! /e>/f" },
                { "src=/i,dst=/b,image-src=/s,id=3", "/i>/b{/s}#3" },
                { "src=/a,dst=/b,nonested", "/a>/b-" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
                struct err e = ERR_INIT;

                if (bind_parse_mount(&list, cases[i].argument, &e) < 0)
                        fail_msg("%s: %s", cases[i].argument, e.text);
                _cleanup_free_ char *binds = written(&list);
                assert_string_equal(binds, cases[i].binds);
        }
}

static void arguments_add_up(void **state)
{
        _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;

        (void) state;
        assert_int_equal(bind_parse(&list, "/a,/b", NULL), 0);
        assert_int_equal(bind_parse(&list, "/c", NULL), 0);
        assert_int_equal(bind_parse_mount(&list, "src=/d,dst=/d", NULL), 0);
        assert_int_equal(list.n, 4);
}

static void counts(void **state)
{
        _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
        _cleanup_text_ struct text many = TEXT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        for (int i = 0; i < BIND_MAX + 1; i++)
                text_add(&many, "/a,");
        assert_int_equal(bind_parse(&list, text_get(&many), &e), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses),          cmocka_unit_test(takes),
                cmocka_unit_test(mount_refuses),    cmocka_unit_test(mount_takes),
                cmocka_unit_test(arguments_add_up), cmocka_unit_test(counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
