/* server: the parts of the imagefs executable, in the order in which they are met.
 *
 *      server_main.c      arguments; the order of everything
 *      server_process.c   away from the starter: descriptors, session, directory, limits, signals
 *      server_unpack.c    instead of FUSE, when asked: a copy in a directory
 *      server_mount.c     user and mount namespace, /dev/fuse, the mount, clones of it
 *      server_files.c     FUSE requests answered from the image
 *      server_data.c      blocks of content: cache, order of reading
 *      server_ahead.c     decoding of what will be wanted next
 *      server_workers.c   threads that take requests
 *      server_leases.c    which containers are alive
 *      server_starts.c    the socket: starts come, get their descriptors, leave a lease; the end
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "imagefs/imagefs.h"

struct server_options {
        bool is_private; /* IMAGEFS_FD_SOCKET is connected to the only start */
        uint64_t offset, size;
        enum imagefs_ids ids;
        const char *image_name; /* for messages */
        const char *unpack_in;  /* NULL: served through FUSE; else a copy in this directory */
};

/* Leaves everything of the starter behind but the socket, the image and the limits. */
void server_process_detach(void);
