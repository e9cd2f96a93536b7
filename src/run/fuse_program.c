#include "run/fuse_program.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "sys/sys.h"

#define REQUEST_MAX  65536 /* arguments: some hundred layers */
#define MOUNT_WAIT_S 10    /* as the original waits */
#define ARGS_MAX     16

/* Directories that every machine has one of, to be mounted over in the keeper's own namespace. */
static const char *const places[] = { "/mnt", "/media", "/srv", "/opt", "/tmp" };

struct answer {
        int code; /* 0, or a negative errno */
        char text[512];
};

/* --- keeper ------------------------------------------------------------------------------------------------
 */

static _Noreturn void keeper_fail(int socket, int code, const char *what, const char *why)
{
        struct answer answer = { .code = code };

        snprintf(answer.text, sizeof(answer.text), "%s: %s", what, why ? why : strerror(-code));
        fd_send(socket, &answer, sizeof(answer), NULL, 0);
        _exit(1);
}

static void close_from(unsigned first)
{
        if (sys_close_range(first, ~0U, 0) < 0)
                for (unsigned fd = first; fd < 1024; fd++)
                        close((int) fd);
}

/* In a user namespace, execve() takes from all but root what is not ambient (capabilities(7)): the program
 * has to mount and to read what its user may not search.  What cannot be kept shows when it mounts. */
static void keep_capabilities(void)
{
        static const unsigned kept[] = { CAP_DAC_OVERRIDE, CAP_SYS_PTRACE, CAP_SYS_ADMIN };
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

        if (geteuid() == 0 || syscall(SYS_capget, &header, data) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                data[0].inheritable |= 1u << kept[i];
        syscall(SYS_capset, &header, data);
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0, 0);
}

