#include "run/privileges.h"

#include <errno.h>
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

static int limit_sets(uint64_t keep, struct err *e)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
        int r = get_sets(data);

        for (size_t i = 0; r >= 0 && i < 2; i++) {
                uint32_t part = (uint32_t) (keep >> (32 * i));

                data[i].effective &= part;
                data[i].permitted &= part;
                data[i].inheritable &= part;
        }
        if (r >= 0 && syscall(SYS_capset, &header, data) < 0)
                r = -errno;
        return r < 0 ? err_errno(e, r, "limiting capabilities") : 0;
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

int privileges_drop(uint64_t keep, bool no_new_privs, struct err *e)
{
        int r;

        if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return err_errno(e, -errno, "setting no_new_privs");
        if (keep == UINT64_MAX)
                return 0;
        /* Linux 4.3; where it is missing there is no ambient set. */
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        r = drop_bounding(keep, e);
        if (r >= 0)
                r = limit_sets(keep, e);
        return r < 0 ? r : check_sets(keep, e);
}
