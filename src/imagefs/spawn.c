/* Two nested children that borrow the caller's memory (CLONE_VM | CLONE_VFORK), so no page table is copied:
 *
 *      start ── clone ── middle ── clone ── exec imagefs
 *        waits for middle    exits when imagefs is loaded; imagefs is init's child then
 */
#include "imagefs/spawn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "imagefs/protocol.h"

/* The children only make system calls; execve() wants the most. */
#define CHILD_STACK_BYTES 16384

struct spawn {
        const char *path;
        char *const *argv;
        int socket;
        int image;
        int failed; /* errno of what went wrong, written by the children */
        _Alignas(16) char middle_stack[CHILD_STACK_BYTES];
        _Alignas(16) char server_stack[CHILD_STACK_BYTES];
};

static void child_reset_signals(void)
{
        struct sigaction by_default = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int s = 1; s < _NSIG; s++)
                sigaction(s, &by_default, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static int child_server(void *data)
{
        static char *no_environment[] = { NULL };
        struct spawn *s = data;

        child_reset_signals();
        /* Both are 5 or higher, so neither overwrites the other; dup2 clears O_CLOEXEC. */
        if (dup2(s->socket, IMAGEFS_FD_SOCKET) >= 0 && dup2(s->image, IMAGEFS_FD_IMAGE) >= 0)
                execve(s->path, s->argv, no_environment);
        s->failed = errno;
        _exit(127);
}

static int child_middle(void *data)
{
        struct spawn *s = data;

        if (clone(child_server, s->server_stack + CHILD_STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, s) < 0)
                s->failed = errno;
        _exit(0);
}

/* Where the image lies, for those who look at the list of processes. */
static void image_name(int fd, char *ret, size_t size)
{
        char link[32];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, ret, size - 1);
        ret[n > 0 ? n : 0] = '\0';
}

static int move_up(int fd, struct err *e)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, IMAGEFS_FD_IMAGE + 1);

        return copy < 0 ? err_errno(e, -errno, "duplicating a descriptor") : copy;
}

int server_spawn(const struct imagefs_request *request, int socket, bool is_private, struct err *e)
{
        _cleanup_close_ int socket_copy = move_up(socket, e);
        _cleanup_close_ int image_copy = move_up(request->image_fd, e);
        char role[12], image[PATH_MAX], offset[24], size[24], ids[12];
        char *argv[] = { (char[]){ "imagefs" },
                         role,
                         offset,
                         size,
                         ids,
                         image,
                         (char *) (uintptr_t) request->unpack_in,
                         NULL };
        struct spawn s = {
                .path = request->server_path, .argv = argv, .socket = socket_copy, .image = image_copy
        };
        sigset_t all, before;
        pid_t middle;

        if (socket_copy < 0 || image_copy < 0)
                return e ? e->code : -EMFILE;
        snprintf(role, sizeof(role), "%s", is_private ? "private" : "shared");
        image_name(request->image_fd, image, sizeof(image));
        snprintf(offset, sizeof(offset), "%" PRIu64, request->offset);
        snprintf(size, sizeof(size), "%" PRIu64, request->size);
        snprintf(ids, sizeof(ids), "%d", (int) request->ids);
        /* No handler of the caller may run on the children's stacks. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        middle =
                clone(child_middle, s.middle_stack + CHILD_STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &s);
        if (middle < 0)
                s.failed = errno;
        else
                while (waitpid(middle, NULL, __WALL) < 0 && errno == EINTR)
                        ;
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (s.failed) {
                err_errno(e, -s.failed, "starting the image server %s", request->server_path);
                return s.failed == ENOENT ? err_hint(e, -s.failed, "The installation is not complete.")
                                          : -s.failed;
        }
        return 0;
}
