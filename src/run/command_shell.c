/* The environment by the image's own shell: one text that evaluates the scripts, does what command_native.c
 * does around them, and ends in exec, so that the process that was the shell becomes the program.
 *
 * The text runs in bash, dash, busybox ash and their like.  What it must withstand:
 *   - scripts that set -e, -u, -f or IFS: every expansion is quoted, every unset variable has a default;
 *   - a shell that ends at an error of a special builtin: those are called through `command`;
 *   - variables that shells have by themselves and that an image must not see: they are unset first.
 * Values of the host are in the text, not in the shell's environment, because the shell may not change them
 * while it starts. Execve(2) takes 128 KiB per argument, so the text travels in pieces.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/command_internal.h"

#define PIECE_SIZE 100000 /* MAX_ARG_STRLEN of Linux is 131072 with the terminator */

/* The names that the text itself uses. */
#define P "_apptainer_"

static const char functions[] =
        P "fail() {\n"
          "    printf 'FATAL:   %s\\n' \"$1\" >&2\n"
          "    exit 255\n"
          "}\n" P "complete_path() {\n"
          "    for " P "d in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do\n"
          "        case \":${PATH-}:\" in\n"
          "        *\":$" P "d:\"*) ;;\n"
          "        *) PATH=${PATH:+$PATH:}$" P "d ;;\n"
          "        esac\n"
          "    done\n"
          "    export PATH\n"
          "}\n" P "default_path() {\n"
          "    if [ -z \"${PATH+x}\" ]; then export PATH='" ENVIRONMENT_PATH "'; fi\n"
          "}\n" P "find() {\n"
          "    case \"$1\" in\n"
          "    */*)\n"
          "        if [ -d \"$1\" ]; then " P "fail \"$1: is a directory\"; fi\n"
          "        if [ ! -e \"$1\" ]; then " P "fail \"stat $1: no such file or directory\"; fi\n"
          "        if [ ! -x \"$1\" ]; then " P "fail \"$1: permission denied\"; fi\n"
          "        return 0 ;;\n"
          "    esac\n"
          "    " P "rest=${PATH-}:\n"
          "    while [ -n \"$1\" ] && [ -n \"$" P "rest\" ]; do\n"
          "        " P "d=${" P "rest%%:*}\n"
          "        " P "rest=${" P "rest#*:}\n"
          "        if [ -f \"${" P "d:-.}/$1\" ] && [ -x \"${" P "d:-.}/$1\" ]; then return 0; fi\n"
          "    done\n"
          "    " P "fail \"\\\"$1\\\": executable file not found in \\$PATH\"\n"
          "}\n"
        /* bash exports SHLVL and _ to what it starts: env takes them away again */
        P "exec() {\n"
          "    " P "find \"$1\"\n"
          "    if [ -n \"${BASH_VERSION-}\" ] && [ -x /usr/bin/env ]; then\n"
          "        case \"$1\" in\n"
          "        -* | *=*) ;;\n"
          "        *) exec /usr/bin/env -u SHLVL -u _ \"$@\" ;;\n"
          "        esac\n"
          "    fi\n"
          "    exec \"$@\"\n"
          "}\n";

/* step 6 and 8, where nothing depends on the image */
static const char edit_path[] =
        "if [ -n \"${SING_USER_DEFINED_PREPEND_PATH:-}\" ]; then PATH=$SING_USER_DEFINED_PREPEND_PATH:$PATH; fi\n"
        "if [ -n \"${SING_USER_DEFINED_APPEND_PATH:-}\" ]; then PATH=$PATH:$SING_USER_DEFINED_APPEND_PATH; fi\n"
        "if [ -n \"${SING_USER_DEFINED_PATH:-}\" ]; then PATH=$SING_USER_DEFINED_PATH; fi\n"
        "unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH SING_USER_DEFINED_PATH\n"
        "export PATH\n";

static const char edit_libraries[] =
        "if [ -n \"${LD_LIBRARY_PATH:-}\" ]; then\n"
        "    if [ -n \"${PREPEND_LD_LIBRARY_PATH:-}\" ]; then LD_LIBRARY_PATH=$PREPEND_LD_LIBRARY_PATH:$LD_LIBRARY_PATH; fi\n"
        "    if [ -n \"${APPEND_LD_LIBRARY_PATH:-}\" ]; then LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$APPEND_LD_LIBRARY_PATH; fi\n"
        "fi\n";

