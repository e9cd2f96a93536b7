#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "cli/cli.h"

struct root_options {
        bool debug;
        const char *config;
};

struct options {
        bool contain, cleanenv, plus, plus_seen;
        const char *home;
        int64_t number;
        uint32_t id;
        struct text_list binds, lists, env, defaults;
        bool later;
        const char *later_text;
        const char *user;
};

#define ROOT(member)  .offset = offsetof(struct root_options, member)
#define FIELD(member) .offset = offsetof(struct options, member)

static const struct cli_option root_list[] = {
        { 'd', "debug", NULL, CLI_BOOL, ROOT(debug), .env = { "DEBUG" } },
        { 'c', "config", "FILE", CLI_STRING, ROOT(config), .env = { "CONFIG_FILE" } },
};

static const struct cli_option list[] = {
        { 'B', "bind", "SRC", CLI_ARRAY, FIELD(binds), .env = { "BIND", "BINDPATH" },
          .flags = CLI_APPEND_ENV },
        { 'c', "contain", NULL, CLI_BOOL, FIELD(contain), .env = { "CONTAIN" } },
        { 'e', "cleanenv", NULL, CLI_BOOL, FIELD(cleanenv), .env = { "CLEANENV" } },
        { 'H', "home", "DIR", CLI_STRING, FIELD(home), .env = { "HOME", "TARGET_HOME" } },
        { 0, "house", "DIR", CLI_STRING, FIELD(home), .env = { "HOUSE" }, .flags = CLI_HIDDEN },
        { 'n', "number", "N", CLI_INT, FIELD(number), .env = { "NUMBER" }, .fallback = "10" },
        { 'g', "id", "N", CLI_UINT32, FIELD(id) },
        { 0, "list", "A,B", CLI_LIST, FIELD(lists), .env = { "LIST" } },
        { 0, "env", "K=V", CLI_MAP, FIELD(env) },
        { 0, "types", "T", CLI_LIST, FIELD(defaults), .fallback = "all", .env = { "TYPES" } },
        { 'l', "later", NULL, CLI_BOOL, FIELD(later), .env = { "LATER" }, .flags = CLI_NOT_YET },
        { 0, "later-text", "X", CLI_STRING, FIELD(later_text), .env = { "LATER_TEXT" },
          .flags = CLI_NOT_YET },
        { 0, "old", NULL, CLI_BOOL, FIELD(plus), .flags = CLI_DEPRECATED, .note = "use --plus" },
        { 0, "plus", NULL, CLI_BOOL, FIELD(plus), .env = { "PLUS" },
          .seen_offset = offsetof(struct options, plus_seen) },
        { 0, "user", "NAME", CLI_STRING, FIELD(user), .env = { "CLI_TEST_USER" }, .flags = CLI_BARE_ENV },
};

static int handler(const struct cli_call *call)
{
        (void) call;
        return 0;
}

static const struct cli_option_table root_tables[] = { { root_list, ARRAY_SIZE(root_list) } };
static const struct cli_option_table tables[] = { { list, 4 }, { list + 4, ARRAY_SIZE(list) - 4 } };

#define OPTIONS .tables = tables, .n_tables = ARRAY_SIZE(tables), .options_size = sizeof(struct options)

static const struct cli_command exec_command = { .name = "exec",
                                                 .use = "exec [exec options...] <container> <command>",
                                                 .summary = "start",
                                                 OPTIONS,
                                                 .args_least = 2,
                                                 .args_most = -1,
                                                 .handler = handler };
static const struct cli_command inspect_command = { .name = "inspect",
                                                    .use = "inspect <image>",
                                                    .summary = "look",
                                                    OPTIONS,
                                                    .args_least = 1,
                                                    .args_most = 1,
                                                    .handler = handler };
static const struct cli_command pull_command = { .name = "pull",
                                                 .use = "pull [file] <URI>",
                                                 .summary = "get",
                                                 OPTIONS,
                                                 .args_least = 1,
                                                 .args_most = 2,
                                                 .handler = handler };
