/* The tables of `config`.  Handler: config_global.c. */
#include <stddef.h>

#include "base/clean.h"
#include "cmd/commands.h"
#include "cmd/config_options.h"

#define FIELD(member) offsetof(struct config_global_options, member)

static const struct cli_option options[] = {
        { 'd', "dry-run", NULL, CLI_BOOL, FIELD(dry_run),
          .help = "print the changed file instead of writing it" },
        { 'g', "get", NULL, CLI_BOOL, FIELD(get), .help = "print the value of the directive" },
        { 'r', "reset", NULL, CLI_BOOL, FIELD(reset),
          .help = "take the directive out, so that its default holds" },
        { 's', "set", NULL, CLI_BOOL, FIELD(set), .help = "set the directive, or add values to a list" },
        { 'u', "unset", NULL, CLI_BOOL, FIELD(unset), .help = "take values away" },
};

static const struct cli_option_table tables[] = { { options, ARRAY_SIZE(options) } };

static const struct cli_command global = {
        .name = "global",
        .use = "global <option> <directive> [value,...]",
        .summary = "Read or edit the configuration of this installation",
        .description =
                "Works on apptainer.conf of this installation, or on the file given by --config. Lines of other "
                "directives and comments stay as they are; a change that would make the file invalid is refused.",
        .examples = "$ apptainer config global --get \"bind path\"\n"
                    "$ apptainer config global --set \"bind path\" /scratch,/project\n"
                    "$ apptainer config global --unset \"bind path\" /scratch\n"
                    "$ apptainer config global --dry-run --set \"image linger\" 60",
        .tables = tables,
        .n_tables = ARRAY_SIZE(tables),
        .options_size = sizeof(struct config_global_options),
        .args_least = 1,
        .args_most = 2,
        .handler = cmd_config_global_run,
};

static const struct cli_command fakeroot = {
        .name = "fakeroot",
        .use = "fakeroot",
        .summary = "fakeroot",
        .flags = CLI_COMMAND_NOT_YET,
};

static const struct cli_command *const commands[] = { &fakeroot, &global, NULL };

const struct cli_command cmd_config = {
        .name = "config",
        .use = "config",
        .summary = "Manage the configuration of this installation",
        .description = "Reads and edits what the site has set.",
        .examples = "$ apptainer help config global",
        .subcommands = commands,
};
