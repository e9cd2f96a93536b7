/* The promise that everything rests on: a tmpfs of another mount namespace tells when that namespace has
 * ended. */
#include "base/test.h"
#include "imagefs/server_leases.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/* A process in a user and mount namespace of its own with a tmpfs on /tmp, a descriptor of which it sends. */
static pid_t container(int *ret_dir)
{
        int pair[2], fds[FD_SEND_MAX];
        size_t n_fds = 0;
        char byte;
        pid_t pid;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int dir = -1;

                close(pair[0]);
                if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
                    mount("session", "/tmp", "tmpfs", 0, NULL) == 0)
                        dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0 || fd_send(pair[1], "x", 1, &dir, 1) < 0)
                        _exit(1);
                close(dir);
                for (;;)
                        pause();
        }
        close(pair[1]);
        if (fd_receive(pair[0], &byte, 1, fds, &n_fds) != 1 || n_fds != 1) {
                print_message("skipped: no user namespaces on this machine\n");
                waitpid(pid, NULL, 0);
                skip();
        }
        close(pair[0]);
        *ret_dir = fds[0];
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void wait_for(struct leases *l, size_t n)
{
        while (l->n > n) {
                struct pollfd wait = { .fd = l->inotify, .events = POLLIN };

                assert_int_equal(poll(&wait, 1, 20000), 1);
                leases_read(l);
        }
        assert_int_equal(l->n, n);
}

static void test_the_end_of_a_container_is_seen(void **state)
{
        struct leases l = LEASES_INIT;
        pid_t first, second;
        int dir;

        (void) state;
        leases_init(&l);
        first = container(&dir);
        leases_add(&l, dir);
        leases_add(&l, dir); /* the same container twice is one */
        assert_int_equal(l.n, 1);
        close(dir);
        second = container(&dir);
        leases_add(&l, dir);
        close(dir);
        assert_int_equal(l.n, 2);
        leases_read(&l);
        assert_int_equal(l.n, 2);
        end(first);
        wait_for(&l, 1);
        end(second);
        wait_for(&l, 0);
        assert_false(l.lost);
        leases_done(&l);
}

static void test_a_container_that_ended_before_it_was_added(void **state)
{
        struct leases l = LEASES_INIT;
        pid_t pid;
        int dir;

        (void) state;
        leases_init(&l);
        pid = container(&dir);
        end(pid);
        leases_add(&l, dir); /* the descriptor alone keeps the file system */
        assert_int_equal(l.n, 1);
        close(dir);
        wait_for(&l, 0);
        leases_done(&l);
}

static void test_what_cannot_be_watched_counts_as_lost(void **state)
{
        struct leases l = LEASES_INIT;
        int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

        (void) state;
        leases_init(&l);
        leases_add(&l, file);
        assert_true(l.lost);
        assert_int_equal(l.n, 0);
        leases_done(&l);
        close(file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_end_of_a_container_is_seen),
                cmocka_unit_test(test_a_container_that_ended_before_it_was_added),
                cmocka_unit_test(test_what_cannot_be_watched_counts_as_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
