/* cli: one static table per command; parser, help pages, man pages, completion and environment binding come
 * from it.
 *
 * Grammar and texts are those of the original, so that scripts written for it work: a command parses only its
 * own flags and stops at its first positional argument, unless CLI_INTERSPERSED; short flags cluster; a value
 * may follow as `-B/x`, `-B=/x`, `-B /x`, `--bind=/x`, `--bind /x`; a bool takes a value only behind `=`.
 *
 * Order of calls: cli_parse(); act on the outcome; cli_result_done().  Nothing here prints or exits: texts
 * for stdout and stderr are handed back, notices go to cli_program.notes.
 *
 * Values are stored into a struct of the command at cli_option.offset, by type:
 *
 *   CLI_BOOL    bool
 *   CLI_STRING  const char *, borrowed from argv or the environment; NULL while not given
 *   CLI_INT     int64_t; 0x10 and 010 are understood
 *   CLI_UINT32  uint32_t; the same
 *   CLI_LIST    struct text_list: each value is one CSV record, repeats accumulate
 *   CLI_ARRAY   struct text_list: values kept verbatim, repeats accumulate
 *   CLI_MAP     struct text_list of "key=value"; a value with one '=' is one pair, else a CSV record of pairs
 *
 * Fields start as zero; cli_option.fallback, a text, is parsed into the field first.
 *
 * Environment: APPTAINER_<key> for each key, then SINGULARITY_<key>; the command line wins, then the first
 * that is set and not blank.  An APPTAINER_ variable that is set, even to nothing, masks its SINGULARITY_
 * twin.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
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
        CLI_REQUIRED = 1 << 6,   /* a usage error when neither flag nor variable was given */
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
        CLI_RAW_ARGUMENTS = 1 << 4,   /* no flags at all: every word is a positional argument */
        CLI_FILES = 1 << 5,           /* completion offers files for positional arguments */
        CLI_ROOT = 1 << 6,            /* has --version */
        CLI_TOPICS = 1 << 7,          /* positional arguments are names of commands */
};

struct cli_command;

#define CLI_LEVELS_MAX 3 /* root, group, subcommand */

/* What a handler gets.  The return value is the exit status. */
struct cli_call {
        const struct cli_command *command;
        const char *program;       /* "apptainer" */
        void *options;             /* the command's struct, filled */
        int argc;                  /* positional arguments */
        char **argv;               /* terminated by NULL */
        char **whole_argv;         /* the process's argv, for handing over to the other executable */
        const void *root_options;  /* the root command's struct */
        const void *group_options; /* that of the group which the command is in; NULL without */
        const struct cli_command *root;
        const struct cli_command *path[CLI_LEVELS_MAX]; /* from the root to the command */
        size_t n_path;
};
typedef int (*cli_handler)(const struct cli_call *call);

/* A part of the manual page beyond what the table says: files, exit status and the like. */
struct cli_section {
        const char *title; /* NULL: the end */
        const char *text;  /* as cli_command.description */
};

struct cli_command {
        const char *name;
        const char *const *aliases; /* terminated by NULL, or NULL */
        const char *use;            /* "exec [exec options...] <container> <command>" */
        const char *summary;        /* one line */
        const char *description; /* long text of the help page: paragraphs, wrapped; a line that starts with
                                    a blank is kept as it is */
        const char *examples;    /* lines kept as they are; may be NULL */
        const struct cli_option_table *tables;
        size_t n_tables;
        size_t options_size;       /* of the struct that the options fill */
        int args_least, args_most; /* positional; args_most -1: no limit */
        unsigned flags;
        cli_handler handler; /* NULL with subcommands: a group; NULL without: in the other executable */
        const struct cli_command *const *subcommands; /* terminated by NULL, or NULL */
        const struct cli_section *sections;           /* terminated by NULL, or NULL */
};

struct cli_program {
        const struct cli_command *root;
        const char *version; /* for --version, which only the root command has */
        /* The message level and colour.  Called with the root's options as soon as those of the command line
         * are known, and again when the environment was added.  May be NULL. */
        void (*globals)(const void *root_options);
        const struct notes *notes; /* may be NULL */
};

enum cli_outcome {
        CLI_CALL,      /* call.command->handler(&call) is to be run */
        CLI_ELSEWHERE, /* the command has no handler here; its own flags were not looked at */
        CLI_PRINT,     /* `out` belongs on stdout, `complaint` before it on stderr; exit with `status` */
        CLI_FAILED,    /* `error` says why; a fatal error */
};

struct cli_result {
        struct cli_call call;
        struct text out;
        struct text complaint;
        int status; /* 0 for help that was asked for, 1 for a usage error */
        struct err error;
        /* owned by the result; callers leave these alone */
        void *level_options[CLI_LEVELS_MAX];
        const struct cli_command *level_commands[CLI_LEVELS_MAX];
        size_t n_levels;
        char **positional;
};

/* Parses argv[1..] against the tables and binds the environment.  The result borrows from argv and the
 * environment. */
enum cli_outcome cli_parse(const struct cli_program *program, int argc, char **argv, struct cli_result *ret);
void cli_result_done(struct cli_result *result);

/* The same as a usage error found by a handler, such as "no instance found": the two texts of
 * `Error for command ...`. */
void cli_usage_error(const struct cli_call *call, const char *message, struct text *out,
                     struct text *complaint);

/* The subcommand of `group` with this name or alias, or NULL. */
const struct cli_command *cli_find(const struct cli_command *group, const char *name);

/* Number of options of a command over all its tables, and the one at `index`. */
size_t cli_option_count(const struct cli_command *command);
const struct cli_option *cli_option_at(const struct cli_command *command, size_t index);
/* Whether help, man pages and completion show it. */
bool cli_option_shown(const struct cli_option *option);
bool cli_command_shown(const struct cli_command *command);

/* "Usage:" with the use lines of the path, and the commands of a group. */
void cli_usage(const struct cli_command *const *path, size_t n, struct text *out);
/* The same table as text.  `path` is the chain of commands from the root, n of them. */
void cli_help(const struct cli_command *const *path, size_t n, struct text *out);
/* roff, in the macros of man(7). */
void cli_man(const struct cli_command *const *path, size_t n, const char *version, struct text *out);
/* A script for shell "bash", "zsh" or "fish" that asks `apptainer __complete WORD...` at every TAB, or
 * __completeNoDesc without descriptions; -EINVAL for other shells. */
int cli_completion(const struct cli_command *root, const char *shell, bool descriptions, struct text *out);
/* What may stand in place of the last of `words` (the words behind the program's name): lines
 * "candidate<TAB>description", then ":4" when nothing else fits there or ":0" when files do. */
void cli_complete(const struct cli_command *root, char *const *words, size_t n, bool descriptions,
                  struct text *out);

/* One CSV record (RFC 4180) into fields; -EINVAL for a stray quote, with `e` (may be NULL) saying where. */
int cli_csv(const char *record, struct text_list *ret, struct err *e);
