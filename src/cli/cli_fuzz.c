/* The bytes are words separated by NUL: parsed as a command line, and completed as one. */
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "cli/cli.h"

#define BYTES_MOST 4096
#define WORDS_MOST 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct options {
        bool flag, other, later;
        const char *text;
        int64_t number;
        uint32_t id;
        struct text_list array, list, map;
};

#define FIELD(member) .offset = offsetof(struct options, member)

static const struct cli_option list[] = {
        { 'f', "flag", NULL, CLI_BOOL, FIELD(flag) },
        { 'o', "other", NULL, CLI_BOOL, FIELD(other), .flags = CLI_DEPRECATED, .note = "no" },
        { 'l', "later", NULL, CLI_BOOL, FIELD(later), .flags = CLI_NOT_YET },
        { 't', "text", "TEXT", CLI_STRING, FIELD(text) },
        { 'n', "number", "N", CLI_INT, FIELD(number), .fallback = "3" },
        { 'i', "id", "N", CLI_UINT32, FIELD(id) },
        { 'B', "array", "A", CLI_ARRAY, FIELD(array) },
        { 'L', "list", "A", CLI_LIST, FIELD(list), .fallback = "a,b" },
        { 'E', "map", "K=V", CLI_MAP, FIELD(map) },
};
static const struct cli_option_table tables[] = { { list, ARRAY_SIZE(list) } };

static int handler(const struct cli_call *call)
{
        return call->argc;
}

#define COMMAND                                                                                              \
        .summary = "s", .tables = tables, .n_tables = 1, .options_size = sizeof(struct options),             \
        .handler = handler

static const struct cli_command exec = { .name = "e", .use = "e", COMMAND, .args_least = 1, .args_most = -1 };
static const struct cli_command add = {
        .name = "a", .use = "a", COMMAND, .args_most = 2, .flags = CLI_INTERSPERSED
};
static const struct cli_command raw = {
        .name = "r", .use = "r", COMMAND, .args_most = -1, .flags = CLI_RAW_ARGUMENTS
};
static const struct cli_command group = { .name = "g",
                                          .use = "g",
                                          .summary = "s",
                                          .tables = tables,
                                          .n_tables = 1,
                                          .options_size = sizeof(struct options),
                                          .subcommands =
                                                  (const struct cli_command *const[]){ &add, &raw, NULL } };
static const struct cli_command root = { .name = "p",
                                         .use = "p",
                                         .summary = "s",
                                         .tables = tables,
                                         .n_tables = 1,
                                         .options_size = sizeof(struct options),
                                         .flags = CLI_ROOT,
                                         .subcommands =
                                                 (const struct cli_command *const[]){ &exec, &group, NULL } };

static void try_completion(char **words, size_t n)
{
        _cleanup_text_ struct text answer = TEXT_INIT;

        if (n > 1)
                cli_complete(&root, words + 1, n - 1, true, &answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const struct cli_program program = { .root = &root, .version = "1" };
        struct cli_result result;
        char *words[WORDS_MOST + 2] = { 0 };
        _cleanup_free_ char *copy = NULL;
        size_t n = 0, at = 0;

        if (size > BYTES_MOST)
                return 0;
        copy = text_dup_bytes((const char *) bytes, size);
        words[n++] = copy + size;
        while (at <= size && n <= WORDS_MOST) {
                words[n++] = copy + at;
                at += strlen(copy + at) + 1;
        }
        if (cli_parse(&program, (int) n, words, &result) == CLI_CALL)
                result.call.command->handler(&result.call);
        cli_result_done(&result);
        try_completion(words, n);
        return 0;
}
