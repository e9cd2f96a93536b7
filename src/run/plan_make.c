/* The plan as a whole: who it is for, namespaces, privileges, and the order of its parts. */
#include "run/plan_internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"

static const struct {
        const char *word;
        unsigned flag;
} without_words[] = {
        { "proc", WITHOUT_PROC },     { "sys", WITHOUT_SYS },   { "dev", WITHOUT_DEV },
        { "devpts", WITHOUT_DEVPTS }, { "home", WITHOUT_HOME }, { "tmp", WITHOUT_TMP },
        { "hostfs", WITHOUT_HOSTFS }, { "cwd", WITHOUT_CWD },   { "bind-paths", WITHOUT_BIND_PATHS },
};

static void take_without(struct planner *p, const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(without_words); i++)
                if (strcmp(without_words[i].word, word) == 0) {
                        p->without |= without_words[i].flag;
                        return;
                }
        if (word[0] == '/')
                text_list_add(&p->without_targets, word);
        else
                note(p->notes, LOG_WARNING, "Ignoring unknown mount type '%s'", word);
}

bool plan_privileged(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

        if (geteuid() != 0 || syscall(SYS_capget, &header, data) < 0)
                return false;
        return (data[0].effective >> CAP_SYS_ADMIN) & 1;
}

bool plan_namespace_allowed(struct planner *p, bool wanted, bool allowed, const char *name)
{
        if (wanted && !allowed)
                note(p->notes, LOG_WARNING,
                     "Skipping %s namespace creation, support disabled in configuration", name);
        return wanted && allowed;
}

static int plan_namespaces(struct planner *p, struct err *e)
{
        const struct plan_request *q = p->request;
        struct plan *plan = p->plan;
        int r;

        plan->userns = q->userns || !q->privileged;
        if (plan->userns && q->ignore_userns) {
                err_set(e, -EPERM,
                        "--ignore-userns: only root can start a container without a user namespace");
                return err_hint(e, -EPERM, "leave the option, or the variable of its name, out");
        }
        plan->foreign_kernel = plan->userns || q->nested;
        if (plan->userns && !q->config->allow_user_ns)
                return err_set(e, -EPERM,
                               "user namespaces are switched off by the site: 'allow user ns = no'");
        if (plan_namespace_allowed(p, q->pid, q->config->allow_pid_ns, "PID")) {
                plan->namespaces |= CLONE_NEWPID;
                plan->init = !q->no_init;
        }
        if (plan_namespace_allowed(p, q->ipc, q->config->allow_ipc_ns, "IPC"))
                plan->namespaces |= CLONE_NEWIPC;
        r = plan_uts(p, e);
        return r < 0 ? r : plan_network(p, e);
}

/* Root that becomes another user (--security uid) is that user in the files of /etc.  In a user namespace the
 * caller stays what it is there. */
static int plan_identity(struct planner *p, struct err *e)
{
        struct plan *plan = p->plan;
        bool other = p->request->privileged && plan->ids.has_uid;
        struct identity target = { .known = false };
        const struct identity *identity = p->request->identity;
        const struct account_user *user = &identity->user;
        int r = 0;

        if (other) {
                identity_load_uid(&target, plan->ids.uid, p->notes);
                user = &target.user;
        }
        plan->user = (struct account_user){
                .name = text_dup(user->name),
                .uid = user->uid,
                .gid = p->request->privileged && plan->ids.n_gids ? plan->ids.gids[0] : user->gid,
                .gecos = text_dup(user->gecos),
                .home = text_dup(user->home),
                .shell = text_dup(user->shell),
        };
        identity_done(&target);
        /* Numbers of the caller's groups mean others in a namespace where the caller is root. */
        if (!p->request->config->config_group || p->request->nested)
                return 0;
        if (p->request->privileged && plan->ids.n_gids)
                identity_groups_of(plan->ids.gids, plan->ids.n_gids, &plan->groups, &plan->n_groups);
        else if (other)
                identity_groups_of(&plan->user.gid, 1, &plan->groups, &plan->n_groups);
        else
                r = identity_groups(identity, &plan->groups, &plan->n_groups, e);
        return r;
}

static void plan_session(struct planner *p)
{
        const struct config *config = p->request->config;
        struct plan *plan = p->plan;

        plan->memory_fs = config->memory_fs;
        plan->slave = config->mount_slave;
        plan->no_umask = p->request->no_umask;
        if (!p->request->privileged)
                plan->session_bytes = config->session_m << 20;
}

static int make(struct planner *p, struct err *e)
{
        int r;

        for (size_t i = 0; p->request->no_mount && i < p->request->no_mount->n; i++)
                take_without(p, p->request->no_mount->at[i]);
        r = plan_namespaces(p, e);
        if (r < 0)
                return r;
        r = plan_privileges(p, e);
        if (r < 0)
                return r;
        plan_session(p);
        r = plan_layers(p, e);
        if (r >= 0)
                r = plan_identity(p, e);
        if (r < 0)
                return r;
        plan_dev(p);
        r = plan_hostfs(p, e);
        if (r >= 0)
                r = plan_bind_paths(p, e);
        if (r < 0)
                return r;
        plan_kernel(p);
        r = plan_home(p, e);
        if (r >= 0)
                r = plan_tmp(p, e);
        if (r >= 0)
                r = plan_scratch(p, e);
        if (r < 0)
                return r;
        r = plan_files(p, e);
        if (r >= 0)
                r = plan_user_binds(p, e);
        if (r >= 0)
                r = plan_fuses(p, e);
        if (r >= 0)
                r = plan_cwd(p, e);
        plan_dev_finish(p);
        plan_allow_setuid(p);
        plan_sort(p->plan);
        return r < 0 ? r : 0;
}

int plan_make(struct plan *plan, const struct plan_request *request, const struct notes *notes, struct err *e)
{
        struct planner p = { .plan = plan, .request = request, .notes = notes };
        int r;

        *plan = (struct plan) PLAN_INIT;
        r = make(&p, e);
        text_list_done(&p.without_targets);
        if (r < 0)
                plan_done(plan);
        return r;
}
