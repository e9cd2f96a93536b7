#include "cmd/commands.h"

/* In the order of help pages: by name; those that are not shown last. */
const struct cli_command *const all_commands[] = {
        &cmd_build,   &cmd_cache,     &cmd_capability, &cmd_checkpoint, &cmd_completion,     &cmd_config,
        &cmd_delete,  &cmd_doctor,    &cmd_exec,       &cmd_help,       &cmd_inspect,        &cmd_instance,
        &cmd_key,     &cmd_keyserver, &cmd_oci,        &cmd_overlay,    &cmd_plugin,         &cmd_pull,
        &cmd_push,    &cmd_registry,  &cmd_remote,     &cmd_run,        &cmd_run_help,       &cmd_search,
        &cmd_shell,   &cmd_sif,       &cmd_sign,       &cmd_tag,        &cmd_test,           &cmd_verify,
        &cmd_version, &cmd_buildcfg,  &cmd_confgen,    &cmd_complete,   &cmd_complete_names, &cmd_man,
        NULL,
};
