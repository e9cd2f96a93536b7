/* cli: one static table per command; parser, help pages, man pages, completion and environment binding come
 * from it.
 *
 * Grammar and texts: spec cli.md, 1.2 (flags), 1.7 (help and usage), 1.8 (environment).  A command parses
 * only its own flags and stops at its first positional argument, unless CLI_INTERSPERSED.
 *
 * Values are stored into a struct of the command at cli_option.offset, by type:
 *   CLI_BOOL bool · CLI_STRING const char * (borrowed from argv or environment) · CLI_INT int64_t ·
 * CLI_UINT32 uint32_t · CLI_LIST struct text_list (value is one CSV record, repeats accumulate) · CLI_ARRAY
 * struct text_list (values kept verbatim) · CLI_MAP struct text_list of "key=value" Fields start as zero;
 * cli_option.fallback, a text, is parsed into the field first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

enum cli_type { CLI_BOOL, CLI_STRING, CLI_INT, CLI_UINT32, CLI_LIST, CLI_ARRAY, CLI_MAP };

enum cli_option_flags {
        CLI_HIDDEN = 1 << 0,     /* works, but is not shown */
        CLI_DEPRECATED = 1 << 1, /* works with a WARNING; .note is its text; not shown */
        CLI_APPEND_ENV = 1 << 2, /* environment values are added behind those of the command line */
        CLI_BARE_ENV = 1 << 3,   /* the unprefixed variable name is read too */
        CLI_NOT_YET = 1 << 4,    /* known to the original, not to us so far: refused, by flag and by variable;
                                    not shown */
        CLI_PATH = 1 << 5,       /* completion offers files */
};

struct cli_option {
        char letter;       /* 0: none */
        const char *name;  /* long name */
        const char *value; /* name of the value in help, NULL for CLI_BOOL */
        enum cli_type type;
        size_t offset;
        const char *env[2]; /* keys without prefix: APPTAINER_<key>, then SINGULARITY_<key> */
        const char *help;
        unsigned flags;
        const char *fallback; /* default as text, shown in help; NULL: zero */
        const char *note;     /* CLI_DEPRECATED, CLI_NOT_YET: what to say; may be NULL */
        bool *set_by_parser;  /* unused in tables; keep NULL */
        size_t seen_offset; /* if nonzero: offset of a bool that becomes true when flag or variable was given
                             */
};

/* Options shared by several commands are in tables of their own; a command lists tables. */
struct cli_option_table {
        const struct cli_option *options;
        size_t n;
};

enum cli_command_flags {
        CLI_INTERSPERSED = 1 << 0, /* flags may follow positional arguments (sif, completion) */
        CLI_STRICT_GROUP = 1 << 1, /* a group without or with an unknown subcommand is an error */
        CLI_COMMAND_HIDDEN = 1 << 2,
        CLI_COMMAND_NOT_YET = 1 << 3, /* named by the original, not here so far: refused with a message */
};

struct cli_command;

/* What a handler gets.  The return value is the exit status. */
struct cli_call {
        const struct cli_command *command;
        const char *program; /* "apptainer" */
        void *options;       /* the command's struct, filled */
        int argc;            /* positional arguments */
        char **argv;         /* terminated by NULL */
        char **whole_argv;   /* the process's argv, for handing over to the other executable */
};
typedef int (*cli_handler)(const struct cli_call *call);

struct cli_command {
        const char *name;
        const char *const *aliases; /* terminated by NULL, or NULL */
        const char *use;            /* "exec [exec options...] <container> <command>" */
        const char *summary;        /* one line */
        const char *description;    /* long text of the help page */
        const char *examples;       /* may be NULL */
        const struct cli_option_table *tables;
        size_t n_tables;
        size_t options_size;       /* of the struct that the options fill */
        int args_least, args_most; /* positional; args_most -1: no limit */
        unsigned flags;
        cli_handler handler; /* NULL with subcommands: a group; NULL without: in the other executable */
        const struct cli_command *const *subcommands; /* terminated by NULL, or NULL */
};

/* Parses argv[1..] against the root command, binds the environment, calls `globals` (level, colour …) once
 * the global options are known, and the handler.  Returns the exit status.  elsewhere: called when the
 * command has no handler here. */
struct cli_program {
        const struct cli_command *root;
        void (*globals)(const void *root_options); /* root's options struct */
        int (*elsewhere)(const struct cli_call *call);
};
int cli_main(const struct cli_program *program, int argc, char **argv);

/* The same table as text.  `path` is the chain of commands from the root, n of them. */
void cli_help(const struct cli_command *const *path, size_t n, struct text *out);
void cli_man(const struct cli_command *const *path, size_t n, const char *version,
             struct text *out); /* roff */
/* shell: "bash", "zsh", "fish", "powershell"; -EINVAL for others. */
int cli_completion(const struct cli_command *root, const char *shell, bool descriptions, struct text *out);

/* One CSV record (RFC 4180) into fields; -EINVAL for a stray quote. */
int cli_csv(const char *record, struct text_list *ret);
