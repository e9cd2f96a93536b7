/* Splitting, wrapping, guessing and completing: what needs no command line. */
#include "base/test.h"

#include <string.h>

#include "base/clean.h"
#include "cli/cli_internal.h"

static void assert_csv(const char *record, const char *expected)
{
        _cleanup_text_list_ struct text_list fields = TEXT_LIST_INIT;
        _cleanup_free_ char *joined = NULL;

        assert_int_equal(cli_csv(record, &fields, NULL), 0);
        joined = text_list_join(&fields, "|");
        assert_string_equal(joined, expected);
}

static void assert_bad_csv(const char *record, const char *column)
{
        _cleanup_text_list_ struct text_list fields = TEXT_LIST_INIT;
        struct err e = ERR_INIT;

        assert_int_equal(cli_csv(record, &fields, &e), -EINVAL);
        assert_true(text_ends(e.text, column));
}

static void csv_records(void **state)
{
        (void) state;
        assert_bad_csv("a\"b", "column 2");
        assert_bad_csv("\"a\"b", "column 3");
        assert_bad_csv("\"a", "column 3");
        assert_bad_csv("x,\"", "column 4");
        assert_csv("", "");
        assert_csv("a", "a");
        assert_csv(",", "|");
        assert_csv("a,,b,", "a||b|");
        assert_csv(" a , b", " a | b");
        assert_csv("\"a,b\",\"\",\"c\"\"d\"", "a,b||c\"d");
        assert_csv("\"two\nlines\",x", "two\nlines|x");
        assert_csv("first\nsecond", "first");
}

static void assert_wrapped(const char *string, size_t column, size_t indent, const char *expected)
{
        _cleanup_text_ struct text out = TEXT_INIT;

        cli_wrap(&out, string, column, indent, 10);
        assert_string_equal(text_get(&out), expected);
}

static void wrapping(void **state)
{
        (void) state;
        assert_wrapped("", 0, 0, "\n");
        assert_wrapped("one two three", 0, 0, "one two\nthree\n");
        assert_wrapped("one two three", 4, 2, "one\n  two\n  three\n");
        assert_wrapped("a word-that-is-too-long b", 0, 1, "a\n word-that-is-too-long\n b\n");
        assert_wrapped("para one\n\npara two", 0, 2, "para one\n\n  para two\n");
        assert_wrapped("x\n  kept as it is, long", 0, 0, "x\n  kept as it is, long\n");
        assert_wrapped("\303\244\303\266\303\274\303\244 \303\244\303\266\303\274\303\244 1", 0, 0,
                       "\303\244\303\266\303\274\303\244 \303\244\303\266\303\274\303\244\n1\n");
}

static const struct cli_option add_list[] = {
        { 'd', "datatype", "N", CLI_INT, 0, .help = "kind\nsecond line" },
        { 0, "file", "FILE", CLI_STRING, 8, .flags = CLI_PATH, .help = "a file" },
        { 'q', "quick", NULL, CLI_BOOL, 16, .help = "quickly" },
        { 0, "secret", NULL, CLI_BOOL, 17, .flags = CLI_HIDDEN },
};
static const struct cli_option_table add_tables[] = { { add_list, ARRAY_SIZE(add_list) } };
static const struct cli_command add = { .name = "add",
                                        .summary = "put in",
                                        .tables = add_tables,
                                        .n_tables = 1,
                                        .flags = CLI_INTERSPERSED | CLI_FILES };
static const struct cli_command list = { .name = "list", .summary = "show", .args_most = 0 };
static const struct cli_command gone = { .name = "gone", .flags = CLI_COMMAND_NOT_YET };
static const struct cli_command sif = { .name = "sif",
                                        .summary = "SIF",
                                        .subcommands = (const struct cli_command *const[]){ &add, &gone,
                                                                                            &list, NULL } };
