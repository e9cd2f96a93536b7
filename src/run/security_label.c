#include "run/security_label.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"

int security_label_check(enum security_module module, struct err *e)
{
        char on = 0;
        _cleanup_close_ int fd = -EBADF;

        if (module == SECURITY_SELINUX)
                return access("/sys/fs/selinux/enforce", F_OK) == 0
                               ? 0
                               : err_set(e, -ENOTSUP,
                                         "--security selinux: SELinux is not enabled on this machine");
        fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, &on, 1) != 1 || on != 'Y')
                return err_set(e, -ENOTSUP, "--security apparmor: AppArmor is not enabled on this machine");
        return 0;
}

/* proc_pid_attr(5); attr/apparmor came with Linux 5.8. */
int security_label_set(enum security_module module, const char *label, struct err *e)
{
        bool apparmor = module == SECURITY_APPARMOR;
        _cleanup_free_ char *text = text_format("%s%s", apparmor ? "exec " : "", label);
        _cleanup_close_ int fd =
                apparmor ? open("/proc/thread-self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC) : -EBADF;
        int r;

        if (fd < 0)
                fd = open("/proc/thread-self/attr/exec", O_WRONLY | O_CLOEXEC);
        r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
        if (r < 0)
                return err_errno(e, r, "--security %s:%s", apparmor ? "apparmor" : "selinux", label);
        return 0;
}