static const struct cli_command far_command = {
        .name = "far", .use = "far", .summary = "elsewhere", OPTIONS
};
static const struct cli_command soon_command = {
        .name = "soon", .use = "soon", .summary = "soon", .flags = CLI_COMMAND_NOT_YET
};
static const struct cli_command add_command = { .name = "add",
                                                .use = "add",
                                                .summary = "add",
                                                OPTIONS,
                                                .args_least = 2,
                                                .args_most = 2,
                                                .flags = CLI_INTERSPERSED,
                                                .handler = handler };
static const struct cli_command sif_command = { .name = "sif",
                                                .aliases = (const char *const[]){ "siftool", NULL },
                                                .use = "sif",
                                                .summary = "s",
                                                .tables = root_tables,
                                                .n_tables = 1,
                                                .options_size = sizeof(struct root_options),
                                                .subcommands = (const struct cli_command *const[]){
                                                        &add_command, NULL } };
static const struct cli_command cache_command = { .name = "cache",
                                                  .use = "cache",
                                                  .summary = "c",
                                                  .flags = CLI_STRICT_GROUP,
                                                  .subcommands = (const struct cli_command *const[]){
                                                          &add_command, NULL } };
static const struct cli_command *const commands[] = { &cache_command,   &exec_command, &far_command,
                                                      &inspect_command, &pull_command, &sif_command,
                                                      &soon_command,    NULL };
static const struct cli_command root_command = { .name = "apptainer",
                                                 .use = "apptainer [global options...]",
                                                 .summary = "s",
                                                 .tables = root_tables,
                                                 .n_tables = 1,
                                                 .options_size = sizeof(struct root_options),
                                                 .flags = CLI_ROOT,
                                                 .subcommands = commands };

static struct text said;

static void collect(enum log_level level, const char *text, void *user)
{
        (void) user;
        text_printf(&said, "%d %s\n", level, text);
}

static const struct notes notes = { .say = collect };

/* What the level would be set by, and what was said before, at each call. */
static struct text levels;

static void watch_levels(const void *root_options)
{
        text_printf(&levels, "%d after %zu bytes\n", ((const struct root_options *) root_options)->debug,
                    said.used);
}

static struct text_list line; /* the last command line, which results borrow from */

#define WORDS_MOST 12

static enum cli_outcome parse(struct cli_result *result, const char *const words[WORDS_MOST])
{
        const struct cli_program program = {
                .root = &root_command, .version = "1.2.3", .globals = watch_levels, .notes = &notes
        };

        text_done(&said);
        text_done(&levels);
        text_list_done(&line);
        text_list_add(&line, "apptainer");
        for (size_t i = 0; i < WORDS_MOST && words[i]; i++)
                text_list_add(&line, words[i]);
        return cli_parse(&program, (int) line.n, line.at, result);
}

/* --- refusals ----------------------------------------------------------------------------------------- */

