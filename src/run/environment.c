#include "run/environment.h"

#include <string.h>

#include "base/clean.h"
#include "base/path.h"
#include "run/env_script_variables.h"
#include "run/environment_internal.h"

/* What the caller's programs are found through when the container's PATH is not theirs; the original appends
 * these to the caller's PATH for helpers that hooks start. */
#define USER_PATH_TAIL "/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin"

static const char *const crosses_always[] = {
        "TERM",       "http_proxy",  "https_proxy", "no_proxy",  "all_proxy", "ftp_proxy",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",    "ALL_PROXY", "FTP_PROXY",
};

/* HOME and PATH are set below; libraries of the host are not for programs of the image; OPTIND counts for the
 * caller's getopts only. */
static const char *const crosses_never[] = { "HOME", "PATH", "LD_LIBRARY_PATH", "OPTIND" };

static const char *const cannot_be_overridden[] = {
        "HOME", "APPTAINER_SHELL", "APPTAINER_APPNAME", "SINGULARITY_SHELL", "SINGULARITY_APPNAME",
};

/* Overrides that edit PATH travel under these names to 99-runtimevars.sh, which every image since 2.4 has. */
static const char *const renamed[][2] = {
        { "PATH", "SING_USER_DEFINED_PATH" },
        { "PREPEND_PATH", "SING_USER_DEFINED_PREPEND_PATH" },
        { "APPEND_PATH", "SING_USER_DEFINED_APPEND_PATH" },
};

static bool word_in(const char *word, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(word, words[i]) == 0)
                        return true;
        return false;
}

static bool is_override(const char *name)
{
        return text_starts(name, "APPTAINERENV_") || text_starts(name, "SINGULARITYENV_");
}

static bool crosses(const struct environment_request *request, const char *name)
{
        if (text_starts(name, "APPTAINER_") || text_starts(name, "SINGULARITY_") || is_override(name))
                return false;
        if (word_in(name, crosses_never, ARRAY_SIZE(crosses_never)))
                return false;
        if (word_in(name, crosses_always, ARRAY_SIZE(crosses_always)))
                return true;
        if (request->clean)
                return false;
        return !request->withheld || !text_list_has(request->withheld, name);
}

static void add_host(struct variables *process, const struct environment_request *request)
{
        const char *path = "";

        for (char *const *at = request->host; at && *at; at++) {
                const char *equals = strchr(*at, '=');
                _cleanup_free_ char *name = NULL;

                if (!equals || equals == *at)
                        continue;
                name = text_dup_bytes(*at, (size_t) (equals - *at));
                if (strcmp(name, "PATH") == 0)
                        path = equals + 1;
                if (crosses(request, name))
                        variables_set_exported(process, name, equals + 1);
        }
        if (!request->clean && !(request->withheld && text_list_has(request->withheld, "USER_PATH"))) {
                _cleanup_free_ char *user_path = text_format("%s:" USER_PATH_TAIL, path);

                variables_set_exported(process, "USER_PATH", user_path);
        }
}

/* A variable of the runtime, which has a twin of the old name. */
static void add_twins(struct variables *process, const char *suffix, const char *value)
{
        static const char *const prefixes[] = { "APPTAINER", "SINGULARITY" };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
                _cleanup_free_ char *name = text_format("%s_%s", prefixes[i], suffix);

                variables_set_exported(process, name, value);
        }
}

static void add_runtime(struct variables *process, const struct environment_request *request)
{
        _cleanup_free_ char *binds =
                request->bind_targets ? text_list_join(request->bind_targets, ",") : text_dup("");

        variables_set_exported(process, "HOME", request->home);
        variables_set_exported(process, "PATH", ENVIRONMENT_PATH);
        if (request->clean)
                variables_set_exported(process, "LANG", "C");
        add_twins(process, "CONTAINER", request->image);
        add_twins(process, "NAME", path_base(request->image));
        add_twins(process, "BIND", binds);
        add_twins(process, "APPNAME", request->app ? request->app : "");
        if (request->no_eval)
                add_twins(process, "NO_EVAL", "1");
        if (request->instance)
                add_twins(process, "INSTANCE", request->instance);
        if (request->shell)
                add_twins(process, "SHELL", request->shell);
        variables_set_exported(process, "APPTAINER_COMMAND", request->action);
}

