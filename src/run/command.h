/* command: what the container's process becomes, and with which environment.
 *
 * Container side: called when "/" is the container's root, binds included, privileges dropped and the working
 * directory entered, in the process that will become the program.  First command_resolve(), then
 * command_execute(), which returns only when it fails.
 *
 * command_resolve() evaluates the image's environment (spec image-formats.md 4.6: clear, /.singularity.d/env,
 * overrides, PATH edits, restore) and chooses the program of the action (4.6 step 9, 4.7).  Three ways, all
 * with the same result:
 *   native  the scripts that images really have are understood by env_script.h; no shell is started.
 *   shell   anything else: the command is the image's own shell with a generated text that does the whole
 *           dance and ends in exec, so that no extra process stays.
 *   none    the image has no shell: as far as env_script.h understands, with a WARNING per script it does
 * not.
 */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "base/text.h"
#include "run/environment.h"

struct command_request {
        int root;               /* the container's root directory, borrowed; tests use any directory */
        const char *action;     /* "exec", "run", "shell", "test", "start" */
        char *const *arguments; /* behind the image, ends with NULL */
        const char *cwd;        /* working directory as the user named it (PWD); NULL: asked of the kernel */
        const struct environment *environment;
};

struct command {
        char *file;            /* path from the container's root; NULL: there is nothing to execute */
        struct text_list argv; /* argv[0] included */
        struct text_list env;  /* "NAME=VALUE", sorted */
        int status;            /* exit status when there is nothing to execute */
};

#define COMMAND_INIT                                                                                         \
        {                                                                                                    \
                .file = NULL                                                                                 \
        }

/* 0: execute it, or exit with `status` when `file` is NULL (what is to be said was said through `notes`).
 * Negative errno: a fatal error, such as `"x": executable file not found in $PATH`. */
int command_resolve(struct command *ret, const struct command_request *request, const struct notes *notes,
                    struct err *e);

/* execve; a file without "#!" that the kernel refuses goes through /bin/sh.  Returns only on failure, with
 * the reason found: missing interpreter, program of another architecture, not executable. root: as in the
 * request. */
int command_execute(const struct command *command, int root, struct err *e);

void command_done(struct command *command);
#define _cleanup_command_ __attribute__((cleanup(command_done)))
