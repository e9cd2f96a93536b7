/* Completion of command lines: the scripts for shells, and the hidden commands that these ask. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "cmd/commands.h"
#include "cmd/report.h"

struct completion_options {
        bool no_descriptions;
};

static const struct cli_option list[] = {
        { 0, "no-descriptions", NULL, CLI_BOOL, offsetof(struct completion_options, no_descriptions),
          .help = "names alone, without what they mean" },
};
static const struct cli_option_table tables[] = { { list, ARRAY_SIZE(list) } };

static int print_script(const struct cli_call *call)
{
        const struct completion_options *o = call->options;
        _cleanup_text_ struct text script = TEXT_INIT;

        cli_completion(call->root, call->command->name, !o->no_descriptions, &script);
        fputs(text_get(&script), stdout);
        return EXIT_OK;
}

#define SHELL_COMMAND(shell, where)                                                                          \
        {                                                                                                    \
                .name = (shell), .use = (shell), .summary = "Completion script for " shell,                  \
                .description = "Prints a script that makes " shell                                           \
                               " complete commands, options and files of this program.\n\n"                  \
                               "To have it in this session:\n\n  " where,                                    \
                .tables = tables, .n_tables = ARRAY_SIZE(tables),                                            \
                .options_size = sizeof(struct completion_options), .flags = CLI_INTERSPERSED,                \
                .handler = print_script,                                                                     \
        }

static const struct cli_command bash = SHELL_COMMAND("bash", "source <(apptainer completion bash)");
static const struct cli_command fish = SHELL_COMMAND("fish", "apptainer completion fish | source");
static const struct cli_command zsh = SHELL_COMMAND("zsh", "source <(apptainer completion zsh)");
static const struct cli_command powershell = {
        .name = "powershell", .use = "powershell", .summary = "powershell", .flags = CLI_COMMAND_NOT_YET
};
static const struct cli_command *const shells[] = { &bash, &fish, &powershell, &zsh, NULL };

const struct cli_command cmd_completion = {
        .name = "completion",
        .use = "completion",
        .summary = "Print a completion script for a shell",
        .description =
                "The installation puts these scripts where the shells look for them; this prints them for a "
                "program that was not installed there.",
        .subcommands = shells,
};

static int print_candidates(const struct cli_call *call)
{
        _cleanup_text_ struct text answer = TEXT_INIT;

        cli_complete(call->root, call->argv, (size_t) call->argc, call->command == &cmd_complete, &answer);
        fputs(text_get(&answer), stdout);
        return EXIT_OK;
}

const struct cli_command cmd_complete = {
        .name = "__complete",
        .use = "__complete [words...]",
        .summary = "What may stand at the end of a command line",
        .args_most = -1,
        .flags = CLI_COMMAND_HIDDEN | CLI_RAW_ARGUMENTS,
        .handler = print_candidates,
};

const struct cli_command cmd_complete_names = {
        .name = "__completeNoDesc",
        .use = "__completeNoDesc [words...]",
        .summary = "The same, names alone",
        .args_most = -1,
        .flags = CLI_COMMAND_HIDDEN | CLI_RAW_ARGUMENTS,
        .handler = print_candidates,
};
