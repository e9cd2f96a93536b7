/* The table of `doctor`.  Handler: doctor_run.c. */
#include "cmd/doctor.h"

#include <stddef.h>

#include "cmd/commands.h"

static const struct cli_option options[] = {
        { 'j', "json", NULL, CLI_BOOL, offsetof(struct doctor_options, json), .help = "as JSON" },
};

static const struct cli_option_table tables[] = { { options, 1 } };

const struct cli_command cmd_doctor = {
        .name = "doctor",
        .use = "doctor [--json]",
        .summary = "Show what this machine can and cannot do for containers",
        .description =
                "Tries what starts and builds need: user namespaces, /dev/fuse, overlays, subordinate ids, control groups, "
                "space and kind of the directories that are used, helper programs, GPUs, copying between MPI processes. "
                "Each line says ok, limited or missing, what was found, what follows from it, and what to do. The exit "
                "status is 1 when something is missing that every start needs.",
        .tables = tables,
        .n_tables = 1,
        .options_size = sizeof(struct doctor_options),
        .handler = cmd_doctor_run,
};
