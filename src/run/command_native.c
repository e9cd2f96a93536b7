/* The environment without a shell: spec image-formats.md 4.6, steps 1 to 8. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "run/command_internal.h"

/* `text` split at the first '='; the name is owned. */
static const char *split(const char *text, char **ret_name)
{
        const char *equals = strchr(text, '=');

        *ret_name = text_dup_bytes(text, equals ? (size_t) (equals - text) : strlen(text));
        return equals ? equals + 1 : "";
}

static bool identifier(const char *assignment)
{
        const char *equals = strchr(assignment, '=');

        return equals && variables_name_valid(assignment, (size_t) (equals - assignment));
}

/* The working directory as the user named it, when that is where we are. */
static char *working_directory(const struct command_request *request)
{
        const char *named =
                request->cwd ? request->cwd : environment_get(&request->environment->process, "PWD");
        struct stat here, there;

        if (request->cwd)
                return text_dup(request->cwd);
        if (named && named[0] == '/' && stat(named, &there) == 0 && stat(".", &here) == 0 &&
            here.st_dev == there.st_dev && here.st_ino == there.st_ino)
                return text_dup(named);
        return getcwd(NULL, 0);
}

/* Step 1: everything is put aside but a few names; what a shell of the original knows by itself is there. */
static void clear(const struct startup *startup, struct env_script *s)
{
        const struct text_list *process = &startup->request->environment->process;
        _cleanup_free_ char *cwd = working_directory(startup->request);
        char number[32];

        for (size_t i = 0; i < process->n; i++) {
                _cleanup_free_ char *name = NULL;
                const char *value = split(process->at[i], &name);

                if (!identifier(process->at[i]) || !command_keeps(name))
                        continue;
                variables_set_exported(&s->variables, name, value);
                if (command_protects(startup, name))
                        variables_mark(&s->variables, name, true, true);
        }
        if (cwd)
                variables_set_exported(&s->variables, "PWD", cwd);
        snprintf(number, sizeof(number), "%u", (unsigned) geteuid());
        variables_set(&s->variables, "EUID", number);
        if (!variables_get(&s->variables, "UID")) {
                snprintf(number, sizeof(number), "%u", (unsigned) getuid());
                variables_set(&s->variables, "UID", number);
        }
        if (!variables_get(&s->variables, "GID")) {
                snprintf(number, sizeof(number), "%u", (unsigned) getgid());
                variables_set(&s->variables, "GID", number);
        }
}

/* PATH with those of the default directories that it lacks. */
static void complete_path(struct env_script *s)
{
        const char *old = variables_get(&s->variables, "PATH");
        _cleanup_text_ struct text path = TEXT_INIT;

        text_add(&path, old ? old : "");
        for (const char *at = ENVIRONMENT_PATH; *at;) {
                size_t size = strcspn(at, ":");
                _cleanup_free_ char *all = text_format(":%s:", old ? old : ""),
                                    *one = text_format(":%.*s:", (int) size, at);

                if (!strstr(all, one))
                        text_printf(&path, "%s%.*s", path.used ? ":" : "", (int) size, at);
                at += size + (at[size] == ':');
        }
        variables_set_exported(&s->variables, "PATH", text_get(&path));
}

static void default_path(struct env_script *s)
{
        if (!variables_get(&s->variables, "PATH"))
                variables_set_exported(&s->variables, "PATH", ENVIRONMENT_PATH);
}

/* One script.  Its own syntax error is told and passed over, as in the original. */
static int source(const struct startup *startup, struct env_script *s, const char *path, struct err *e)
{
        _cleanup_env_script_ struct env_script before = { .root = -EBADF };
        int r;

        if (startup->lenient)
                env_script_copy(&before, s);
        r = env_script_source_file(s, path, e);
        if (r == -EBADMSG) {
                text_printf(&s->complaints, "source: %s\n", e->text);
                return 0;
        }
        if (r < 0 && startup->lenient) {
                text_list_printf(startup->warnings,
                                 "%s was left out: the image has no shell to evaluate it (%s)", path,
                                 e->text);
                env_script_done(s);
                *s = before;
                before = (struct env_script){ .root = -EBADF };
                return 0;
        }
        return r < 0 ? err_ctx(e, -ENOTSUP, "environment") : 0;
}

