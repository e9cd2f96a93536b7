/* Builtins: those that change nothing but the state. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "run/env_script_internal.h"

static int outside(const struct builtin_call *call, const char *reason, struct err *e)
{
        _cleanup_free_ char *what = text_format("%s with %s", call->argv[0], reason);

        return run_outside(what, "", e);
}

static int builtin_true(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        (void) call;
        (void) e;
        s->status = 0;
        return 0;
}

static int builtin_false(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        (void) call;
        (void) e;
        s->status = 1;
        return 0;
}

/* Shells differ about -e and backslashes. */
static int builtin_echo(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        size_t first = 1;
        bool newline = true;

        if (call->n > 1 && strcmp(call->argv[1], "-n") == 0) {
                newline = false;
                first = 2;
        }
        if (call->n > first && call->argv[first][0] == '-' && call->argv[first][1] &&
            strspn(call->argv[first] + 1, "neE") == strlen(call->argv[first] + 1))
                return outside(call, call->argv[first], e);
        for (size_t i = first; i < call->n; i++) {
                if (strchr(call->argv[i], '\\'))
                        return outside(call, "a backslash", e);
                text_add(call->out, i > first ? " " : "");
                text_add(call->out, call->argv[i]);
        }
        text_add(call->out, newline ? "\n" : "");
        s->status = 0;
        return 0;
}

/* --- variables --- */

struct declaration {
        bool exported, readonly, local;
};

static int hide_local(struct env_script *s, const char *name)
{
        const struct variable *old = variables_find(&s->variables, name);

        if (variables_find(s->locals, name))
                return 0;
        if (old && old->readonly)
                return -EROFS;
        variables_mark(s->locals, name, old && old->exported, false);
        if (old && old->value)
                variables_set(s->locals, name, old->value);
        return 0;
}

/* NAME, NAME=VALUE or NAME+=VALUE. */
static int declare_one(struct env_script *s, const struct builtin_call *call, const char *argument,
                       const struct declaration *d, struct err *e)
{
        const char *equals = strchr(argument, '='), *old;
        bool append = equals && equals > argument && equals[-1] == '+';
        size_t size = equals ? (size_t) (equals - argument) - append : strlen(argument);
        _cleanup_free_ char *name = text_dup_bytes(argument, size), *value = NULL;
        int r = 0;

        if (!variables_name_valid(name, size) || s->variables.n > ENV_SCRIPT_NAMES_MAX)
                return outside(call, argument, e);
        if (d->local && hide_local(s, name) < 0)
                return outside(call, argument, e);
        if (equals) {
                old = append ? variables_get(&s->variables, name) : NULL;
                value = text_format("%s%s", old ? old : "", equals + 1);
                r = run_set(s, name, value, e);
        } else if (d->local) {
                variables_unset(&s->variables, name);
        }
        if (r == 0 && (d->exported || d->readonly))
                variables_mark(&s->variables, name, d->exported, d->readonly);
        return r;
}

static int declare_all(struct env_script *s, const struct builtin_call *call, size_t first,
                       const struct declaration *d, struct err *e)
{
        int r = 0;

        if (first >= call->n)
                return outside(call, "nothing", e);
        s->status = 0;
        for (size_t i = first; i < call->n && r == 0; i++)
                r = declare_one(s, call, call->argv[i], d, e);
        return r;
}

static int builtin_export(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        static const struct declaration d = { .exported = true };

        return declare_all(s, call, 1, &d, e);
}

static int builtin_readonly(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        static const struct declaration d = { .readonly = true };

        return declare_all(s, call, 1, &d, e);
}

static int builtin_local(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        static const struct declaration d = { .local = true };

        return s->locals ? declare_all(s, call, 1, &d, e) : outside(call, "no function around it", e);
}

/* declare and typeset: only -x, and only where they are not local. */
static int builtin_declare(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        static const struct declaration d = { .exported = true };

        if (call->n < 3 || strcmp(call->argv[1], "-x") != 0 || s->locals)
                return outside(call, "other words than -x", e);
        return declare_all(s, call, 2, &d, e);
}

