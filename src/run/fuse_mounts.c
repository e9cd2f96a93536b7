#include "run/fuse_mounts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "host/reason.h"
#include "run/init.h"
#include "run/privileges.h"

#define DEVICE         "/dev/fuse"
#define PROGRAM_DEVICE 3
#define PROGRAM_PLACE  "/dev/fd/3"
#define INSIDE_PATH    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* How long a program may take to write what it has not written yet. */
#define STOP_TRIES    500
#define STOP_PAUSE_NS 10000000

/* --- in the process that becomes the program --------------------------------------------------------------
 */

static void child_standard_streams(void)
{
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (null >= 0)
                dup2(null, 0);
        dup2(2, 1); /* standard output is the container's program's */
}

/* Returns only when it fails, with a negative errno. */
static int child_execute(const struct plan_fuse *fuse, int device)
{
        struct text_list argv = TEXT_LIST_INIT;
        const struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (size_t i = 0; i < fuse->command.n; i++)
                text_list_add(&argv, fuse->command.at[i]);
        text_list_add(&argv, PROGRAM_PLACE);
        if (!fuse->daemon)
                text_list_add(&argv, "-f");
        child_standard_streams();
        if (device == PROGRAM_DEVICE ? fcntl(device, F_SETFD, 0) < 0 : dup2(device, PROGRAM_DEVICE) < 0)
                return -errno;
        for (int s = 1; s < _NSIG; s++)
                sigaction(s, &standard, NULL);
        /* ^C is for the program in the container, which may still need its files. */
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvp(argv.at[0], argv.at);
        return -errno;
}

static _Noreturn void child_inside(const struct plan_fuse *fuse, const struct plan *plan, int device,
                                   int report)
{
        const struct privileges privileges = { .keep = plan->capabilities,
                                               .no_new_privs = plan->no_new_privs };
        int r;

        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        r = privileges_drop(&privileges, NULL);
        if (r >= 0 && chdir("/") < 0)
                r = -errno;
        clearenv();
        setenv("PATH", INSIDE_PATH, 1);
        if (r >= 0)
                r = child_execute(fuse, device);
        fd_write_all(report, &r, sizeof(r));
        _exit(1);
}

static _Noreturn void child_on_host(const struct plan_fuse *fuse, int connection)
{
        int fds[FD_SEND_MAX];
        size_t n_fds = 0;
        char byte;
        int r;

        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        /* No device: the start has failed, and says so. */
        if (fd_receive(connection, &byte, sizeof(byte), fds, &n_fds) != 1 || n_fds != 1)
                _exit(0);
        r = child_execute(fuse, fds[0]);
        fd_send(connection, &r, sizeof(r), NULL, 0);
        _exit(1);
}

/* --- before -----------------------------------------------------------------------------------------------
 */

static int fork_on_host(struct fuse_mount *mount, struct err *e)
{
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return err_errno(e, -errno, "socketpair");
        mount->pid = fork();
        if (mount->pid == 0) {
                close(ends[0]);
                child_on_host(mount->plan, ends[1]);
        }
        mount->waiting = ends[0];
        close(ends[1]);
        return mount->pid < 0 ? err_errno(e, -errno, "fork") : 0;
}

int fuse_mounts_prepare(struct fuse_mounts *mounts, const struct plan *plan, struct err *e)
{
        int r = 0;

        if (plan->n_fuses == 0)
                return 0;
        mounts->at = text_alloc(plan->n_fuses * sizeof(*mounts->at));
        for (size_t i = 0; i < plan->n_fuses && r >= 0; i++) {
                struct fuse_mount *mount = &mounts->at[mounts->n++];

                *mount = (struct fuse_mount){ .plan = &plan->fuses[i], .device = -EBADF, .waiting = -EBADF };
                if (mount->plan->host)
                        r = fork_on_host(mount, e);
        }
        return r;
}

int fuse_mounts_open(struct fuse_mounts *mounts, struct err *e)
{
        for (size_t i = 0; i < mounts->n; i++) {
                int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

                if (fd < 0) {
                        fd = err_errno(e, -errno, "--fusemount needs %s", DEVICE);
                        return err_hint(e, fd,
                                        "ask your administrator to load the kernel's FUSE module and "
                                        "to let users open the device: modprobe fuse; chmod 0666 "
                                        "/dev/fuse");
                }
                mounts->at[i].device = fd;
        }
        return 0;
}

