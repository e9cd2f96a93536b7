/* command_internal: between the files command*.c only. */
#pragma once

#include <stdbool.h>

#include "run/command.h"
#include "run/env_script.h"

#define COMMAND_ENV_DIRECTORY "/.singularity.d/env"
#define COMMAND_LIBS          "/.singularity.d/libs"
#define COMMAND_LIBS32        "/.singularity.d/libs32"
#define COMMAND_PROMPT        "Apptainer> "

/* What the image has, looked up once. */
struct startup {
        const struct command_request *request;
        const struct notes *notes;
        struct text_list scripts; /* paths in the order of evaluation */
        bool has_directory;       /* /.singularity.d/env; images before 2.3 have not */
        bool has_environment;     /* /environment, for these */
        bool has_runtimevars;     /* 99-runtimevars.sh: the image edits PATH itself */
        bool has_libs;            /* /.singularity.d/libs is not empty */
        bool has_libs32;
        const char *shell;          /* "/bin/bash", "/bin/sh", or NULL */
        char *zero;                 /* $0 of the scripts */
        bool lenient;               /* there is no shell: what is outside is left out with a WARNING */
        struct text_list *warnings; /* told when the way taken is the final one */
};

int startup_look(struct startup *ret, const struct command_request *request, const struct notes *notes,
                 struct err *e);
void startup_done(struct startup *startup);
#define _cleanup_startup_ __attribute__((cleanup(startup_done)))

/* A regular file, or a link to one, below the root.  The second: that may also be executed. */
bool startup_has_file(const struct startup *startup, const char *path);
bool startup_has_program(const struct startup *startup, const char *path);
int startup_name_of_app(const struct startup *startup, const char **ret); /* -ENOENT: none asked for */

/* Variables that a start keeps while all others are put aside, and those that nobody may change. */
bool command_keeps(const char *name);
bool command_protects(const struct startup *startup, const char *name);

/* The final value of PROMPT_COMMAND (caller frees). */
char *command_prompt_command(const char *prompt, const char *present);

/* command_native.c: the whole environment in `s`.  -ENOTSUP: a shell is needed. */
int native_environment(const struct startup *startup, struct env_script *s, struct err *e);
/* What remains the same whoever evaluated the scripts. */
void native_list(const struct startup *startup, const struct env_script *s, struct text_list *ret);

/* command_action.c: file and argv of the action, or a status when there is nothing to execute. */
int action_choose(const struct startup *startup, struct env_script *s, struct command *ret, struct err *e);
/* The file that a shell would start for `name`, with the errors of this program. */
int action_find(const struct startup *startup, const char *path_variable, const char *name, char **ret,
                struct err *e);

/* command_shell.c: the image's shell with the text that does it all. */
int shell_command(const struct startup *startup, struct command *ret, struct err *e);
