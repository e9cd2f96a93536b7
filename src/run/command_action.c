/* What an action runs: spec image-formats.md 4.6 step 9, 4.7, 4.8. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/path.h"
#include "run/command_internal.h"

#define APPS      "/scif/apps"
#define RUNSCRIPT "/.singularity.d/runscript"

/* Every runscript made from an OCI image has this line (spec 4.5); the original evaluates such a file itself.
 */
#define OCI_MARKER "eval \"set ${SINGULARITY_OCI_RUN}\""

static int open_path(const struct startup *startup, const char *path)
{
        int fd = path[0] == '/' ? fd_open_in(startup->request->root, path, O_PATH, 0)
                                : openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);

        return fd < 0 && path[0] != '/' ? -errno : fd;
}

/* A name with a slash is a path: missing, a directory, not executable are three different mistakes. */
static int check_path(const struct startup *startup, const char *path, struct err *e)
{
        _cleanup_close_ int fd = open_path(startup, path);
        struct stat status;

        if (fd == -ENOENT)
                return err_set(e, fd, "stat %s: no such file or directory", path);
        if (fd < 0)
                return err_errno(e, fd, "stat %s", path);
        if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
                return err_set(e, -EISDIR, "%s: is a directory", path);
        if (!startup_has_program(startup, path))
                return err_set(e, -EACCES, "%s: permission denied", path);
        return 0;
}

/* Paths are given to the program whole, as the original does. */
static char *absolute(const struct startup *startup, const char *path, const char *cwd)
{
        (void) startup;
        return path[0] == '/' || !cwd ? path_clean(path) : path_join(cwd, path);
}

int action_find(const struct startup *startup, const char *path_variable, const char *name, char **ret,
                struct err *e)
{
        _cleanup_free_ char *cwd = startup->request->cwd ? text_dup(startup->request->cwd) : getcwd(NULL, 0);

        if (strchr(name, '/')) {
                int r = check_path(startup, name, e);

                if (r == 0)
                        *ret = absolute(startup, name, cwd);
                return r;
        }
        for (const char *at = path_variable; name[0] && at;) {
                size_t size = strcspn(at, ":");
                _cleanup_free_ char *file =
                        text_format("%.*s/%s", size ? (int) size : 1, size ? at : ".", name);

                if (startup_has_program(startup, file)) {
                        *ret = absolute(startup, file, cwd);
                        return 0;
                }
                at = at[size] == ':' ? at + size + 1 : NULL;
        }
        return err_set(e, -ENOENT, "\"%s\": executable file not found in $PATH", name);
}

static void take_arguments(struct command *ret, const struct env_script *s, size_t first)
{
        for (size_t i = first; i < s->arguments.n; i++)
                text_list_add(&ret->argv, s->arguments.at[i]);
}

static int use_file(struct command *ret, const struct env_script *s, const char *path)
{
        ret->file = text_dup(path);
        text_list_add(&ret->argv, path);
        take_arguments(ret, s, 0);
        return 0;
}

static int choose_exec(const struct startup *startup, struct env_script *s, struct command *ret,
                       struct err *e)
{
        const char *path = variables_get(&s->variables, "PATH");
        int r;

        if (s->arguments.n == 0)
                return err_set(e, -EINVAL, "no command to execute");
        r = action_find(startup, path ? path : "", s->arguments.at[0], &ret->file, e);
        if (r < 0)
                return r;
        text_list_add(&ret->argv, ret->file);
        take_arguments(ret, s, 1);
        return 0;
}

/* Nothing to execute: what is said, and the exit status. */
static int nothing(const struct startup *startup, struct command *ret, enum log_level level, int status,
                   const char *text)
{
        note(startup->notes, level, "%s", text);
        ret->status = status;
        return 0;
}

static int choose_shell(const struct startup *startup, struct env_script *s, struct command *ret)
{
        const char *wanted = variables_get(&s->variables, "SINGULARITY_SHELL"), *shell = NULL;

        if (wanted && wanted[0] && startup_has_program(startup, wanted)) {
                ret->file = text_dup(wanted);
                text_list_add(&ret->argv, wanted);
                return 0;
        }
        if (startup_has_program(startup, "/bin/bash"))
                shell = "/bin/bash";
        else if (startup_has_program(startup, "/bin/sh"))
                shell = "/bin/sh";
        else
                return nothing(startup, ret, LOG_ERROR, 1, "/bin/sh does not exist in container");
        variables_set_exported(&s->variables, "SHELL", shell);
        ret->file = text_dup(shell);
        text_list_add(&ret->argv, shell);
        if (text_ends(shell, "bash"))
                text_list_add(&ret->argv, "--norc");
        return 0;
}

/* The app's own file; the second place is a quirk of the original that images may rely on. */
static char *find_app_file(const struct startup *startup, const char *app, const char *name)
{
        char *path = text_format(APPS "/%s/scif/%s", app, name);

        if (startup_has_program(startup, path))
                return path;
        free(path);
        path = text_dup(APPS "/singularity/scif/test");
        if (startup_has_program(startup, path))
                return path;
        free(path);
        return NULL;
}

static int choose_app(const struct startup *startup, struct env_script *s, struct command *ret,
                      const char *app, const char *name, const char *complaint)
{
        _cleanup_free_ char *path = find_app_file(startup, app, name), *text = NULL;

        if (path)
                return use_file(ret, s, path);
        text = text_format("%s: %s", complaint, app);
        return nothing(startup, ret, LOG_ERROR, 1, text);
}

