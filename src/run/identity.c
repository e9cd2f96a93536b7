#include "run/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"

static bool from_file(uid_t uid, struct account_user *ret)
{
        _cleanup_free_ char *text = NULL;

        return fd_read_file(AT_FDCWD, "/etc/passwd", ACCOUNT_FILE_MAX, &text, NULL) == 0 &&
               account_find_uid(text, uid, ret);
}

static bool from_name_service(uid_t uid, struct account_user *ret)
{
        const struct passwd *p = getpwuid(uid);

        if (!p)
                return false;
        *ret = (struct account_user){
                .name = text_dup(p->pw_name),
                .uid = uid,
                .gid = p->pw_gid,
                .gecos = text_dup(p->pw_gecos ? p->pw_gecos : ""),
                .home = text_dup(p->pw_dir ? p->pw_dir : "/"),
                .shell = text_dup(p->pw_shell ? p->pw_shell : "/bin/sh"),
        };
        return true;
}

void identity_load_uid(struct identity *identity, uid_t uid, const struct notes *notes)
{
        *identity = (struct identity){ .known = true };
        if (!from_file(uid, &identity->user) && !from_name_service(uid, &identity->user)) {
                identity->known = false;
                identity->user = (struct account_user){
                        .name = text_format("uid%u", uid),
                        .uid = uid,
                        .gecos = text_dup(""),
                        .home = text_dup("/"),
                        .shell = text_dup("/bin/sh"),
                };
                note(notes, LOG_WARNING,
                     "uid %u has no entry in the user database: no home directory is mounted", uid);
        }
}

int identity_load(struct identity *identity, const struct notes *notes, struct err *e)
{
        (void) e;
        identity_load_uid(identity, getuid(), notes);
        if (!identity->known)
                identity->user.gid = getgid();
        return 0;
}

void identity_become_root(struct identity *identity)
{
        struct account_user *user = &identity->user;

        free(user->name);
        free(user->gecos);
        user->name = text_dup("root");
        user->gecos = text_dup("root");
        user->uid = user->gid = 0;
}

void identity_done(struct identity *identity)
{
        account_user_done(&identity->user);
}

/* `text` is /etc/group, read once for all. */
static char *group_name(const char *text, gid_t gid)
{
        char *name = text ? account_find_gid(text, gid) : NULL;
        const struct group *g = name ? NULL : getgrgid(gid);

        return g ? text_dup(g->gr_name) : name;
}

void identity_groups_of(const gid_t *gids, size_t n, struct account_group **ret, size_t *ret_n)
{
        _cleanup_free_ char *text = NULL;
        struct account_group *groups = text_alloc(n * sizeof(*groups));

        fd_read_file(AT_FDCWD, "/etc/group", ACCOUNT_FILE_MAX, &text, NULL);
        for (size_t i = 0; i < n; i++)
                groups[i] = (struct account_group){ gids[i], group_name(text, gids[i]) };
        *ret = groups;
        *ret_n = n;
}

int identity_groups(const struct identity *identity, struct account_group **ret, size_t *ret_n, struct err *e)
{
        _cleanup_free_ gid_t *gids = NULL;
        int n = getgroups(0, NULL);
        bool has_primary = false;

        if (n < 0 || n > IDENTITY_GROUPS_MAX)
                return err_errno(e, n < 0 ? -errno : -E2BIG, "asking for supplementary groups");
        gids = text_alloc(((size_t) n + 1) * sizeof(*gids));
        n = getgroups(n, gids);
        if (n < 0)
                return err_errno(e, -errno, "asking for supplementary groups");
        for (int i = 0; i < n; i++)
                has_primary = has_primary || gids[i] == identity->user.gid;
        if (!has_primary)
                gids[n++] = identity->user.gid;
        identity_groups_of(gids, (size_t) n, ret, ret_n);
        return 0;
}

void identity_groups_free(struct account_group *groups, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(groups[i].name);
        free(groups);
}