/* Step 3. */
static int inject_one(const struct startup *startup, struct env_script *s, const char *assignment,
                      struct err *e)
{
        _cleanup_free_ char *name = NULL, *value = NULL, *longer = NULL;
        const char *text = split(assignment, &name);
        struct err why = ERR_INIT;
        int r = 0;

        if (strcmp(name, "LD_LIBRARY_PATH") == 0 && text[0]) {
                longer = text_format("%s:" COMMAND_LIBS, text);
                text = longer;
        }
        if (!startup->request->environment->no_eval)
                r = env_script_expand_quoted(s, text, name, &value, &why);
        if (r < 0 && r != -EBADMSG && !startup->lenient)
                return err_set(e, r, "%s", why.text);
        if (r < 0)
                text_list_printf(startup->warnings, "The value for %s is taken as it is, unevaluated: %s",
                                 name, why.text);
        if (variables_set_exported(&s->variables, name, value ? value : text) < 0)
                text_printf(&s->complaints, "%s: readonly variable\n", name);
        return 0;
}

/* Step 4 asks the image's ldconfig, when host libraries could hide the image's own: a shell's work. */
static bool wants_library_path(const struct startup *startup, const struct env_script *s)
{
        const char *libraries = variables_get(&s->variables, "LD_LIBRARY_PATH");

        return libraries && strcmp(libraries, COMMAND_LIBS) == 0 &&
               (startup->has_libs || variables_get(&s->variables, "PREPEND_LD_LIBRARY_PATH") ||
                variables_get(&s->variables, "APPEND_LD_LIBRARY_PATH")) &&
               startup_has_program(startup, "/sbin/ldconfig");
}

static int inject(const struct startup *startup, struct env_script *s, struct err *e)
{
        const struct text_list *overrides = &startup->request->environment->overrides;
        int r = 0;

        default_path(s);
        for (size_t i = 0; i < overrides->n && r == 0; i++)
                r = inject_one(startup, s, overrides->at[i], e);
        if (r == 0 && !startup->lenient && wants_library_path(startup, s))
                return err_set(e, -ENOTSUP, "the image's ldconfig is asked for its directories");
        return r;
}

/* Step 2. */
static int evaluate_scripts(const struct startup *startup, struct env_script *s, struct err *e)
{
        bool injected = false;
        int r = 0;

        for (size_t i = 0; i < startup->scripts.n && r == 0 && !s->exited; i++) {
                const char *path = startup->scripts.at[i];

                if (text_ends(path, "/90-environment.sh"))
                        default_path(s);
                r = source(startup, s, path, e);
                if (r < 0 || s->exited)
                        break;
                if (text_ends(path, "/10-docker2singularity.sh") || text_ends(path, "/10-docker.sh"))
                        complete_path(s);
                if (text_ends(path, "/99-base.sh")) {
                        r = inject(startup, s, e);
                        injected = true;
                }
        }
        if (r == 0 && !s->exited && !startup->has_directory) {
                if (startup->has_environment)
                        r = source(startup, s, "/environment", e);
                complete_path(s);
        }
        if (r == 0 && !s->exited && !injected)
                r = inject(startup, s, e);
        return r;
}

static void join(struct env_script *s, const char *name, const char *first, const char *second)
{
        _cleanup_free_ char *both = text_format("%s:%s", first, second);

        variables_set_exported(&s->variables, name, both);
}

static const char *filled(const struct env_script *s, const char *name)
{
        const char *value = variables_get(&s->variables, name);

        return value && value[0] ? value : NULL;
}