char *fuse_mounts_options(const struct fuse_mounts *mounts, const struct plan *plan, size_t index)
{
        bool other_ids = plan->ids.has_uid || plan->ids.n_gids;

        return text_format("fd=%d,rootmode=40000,user_id=%u,group_id=%u%s", mounts->at[index].device,
                           geteuid(), getegid(), other_ids ? ",allow_other" : "");
}

/* --- start ------------------------------------------------------------------------------------------------
 */

static int refuse_program(const struct fuse_mount *mount, int code, struct err *e)
{
        err_errno(e, code, "could not start program %s", mount->plan->command.at[0]);
        return err_hint(e, code, "--fusemount %s:… looks for it %s", mount->plan->host ? "host" : "container",
                        mount->plan->host ? "in the caller's PATH, on the host"
                                          : "in the container, in " INSIDE_PATH);
}

static int start_inside(struct fuse_mount *mount, const struct plan *plan, struct err *e)
{
        _cleanup_close_ int from = -EBADF;
        int ends[2], r = 0;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "pipe");
        from = ends[0];
        mount->pid = fork();
        if (mount->pid == 0)
                child_inside(mount->plan, plan, mount->device, ends[1]);
        if (mount->pid < 0)
                r = -errno;
        close(ends[1]);
        if (r < 0)
                return err_errno(e, r, "fork");
        /* The other end is closed by execve(). */
        return read(from, &r, sizeof(r)) == (ssize_t) sizeof(r) ? refuse_program(mount, r, e) : 0;
}

static int start_on_host(struct fuse_mount *mount, struct err *e)
{
        size_t n_fds = 0;
        int r, fds[FD_SEND_MAX];
        ssize_t n = fd_send(mount->waiting, "", 1, &mount->device, 1);

        if (n < 0)
                return err_errno(e, (int) n, "%s", mount->plan->command.at[0]);
        n = fd_receive(mount->waiting, &r, sizeof(r), fds, &n_fds);
        return n == (ssize_t) sizeof(r) ? refuse_program(mount, r, e) : 0;
}

int fuse_mounts_start(struct fuse_mounts *mounts, const struct plan *plan, struct err *e)
{
        int r = 0;

        for (size_t i = 0; i < mounts->n && r >= 0; i++)
                r = mounts->at[i].plan->host ? start_on_host(&mounts->at[i], e)
                                             : start_inside(&mounts->at[i], plan, e);
        fuse_mounts_release(mounts);
        return r < 0 ? err_ctx(e, r, "--fusemount") : 0;
}

void fuse_mounts_release(struct fuse_mounts *mounts)
{
        for (size_t i = 0; i < mounts->n; i++) {
                clean_close(&mounts->at[i].device);
                clean_close(&mounts->at[i].waiting);
                mounts->at[i].device = mounts->at[i].waiting = -EBADF;
        }
}

/* --- stop -------------------------------------------------------------------------------------------------
 */

static bool is_gone(pid_t pid)
{
        return waitpid(pid, NULL, WNOHANG) != 0; /* ended, or no child any more */
}

static bool all_gone(void)
{
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        return errno == ECHILD;
}

static void stop(const struct fuse_mounts *mounts, bool host)
{
        const struct timespec pause = { .tv_nsec = STOP_PAUSE_NS };
        bool daemons = false;

        for (size_t i = 0; i < mounts->n; i++) {
                const struct fuse_mount *mount = &mounts->at[i];

                if (mount->plan->host != host || mount->pid <= 0)
                        continue;
                if (mount->plan->daemon && !host)
                        daemons = true;
                kill(mount->pid, SIGTERM);
        }
        /* One that went to the background is some process of this namespace, a child of process 1. */
        if (daemons)
                kill(-1, SIGTERM);
        for (int tries = 0; tries < STOP_TRIES; tries++) {
                bool gone = !daemons || all_gone();

                for (size_t i = 0; i < mounts->n && gone; i++)
                        if (mounts->at[i].plan->host == host && mounts->at[i].pid > 0)
                                gone = is_gone(mounts->at[i].pid);
                if (gone)
                        return;
                nanosleep(&pause, NULL);
        }
}

void fuse_mounts_stop_host(void *user)
{
        stop(user, true);
}

void fuse_mounts_stop_inside(void *user)
{
        stop(user, false);
}

void fuse_mounts_done(struct fuse_mounts *mounts)
{
        fuse_mounts_release(mounts);
        free(mounts->at);
        *mounts = (struct fuse_mounts) FUSE_MOUNTS_INIT;
}