/* The program's side: nothing of the caller's is open in it, and a terminal's signals do not reach it. */
static _Noreturn void program_run(char **argv, int file, int errors)
{
        char *no_environment[] = {
                (char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }, NULL
        };
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;

        for (int s = 1; s < _NSIG; s++)
                signal(s, s == SIGPIPE ? SIG_IGN : SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(null, 0);
        dup2(null, 1);
        dup2(errors, 2);
        if (file >= 0)
                dup2(file, FUSE_PROGRAM_FD);
        close_from(file >= 0 ? FUSE_PROGRAM_FD + 1 : FUSE_PROGRAM_FD);
        keep_capabilities();
        execve(argv[0], argv, no_environment);
        dprintf(2, "%s\n", strerror(errno));
        _exit(127);
}

/* The directory's file system by what is known without asking it: its server may not answer yet. */
static bool place_changed(const char *place, const struct statx *before)
{
        struct statx now;

        return statx(AT_FDCWD, place, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &now) == 0 &&
               (now.stx_dev_major != before->stx_dev_major || now.stx_dev_minor != before->stx_dev_minor);
}

/* The last words of a program that ended, one line of them. */
static void last_words(int errors, char *ret, size_t size)
{
        ssize_t n = read(errors, ret, size - 1);

        ret[n > 0 ? n : 0] = '\0';
        while (n > 0 && (ret[n - 1] == '\n' || ret[n - 1] == ' '))
                ret[--n] = '\0';
        for (char *c = ret; *c; c++)
                if (*c == '\n')
                        *c = ' ';
}

static void await_mount(int socket, pid_t program, const char *name, const char *place,
                        const struct statx *before, int errors)
{
        const struct timespec pause = { .tv_nsec = 1000000 };
        char words[400];

        for (int i = 0; i < MOUNT_WAIT_S * 1000; i++) {
                if (place_changed(place, before))
                        return;
                if (waitpid(program, NULL, WNOHANG) == program) {
                        last_words(errors, words, sizeof(words));
                        keeper_fail(socket, -EIO, name, *words ? words : "it ended without a word");
                }
                nanosleep(&pause, NULL);
        }
        kill(program, SIGKILL);
        keeper_fail(socket, -ETIMEDOUT, name, "it has mounted nothing in 10 seconds");
}

/* Goes to where the program mounts; ret: its mount point. */
static void enter_place(int socket, int fd, const char *asked, char *ret, size_t size)
{
        int r = -ENOENT;

        for (size_t i = 0; i < ARRAY_SIZE(places) && (r == -ENOENT || r == -ENOTDIR); i++) {
                if (*asked)
                        r = sys_move_mount(fd, "", AT_FDCWD, places[i], MOVE_MOUNT_F_EMPTY_PATH);
                else /* libfuse 2 wants an empty directory */
                        r = mount("tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV, "size=4k") < 0 ? -errno
                                                                                                    : 0;
                if (r == 0 && chdir(places[i]) < 0)
                        r = -errno;
                snprintf(ret, size, "%s%s%s", places[i], *asked ? "/" : "", asked);
        }
        if (r < 0)
                keeper_fail(socket, r, "a place to mount on", NULL);
}

static int take_over(const char *place)
{
        int mount = sys_open_tree(AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        if (mount >= 0 && umount2(place, MNT_DETACH) < 0) {
                int r = -errno;

                close(mount);
                return r;
        }
        return mount;
}

static _Noreturn void keeper_serve(int socket, char *words, size_t size, int fd)
{
        char *argv[ARGS_MAX + 1];
        const char *asked = words;
        char place[PATH_MAX];
        struct answer answer = { .code = 0 };
        struct statx before;
        int errors[2], mount;
        size_t n = 0;
        pid_t program;

        for (char *at = words + strlen(words) + 1; at < words + size && n < ARGS_MAX; at += strlen(at) + 1)
                argv[n++] = at;
        argv[n] = NULL;
        enter_place(socket, fd, asked, place, sizeof(place));
        if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0 ||
            statx(AT_FDCWD, place, AT_STATX_DONT_SYNC, STATX_TYPE, &before) < 0)
                keeper_fail(socket, -errno, "preparing", NULL);
        program = fork();
        if (program < 0)
                keeper_fail(socket, -errno, "fork", NULL);
        if (program == 0)
                program_run(argv, *asked ? -1 : fd, errors[1]);
        await_mount(socket, program, path_base(argv[0]), place, &before, errors[0]);
        mount = take_over(place);
        if (mount < 0)
                keeper_fail(socket, mount, "taking the mount over", NULL);
        fd_send(socket, &answer, sizeof(answer), &mount, 1);
        _exit(0);
}

static _Noreturn void keeper_run(int socket)
{
        static char words[REQUEST_MAX];
        int fds[FD_SEND_MAX];
        size_t n_fds = 0;
        ssize_t size;

        setsid();
        size = fd_receive(socket, words, sizeof(words), fds, &n_fds);
        if (size <= 0 || n_fds != 1 || words[size - 1])
                _exit(0);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                keeper_fail(socket, -errno, "a mount namespace", NULL);
        keeper_serve(socket, words, (size_t) size, fds[0]);
}

/* --- start -------------------------------------------------------------------------------------------------
 */

char *fuse_program_find(const char *name)
{
        const char *path = getenv("PATH");
        _cleanup_free_ char *whole =
                text_format("%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            path && *path ? path : "/usr/bin");
        char *save = NULL;

        for (char *dir = strtok_r(whole, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
                char *file = path_join(dir, name);

                if (dir[0] == '/' && access(file, X_OK) == 0)
                        return file;
                free(file);
        }
        return NULL;
}

/* Twice, so that the program to come has no child that it does not know. */
int fuse_program_prepare(struct fuse_program *p, struct err *e)
{
        int pair[2];
        pid_t child;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return err_errno(e, -errno, "socketpair");
        child = fork();
        if (child == 0) {
                if (fork() == 0) {
                        close(pair[0]);
                        keeper_run(pair[1]);
                }
                _exit(0);
        }
        close(pair[1]);
        if (child < 0) {
                int r = -errno;

                close(pair[0]);
                return err_errno(e, r, "fork");
        }
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
        p->keeper = pair[0];
        return 0;
}

int fuse_program_mount(struct fuse_program *p, const char *const *argv, int fd, const char *place,
                       struct err *e)
{
        _cleanup_text_ struct text words = TEXT_INIT;
        struct answer answer = { .code = -ECONNRESET, .text = "the helper process has gone" };
        int fds[FD_SEND_MAX];
        size_t n_fds = 0;
        ssize_t n;

        text_add(&words, place ? place : "");
        text_add_char(&words, '\0');
        for (; *argv; argv++) {
                text_add(&words, *argv);
                text_add_char(&words, '\0');
        }
        n = fd_send(p->keeper, words.at, words.used, &fd, 1);
        if (n >= 0)
                n = fd_receive(p->keeper, &answer, sizeof(answer), fds, &n_fds);
        fuse_program_done(p);
        answer.text[sizeof(answer.text) - 1] = '\0';
        if (n < 0 || answer.code < 0)
                return err_set(e, n < 0 ? (int) n : answer.code, "%s", answer.text);
        return n_fds == 1 ? fds[0] : err_set(e, -EBADMSG, "the helper process has handed nothing over");
}
