/* server_leases: which containers are alive.
 *
 * A lease is a watch on a directory of a container's session tmpfs.  The kernel ends the watch when that file
 * system goes (IN_UNMOUNT, IN_IGNORED), which it does when the container's last process and mount have gone,
 * however they ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct leases {
        int inotify; /* owned */
        int *at;     /* owned: watches */
        size_t n, room;
        bool lost; /* some container is not among them: its end will not be seen here */
};

#define LEASES_INIT                                                                                          \
        {                                                                                                    \
                .inotify = -EBADF                                                                            \
        }

/* Without inotify (its limits are used up) every container counts as lost. */
void leases_init(struct leases *l);
void leases_done(struct leases *l);
/* dir: borrowed; may be closed afterwards. */
void leases_add(struct leases *l, int dir);
/* To be called when l->inotify is readable. */
void leases_read(struct leases *l);
