#include "run/command.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/command_internal.h"

#define SCRIPTS_MAX 1000 /* files in /.singularity.d/env; images have eight */

void command_done(struct command *command)
{
        free(command->file);
        text_list_done(&command->argv);
        text_list_done(&command->env);
        *command = (struct command) COMMAND_INIT;
}

void startup_done(struct startup *startup)
{
        text_list_done(&startup->scripts);
        free(startup->zero);
        startup->zero = NULL;
}

/* An O_PATH descriptor of a regular file, or negative.  Relative paths count from the working directory. */
static int open_regular(const struct startup *startup, const char *path, struct stat *status)
{
        _cleanup_close_ int fd = path[0] == '/' ? fd_open_in(startup->request->root, path, O_PATH, 0)
                                                : openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);

        if (fd < 0 || fstat(fd, status) < 0)
                return -ENOENT;
        return S_ISREG(status->st_mode) ? fd_take(&fd) : -EISDIR;
}

bool startup_has_file(const struct startup *startup, const char *path)
{
        struct stat status;
        _cleanup_close_ int fd = open_regular(startup, path, &status);

        return fd >= 0;
}

bool startup_has_program(const struct startup *startup, const char *path)
{
        struct stat status;
        _cleanup_close_ int fd = open_regular(startup, path, &status);

        if (fd < 0)
                return false;
        if (faccessat(fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0)
                return true;
        /* before Linux 5.8 an open file cannot be asked; execve(2) will tell */
        return errno != EACCES && (status.st_mode & 0111);
}

static bool has_directory(const struct startup *startup, const char *path, bool *ret_filled)
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = fd_open_in(startup->request->root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        struct dirent *entry;

        if (ret_filled)
                *ret_filled = false;
        if (fd < 0)
                return false;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return false;
        }
        while (ret_filled && !*ret_filled && (entry = readdir(dir)))
                *ret_filled = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        return true;
}

/* *.sh in byte order, regular files only. */
static int list_scripts(struct startup *startup, struct err *e)
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = fd_open_in(startup->request->root, COMMAND_ENV_DIRECTORY,
                            O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        struct dirent *entry;

        if (fd < 0)
                return 0;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return err_errno(e, -errno, "reading " COMMAND_ENV_DIRECTORY);
        }
        startup->has_directory = true;
        while ((entry = readdir(dir))) {
                _cleanup_free_ char *path = text_format(COMMAND_ENV_DIRECTORY "/%s", entry->d_name);

                if (entry->d_name[0] == '.' || !text_ends(entry->d_name, ".sh"))
                        continue;
                if (entry->d_type != DT_REG && !startup_has_file(startup, path))
                        continue;
                if (startup->scripts.n >= SCRIPTS_MAX)
                        return err_set(e, -E2BIG, COMMAND_ENV_DIRECTORY ": more than %d scripts",
                                       SCRIPTS_MAX);
                startup->has_runtimevars |= strcmp(entry->d_name, "99-runtimevars.sh") == 0;
                text_list_add(&startup->scripts, path);
        }
        text_list_sort(&startup->scripts);
        return 0;
}

int startup_look(struct startup *ret, const struct command_request *request, const struct notes *notes,
                 struct err *e)
{
        int r;

        *ret = (struct startup){ .request = request, .notes = notes };
        ret->zero = text_format("/.singularity.d/actions/%s", request->action);
        r = list_scripts(ret, e);
        if (r < 0)
                return r;
        ret->has_environment = !ret->has_directory && startup_has_file(ret, "/environment");
        has_directory(ret, COMMAND_LIBS, &ret->has_libs);
        has_directory(ret, COMMAND_LIBS32, &ret->has_libs32);
        return 0;
}

bool command_keeps(const char *name)
{
        static const char *const kept[] = {
                "PWD",
                "HOME",
                "OPTIND",
                "UID",
                "GID",
                "SINGULARITY_APPNAME",
                "SINGULARITY_SHELL",
                "APPTAINER_NAME",
                "APPTAINER_CONTAINER",
                "APPTAINER_INSTANCE",
        };

        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                if (strcmp(name, kept[i]) == 0)
                        return true;
        return false;
}

