/* server_workers: the threads that answer FUSE requests.
 *
 * One thread, the leader, reads the device.  It answers what it can answer from memory itself, one request
 * after the other: for a lone program that is quickest, since nothing moves between processors.  Before it
 * does something long (read the image, decode a block) it calls workers_lend(): another thread becomes the
 * leader, so that other requests need not wait.  Threads are made when first wanted, up to a limit.
 */
#pragma once

#include <fuse_lowlevel.h>

#include "base/err.h"

struct workers;

/* started: called in each new thread before its first request; its result goes to workers_user(). */
int workers_new(struct workers **ret, struct fuse_session *session, unsigned n_max,
                void *(*started)(void *user), void *user, struct err *e);
/* Starts the first thread. */
int workers_start(struct workers *w, struct err *e);
/* A descriptor that becomes readable when the session has ended; borrowed. */
int workers_end_fd(const struct workers *w);

/* In a worker thread: what `started` returned. */
void *workers_user(void);
/* In a worker thread, before something long; harmless to call more than once. */
void workers_lend(void);
