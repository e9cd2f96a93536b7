#include "cli/cli_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

enum { STATUS_USAGE = 1 };

/* What parsing of one command line carries along. */
struct parse {
        const struct cli_program *program;
        struct cli_result *result;
        char **argv;
        size_t argc, at; /* next word */
        struct cli_level levels[CLI_LEVELS_MAX];
        size_t n_levels;
        struct err refusal; /* the first option of CLI_NOT_YET, told when nothing else is wrong */
};

static struct cli_level *level_push(struct parse *p, const struct cli_command *command)
{
        struct cli_level *level = &p->levels[p->n_levels];

        *level = (struct cli_level){ .command = command };
        level->options = text_alloc(command->options_size);
        level->seen = text_alloc(cli_option_count(command) + 1);
        p->result->level_options[p->n_levels] = level->options;
        p->result->level_commands[p->n_levels] = command;
        p->result->n_levels = ++p->n_levels;
        cli_value_defaults(command, level->options);
        return level;
}

/* --- flags ---------------------------------------------------------------------------------------- */

static const struct cli_option *find_long(const struct cli_level *level, const char *name, size_t size,
                                          size_t *ret)
{
        for (size_t i = 0; i < cli_option_count(level->command); i++) {
                const struct cli_option *option = cli_option_at(level->command, i);

                if (strlen(option->name) == size && memcmp(option->name, name, size) == 0) {
                        *ret = i;
                        return option;
                }
        }
        return NULL;
}

static const struct cli_option *find_short(const struct cli_level *level, char letter, size_t *ret)
{
        for (size_t i = 0; i < cli_option_count(level->command); i++) {
                const struct cli_option *option = cli_option_at(level->command, i);

                if (option->letter == letter && letter) {
                        *ret = i;
                        return option;
                }
        }
        return NULL;
}

/* `"a\"b"`, as the original quotes values in messages. */
static char *quoted(const char *value)
{
        struct text out = TEXT_INIT;

        text_add_char(&out, '"');
        for (; *value; value++) {
                if (*value == '"' || *value == '\\')
                        text_add_char(&out, '\\');
                text_add_char(&out, *value);
        }
        text_add_char(&out, '"');
        return text_take(&out);
}

static void warn_deprecated(struct parse *p, const struct cli_option *option)
{
        if (option->flags & CLI_DEPRECATED)
                note(p->program->notes, LOG_WARNING, "Flag --%s has been deprecated, %s", option->name,
                     option->note ? option->note : "it will go away");
}

static int store(struct parse *p, struct cli_level *level, size_t index, const char *value, struct err *e)
{
        const struct cli_option *option = cli_option_at(level->command, index);
        _cleanup_text_ struct text names = TEXT_INIT;
        _cleanup_free_ char *shown = NULL, *flag = NULL;
        struct err why = ERR_INIT;
        int r = cli_value_store(option, level->options, value, !level->seen[index], &why);

        if (r < 0) {
                cli_option_names(option, &names);
                shown = quoted(value);
                return err_set(e, r, "invalid argument %s for \"%s\" flag: %s", shown, text_get(&names),
                               why.text);
        }
        level->seen[index] = true;
        warn_deprecated(p, option);
        if ((option->flags & CLI_NOT_YET) && cli_value_wanted(option, value) && !p->refusal.code) {
                flag = text_format("--%s", option->name);
                cli_refuse_option(option, flag, &p->refusal);
        }
        return 0;
}

static bool builtin_flag(struct cli_level *level, const char *name, size_t size)
{
        if (size == 4 && memcmp(name, "help", 4) == 0)
                return level->help = true;
        if ((level->command->flags & CLI_ROOT) && size == 7 && memcmp(name, "version", 7) == 0)
                return level->version = true;
        return false;
}

