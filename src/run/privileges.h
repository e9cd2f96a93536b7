/* privileges: what the program may keep.
 *
 * Spec runtime.md, 1.5.  Container side, behind everything that needs a privilege.  Sets are by number, as in
 * linux/capability.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct privileges {
        uint64_t keep;     /* of the five capability sets; UINT64_MAX: they stay as they are */
        uint64_t ambient;  /* of these, what a program gets without being root: in all five sets */
        uint64_t required; /* it is an error not to have these */
        bool no_new_privs; /* execve gives nothing from now on */

        /* Real ids of the host, for root. */
        bool has_uid;
        uid_t uid;
        const gid_t *gids; /* borrowed: the group, then supplementary ones; with has_uid, none of the latter
                              stay */
        size_t n_gids;
};

/* Carries it out, and reads the sets back. */
int privileges_drop(const struct privileges *privileges, struct err *e);
