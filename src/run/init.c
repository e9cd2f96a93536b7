#include "run/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"

#define INIT_NAME     "appinit"
#define STATUS_SIGNAL 128 /* what shells add to the number of the signal that killed */
#define CMDLINE_MAX   (2u << 20)

/* --- both ------------------------------------------------------------------------------------------------
 */

static bool was_sent(const siginfo_t *info)
{
        return info->si_code <= 0; /* SI_USER, SI_QUEUE, SI_TKILL; the kernel's own are positive */
}

static void pass_on(pid_t to, const siginfo_t *info)
{
        if (was_sent(info))
                kill(to, info->si_signo);
}

static int exit_status(int status)
{
        return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static void wait_for_signal(siginfo_t *info)
{
        sigset_t all;

        sigfillset(&all);
        while (sigwaitinfo(&all, info) < 0)
                ;
}

/* --- parent ----------------------------------------------------------------------------------------------
 */

/* Signals are taken one by one from now on; a caller that ignores SIGCHLD would leave nothing to wait for. */
static void hold_signals(struct init_signals *saved)
{
        const struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t all;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &saved->mask);
        sigaction(SIGCHLD, &standard, &saved->child);
}

void init_restore(const struct init_signals *saved)
{
        sigaction(SIGCHLD, &saved->child, NULL);
        sigprocmask(SIG_SETMASK, &saved->mask, NULL);
}

/* The pipe is for a parent that died before prctl() took effect. */
void init_die_with_parent(const struct init_signals *saved)
{
        struct pollfd end = { .fd = saved->alive, .events = POLLIN };

        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (poll(&end, 1, 0) != 0)
                _exit(STATUS_SIGNAL + SIGKILL);
}

pid_t init_fork(struct init_signals *saved, struct err *e)
{
        int ends[2];
        pid_t child;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "pipe");
        hold_signals(saved);
        child = fork();
        if (child < 0) {
                int r = -errno;

                close(ends[0]);
                close(ends[1]);
                init_restore(saved);
                return err_errno(e, r, "starting process 1 of the container");
        }
        if (child == 0) {
                close(ends[1]);
                saved->alive = ends[0];
                init_die_with_parent(saved);
                return 0;
        }
        /* The parent's end stays open until it is gone. */
        close(ends[0]);
        return child;
}

/* Ends as the container did, so that a shell or scheduler sees the same. */
static int end_by_signal(int number)
{
        const struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t one;

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the core was the container's */
        sigaction(number, &standard, NULL);
        sigemptyset(&one);
        sigaddset(&one, number);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &one, NULL);
        return STATUS_SIGNAL + number;
}

static void tell_ended(const struct init_ended *ended)
{
        if (ended->call)
                ended->call(ended->user);
}

int init_supervise(pid_t child, const struct init_ended *ended)
{
        for (;;) {
                siginfo_t info;
                int status;

                wait_for_signal(&info);
                switch (info.si_signo) {
                case SIGCHLD:
                        if (waitpid(child, &status, WNOHANG) != child)
                                break;
                        tell_ended(ended);
                        return WIFSIGNALED(status) ? end_by_signal(WTERMSIG(status)) : WEXITSTATUS(status);
                case SIGTSTP:
                case SIGTTIN:
                case SIGTTOU: /* the shell's job is this process: it has to stop for the job to be stopped */
                        pass_on(child, &info);
                        raise(SIGSTOP);
                        break;
                default:
                        pass_on(child, &info);
                }
        }
}

/* --- process 1 -------------------------------------------------------------------------------------------
 */

/* argv[0] of this process, in place: what ps, pstree and those who kill by name see. */
static void set_name(void)
{
        _cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        unsigned long start, end;
        char *at;

        prctl(PR_SET_NAME, INIT_NAME, 0, 0, 0);
        if (fd < 0 || fd_read_all(fd, CMDLINE_MAX, &text, NULL) < 0)
                return;
        /* proc_pid_stat(5): arg_start and arg_end are fields 48 and 49; the name in field 2 may hold blanks.
         */
        at = strrchr(text, ')');
        for (int field = 2; at && field < 48; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return;
        start = strtoul(at, &at, 10);
        end = strtoul(at, NULL, 10);
        if (start == 0 || end <= start + sizeof(INIT_NAME))
                return;
        memset((char *) start, 0, end - start);
        memcpy((char *) start, INIT_NAME, sizeof(INIT_NAME));
}

static _Noreturn void init_run(pid_t program, const struct init_ended *ended)
{
        for (;;) {
                siginfo_t info;
                int status;
                pid_t reaped;

                wait_for_signal(&info);
                if (info.si_signo != SIGCHLD) {
                        pass_on(program, &info);
                        continue;
                }
                while ((reaped = waitpid(-1, &status, WNOHANG)) > 0)
                        if (reaped == program) {
                                tell_ended(ended);
                                _exit(exit_status(status));
                        }
        }
}

int init_split(const struct init_ended *ended, struct err *e)
{
        pid_t program = fork();

        if (program < 0)
                return err_errno(e, -errno, "starting the program");
        if (program == 0)
                return 0;
        set_name();
        init_run(program, ended);
}
