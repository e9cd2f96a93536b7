/* What the kernel lets this user do: each check is a small start. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "host/doctor_internal.h"
#include "host/reason.h"
#include "sys/sys.h"

/* --- system calls --------------------------------------------------------------------------------------- */

static void check_calls(struct findings *findings)
{
        struct sys_open_how how = { .flags = O_PATH | O_CLOEXEC };
        _cleanup_text_ struct text missing = TEXT_INIT;
        struct utsname kernel;
        struct finding *f;
        int fd;

        fd = sys_openat2(AT_FDCWD, "/", &how);
        if (fd == -ENOSYS)
                text_add(&missing, " openat2");
        else if (fd >= 0)
                close(fd);
        if (sys_open_tree(-1, "", 0) == -ENOSYS)
                text_add(&missing, " open_tree");
        if (sys_fsopen(NULL, 0) == -ENOSYS)
                text_add(&missing, " fsopen");
        uname(&kernel);
        if (!missing.used) {
                finding_add(findings, "KERNEL", FINDING_OK, "kernel", kernel.release);
                return;
        }
        f = finding_add(findings, "KERNEL", FINDING_LIMITED, "kernel", kernel.release);
        _cleanup_free_ char *consequence = text_format(
                "without these system calls starts take older, slower ways:%s", text_get(&missing));
        finding_explain(f, consequence,
                        "Linux 5.12 or later has all; a seccomp filter of an outer container may hide them");
}

/* --- user namespaces -------------------------------------------------------------------------------------
 */

static int try_userns(const void *user)
{
        (void) user;
        return doctor_enter();
}

static void check_userns(struct findings *findings)
{
        _cleanup_free_ char *limit = NULL, *found = NULL;
        struct err e = ERR_INIT;
        struct finding *f;
        int r = doctor_try(try_userns, NULL);

        if (fd_read_file(AT_FDCWD, "/proc/sys/user/max_user_namespaces", 64, &limit, NULL) == 0) {
                limit[strcspn(limit, "\n")] = '\0';
                found = text_format("%s, at most %s", r == 0 ? "work" : "refused", limit);
        }
        f = finding_add(findings, "USERNS", r == 0 ? FINDING_OK : FINDING_MISSING, "user namespaces",
                        found    ? found
                        : r == 0 ? "work"
                                 : "refused");
        f->essential = true;
        if (r == 0)
                return;
        reason_userns(-EBADF, r, &e);
        finding_explain(f, e.text, e.hint);
}

/* --- FUSE --------------------------------------------------------------------------------------------------
 */

static int try_fuse(const void *user)
{
        char options[128];
        int fd, r = doctor_enter();

        (void) user;
        if (r < 0)
                return r;
        fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd, geteuid(),
                 getegid());
        return mount("doctor", "/proc", "fuse", MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

static void check_fuse(struct findings *findings)
{
        struct stat device;
        struct finding *f;
        int r = doctor_try(try_fuse, NULL);
        bool there = stat("/dev/fuse", &device) == 0;
        _cleanup_free_ char *found =
                r == 0  ? text_dup("can be opened and mounted")
                : there ? text_format("mode %04o: %s", device.st_mode & 07777, strerror(-r))
                        : text_dup("there is none");

        f = finding_add(findings, "FUSE", r == 0 ? FINDING_OK : FINDING_MISSING, "/dev/fuse", found);
        f->essential = geteuid() != 0;
        if (r == 0)
                return;
        finding_explain(
                f, "images cannot be mounted by ordinary users; --unsquash starts them from unpacked copies",
                !there ? "load the kernel's module: modprobe fuse; an outer container must pass the device in"
                : r == -EACCES ? "let users open it: chmod 0666 /dev/fuse (a udev rule keeps that)"
                               : "an outer container or a security module forbids it");
}

/* --- overlay
 * ------------------------------------------------------------------------------------------------ */

static int try_overlay(const void *user)
{
        int r = doctor_enter();

        (void) user;
        if (r < 0)
                return r;
        /* In memory, over a directory that every system has. */
        if (mount("doctor", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0 || chdir("/proc") < 0 ||
            mkdir("lower", 0755) < 0 || mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0 ||
            mkdir("merged", 0755) < 0)
                return -errno;
        if (mount("doctor", "merged", "overlay", 0,
                  geteuid() == 0 ? "lowerdir=lower,upperdir=upper,workdir=work"
                                 : "lowerdir=lower,upperdir=upper,workdir=work,userxattr") < 0)
                return -errno;
        return 0;
}

static void check_overlay(struct findings *findings)
{
        struct finding *f;
        int r = doctor_try(try_overlay, NULL);

        f = finding_add(findings, "OVERLAY", r == 0 ? FINDING_OK : FINDING_LIMITED,
                        "overlay in a user namespace", r == 0 ? "works" : strerror(-r));
        if (r < 0)
                finding_explain(
                        f,
                        "mount points that an image lacks are made by binding it piece by piece; no writable layers",
                        "Linux 5.11 or later allows it; the module must be loaded: modprobe overlay");
}

/* --- copying between processes
 * ------------------------------------------------------------------------------ */

/* MPI libraries copy messages from one process to its neighbour by process_vm_readv(2).  That needs both in
 * one user namespace, and Yama's consent, which they ask for by PR_SET_PTRACER. */
static int try_copy(const void *user)
{
        static char message[] = "from the neighbour";
        char copy[sizeof(message)] = "";
        struct iovec here = { copy, sizeof(copy) }, there = { message, sizeof(message) };
        int ready[2], r = doctor_enter();
        pid_t parent = getpid(), neighbour;
        char byte = 0;

        (void) user;
        if (r < 0 || pipe(ready) < 0)
                return r < 0 ? r : -errno;
        neighbour = fork();
        if (neighbour == 0) {
                doctor_die_with(parent);
                prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
                if (write(ready[1], &byte, 1) < 0)
                        _exit(1);
                pause();
        }
        if (neighbour < 0)
                return -errno;
        r = read(ready[0], &byte, 1) == 1 ? 0 : -EIO;
        /* From a process that is not the parent: Yama lets parents do it in any case. */
        if (r == 0) {
                pid_t reader = fork();
                int status = 0;

                if (reader == 0)
                        _exit(process_vm_readv(neighbour, &here, 1, &there, 1, 0) < 0 ? errno
                              : strcmp(copy, message) == 0                            ? 0
                                                                                      : EIO);
                r = reader < 0 || waitpid(reader, &status, 0) < 0 ? -errno : -WEXITSTATUS(status);
        }
        kill(neighbour, SIGKILL);
        waitpid(neighbour, NULL, 0);
        return r;
}

static void check_copy(struct findings *findings)
{
        struct finding *f;
        int r = doctor_try(try_copy, NULL);

        f = finding_add(findings, "MPI-COPY", r == 0 ? FINDING_OK : FINDING_LIMITED,
                        "copying between two processes (MPI on one node)", r == 0 ? "works" : strerror(-r));
        if (r < 0)
                finding_explain(
                        f, "MPI falls back to two copies through shared memory, or stops with CMA errors",
                        "kernel.yama.ptrace_scope above 1 forbids it; an outer container's seccomp filter may, too");
}

void doctor_check_kernel(struct findings *findings)
{
        check_calls(findings);
        check_userns(findings);
        check_fuse(findings);
        check_overlay(findings);
        check_copy(findings);
}
