#include "imagefs/imagefs.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "imagefs/protocol.h"
#include "imagefs/rendezvous.h"
#include "imagefs/spawn.h"

/* A name that is bound but does not listen belongs to a start between bind() and listen(), two neighbouring
 * calls.  If it stays so for this many pauses of a millisecond, its owner was stopped there, and a server of
 * our own is the answer. */
#define ELECTION_PAUSES 1000

/* Servers that we started ourselves and that died without a word: more would not help. */
#define OWN_SERVERS_MAX 3

enum meeting {
        MEETING_DONE,    /* joined, or failed for a reason that another try does not cure */
        MEETING_VANISHED /* the server died or ended meanwhile: elect again */
};

static ssize_t say_hello(int connection, const struct imagefs_request *request)
{
        struct imagefs_hello hello = { .kind = IMAGEFS_HELLO, .linger_s = request->linger_s };

        return fd_send(connection, &hello, sizeof(hello), NULL, 0);
}

/* The answer to the hello said before.  Takes the socket over in any case. */
static enum meeting hear_answer(int socket, struct imagefs_join *ret, int *result, struct err *e)
{
        _cleanup_close_ int connection = socket;
        struct imagefs_answer answer;
        int fds[FD_SEND_MAX];
        size_t n_fds = 0;
        ssize_t size = fd_receive(connection, &answer, sizeof(answer), fds, &n_fds);

        if (size == 0 || size == -ECONNRESET || size == -EPIPE || size == -ENOTCONN)
                return MEETING_VANISHED;
        if (size < 0) {
                *result = err_errno(e, (int) size, "talking to the image server");
                return MEETING_DONE;
        }
        if (imagefs_answer_check(&answer, (size_t) size, n_fds) < 0) {
                for (size_t i = 0; i < n_fds; i++)
                        close(fds[i]);
                *result = err_set(e, -EBADMSG, "the image server answers in an unknown way");
                return MEETING_DONE;
        }
        if (answer.code) {
                *result = err_set(e, answer.code, "%s", answer.text);
                if (answer.hint[0])
                        err_hint(e, answer.code, "%s", answer.hint);
                return MEETING_DONE;
        }
        ret->userns = answer.no_userns ? -EBADF : fds[0];
        *(answer.by_namespace ? &ret->mountns : &ret->mount) = fds[answer.no_userns ? 0 : 1];
        memcpy(ret->mount_path, answer.mount_path, sizeof(ret->mount_path));
        ret->lease = fd_take(&connection);
        *result = 0;
        return MEETING_DONE;
}

/* One talk with a server over a connected socket.  Takes the socket over in any case. */
static enum meeting talk(int socket, const struct imagefs_request *request, struct imagefs_join *ret,
                         int *result, struct err *e)
{
        /* A server that has gone shows in its answer, too. */
        say_hello(socket, request);
        return hear_answer(socket, ret, result, e);
}

static int server_died(const struct imagefs_request *request, struct err *e)
{
        err_set(e, -ECONNRESET, "the image server %s died while it was starting", request->server_path);
        return err_hint(e, -ECONNRESET, "Run it by hand to see why it does not start.");
}

/* A server for this start alone, over a socket pair: when sharing is not to be had. */
static int connect_private(const struct imagefs_request *request, struct imagefs_join *ret, struct err *e)
{
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return err_errno(e, -errno, "socketpair");
        r = server_spawn(request, pair[1], true, e);
        close(pair[1]);
        if (r < 0) {
                close(pair[0]);
                return r;
        }
        if (talk(pair[0], request, ret, &r, e) == MEETING_VANISHED)
                return server_died(request, e);
        return r;
}

/* Binds the name and starts a server on it.  -EADDRINUSE: somebody else was quicker. */
static int elect(const struct imagefs_request *request, const struct sockaddr_un *name, socklen_t name_size,
                 struct err *e)
{
        _cleanup_close_ int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (listener < 0)
                return err_errno(e, -errno, "socket");
        if (bind(listener, (const struct sockaddr *) name, name_size) < 0)
                return errno == EADDRINUSE ? -EADDRINUSE : err_errno(e, -errno, "bind");
        if (listen(listener, SOMAXCONN) < 0)
                return err_errno(e, -errno, "listen");
        return server_spawn(request, listener, false, e);
}

/* A socket connected to who holds the name; -ECONNREFUSED when nobody does, -EPERM when another user does. */
static int call(const struct sockaddr_un *name, socklen_t name_size, struct err *e)
{
        _cleanup_close_ int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct ucred peer;
        socklen_t peer_size = sizeof(peer);
        int r;

        if (s < 0)
                return err_errno(e, -errno, "socket");
        do {
                r = connect(s, (const struct sockaddr *) name, name_size);
        } while (r < 0 && errno == EINTR);
        if (r < 0)
                return errno == ECONNREFUSED ? -ECONNREFUSED : err_errno(e, -errno, "connect");
        if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0)
                return err_errno(e, -errno, "SO_PEERCRED");
        return peer.uid == geteuid() ? fd_take(&s) : -EPERM;
}

void imagefs_begin(const struct imagefs_request *request, struct imagefs_join *ret)
{
        struct sockaddr_un name;
        socklen_t name_size;
        int connection = -ECONNREFUSED;

        if (rendezvous_name(request, &name, &name_size, NULL) < 0)
                return;
        for (int tries = 0; tries < 2 && connection == -ECONNREFUSED; tries++) {
                connection = call(&name, name_size, NULL);
                if (connection == -ECONNREFUSED && tries == 0)
                        elect(request, &name, name_size, NULL);
        }
        if (connection < 0)
                return;
        if (say_hello(connection, request) < 0)
                close(connection);
        else
                ret->lease = connection;
}

int imagefs_connect(const struct imagefs_request *request, struct imagefs_join *ret, struct err *e)
{
        struct timespec pause = { .tv_nsec = 1000000 };
        struct sockaddr_un name;
        socklen_t name_size;
        int r, pauses = 0, own_servers = 0;

        r = rendezvous_name(request, &name, &name_size, e);
        if (r < 0)
                return r;
        if (ret->lease >= 0 && hear_answer(fd_take(&ret->lease), ret, &r, e) == MEETING_DONE)
                return r;
        for (;;) {
                int connection = call(&name, name_size, e);

                if (connection == -EPERM)
                        return connect_private(request, ret, e);
                if (connection >= 0) {
                        if (talk(connection, request, ret, &r, e) == MEETING_DONE)
                                return r;
                        continue;
                }
                if (connection != -ECONNREFUSED)
                        return connection;
                if (own_servers == OWN_SERVERS_MAX)
                        return server_died(request, e);
                r = elect(request, &name, name_size, e);
                own_servers += r == 0;
                if (r < 0 && r != -EADDRINUSE)
                        return r;
                if (r == -EADDRINUSE) {
                        if (pauses++ == ELECTION_PAUSES)
                                return connect_private(request, ret, e);
                        nanosleep(&pause, NULL);
                }
        }
}

int imagefs_lease(struct imagefs_join *join, int fd, struct err *e)
{
        struct imagefs_lease_message lease = { .kind = IMAGEFS_LEASE };
        ssize_t n = fd_send(join->lease, &lease, sizeof(lease), &fd, 1);

        if (n < 0)
                return err_errno(e, (int) n, "the image server has gone");
        close(fd_take(&join->lease));
        return 0;
}

void imagefs_join_done(struct imagefs_join *join)
{
        int *fds[] = { &join->userns, &join->mount, &join->mountns, &join->lease };

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                clean_close(fds[i]);
                *fds[i] = -EBADF;
        }
}