/* --name, --name=value, --name value; p->at is behind the word. */
static int parse_long(struct parse *p, struct cli_level *level, const char *word, struct err *e)
{
        const char *name = word + 2, *equals = strchr(name, '=');
        size_t size = equals ? (size_t) (equals - name) : strlen(name), index;
        const struct cli_option *option;

        if (name[0] == '-' || name[0] == '=')
                return err_set(e, -EINVAL, "bad flag syntax: %s", word);
        option = find_long(level, name, size, &index);
        if (!option) {
                if (!equals && builtin_flag(level, name, size))
                        return 0;
                return err_set(e, -EINVAL, "unknown flag: --%.*s", (int) size, name);
        }
        if (equals)
                return store(p, level, index, equals + 1, e);
        if (option->type == CLI_BOOL)
                return store(p, level, index, "true", e);
        if (p->at == p->argc)
                return err_set(e, -EINVAL, "flag needs an argument: %s", word);
        return store(p, level, index, p->argv[p->at++], e);
}

/* The value of a short flag is what stands behind it in the word, without a leading '=' if more follows, or
 * else the next word. */
static int parse_short_value(struct parse *p, struct cli_level *level, size_t index, const char *letters,
                             struct err *e)
{
        if (letters[1] == '=' && letters[2])
                return store(p, level, index, letters + 2, e);
        if (letters[1])
                return store(p, level, index, letters + 1, e);
        if (p->at == p->argc)
                return err_set(e, -EINVAL, "flag needs an argument: '%c' in -%s", letters[0], letters);
        return store(p, level, index, p->argv[p->at++], e);
}

