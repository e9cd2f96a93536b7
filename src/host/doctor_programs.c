/* What the installation around us has: subordinate ids, programs, cgroups, devices. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "host/doctor_internal.h"

#define IDS_FILE_MAX    ((size_t) 16 << 20)
#define SUBIDS_WANTED   65536
#define CGROUP2_MAGIC   0x63677270
#define CGROUP_TEXT_MAX 65536

static char *find_program(const char *name)
{
        const char *path = getenv("PATH");
        _cleanup_free_ char *all =
                text_format("%s:/usr/local/sbin:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
        char *save = NULL;

        for (char *dir = strtok_r(all, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
                char *file = text_format("%s/%s", dir, name);

                if (access(file, X_OK) == 0)
                        return file;
                free(file);
        }
        return NULL;
}

/* --- subordinate ids ---------------------------------------------------------------------------------------
 */

/* Ids of the user in a file of lines NAME:FIRST:COUNT (subuid(5)). */
static uint64_t subordinate_ids(const char *file, const char *name, uid_t uid)
{
        _cleanup_free_ char *text = NULL, *number = text_format("%u", uid);
        uint64_t sum = 0;
        char *save = NULL;

        if (fd_read_file(AT_FDCWD, file, IDS_FILE_MAX, &text, NULL) < 0)
                return 0;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *first = strchr(line, ':'), *count = first ? strchr(first + 1, ':') : NULL;
                uint64_t n;

                if (!count)
                        continue;
                *first = '\0';
                if ((strcmp(line, name) == 0 || strcmp(line, number) == 0) &&
                    num_u64(count + 1, 10, 0, UINT32_MAX, &n) == 0)
                        sum += n;
        }
        return sum;
}

static void check_subordinate_ids(struct findings *findings)
{
        struct passwd *user = getpwuid(geteuid());
        const char *name = user ? user->pw_name : "";
        uint64_t uids = subordinate_ids("/etc/subuid", name, geteuid()),
                 gids = subordinate_ids("/etc/subgid", name, geteuid());
        _cleanup_free_ char *uid_program = find_program("newuidmap"),
                            *gid_program = find_program("newgidmap");
        _cleanup_free_ char *found =
                text_format("%llu uids, %llu gids%s", (unsigned long long) uids, (unsigned long long) gids,
                            uid_program && gid_program ? "" : ", no newuidmap and newgidmap");
        bool enough = uids >= SUBIDS_WANTED && gids >= SUBIDS_WANTED && uid_program && gid_program;
        struct finding *f;

        if (geteuid() == 0)
                return;
        f = finding_add(findings, "SUBUID", enough ? FINDING_OK : FINDING_LIMITED, "subordinate ids", found);
        if (!enough)
                finding_explain(
                        f, "inside a container only one user has a number; other owners are not real",
                        "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, and the package "
                        "uidmap (shadow-utils)");
}

/* --- programs
 * ------------------------------------------------------------------------------------------------ */

static void check_programs(struct findings *findings)
{
        static const struct {
                const char *name, *package, *consequence;
        } programs[] = {
                { "fuse2fs", "fuse2fs (e2fsprogs)", "ordinary users cannot mount ext3 images and overlays" },
                { "mkfs.ext3", "e2fsprogs", "no ext3 overlays can be made" },
                { "fuse-overlayfs", "fuse-overlayfs",
                  "no writable layers where the kernel's overlay does not do" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
                _cleanup_free_ char *file = find_program(programs[i].name);
                _cleanup_free_ char *remedy = text_format("install the package %s", programs[i].package);
                struct finding *f = finding_add(findings, "PROGRAM", file ? FINDING_OK : FINDING_MISSING,
                                                programs[i].name, file ? file : "not installed");

                if (!file)
                        finding_explain(f, programs[i].consequence, remedy);
        }
}

/* --- cgroups
 * ------------------------------------------------------------------------------------------------- */

/* This process's cgroup of version 2, as a directory; NULL when there is none. */
static char *own_cgroup(void)
{
        _cleanup_free_ char *text = NULL;
        char *line;

        if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", CGROUP_TEXT_MAX, &text, NULL) < 0)
                return NULL;
        line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
        if (!line)
                return NULL;
        line = strstr(line, "0::") + 3;
        line[strcspn(line, "\n")] = '\0';
        return text_format("/sys/fs/cgroup%s", line);
}

static void check_cgroups(struct findings *findings)
{
        _cleanup_free_ char *group = NULL, *controllers = NULL, *file = NULL;
        struct statfs fs;
        struct finding *f;
        bool ours;

        if (statfs("/sys/fs/cgroup", &fs) < 0 || (unsigned long) fs.f_type != CGROUP2_MAGIC) {
                f = finding_add(findings, "CGROUP", geteuid() == 0 ? FINDING_LIMITED : FINDING_MISSING,
                                "control groups", "version 1, or not mounted");
                finding_explain(
                        f, "ordinary users cannot limit memory and processors of a container",
                        "boot with systemd.unified_cgroup_hierarchy=1; limits of the batch system hold in any case");
                return;
        }
        group = own_cgroup();
        file = text_format("%s/cgroup.controllers", group ? group : "");
        if (fd_read_file(AT_FDCWD, file, CGROUP_TEXT_MAX, &controllers, NULL) == 0)
                controllers[strcspn(controllers, "\n")] = '\0';
        ours = group && access(group, W_OK) == 0 && controllers && strstr(controllers, "memory");
        f = finding_add(findings, "CGROUP", ours ? FINDING_OK : FINDING_LIMITED, "control groups",
                        ours ? controllers : "version 2, not delegated to this user");
        if (!ours)
                finding_explain(
                        f, "options such as --memory and --cpus are refused",
                        "run within a systemd user session with delegated controllers (Delegate=yes)");
}

/* --- GPUs
 * ------------------------------------------------------------------------------------------------------ */

static void check_gpus(struct findings *findings)
{
        static const struct {
                const char *device, *what;
        } gpus[] = { { "/dev/nvidiactl", "NVIDIA GPU" },
                     { "/dev/kfd", "AMD GPU" },
                     { "/dev/dri/renderD128", "rendering device" } };

        for (size_t i = 0; i < ARRAY_SIZE(gpus); i++) {
                bool usable = access(gpus[i].device, R_OK | W_OK) == 0;
                struct finding *f;

                if (access(gpus[i].device, F_OK) < 0)
                        continue; /* most machines have none: nothing to say */
                f = finding_add(findings, "GPU", usable ? FINDING_OK : FINDING_LIMITED, gpus[i].what,
                                usable ? gpus[i].device : "there, but may not be opened");
                if (!usable)
                        finding_explain(
                                f, "programs in containers cannot use it",
                                "become a member of the group that owns the device (video, render), or ask the "
                                "batch system for it");
        }
}

void doctor_check_programs(struct findings *findings)
{
        check_subordinate_ids(findings);
        check_programs(findings);
        check_cgroups(findings);
        check_gpus(findings);
}
