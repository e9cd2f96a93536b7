/* commands: every command there is.
 *
 * The table of a command, `cmd_NAME`, is linked into both executables, so that help, completion and man pages
 * are the same in both.  Its handler, `cmd_NAME_run`, is linked into one of them and declared weak here:
 * where it is missing its address is NULL, and main hands the command over to the other executable.  A
 * handler therefore belongs into a source list of meson.build (launcher_sources or images_sources) and never
 * into a static library: nothing pulls a weak name out of one.
 *
 * To add a command: src/cmd/NAME.c with its table (table_sources, and its declaration here), its handler
 * beside it or in src/cmd/NAME_run.c, and its name in commands.c.  not_yet.c loses its placeholder.
 */
#pragma once

#include "cli/cli.h"

#define COMMAND_HANDLER(name) int name(const struct cli_call *call) __attribute__((weak))

/* What the global options fill; call->root_options. */
struct global_options {
        bool debug;
        bool verbose;
        bool quiet;
        bool silent;
        bool nocolor;
        bool build_config;
        const char *config; /* NULL: the installation's */
};

extern const struct cli_command cmd_root;
extern const struct cli_command *const all_commands[]; /* terminated by NULL */

/* Sets message level and color by the global options, else by APPTAINER_MESSAGELEVEL, and exports what was
 * chosen to children.  See cli_program.globals. */
void root_globals(const void *options);

extern const struct cli_command cmd_completion;
extern const struct cli_command cmd_doctor;
extern const struct cli_command cmd_exec;
extern const struct cli_command cmd_help;
extern const struct cli_command cmd_run;
extern const struct cli_command cmd_shell;
extern const struct cli_command cmd_sif;
extern const struct cli_command cmd_test;
extern const struct cli_command cmd_version;

/* Hidden: asked by completion scripts, by the build for its manual pages, and for docs/options.md. */
extern const struct cli_command cmd_complete;
extern const struct cli_command cmd_complete_names;
extern const struct cli_command cmd_man;
extern const struct cli_command cmd_options_page;

/* Tables that not_yet.c holds a place for until they have a file of their own. */
extern const struct cli_command cmd_build;
extern const struct cli_command cmd_buildcfg;
extern const struct cli_command cmd_cache;
extern const struct cli_command cmd_capability;
extern const struct cli_command cmd_checkpoint;
extern const struct cli_command cmd_config;
extern const struct cli_command cmd_confgen;
extern const struct cli_command cmd_delete;
extern const struct cli_command cmd_inspect;
extern const struct cli_command cmd_instance;
extern const struct cli_command cmd_key;
extern const struct cli_command cmd_keyserver;
extern const struct cli_command cmd_oci;
extern const struct cli_command cmd_overlay;
extern const struct cli_command cmd_plugin;
extern const struct cli_command cmd_pull;
extern const struct cli_command cmd_push;
extern const struct cli_command cmd_registry;
extern const struct cli_command cmd_remote;
extern const struct cli_command cmd_run_help;
extern const struct cli_command cmd_search;
extern const struct cli_command cmd_sign;
extern const struct cli_command cmd_tag;
extern const struct cli_command cmd_verify;

COMMAND_HANDLER(cmd_action_run);
COMMAND_HANDLER(cmd_config_global_run);
COMMAND_HANDLER(cmd_doctor_run); /* exec, run, shell, test */
COMMAND_HANDLER(cmd_build_run);
COMMAND_HANDLER(cmd_inspect_run);
COMMAND_HANDLER(cmd_overlay_create_run);
COMMAND_HANDLER(cmd_run_help_run);
COMMAND_HANDLER(cmd_sif_add_run);
COMMAND_HANDLER(cmd_sif_del_run);
COMMAND_HANDLER(cmd_sif_dump_run);
COMMAND_HANDLER(cmd_sif_header_run);
COMMAND_HANDLER(cmd_sif_info_run);
COMMAND_HANDLER(cmd_sif_list_run);
COMMAND_HANDLER(cmd_sif_new_run);
COMMAND_HANDLER(cmd_sif_setprim_run);

/* Becomes the other executable, with the same arguments; returns only on failure, with the exit status.  In
 * the other executable itself it is missing. */
COMMAND_HANDLER(cmd_hand_over);
