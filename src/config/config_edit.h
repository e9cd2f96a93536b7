/* config_edit: the text of apptainer.conf, asked and changed by directive (spec cli.md, 2.10: config global).
 *
 * Lines of other directives, comments and blank lines stay as they are.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

enum config_edit {
        CONFIG_SET,   /* a single value replaces what is there; of a list, values that are missing go in front
                       */
        CONFIG_UNSET, /* values are taken away; -ENOENT when one is not there */
        CONFIG_RESET, /* the directive goes */
};

/* What the directive is with this text, or without a file when it is NULL: the values of a list joined by
 * commas, else the value or the default; empty for one without effect here that the text lacks.  -ENOENT: no
 * such directive. */
int config_get(const char *text, size_t size, const char *directive, struct text *out, struct err *e);

/* Appends the changed text to `out`.  value: items of a list separated by commas; not used with CONFIG_RESET.
 */
int config_change(const char *text, size_t size, enum config_edit edit, const char *directive,
                  const char *value, struct text *out, struct err *e);
