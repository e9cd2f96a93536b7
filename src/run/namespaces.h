/* namespaces: leaving those of the caller.
 *
 * For the process itself, which must have one thread.  Failures say what on this machine is in the way.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* A user namespace of its own with the caller's uid and gid mapped onto themselves. */
int namespaces_own_user(struct err *e);

/* Joins a user namespace. */
int namespaces_join_user(int userns, struct err *e);

/* A user namespace below the present one, in which its ids uid and gid are called something else.  self: the
 * process's directory in a /proc, which need not be mounted here any more. */
int namespaces_rename_ids(int self, uid_t uid_inside, gid_t gid_inside, struct err *e);

/* Leaves the namespaces of `which`. */
int namespaces_unshare(unsigned which, struct err *e);

/* Joins the network namespace that a path of the host names. */
int namespaces_join_net(const char *path, struct err *e);

/* In a new network namespace: its only interface, lo, is up. */
int namespaces_loopback_up(struct err *e);

/* Cuts this mount namespace off: nothing mounted here is seen outside.  slave: what is mounted outside later
 * still appears here. */
int namespaces_cut_mounts(bool slave, struct err *e);
