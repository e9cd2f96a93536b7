/* account: text of the files passwd and group.
 *
 * Looking entries up in such text, and making the container's /etc/passwd and /etc/group from the image's
 * (spec runtime.md, 3.10).  No files are touched here.  Formats: passwd(5), group(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/text.h"

/* The databases of the largest sites are a few MiB. */
#define ACCOUNT_FILE_MAX (64u << 20)

struct account_user {
        char *name; /* all owned */
        uid_t uid;
        gid_t gid;
        char *gecos;
        char *home;
        char *shell;
};
void account_user_done(struct account_user *user);
#define _cleanup_account_user_ __attribute__((cleanup(account_user_done)))

/* The first entry with this number.  Malformed lines are passed over. */
bool account_find_uid(const char *passwd, uid_t uid, struct account_user *ret);
/* The name of the first entry with this number; the caller frees it.  NULL: there is none. */
char *account_find_gid(const char *group, gid_t gid);
bool account_find_group(const char *group, const char *name, gid_t *ret);

/* The image's passwd text with the user's line: replaced where the uid is there (the image's shell and gid
 * stay; for uid 0 also its name and gecos), appended otherwise.  Other lines stay as they are, whatever they
 * look like. */
void account_passwd(const char *image_text, const struct account_user *user, const char *home,
                    struct text *out);

struct account_group {
        gid_t gid;
        char *name; /* owned; NULL: has no name on the host and gets no line */
};

/* The image's group text and one line "name:x:gid:user" for each of the groups. */
void account_group(const char *image_text, const char *user, const struct account_group *groups, size_t n,
                   struct text *out);
