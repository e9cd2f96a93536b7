#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "cmd/inspect.h"
#include "cmd/inspect_files.h"

static char directory[] = "/tmp/inspect_test.XXXXXX";

struct print_case {
        struct inspect_options options;
        const char *expected;
};

static const char attributes_text[] =
        "{\"apps\":{\"foo\":{\"environment\":{\"/e\":\"E=1\"},\"labels\":{\"L\":\"1\"},\"runscript\":\"r\",\"startscript\":\"s\","
        "\"test\":\"t\",\"helpfile\":\"h\"},\"bar\":{\"runscript\":\"barrun\"}},"
        "\"environment\":{\"/b\":\"B=<1>\",\"/a\":\"A=1\\n\"},\"labels\":{\"z\":\"26\",\"a\":\"1\",\"n\":5},"
        "\"runscript\":\"#!/bin/sh\\nrun\\n\\n\",\"test\":\"\",\"deffile\":\"def\",\"startscript\":\"start\",\"other\":\"x\"}";

static const struct print_case plain_cases[] = {
        { { .json = false }, "a: 1\nz: 26\n" },
        { { .labels = true, .runscript = true }, "#!/bin/sh\nrun\na: 1\nz: 26\n" },
        { { .environment = true }, "=== /a ===\nA=1\n\n\n=== /b ===\nB=<1>\n\n" },
        { { .list_apps = true }, "bar\nfoo\n" },
        { { .list_apps = true, .deffile = true }, "bar\nfoo\ndef\n" },
        { { .app = "foo" }, "L: 1\n" },
        { { .app = "foo", .runscript = true, .startscript = true, .helpfile = true, .test = true },
          "r\ns\nt\nh\n" },
        { { .app = "foo", .deffile = true, .environment = true }, "def\n=== /e ===\nE=1\n\n" },
        { { .app = "nope", .runscript = true }, "" },
        { { .test = true }, "" },
        { { .helpfile = true }, "" },
};

static const struct print_case json_cases[] = {
        { { .labels = true },
          "{\n\t\"data\": {\n\t\t\"attributes\": {\n\t\t\t\"labels\": {\n\t\t\t\t\"a\": \"1\",\n\t\t\t\t\"z\": \"26\"\n\t\t\t}\n\t\t}\n\t},\n\t"
          "\"type\": \"container\"\n}\n" },
        { { .app = "nope" },
          "{\n\t\"data\": {\n\t\t\"attributes\": {}\n\t},\n\t\"type\": \"container\"\n}\n" },
        { { .app = "bar", .runscript = true },
          "{\n\t\"data\": {\n\t\t\"attributes\": {\n\t\t\t\"apps\": {\n\t\t\t\t\"bar\": {\n\t\t\t\t\t\"runscript\": \"barrun\"\n"
          "\t\t\t\t}\n\t\t\t}\n\t\t}\n\t},\n\t\"type\": \"container\"\n}\n" },
        { { .startscript = true, .deffile = true },
          "{\n\t\"data\": {\n\t\t\"attributes\": {\n\t\t\t\"deffile\": \"def\",\n\t\t\t\"startscript\": \"start\"\n\t\t}\n\t},\n\t"
          "\"type\": \"container\"\n}\n" },
};

static json_t *attributes(void)
{
        return json_parse(attributes_text, strlen(attributes_text), "test", NULL);
}

static void test_plain(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(plain_cases); i++) {
                _cleanup_json_ json_t *all = attributes(),
                                      *selected = inspect_select(&plain_cases[i].options, all);
                _cleanup_text_ struct text out = TEXT_INIT;

                inspect_print_plain(&plain_cases[i].options, selected, &out);
                assert_string_equal(text_get(&out), plain_cases[i].expected);
        }
}

static void test_json(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(json_cases); i++) {
                _cleanup_json_ json_t *all = attributes(),
                                      *selected = inspect_select(&json_cases[i].options, all);
                _cleanup_text_ struct text out = TEXT_INIT;

                inspect_print_json(selected, &out);
                assert_string_equal(text_get(&out), json_cases[i].expected);
        }
}

static void collect(enum log_level level, const char *text, void *user)
{
        text_printf(user, "%d %s\n", level, text);
}

