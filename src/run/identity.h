/* identity: who calls, as the host knows them.
 *
 * The passwd entry is read from /etc/passwd first: asking the name service costs a millisecond of loading
 * libraries, and is needed only where the users are elsewhere (LDAP, sssd).  Names of groups are looked up
 * for the caller's own groups only, never by listing a database.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/note.h"
#include "run/account.h"

/* As NGROUPS_MAX, limits.h of the kernel. */
#define IDENTITY_GROUPS_MAX 65536

struct identity {
        struct account_user user; /* uid is the caller's, gid the caller's group */
        bool known;               /* the host has an entry; else name, home and shell are made up */
};

int identity_load(struct identity *identity, const struct notes *notes, struct err *e);
/* The same for any user, or for who the caller is outside a user namespace. */
void identity_load_uid(struct identity *identity, uid_t uid, const struct notes *notes);
void identity_done(struct identity *identity);
/* The same person as root: the home directory stays the caller's, number and name are root's. */
void identity_become_root(struct identity *identity);
#define _cleanup_identity_ __attribute__((cleanup(identity_done)))

/* The groups for /etc/group: supplementary ones, then the primary one, each with its name on the host.  The
 * caller frees with identity_groups_free(). */
int identity_groups(const struct identity *identity, struct account_group **ret, size_t *ret_n,
                    struct err *e);
void identity_groups_of(const gid_t *gids, size_t n, struct account_group **ret, size_t *ret_n);
void identity_groups_free(struct account_group *groups, size_t n);
