#include "imagefs/server_starts.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "imagefs/protocol.h"
#include "imagefs/server_leases.h"

/* Connections that are open at once; later ones wait in the kernel's queue. */
#define CONNECTIONS_MAX 1024

enum watched { WATCH_LISTENER, WATCH_LEASES, WATCH_END, WATCH_SIGNAL, WATCH_CONNECTIONS };

struct starts {
        struct server_mount *mount;
        const struct err *refusal; /* NULL: starts are served */
        struct leases leases;
        struct pollfd watched[WATCH_CONNECTIONS + CONNECTIONS_MAX];
        nfds_t n_watched;
        bool answered[CONNECTIONS_MAX];
        bool any_answered;
        uint32_t linger_s;
        int64_t idle_since_ms; /* -1 while there is a reason to stay */
        bool draining;         /* SIGTERM came */
        bool gone;             /* the file system has no user left */
};

static int64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void watch(struct starts *s, size_t at, int fd)
{
        s->watched[at] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void add_connection(struct starts *s, int fd)
{
        s->answered[s->n_watched - WATCH_CONNECTIONS] = false;
        watch(s, s->n_watched++, fd);
}

static void accept_one(struct starts *s)
{
        _cleanup_close_ int fd = accept4(s->watched[WATCH_LISTENER].fd, NULL, NULL, SOCK_CLOEXEC);
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
                return;
        add_connection(s, fd_take(&fd));
}

static void answer(struct starts *s, int connection)
{
        struct imagefs_answer a = { .kind = IMAGEFS_ANSWER };
        _cleanup_close_ int clone = -EBADF;
        int fds[2];
        size_t n = 0;

        if (s->refusal) {
                a.code = s->refusal->code;
                memcpy(a.text, s->refusal->text, sizeof(a.text));
                memcpy(a.hint, s->refusal->hint, sizeof(a.hint));
        } else {
                clone = server_mount_clone(s->mount);
                if (clone < 0) {
                        a.code = clone;
                        snprintf(a.text, sizeof(a.text), "the image server cannot share its mount: %s",
                                 strerror(-clone));
                } else {
                        a.by_namespace = s->mount->by_namespace;
                        a.no_userns = s->mount->userns < 0;
                        memcpy(a.mount_path, s->mount->path, sizeof(a.mount_path));
                        if (!a.no_userns)
                                fds[n++] = s->mount->userns;
                        fds[n++] = clone;
                }
        }
        fd_send(connection, &a, sizeof(a), fds, n); /* who has gone is seen on the next read */
}

/* Takes a message; false when the connection is of no more use. */
static bool hear(struct starts *s, int connection, bool *answered)
{
        struct imagefs_hello hello;
        int fds[FD_SEND_MAX];
        size_t n_fds = 0;
        char bytes[64];
        ssize_t size = fd_receive(connection, bytes, sizeof(bytes), fds, &n_fds);
        bool more = false;

        if (size > 0 && !*answered && n_fds == 0 && imagefs_hello_check(bytes, (size_t) size, &hello) == 0) {
                if (hello.linger_s > s->linger_s)
                        s->linger_s = hello.linger_s;
                answer(s, connection);
                *answered = s->any_answered = true;
                more = !s->refusal;
        } else if (size > 0 && *answered && imagefs_lease_check(bytes, (size_t) size, n_fds) == 0) {
                leases_add(&s->leases, fds[0]);
        }
        for (size_t i = 0; i < n_fds; i++)
                close(fds[i]);
        return more;
}

static void hear_all(struct starts *s)
{
        for (nfds_t i = WATCH_CONNECTIONS; i < s->n_watched;) {
                bool *answered = &s->answered[i - WATCH_CONNECTIONS];

                if (s->watched[i].revents == 0 || hear(s, s->watched[i].fd, answered)) {
                        i++;
                        continue;
                }
                close(s->watched[i].fd);
                s->n_watched--;
                s->watched[i] = s->watched[s->n_watched];
                *answered = s->answered[s->n_watched - WATCH_CONNECTIONS];
        }
}

static bool idle(const struct starts *s)
{
        return s->n_watched == WATCH_CONNECTIONS && s->leases.n == 0;
}

/* Milliseconds until the linger time is over; -1 when there is no such moment. */
static int time_left(struct starts *s)
{
        int64_t left;

        if (!idle(s)) {
                s->idle_since_ms = -1;
                return -1;
        }
        if (s->idle_since_ms < 0)
                s->idle_since_ms = now_ms();
        left = s->draining ? 0 : s->idle_since_ms + (int64_t) s->linger_s * 1000 - now_ms();
        return left > 0 ? (int) left : 0;
}

/* One round of waiting; false when nothing came within `timeout` ms. */
static bool wait_round(struct starts *s, int timeout)
{
        bool room = s->n_watched < WATCH_CONNECTIONS + CONNECTIONS_MAX;

        s->watched[WATCH_LISTENER].events = room ? POLLIN : 0;
        if (poll(s->watched, s->n_watched, timeout) <= 0)
                return errno == EINTR && timeout < 0;
        if (s->watched[WATCH_SIGNAL].revents) {
                struct signalfd_siginfo signal;

                while (read(s->watched[WATCH_SIGNAL].fd, &signal, sizeof(signal)) > 0)
                        ;
                s->draining = true;
        }
        s->gone = s->watched[WATCH_END].revents != 0;
        if (s->watched[WATCH_LEASES].revents)
                leases_read(&s->leases);
        hear_all(s);
        if (s->watched[WATCH_LISTENER].revents && room)
                accept_one(s);
        return true;
}

static void begin(struct starts *s, const struct server_options *options, int end)
{
        sigset_t terminate;

        for (size_t i = 0; i < WATCH_CONNECTIONS; i++)
                watch(s, i, -1);
        s->n_watched = WATCH_CONNECTIONS;
        watch(s, WATCH_END, end);
        sigemptyset(&terminate);
        sigaddset(&terminate, SIGTERM);
        watch(s, WATCH_SIGNAL, signalfd(-1, &terminate, SFD_CLOEXEC | SFD_NONBLOCK));
        if (options->is_private)
                add_connection(s, IMAGEFS_FD_SOCKET);
        else
                watch(s, WATCH_LISTENER, IMAGEFS_FD_SOCKET);
        s->idle_since_ms = -1;
}

static void stop_listening(struct starts *s)
{
        if (s->watched[WATCH_LISTENER].fd >= 0)
                close(s->watched[WATCH_LISTENER].fd);
        s->watched[WATCH_LISTENER].fd = -1;
}

void starts_serve(const struct server_options *options, struct server_mount *m, int end)
{
        struct starts *s = calloc(1, sizeof(*s));

        if (!s)
                _exit(1);
        *s = (struct starts){ .mount = m, .leases = LEASES_INIT };
        leases_init(&s->leases);
        begin(s, options, end);
        watch(s, WATCH_LEASES, s->leases.inotify >= 0 ? s->leases.inotify : -1);
        while (!s->gone) {
                if (s->draining)
                        stop_listening(s);
                if (s->any_answered && m->old_root_left) {
                        if (!wait_round(s, 0)) /* nobody waits at this moment */
                                server_mount_settle(m);
                        continue;
                }
                if (!wait_round(s, time_left(s)))
                        break;
        }
        stop_listening(s);
        server_mount_drop(m);
        while (end >= 0 && !s->gone)
                wait_round(s, -1);
}

void starts_refuse(const struct server_options *options, const struct err *why)
{
        struct starts *s = calloc(1, sizeof(*s));

        if (!s)
                _exit(1);
        *s = (struct starts){ .refusal = why, .leases = LEASES_INIT };
        begin(s, options, -1);
        while (wait_round(s, time_left(s)))
                ;
}
