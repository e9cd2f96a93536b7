/* The tables themselves: what no compiler checks, for every command. */
#include "base/test.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "cli/cli.h"
#include "cmd/commands.h"

#define OPTION_HELP_MOST 200 /* characters; longer text belongs into the description */
#define SUMMARY_MOST     60
#define PAGE_COLUMNS     80

typedef void (*visit)(const struct cli_command *const *path, size_t n);

static void walk(const struct cli_command **path, size_t n, visit v)
{
        v(path, n);
        for (const struct cli_command *const *c = path[n - 1]->subcommands; c && *c; c++) {
                assert_true(n < CLI_LEVELS_MAX);
                path[n] = *c;
                walk(path, n + 1, v);
        }
}

static void each_command(visit v)
{
        const struct cli_command *path[CLI_LEVELS_MAX] = { &cmd_root };

        walk(path, 1, v);
}

#define FAIL(path, n, option, what) fail_msg("%s --%s: %s", (path)[(n) -1]->name, (option)->name, what)

static size_t field_size(enum cli_type type)
{
        switch (type) {
        case CLI_BOOL:
                return sizeof(bool);
        case CLI_STRING:
                return sizeof(const char *);
        case CLI_INT:
                return sizeof(int64_t);
        case CLI_UINT32:
                return sizeof(uint32_t);
        default:
                return sizeof(struct text_list);
        }
}

static void check_option(const struct cli_command *const *path, size_t n, const struct cli_option *o)
{
        size_t size = path[n - 1]->options_size;
        const char *help = o->help ? o->help : "";

        if ((o->value == NULL) != (o->type == CLI_BOOL))
                FAIL(path, n, o, "a bool has no name of a value, all others have one");
        if (o->offset + field_size(o->type) > size || o->seen_offset + sizeof(bool) > size)
                FAIL(path, n, o, "fills something outside of the command's struct");
        if (o->letter == 'h' || strcmp(o->name, "help") == 0)
                FAIL(path, n, o, "every command has --help and -h");
        if (cli_option_shown(o) && (!*help || strlen(help) > OPTION_HELP_MOST))
                FAIL(path, n, o, "help is missing or too long");
        if (text_ends(help, "."))
                FAIL(path, n, o, "help ends with a period");
        for (size_t k = 0; k < ARRAY_SIZE(o->env) && o->env[k]; k++)
                for (const char *c = o->env[k]; *c; c++)
                        if (!isupper((unsigned char) *c) && !isdigit((unsigned char) *c) && *c != '_')
                                FAIL(path, n, o, "a key of the environment is not in capitals");
        if ((o->flags & CLI_BARE_ENV) && !o->env[0])
                FAIL(path, n, o, "bare variable without a key");
        if (o->env[0] && n == 2 && path[1]->subcommands)
                FAIL(path, n, o, "options of a group are not bound to the environment");
        if ((o->flags & CLI_DEPRECATED) && !o->note)
                FAIL(path, n, o, "deprecated without a word what to use");
}

static bool share_key(const struct cli_option *a, const struct cli_option *b)
{
        for (size_t i = 0; i < ARRAY_SIZE(a->env) && a->env[i]; i++)
                for (size_t k = 0; k < ARRAY_SIZE(b->env) && b->env[k]; k++)
                        if (strcmp(a->env[i], b->env[k]) == 0)
                                return true;
        return false;
}

static void check_options(const struct cli_command *const *path, size_t n)
{
        const struct cli_command *c = path[n - 1];

        for (size_t i = 0; i < cli_option_count(c); i++) {
                const struct cli_option *a = cli_option_at(c, i);

                check_option(path, n, a);
                for (size_t k = i + 1; k < cli_option_count(c); k++) {
                        const struct cli_option *b = cli_option_at(c, k);

                        if (strcmp(a->name, b->name) == 0)
                                FAIL(path, n, a, "is there twice");
                        if (a->letter && a->letter == b->letter)
                                FAIL(path, n, a, "shares its letter with another");
                        if (share_key(a, b))
                                FAIL(path, n, a, "shares its variable with another");
                        if (a->offset == b->offset && a->type != b->type)
                                FAIL(path, n, a, "shares its field with one of another type");
                }
        }
}

static void options_are_sound(void **state)
{
        (void) state;
        each_command(check_options);
}

static void check_command(const struct cli_command *const *path, size_t n)
{
        const struct cli_command *c = path[n - 1];

        if (!cli_command_shown(c))
                return;
        if (!c->summary || strlen(c->summary) > SUMMARY_MOST || c->summary[strlen(c->summary) - 1] == '.')
                fail_msg("%s: the summary is missing, too long, or a sentence", c->name);
        if (!c->description)
                fail_msg("%s: no description", c->name);
        if (!text_starts(c->use, c->name))
                fail_msg("%s: the use line begins otherwise", c->name);
        if (c->args_most >= 0 && c->args_least > c->args_most)
                fail_msg("%s: more arguments asked for than allowed", c->name);
        if (c->subcommands && c->handler)
                fail_msg("%s: a group with a handler", c->name);
}

