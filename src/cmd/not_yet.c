/* Commands of the original that are not here yet: refused by name, and not shown.  Each leaves this file when
 * its table is written. */
#include "cmd/commands.h"

#define NOT_YET(symbol, text)                                                                                \
        const struct cli_command symbol = {                                                                  \
                .name = (text),                                                                              \
                .use = (text),                                                                               \
                .summary = (text),                                                                           \
                .flags = CLI_COMMAND_NOT_YET,                                                                \
        }
#define NOT_YET_ALIAS(symbol, text, other)                                                                   \
        const struct cli_command symbol = {                                                                  \
                .name = (text),                                                                              \
                .aliases = (const char *const[]){ (other), NULL },                                           \
                .use = (text),                                                                               \
                .summary = (text),                                                                           \
                .flags = CLI_COMMAND_NOT_YET,                                                                \
        }

NOT_YET(cmd_buildcfg, "buildcfg");
NOT_YET(cmd_cache, "cache");
NOT_YET_ALIAS(cmd_capability, "capability", "caps");
NOT_YET(cmd_checkpoint, "checkpoint");
NOT_YET(cmd_confgen, "confgen");
NOT_YET(cmd_delete, "delete");
NOT_YET(cmd_instance, "instance");
NOT_YET_ALIAS(cmd_key, "key", "keys");
NOT_YET(cmd_keyserver, "keyserver");
NOT_YET(cmd_oci, "oci");
NOT_YET_ALIAS(cmd_plugin, "plugin", "plugins");
NOT_YET(cmd_pull, "pull");
NOT_YET(cmd_push, "push");
NOT_YET(cmd_registry, "registry");
NOT_YET(cmd_remote, "remote");
NOT_YET(cmd_search, "search");
NOT_YET(cmd_sign, "sign");
NOT_YET(cmd_tag, "tag");
NOT_YET(cmd_verify, "verify");
