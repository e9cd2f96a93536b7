/* environment: what crosses from the host into the container, computed before anything is started.
 *
 * Host side.  The only files that are read are those of --env-file.  Two lists come out:
 *
 *   process    what the container's first process has: host variables that may cross, HOME, the default PATH,
 *              and the variables of the runtime.  An image's own environment beats these.
 *   overrides  what beats the image: APPTAINERENV_X, SINGULARITYENV_X, --env, --env-file.  Their values are
 *              evaluated inside the container, after the image's scripts, unless no_eval (command.h does it).
 *
 * Rules (spec runtime.md 5.1-5.5; image-formats.md 4.6 "Host variables into P", "Runtime variables"):
 *   - TERM and the proxy variables always cross; APPTAINER_*, SINGULARITY_*, HOME, PATH, LD_LIBRARY_PATH and
 *     names that are not identifiers never do; the rest does unless `clean` or named in `withheld`.
 *   - precedence of overrides: --env, later --env-file, earlier --env-file, APPTAINERENV_, SINGULARITYENV_.
 *   - HOME and the runtime's own APPNAME and SHELL cannot be overridden: a WARNING.
 *   - PATH, PREPEND_PATH, APPEND_PATH and the two for LD_LIBRARY_PATH edit the image's value.
 *   - SINGULARITYENV_X alone: an INFO; with another APPTAINERENV_X: a WARNING.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/note.h"
#include "base/text.h"

#define ENVIRONMENT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Zero means "not given" for everything but host, action, image and home.  All borrowed. */
struct environment_request {
        char *const *host;                    /* environ */
        const char *action;                   /* "exec", "run", "shell", "test", "start" */
        const char *image;                    /* absolute path, or the instance's image */
        const char *home;                     /* home directory inside the container */
        char *const *arguments;               /* behind the image, ends with NULL: $1… of --env-file */
        const struct text_list *set;          /* --env: "NAME=VALUE" */
        const struct text_list *files;        /* --env-file: paths */
        const struct text_list *withheld;     /* --no-env: names */
        const struct text_list *bind_targets; /* destinations of user binds, in order, "nonested" left out */
        const char *app;                      /* --app */
        const char *shell;                    /* --shell */
        const char *instance;                 /* instance name */
        bool clean;                           /* --cleanenv */
        bool no_eval;                         /* --no-eval */
};

struct environment {
        struct text_list process;   /* "NAME=VALUE", sorted */
        struct text_list overrides; /* "NAME=VALUE", sorted; values not yet evaluated */
        bool no_eval;               /* values of overrides are literal */
};

#define ENVIRONMENT_INIT                                                                                     \
        {                                                                                                    \
                .no_eval = false                                                                             \
        }

/* Fails when an env-file cannot be read or evaluated. */
int environment_make(struct environment *ret, const struct environment_request *request,
                     const struct notes *notes, struct err *e);
void environment_done(struct environment *environment);

#define _cleanup_environment_ __attribute__((cleanup(environment_done)))

/* The value of `name` in a list of "NAME=VALUE", or NULL; borrowed from the list. */
const char *environment_get(const struct text_list *list, const char *name);
