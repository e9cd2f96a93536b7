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

static struct text_list line; /* the last command line, which results borrow from */

#define WORDS_MOST 8

static enum cli_outcome parse(struct cli_result *result, const char *const words[WORDS_MOST])
{
        const struct cli_program program = { .root = &root_command, .version = "1.2.3", .notes = &notes };

        text_done(&said);
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
                { { "nosuch" }, "Error: unknown command \"nosuch\" for \"apptainer\"\n\n" },
                { { "exe" },
                  "Error: unknown command \"exe\" for \"apptainer\"\n\nDid you mean this?\n\texec\n\n\n" },
                { { "INSPECt" },
                  "Error: unknown command \"INSPECt\" for \"apptainer\"\n\nDid you mean this?\n\tinspect\n\n\n" },
                { { NULL }, "" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct cli_result result;

                assert_int_equal(parse(&result, cases[i].words), CLI_PRINT);
                assert_string_equal(text_get(&result.complaint), cases[i].complaint);
                assert_int_equal(result.status, 1);
                assert_true(text_ends(text_get(&result.out),
                                      "\nRun 'apptainer --help' for more detailed usage information.\n"));
                cli_result_done(&result);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refused_lines),
        };

        unsetenv("COLUMNS");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