static int builtin_unset(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        size_t first = call->n > 1 && strcmp(call->argv[1], "-v") == 0 ? 2 : 1;

        s->status = 0;
        for (size_t i = first; i < call->n; i++) {
                const char *name = call->argv[i];

                if (!variables_name_valid(name, strlen(name)) ||
                    (s->locals && variables_find(s->locals, name)))
                        return outside(call, name, e);
                for (size_t j = 0; j < s->n_functions; j++)
                        if (strcmp(s->functions[j].name, name) == 0)
                                return outside(call, name, e);
                if (variables_unset(&s->variables, name) < 0) {
                        text_printf(call->complaints, "%s: readonly variable\n", name);
                        s->status = 1;
                }
        }
        return 0;
}

static int set_arguments(struct env_script *s, const struct builtin_call *call, size_t first)
{
        text_list_done(&s->arguments);
        for (size_t i = first; i < call->n; i++)
                text_list_add(&s->arguments, call->argv[i]);
        return 0;
}

static int builtin_set(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        const char *word = call->n > 1 ? call->argv[1] : "";

        s->status = 0;
        if (strcmp(word, "--") == 0)
                return set_arguments(s, call, 2);
        if (call->n >= 2 && word[0] != '-' && word[0] != '+')
                return set_arguments(s, call, 1);
        if (call->n != 2)
                return outside(call, "options", e);
        if (strcmp(word, "-a") == 0 || strcmp(word, "+a") == 0) {
                s->variables.export_all = word[0] == '-';
                return 0;
        }
        /* Off is how they are: a script that switches them on is outside. */
        if (word[0] == '+' && word[1] && strspn(word + 1, "euxfv") == strlen(word + 1))
                return 0;
        return outside(call, word, e);
}

static int builtin_shift(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        uint64_t n = 1;

        if (call->n > 2 || (call->n == 2 && num_u64(call->argv[1], 10, 0, UINT32_MAX, &n) < 0) ||
            n > s->arguments.n)
                return outside(call, "a count", e);
        for (size_t i = 0; i < n; i++)
                free(s->arguments.at[i]);
        s->arguments.n -= n;
        memmove(s->arguments.at, s->arguments.at + n, (s->arguments.n + 1) * sizeof(s->arguments.at[0]));
        s->status = 0;
        return 0;
}

/* --- control flow --- */

static int leave(struct env_script *s, const struct builtin_call *call, enum env_script_flow flow,
                 struct err *e)
{
        int64_t status = s->status;

        if (call->n > 2 || (call->n == 2 && num_i64(call->argv[1], 10, 0, 255, &status) < 0))
                return outside(call, "a status that is none", e);
        s->status = (int) status;
        s->flow = flow;
        return 0;
}

static int builtin_return(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        if (s->calls == 0 && s->files == 0)
                return outside(call, "nothing to return from", e);
        return leave(s, call, FLOW_RETURN, e);
}

static int builtin_exit(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        int r = leave(s, call, FLOW_EXIT, e);

        s->exited = r == 0;
        return r;
}

/* What it becomes is up to the caller of the evaluator. */
static int builtin_exec(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        if (s->host_file)
                return err_set(e, -EPERM, "could not execute \"exec\": execution is disabled");
        if (s->inner || (call->n > 1 && call->argv[1][0] == '-'))
                return outside(call, "options, or in $(...)", e);
        s->status = 0;
        for (size_t i = 1; i < call->n; i++)
                text_list_add(&s->replacement, call->argv[i]);
        if (call->n > 1) {
                s->flow = FLOW_EXIT;
                s->exited = true;
        }
        return 0;
}

static int leave_loop(struct env_script *s, const struct builtin_call *call, enum env_script_flow flow,
                      struct err *e)
{
        uint64_t levels = 1;

        if (call->n > 2 || (call->n == 2 && num_u64(call->argv[1], 10, 1, 1000, &levels) < 0) ||
            levels > s->loops)
                return outside(call, "no loop around it", e);
        s->levels = (unsigned) levels;
        s->flow = flow;
        s->status = 0;
        return 0;
}

static int builtin_break(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        return leave_loop(s, call, FLOW_BREAK, e);
}

static int builtin_continue(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        return leave_loop(s, call, FLOW_CONTINUE, e);
}

/* --- conditions --- */

static int builtin_test(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        size_t n = call->n - 1;
        int r;

        if (call->argv[0][0] == '[') {
                if (n == 0 || strcmp(call->argv[n], "]") != 0)
                        return outside(call, "no ]", e);
                n--;
        }
        r = condition_test(s, call->argv + 1, n, e);
        if (r >= 0)
                s->status = r;
        return r < 0 ? r : 0;
}