static void commands_are_sound(void **state)
{
        (void) state;
        each_command(check_command);
}

static void check_names(const struct cli_command *const *path, size_t n)
{
        const char *before = "";

        for (const struct cli_command *const *c = path[n - 1]->subcommands; c && *c; c++) {
                if (cli_find(path[n - 1], (*c)->name) != *c)
                        fail_msg("%s: the name is taken", (*c)->name);
                for (const char *const *alias = (*c)->aliases; alias && *alias; alias++)
                        if (cli_find(path[n - 1], *alias) != *c)
                                fail_msg("%s: the name is taken", *alias);
                if (!cli_command_shown(*c))
                        continue;
                if (strcmp(before, (*c)->name) >= 0)
                        fail_msg("%s: not in the order of names", (*c)->name);
                before = (*c)->name;
        }
}

static void names_are_unique_and_sorted(void **state)
{
        (void) state;
        each_command(check_names);
}

static void assert_narrow(const char *name, const char *page)
{
        while (*page) {
                size_t size = strcspn(page, "\n"), columns = 0;

                for (size_t i = 0; i < size; i++)
                        columns += ((unsigned char) page[i] & 0xc0) != 0x80;
                if (columns > PAGE_COLUMNS)
                        fail_msg("%s: wider than %d columns: %.*s", name, PAGE_COLUMNS, (int) size, page);
                if (size && page[size - 1] == ' ')
                        fail_msg("%s: a blank at the end of: %.*s", name, (int) size, page);
                page += size + (page[size] ? 1 : 0);
        }
}

static void check_page(const struct cli_command *const *path, size_t n)
{
        _cleanup_text_ struct text page = TEXT_INIT;

        cli_help(path, n, &page);
        assert_narrow(path[n - 1]->name, page.at);
        for (size_t i = 0; i < cli_option_count(path[n - 1]); i++) {
                const struct cli_option *o = cli_option_at(path[n - 1], i);
                _cleanup_text_ struct text head = TEXT_INIT;
                const char *at;

                if (o->letter)
                        text_printf(&head, "\n  -%c, --%s", o->letter, o->name);
                else
                        text_printf(&head, "\n      --%s", o->name);
                at = strstr(page.at, head.at);
                while (at && at[head.used] != ' ' && at[head.used] != '\n')
                        at = strstr(at + 1, head.at);
                if ((at != NULL) != cli_option_shown(o))
                        FAIL(path, n, o, "help page and table differ");
        }
}

static void help_pages_fit(void **state)
{
        (void) state;
        each_command(check_page);
}

static void check_man(const struct cli_command *const *path, size_t n)
{
        _cleanup_text_ struct text page = TEXT_INIT;

        if (!cli_command_shown(path[n - 1]))
                return;
        cli_man(path, n, "1.0", &page);
        for (size_t i = 0; i < cli_option_count(path[n - 1]); i++) {
                const struct cli_option *o = cli_option_at(path[n - 1], i);
                _cleanup_text_ struct text name = TEXT_INIT;

                text_add(&name, "\\fB\\-\\-");
                for (const char *c = o->name; *c; c++)
                        text_printf(&name, "%s%c", *c == '-' ? "\\" : "", *c);
                text_add(&name, "\\fR");
                if ((strstr(page.at, name.at) != NULL) != cli_option_shown(o))
                        FAIL(path, n, o, "manual page and table differ");
        }
}

static void manual_pages_name_every_option(void **state)
{
        (void) state;
        each_command(check_man);
}

static void check_completion(const struct cli_command *const *path, size_t n)
{
        _cleanup_text_list_ struct text_list words = TEXT_LIST_INIT;
        _cleanup_text_ struct text answer = TEXT_INIT;

        if (path[n - 1]->flags & (CLI_RAW_ARGUMENTS | CLI_COMMAND_NOT_YET))
                return;
        for (size_t i = 1; i < n; i++)
                text_list_add(&words, path[i]->name);
        text_list_add(&words, "--");
        text_add_char(&answer, '\n');
        cli_complete(&cmd_root, words.at, words.n, false, &answer);
        for (size_t i = 0; i < cli_option_count(path[n - 1]); i++) {
                const struct cli_option *o = cli_option_at(path[n - 1], i);
                _cleanup_free_ char *name = text_format("\n--%s\n", o->name);

                if ((strstr(answer.at, name) != NULL) != cli_option_shown(o))
                        FAIL(path, n, o, "completion and table differ");
        }
        assert_non_null(strstr(answer.at, "\n--help\n"));
        assert_true(text_ends(answer.at, "\n:4\n"));
}

static void completion_offers_every_option(void **state)
{
        (void) state;
        each_command(check_completion);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_are_sound),
                cmocka_unit_test(commands_are_sound),
                cmocka_unit_test(names_are_unique_and_sorted),
                cmocka_unit_test(help_pages_fit),
                cmocka_unit_test(manual_pages_name_every_option),
                cmocka_unit_test(completion_offers_every_option),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
