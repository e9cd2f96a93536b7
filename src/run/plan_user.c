/* What the user brings along: home, tmp, scratch, binds and the working directory (spec runtime.md, 2.6, 3.7,
 * 3.8, 3.9, 3.12, 3.14). */
#include "run/plan_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "run/bind.h"

#define BOUND (PLAN_RECURSIVE | PLAN_NOSUID | PLAN_NODEV)

static char *absolute(const char *path, struct err *e)
{
        char *whole = path_absolute(path);

        if (!whole)
                err_errno(e, -errno, "%s: making it absolute against the working directory", path);
        return whole;
}

/* --- home ----------------------------------------------------------------------------------------------- */

/* "source[:target]" of --home. */
static int custom_home(const char *argument, char **ret_source, char **ret_target, struct err *e)
{
        const char *colon = strchr(argument, ':');
        _cleanup_free_ char *source =
                text_dup_bytes(argument, colon ? (size_t) (colon - argument) : strlen(argument));
        char *whole;

        if (colon && strchr(colon + 1, ':'))
                return err_set(e, -EINVAL, "home argument has incorrect number of elements: \"%s\"",
                               argument);
        if (*source == '\0' || (colon && colon[1] == '\0'))
                return err_set(e, -EINVAL, "home argument has an empty element: \"%s\"", argument);
        if (colon && colon[1] != '/')
                return err_set(e, -EINVAL, "home argument: \"%s\" must be an absolute path of the container",
                               colon + 1);
        whole = absolute(source, e);
        if (!whole)
                return -EINVAL;
        *ret_target = colon ? path_clean(colon + 1) : text_dup(whole);
        *ret_source = whole;
        return 0;
}

/* An empty home, or the one below --workdir. */
static int contained_home(struct planner *p, const char *target, struct err *e)
{
        if (p->request->workdir && p->request->contain) {
                _cleanup_free_ char *workdir = absolute(p->request->workdir, e);
                _cleanup_free_ char *home = workdir ? path_join(workdir, "home") : NULL;

                if (!home)
                        return -EINVAL;
                plan_add_entry(p->plan, PLAN_ENTRY_HOST_DIRECTORY, home, 0700, NULL);
                plan_add_mount(p->plan, PLAN_HOME, PLAN_HOST, home, target, BOUND | PLAN_DIRECTORY, NULL);
                return 0;
        }
        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, target + 1, 0755, NULL);
        plan_add_mount(p->plan, PLAN_HOME, PLAN_SESSION, target + 1, target, BOUND | PLAN_DIRECTORY, NULL);
        return 0;
}

/* -w makes no mount points in the image: the topmost directory on the way is replaced by one of the session,
 * where the home's can be made (spec runtime.md, 3.7). */
static void stage_home(struct planner *p, const char *target)
{
        const char *end = strchr(target + 1, '/');
        _cleanup_free_ char *top = end ? text_dup_bytes(target, (size_t) (end - target)) : NULL;

        if (!p->plan->image_writable || !top)
                return;
        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, target + 1, 0755, NULL);
        plan_add_mount(p->plan, PLAN_HOME, PLAN_SESSION, top + 1, top, BOUND | PLAN_DIRECTORY, NULL);
}

int plan_home(struct planner *p, struct err *e)
{
        const struct plan_request *r = p->request;
        _cleanup_free_ char *source = NULL;
        int kind;

        if (r->home) {
                int failed = custom_home(r->home, &source, &p->plan->home, e);

                if (failed < 0)
                        return failed;
        } else {
                source = path_clean(r->identity->user.home);
                p->plan->home =
                        text_dup(r->identity->user.uid == 0 || (p->plan->ids.has_uid && p->plan->ids.uid == 0)
                                         ? "/root"
                                         : source);
        }
        if (r->no_home || p->without & WITHOUT_HOME || (!r->home && !r->config->mount_home))
                return 0;
        if (r->home && !r->config->user_bind_control)
                return err_set(e, -EPERM,
                               "not mounting user requested home: user bind control is disallowed");
        if (strcmp(p->plan->home, "/") == 0 || p->plan->home[0] != '/') {
                if (r->identity->known)
                        note(p->notes, LOG_WARNING, "Skipping impossible home directory mount to '%s'",
                             p->plan->home);
                return 0;
        }
        stage_home(p, p->plan->home);
        kind = plan_host_kind(source);
        if ((r->contain && !r->home) || kind == -ENOENT)
                return contained_home(p, p->plan->home, e);
        if (kind != -EACCES && kind != PLAN_DIRECTORY)
                return err_errno(e, kind < 0 ? kind : -ENOTDIR, "home directory %s", source);
        plan_add_mount(p->plan, PLAN_HOME, PLAN_HOST, source, p->plan->home, BOUND | PLAN_DIRECTORY, NULL);
        return 0;
}