/* --env wins over everything, and says so where it beats a file. */
static void add_set(struct variables *asked, const struct text_list *set, const struct variables *from_files,
                    const struct notes *notes)
{
        for (size_t i = 0; set && i < set->n; i++) {
                const char *equals = strchr(set->at[i], '=');
                _cleanup_free_ char *name = NULL;

                if (!equals)
                        continue;
                if (equals == set->at[i]) {
                        note(notes, LOG_WARNING, "Ignore environment variable %s: variable name missing",
                             set->at[i]);
                        continue;
                }
                name = text_dup_bytes(set->at[i], (size_t) (equals - set->at[i]));
                if (variables_get(from_files, name))
                        note(notes, LOG_WARNING, "Ignored environment file variable %s: override from --env",
                             name);
                variables_set(asked, name, equals + 1);
        }
}

/* Takes the variables of the host that start with `prefix`, without it. */
static void collect_prefixed(struct variables *ret, char *const *host, const char *prefix)
{
        for (char *const *at = host; at && *at; at++) {
                const char *equals = strchr(*at, '=');
                size_t size = strlen(prefix);
                _cleanup_free_ char *name = NULL;

                if (!equals || !text_starts(*at, prefix) || equals == *at + size)
                        continue;
                name = text_dup_bytes(*at + size, (size_t) (equals - *at) - size);
                variables_set(ret, name, equals + 1);
        }
}

static void add_missing(struct variables *asked, const struct variables *from)
{
        for (size_t i = 0; i < from->n; i++)
                if (!variables_get(asked, from->at[i].name))
                        variables_set(asked, from->at[i].name, from->at[i].value);
}

static void add_legacy(struct variables *asked, const struct variables *legacy, const struct notes *notes)
{
        for (size_t i = 0; i < legacy->n; i++) {
                const char *name = legacy->at[i].name, *value = variables_get(asked, name);

                if (value && strcmp(value, legacy->at[i].value) != 0)
                        note(notes, LOG_WARNING,
                             "SINGULARITYENV_%s and APPTAINERENV_%s have different values, using the latter",
                             name, name);
                else if (!value)
                        note(notes, LOG_INFO,
                             "Environment variable SINGULARITYENV_%s is set, but APPTAINERENV_%s is preferred",
                             name, name);
        }
        add_missing(asked, legacy);
}

/* From what was asked to what is allowed, under the names that travel. */
static void settle_overrides(struct text_list *ret, const struct variables *asked, const struct notes *notes)
{
        _cleanup_variables_ struct variables settled = VARIABLES_INIT;

        for (size_t i = 0; i < asked->n; i++) {
                const char *name = asked->at[i].name;

                if (word_in(name, cannot_be_overridden, ARRAY_SIZE(cannot_be_overridden))) {
                        note(notes, LOG_WARNING,
                             "Overriding %s environment variable with APPTAINERENV_%s is not permitted", name,
                             name);
                        continue;
                }
                if (!variables_name_valid(name, strlen(name))) {
                        note(notes, LOG_WARNING,
                             "Ignore environment variable %s: not a name that a shell could read", name);
                        continue;
                }
                if (strcmp(name, "UID") == 0 || strcmp(name, "GID") == 0)
                        continue;
                for (size_t j = 0; j < ARRAY_SIZE(renamed); j++)
                        if (strcmp(name, renamed[j][0]) == 0)
                                name = renamed[j][1];
                variables_set_exported(&settled, name, asked->at[i].value);
        }
        variables_list(&settled, ret);
}

int environment_make(struct environment *ret, const struct environment_request *request,
                     const struct notes *notes, struct err *e)
{
        _cleanup_variables_ struct variables process = VARIABLES_INIT, asked = VARIABLES_INIT,
                                             files = VARIABLES_INIT, current = VARIABLES_INIT,
                                             legacy = VARIABLES_INIT;
        struct environment made = { .no_eval = request->no_eval };
        int r = environment_read_files(&files, request, notes, e);

        if (r < 0)
                return r;
        add_host(&process, request);
        add_runtime(&process, request);
        variables_list(&process, &made.process);

        collect_prefixed(&current, request->host, "APPTAINERENV_");
        collect_prefixed(&legacy, request->host, "SINGULARITYENV_");
        add_set(&asked, request->set, &files, notes);
        add_missing(&asked, &files);
        add_missing(&asked, &current);
        add_legacy(&asked, &legacy, notes);
        settle_overrides(&made.overrides, &asked, notes);
        *ret = made;
        return 0;
}

void environment_done(struct environment *environment)
{
        text_list_done(&environment->process);
        text_list_done(&environment->overrides);
}

const char *environment_get(const struct text_list *list, const char *name)
{
        size_t size = strlen(name);

        for (size_t i = 0; i < list->n; i++)
                if (strncmp(list->at[i], name, size) == 0 && list->at[i][size] == '=')
                        return list->at[i] + size + 1;
        return NULL;
}
