/* The commands that start a container; one handler for all of them, told apart by call->command. */
#include "cmd/action_options.h"
#include "cmd/commands.h"

#include "base/clean.h"

#define IMAGES                                                                                               \
        "The container may be an image file (SIF, or a bare squashfs with any suffix) or a directory that "  \
        "holds a root file system."

const struct cli_command cmd_exec = {
        .name = "exec",
        .use = "exec [exec options...] <container> <command>",
        .summary = "Start a program in a container",
        .description =
                "Runs a program of the container, with its environment set up but without its runscript. " IMAGES
                "\n\nThe exit status is the program's own. Options belong before the container: all that "
                "comes behind it is the program's.",
        .examples = "$ apptainer exec image.sif cat /etc/os-release\n"
                    "$ apptainer exec -B /scratch,/data:/mnt:ro image.sif ls /mnt\n"
                    "$ apptainer exec --pwd /tmp --env THREADS=4 image.sif ./work.sh",
        .tables = action_tables_exec,
        .n_tables = ARRAY_SIZE(action_tables_exec),
        .options_size = sizeof(struct action_options),
        .args_least = 2,
        .args_most = -1,
        .flags = CLI_FILES,
        .handler = cmd_action_run,
};

const struct cli_command cmd_run = {
        .name = "run",
        .use = "run [run options...] <container> [args...]",
        .summary = "Start what the container is made for",
        .description =
                "Runs the runscript of the container, which its makers wrote, or the entry point and command of "
                "an OCI image; arguments behind the container go there. " IMAGES,
        .examples = "$ apptainer run image.sif --help\n"
                    "$ ./image.sif input.dat\n"
                    "$ apptainer run --app plot image.sif data.csv",
        .tables = action_tables_run,
        .n_tables = ARRAY_SIZE(action_tables_run),
        .options_size = sizeof(struct action_options),
        .args_least = 1,
        .args_most = -1,
        .flags = CLI_FILES,
        .handler = cmd_action_run,
};

const struct cli_command cmd_shell = {
        .name = "shell",
        .use = "shell [shell options...] <container>",
        .summary = "Start an interactive shell in a container",
        .description =
                "Starts the program named by --shell, or else bash, or else sh, whichever the container has. " IMAGES
                "\n\nStandard input may also be a script; the exit status is the shell's.",
        .examples = "$ apptainer shell image.sif\n"
                    "Apptainer> head -1 /etc/os-release",
        .tables = action_tables_shell,
        .n_tables = ARRAY_SIZE(action_tables_shell),
        .options_size = sizeof(struct action_options),
        .args_least = 1,
        .args_most = -1,
        .flags = CLI_FILES,
        .handler = cmd_action_run,
};

const struct cli_command cmd_test = {
        .name = "test",
        .use = "test [test options...] <container> [args...]",
        .summary = "Run the test script of a container",
        .description =
                "Runs the test script that the makers of the container put in; without one there is nothing to do "
                "and that is no failure. " IMAGES,
        .examples = "$ apptainer test image.sif",
        .tables = action_tables_exec,
        .n_tables = ARRAY_SIZE(action_tables_exec),
        .options_size = sizeof(struct action_options),
        .args_least = 1,
        .args_most = -1,
        .flags = CLI_FILES,
        .handler = cmd_action_run,
};