bool command_protects(const struct startup *startup, const char *name)
{
        static const char *const fixed[] = { "APPTAINER_NAME", "APPTAINER_CONTAINER", "APPTAINER_INSTANCE" };
        const char *app;

        for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
                if (strcmp(name, fixed[i]) == 0)
                        return environment_get(&startup->request->environment->process, name) != NULL;
        return strcmp(name, "SINGULARITY_APPNAME") == 0 && startup_name_of_app(startup, &app) == 0;
}

int startup_name_of_app(const struct startup *startup, const char **ret)
{
        const char *app = environment_get(&startup->request->environment->process, "SINGULARITY_APPNAME");

        if (!app || !app[0])
                return -ENOENT;
        *ret = app;
        return 0;
}

/* The prompt survives the start-up files of an interactive bash, which set their own; one that is there
 * already is kept in front and then takes our part away again. */
char *command_prompt_command(const char *prompt, const char *present)
{
        if (!present || !present[0])
                return text_format("PS1=\"%s\"; unset PROMPT_COMMAND", prompt);
        return text_format("%s; PROMPT_COMMAND=\"${PROMPT_COMMAND%%%%; PROMPT_COMMAND=*}\"; PS1=\"%s\"",
                           present, prompt);
}

/* What the scripts said, in two pieces: nothing else is written between. */
static void speak(const struct env_script *s)
{
        fd_write_all(STDERR_FILENO, text_get(&s->complaints), s->complaints.used);
        fd_write_all(STDOUT_FILENO, text_get(&s->out), s->out.used);
}

/* `exec` in a script replaces everything. */
static int replace(const struct startup *startup, const struct env_script *s, struct command *ret,
                   struct err *e)
{
        const char *path = variables_get(&s->variables, "PATH");
        int r = action_find(startup, path ? path : ENVIRONMENT_PATH, s->replacement.at[0], &ret->file, e);

        if (r < 0)
                return r;
        for (size_t i = 0; i < s->replacement.n; i++)
                text_list_add(&ret->argv, s->replacement.at[i]);
        variables_list(&s->variables, &ret->env);
        return 0;
}

static int resolve_natively(struct startup *startup, struct command *ret, struct err *e)
{
        _cleanup_env_script_ struct env_script s = { .root = -EBADF };
        _cleanup_text_list_ struct text_list warnings = TEXT_LIST_INIT;
        int r;

        startup->warnings = &warnings;
        r = native_environment(startup, &s, e);
        startup->warnings = NULL;
        if (r < 0)
                return r;
        for (size_t i = 0; i < warnings.n; i++)
                note(startup->notes, LOG_WARNING, "%s", warnings.at[i]);
        speak(&s);
        if (s.replacement.n)
                return replace(startup, &s, ret, e);
        if (s.exited) {
                ret->status = s.status;
                return 0;
        }
        return action_choose(startup, &s, ret, e);
}

/* The shell that speaks most like the original's interpreter first. */
static const char *find_shell(const struct startup *startup)
{
        static const char *const shells[] = { "/bin/bash", "/bin/sh" };

        for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
                if (startup_has_program(startup, shells[i]))
                        return shells[i];
        return NULL;
}

int command_resolve(struct command *ret, const struct command_request *request, const struct notes *notes,
                    struct err *e)
{
        _cleanup_startup_ struct startup startup = { .request = request };
        _cleanup_command_ struct command made = COMMAND_INIT;
        struct err why = ERR_INIT;
        int r = startup_look(&startup, request, notes, e);

        if (r < 0)
                return r;
        r = resolve_natively(&startup, &made, &why);
        if (r == -ENOTSUP) {
                log_debug("the image's shell evaluates the environment: %s", why.text);
                err_clear(&why);
                command_done(&made);
                startup.shell = find_shell(&startup);
                startup.lenient = !startup.shell;
                r = startup.lenient ? resolve_natively(&startup, &made, &why)
                                    : shell_command(&startup, &made, &why);
        }
        if (r < 0) {
                if (e)
                        *e = why;
                return r;
        }
        *ret = made;
        made = (struct command) COMMAND_INIT;
        return 0;
}
