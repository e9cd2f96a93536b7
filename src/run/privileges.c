#include "run/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_MOST 63

static int drop_bounding(uint64_t keep, struct err *e)
{
        for (int cap = 0; cap <= CAP_MOST; cap++) {
                if (keep & (1ull << cap))
                        continue;
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
                        continue;
                if (errno == EINVAL) /* the kernel has no more of them */
                        return 0;
                if (errno == EPERM && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0)
                        continue;
                return err_errno(e, -errno, "dropping capability %d of the bounding set", cap);
        }
        return 0;
}

static int get_sets(struct __user_cap_data_struct *data)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

        return syscall(SYS_capget, &header, data) < 0 ? -errno : 0;
}

/* Inheritable as far as a program is to have them without being root. */
static int limit_sets(const struct privileges *p, struct err *e)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
        int r = get_sets(data);

        for (size_t i = 0; r >= 0 && i < 2; i++) {
                uint32_t keep = (uint32_t) (p->keep >> (32 * i)),
                         ambient = (uint32_t) (p->ambient >> (32 * i));

                if (~data[i].permitted & (uint32_t) (p->required >> (32 * i)))
                        return err_set(e, -EPERM,
                                       "--add-caps: this process does not have all of these itself");
                data[i].permitted &= keep;
                data[i].effective = data[i].permitted & (data[i].effective | ambient);
                data[i].inheritable = (data[i].inheritable & keep) | (data[i].permitted & ambient);
        }
        if (r >= 0 && syscall(SYS_capset, &header, data) < 0)
                r = -errno;
        return r < 0 ? err_errno(e, r, "limiting capabilities") : 0;
}

static int raise_ambient(const struct privileges *p, struct err *e)
{
        struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
        int r = get_sets(data);

        for (int cap = 0; r >= 0 && cap <= CAP_MOST; cap++) {
                if (!(p->ambient & 1ull << cap) || !(data[cap / 32].permitted & 1u << cap % 32))
                        continue;
                if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
                        r = -errno;
        }
        return r < 0 ? err_errno(e, r, "handing capabilities on") : 0;
}

/* Capabilities that are kept outlive the change. */
static int change_ids(const struct privileges *p, struct err *e)
{
        bool some = p->n_gids > 0;

        if ((some || p->has_uid) && setgroups(p->n_gids > 1 ? p->n_gids : 0, p->gids) < 0)
                return err_errno(e, -errno, "--security gid: setting groups");
        if (some && setresgid(p->gids[0], p->gids[0], p->gids[0]) < 0)
                return err_errno(e, -errno, "--security gid: becoming group %u", p->gids[0]);
        if (!p->has_uid)
                return 0;
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return err_errno(e, -errno, "keeping capabilities");
        if (setresuid(p->uid, p->uid, p->uid) < 0)
                return err_errno(e, -errno, "--security uid: becoming user %u", p->uid);
        return 0;
}

/* A restriction that was asked for and is not in force must not pass for one. */
static int check_sets(uint64_t keep, struct err *e)
{
        struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
        int r = get_sets(data);

        for (size_t i = 0; r >= 0 && i < 2; i++) {
                uint32_t rest = ~(uint32_t) (keep >> (32 * i));

                if ((data[i].effective | data[i].permitted | data[i].inheritable) & rest)
                        return err_set(e, -EPERM, "capabilities are still there after they were dropped");
        }
        return r < 0 ? err_errno(e, r, "reading capabilities back") : 0;
}

int privileges_drop(const struct privileges *p, struct err *e)
{
        bool other = p->has_uid || p->n_gids;
        int r;

        if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return err_errno(e, -errno, "setting no_new_privs");
        if (p->keep == UINT64_MAX && !p->ambient && !other)
                return 0;
        /* Linux 4.3; where it is missing there is no ambient set. */
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        r = drop_bounding(p->keep, e);
        if (r >= 0 && other)
                r = change_ids(p, e);
        if (r >= 0)
                r = limit_sets(p, e);
        if (r >= 0 && p->ambient)
                r = raise_ambient(p, e);
        return r < 0 ? r : check_sets(p->keep, e);
}
