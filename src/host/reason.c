#include "host/reason.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"

#define SWITCH_SIZE_MAX 64

/* A number below /proc/sys; false when there is no such switch. */
static bool read_switch(int proc_sys, const char *name, uint64_t *ret)
{
        _cleanup_free_ char *text = NULL;

        if (fd_read_file(proc_sys, name, SWITCH_SIZE_MAX, &text, NULL) < 0)
                return false;
        text[strcspn(text, "\n")] = '\0';
        return num_u64(text, 10, 0, UINT64_MAX, ret) == 0;
}

static bool is(int proc_sys, const char *name, uint64_t value)
{
        uint64_t found;

        return read_switch(proc_sys, name, &found) && found == value;
}

static int explain(struct err *e, const char *text, const char *hint)
{
        err_set(e, -EUSERS, "user namespaces are not to be had on this machine: %s", text);
        return err_hint(e, -EUSERS, "%s", hint);
}

bool reason_userns_is_hollow(int proc_sys)
{
        return is(proc_sys, "kernel/apparmor_restrict_unprivileged_userns", 1);
}

static int explain_refused(int proc_sys, struct err *e)
{
        if (is(proc_sys, "kernel/unprivileged_userns_clone", 0))
                return explain(
                        e, "kernel.unprivileged_userns_clone is 0",
                        "an administrator can allow them: sysctl -w kernel.unprivileged_userns_clone=1");
        if (reason_userns_is_hollow(proc_sys))
                return explain(
                        e,
                        "AppArmor keeps programs without a profile from using them "
                        "(kernel.apparmor_restrict_unprivileged_userns is 1)",
                        "an administrator can install an AppArmor profile with 'userns,' for this program, or "
                        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
        return explain(
                e, "the kernel refuses them (EPERM)",
                "inside another container its seccomp filter or a chroot forbids them: ask for one that "
                "allows unshare and mount");
}

int reason_userns(int proc_sys, int code, struct err *e)
{
        _cleanup_close_ int opened =
                proc_sys < 0 ? open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        int dir = proc_sys < 0 ? opened : proc_sys;

        if (is(dir, "user/max_user_namespaces", 0))
                return explain(e, "user.max_user_namespaces is 0",
                               "an administrator can allow them: sysctl -w user.max_user_namespaces=15000");
        switch (code) {
        case -EPERM:
        case -EACCES:
                return explain_refused(dir, e);
        case -ENOSPC:
        case -EUSERS:
                return explain(e,
                               "the limit user.max_user_namespaces, or that of nested ones (32), is reached",
                               "wait for other containers to end, or ask the administrator to raise it");
        case -ENOSYS:
        case -EINVAL:
                return explain(e, "the kernel was built without them (CONFIG_USER_NS)",
                               "the administrator has to install a kernel that has them");
        default:
                return explain(e, strerror(-code), "see the kernel's log");
        }
}
