#include "config/config_edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "config/config_internal.h"

struct edit {
        enum config_edit what;
        const char *directive;
        bool is_list;
        struct text_list wanted; /* what is to be set or taken away */
        struct text_list there;  /* what the text has */
        struct text_list gone;   /* of `wanted`: what was taken away */
        struct text *out;
        bool done; /* the new values are written */
};

static void edit_done(struct edit *edit)
{
        text_list_done(&edit->wanted);
        text_list_done(&edit->there);
        text_list_done(&edit->gone);
}

#define _cleanup_edit_ __attribute__((cleanup(edit_done)))

static int check(const char *directive, bool *ret_is_list, struct err *e)
{
        if (config_directive(directive, ret_is_list))
                return 0;
        return err_set(e, -ENOENT, "\"%s\" is not a valid configuration directive", directive);
}

/* Calls `visit` for each line, with key and value when it is a setting. */
static void each_line(const char *text, size_t size,
                      void (*visit)(struct edit *, const char *, size_t, const char *, const char *),
                      struct edit *edit)
{
        for (const char *end = text + size; text < end;) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                size_t length = (size_t) ((newline ? newline : end) - text);
                _cleanup_free_ char *key = NULL, *value = NULL;

                if (config_line(text, length, &key, &value))
                        visit(edit, text, length, key, value);
                else
                        visit(edit, text, length, NULL, NULL);
                text += length + (newline ? 1 : 0);
        }
}

static void gather(struct edit *edit, const char *line, size_t size, const char *key, const char *value)
{
        (void) line;
        (void) size;
        if (!key || strcmp(key, edit->directive) != 0)
                return;
        if (edit->is_list)
                config_items(&edit->there, value);
        else if (*value)
                text_list_add(&edit->there, value);
}

static void write_setting(struct edit *edit, const char *value)
{
        text_printf(edit->out, "%s = %s\n", edit->directive, value);
}

static void write_new(struct edit *edit)
{
        if (edit->done || edit->what != CONFIG_SET)
                return;
        edit->done = true;
        for (size_t i = 0; i < edit->wanted.n; i++)
                if (!edit->is_list || !text_list_has(&edit->there, edit->wanted.at[i]))
                        write_setting(edit, edit->wanted.at[i]);
}

/* The line of a list without what is taken away. */
static void write_rest(struct edit *edit, const char *line, size_t size, const char *value)
{
        struct text_list items = TEXT_LIST_INIT, rest = TEXT_LIST_INIT;
        _cleanup_free_ char *joined = NULL;

        config_items(&items, value);
        for (size_t i = 0; i < items.n; i++) {
                bool taken = edit->what == CONFIG_UNSET && text_list_has(&edit->wanted, items.at[i]);

                text_list_add(taken ? &edit->gone : &rest, items.at[i]);
        }
        if (rest.n == items.n && items.n > 0) {
                text_add_bytes(edit->out, line, size);
                text_add_char(edit->out, '\n');
        } else if (rest.n > 0) {
                joined = text_list_join(&rest, ",");
                write_setting(edit, joined);
        }
        text_list_done(&items);
        text_list_done(&rest);
}

static void rewrite(struct edit *edit, const char *line, size_t size, const char *key, const char *value)
{
        if (!key || strcmp(key, edit->directive) != 0) {
                text_add_bytes(edit->out, line, size);
                text_add_char(edit->out, '\n');
                return;
        }
        write_new(edit);
        if (edit->what == CONFIG_RESET || (edit->what == CONFIG_SET && !edit->is_list))
                return;
        if (edit->is_list)
                write_rest(edit, line, size, value);
        else if (text_list_has(&edit->wanted, value))
                text_list_add(&edit->gone, value);
        else
                write_setting(edit, value);
}

static int prepare(struct edit *edit, const char *value, struct err *e)
{
        if (edit->what == CONFIG_RESET)
                return 0;
        if (value && edit->is_list)
                config_items(&edit->wanted, value);
        else if (value && *value)
                text_list_add_bytes(&edit->wanted, value, strcspn(value, ","));
        if (edit->wanted.n == 0)
                return err_set(e, -EINVAL, "you must specify a value for directive \"%s\"", edit->directive);
        return 0;
}

static int check_result(const struct edit *edit, size_t from, struct err *e)
{
        struct config config;
        int r;

        config_init(&config);
        r = config_parse(&config, "apptainer.conf", edit->out->at + from, edit->out->used - from, NULL, e);
        config_done(&config);
        return r < 0 ? err_ctx(e, r, "configuration directive invalid") : 0;
}

int config_change(const char *text, size_t size, enum config_edit what, const char *directive,
                  const char *value, struct text *out, struct err *e)
{
        _cleanup_edit_ struct edit edit = { .what = what, .directive = directive, .out = out };
        size_t from = out->used;
        int r = check(directive, &edit.is_list, e);

        if (r == 0)
                r = prepare(&edit, value, e);
        if (r < 0)
                return r;
        each_line(text, size, gather, &edit);
        each_line(text, size, rewrite, &edit);
        write_new(&edit);
        for (size_t i = 0; what == CONFIG_UNSET && i < edit.wanted.n; i++)
                if (!text_list_has(&edit.gone, edit.wanted.at[i]))
                        return err_set(e, -ENOENT, "value '%s' not found for directive \"%s\"",
                                       edit.wanted.at[i], directive);
        return check_result(&edit, from, e);
}

int config_get(const char *text, size_t size, const char *directive, struct text *out, struct err *e)
{
        _cleanup_edit_ struct edit edit = { .directive = directive };
        struct config config;
        size_t before = out->used;
        int r = check(directive, &edit.is_list, e);

        if (r < 0)
                return r;
        config_init(&config);
        r = text ? config_parse(&config, "apptainer.conf", text, size, NULL, e) : 0;
        if (r == 0)
                config_value(&config, directive, out);
        config_done(&config);
        if (r < 0 || out->used > before)
                return r;
        /* Without effect here: what the text says. */
        each_line(text, size, gather, &edit);
        for (size_t i = 0; i < edit.there.n; i++)
                text_printf(out, "%s%s", i ? "," : "", edit.there.at[i]);
        return 0;
}