/* --- tmp and scratch --------------------------------------------------------------------------------------
 */

static int tmp_below_workdir(struct planner *p, struct err *e)
{
        _cleanup_free_ char *workdir = NULL, *tmp = NULL, *var_tmp = NULL;

        if (!p->request->config->user_bind_control) {
                note(p->notes, LOG_WARNING, "User bind control is disabled by system administrator");
                return 0;
        }
        workdir = absolute(p->request->workdir, e);
        if (!workdir)
                return -EINVAL;
        tmp = path_join(workdir, "tmp");
        var_tmp = path_join(workdir, "var_tmp");
        plan_add_entry(p->plan, PLAN_ENTRY_HOST_DIRECTORY, tmp, 01777, NULL);
        plan_add_entry(p->plan, PLAN_ENTRY_HOST_DIRECTORY, var_tmp, 01777, NULL);
        plan_add_mount(p->plan, PLAN_TMP, PLAN_HOST, tmp, "/tmp", BOUND | PLAN_DIRECTORY, NULL);
        plan_add_mount(p->plan, PLAN_TMP, PLAN_HOST, var_tmp, "/var/tmp",
                       BOUND | PLAN_DIRECTORY | PLAN_NOT_TWICE, NULL);
        return 0;
}

int plan_tmp(struct planner *p, struct err *e)
{
        static const char *const names[] = { "/tmp", "/var/tmp" };

        if (!p->request->config->mount_tmp || p->without & WITHOUT_TMP)
                return 0;
        if (p->request->contain && p->request->workdir)
                return tmp_below_workdir(p, e);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                unsigned flags = BOUND | PLAN_DIRECTORY | (i ? PLAN_NOT_TWICE : 0);

                if (p->request->contain) {
                        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, names[i] + 1, 01777, NULL);
                        plan_add_mount(p->plan, PLAN_TMP, PLAN_SESSION, names[i] + 1, names[i], flags, NULL);
                } else if (plan_host_kind(names[i]) == PLAN_DIRECTORY) {
                        plan_add_mount(p->plan, PLAN_TMP, PLAN_HOST, names[i], names[i], flags, NULL);
                }
        }
        return 0;
}

int plan_scratch(struct planner *p, struct err *e)
{
        const struct text_list *scratch = p->request->scratch;

        if (!scratch || !p->request->config->user_bind_control)
                return 0;
        for (size_t i = 0; i < scratch->n; i++) {
                _cleanup_free_ char *target = path_clean(scratch->at[i]);
                _cleanup_free_ char *source = text_format("scratch%s", target);

                if (target[0] != '/')
                        return err_set(e, -EINVAL, "scratch directory %s: must be an absolute path", target);
                if (p->request->workdir) {
                        _cleanup_free_ char *workdir = absolute(p->request->workdir, e);
                        _cleanup_free_ char *kept = workdir ? path_join(workdir, source) : NULL;

                        if (!kept)
                                return -EINVAL;
                        plan_add_entry(p->plan, PLAN_ENTRY_HOST_DIRECTORY, kept, 0750, NULL);
                        plan_add_mount(p->plan, PLAN_SCRATCH, PLAN_HOST, kept, target, BOUND | PLAN_DIRECTORY,
                                       NULL);
                } else {
                        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, source, 0755, NULL);
                        plan_add_mount(p->plan, PLAN_SCRATCH, PLAN_SESSION, source, target,
                                       BOUND | PLAN_DIRECTORY, NULL);
                }
        }
        return 0;
}

/* --- binds
 * -------------------------------------------------------------------------------------------------- */

static bool is_given(const char *text)
{
        return text && *text;
}

static bool add_image_bind(struct planner *p, const struct bind *bind, const char *source, const char *target)
{
        const char *inner = is_given(bind->image_source) ? bind->image_source : "/";
        const char *id = is_given(bind->image_id) ? bind->image_id : NULL;

        if (!plan_add_mount(p->plan, PLAN_USER_BINDS, PLAN_IMAGE, inner, target,
                            PLAN_NOSUID | PLAN_NODEV | (bind->readonly ? PLAN_READONLY : 0), NULL))
                return false;
        p->plan->mounts[p->plan->n_mounts - 1].number = plan_add_image(p->plan, source, id, bind->readonly);
        return true;
}

