/* --env-file: shell text on the host whose variables become overrides (spec runtime.md 5.3). */
#include <fcntl.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/env_script.h"
#include "run/environment_internal.h"

/* What a shell sets by itself, and what must not be taken from a file. */
static const char *const not_taken[] = { "EUID", "GID", "HOME", "IFS", "OPTIND", "PWD", "UID" };

static bool taken(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(not_taken); i++)
                if (strcmp(name, not_taken[i]) == 0)
                        return false;
        return true;
}

/* The whole host environment can be read in the file; what it says later files see only through the host. */
static void prepare(struct env_script *s, const struct environment_request *request)
{
        _cleanup_free_ char *action = text_format("/.singularity.d/actions/%s", request->action);

        env_script_init(s, -EBADF, "apptainer");
        s->host_file = true;
        for (char *const *at = request->host; at && *at; at++)
                variables_put(&s->variables, *at);
        variables_set(&s->variables, "APPTAINER_IMAGE", request->image);
        text_list_add(&s->arguments, action);
        for (char *const *at = request->arguments; at && *at; at++)
                text_list_add(&s->arguments, *at);
        variables_untouch(&s->variables);
}

static void take_touched(struct variables *ret, const struct variables *from)
{
        for (size_t i = 0; i < from->n; i++) {
                const struct variable *v = &from->at[i];

                if (v->value && v->touched && taken(v->name))
                        variables_set(ret, v->name, v->value);
        }
}

/* What the text said on its own, for the user to see. */
static void tell(const struct env_script *s, const struct notes *notes)
{
        const struct text *texts[] = { &s->complaints, &s->out };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                const char *line = text_get(texts[i]);

                while (*line) {
                        size_t size = strcspn(line, "\n");

                        note(notes, i == 0 ? LOG_WARNING : LOG_INFO, "%.*s", (int) size, line);
                        line += size + (line[size] == '\n');
                }
        }
}

static int read_file(struct variables *ret, const char *path, const struct environment_request *request,
                     const struct notes *notes, struct err *e)
{
        _cleanup_env_script_ struct env_script s;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        prepare(&s, request);
        r = fd_read_file(AT_FDCWD, path, ENV_SCRIPT_SIZE_MAX, &text, &size);
        if (r == -E2BIG)
                return err_set(e, r, "environment file \"%s\" is longer than %zu bytes", path,
                               ENV_SCRIPT_SIZE_MAX);
        if (r < 0)
                return err_errno(e, r, "could not read environment file \"%s\"", path);
        r = env_script_source(&s, text, size, path, e);
        tell(&s, notes);
        if (r == -ENOTSUP)
                err_hint(e, r,
                         "environment files may have assignments, conditions, loops and functions, but no "
                         "commands, pipes, redirections or arrays");
        if (r < 0)
                return err_ctx(e, r, "environment file");
        if (s.exited && s.status != 0)
                return err_set(e, -EINVAL, "environment file \"%s\" ended with exit status %d", path,
                               s.status);
        take_touched(ret, &s.variables);
        return 0;
}

int environment_read_files(struct variables *ret, const struct environment_request *request,
                           const struct notes *notes, struct err *e)
{
        _cleanup_variables_ struct variables found = VARIABLES_INIT;

        for (size_t i = 0; request->files && i < request->files->n; i++) {
                int r = read_file(&found, request->files->at[i], request, notes, e);

                if (r < 0)
                        return r;
        }
        *ret = found;
        found = (struct variables) VARIABLES_INIT;
        return 0;
}
