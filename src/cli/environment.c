/* Options from the environment: APPTAINER_<key>, and SINGULARITY_<key> as its older name. */
#include "cli/cli_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/log.h"

#define PREFIX        "APPTAINER_"
#define LEGACY_PREFIX "SINGULARITY_"

extern char **environ;

static bool any_prefixed(void)
{
        for (char **entry = environ; entry && *entry; entry++)
                if (text_starts(*entry, PREFIX) || text_starts(*entry, LEGACY_PREFIX))
                        return true;
        return false;
}

static const char *lookup(const char *prefix, const char *key)
{
        _cleanup_free_ char *name = text_format("%s%s", prefix, key);

        return getenv(name);
}

static bool blank(const char *value)
{
        while (isspace((unsigned char) *value))
                value++;
        return *value == '\0';
}

/* The value behind the older name, unless the newer one is set; tells the user about it. */
static const char *lookup_legacy(const char *key, const struct notes *notes)
{
        const char *legacy = lookup(LEGACY_PREFIX, key), *value = lookup(PREFIX, key);

        if (!legacy)
                return NULL;
        if (!value) {
                note(notes, LOG_INFO,
                     "Environment variable " LEGACY_PREFIX "%s is set, but " PREFIX "%s is preferred", key,
                     key);
                return legacy;
        }
        if (strcmp(legacy, value) == 0)
                note(notes, LOG_DEBUG, LEGACY_PREFIX "%s and " PREFIX "%s are both set, to the same value",
                     key, key);
        else
                note(notes, LOG_WARNING,
                     LEGACY_PREFIX "%s and " PREFIX "%s have different values, using the latter", key, key);
        return NULL;
}

/* Items of a list lose the blanks around them. */
static char *trim_items(const char *value)
{
        struct text out = TEXT_INIT;
        const char *at = value;

        for (;;) {
                size_t size;

                while (isspace((unsigned char) *at))
                        at++;
                size = strcspn(at, ",");
                while (size && isspace((unsigned char) at[size - 1]))
                        size--;
                text_add_bytes(&out, at, size);
                at = strchr(at, ',');
                if (!at)
                        return text_take(&out);
                text_add_char(&out, ',');
                at++;
        }
}

/* Options that fill the same field (--cwd and --pwd) are one as to who wins. */
static bool field_seen(const struct cli_level *level, size_t index)
{
        size_t offset = cli_option_at(level->command, index)->offset;

        for (size_t i = 0; i < cli_option_count(level->command); i++)
                if (level->seen[i] && cli_option_at(level->command, i)->offset == offset)
                        return true;
        return false;
}

static int set_option(struct cli_level *level, size_t index, const char *variable, const char *value,
                      struct err *e)
{
        const struct cli_option *option = cli_option_at(level->command, index);
        _cleanup_free_ char *trimmed = option->type == CLI_LIST ? trim_items(value) : NULL;
        int r;

        if (blank(value) || (!(option->flags & CLI_APPEND_ENV) && field_seen(level, index)))
                return 0;
        if ((option->flags & CLI_NOT_YET) && cli_value_wanted(option, value))
                return cli_refuse_option(option, variable, e);
        r = cli_value_store(option, level->options, trimmed ? trimmed : value, !level->seen[index], e);
        if (r < 0)
                return err_ctx(e, r, "%s=%s", variable, value);
        level->seen[index] = true;
        return 0;
}

static int set_from(struct cli_level *level, size_t index, const char *prefix, const char *key,
                    const char *value, struct err *e)
{
        _cleanup_free_ char *variable = text_format("%s%s", prefix, key);

        return value ? set_option(level, index, variable, value, e) : 0;
}

static int bind_option(struct cli_level *level, size_t index, const struct notes *notes, struct err *e)
{
        const struct cli_option *option = cli_option_at(level->command, index);
        int r = 0;

        for (size_t k = 0; r >= 0 && k < ARRAY_SIZE(option->env) && option->env[k]; k++)
                r = set_from(level, index, PREFIX, option->env[k], lookup(PREFIX, option->env[k]), e);
        for (size_t k = 0; r >= 0 && k < ARRAY_SIZE(option->env) && option->env[k]; k++)
                r = set_from(level, index, LEGACY_PREFIX, option->env[k],
                             lookup_legacy(option->env[k], notes), e);
        if (r >= 0 && (option->flags & CLI_BARE_ENV) && !lookup(PREFIX, option->env[0]))
                r = set_from(level, index, "", option->env[0], getenv(option->env[0]), e);
        return r;
}

/* By name, so that messages come in the order of the original's. */
static void sort_by_name(const struct cli_command *command, size_t *order, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                size_t at = i;

                while (at && strcmp(cli_option_at(command, order[at - 1])->name,
                                    cli_option_at(command, i)->name) > 0) {
                        order[at] = order[at - 1];
                        at--;
                }
                order[at] = i;
        }
}

int cli_environment_bind(struct cli_level *level, bool global, const struct notes *notes, struct err *e)
{
        size_t n = cli_option_count(level->command);
        _cleanup_free_ size_t *order = NULL;
        bool prefixed = any_prefixed();
        int r = 0;

        order = text_alloc((n + 1) * sizeof(*order));
        if (prefixed)
                sort_by_name(level->command, order, n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                size_t index = prefixed ? order[i] : i;

                if (prefixed || (cli_option_at(level->command, index)->flags & CLI_BARE_ENV))
                        r = bind_option(level, index, notes, e);
        }
        if (r < 0 && r != -ENOTSUP)
                return err_ctx(e, r, "While parsing %senvironment variables", global ? "global " : "");
        return r;
}