static bool is_oci_runscript(const struct startup *startup, char **ret_text, size_t *ret_size)
{
        _cleanup_close_ int fd =
                fd_open_in(startup->request->root, RUNSCRIPT, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        _cleanup_free_ char *text = NULL;

        if (fd < 0 || fd_read_all(fd, ENV_SCRIPT_SIZE_MAX, &text, ret_size) < 0 || !strstr(text, OCI_MARKER))
                return false;
        *ret_text = ptr_take(&text);
        return true;
}

/* What the original does when the arguments break the runscript's quoting: the arguments alone are the
 * command. */
static int oci_broken(const struct startup *startup, struct env_script *s, struct command *ret,
                      const char *why, struct err *e)
{
        note(startup->notes, LOG_ERROR,
             "eval: %s (the arguments are evaluated by a shell; --no-eval passes them as they are)", why);
        if (s->arguments.n == 0)
                return nothing(startup, ret, LOG_ERROR, 1, "nothing is left to execute");
        return choose_exec(startup, s, ret, e);
}

/* Evaluates the OCI runscript here.  -ENOTSUP: its shell must; -ENODATA: it executes nothing. */
static int evaluate_oci(const struct startup *startup, struct env_script *s, struct command *ret,
                        const char *text, size_t size, struct err *e)
{
        _cleanup_env_script_ struct env_script run = { .root = -EBADF };
        struct err why = ERR_INIT;
        int r;

        env_script_copy(&run, s);
        text_done(&run.out);
        text_done(&run.complaints);
        run.zero = RUNSCRIPT;
        r = env_script_source(&run, text, size, RUNSCRIPT, &why);
        if (r < 0 && run.broken_eval)
                return oci_broken(startup, s, ret, why.text, e);
        if (r < 0)
                return err_set(e, -ENOTSUP, "%s", why.text);
        if (run.replacement.n == 0 || run.out.used || run.complaints.used)
                return -ENODATA;
        r = action_find(startup, variables_get(&run.variables, "PATH"), run.replacement.at[0], &ret->file, e);
        if (r < 0)
                return r;
        text_list_add(&ret->argv, ret->file);
        for (size_t i = 1; i < run.replacement.n; i++)
                text_list_add(&ret->argv, run.replacement.at[i]);
        native_list(startup, &run, &ret->env);
        return 0;
}

static int choose_runscript(const struct startup *startup, struct env_script *s, struct command *ret,
                            struct err *e)
{
        _cleanup_free_ char *text = NULL;
        struct err why = ERR_INIT;
        size_t size;
        int r;

        if (!is_oci_runscript(startup, &text, &size))
                return use_file(ret, s, RUNSCRIPT);
        r = evaluate_oci(startup, s, ret, text, size, &why);
        if (r != -ENOTSUP && r != -ENODATA) {
                if (r < 0 && e)
                        *e = why;
                return r;
        }
        return use_file(ret, s, RUNSCRIPT);
}

static int choose_run(const struct startup *startup, struct env_script *s, struct command *ret, struct err *e)
{
        const char *app;

        if (startup_name_of_app(startup, &app) == 0)
                return choose_app(startup, s, ret, app, "runscript", "no runscript for contained app");
        if (startup_has_program(startup, RUNSCRIPT))
                return choose_runscript(startup, s, ret, e);
        if (startup_has_program(startup, "/apptainer"))
                return use_file(ret, s, "/apptainer");
        if (!startup_has_program(startup, "/bin/sh"))
                return nothing(startup, ret, LOG_ERROR, 1,
                               "No runscript and no /bin/sh executable found in container, aborting");
        note(startup->notes, LOG_INFO, "No runscript found in container, executing /bin/sh");
        return use_file(ret, s, "/bin/sh");
}

static int choose_test(const struct startup *startup, struct env_script *s, struct command *ret)
{
        const char *app;

        if (startup_name_of_app(startup, &app) == 0)
                return choose_app(startup, s, ret, app, "test", "No tests for contained app");
        if (startup_has_program(startup, "/.singularity.d/test"))
                return use_file(ret, s, "/.singularity.d/test");
        return nothing(startup, ret, LOG_INFO, 0, "No test script found in container, exiting");
}

static int choose_start(const struct startup *startup, struct env_script *s, struct command *ret)
{
        _cleanup_free_ char *path = NULL;
        const char *app;

        if (startup_name_of_app(startup, &app) == 0) {
                path = text_format(APPS "/%s/scif/startscript", app);
                if (startup_has_program(startup, path))
                        return use_file(ret, s, path);
        }
        if (startup_has_program(startup, "/.singularity.d/startscript"))
                return use_file(ret, s, "/.singularity.d/startscript");
        return nothing(startup, ret, LOG_INFO, 0, "No instance start script found in container");
}

int action_choose(const struct startup *startup, struct env_script *s, struct command *ret, struct err *e)
{
        const char *action = startup->request->action;
        int r;

        if (strcmp(action, "exec") == 0)
                r = choose_exec(startup, s, ret, e);
        else if (strcmp(action, "shell") == 0)
                r = choose_shell(startup, s, ret);
        else if (strcmp(action, "run") == 0)
                r = choose_run(startup, s, ret, e);
        else if (strcmp(action, "test") == 0)
                r = choose_test(startup, s, ret);
        else if (strcmp(action, "start") == 0)
                r = choose_start(startup, s, ret);
        else
                r = err_set(e, -EINVAL, "unknown action %s", action);
        if (r == 0 && ret->file && ret->env.n == 0)
                native_list(startup, s, &ret->env);
        return r;
}
