/* What the files of this room share; for nobody else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* Whether there is such a directive, and whether it is a list. */
bool config_directive(const char *key, bool *ret_is_list);
/* The value that `config` has, as it would be written; nothing for directives without effect. */
void config_value(const struct config *config, const char *key, struct text *out);

/* The key and value of a line, trimmed, of malloc; false for comments and what is no setting. */
bool config_line(const char *line, size_t size, char **ret_key, char **ret_value);
/* The items of a list's value. */
void config_items(struct text_list *list, const char *value);
