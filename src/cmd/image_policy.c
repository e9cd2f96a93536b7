#include "cmd/image_policy.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"

static int refuse(const struct image *image, const char *why, struct err *e)
{
        err_set(e, -EPERM, "%s: not allowed to be started here: %s", image->path, why);
        return err_hint(e, -EPERM,
                        "the site's apptainer.conf says so; ask the administrator which images may be");
}

static int check_kind(const struct image *image, const struct config *config, struct err *e)
{
        if (image->kind == IMAGE_SIF && !config->allow_sif)
                return refuse(image, "'allow container sif = no'", e);
        if (image->kind == IMAGE_SANDBOX && !config->allow_dir)
                return refuse(image, "'allow container dir = no'", e);
        if (image->kind == IMAGE_SQUASHFS && !config->allow_squashfs)
                return refuse(image, "'allow container squashfs = no'", e);
        if (image->kind == IMAGE_EXT3 && !config->allow_extfs)
                return refuse(image, "'allow container extfs = no'", e);
        if ((image->rootfs == IMAGE_ROOTFS_ENCRYPTED || image->rootfs == IMAGE_ROOTFS_GOCRYPTFS) &&
            !config->allow_encrypted)
                return refuse(image, "'allow container encrypted = no'", e);
        return 0;
}

static bool owner_is_listed(const struct image *image, const struct text_list *owners)
{
        for (size_t i = 0; i < owners->n; i++) {
                const struct passwd *user = getpwnam(owners->at[i]);

                if (user && user->pw_uid == image->status.st_uid)
                        return true;
        }
        return false;
}

static bool group_is_listed(const struct image *image, const struct text_list *groups)
{
        for (size_t i = 0; i < groups->n; i++) {
                const struct group *group = getgrnam(groups->at[i]);

                if (group && group->gr_gid == image->status.st_gid)
                        return true;
        }
        return false;
}

static bool path_is_listed(const struct image *image, const struct text_list *paths)
{
        for (size_t i = 0; i < paths->n; i++) {
                char *resolved = realpath(paths->at[i], NULL);
                bool within = resolved && path_within(image->path, resolved);

                free(resolved);
                if (within)
                        return true;
        }
        return false;
}

int image_policy_check(const struct image *image, const struct config *config, struct err *e)
{
        int r;

        if (getuid() == 0)
                return 0;
        r = check_kind(image, config, e);
        if (r < 0)
                return r;
        if (config->limit_owners.n && !owner_is_listed(image, &config->limit_owners))
                return refuse(image, "its owner is not in 'limit container owners'", e);
        if (config->limit_groups.n && !group_is_listed(image, &config->limit_groups))
                return refuse(image, "its group is not in 'limit container groups'", e);
        if (config->limit_paths.n && !path_is_listed(image, &config->limit_paths))
                return refuse(image, "it is not below a directory of 'limit container paths'", e);
        return 0;
}
