/* Manual pages, in the man(7) macros. */
#include "cli/cli_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

/* One line: no newline in it.  Source: groff_char(7), man(7). */
static void add_escaped(struct text *out, const char *at, size_t size)
{
        if (size && (at[0] == '.' || at[0] == '\''))
                text_add(out, "\\&");
        for (size_t i = 0; i < size; i++) {
                if (at[i] == '\\')
                        text_add(out, "\\e");
                else if (at[i] == '-')
                        text_add(out, "\\-");
                else
                        text_add_char(out, at[i]);
        }
}

static void add_word(struct text *out, const char *string)
{
        add_escaped(out, string, strlen(string));
}

/* What stands before the next blank line; returns what comes behind it.  Lines that start with a blank, or
 * all lines when `verbatim`, keep their shape. */
static const char *add_block(struct text *out, const char *string, bool verbatim)
{
        bool keep = verbatim || *string == ' ' || *string == '\t';

        if (keep)
                text_add(out, ".nf\n");
        for (bool first = true; *string && *string != '\n'; first = false) {
                size_t size = strcspn(string, "\n");

                if (!keep && !first)
                        text_add(out, ".br\n");
                add_escaped(out, string, size);
                text_add_char(out, '\n');
                string += size + (string[size] ? 1 : 0);
        }
        if (keep)
                text_add(out, ".fi\n");
        while (*string == '\n')
                string++;
        return string;
}

static void add_paragraphs(struct text *out, const char *string, bool verbatim)
{
        for (bool first = true; *string; first = false) {
                if (!first)
                        text_add(out, ".PP\n");
                string = add_block(out, string, verbatim);
        }
}

static void section(struct text *out, const char *title, const char *string, bool verbatim)
{
        if (!string)
                return;
        text_printf(out, ".SH %s\n", title);
        add_paragraphs(out, string, verbatim);
}

static void page_name(const struct cli_command *const *path, size_t n, struct text *out)
{
        for (size_t i = 0; i < n; i++)
                text_printf(out, "%s%s", i ? "-" : "", path[i]->name);
}

static void heading(const struct cli_command *const *path, size_t n, const char *version, struct text *out)
{
        _cleanup_text_ struct text name = TEXT_INIT;

        page_name(path, n, &name);
        text_add(out, ".TH \"");
        for (const char *c = text_get(&name); *c; c++) {
                if (*c == '-')
                        text_add_char(out, '\\');
                text_add_char(out, (char) toupper((unsigned char) *c));
        }
        text_printf(out, "\" 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n", path[0]->name, version);
        add_word(out, text_get(&name));
        text_add(out, " \\- ");
        add_word(out, path[n - 1]->summary);
        text_add(out, "\n.SH SYNOPSIS\n");
        for (size_t i = 0; i < n; i++) {
                text_add(out, i ? " " : "");
                add_word(out, path[i]->use);
        }
        text_add_char(out, '\n');
}

static void option_variables(const struct cli_option *option, struct text *out)
{
        if (!option->env[0])
                return;
        text_add(out, "\n.br\nVariable: ");
        for (size_t k = 0; k < ARRAY_SIZE(option->env) && option->env[k]; k++)
                text_printf(out, "%sAPPTAINER_%s", k ? ", " : "", option->env[k]);
        if (option->flags & CLI_BARE_ENV)
                text_printf(out, ", %s", option->env[0]);
        if (option->flags & CLI_APPEND_ENV)
                text_add(out, "; added to what the command line says");
}

static void one_option(const struct cli_option *option, struct text *out)
{
        text_add(out, ".TP\n\\fB");
        if (option->letter) {
                text_printf(out, "\\-%c\\fR, \\fB", option->letter);
        }
        text_add(out, "\\-\\-");
        add_word(out, option->name);
        text_add(out, "\\fR");
        if (option->value) {
                text_add(out, " \\fI");
                add_word(out, option->value);
                text_add(out, "\\fR");
        }
        text_add_char(out, '\n');
        add_word(out, option->help ? option->help : "");
        if (option->fallback) {
                text_add(out, " (default ");
                add_word(out, option->fallback);
                text_add_char(out, ')');
        }
        option_variables(option, out);
        text_add_char(out, '\n');
}

static void options_section(const struct cli_command *command, struct text *out)
{
        size_t n;
        _cleanup_free_ const struct cli_option **list = cli_sorted_options(command, &n);

        text_add(out, ".SH OPTIONS\n");
        for (size_t i = 0; i < n; i++)
                one_option(list[i], out);
}

static void commands_section(const struct cli_command *const *path, size_t n, struct text *out)
{
        _cleanup_text_ struct text prefix = TEXT_INIT;

        if (!path[n - 1]->subcommands)
                return;
        page_name(path, n, &prefix);
        text_add(out, ".SH COMMANDS\n");
        for (const struct cli_command *const *c = path[n - 1]->subcommands; *c; c++) {
                if (!cli_command_shown(*c))
                        continue;
                text_add(out, ".TP\n\\fB");
                add_word(out, text_get(&prefix));
                text_add(out, "\\-");
                add_word(out, (*c)->name);
                text_add(out, "\\fR(1)\n");
                add_word(out, (*c)->summary);
                text_add_char(out, '\n');
        }
}

static void see_also(const struct cli_command *const *path, size_t n, struct text *out)
{
        _cleanup_text_ struct text parent = TEXT_INIT;

        if (n < 2)
                return;
        page_name(path, n - 1, &parent);
        text_add(out, ".SH SEE ALSO\n.BR ");
        add_word(out, text_get(&parent));
        text_add(out, " (1)\n");
}

void cli_man(const struct cli_command *const *path, size_t n, const char *version, struct text *out)
{
        const struct cli_command *last = path[n - 1];

        heading(path, n, version, out);
        section(out, "DESCRIPTION", last->description ? last->description : last->summary, false);
        options_section(last, out);
        commands_section(path, n, out);
        for (const struct cli_section *s = last->sections; s && s->title; s++)
                section(out, s->title, s->text, false);
        section(out, "EXAMPLES", last->examples, true);
        see_also(path, n, out);
}
