#include "run/env_script_variables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

void variables_done(struct variables *v)
{
        for (size_t i = 0; i < v->n; i++) {
                free(v->at[i].name);
                free(v->at[i].value);
        }
        free(v->at);
        *v = (struct variables) VARIABLES_INIT;
}

void variables_copy(struct variables *ret, const struct variables *from)
{
        struct variables copy = { .bytes = from->bytes, .export_all = from->export_all };

        copy.at = text_alloc(from->n * sizeof(copy.at[0]));
        copy.n = copy.room = from->n;
        for (size_t i = 0; i < from->n; i++) {
                copy.at[i] = from->at[i];
                copy.at[i].name = text_dup(from->at[i].name);
                copy.at[i].value = from->at[i].value ? text_dup(from->at[i].value) : NULL;
        }
        *ret = copy;
}

/* Where `name` is or would be; *found says which. */
static size_t variables_place(const struct variables *v, const char *name, bool *found)
{
        size_t low = 0, high = v->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(v->at[middle].name, name);

                if (order == 0) {
                        *found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *found = false;
        return low;
}

const struct variable *variables_find(const struct variables *v, const char *name)
{
        bool found;
        size_t at = variables_place(v, name, &found);

        return found ? &v->at[at] : NULL;
}

const char *variables_get(const struct variables *v, const char *name)
{
        const struct variable *entry = variables_find(v, name);

        return entry ? entry->value : NULL;
}

static struct variable *variables_entry(struct variables *v, const char *name)
{
        bool found;
        size_t at = variables_place(v, name, &found);

        if (found)
                return &v->at[at];
        if (v->n == v->room) {
                v->room = v->room ? 2 * v->room : 32;
                v->at = text_realloc(v->at, v->room * sizeof(v->at[0]));
        }
        memmove(&v->at[at + 1], &v->at[at], (v->n - at) * sizeof(v->at[0]));
        v->n++;
        v->at[at] = (struct variable){ .name = text_dup(name) };
        return &v->at[at];
}

int variables_set(struct variables *v, const char *name, const char *value)
{
        struct variable *entry = variables_entry(v, name);
        char *copy;

        if (entry->readonly)
                return -EROFS;
        copy = text_dup(value);
        v->bytes -= entry->value ? strlen(entry->value) : 0;
        v->bytes += strlen(copy);
        free(entry->value);
        entry->value = copy;
        entry->touched = true;
        if (v->export_all)
                entry->exported = true;
        return 0;
}

int variables_set_exported(struct variables *v, const char *name, const char *value)
{
        int r = variables_set(v, name, value);

        if (r == 0)
                variables_mark(v, name, true, false);
        return r;
}

int variables_unset(struct variables *v, const char *name)
{
        bool found;
        size_t at = variables_place(v, name, &found);

        if (!found)
                return 0;
        if (v->at[at].readonly)
                return -EROFS;
        v->bytes -= v->at[at].value ? strlen(v->at[at].value) : 0;
        free(v->at[at].name);
        free(v->at[at].value);
        memmove(&v->at[at], &v->at[at + 1], (v->n - at - 1) * sizeof(v->at[0]));
        v->n--;
        return 0;
}

void variables_mark(struct variables *v, const char *name, bool exported, bool readonly)
{
        struct variable *entry = variables_entry(v, name);

        entry->exported |= exported;
        entry->readonly |= readonly;
}

void variables_untouch(struct variables *v)
{
        for (size_t i = 0; i < v->n; i++)
                v->at[i].touched = false;
}

void variables_put(struct variables *v, const char *assignment)
{
        const char *equals = strchr(assignment, '=');
        _cleanup_free_ char *name = NULL;

        if (!equals || equals == assignment)
                return;
        name = text_dup_bytes(assignment, (size_t) (equals - assignment));
        variables_set_exported(v, name, equals + 1);
}

void variables_list(const struct variables *v, struct text_list *ret)
{
        for (size_t i = 0; i < v->n; i++)
                if (v->at[i].exported && v->at[i].value)
                        text_list_printf(ret, "%s=%s", v->at[i].name, v->at[i].value);
}

bool variables_name_valid(const char *name, size_t size)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
        static const char digits[] = "0123456789";

        if (size == 0 || name[0] == '\0' || !strchr(letters, name[0]))
                return false;
        for (size_t i = 1; i < size; i++)
                if (name[i] == '\0' || (!strchr(letters, name[i]) && !strchr(digits, name[i])))
                        return false;
        return true;
}
