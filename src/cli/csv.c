#include "cli/cli_internal.h"

#include <string.h>

/* A field in quotes: `at` is behind the opening quote; returns the byte behind the closing one, or NULL with
 * *ret_bad at the place of the mistake. */
static const char *quoted_field(const char *at, struct text *field, const char **ret_bad)
{
        for (; *at; at++) {
                if (*at != '"') {
                        text_add_char(field, *at);
                        continue;
                }
                if (at[1] == '"') {
                        text_add_char(field, *at++);
                        continue;
                }
                if (at[1] && at[1] != ',' && at[1] != '\n') {
                        *ret_bad = at;
                        return NULL;
                }
                return at + 1;
        }
        *ret_bad = at;
        return NULL;
}

static const char *plain_field(const char *at, struct text *field, const char **ret_bad)
{
        for (; *at && *at != ',' && *at != '\n'; at++) {
                if (*at == '"') {
                        *ret_bad = at;
                        return NULL;
                }
                text_add_char(field, *at);
        }
        return at;
}

int cli_csv(const char *record, struct text_list *ret, struct err *e)
{
        const char *at = record, *bad = record;

        if (!*record)
                return 0;
        for (;;) {
                _cleanup_text_ struct text field = TEXT_INIT;

                if (*at == '"')
                        at = quoted_field(at + 1, &field, &bad);
                else
                        at = plain_field(at, &field, &bad);
                if (!at)
                        return err_set(e, -EINVAL, "stray or missing quotation mark at column %zu",
                                       (size_t) (bad - record) + 1);
                text_list_take(ret, text_take(&field));
                if (*at != ',')
                        return 0; /* the end, or a second record, which is not looked at */
                at++;
        }
}
