/* rendezvous: the name under which starts of the same image find their server.
 *
 * Everything that makes two starts unable to share one server is in the name:
 *   what is served   device, inode, size, modification and change time of the file; offset and size in it
 *   how              id map, protocol version
 *   for whom         uid; user namespace (setns needs to come from the parent); network namespace (implicit:
 *                    abstract names live in one)
 *   for how long     the cgroup of the start.  A batch system kills everything in a job step's cgroup at its
 *                    end, also the server: containers of another step must not depend on it.
 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "imagefs/imagefs.h"

int rendezvous_name(const struct imagefs_request *request, struct sockaddr_un *ret, socklen_t *ret_size,
                    struct err *e);

/* The part of a line of /proc/PID/cgroup that names what dies together: Slurm gives each task of a step its
 * own "task_N" below the step, so the path ends before that.  Bytes of the path; for tests. */
size_t rendezvous_cgroup_size(const char *line, size_t size);