static void make(const char *path, const char *content)
{
        _cleanup_free_ char *command = text_format("cd %s && mkdir -p \"$(dirname %s)\"", directory, path),
                            *file = text_format("%s/%s", directory, path);
        FILE *stream;

        assert_int_equal(system(command), 0);
        stream = fopen(file, "we");
        assert_non_null(stream);
        fputs(content, stream);
        fclose(stream);
}

static void make_files(void)
{
        _cleanup_free_ char *link = text_format("%s/.singularity.d/startscript", directory),
                            *inside = text_format("%s/.singularity.d/test", directory);

        make(".singularity.d/runscript", "run\n\n");
        make(".singularity.d/runscript.help", "");
        make(".singularity.d/labels.json", "{\"b\":\"2\",\"a\":null,\"c\":3}");
        make(".singularity.d/env/90-environment.sh", "export A=1\n");
        make(".singularity.d/env/91-environment.sh", "");
        make(".singularity.d/env/10-docker2singularity.sh", "export B=1\n");
        make(".singularity.d/env/99-base.sh", "no");
        make("scif/apps/foo/scif/runscript", "foo");
        make("scif/apps/foo/scif/labels.json", "[");
        make("scif/apps/empty/bin/x", "");
        /* links of the image lead to nothing of the host */
        assert_return_code(symlink("/etc/passwd", link), errno);
        assert_return_code(symlink("/.singularity.d/runscript", inside), errno);
}

static const char expected_files[] =
        "{\"apps\":{\"foo\":{\"runscript\":\"foo\"}},\"environment\":{\"/.singularity.d/env/10-docker2singularity.sh\":\"export B=1\","
        "\"/.singularity.d/env/90-environment.sh\":\"export A=1\",\"/.singularity.d/env/91-environment.sh\":\"\"},"
        "\"labels\":{\"b\":\"2\",\"a\":\"\",\"c\":\"\"},\"runscript\":\"run\",\"test\":\"run\"}";

static void check_loaded(const char *path)
{
        _cleanup_text_ struct text said = TEXT_INIT, out = TEXT_INIT;
        const struct notes notes = { .say = collect, .user = &said };
        _cleanup_json_ json_t *loaded = NULL;
        struct err e = ERR_INIT;

        if (inspect_load(path, &loaded, &notes, &e) < 0)
                fail_msg("%s", e.text);
        json_write(loaded, NULL, false, &out);
        assert_string_equal(text_get(&out), expected_files);
        assert_non_null(strstr(text_get(&said), "Unable to parse labels: /scif/apps/foo/scif/labels.json"));
        assert_non_null(strstr(text_get(&said), "the value of \"c\" is not text"));
}

static void test_directory(void **state)
{
        (void) state;
        check_loaded(directory);
}

static void test_squashfs(void **state)
{
        _cleanup_free_ char *image = text_format("%s.sqfs", directory),
                            *command =
                                    text_format("mksquashfs %s %s -noappend -quiet -no-progress >/dev/null",
                                                directory, image);

        (void) state;
        if (system("command -v mksquashfs >/dev/null") != 0) {
                print_message("mksquashfs is not installed: a squashfs is not read\n");
                skip();
        }
        assert_int_equal(system(command), 0);
        check_loaded(image);
        unlink(image);
}

static void test_refused(void **state)
{
        _cleanup_free_ char *text = text_format("%s/.singularity.d/runscript", directory);
        json_t *loaded = NULL;
        struct err e = ERR_INIT;

        (void) state;
        assert_true(inspect_load("/nonexistent", &loaded, NULL, &e) < 0);
        assert_non_null(strstr(e.text, "Failed to open image /nonexistent"));
        assert_true(inspect_load(text, &loaded, NULL, &e) < 0);
        assert_non_null(strstr(e.text, "image format not recognized"));
        assert_null(loaded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),     cmocka_unit_test(test_json),
                cmocka_unit_test(test_directory), cmocka_unit_test(test_squashfs),
                cmocka_unit_test(test_refused),
        };
        _cleanup_free_ char *command = NULL;
        int r;

        if (!mkdtemp(directory))
                return 1;
        make_files();
        r = cmocka_run_group_tests(tests, NULL, NULL);
        command = text_format("rm -rf %s", directory);
        return system(command) || r;
}