static bool is_program(struct env_script *s, const char *path)
{
        _cleanup_close_ int fd = fd_open_in(s->root, path, O_PATH, 0);
        struct stat status;

        return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111);
}

/* command -v NAME */
static int builtin_command(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        const char *path = variables_get(&s->variables, "PATH"), *name;

        if (call->n != 3 || strcmp(call->argv[1], "-v") != 0 || s->root < 0 || !path)
                return outside(call, "other words than -v", e);
        name = call->argv[2];
        for (size_t i = 0; i < s->n_functions; i++)
                if (strcmp(s->functions[i].name, name) == 0)
                        return outside(call, name, e);
        if (builtin_known(name) || strchr(name, '/'))
                return outside(call, name, e);
        s->status = 1;
        while (*path) {
                size_t size = strcspn(path, ":");
                _cleanup_free_ char *file = text_format("%.*s/%s", (int) size, path, name);

                if (file[0] != '/')
                        return outside(call, "a relative PATH", e);
                if (is_program(s, file)) {
                        text_printf(call->out, "%s\n", file);
                        s->status = 0;
                        return 0;
                }
                path += size + (path[size] == ':');
        }
        return 0;
}

/* --- text as commands --- */

static int builtin_eval(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        _cleanup_text_ struct text text = TEXT_INIT;
        int r;

        for (size_t i = 1; i < call->n; i++) {
                text_add(&text, i > 1 ? " " : "");
                text_add(&text, call->argv[i]);
        }
        s->status = 0;
        r = run_text(s, text_get(&text), text.used, "eval", e);
        s->broken_eval |= r == -EBADMSG;
        return r;
}

/* `.` with arguments has them as $1... while it runs, as in bash. */
static int builtin_dot(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        struct text_list outer = s->arguments;
        bool replaced = call->n > 2;
        int r;

        if (s->host_file)
                return err_set(e, -EPERM, "could not open \"%s\": reading files is disabled",
                               call->n > 1 ? call->argv[1] : "");
        if (call->n < 2 || call->argv[1][0] != '/')
                return outside(call, "a file that is to be found by PATH", e);
        if (replaced) {
                s->arguments = (struct text_list) TEXT_LIST_INIT;
                for (size_t i = 2; i < call->n; i++)
                        text_list_add(&s->arguments, call->argv[i]);
        }
        s->status = 0;
        r = env_script_source_file(s, call->argv[1], e);
        if (replaced) {
                text_list_done(&s->arguments);
                s->arguments = outer;
        }
        return r == -ENOENT ? outside(call, "a file that is not there", e) : r;
}

static const struct builtin {
        const char *name;
        int (*run)(struct env_script *s, const struct builtin_call *call, struct err *e);
} builtins[] = {
        { ":", builtin_true },
        { "true", builtin_true },
        { "false", builtin_false },
        { "hash", builtin_true },
        { "echo", builtin_echo },
        { "export", builtin_export },
        { "readonly", builtin_readonly },
        { "local", builtin_local },
        { "declare", builtin_declare },
        { "typeset", builtin_declare },
        { "unset", builtin_unset },
        { "set", builtin_set },
        { "shift", builtin_shift },
        { "return", builtin_return },
        { "exit", builtin_exit },
        { "break", builtin_break },
        { "continue", builtin_continue },
        { "test", builtin_test },
        { "[", builtin_test },
        { "command", builtin_command },
        { "exec", builtin_exec },
        { "eval", builtin_eval },
        { ".", builtin_dot },
        { "source", builtin_dot },
};

static const struct builtin *find_builtin(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
                if (strcmp(builtins[i].name, name) == 0)
                        return &builtins[i];
        return NULL;
}

bool builtin_known(const char *name)
{
        return find_builtin(name) != NULL;
}

bool builtin_declares(const char *name)
{
        const struct builtin *builtin = find_builtin(name);

        return builtin && (builtin->run == builtin_export || builtin->run == builtin_readonly ||
                           builtin->run == builtin_local || builtin->run == builtin_declare);
}

int builtin_run(struct env_script *s, const struct builtin_call *call, struct err *e)
{
        return find_builtin(call->argv[0])->run(s, call, e);
}
