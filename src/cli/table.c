/* Walking the tables. */
#include "cli/cli_internal.h"

#include <string.h>

size_t cli_option_count(const struct cli_command *command)
{
        size_t n = 0;

        for (size_t i = 0; i < command->n_tables; i++)
                n += command->tables[i].n;
        return n;
}

const struct cli_option *cli_option_at(const struct cli_command *command, size_t index)
{
        for (size_t i = 0; i < command->n_tables; i++) {
                if (index < command->tables[i].n)
                        return &command->tables[i].options[index];
                index -= command->tables[i].n;
        }
        return NULL;
}

bool cli_option_shown(const struct cli_option *option)
{
        return !(option->flags & (CLI_HIDDEN | CLI_DEPRECATED | CLI_NOT_YET));
}

bool cli_command_shown(const struct cli_command *command)
{
        return !(command->flags & (CLI_COMMAND_HIDDEN | CLI_COMMAND_NOT_YET));
}

static bool has_name(const struct cli_command *command, const char *name)
{
        if (strcmp(command->name, name) == 0)
                return true;
        for (const char *const *alias = command->aliases; alias && *alias; alias++)
                if (strcmp(*alias, name) == 0)
                        return true;
        return false;
}

const struct cli_command *cli_find(const struct cli_command *group, const char *name)
{
        for (const struct cli_command *const *c = group->subcommands; c && *c; c++)
                if (has_name(*c, name))
                        return *c;
        return NULL;
}

void cli_option_names(const struct cli_option *option, struct text *out)
{
        if (option->letter)
                text_printf(out, "-%c, ", option->letter);
        text_printf(out, "--%s", option->name);
}
