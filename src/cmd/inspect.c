/* inspect: its table. */
#include "cmd/inspect.h"

#include "base/clean.h"
#include "cmd/commands.h"

#define FIELD(member) .offset = offsetof(struct inspect_options, member)

static const struct cli_option options[] = {
        { 0, "all", NULL, CLI_BOOL, FIELD(all), .help = "everything, as JSON" },
        { 0, "app", "NAME", CLI_STRING, FIELD(app), .help = "what the others select, of this application" },
        { 'd', "deffile", NULL, CLI_BOOL, FIELD(deffile),
          .help = "the definition file that the image was built from" },
        { 'e', "environment", NULL, CLI_BOOL, FIELD(environment), .help = "the environment scripts" },
        { 'H', "helpfile", NULL, CLI_BOOL, FIELD(helpfile), .help = "the help text" },
        { 'j', "json", NULL, CLI_BOOL, FIELD(json), .help = "as JSON" },
        { 'l', "labels", NULL, CLI_BOOL, FIELD(labels), .help = "the labels; the default" },
        { 0, "list-apps", NULL, CLI_BOOL, FIELD(list_apps), .help = "the names of the applications" },
        { 'r', "runscript", NULL, CLI_BOOL, FIELD(runscript), .help = "what `run` starts" },
        { 's', "startscript", NULL, CLI_BOOL, FIELD(startscript), .help = "what an instance starts" },
        { 't', "test", NULL, CLI_BOOL, FIELD(test), .help = "what `test` starts" },
};

static const struct cli_option_table tables[] = { { options, ARRAY_SIZE(options) } };

const struct cli_command cmd_inspect = {
        .name = "inspect",
        .use = "inspect [inspect options...] <image path>",
        .summary = "Show what an image says about itself",
        .description =
                "Shows labels, scripts, help text and definition of an image, as they were when it was made. Nothing of "
                "the image is run.\n\n"
                "The image may be a SIF, a bare squashfs or a directory. A directory without anything of this kind "
                "gives empty output.",
        .examples = "$ apptainer inspect image.sif\n"
                    "$ apptainer inspect --json --labels image.sif\n"
                    "$ apptainer inspect --list-apps image.sif\n"
                    "$ apptainer inspect --app plot --runscript image.sif",
        .tables = tables,
        .n_tables = ARRAY_SIZE(tables),
        .options_size = sizeof(struct inspect_options),
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_FILES,
        .handler = cmd_inspect_run,
};
