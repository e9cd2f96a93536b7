/* docs/options.md: which options of the original there are, which are refused so far; `apptainer __options`.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/report.h"

static const struct cli_command *const listed[] = { &cmd_exec, &cmd_run, &cmd_shell, &cmd_test, &cmd_build };

static const char head[] =
        "# Options, as the table in the program has them\n\n"
        "Made by `apptainer __options`; a test compares. *works*: as described; *refused*: known, but not there yet, and\n"
        "refused by name when it is given by flag or variable. Variables are read with the prefix `APPTAINER_`, then\n"
        "`SINGULARITY_`.\n";

static void add_variables(const struct cli_option *o, struct text *out)
{
        for (size_t i = 0; i < ARRAY_SIZE(o->env) && o->env[i]; i++)
                text_printf(out, "%s`%s`", i ? ", " : "", o->env[i]);
}

static void add_option(const struct cli_option *o, struct text *out)
{
        text_add(out, "| ");
        if (o->letter)
                text_printf(out, "`-%c`, ", o->letter);
        text_printf(out, "`--%s%s%s` | ", o->name, o->value ? " " : "", o->value ? o->value : "");
        add_variables(o, out);
        text_printf(out, " | %s | %s%s |\n", o->flags & CLI_NOT_YET ? "refused" : "works", o->help,
                    o->flags & CLI_DEPRECATED ? " (deprecated)" : "");
}

/* Whether an earlier command of the page has the same table. */
static bool told_before(size_t command, const struct cli_option_table *table)
{
        for (size_t i = 0; i < command; i++)
                for (size_t k = 0; k < listed[i]->n_tables; k++)
                        if (listed[i]->tables[k].options == table->options)
                                return true;
        return false;
}

static void add_command(size_t index, struct text *out)
{
        const struct cli_command *c = listed[index];
        bool any = false, again = false;

        for (size_t k = 0; k < c->n_tables; k++) {
                const struct cli_option_table *table = &c->tables[k];

                if (told_before(index, table)) {
                        again = true;
                        continue;
                }
                if (!any)
                        text_printf(
                                out,
                                "\n## %s\n\n| option | variables | state | what it does |\n|---|---|---|---|\n",
                                c->name);
                any = true;
                for (size_t i = 0; i < table->n; i++)
                        add_option(&table->options[i], out);
        }
        if (again)
                text_printf(out, "\n`%s` has%s the options of %s.\n", c->name, any ? " also" : "",
                            listed[0]->name);
}

static int print_page(const struct cli_call *call)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        struct err e = ERR_INIT;
        int r;

        (void) call;
        text_add(&out, head);
        for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
                add_command(i, &out);
        r = fd_write_all(STDOUT_FILENO, out.at, out.used);
        if (r >= 0)
                return EXIT_OK;
        err_errno(&e, r, "write /dev/stdout");
        return report_fatal(&e);
}

const struct cli_command cmd_options_page = {
        .name = "__options",
        .use = "__options",
        .summary = "Print docs/options.md",
        .flags = CLI_COMMAND_HIDDEN,
        .handler = print_page,
};
