/* Whom a program runs as and what it may do: ids, capabilities, filters, labels (spec runtime.md, 1.5, 8.4).
 */
#include "run/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/num.h"
#include "run/capabilities.h"
#include "run/security_label.h"

/* (uid_t) -1 stands for "as it is" with the kernel. */
#define ID_MAX (UINT32_MAX - 1)

/* --- --security -------------------------------------------------------------------------------------------
 */

static int take_uid(struct plan *plan, const char *value, struct err *e)
{
        uint64_t uid;

        if (num_u64(value, 10, 0, ID_MAX, &uid) < 0)
                return err_set(e, -EINVAL, "--security uid: \"%s\" is not a user id", value);
        plan->ids.has_uid = true;
        plan->ids.uid = (uid_t) uid;
        return 0;
}

/* "gid[:gid...]" */
static int take_gids(struct plan *plan, const char *value, struct err *e)
{
        _cleanup_free_ char *copy = text_dup(value);
        char *rest = copy, *item;

        free(plan->ids.gids);
        plan->ids.gids = text_alloc((strlen(value) / 2 + 1) * sizeof(*plan->ids.gids));
        plan->ids.n_gids = 0;
        while ((item = strsep(&rest, ":"))) {
                uint64_t gid;

                if (num_u64(item, 10, 0, ID_MAX, &gid) < 0)
                        return err_set(e, -EINVAL, "--security gid: \"%s\" is not a group id", item);
                if (plan->ids.n_gids == IDENTITY_GROUPS_MAX)
                        return err_set(e, -E2BIG, "--security gid: more than %d groups", IDENTITY_GROUPS_MAX);
                plan->ids.gids[plan->ids.n_gids++] = (gid_t) gid;
        }
        return 0;
}

static void replace(char **text, const char *by)
{
        free(*text);
        *text = text_dup(by);
}

static int take_security(struct plan *plan, const char *item, struct err *e)
{
        const char *colon = strchr(item, ':'), *value = colon ? colon + 1 : "";
        size_t size = colon ? (size_t) (colon - item) : strlen(item);
        _cleanup_free_ char *feature = text_dup_bytes(item, size);

        if (!*value)
                return err_set(e, -EINVAL,
                               "--security: \"%s\" is not a feature and its value with ':' between them",
                               item);
        if (strcmp(feature, "uid") == 0)
                return take_uid(plan, value, e);
        if (strcmp(feature, "gid") == 0)
                return take_gids(plan, value, e);
        if (strcmp(feature, "seccomp") == 0) {
                replace(&plan->seccomp, value);
                return 0;
        }
        if (strcmp(feature, "apparmor") == 0) {
                replace(&plan->apparmor, value);
                return security_label_check(SECURITY_APPARMOR, e);
        }
        if (strcmp(feature, "selinux") == 0) {
                replace(&plan->selinux, value);
                return security_label_check(SECURITY_SELINUX, e);
        }
        err_set(e, -EINVAL, "--security: there is no feature \"%s\"", feature);
        return err_hint(e, -EINVAL, "uid, gid, seccomp, apparmor and selinux are known");
}

static int plan_security(struct planner *p, struct err *e)
{
        const struct text_list *security = p->request->security;
        struct plan *plan = p->plan;

        for (size_t i = 0; security && i < security->n; i++) {
                int r = take_security(plan, security->at[i], e);

                if (r < 0)
                        return r;
        }
        if (plan->apparmor && plan->selinux)
                return err_set(e, -EINVAL, "--security: apparmor and selinux exclude each other");
        if (plan->userns && plan->ids.n_gids > 1) {
                note(p->notes, LOG_WARNING,
                     "--security gid: only root can have supplementary groups, the group is %u",
                     plan->ids.gids[0]);
                plan->ids.n_gids = 1;
        }
        return 0;
}

/* --- capabilities -----------------------------------------------------------------------------------------
 */

/* A list of names.  What is not known cannot be given, which is told; not taking away what was to be taken is
 * an error. */
static int read_capabilities(struct planner *p, const char *option, const char *list, bool strict,
                             uint64_t *ret_all, uint64_t *ret_named, struct err *e)
{
        _cleanup_free_ char *copy = text_dup(list ? list : "");
        char *rest = copy, *item;

        while ((item = strsep(&rest, ","))) {
                uint64_t set;

                item += strspn(item, " \t");
                item[strcspn(item, " \t")] = '\0';
                if (!*item)
                        continue;
                if (capabilities_find(item, &set)) {
                        *ret_all |= set;
                        *ret_named |= set == CAPABILITIES_NAMED ? 0 : set;
                } else if (strict) {
                        return err_set(e, -EINVAL, "%s: there is no capability \"%s\"", option, item);
                } else {
                        note(p->notes, LOG_WARNING, "%s: there is no capability \"%s\"", option, item);
                }
        }
        return 0;
}

/* Root keeps what it has, everybody else has nothing, but for what is added and dropped. */
static int plan_capabilities(struct planner *p, struct err *e)
{
        const struct plan_request *q = p->request;
        struct plan *plan = p->plan;
        bool other = plan->ids.n_gids || (plan->ids.has_uid && plan->ids.uid != 0);
        bool by_site = q->config->root_caps == CONFIG_ROOT_CAPS_FULL && !other;
        bool full = q->identity->user.uid == 0 && (by_site || q->keep_privs) && !q->no_privs;
        uint64_t add = 0, named = 0, drop = 0, dropped_by_name = 0;
        int r = read_capabilities(p, "--add-caps", q->add_caps, false, &add, &named, e);

        if (r >= 0)
                r = read_capabilities(p, "--drop-caps", q->drop_caps, true, &drop, &dropped_by_name, e);
        if (r < 0)
                return r;
        plan->capabilities = ((full ? UINT64_MAX : 0) | add) & ~drop;
        plan->capabilities_required = named & ~drop;
        if (add || drop || other)
                plan->capabilities_ambient = plan->capabilities;
        plan->no_new_privs = !full;
        return 0;
}

int plan_privileges(struct planner *p, struct err *e)
{
        const struct plan_request *q = p->request;
        bool root = q->identity->user.uid == 0;
        int r;

        if (!root && (q->keep_privs || q->allow_setuid))
                return err_set(e, -EPERM, "%s requires root privileges",
                               q->keep_privs ? "--keep-privs" : "--allow-setuid");
        r = plan_security(p, e);
        if (r >= 0)
                r = plan_capabilities(p, e);
        if (r >= 0 && (p->plan->seccomp || (q->fakeroot && q->privileged && q->nested)))
                p->plan->no_new_privs = true;
        return r;
}

void plan_allow_setuid(struct planner *p)
{
        if (!p->request->allow_setuid)
                return;
        if (p->plan->userns) {
                note(p->notes, LOG_WARNING, "--allow-setuid has no effect in a user namespace");
                return;
        }
        for (size_t i = 0; i < p->plan->n_mounts; i++) {
                struct plan_mount *m = &p->plan->mounts[i];

                if (m->group != PLAN_DEV && m->group != PLAN_KERNEL && m->from != PLAN_FRESH)
                        m->flags &= ~(unsigned) PLAN_NOSUID;
        }
}
