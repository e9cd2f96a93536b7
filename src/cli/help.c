#include "cli/cli_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/num.h"

#define SHORT_ROOM     34 /* columns before the help text of an option; longer names get a line of their own */
#define COMMAND_COLUMN 14
#define WIDTH_LEAST    40
#define SUPPORT        "https://apptainer.org/help/"

size_t cli_columns(void)
{
        const char *variable = getenv("COLUMNS");
        struct winsize size;
        uint64_t columns;

        if (variable && num_u64(variable, 10, WIDTH_LEAST, 1000, &columns) == 0)
                return (size_t) columns;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_LEAST)
                return size.ws_col;
        return CLI_WIDTH;
}

void cli_last_line(const char *program, struct text *out)
{
        text_printf(out, "Run '%s --help' for more detailed usage information.\n", program);
}

/* --- options ---------------------------------------------------------------------------------------- */

static int compare_options(const void *a, const void *b)
{
        const struct cli_option *x = *(const struct cli_option *const *) a,
                                *y = *(const struct cli_option *const *) b;

        return strcmp(x->name, y->name);
}

static const struct cli_option help_option = {
        .letter = 'h', .name = "help", .type = CLI_BOOL, .help = "explain this command"
};
static const struct cli_option version_option = { .name = "version",
                                                  .type = CLI_BOOL,
                                                  .help = "print the version" };

const struct cli_option **cli_sorted_options(const struct cli_command *command, size_t *ret_n)
{
        size_t n = 0, all = cli_option_count(command);
        const struct cli_option **list = text_alloc((all + 2) * sizeof(*list));

        for (size_t i = 0; i < all; i++)
                if (cli_option_shown(cli_option_at(command, i)))
                        list[n++] = cli_option_at(command, i);
        list[n++] = &help_option;
        if (command->flags & CLI_ROOT)
                list[n++] = &version_option;
        qsort(list, n, sizeof(*list), compare_options);
        *ret_n = n;
        return list;
}

static void option_head(const struct cli_option *option, struct text *out)
{
        text_add(out, option->letter ? "  " : "      ");
        cli_option_names(option, out);
        if (option->type != CLI_BOOL)
                text_printf(out, " %s", option->value ? option->value : "VALUE");
}

static void option_text(const struct cli_command *command, const struct cli_option *option, struct text *out)
{
        if (option == &help_option)
                text_printf(out, "help for %s", command->name);
        else
                text_add(out, option->help ? option->help : "");
        if (option->fallback)
                text_printf(out, " (default %s)", option->fallback);
}

static size_t text_column(const struct cli_option *const *list, size_t n)
{
        size_t column = 0;

        for (size_t i = 0; i < n; i++) {
                _cleanup_text_ struct text head = TEXT_INIT;

                option_head(list[i], &head);
                if (head.used + 3 > column && head.used + 3 <= SHORT_ROOM)
                        column = head.used + 3;
        }
        return column ? column : SHORT_ROOM;
}

void cli_option_list(const struct cli_command *command, size_t width, struct text *out)
{
        size_t n, column;
        _cleanup_free_ const struct cli_option **list = cli_sorted_options(command, &n);

        column = text_column(list, n);
        for (size_t i = 0; i < n; i++) {
                _cleanup_text_ struct text head = TEXT_INIT, text = TEXT_INIT;

                option_head(list[i], &head);
                option_text(command, list[i], &text);
                text_add(out, text_get(&head));
                if (head.used + 3 > column)
                        text_printf(out, "\n%*s", (int) column, "");
                else
                        text_printf(out, "%*s", (int) (column - head.used), "");
                cli_wrap(out, text_get(&text), column, column, width);
        }
}

/* --- usage and help pages ---------------------------------------------------------------------------- */

static bool has_shown_subcommand(const struct cli_command *command)
{
        for (const struct cli_command *const *c = command->subcommands; c && *c; c++)
                if (cli_command_shown(*c))
                        return true;
        return false;
}

static void command_list(const struct cli_command *group, struct text *out)
{
        text_add(out, "Available Commands:\n");
        for (const struct cli_command *const *c = group->subcommands; *c; c++) {
                if (!cli_command_shown(*c))
                        continue;
                text_printf(out, "  %-*s", COMMAND_COLUMN - 2, (*c)->name);
                if (strlen((*c)->name) + 2 >= COMMAND_COLUMN)
                        text_add_char(out, ' ');
                cli_wrap(out, (*c)->summary, COMMAND_COLUMN, COMMAND_COLUMN, CLI_WIDTH);
        }
}

void cli_usage(const struct cli_command *const *path, size_t n, struct text *out)
{
        const struct cli_command *last = path[n - 1];

        text_add(out, "Usage:\n ");
        for (size_t i = 0; i < n; i++)
                text_printf(out, " %s", path[i]->use);
        text_add(out, last->subcommands ? " <command>\n" : "\n");
        if (has_shown_subcommand(last)) {
                text_add_char(out, '\n');
                command_list(last, out);
        }
}

static void indented(struct text *out, const char *string)
{
        text_add(out, "  ");
        cli_wrap(out, string, 2, 2, CLI_WIDTH);
}

void cli_help(const struct cli_command *const *path, size_t n, struct text *out)
{
        const struct cli_command *last = path[n - 1];

        cli_wrap(out, last->summary, 0, 0, CLI_WIDTH);
        text_add(out, "\nUsage:\n ");
        for (size_t i = 0; i + 1 < n; i++)
                text_printf(out, " %s", path[i]->name);
        text_printf(out, " %s\n", last->use);
        if (last->description) {
                text_add(out, "\nDescription:\n");
                indented(out, last->description);
        }
        text_add(out, "\nOptions:\n");
        cli_option_list(last, CLI_WIDTH, out);
        if (has_shown_subcommand(last)) {
                text_add_char(out, '\n');
                command_list(last, out);
        }
        if (last->examples) {
                text_add(out, "\nExamples:\n");
                indented(out, last->examples);
        }
        text_add(out, "\n\nMore help: " SUPPORT "\n");
}