static int add_user_bind(struct planner *p, const struct bind *bind, struct err *e)
{
        _cleanup_free_ char *source = absolute(bind->source, e);
        _cleanup_free_ char *target = path_clean(bind->target);
        int r;

        if (!source)
                return -EINVAL;
        if (!bind->nonested)
                text_list_add(&p->plan->bind_targets, bind->target);
        bool of_image = is_given(bind->image_source) || is_given(bind->image_id);

        if (!of_image && plan_dev_bind(p, source, target))
                return 0;
        if (!p->request->config->user_bind_control) {
                note(p->notes, LOG_WARNING,
                     "Ignoring %s bind mount: user bind control disabled by system administrator", source);
                return 0;
        }
        if (strcmp(target, "/") == 0)
                return err_set(e, -EINVAL, "%s cannot be mounted on \"/\": that is the image", source);
        if (of_image)
                r = add_image_bind(p, bind, source, target);
        else
                r = plan_add_host_bind(p, PLAN_USER_BINDS, source, target,
                                       BOUND | (bind->readonly ? PLAN_READONLY : 0), e);
        if (r == 0)
                note(p->notes, LOG_WARNING,
                     "While bind mounting '%s:%s': destination is already in the mount point list", source,
                     target);
        return r;
}

int plan_user_binds(struct planner *p, struct err *e)
{
        _cleanup_bind_list_ struct bind_list list = BIND_LIST_INIT;
        int r = 0;

        for (size_t i = 0; p->request->binds && i < p->request->binds->n && r >= 0; i++)
                r = bind_parse(&list, p->request->binds->at[i], e);
        for (size_t i = 0; p->request->bind_mounts && i < p->request->bind_mounts->n && r >= 0; i++)
                r = bind_parse_mount(&list, p->request->bind_mounts->at[i], e);
        for (size_t i = 0; i < list.n && r >= 0; i++)
                r = add_user_bind(p, &list.at[i], e);
        return r;
}

/* --- working directory
 * ---------------------------------------------------------------------------------------- */

/* The working directory as the caller's shell names it: $PWD where that is the same place; NULL: it is
 * deleted.  The caller frees it. */
static char *caller_cwd(void)
{
        const char *pwd = getenv("PWD");
        struct stat here, there;

        if (pwd && pwd[0] == '/' && stat(".", &here) == 0 && stat(pwd, &there) == 0 &&
            here.st_dev == there.st_dev && here.st_ino == there.st_ino && here.st_nlink > 0)
                return path_clean(pwd);
        char *cwd = getcwd(NULL, 0);

        if (cwd && cwd[0] != '/') { /* "(unreachable)…" */
                free(cwd);
                cwd = NULL;
        }
        return cwd;
}

static bool cwd_is_of_the_system(const char *path)
{
        static const char *const exact[] = { "/",    "/etc", "/bin",  "/mnt", "/usr",
                                             "/var", "/opt", "/sbin", "/lib", "/lib64" };
        static const char *const below[] = { "/sys", "/proc", "/dev" };

        for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
                if (strcmp(path, exact[i]) == 0)
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(below); i++)
                if (text_starts(path, below[i]))
                        return true;
        return false;
}

static void mount_cwd(struct planner *p)
{
        const struct plan_request *r = p->request;
        const char *cwd = p->plan->cwd_host;
        char *resolved;

        if (r->contain || p->without & WITHOUT_CWD || !cwd)
                return;
        if (!r->config->user_bind_control) {
                note(p->notes, LOG_WARNING,
                     "Not mounting current directory: user bind control is disabled by system administrator");
                return;
        }
        resolved = getcwd(NULL, 0);
        if (cwd_is_of_the_system(cwd) || !resolved || cwd_is_of_the_system(resolved))
                note(p->notes, LOG_VERBOSE, "Not mounting CWD within operating system directory: %s", cwd);
        else
                plan_add_mount(p->plan, PLAN_CWD, PLAN_HOST, cwd, cwd,
                               BOUND | PLAN_DIRECTORY | PLAN_CALLER_CWD, NULL);
        free(resolved);
}

int plan_cwd(struct planner *p, struct err *e)
{
        const struct plan_request *r = p->request;
        struct plan *plan = p->plan;

        (void) e;
        plan->cwd_host = caller_cwd();
        if (r->cwd && *r->cwd) {
                plan->cwd = r->cwd[0] == '/' ? path_clean(r->cwd) : path_join("/", r->cwd);
                plan->cwd_from = PLAN_CWD_ASKED;
        } else if (r->contain) {
                plan->cwd = text_dup(plan->home);
                plan->cwd_from = PLAN_CWD_HOME;
        } else {
                plan->cwd = plan->cwd_host ? text_dup(plan->cwd_host) : NULL;
                plan->cwd_from = PLAN_CWD_CALLER;
        }
        mount_cwd(p);
        return 0;
}