static int parse_short(struct parse *p, struct cli_level *level, const char *word, struct err *e)
{
        for (const char *letters = word + 1; *letters; letters++) {
                size_t index;
                const struct cli_option *option = find_short(level, *letters, &index);
                int r;

                if (!option && *letters == 'h') {
                        level->help = true;
                        continue;
                }
                if (!option)
                        return err_set(e, -EINVAL, "unknown shorthand flag: '%c' in -%s", *letters, letters);
                if (option->type != CLI_BOOL || (letters[1] == '=' && letters[2]))
                        return parse_short_value(p, level, index, letters, e);
                r = store(p, level, index, "true", e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void positional_add(struct parse *p, char *word)
{
        p->result->positional[p->result->call.argc++] = word;
}

/* Takes the flags of a level, and of a last level all its words.  A group stops at the first word that is no
 * flag. */
static int parse_flags(struct parse *p, struct cli_level *level, struct err *e)
{
        bool ended = (level->command->flags & CLI_RAW_ARGUMENTS) != 0;
        bool group = level->command->subcommands != NULL;
        int r = 0;

        while (r >= 0 && p->at < p->argc) {
                char *word = p->argv[p->at];

                if (!ended && strcmp(word, "--") == 0) {
                        ended = true;
                        p->at++;
                        continue;
                }
                if (ended || word[0] != '-' || !word[1]) {
                        if (group)
                                return 0;
                        positional_add(p, word);
                        p->at++;
                        ended = ended || !(level->command->flags & CLI_INTERSPERSED);
                        continue;
                }
                p->at++;
                r = word[1] == '-' ? parse_long(p, level, word, e) : parse_short(p, level, word, e);
        }
        return r;
}

/* --- outcomes ------------------------------------------------------------------------------------- */

void cli_usage_error(const struct cli_call *call, const char *message, struct text *out,
                     struct text *complaint)
{
        text_printf(complaint, "Error for command \"%s\": %s\n\n", call->command->name, message);
        cli_usage(call->path, call->n_path, out);
        text_add_char(out, '\n');
        cli_last_line(call->program, out);
}

static enum cli_outcome usage_error(struct parse *p, const char *message)
{
        cli_usage_error(&p->result->call, message, &p->result->out, &p->result->complaint);
        p->result->status = STATUS_USAGE;
        return CLI_PRINT;
}

/* Words of the command line may come from a script's input: nothing of them steers the terminal. */
static enum cli_outcome flag_error(struct parse *p, const struct err *e)
{
        const struct cli_command *command = p->levels[p->n_levels - 1].command;
        _cleanup_free_ char *clean = text_printable(e->text);
        struct text *out = &p->result->out;

        text_printf(&p->result->complaint, "Error for command \"%s\": %s\n\n", command->name, clean);
        text_printf(out, "Options for %s command:\n\n", command->name);
        cli_option_list(command, cli_columns(), out);
        text_add_char(out, '\n');
        cli_last_line(p->program->root->name, out);
        p->result->status = STATUS_USAGE;
        return CLI_PRINT;
}

static enum cli_outcome help_page(struct parse *p)
{
        cli_help(p->result->call.path, p->result->call.n_path, &p->result->out);
        p->result->status = 0;
        return CLI_PRINT;
}

static enum cli_outcome unknown_command(struct parse *p, const char *name)
{
        const struct cli_command *root = p->program->root;
        _cleanup_text_ struct text near = TEXT_INIT;
        _cleanup_free_ char *clean = text_printable(name);
        struct text *complaint = &p->result->complaint;

        cli_suggest(root, name, &near);
        text_printf(complaint, "Error: unknown command \"%s\" for \"%s\"\n", clean, root->name);
        if (near.used)
                text_printf(complaint, "\nDid you mean this?\n%s\n", near.at);
        text_add_char(complaint, '\n');
        cli_usage(&root, 1, &p->result->out);
        text_add_char(&p->result->out, '\n');
        cli_last_line(root->name, &p->result->out);
        p->result->status = STATUS_USAGE;
        return CLI_PRINT;
}

/* A group whose next word names none of its commands, or that has no next word. */
static enum cli_outcome group_without_command(struct parse *p, struct cli_level *level)
{
        const char *word = p->at < p->argc ? p->argv[p->at] : NULL;

        if (level->command != p->program->root)
                return level->command->flags & CLI_STRICT_GROUP ? usage_error(p, "invalid command")
                                                                : help_page(p);
        if (word)
                return unknown_command(p, word);
        cli_usage(&level->command, 1, &p->result->out);
        text_add_char(&p->result->out, '\n');
        cli_last_line(level->command->name, &p->result->out);
        p->result->status = STATUS_USAGE;
        return CLI_PRINT;
}

static enum cli_outcome failed(struct parse *p, const struct err *e)
{
        p->result->error = *e;
        return CLI_FAILED;
}

static enum cli_outcome refuse_command(struct parse *p)
{
        struct err e = ERR_INIT;

        err_set(&e, -ENOTSUP, "%s is not available in this version yet",
                p->levels[p->n_levels - 1].command->name);
        return failed(p, &e);
}

int cli_refuse_option(const struct cli_option *option, const char *how, struct err *e)
{
        int r = err_set(e, -ENOTSUP, "%s is not available in this version yet", how);

        return option->note ? err_hint(e, r, "%s", option->note) : r;
}

/* --- the checks of the last level ------------------------------------------------------------------ */

/* The wording is the original's, which clients see in logs. */
static int check_count(const struct cli_command *c, int n, struct err *e)
{
        if (n >= c->args_least && (c->args_most < 0 || n <= c->args_most))
                return 0;
        if (c->args_most < 0)
                return err_set(e, -EINVAL, "requires at least %d arg(s), only received %d", c->args_least, n);
        if (c->args_most == c->args_least)
                return err_set(e, -EINVAL, "accepts %d arg(s), received %d", c->args_least, n);
        return err_set(e, -EINVAL, "accepts between %d and %d arg(s), received %d", c->args_least,
                       c->args_most, n);
}

static void tell_seen(const struct cli_level *level)
{
        for (size_t i = 0; i < cli_option_count(level->command); i++) {
                const struct cli_option *option = cli_option_at(level->command, i);

                if (option->seen_offset && level->seen[i])
                        *(bool *) ((char *) level->options + option->seen_offset) = true;
        }
}

static enum cli_outcome check_required(struct parse *p, const struct cli_level *level)
{
        _cleanup_text_ struct text message = TEXT_INIT;

        for (size_t i = 0; i < cli_option_count(level->command); i++) {
                const struct cli_option *option = cli_option_at(level->command, i);

                if ((option->flags & CLI_REQUIRED) && !level->seen[i])
                        text_printf(&message, "%s\"%s\"", message.used ? ", " : "required flag(s) ",
                                    option->name);
        }
        if (!message.used)
                return CLI_CALL;
        text_add(&message, " not set");
        return usage_error(p, message.at);
}

static void fill_call(struct parse *p, char **argv)
{
        struct cli_call *call = &p->result->call;
        const struct cli_level *last = &p->levels[p->n_levels - 1];

        call->command = last->command;
        call->program = p->program->root->name;
        call->options = last->options;
        call->argv = p->result->positional;
        call->whole_argv = argv;
        call->root = p->program->root;
        call->root_options = p->levels[0].options;
        call->group_options = p->n_levels == 3 ? p->levels[1].options : NULL;
        for (size_t i = 0; i < p->n_levels; i++)
                call->path[i] = p->levels[i].command;
        call->n_path = p->n_levels;
}

static int bind_environment(struct parse *p, struct err *e)
{
        int r = cli_environment_bind(&p->levels[0], true, p->program->notes, e);

        if (r >= 0 && p->n_levels > 1)
                r = cli_environment_bind(&p->levels[p->n_levels - 1], false, p->program->notes, e);
        /* Last: notices about variables follow the -q of the command line, not APPTAINER_QUIET. */
        if (p->program->globals)
                p->program->globals(p->levels[0].options);
        return r;
}

static enum cli_outcome parse_last(struct parse *p, struct cli_level *level)
{
        struct err e = ERR_INIT;
        enum cli_outcome outcome;

        if (parse_flags(p, level, &e) < 0)
                return flag_error(p, &e);
        if (level->help)
                return help_page(p);
        if (check_count(level->command, p->result->call.argc, &e) < 0)
                return usage_error(p, e.text);
        if (bind_environment(p, &e) < 0)
                return failed(p, &e);
        if (p->refusal.code)
                return failed(p, &p->refusal);
        outcome = check_required(p, level);
        for (size_t i = 0; i < p->n_levels; i++)
                tell_seen(&p->levels[i]);
        return outcome;
}

/* From the root down to the command that is meant. */
static enum cli_outcome parse_levels(struct parse *p, char **argv)
{
        const struct cli_command *command = p->program->root;

        for (;;) {
                struct cli_level *level = level_push(p, command);
                struct err e = ERR_INIT;

                fill_call(p, argv);
                if (command->flags & CLI_COMMAND_NOT_YET)
                        return refuse_command(p);
                if (!command->subcommands && !command->handler)
                        return CLI_ELSEWHERE;
                if (!command->subcommands)
                        return parse_last(p, level);
                if (parse_flags(p, level, &e) < 0)
                        return flag_error(p, &e);
                if (level->help)
                        return help_page(p);
                if (level->version) {
                        text_printf(&p->result->out, "%s version %s\n", command->name, p->program->version);
                        return CLI_PRINT;
                }
                if (p->n_levels == 1 && p->program->globals)
                        p->program->globals(level->options);
                command = p->at < p->argc ? cli_find(command, p->argv[p->at]) : NULL;
                if (!command || p->n_levels == CLI_LEVELS_MAX)
                        return group_without_command(p, level);
                p->at++;
        }
}

enum cli_outcome cli_parse(const struct cli_program *program, int argc, char **argv, struct cli_result *ret)
{
        size_t words = argc > 0 ? (size_t) argc : 0;
        struct parse p = {
                .program = program, .result = ret, .argv = argv, .argc = words, .at = words ? 1 : 0
        };
        enum cli_outcome outcome;

        *ret = (struct cli_result){ .status = 0 };
        ret->positional = text_alloc((words + 1) * sizeof(*ret->positional));
        outcome = parse_levels(&p, argv);
        for (size_t i = 0; i < p.n_levels; i++)
                free(p.levels[i].seen);
        return outcome;
}

void cli_result_done(struct cli_result *result)
{
        for (size_t i = 0; i < result->n_levels; i++) {
                cli_value_done(result->level_commands[i], result->level_options[i]);
                free(result->level_options[i]);
        }
        free(result->positional);
        text_done(&result->out);
        text_done(&result->complaint);
        *result = (struct cli_result){ .status = 0 };
}
