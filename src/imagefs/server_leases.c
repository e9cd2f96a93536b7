#include "imagefs/server_leases.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

void leases_init(struct leases *l)
{
        l->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

void leases_done(struct leases *l)
{
        if (l->inotify >= 0)
                close(l->inotify);
        free(l->at);
        *l = (struct leases) LEASES_INIT;
}

static void remember(struct leases *l, int watch)
{
        for (size_t i = 0; i < l->n; i++) {
                if (l->at[i] == watch)
                        return;
        }
        if (l->n == l->room) {
                size_t room = l->room ? 2 * l->room : 64;
                int *bigger = realloc(l->at, room * sizeof(*bigger));

                if (!bigger) {
                        l->lost = true;
                        return;
                }
                l->at = bigger;
                l->room = room;
        }
        l->at[l->n++] = watch;
}

void leases_add(struct leases *l, int dir)
{
        int watch = -1;

        /* inotify wants a path, and there may be no /proc to make one from the descriptor.  Only this thread
         * uses the working directory. */
        if (l->inotify >= 0 && fchdir(dir) == 0) {
                watch = inotify_add_watch(l->inotify, ".", IN_DELETE_SELF | IN_ONLYDIR);
                if (chdir("/") < 0)
                        _exit(1);
        }
        if (watch < 0)
                l->lost = true;
        else
                remember(l, watch);
}

static void forget(struct leases *l, int watch)
{
        for (size_t i = 0; i < l->n; i++) {
                if (l->at[i] == watch) {
                        l->at[i] = l->at[--l->n];
                        return;
                }
        }
}

void leases_read(struct leases *l)
{
        _Alignas(struct inotify_event) char room[4096];
        ssize_t size;

        while ((size = read(l->inotify, room, sizeof(room))) > 0) {
                for (ssize_t at = 0; at < size;) {
                        struct inotify_event event;

                        memcpy(&event, room + at, sizeof(event));
                        if (event.mask & IN_Q_OVERFLOW)
                                l->lost = true;
                        if (event.mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF))
                                forget(l, event.wd);
                        at += (ssize_t) (sizeof(event) + event.len);
                }
        }
}
