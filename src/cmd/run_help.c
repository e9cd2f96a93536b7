/* run-help: its table. */
#include "base/clean.h"
#include "cmd/commands.h"
#include "cmd/inspect.h"

static const struct cli_option options[] = {
        { 0, "app", "NAME", CLI_STRING, .offset = offsetof(struct run_help_options, app),
          .help = "the help of this application" },
};

static const struct cli_option_table tables[] = { { options, ARRAY_SIZE(options) } };

const struct cli_command cmd_run_help = {
        .name = "run-help",
        .use = "run-help [run-help options...] <image path>",
        .summary = "Show the help text of an image",
        .description =
                "Shows what the makers of the image wrote into the %help section of its definition, or the "
                "%apphelp section of an application.",
        .examples = "$ apptainer run-help image.sif\n"
                    "$ apptainer run-help --app plot image.sif",
        .tables = tables,
        .n_tables = ARRAY_SIZE(tables),
        .options_size = sizeof(struct run_help_options),
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_FILES,
        .handler = cmd_run_help_run,
};
