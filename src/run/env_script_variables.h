/* env_script_variables: the variables of a shell, sorted by name.
 *
 * A variable may be marked for export before it has a value, and may be read-only.  Names are any text
 * without
 * '='; whether one is an identifier is the business of callers (variables_name_valid).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct variable {
        char *name;  /* owned */
        char *value; /* owned; NULL: not set */
        bool exported;
        bool readonly;
        bool touched; /* set since variables_untouch() */
};

struct variables {
        struct variable *at; /* owned, sorted bytewise by name */
        size_t n;
        size_t room;
        size_t bytes;    /* of all values, so that callers can bound them */
        bool export_all; /* set -a */
};

#define VARIABLES_INIT                                                                                       \
        {                                                                                                    \
                .at = NULL                                                                                   \
        }

void variables_done(struct variables *v);
void variables_copy(struct variables *ret, const struct variables *from);
#define _cleanup_variables_ __attribute__((cleanup(variables_done)))

/* The value, or NULL when not set; borrowed until the next change. */
const char *variables_get(const struct variables *v, const char *name);
/* The entry, set or not, or NULL; borrowed until the next change. */
const struct variable *variables_find(const struct variables *v, const char *name);

/* -EROFS when it is read-only, and nothing changes.  Marks stay. */
int variables_set(struct variables *v, const char *name, const char *value);
int variables_unset(struct variables *v, const char *name); /* marks go too */
int variables_set_exported(struct variables *v, const char *name, const char *value);
void variables_mark(struct variables *v, const char *name, bool exported, bool readonly);

void variables_untouch(struct variables *v);

/* Takes "NAME=VALUE" as exported; text without '=' or without a name is passed over. */
void variables_put(struct variables *v, const char *assignment);

/* What a program would get: "NAME=VALUE" of every exported variable that is set, sorted by name. */
void variables_list(const struct variables *v, struct text_list *ret);

/* An identifier: [a-zA-Z_][a-zA-Z0-9_]* */
bool variables_name_valid(const char *name, size_t size);
