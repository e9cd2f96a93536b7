/* The grammar of --mount. */
#include "run/bind.h"

#include <string.h>

#include "base/clean.h"
#include "base/text.h"

/* One field of a record, without its quotes. */
struct field {
        struct text text;
        const char *at;   /* where it starts, for messages */
        bool ends_record; /* a newline or the end is behind it */
};

struct parser {
        const char *at;
        const char *bad; /* where the mistake is */
};

/* --- CSV ------------------------------------------------------------------------------------------------ */

static void field_done(struct field *field)
{
        text_done(&field->text);
}

static bool ends_line(const char *at)
{
        return *at == '\0' || *at == '\n' || (at[0] == '\r' && at[1] == '\n');
}

static int quoted_field(struct parser *p, struct text *text, struct err *e)
{
        const char *opened = p->at++;

        for (;; p->at++) {
                if (*p->at == '\0') {
                        p->bad = opened;
                        return err_set(e, -EINVAL, "this quotation mark is never closed");
                }
                if (*p->at == '"' && *++p->at != '"')
                        break;
                text_add_char(text, *p->at);
        }
        if (*p->at == ',' || ends_line(p->at))
                return 0;
        p->bad = p->at;
        return err_set(e, -EINVAL, "only a comma may follow the closing quotation mark");
}

static int plain_field(struct parser *p, struct text *text, struct err *e)
{
        for (; *p->at != ',' && !ends_line(p->at); p->at++) {
                if (*p->at == '"') {
                        p->bad = p->at;
                        return err_set(e, -EINVAL,
                                       "a quotation mark inside a field: the whole field goes "
                                       "into quotation marks, and those inside it are doubled");
                }
                text_add_char(text, *p->at);
        }
        return 0;
}

static int next_field(struct parser *p, struct field *ret, struct err *e)
{
        int r;

        ret->at = p->bad = p->at;
        r = *p->at == '"' ? quoted_field(p, &ret->text, e) : plain_field(p, &ret->text, e);
        if (r < 0)
                return r;
        ret->ends_record = *p->at != ',';
        if (*p->at == '\r')
                p->at++;
        if (*p->at)
                p->at++;
        return 0;
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static int set_text(char **place, const char *key, const char *value, struct err *e)
{
        if (!value || !*value)
                return err_set(e, -EINVAL, "%s needs a value", key);
        free(*place);
        *place = text_dup(value);
        return 0;
}

static int set_switch(bool *place, const char *key, const char *value, struct err *e)
{
        if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
                *place = true;
        else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
                *place = false;
        else
                return err_set(e, -EINVAL, "%s is \"true\" or \"false\", not \"%s\"", key, value);
        return 0;
}

static int take_field(struct bind *bind, const char *key, const char *value, struct err *e)
{
        if (strcmp(key, "type") == 0) {
                if (value && strcmp(value, "bind") == 0)
                        return 0;
                return err_set(e, -EINVAL, "\"%s\" is not a supported type of mount: only bind is",
                               value ? value : "");
        }
        if (strcmp(key, "source") == 0 || strcmp(key, "src") == 0)
                return set_text(&bind->source, key, value, e);
        if (strcmp(key, "destination") == 0 || strcmp(key, "dst") == 0 || strcmp(key, "target") == 0) {
                if (value && *value && *value != '/')
                        return err_set(e, -EINVAL, "\"%s\": the destination must be an absolute path", value);
                return set_text(&bind->target, key, value, e);
        }
        if (strcmp(key, "ro") == 0 || strcmp(key, "readonly") == 0)
                return set_switch(&bind->readonly, key, value, e);
        if (strcmp(key, "image-src") == 0)
                return set_text(&bind->image_source, key, value, e);
        if (strcmp(key, "id") == 0)
                return set_text(&bind->image_id, key, value, e);
        if (strcmp(key, "nonested") == 0)
                return set_switch(&bind->nonested, key, value, e);
        if (strcmp(key, "bind-propagation") == 0)
                return err_set(e, -EINVAL, "bind-propagation is not supported for mounts");
        err_set(e, -EINVAL, "invalid key \"%s\" in mount specification", key);
        return err_hint(e, -EINVAL,
                        "keys are: type, source (src), destination (dst, target), readonly (ro), image-src, "
                        "id, nonested");
}

static int take_record(struct parser *p, struct bind *bind, struct err *e)
{
        const char *record = p->at;

        for (;;) {
                _cleanup_(field_done) struct field field = { .text = TEXT_INIT };
                int r = next_field(p, &field, e);

                if (r < 0)
                        return r;
                _cleanup_free_ char *key = text_take(&field.text);
                char *value = strchr(key, '=');

                if (value)
                        *value++ = '\0';
                r = take_field(bind, key, value, e);
                if (r < 0)
                        return r;
                if (field.ends_record)
                        break;
        }
        p->bad = record;
        if (!bind->source)
                return err_set(e, -EINVAL, "mount source must be specified: source=PATH is missing");
        if (!bind->target)
                return err_set(e, -EINVAL,
                               "mount destination must be specified: destination=PATH is missing");
        return 0;
}

int bind_parse_mount(struct bind_list *list, const char *argument, struct err *e)
{
        struct parser p = { .at = argument, .bad = argument };

        while (*p.at) {
                struct bind bind = { .source = NULL };
                int r;

                if (ends_line(p.at)) { /* blank lines are none */
                        p.at++;
                        continue;
                }
                r = take_record(&p, &bind, e);
                if (r >= 0)
                        r = bind_list_take(list, &bind, e);
                bind_done(&bind);
                if (r < 0)
                        return err_ctx(e, r, "while parsing --mount \"%.200s\", at character %zu", argument,
                                       (size_t) (p.bad - argument) + 1);
        }
        return 0;
}
