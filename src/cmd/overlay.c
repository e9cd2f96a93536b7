/* The table of `overlay`.  Handler: overlay_create.c. */
#include "base/clean.h"
#include "cmd/commands.h"
#include "cmd/overlay_options.h"

#define FIELD(member) .offset = offsetof(struct overlay_create_options, member)

static const struct cli_option create_options[] = {
        { 0, "create-dir", "DIR", CLI_LIST, FIELD(directories),
          .help = "make this directory in the overlay; may be repeated" },
        { 'f', "fakeroot", NULL, CLI_BOOL, FIELD(fakeroot), .env = { "FAKEROOT" },
          .help = "for containers in which you are root (--fakeroot)" },
        { 's', "size", "MIB", CLI_INT, FIELD(size), .fallback = "64", .help = "size in MiB, 64 at least" },
        { 'S', "sparse", NULL, CLI_BOOL, FIELD(sparse), .env = { "SPARSE" },
          .help = "take space on disk as it is filled" },
        { 0, "tmpdir", "DIR", CLI_STRING, FIELD(tmpdir), .env = { "TMPDIR" }, .flags = CLI_HIDDEN | CLI_PATH,
          .help = "where unfinished files are kept" },
};
static const struct cli_option_table create_tables[] = { { create_options, ARRAY_SIZE(create_options) } };

static const struct cli_command create = {
        .name = "create",
        .use = "create [options] <image>",
        .summary = "Create EXT3 writable overlay image",
        .description =
                "Makes an image of a file system to be laid over containers and written by them "
                "(--overlay), as a file of its own, or within an existing SIF image, which then can be "
                "started with --writable.",
        .examples = "$ apptainer overlay create --size 1024 overlay.img\n"
                    "$ apptainer exec --overlay overlay.img image.sif touch /new\n\n"
                    "$ apptainer overlay create --size 1024 image.sif\n"
                    "$ apptainer exec --writable image.sif touch /new",
        .tables = create_tables,
        .n_tables = ARRAY_SIZE(create_tables),
        .options_size = sizeof(struct overlay_create_options),
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_INTERSPERSED | CLI_FILES,
        .handler = cmd_overlay_create_run,
};

static const struct cli_command *const commands[] = { &create, NULL };

const struct cli_command cmd_overlay = {
        .name = "overlay",
        .use = "overlay",
        .summary = "Manage an EXT3 writable overlay image",
        .description = "Makes images to be laid over containers and written by them.",
        .examples = "$ apptainer overlay create --size 1024 overlay.img",
        .flags = CLI_STRICT_GROUP,
        .subcommands = commands,
};
