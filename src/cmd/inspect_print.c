/* What is selected, and how it is printed (spec cli.md 3.1). */
#include <string.h>

#include "base/clean.h"
#include "cmd/inspect.h"

enum { IN_IMAGE = 1 << 0, IN_APP = 1 << 1 };

/* The members in the order of the output, which for an app is another one. */
static const struct member {
        const char *key;
        size_t offset; /* of the option */
        unsigned where;
} members[] = {
        { "environment", offsetof(struct inspect_options, environment), IN_IMAGE | IN_APP },
        { "labels", offsetof(struct inspect_options, labels), IN_IMAGE | IN_APP },
        { "runscript", offsetof(struct inspect_options, runscript), IN_IMAGE | IN_APP },
        { "startscript", offsetof(struct inspect_options, startscript), IN_APP },
        { "test", offsetof(struct inspect_options, test), IN_IMAGE | IN_APP },
        { "helpfile", offsetof(struct inspect_options, helpfile), IN_IMAGE | IN_APP },
        { "deffile", offsetof(struct inspect_options, deffile), IN_IMAGE },
        { "startscript", offsetof(struct inspect_options, startscript), IN_IMAGE },
};

static bool chosen(const struct inspect_options *o, const struct member *m)
{
        bool any = o->deffile || o->environment || o->helpfile || o->labels || o->runscript ||
                   o->startscript || o->test || o->list_apps;

        if (o->all)
                return true;
        if (!any)
                return strcmp(m->key, "labels") == 0;
        return *(const bool *) ((const char *) o + m->offset);
}

static bool filled(json_t *value)
{
        return (json_is_string(value) && json_string_length(value)) ||
               (json_is_object(value) && json_object_size(value));
}

/* Texts by name, sorted; what is no text is left out. */
static json_t *sorted_texts(json_t *object)
{
        _cleanup_text_list_ struct text_list keys = TEXT_LIST_INIT;
        json_t *sorted = json_object(), *value;
        const char *key;

        json_object_foreach(object, key, value)
        {
                text_list_add(&keys, key);
        }
        text_list_sort(&keys);
        for (size_t i = 0; i < keys.n; i++) {
                value = json_object_get(object, keys.at[i]);
                if (json_is_string(value))
                        json_object_set(sorted, keys.at[i], value);
        }
        return sorted;
}

static void copy_member(json_t *to, json_t *from, const struct member *m)
{
        json_t *value = json_object_get(from, m->key);
        bool texts = strcmp(m->key, "environment") == 0 || strcmp(m->key, "labels") == 0;

        if (!filled(value) || json_is_object(value) != texts)
                return;
        if (texts)
                json_object_set_new(to, m->key, sorted_texts(value));
        else
                json_object_set(to, m->key, value);
}

static json_t *select_app(const struct inspect_options *options, json_t *app, bool whole)
{
        json_t *selected = json_object();

        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if ((members[i].where & IN_APP) && (whole || chosen(options, &members[i])))
                        copy_member(selected, app, &members[i]);
        return selected;
}

static void select_apps(const struct inspect_options *options, json_t *apps, json_t *selected)
{
        _cleanup_text_list_ struct text_list names = TEXT_LIST_INIT;
        _cleanup_json_ json_t *chosen_apps = json_object();
        bool whole = options->all || options->list_apps;
        const char *name;
        json_t *app;

        json_object_foreach(apps, name, app)
        {
                if (whole || (options->app && strcmp(name, options->app) == 0))
                        text_list_add(&names, name);
        }
        text_list_sort(&names);
        for (size_t i = 0; i < names.n; i++)
                json_object_set_new(chosen_apps, names.at[i],
                                    select_app(options, json_object_get(apps, names.at[i]), whole));
        if (json_object_size(chosen_apps))
                json_object_set(selected, "apps", chosen_apps);
}

json_t *inspect_select(const struct inspect_options *options, json_t *attributes)
{
        bool of_app = options->app && options->app[0] && !options->all;
        json_t *selected = json_object();

        select_apps(options, json_object_get(attributes, "apps"), selected);
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                /* a definition is the image's also when an app is asked for */
                if (of_app && (members[i].where & IN_APP))
                        continue;
                if (of_app && strcmp(members[i].key, "startscript") == 0)
                        continue;
                if ((members[i].where & IN_IMAGE) && chosen(options, &members[i]))
                        copy_member(selected, attributes, &members[i]);
        }
        return selected;
}

void inspect_print_json(json_t *selected, struct text *out)
{
        _cleanup_json_ json_t *whole = json_object();
        json_t *data = json_object();

        json_object_set_new(whole, "data", data);
        json_object_set(data, "attributes", selected);
        json_object_set_new(whole, "type", json_string("container"));
        json_write(whole, "\t", false, out);
        text_add(out, "\n");
}

/* Of the image, else of the app that was asked for. */
static json_t *value_of(const struct inspect_options *options, json_t *selected, const char *key)
{
        json_t *value = json_object_get(selected, key);

        if (value || !options->app)
                return value;
        return json_object_get(json_object_get(json_object_get(selected, "apps"), options->app), key);
}

static void print_text(const struct inspect_options *options, json_t *selected, const char *key,
                       struct text *out)
{
        json_t *value = value_of(options, selected, key);
        size_t size = value ? json_string_length(value) : 0;
        const char *text = value ? json_string_value(value) : "";

        while (size && text[size - 1] == '\n')
                size--;
        text_add_bytes(out, text, size);
        text_add(out, size ? "\n" : "");
}

void inspect_print_plain(const struct inspect_options *options, json_t *selected, struct text *out)
{
        static const char *const texts[] = { "deffile", "runscript", "startscript", "test", "helpfile" };
        const char *key;
        json_t *value;

        json_object_foreach(options->list_apps ? json_object_get(selected, "apps") : NULL, key, value)
        {
                text_printf(out, "%s\n", key);
        }
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                print_text(options, selected, texts[i], out);
        json_object_foreach(value_of(options, selected, "environment"), key, value)
        {
                text_printf(out, "=== %s ===\n%s\n\n", key, json_string_value(value));
        }
        json_object_foreach(value_of(options, selected, "labels"), key, value)
        {
                text_printf(out, "%s: %s\n", key, json_string_value(value));
        }
}
