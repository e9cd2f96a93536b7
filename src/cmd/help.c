#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/report.h"

/* The command that the words name, as far as they name one. */
static size_t find_path(const struct cli_call *call, const struct cli_command *path[CLI_LEVELS_MAX])
{
        size_t n = 1;

        path[0] = call->root;
        for (int i = 0; i < call->argc && n < CLI_LEVELS_MAX; i++) {
                const struct cli_command *next = cli_find(path[n - 1], call->argv[i]);

                if (!next)
                        break;
                path[n++] = next;
        }
        return n;
}

static int show_help(const struct cli_call *call)
{
        const struct cli_command *path[CLI_LEVELS_MAX];
        _cleanup_text_ struct text page = TEXT_INIT;
        size_t n = find_path(call, path);

        if (n == 1 && call->argc) {
                text_add(&page, "Unknown help topic [");
                for (int i = 0; i < call->argc; i++)
                        text_printf(&page, "%s`%s`", i ? " " : "", call->argv[i]);
                text_add(&page, "]\n");
                cli_usage(path, 1, &page);
        } else {
                cli_help(path, n, &page);
        }
        fputs(text_get(&page), stdout);
        return EXIT_OK;
}

const struct cli_command cmd_help = {
        .name = "help",
        .use = "help [command] [subcommand]",
        .summary = "Explain a command",
        .description = "Shows the same page as `apptainer COMMAND --help`.",
        .examples = "$ apptainer help exec\n$ apptainer help sif add",
        .args_most = -1,
        .flags = CLI_TOPICS,
        .handler = show_help,
};