static const char finish[] =
        "if [ -z \"${PS1:-}\" ]; then export PS1='" COMMAND_PROMPT "'; fi\n"
        "if [ -z \"${PROMPT_COMMAND:-}\" ]; then\n"
        "    export PROMPT_COMMAND=\"PS1=\\\"$PS1\\\"; unset PROMPT_COMMAND\"\n"
        "else\n"
        "    export PROMPT_COMMAND=\"$PROMPT_COMMAND; PROMPT_COMMAND=\\\"\\${PROMPT_COMMAND%%; "
        "PROMPT_COMMAND=*}\\\"; PS1=\\\"$PS1\\\"\"\n"
        "fi\n"
        "if [ -z \"${APPTAINER_ENVIRONMENT:-}\" ]; then\n"
        "    export APPTAINER_ENVIRONMENT=" COMMAND_ENV_DIRECTORY "/91-environment.sh\n"
        "fi\n"
        "export SINGULARITY_ENVIRONMENT=" COMMAND_ENV_DIRECTORY "/91-environment.sh\n";

/* Step 4: the header lines of `ldconfig -Nv` end at a colon. */
static const char library_path[] =
        "if [ \"${LD_LIBRARY_PATH:-}\" = " COMMAND_LIBS " ] && [ -x /sbin/ldconfig ]; then\n"
        "    if [ -n \"${PREPEND_LD_LIBRARY_PATH+x}${APPEND_LD_LIBRARY_PATH+x}$" P "libs\" ]; then\n"
        "        " P "found=\n"
        "        while IFS= read -r " P "line; do\n"
        "            case \"$" P "line\" in\n"
        "            /*:*) " P "found=$" P "found${" P "line%%:*}: ;;\n"
        "            esac\n"
        "        done <<" P "END\n"
        "$(/sbin/ldconfig -Nv 2>&-)\n" P "END\n"
        "        LD_LIBRARY_PATH=$" P "found$LD_LIBRARY_PATH\n"
        "    fi\n"
        "fi\n";

static void add_export(struct text *t, const char *name, const char *value)
{
        text_printf(t, "export %s=", name);
        text_add_shell_quoted(t, value);
        text_add(t, "\n");
}

/* `text` split at the first '='; NULL when its name is none for a shell.  The caller frees *ret_name. */
static const char *split(const char *text, char **ret_name)
{
        const char *equals = strchr(text, '=');

        *ret_name = NULL;
        if (!equals || !variables_name_valid(text, (size_t) (equals - text)))
                return NULL;
        *ret_name = text_dup_bytes(text, (size_t) (equals - text));
        return equals + 1;
}

/* What shells have by themselves and the image must not see, and what is put aside. */
static void add_clear(const struct startup *startup, struct text *t)
{
        const struct text_list *process = &startup->request->environment->process;

        text_add(t, "command unset PATH PS1 PROMPT_COMMAND SHELL TERM HOSTNAME SHLVL OLDPWD");
        for (size_t i = 0; i < process->n; i++) {
                _cleanup_free_ char *name = NULL;

                if (split(process->at[i], &name) && !command_keeps(name))
                        text_printf(t, " %s", name);
        }
        text_add(t, " 2>&- || :\n");
        text_add(t, "unset IFS; export PWD; " P "cwd=$PWD\n");
}

/* Protected variables get their value back, with the original's message. */
static void add_protect(const struct startup *startup, struct text *t)
{
        const struct text_list *process = &startup->request->environment->process;

        text_add(t, P "protect() {\n:\n");
        for (size_t i = 0; i < process->n; i++) {
                _cleanup_free_ char *name = NULL;
                const char *value = split(process->at[i], &name);

                if (!value || !command_protects(startup, name))
                        continue;
                text_printf(t, "if [ \"${%s-}\" != ", name);
                text_add_shell_quoted(t, value);
                text_printf(t, " ]; then echo '%s: readonly variable' >&2; ", name);
                text_printf(t, "export %s=", name);
                text_add_shell_quoted(t, value);
                text_add(t, "; fi\n");
        }
        text_add(t, "}\n");
}

/* Evaluated in double quotes, or literally when that is not a whole expression. */
static void add_override(struct text *t, const char *name, const char *value, bool no_eval)
{
        _cleanup_text_ struct text line = TEXT_INIT, literal = TEXT_INIT;

        add_export(&literal, name, value);
        if (no_eval) {
                text_add(t, text_get(&literal));
                return;
        }
        text_printf(&line, "export %s=", name);
        env_script_add_quoted(&line, value);
        text_add(t, "command eval ");
        text_add_shell_quoted(t, text_get(&line));
        text_add(t, " || ");
        text_add(t, text_get(&literal));
}

static void add_inject(const struct startup *startup, struct text *t)
{
        const struct environment *environment = startup->request->environment;

        text_add(t, P "default_path\n");
        for (size_t i = 0; i < environment->overrides.n; i++) {
                _cleanup_free_ char *name = NULL, *longer = NULL;
                const char *value = split(environment->overrides.at[i], &name);

                if (!value)
                        continue;
                if (strcmp(name, "LD_LIBRARY_PATH") == 0 && value[0]) {
                        longer = text_format("%s:" COMMAND_LIBS, value);
                        value = longer;
                }
                add_override(t, name, value, environment->no_eval);
        }
        text_add(t, P "protect\n");
        text_printf(t, P "libs=%s\n", startup->has_libs ? "x" : "");
        text_add(t, library_path);
}

