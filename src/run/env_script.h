/* env_script: evaluates the shell text that images carry, without a shell.
 *
 * The language is a part of POSIX sh with a few words of bash, chosen from what environment scripts really
 * have: assignments, export, unset, quoting, parameter expansion, if, case, for, while, functions, test, [[
 * ]], echo, eval, `.`, arithmetic, and $(...) of all these.  Within it the outcome is that of bash and dash;
 * where the two differ, that of bash.  Everything else, such as a program to be run, a pipe, a redirection to
 * a file or a glob, is "outside": the call answers -ENOTSUP and names file, line and reason, and the state
 * must then be thrown away.  So a caller works on a copy, and lets a real shell do what is outside.
 *
 * Nothing is started, nothing is written: output is gathered in `out` and `complaints`.  Files named by `.`
 * and by tests are looked at below `root`.
 *
 * Bounds, so that hostile text costs little: see the ENV_SCRIPT_ maxima; beyond one is "outside" too.
 */
#pragma once

#include "base/err.h"
#include "base/text.h"
#include "run/env_script_variables.h"

#define ENV_SCRIPT_SIZE_MAX      ((size_t) 1 << 20)  /* of one file; real ones have a few KiB */
#define ENV_SCRIPT_TREE_MAX      ((size_t) 16 << 20) /* bytes of one parsed file */
#define ENV_SCRIPT_DEPTH_MAX     128   /* nested constructs, calls, files: keeps the C stack small */
#define ENV_SCRIPT_STEPS_MAX     50000 /* commands and loop turns: some 10 ms */
#define ENV_SCRIPT_VALUES_MAX    ((size_t) 8 << 20) /* bytes of all variables; execve(2) takes 2 MiB at most */
#define ENV_SCRIPT_NAMES_MAX     8192               /* variables: each new one moves the others up */
#define ENV_SCRIPT_FUNCTIONS_MAX 1000               /* looked through at every command */

struct env_script_function {
        char *name; /* owned */
        char *body; /* owned: source text of the compound command */
};

enum env_script_flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_RETURN, FLOW_EXIT };

struct env_script {
        struct variables variables;
        struct text_list arguments; /* $1… */
        const char *zero;           /* $0; borrowed */
        int root;       /* directory that `.` and file tests start from; -EBADF: they are outside */
        bool host_file; /* --env-file: a command or file is an error with a message, not "outside" */

        struct text out;              /* what was written to stdout and */
        struct text complaints;       /* stderr */
        int status;                   /* $? */
        bool exited;                  /* `exit` ended it, with `status`; or `exec` did: */
        struct text_list replacement; /* its words, else empty */

        bool broken_eval; /* it failed on the text of an `eval`, which no shell takes */

        /* private to env_script*.c */
        struct env_script_function *functions;
        size_t n_functions;
        enum env_script_flow flow;
        unsigned levels; /* break and continue N */
        unsigned depth;  /* of C recursion */
        unsigned loops;  /* enclosing loops */
        unsigned calls;  /* enclosing function calls */
        unsigned files;  /* enclosing files read by `.` */
        unsigned inner;  /* enclosing $(...) */
        unsigned steps;
        bool substituted;         /* a $(...) ran in the present command */
        struct variables *locals; /* hidden values of the present function */
};

/* root and zero are borrowed; variables and arguments are filled by the caller. */
void env_script_init(struct env_script *s, int root, const char *zero);
void env_script_done(struct env_script *s);
/* An independent copy of the state between two files. */
void env_script_copy(struct env_script *ret, const struct env_script *from);
#define _cleanup_env_script_ __attribute__((cleanup(env_script_done)))

/* Evaluates a file's text in the present state.  name: for messages.  0, also when the text ended by `exit`
 * (s->exited) or `exec` (s->replacement); -ENOTSUP or -EBADMSG with "name:line: reason". */
int env_script_source(struct env_script *s, const char *text, size_t size, const char *name, struct err *e);

/* Reads a regular file below s->root and evaluates it.  -ENOENT when it is not there. */
int env_script_source_file(struct env_script *s, const char *path, struct err *e);

/* Only parses: 0, -ENOTSUP or -EBADMSG. */
int env_script_check(const char *text, size_t size, const char *name, struct err *e);

/* Appends `text` in double quotes for a shell that shall evaluate it: `"` is an ordinary character, `$`,
 * backquote and backslash are not. */
void env_script_add_quoted(struct text *ret, const char *text);

/* What the value becomes that env_script_add_quoted() writes.  The caller frees *ret. */
int env_script_expand_quoted(struct env_script *s, const char *text, const char *name, char **ret,
                             struct err *e);
