#include "cli/cli_internal.h"

#include <ctype.h>
#include <string.h>

#include "base/num.h"

static struct text_list *field_list(const struct cli_option *option, void *options)
{
        return (struct text_list *) ((char *) options + option->offset);
}

static bool is_list(enum cli_type type)
{
        return type == CLI_LIST || type == CLI_ARRAY || type == CLI_MAP;
}

static int store_bool(const char *value, bool *ret, struct err *e)
{
        if (num_bool(value, ret) < 0)
                return err_set(e, -EINVAL, "neither true nor false");
        return 0;
}

static int number_error(int r, struct err *e)
{
        if (r == -ERANGE)
                return err_set(e, r, "number out of range");
        return err_set(e, r, "not a whole number");
}

static int store_int(const char *value, int64_t *ret, struct err *e)
{
        int r = num_i64(value, 0, INT64_MIN, INT64_MAX, ret);

        return r < 0 ? number_error(r, e) : 0;
}

static int store_uint32(const char *value, uint32_t *ret, struct err *e)
{
        uint64_t number;
        int r = num_u64(value, 0, 0, UINT32_MAX, &number);

        if (r < 0)
                return number_error(r, e);
        *ret = (uint32_t) number;
        return 0;
}

/* A map value with one '=' is one pair as it stands, commas and all, without quotes around it; with more it
 * is a CSV record of pairs. */
static int split_pairs(const char *value, struct text_list *ret, struct err *e)
{
        const char *first = strchr(value, '=');
        size_t size = strlen(value);

        if (!first)
                return err_set(e, -EINVAL, "%s must be formatted as key=value", value);
        if (strchr(first + 1, '='))
                return cli_csv(value, ret, e);
        while (size && value[0] == '"') {
                value++;
                size--;
        }
        while (size && value[size - 1] == '"')
                size--;
        text_list_add_bytes(ret, value, size);
        return 0;
}

static int store_fields(const struct cli_option *option, struct text_list *list, const char *value,
                        struct err *e)
{
        _cleanup_text_list_ struct text_list fields = TEXT_LIST_INIT;
        int r;

        if (option->type == CLI_ARRAY) {
                text_list_add(list, value);
                return 0;
        }
        r = option->type == CLI_MAP ? split_pairs(value, &fields, e) : cli_csv(value, &fields, e);
        if (r < 0)
                return r;
        for (size_t i = 0; option->type == CLI_MAP && i < fields.n; i++)
                if (!strchr(fields.at[i], '='))
                        return err_set(e, -EINVAL, "%s must be formatted as key=value", fields.at[i]);
        for (size_t i = 0; i < fields.n; i++)
                text_list_add(list, fields.at[i]);
        return 0;
}

int cli_value_store(const struct cli_option *option, void *options, const char *value, bool first,
                    struct err *e)
{
        char *field = (char *) options + option->offset;

        switch (option->type) {
        case CLI_BOOL:
                return store_bool(value, (bool *) field, e);
        case CLI_STRING:
                *(const char **) (void *) field = value;
                return 0;
        case CLI_INT:
                return store_int(value, (int64_t *) (void *) field, e);
        case CLI_UINT32:
                return store_uint32(value, (uint32_t *) (void *) field, e);
        case CLI_LIST:
        case CLI_ARRAY:
        case CLI_MAP:
                if (first)
                        text_list_done(field_list(option, options));
                return store_fields(option, field_list(option, options), value, e);
        }
        return err_set(e, -EINVAL, "option --%s has no type", option->name);
}

void cli_value_defaults(const struct cli_command *command, void *options)
{
        for (size_t i = 0; i < cli_option_count(command); i++) {
                const struct cli_option *option = cli_option_at(command, i);

                if (option->fallback)
                        cli_value_store(option, options, option->fallback, true, NULL);
        }
}

void cli_value_done(const struct cli_command *command, void *options)
{
        for (size_t i = 0; options && i < cli_option_count(command); i++) {
                const struct cli_option *option = cli_option_at(command, i);

                if (is_list(option->type))
                        text_list_done(field_list(option, options));
        }
}

bool cli_value_wanted(const struct cli_option *option, const char *value)
{
        bool on;

        if (option->type == CLI_BOOL)
                return num_bool(value, &on) < 0 || on;
        while (isspace((unsigned char) *value))
                value++;
        return *value != '\0';
}