/* One script; what is broken for every shell is told and left out, as none of it may run. */
static int add_script(const struct startup *startup, struct text *t, const char *path, struct err *e)
{
        _cleanup_free_ char *text = NULL;
        struct err why = ERR_INIT;
        size_t size;
        int fd = fd_open_in(startup->request->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        int r = fd < 0 ? fd : fd_read_all(fd, ENV_SCRIPT_SIZE_MAX, &text, &size);

        if (fd >= 0)
                close(fd);
        if (r < 0 && r != -E2BIG)
                return err_errno(e, r, "%s", path);
        if (r == 0 && env_script_check(text, size, path, &why) == -EBADMSG) {
                _cleanup_free_ char *message = text_format("source: %s", why.text);

                text_add(t, "echo ");
                text_add_shell_quoted(t, message);
                text_add(t, " >&2\n");
                return 0;
        }
        text_add(t, "command . ");
        text_add_shell_quoted(t, path);
        text_add(t, "\n" P "protect\n");
        return 0;
}

static int add_scripts(const struct startup *startup, struct text *t, struct err *e)
{
        bool injected = false;
        int r = 0;

        for (size_t i = 0; i < startup->scripts.n && r == 0; i++) {
                const char *path = startup->scripts.at[i];

                if (text_ends(path, "/90-environment.sh"))
                        text_add(t, P "default_path\n");
                r = add_script(startup, t, path, e);
                if (text_ends(path, "/10-docker2singularity.sh") || text_ends(path, "/10-docker.sh"))
                        text_add(t, P "complete_path\n");
                if (text_ends(path, "/99-base.sh")) {
                        add_inject(startup, t);
                        injected = true;
                }
        }
        if (r == 0 && startup->has_environment)
                r = add_script(startup, t, "/environment", e);
        if (!startup->has_directory)
                text_add(t, P "complete_path\n");
        if (!injected)
                add_inject(startup, t);
        return r;
}

/* The host's values where there are none; what is empty goes. */
static void add_restore(const struct startup *startup, struct text *t)
{
        const struct text_list *process = &startup->request->environment->process;

        for (size_t i = 0; i < process->n; i++) {
                _cleanup_free_ char *name = NULL;
                const char *value = split(process->at[i], &name);

                if (!value || strcmp(name, "PWD") == 0)
                        continue;
                text_printf(t, "if [ -z \"${%s+x}\" ]; then export %s=", name, name);
                text_add_shell_quoted(t, value);
                text_printf(t, "; elif [ -z \"$%s\" ]; then command unset %s; fi\n", name, name);
        }
}

static void add_after(const struct startup *startup, struct text *t)
{
        if (!startup->has_runtimevars)
                text_add(t, edit_path);
        if (startup->has_libs32)
                text_add(t,
                         "export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}" COMMAND_LIBS32 "\n");
        text_add(t, edit_libraries);
        /* the program starts where the user is, whatever the scripts did */
        text_add(t, "if [ \"${PWD-}\" != \"$" P "cwd\" ]; then command cd \"$" P "cwd\" 2>&- || :; fi\n"
                    "command unset OLDPWD 2>&- || :\n");
        add_restore(startup, t);
        text_add(t, finish);
}

/* --- the action --- */

static void add_say(struct text *t, enum log_level level, const char *text)
{
        if (level > log_get_level())
                return;
        text_add(t, level == LOG_ERROR ? "echo 'ERROR:   '" : "echo 'INFO:    '");
        text_add_shell_quoted(t, text);
        text_add(t, " >&2\n");
}

static void add_try(struct text *t, const char *path, const char *arguments)
{
        text_add(t, "if [ -f ");
        text_add_shell_quoted(t, path);
        text_add(t, " ] && [ -x ");
        text_add_shell_quoted(t, path);
        text_add(t, " ]; then " P "exec ");
        text_add_shell_quoted(t, path);
        text_printf(t, "%s; fi\n", arguments);
}

static void add_app(struct text *t, const char *app, const char *file)
{
        _cleanup_free_ char *path = text_format("/scif/apps/%s/scif/%s", app, file);

        add_try(t, path, " \"$@\"");
        if (strcmp(file, "startscript") != 0)
                add_try(t, "/scif/apps/singularity/scif/test", " \"$@\"");
}

static void add_shell(struct text *t)
{
        text_add(t, "if [ -n \"${SINGULARITY_SHELL:-}\" ] && [ -x \"$SINGULARITY_SHELL\" ]; then\n"
                    "    " P "exec \"$SINGULARITY_SHELL\"\n"
                    "fi\n"
                    "if [ -x /bin/bash ]; then export SHELL=/bin/bash; " P "exec /bin/bash --norc; fi\n"
                    "export SHELL=/bin/sh\n" P "exec /bin/sh\n");
}

static void add_run(struct text *t, const char *app)
{
        if (app) {
                _cleanup_free_ char *complaint = text_format("no runscript for contained app: %s", app);

                add_app(t, app, "runscript");
                add_say(t, LOG_ERROR, complaint);
                text_add(t, "exit 1\n");
                return;
        }
        add_try(t, "/.singularity.d/runscript", " \"$@\"");
        add_try(t, "/apptainer", " \"$@\"");
        add_say(t, LOG_INFO, "No runscript found in container, executing /bin/sh");
        text_add(t, P "exec /bin/sh \"$@\"\n");
}

static void add_test(struct text *t, const char *app)
{
        if (app) {
                _cleanup_free_ char *complaint = text_format("No tests for contained app: %s", app);

                add_app(t, app, "test");
                add_say(t, LOG_ERROR, complaint);
                text_add(t, "exit 1\n");
                return;
        }
        add_try(t, "/.singularity.d/test", " \"$@\"");
        add_say(t, LOG_INFO, "No test script found in container, exiting");
        text_add(t, "exit 0\n");
}

static void add_start(struct text *t, const char *app)
{
        if (app)
                add_app(t, app, "startscript");
        add_try(t, "/.singularity.d/startscript", " \"$@\"");
        add_say(t, LOG_INFO, "No instance start script found in container");
        text_add(t, "exit 0\n");
}

static void add_action(const struct startup *startup, struct text *t)
{
        const char *action = startup->request->action, *app = NULL;

        if (startup_name_of_app(startup, &app) < 0)
                app = NULL;
        if (strcmp(action, "shell") == 0)
                add_shell(t);
        else if (strcmp(action, "run") == 0)
                add_run(t, app);
        else if (strcmp(action, "test") == 0)
                add_test(t, app);
        else if (strcmp(action, "start") == 0)
                add_start(t, app);
        else
                text_add(t, P "exec \"$@\"\n");
}

/* --- the command --- */

/* Short texts are an argument of -c; longer ones travel in pieces that the shell puts together. */
static void add_text(struct command *ret, const char *zero, const struct text *t)
{
        _cleanup_text_ struct text loader = TEXT_INIT;
        size_t n = (t->used + PIECE_SIZE - 1) / PIECE_SIZE;

        text_list_add(&ret->argv, "-c");
        if (n <= 1) {
                text_list_add(&ret->argv, text_get(t));
                text_list_add(&ret->argv, zero);
                return;
        }
        text_add(&loader, P "text=");
        for (size_t i = 1; i <= n; i++)
                text_printf(&loader, "${%zu}", i);
        text_printf(&loader, "; shift %zu; eval \"$" P "text\"", n);
        text_list_add(&ret->argv, text_get(&loader));
        text_list_add(&ret->argv, zero);
        for (size_t i = 0; i < n; i++) {
                size_t size = t->used - i * PIECE_SIZE;

                text_list_add_bytes(&ret->argv, t->at + i * PIECE_SIZE,
                                    size < PIECE_SIZE ? size : PIECE_SIZE);
        }
}

/* The shell starts with what scripts may see only. */
static void add_kept(const struct startup *startup, struct command *ret)
{
        const struct text_list *process = &startup->request->environment->process;
        const char *cwd = startup->request->cwd;

        for (size_t i = 0; i < process->n; i++) {
                _cleanup_free_ char *name = NULL;

                if (split(process->at[i], &name) && command_keeps(name) && !(cwd && strcmp(name, "PWD") == 0))
                        text_list_add(&ret->env, process->at[i]);
        }
        if (cwd)
                text_list_printf(&ret->env, "PWD=%s", cwd);
        text_list_sort(&ret->env);
}

int shell_command(const struct startup *startup, struct command *ret, struct err *e)
{
        _cleanup_text_ struct text t = TEXT_INIT;
        int r;

        text_add(&t, functions);
        add_clear(startup, &t);
        add_protect(startup, &t);
        r = add_scripts(startup, &t, e);
        if (r < 0)
                return r;
        add_after(startup, &t);
        add_action(startup, &t);

        ret->file = text_dup(startup->shell);
        text_list_add(&ret->argv, startup->shell);
        add_text(ret, startup->zero, &t);
        for (char *const *at = startup->request->arguments; at && *at; at++)
                text_list_add(&ret->argv, *at);
        add_kept(startup, ret);
        return 0;
}
