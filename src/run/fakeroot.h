/* fakeroot: becoming root of a user namespace of one's own (spec runtime.md, 1.2 and 1.3).
 *
 * With subordinate ids (subuid(5), newuidmap(1)) the caller is 0 and the range follows from 1 on: owners are
 * real ones, and may be given and taken.  Without, only the caller has a number, 0; whatever else is asked
 * for fails as the kernel says.
 *
 * Called before anything else is started; for a process with one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/note.h"
#include "run/account.h"

struct fakeroot {
        bool many_ids; /* a range of subordinate ids is mapped */
};

/* The ids of a user: the first entry of exactly 65536 ids, else the largest that has more.  text: of
 * /etc/subuid; false: no usable entry.  Lines that begin with '!' are switched off. */
bool fakeroot_range(const char *text, const char *name, uid_t uid, uint32_t *ret_first, uint32_t *ret_n);

/* Enters the namespace and becomes uid and gid 0 in it. */
int fakeroot_enter(struct fakeroot *fakeroot, const struct account_user *user, bool ignore_subuid,
                   const struct notes *notes, struct err *e);

/* Whether this process is root of a user namespace below the machine's own.  *ret_many: more than one id is
 * mapped; *ret_outside: who root is outside. */
bool fakeroot_is_nested(bool *ret_many, uid_t *ret_outside);
