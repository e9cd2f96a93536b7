/* server_starts: the server's side of the socket, until the end.
 *
 * The server ends when for the linger time there was neither a lease nor an open connection: it stops
 * listening first, so that later starts elect a new server at once, then lets go of the mount, and ends when
 * the kernel says that nobody uses the file system any more (normally at once).  SIGTERM does the same
 * without lingering.
 */
#pragma once

#include "base/err.h"
#include "imagefs/server.h"
#include "imagefs/server_mount.h"

/* m: the mount to hand out.  end: descriptor that is readable when the file system has gone.  Returns when
 * the process may exit. */
void starts_serve(const struct server_options *options, struct server_mount *m, int end);

/* Tells every start that waits why there is no server; returns when none waits any more. */
void starts_refuse(const struct server_options *options, const struct err *why);