/* Step 5, for images that do not do it themselves. */
static void edit_path(struct env_script *s)
{
        static const char *const names[] = { "SING_USER_DEFINED_PREPEND_PATH",
                                             "SING_USER_DEFINED_APPEND_PATH", "SING_USER_DEFINED_PATH" };
        const char *value, *path;

        if ((value = filled(s, names[0])) && (path = variables_get(&s->variables, "PATH")))
                join(s, "PATH", value, path);
        if ((value = filled(s, names[1])) && (path = variables_get(&s->variables, "PATH")))
                join(s, "PATH", path, value);
        if ((value = filled(s, names[2]))) {
                _cleanup_free_ char *copy = text_dup(value);

                variables_set_exported(&s->variables, "PATH", copy);
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                variables_unset(&s->variables, names[i]);
        variables_mark(&s->variables, "PATH", true, false);
}

/* Step 6. */
static void edit_libraries(const struct startup *startup, struct env_script *s)
{
        const char *libraries = filled(s, "LD_LIBRARY_PATH"), *value;

        if (startup->has_libs32) {
                if (libraries)
                        join(s, "LD_LIBRARY_PATH", libraries, COMMAND_LIBS32);
                else
                        variables_set_exported(&s->variables, "LD_LIBRARY_PATH", COMMAND_LIBS32);
        }
        if (!filled(s, "LD_LIBRARY_PATH"))
                return;
        if ((value = filled(s, "PREPEND_LD_LIBRARY_PATH")))
                join(s, "LD_LIBRARY_PATH", value, filled(s, "LD_LIBRARY_PATH"));
        if ((value = filled(s, "APPEND_LD_LIBRARY_PATH")))
                join(s, "LD_LIBRARY_PATH", filled(s, "LD_LIBRARY_PATH"), value);
}

/* Step 7: the host's values come back where the image has none; what the image emptied is gone. */
static void restore(const struct startup *startup, struct env_script *s)
{
        const struct text_list *process = &startup->request->environment->process;

        for (size_t i = 0; i < process->n; i++) {
                _cleanup_free_ char *name = NULL;
                const char *value = split(process->at[i], &name),
                           *present = variables_get(&s->variables, name);

                if (!identifier(process->at[i]))
                        continue;
                if (!present)
                        variables_set_exported(&s->variables, name, value);
                else if (!present[0])
                        variables_unset(&s->variables, name);
        }
}

/* Step 8. */
static void finish(struct env_script *s)
{
        _cleanup_free_ char *prompt = NULL;

        if (!filled(s, "PS1"))
                variables_set_exported(&s->variables, "PS1", COMMAND_PROMPT);
        prompt = command_prompt_command(filled(s, "PS1"), filled(s, "PROMPT_COMMAND"));
        variables_set_exported(&s->variables, "PROMPT_COMMAND", prompt);
        if (!filled(s, "APPTAINER_ENVIRONMENT"))
                variables_set_exported(&s->variables, "APPTAINER_ENVIRONMENT",
                                       COMMAND_ENV_DIRECTORY "/91-environment.sh");
        variables_set_exported(&s->variables, "SINGULARITY_ENVIRONMENT",
                               COMMAND_ENV_DIRECTORY "/91-environment.sh");
}

int native_environment(const struct startup *startup, struct env_script *s, struct err *e)
{
        int r;

        env_script_init(s, startup->request->root, startup->zero);
        for (char *const *at = startup->request->arguments; at && *at; at++)
                text_list_add(&s->arguments, *at);
        clear(startup, s);
        r = evaluate_scripts(startup, s, e);
        if (r < 0 || s->exited)
                return r;
        if (!startup->has_runtimevars)
                edit_path(s);
        edit_libraries(startup, s);
        restore(startup, s);
        finish(s);
        return 0;
}

/* Names that are none for a shell pass by untouched. */
void native_list(const struct startup *startup, const struct env_script *s, struct text_list *ret)
{
        const struct text_list *process = &startup->request->environment->process;

        for (size_t i = 0; i < process->n; i++)
                if (!identifier(process->at[i]))
                        text_list_add(ret, process->at[i]);
        variables_list(&s->variables, ret);
        text_list_sort(ret);
}