static const struct cli_command exec = { .name = "exec", .summary = "start", .flags = CLI_FILES };
static const struct cli_command help = { .name = "help", .summary = "explain", .flags = CLI_TOPICS };
static const struct cli_command root = { .name = "prog",
                                         .flags = CLI_ROOT,
                                         .subcommands = (const struct cli_command *const[]){ &exec, &help,
                                                                                             &sif, NULL } };

static void completing(void **state)
{
        static const struct {
                const char *words[6];
                const char *expected;
        } cases[] = {
                { { "" }, "exec\tstart\nhelp\texplain\nsif\tSIF\n:4\n" },
                { { "s" }, "sif\tSIF\n:4\n" },
                { { "x" }, ":4\n" },
                { { "--v" }, "--version\tprint the version\n:4\n" },
                { { "sif", "" }, "add\tput in\nlist\tshow\n:4\n" },
                { { "sif", "add", "-" },
                  "-d\tkind\n--datatype\tkind\n--file\ta file\n-q\tquickly\n--quick\tquickly\n--help\texplain the "
                  "command\n:4\n" },
                { { "sif", "add", "x", "--qu" }, "--quick\tquickly\n:4\n" },
                { { "sif", "add", "" }, ":0\n" },
                { { "sif", "add", "-d", "" }, ":4\n" },
                { { "sif", "add", "-d3", "" }, ":0\n" },
                { { "sif", "add", "-qd", "" }, ":4\n" },
                { { "sif", "add", "--datatype", "--fi" }, ":4\n" },
                { { "sif", "add", "--file", "" }, ":0\n" },
                { { "sif", "add", "--file=x" }, ":0\n" },
                { { "sif", "add", "--datatype=x" }, ":4\n" },
                { { "sif", "add", "--", "--" }, ":0\n" },
                { { "sif", "list", "" }, ":4\n" },
                { { "exec", "img", "-" }, ":0\n" },
                { { "help", "si" }, "sif\tSIF\n:4\n" },
                { { "help", "sif", "a" }, "add\tput in\n:4\n" },
                { { "help", "exec", "" }, ":4\n" },
                { { "help", "nosuch", "" }, ":4\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_list_ struct text_list words = TEXT_LIST_INIT;
                _cleanup_text_ struct text answer = TEXT_INIT;

                for (size_t w = 0; w < 6 && cases[i].words[w]; w++)
                        text_list_add(&words, cases[i].words[w]);
                cli_complete(&root, words.at, words.n, true, &answer);
                assert_string_equal(text_get(&answer), cases[i].expected);
        }
}

static void completion_scripts(void **state)
{
        _cleanup_text_ struct text script = TEXT_INIT, bare = TEXT_INIT;

        (void) state;
        assert_int_equal(cli_completion(&root, "tcsh", true, &script), -EINVAL);
        assert_null(script.at);
        assert_int_equal(cli_completion(&root, "bash", true, &script), 0);
        assert_non_null(strstr(script.at, "complete -F _prog prog singularity\n"));
        assert_non_null(strstr(script.at, " __complete "));
        assert_null(strstr(script.at, "PROGRAM"));
        assert_int_equal(cli_completion(&root, "fish", false, &bare), 0);
        assert_non_null(strstr(bare.at, " __completeNoDesc "));
}

static void guessing(void **state)
{
        static const struct {
                const char *typed, *expected;
        } cases[] = {
                { "exce", "\texec\n" }, { "EX", "\texec\n" }, { "helpp", "\thelp\n" }, { "sjf", "\tsif\n" },
                { "help-me", "" },      { "gone", "" },       { "s", "\tsif\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_ struct text near = TEXT_INIT;

                cli_suggest(&root, cases[i].typed, &near);
                assert_string_equal(text_get(&near), cases[i].expected);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(csv_records),        cmocka_unit_test(wrapping),
                cmocka_unit_test(completing),         cmocka_unit_test(guessing),
                cmocka_unit_test(completion_scripts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
