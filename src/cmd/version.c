#include <stdio.h>

#include "cmd/commands.h"
#include "cmd/report.h"
#include "config.h"

static int show_version(const struct cli_call *call)
{
        (void) call;
        puts(PACKAGE_VERSION);
        return EXIT_OK;
}

const struct cli_command cmd_version = {
        .name = "version",
        .use = "version",
        .summary = "Print the version of this program",
        .description = "Prints the number alone; `apptainer --version` prints it behind the program's name.",
        .args_most = -1,
        .handler = show_version,
};
