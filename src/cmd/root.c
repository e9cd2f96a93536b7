/* The root command: global options, and what they do. */
#include "cmd/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/log.h"
#include "base/num.h"

#define FIELD(member) .offset = offsetof(struct global_options, member)

static const struct cli_option list[] = {
        { 'd', "debug", NULL, CLI_BOOL, FIELD(debug), .env = { "DEBUG" }, .help = "tell everything" },
        { 'v', "verbose", NULL, CLI_BOOL, FIELD(verbose), .env = { "VERBOSE" }, .help = "tell more" },
        { 'q', "quiet", NULL, CLI_BOOL, FIELD(quiet), .env = { "QUIET" },
          .help = "tell only warnings and errors" },
        { 's', "silent", NULL, CLI_BOOL, FIELD(silent), .env = { "SILENT" }, .help = "tell only errors" },
        { 0, "nocolor", NULL, CLI_BOOL, FIELD(nocolor), .env = { "NOCOLOR" },
          .help = "no colors on a terminal" },
        { 'c', "config", "FILE", CLI_STRING, FIELD(config), .env = { "CONFIG_FILE" }, .flags = CLI_PATH,
          .help = "another configuration file than the installation's apptainer.conf" },
        { 0, "build-config", NULL, CLI_BOOL, FIELD(build_config), .flags = CLI_HIDDEN,
          .help = "no configuration file, but settings fit for building" },
};

static const struct cli_option_table tables[] = { { list, ARRAY_SIZE(list) } };

static const struct cli_section manual[] = {
        { "EXIT STATUS",
          "Of exec, run, shell and test: that of the program in the container, or its death by a signal.\n\n"
          "0: done, or help was asked for.\n"
          "1: the command line is wrong; standard error says why and standard output how it is meant. Also failures of "
          "the sif commands.\n"
          "255: anything else that failed: the image, a privilege, a setting, the program is not in the container." },
        { "ENVIRONMENT",
          "Most options can be set by a variable, APPTAINER_ and a key, which the page of each command names. What the "
          "command line says wins; a variable that is empty counts as not set. The older prefix SINGULARITY_ is "
          "understood where the newer one is not set.\n\n"
          "APPTAINERENV_NAME, SINGULARITYENV_NAME: the variable NAME of the container.\n"
          "APPTAINER_MESSAGELEVEL: a number; 2 to 4 is --verbose, 5 is --debug, 90 more is without colors.\n"
          "APPTAINER_IMAGE_LINGER: seconds that an image stays mounted after its last container; 0 for not at all.\n"
          "TMPDIR: where unfinished images are kept." },
        { "FILES",
          "PREFIX/etc/apptainer/apptainer.conf: what the site has set.\n"
          "PREFIX/libexec/apptainer/apptainer-images: the executable with the commands that make images.\n"
          "PREFIX/libexec/apptainer/imagefs: serves the files of an image to the containers of one user." },
        { NULL, NULL },
};

const struct cli_command cmd_root = {
        .name = "apptainer",
        .use = "apptainer [global options...]",
        .summary = "Containers for high performance computing",
        .description =
                "Makes images from container layers and directories, and runs programs in them as an ordinary "
                "user: with the caller's identity, files, devices and environment at hand, nothing "
                "running as root and nothing left behind.\n\n"
                "Global options belong before the command.",
        .examples = "$ apptainer build image.sif docker-archive:image.tar\n"
                    "$ apptainer exec image.sif cat /etc/os-release\n"
                    "$ apptainer help exec",
        .tables = tables,
        .n_tables = ARRAY_SIZE(tables),
        .options_size = sizeof(struct global_options),
        .flags = CLI_ROOT,
        .subcommands = all_commands,
        .sections = manual,
};

#define VERBOSE 4 /* the highest level below debug */

/* A level that carries "no color" is moved this far away from zero. */
#define NO_COLOR_SHIFT 90
#define LEVEL_MOST     (NO_COLOR_SHIFT + LOG_DEBUG)

/* The variable can make messages more, never fewer: INFO is the least. */
static int level_from_environment(bool *ret_color)
{
        const char *value = getenv("APPTAINER_MESSAGELEVEL");
        int64_t level;

        if (!value)
                value = getenv("SINGULARITY_MESSAGELEVEL");
        if (!value || num_i64(value, 10, -LEVEL_MOST, LEVEL_MOST, &level) < 0)
                return LOG_INFO;
        if (level >= NO_COLOR_SHIFT || level <= -NO_COLOR_SHIFT) {
                *ret_color = false;
                level += level > 0 ? -NO_COLOR_SHIFT : NO_COLOR_SHIFT;
        }
        return level > LOG_INFO ? (int) level : LOG_INFO;
}

void root_globals(const void *options)
{
        static const char yes[] = "1";
        const struct global_options *o = options;
        bool color = true;
        int level = level_from_environment(&color);

        if (o->debug) {
                level = LOG_DEBUG;
                setenv("APPTAINER_DEBUG", yes, 1);
        } else if (o->verbose) {
                level = VERBOSE;
                setenv("APPTAINER_VERBOSE", yes, 1);
        } else if (o->quiet) {
                level = LOG_LOG;
                setenv("APPTAINER_QUIET", yes, 1);
        } else if (o->silent) {
                level = LOG_ERROR;
                setenv("APPTAINER_SILENT", yes, 1);
        }
        log_set_level(level);
        log_set_color(color && !o->nocolor);
}