static void refused_lines(void **state)
{
        static const struct {
                const char *words[WORDS_MOST];
                const char *complaint;
        } cases[] = {
                { { "exec" }, "Error for command \"exec\": requires at least 2 arg(s), only received 0\n\n" },
                { { "exec", "x" },
                  "Error for command \"exec\": requires at least 2 arg(s), only received 1\n\n" },
                { { "exec", "--" },
                  "Error for command \"exec\": requires at least 2 arg(s), only received 0\n\n" },
                { { "inspect" }, "Error for command \"inspect\": accepts 1 arg(s), received 0\n\n" },
                { { "inspect", "a", "-r" },
                  "Error for command \"inspect\": accepts 1 arg(s), received 2\n\n" },
                { { "pull" }, "Error for command \"pull\": accepts between 1 and 2 arg(s), received 0\n\n" },
                { { "exec", "-d", "a", "b" },
                  "Error for command \"exec\": unknown shorthand flag: 'd' in -d\n\n" },
                { { "exec", "-cdz", "a", "b" },
                  "Error for command \"exec\": unknown shorthand flag: 'd' in -dz\n\n" },
                { { "exec", "-c=", "a", "b" },
                  "Error for command \"exec\": unknown shorthand flag: '=' in -=\n\n" },
                { { "exec", "-=x", "a", "b" },
                  "Error for command \"exec\": unknown shorthand flag: '=' in -=x\n\n" },
                { { "exec", "--=x", "a" }, "Error for command \"exec\": bad flag syntax: --=x\n\n" },
                { { "exec", "---x", "a" }, "Error for command \"exec\": bad flag syntax: ---x\n\n" },
                { { "exec", "--debug", "a" }, "Error for command \"exec\": unknown flag: --debug\n\n" },
                { { "exec", "--conta", "a" }, "Error for command \"exec\": unknown flag: --conta\n\n" },
                { { "exec", "--nosuch=1", "a" }, "Error for command \"exec\": unknown flag: --nosuch\n\n" },
                { { "exec", "--version" }, "Error for command \"exec\": unknown flag: --version\n\n" },
                { { "exec", "--bind" }, "Error for command \"exec\": flag needs an argument: --bind\n\n" },
                { { "exec", "-eB" }, "Error for command \"exec\": flag needs an argument: 'B' in -B\n\n" },
                { { "exec", "-c=maybe", "a", "b" },
                  "Error for command \"exec\": invalid argument \"maybe\" for \"-c, --contain\" flag: neither true nor "
                  "false\n\n" },
                { { "exec", "--contain=" },
                  "Error for command \"exec\": invalid argument \"\" for \"-c, --contain\" flag: neither true nor "
                  "false\n\n" },
                { { "exec", "-n", "x" },
                  "Error for command \"exec\": invalid argument \"x\" for \"-n, --number\" flag: not a whole number\n\n" },
                { { "exec", "-n", "99999999999999999999" },
                  "Error for command \"exec\": invalid argument \"99999999999999999999\" for \"-n, --number\" flag: "
                  "number out of range\n\n" },
                { { "exec", "-g", "-1" },
                  "Error for command \"exec\": invalid argument \"-1\" for \"-g, --id\" flag: not a whole number\n\n" },
                { { "exec", "-g", "4294967296" },
                  "Error for command \"exec\": invalid argument \"4294967296\" for \"-g, --id\" flag: number out of "
                  "range\n\n" },
                { { "exec", "--env", "FOO" },
                  "Error for command \"exec\": invalid argument \"FOO\" for \"--env\" flag: FOO must be formatted as "
                  "key=value\n\n" },
                { { "exec", "--env", "A=1,B=2,C" },
                  "Error for command \"exec\": invalid argument \"A=1,B=2,C\" for \"--env\" flag: C must be formatted "
                  "as key=value\n\n" },
                { { "exec", "--list", "a\"b" },
                  "Error for command \"exec\": invalid argument \"a\\\"b\" for \"--list\" flag: stray or missing "
                  "quotation mark at column 2\n\n" },
                { { "exec", "--help", "--nosuch" },
                  "Error for command \"exec\": unknown flag: --nosuch\n\n" },
                { { "-x", "exec" },
                  "Error for command \"apptainer\": unknown shorthand flag: 'x' in -x\n\n" },
                { { "sif", "-x" }, "Error for command \"sif\": unknown shorthand flag: 'x' in -x\n\n" },
                { { "sif", "add", "a", "b", "--nosuch" },
                  "Error for command \"add\": unknown flag: --nosuch\n\n" },
                { { "cache" }, "Error for command \"cache\": invalid command\n\n" },
                { { "cache", "nosuch" }, "Error for command \"cache\": invalid command\n\n" },
                { { "exec", "--\033[1m" }, "Error for command \"exec\": unknown flag: --\\x1b[1m\n\n" },
                { { "x\nyz" }, "Error: unknown command \"x\\x0ayz\" for \"apptainer\"\n\n" },
                { { "nosuch" }, "Error: unknown command \"nosuch\" for \"apptainer\"\n\n" },
                { { "exe" },
                  "Error: unknown command \"exe\" for \"apptainer\"\n\nDid you mean this?\n\texec\n\n\n" },
                { { "INSPECt" },
                  "Error: unknown command \"INSPECt\" for \"apptainer\"\n\nDid you mean this?\n\tinspect\n\n\n" },
                { { NULL }, "" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct cli_result refusal;

                assert_int_equal(parse(&refusal, cases[i].words), CLI_PRINT);
                assert_string_equal(text_get(&refusal.complaint), cases[i].complaint);
                assert_int_equal(refusal.status, 1);
                assert_true(text_ends(text_get(&refusal.out),
                                      "\nRun 'apptainer --help' for more detailed usage information.\n"));
                cli_result_done(&refusal);
        }
}

/* --- what is understood ------------------------------------------------------------------------------- */

static struct cli_result result;

static const struct options *call(const char *const words[WORDS_MOST])
{
        cli_result_done(&result);
        assert_int_equal(parse(&result, words), CLI_CALL);
        return result.call.options;
}

#define CALL(...) call((const char *const[WORDS_MOST]){ __VA_ARGS__ })

/* The positional arguments, joined. */
static void assert_words(const char *expected)
{
        _cleanup_text_ struct text words = TEXT_INIT;

        for (int i = 0; i < result.call.argc; i++)
                text_printf(&words, "%s%s", i ? " " : "", result.call.argv[i]);
        assert_string_equal(text_get(&words), expected);
        assert_null(result.call.argv[result.call.argc]);
}

static void assert_list(const struct text_list *items, const char *expected)
{
        _cleanup_free_ char *joined = text_list_join(items, "|");

        assert_string_equal(joined, expected);
}

static void flags_are_understood(void **state)
{
        const struct options *o;

        (void) state;
        o = CALL("exec", "-ceB/src:/dst", "img", "-x", "--", "--bind");
        assert_true(o->contain && o->cleanenv);
        assert_list(&o->binds, "/src:/dst");
        assert_words("img -x -- --bind");
        o = CALL("exec", "-B=/x", "-B", "/y,/z", "--bind=/v", "--bind", "-c", "img", "cmd");
        assert_list(&o->binds, "/x|/y,/z|/v|-c");
        assert_false(o->contain);
        o = CALL("exec", "-B=", "-H=", "img", "cmd");
        assert_list(&o->binds, "=");
        assert_string_equal(o->home, "=");
        o = CALL("exec", "--", "-c", "cmd");
        assert_false(o->contain);
        assert_words("-c cmd");
        CALL("exec", "-", "cmd");
        assert_words("- cmd");
        o = CALL("exec", "-c=0", "--cleanenv=T", "--", "img", "cmd");
        assert_false(o->contain);
        assert_true(o->cleanenv);
        o = CALL("exec", "-c", "-c=false", "-e=false", "--cleanenv", "img", "cmd");
        assert_false(o->contain);
        assert_true(o->cleanenv);
        o = CALL("exec", "-n", "0x10", "-g010", "-H", "a", "--home", "b", "img", "cmd");
        assert_int_equal(o->number, 16);
        assert_int_equal(o->id, 8);
        assert_string_equal(o->home, "b");
        o = CALL("exec", "--number=-5", "img", "cmd");
        assert_int_equal(o->number, -5);
        o = CALL("siftool", "add", "a", "-n", "3", "b");
        assert_int_equal(o->number, 3);
        assert_words("a b");
}

static void lists_and_maps(void **state)
{
        const struct options *o;

        (void) state;
        o = CALL("exec", "--list", "a,\"b\"\"c,d\"", "--list", "", "--list=e", "i", "c");
        assert_list(&o->lists, "a|b\"c,d|e");
        o = CALL("exec", "--env", "A=1,2", "--env", "B=x,C=y", "--env", "D=x=y", "i", "c");
        assert_list(&o->env, "A=1,2|B=x|C=y|D=x=y");
        o = CALL("exec", "--env", "\"A=x,y=z\"", "--env", "\"B=q\"", "--env", "C=", "--env", "=1", "i", "c");
        assert_list(&o->env, "A=x,y=z|B=q|C=|=1");
        o = CALL("exec", "i", "c");
        assert_list(&o->defaults, "all");
        assert_int_equal(o->number, 10);
        o = CALL("exec", "--types", "a", "--types", "b", "i", "c");
        assert_list(&o->defaults, "a|b");
}

static void global_options(void **state)
{
        const struct root_options *root;

        (void) state;
        CALL("-dc", "file", "exec", "-c", "i", "c");
        root = result.call.root_options;
        assert_true(root->debug);
        assert_string_equal(root->config, "file");
        assert_null(result.call.group_options);
        CALL("sif", "-c", "inner", "add", "a", "b");
        root = result.call.group_options;
        assert_string_equal(root->config, "inner");
        assert_int_equal(result.call.n_path, 3);
        assert_string_equal(result.call.command->name, "add");
        CALL("--", "exec", "i", "c");
        assert_string_equal(result.call.command->name, "exec");
}

static void pages_on_request(void **state)
{
        static const struct {
                const char *words[WORDS_MOST];
                const char *begins;
        } cases[] = {
                { { "--version" }, "apptainer version 1.2.3\n" },
                { { "-d", "--version", "exec", "a", "b" }, "apptainer version 1.2.3\n" },
                { { "--help" }, "s\n\nUsage:\n  apptainer [global options...]\n" },
                { { "--help", "exec" }, "s\n\nUsage:\n  apptainer [global options...]\n" },
                { { "exec", "-h" },
                  "start\n\nUsage:\n  apptainer exec [exec options...] <container> <command>\n" },
                { { "exec", "-ch", "x" }, "start\n\nUsage:\n" },
                { { "exec", "--later", "--help" }, "start\n\nUsage:\n" },
                { { "sif" }, "s\n\nUsage:\n  apptainer sif\n" },
                { { "siftool", "nosuch" }, "s\n\nUsage:\n  apptainer sif\n" },
                { { "cache", "-h" }, "c\n\nUsage:\n  apptainer cache\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct cli_result page;

                assert_int_equal(parse(&page, cases[i].words), CLI_PRINT);
                assert_int_equal(page.status, 0);
                assert_string_equal(text_get(&page.complaint), "");
                if (!text_starts(text_get(&page.out), cases[i].begins))
                        fail_msg("%s", text_get(&page.out));
                cli_result_done(&page);
        }
}

static void assert_failed(const char *const words[WORDS_MOST], const char *expected)
{
        struct cli_result failure;

        assert_int_equal(parse(&failure, words), CLI_FAILED);
        assert_string_equal(failure.error.text, expected);
        cli_result_done(&failure);
}

#define FAILED(expected, ...) assert_failed((const char *const[WORDS_MOST]){ __VA_ARGS__ }, expected)

static void refused_until_they_exist(void **state)
{
        (void) state;
        FAILED("soon is not available in this version yet", "soon", "x", "--y");
        FAILED("--later is not available in this version yet", "exec", "-cl", "i", "c");
        FAILED("--later-text is not available in this version yet", "exec", "--later-text", "x", "--later",
               "i", "c");
        CALL("exec", "--later=false", "--later-text=", "i", "c");
        setenv("APPTAINER_LATER", "1", 1);
        FAILED("APPTAINER_LATER is not available in this version yet", "exec", "i", "c");
        setenv("APPTAINER_LATER", "0", 1);
        CALL("exec", "i", "c");
        unsetenv("APPTAINER_LATER");
        setenv("SINGULARITY_LATER_TEXT", "x", 1);
        FAILED("SINGULARITY_LATER_TEXT is not available in this version yet", "exec", "i", "c");
        setenv("SINGULARITY_LATER_TEXT", " ", 1);
        CALL("exec", "i", "c");
        unsetenv("SINGULARITY_LATER_TEXT");
}

static void handed_over_unparsed(void **state)
{
        struct cli_result far;

        (void) state;
        assert_int_equal(parse(&far, (const char *const[WORDS_MOST]){ "-d", "far", "--nosuch" }),
                         CLI_ELSEWHERE);
        assert_string_equal(far.call.command->name, "far");
        assert_ptr_equal(far.call.whole_argv, line.at);
        cli_result_done(&far);
}

/* --- environment ---------------------------------------------------------------------------------------- */

/* Variables by pairs for the next command line only. */
static const struct options *with(const char *const *variables, const char *const words[WORDS_MOST])
{
        const struct options *o;

        for (size_t i = 0; variables[i]; i += 2)
                setenv(variables[i], variables[i + 1], 1);
        o = call(words);
        for (size_t i = 0; variables[i]; i += 2)
                unsetenv(variables[i]);
        return o;
}

#define VARIABLES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EXEC(...)      ((const char *const[WORDS_MOST]){ "exec", ##__VA_ARGS__, "i", "c" })

static void variables_set_options(void **state)
{
        const struct options *o;

        (void) state;
        o = with(VARIABLES("APPTAINER_CONTAIN", "1", "APPTAINER_NUMBER", "0x20", "APPTAINER_PLUS", "true"),
                 EXEC());
        assert_true(o->contain);
        assert_true(o->plus_seen);
        assert_int_equal(o->number, 32);
        assert_string_equal(text_get(&said), "");
        o = with(VARIABLES("APPTAINER_CONTAIN", "1"), EXEC("-c=0"));
        assert_false(o->contain);
        o = with(VARIABLES("APPTAINER_HOME", "one", "APPTAINER_TARGET_HOME", "two"), EXEC());
        assert_string_equal(o->home, "one");
        o = with(VARIABLES("APPTAINER_HOME", " ", "APPTAINER_TARGET_HOME", "two"), EXEC());
        assert_string_equal(o->home, "two");
        o = with(VARIABLES("SINGULARITY_HOME", "one", "APPTAINER_TARGET_HOME", "two"), EXEC());
        assert_string_equal(o->home, "two");
        o = with(VARIABLES("APPTAINER_LIST", " a , b,c "), EXEC());
        assert_list(&o->lists, "a|b|c");
        o = with(VARIABLES("APPTAINER_LIST", "a"), EXEC("--list", "x"));
        assert_list(&o->lists, "x");
        o = with(VARIABLES("APPTAINER_TYPES", "a"), EXEC());
        assert_list(&o->defaults, "a");
        with(VARIABLES("APPTAINER_DEBUG", "1", "APPTAINER_CONFIG_FILE", "f"), EXEC());
        assert_true(((const struct root_options *) result.call.root_options)->debug);
        o = CALL("exec", "i", "c");
        assert_false(o->plus_seen);
}

/* A typed --home wins over the variable of --house, which fills the same field. */
static void one_field_is_one_option(void **state)
{
        (void) state;
        assert_string_equal(with(VARIABLES("APPTAINER_HOUSE", "v"), EXEC("--home", "typed"))->home, "typed");
        assert_string_equal(with(VARIABLES("APPTAINER_HOUSE", "v"), EXEC())->home, "v");
}

static void variables_are_appended(void **state)
{
        const struct options *o;

        (void) state;
        o = with(VARIABLES("APPTAINER_BIND", "/a,/b", "APPTAINER_BINDPATH", "/c"), EXEC("-B", "/d"));
        assert_list(&o->binds, "/d|/a,/b|/c");
        o = with(VARIABLES("SINGULARITY_BIND", "/a", "APPTAINER_BIND", "/c", "SINGULARITY_BINDPATH", "/b"),
                 EXEC());
        assert_list(&o->binds, "/c|/b");
        assert_string_equal(
                text_get(&said),
                "-2 SINGULARITY_BIND and APPTAINER_BIND have different values, using the latter\n"
                "1 Environment variable SINGULARITY_BINDPATH is set, but APPTAINER_BINDPATH is preferred\n");
}

static void older_names(void **state)
{
        const struct options *o;

        (void) state;
        o = with(VARIABLES("SINGULARITY_CONTAIN", "1"), EXEC());
        assert_true(o->contain);
        assert_string_equal(
                text_get(&said),
                "1 Environment variable SINGULARITY_CONTAIN is set, but APPTAINER_CONTAIN is preferred\n");
        o = with(VARIABLES("SINGULARITY_CONTAIN", "0"), EXEC("-c"));
        assert_true(o->contain);
        assert_string_equal(
                text_get(&said),
                "1 Environment variable SINGULARITY_CONTAIN is set, but APPTAINER_CONTAIN is preferred\n");
        o = with(VARIABLES("SINGULARITY_CONTAIN", "1", "APPTAINER_CONTAIN", ""), EXEC());
        assert_false(o->contain);
        assert_string_equal(
                text_get(&said),
                "-2 SINGULARITY_CONTAIN and APPTAINER_CONTAIN have different values, using the latter\n");
        o = with(VARIABLES("SINGULARITY_CONTAIN", "1", "APPTAINER_CONTAIN", "1"), EXEC());
        assert_true(o->contain);
        assert_true(text_starts(text_get(&said), "5 "));
        with(VARIABLES("SINGULARITY_CONTAIN", "1", "SINGULARITY_DEBUG", "0", "SINGULARITY_BIND", "/x"),
             EXEC());
        assert_string_equal(
                text_get(&said),
                "1 Environment variable SINGULARITY_DEBUG is set, but APPTAINER_DEBUG is preferred\n"
                "1 Environment variable SINGULARITY_BIND is set, but APPTAINER_BIND is preferred\n"
                "1 Environment variable SINGULARITY_CONTAIN is set, but APPTAINER_CONTAIN is preferred\n");
}

/* Before any notice by the command line, behind all of them by the environment. */
static void level_is_set_twice(void **state)
{
        _cleanup_free_ char *expected = NULL;

        (void) state;
        with(VARIABLES("APPTAINER_DEBUG", "1", "SINGULARITY_CONTAIN", "1"), EXEC());
        expected = text_format("0 after 0 bytes\n1 after %zu bytes\n", said.used);
        assert_string_equal(text_get(&levels), expected);
}

static void bare_names(void **state)
{
        (void) state;
        assert_string_equal(with(VARIABLES("CLI_TEST_USER", "me"), EXEC())->user, "me");
        assert_string_equal(
                with(VARIABLES("CLI_TEST_USER", "me", "APPTAINER_CLI_TEST_USER", "you"), EXEC())->user,
                "you");
        assert_null(with(VARIABLES("CLI_TEST_USER", "me", "APPTAINER_CLI_TEST_USER", ""), EXEC())->user);
        assert_string_equal(with(VARIABLES("CLI_TEST_USER", "me"), EXEC("--user", "typed"))->user, "typed");
}

static void bad_variables(void **state)
{
        (void) state;
        setenv("APPTAINER_CONTAIN", "yes", 1);
        FAILED("While parsing environment variables: APPTAINER_CONTAIN=yes: neither true nor false", "exec",
               "i", "c");
        CALL("exec", "-c", "i", "c");
        unsetenv("APPTAINER_CONTAIN");
        setenv("SINGULARITY_DEBUG", "x", 1);
        FAILED("While parsing global environment variables: SINGULARITY_DEBUG=x: neither true nor false",
               "exec", "i", "c");
        unsetenv("SINGULARITY_DEBUG");
}

static void deprecated_options_warn(void **state)
{
        (void) state;
        assert_true(CALL("exec", "--old", "i", "c")->plus);
        assert_string_equal(text_get(&said), "-2 Flag --old has been deprecated, use --plus\n");
}

static int forget(void **state)
{
        (void) state;
        cli_result_done(&result);
        text_done(&said);
        text_done(&levels);
        text_list_done(&line);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refused_lines),           cmocka_unit_test(refused_until_they_exist),
                cmocka_unit_test(bad_variables),           cmocka_unit_test(flags_are_understood),
                cmocka_unit_test(lists_and_maps),          cmocka_unit_test(global_options),
                cmocka_unit_test(pages_on_request),        cmocka_unit_test(handed_over_unparsed),
                cmocka_unit_test(variables_set_options),   cmocka_unit_test(one_field_is_one_option),
                cmocka_unit_test(variables_are_appended),  cmocka_unit_test(older_names),
                cmocka_unit_test(level_is_set_twice),      cmocka_unit_test(bare_names),
                cmocka_unit_test(deprecated_options_warn),
        };

        unsetenv("COLUMNS");
        return cmocka_run_group_tests(tests, NULL, forget);
}
