/* cli_internal: what the files of this room share; for src/cli only. */
#pragma once

#include "cli/cli.h"

#define CLI_WIDTH 80 /* of help pages; usage errors follow the terminal */

/* One command on the line, with what was parsed for it. */
struct cli_level {
        const struct cli_command *command;
        void *options; /* borrowed from the result */
        bool *seen;    /* per option: given by flag or variable; owned */
        bool help;
        bool version;
};

/* Stores `value` by the option's type.  first: nothing was stored before, so a list drops its default.
 * Returns -EINVAL or -ERANGE with the reason in `e`. */
int cli_value_store(const struct cli_option *option, void *options, const char *value, bool first,
                    struct err *e);
/* Zeroes and then applies the defaults of the tables. */
void cli_value_defaults(const struct cli_command *command, void *options);
void cli_value_done(const struct cli_command *command, void *options);
/* Whether the value asks for something: true for a bool, not blank otherwise. */
bool cli_value_wanted(const struct cli_option *option, const char *value);

/* Binds the environment to one level.  global: the root's, for the message of a bad value. */
int cli_environment_bind(struct cli_level *level, bool global, const struct notes *notes, struct err *e);

/* Refusal of an option of CLI_NOT_YET; `how` is "--name" or the variable.  Returns -ENOTSUP. */
int cli_refuse_option(const struct cli_option *option, const char *how, struct err *e);

/* "-c, --contain" or "--contain" */
void cli_option_names(const struct cli_option *option, struct text *out);

/* The shown options by name, --help and on the root --version among them; the caller frees the array. */
const struct cli_option **cli_sorted_options(const struct cli_command *command, size_t *ret_n);
/* The list of options, wrapped at `width`. */
void cli_option_list(const struct cli_command *command, size_t width, struct text *out);
/* Columns to wrap usage errors at: COLUMNS, else the terminal's, else CLI_WIDTH. */
size_t cli_columns(void);
/* "Run '...' for more ..." */
void cli_last_line(const char *program, struct text *out);
/* Names that may have been meant, one per line behind a tab; nothing when none is near. */
void cli_suggest(const struct cli_command *group, const char *typed, struct text *out);

/* Adds `string` wrapped at `width`: the first line is already at column `column`, the others are indented by
 * `indent`.  Ends with a newline. */
void cli_wrap(struct text *out, const char *string, size_t column, size_t indent, size_t width);
