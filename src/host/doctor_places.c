/* Directories that containers and images are put into. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/num.h"
#include "base/path.h"
#include "base/remove.h"
#include "host/doctor_internal.h"

/* An image of moderate size, its parts and the finished file. */
#define SPACE_WANTED ((uint64_t) 8 << 30)

#define PLACE_NAME ".apptainer-doctor-"

static const struct {
        unsigned long magic;
        const char *name;
        bool in_memory, network;
} kinds[] = {
        { TMPFS_MAGIC, "tmpfs", true, false },        { RAMFS_MAGIC, "ramfs", true, false },
        { EXT4_SUPER_MAGIC, "ext4", false, false },   { XFS_SUPER_MAGIC, "xfs", false, false },
        { BTRFS_SUPER_MAGIC, "btrfs", false, false }, { OVERLAYFS_SUPER_MAGIC, "overlay", false, false },
        { NFS_SUPER_MAGIC, "nfs", false, true },      { FUSE_SUPER_MAGIC, "fuse", false, true },
        { 0x0bd00bd0, "lustre", false, true }, /* lustre_user.h, LL_SUPER_MAGIC */
        { 0x47504653, "gpfs", false, true },   /* "GPFS" */
        { 0x19830326, "beegfs", false, true }, /* BEEGFS_MAGIC of its client module */
        { 0x00c36400, "ceph", false, true },   /* linux/magic.h, CEPH_SUPER_MAGIC, since 5.15 */
        { 0x2fc12fc1, "zfs", false, false },
};

/* The nearest directory that is there. */
static char *existing(const char *path)
{
        char *at = path_absolute(path);

        while (at && access(at, F_OK) < 0 && strcmp(at, "/") != 0) {
                char *slash = strrchr(at, '/');

                slash[slash == at ? 1 : 0] = '\0';
        }
        return at;
}

/* An overlay whose upper layer is in a new directory there. */
static int try_upper(const void *user)
{
        char options[160];
        int r = doctor_enter();

        if (r < 0)
                return r;
        if (chdir(user) < 0 || mkdir("lower", 0755) < 0 || mkdir("upper", 0755) < 0 ||
            mkdir("work", 0755) < 0 || mkdir("merged", 0755) < 0)
                return -errno;
        snprintf(options, sizeof(options), "lowerdir=lower,upperdir=upper,workdir=work%s",
                 geteuid() == 0 ? "" : ",userxattr");
        return mount("doctor", "merged", "overlay", 0, options) < 0 ? -errno : 0;
}

/* What a killed doctor left: its process number is in the name. */
static void sweep(const char *path)
{
        DIR *dir = opendir(path);

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                uint64_t pid;

                if (text_starts(entry->d_name, PLACE_NAME) &&
                    num_u64(entry->d_name + strlen(PLACE_NAME), 10, 1, INT32_MAX, &pid) == 0 &&
                    kill((pid_t) pid, 0) < 0 && errno == ESRCH)
                        remove_tree(dirfd(dir), entry->d_name, NULL);
        }
        clean_closedir(&dir);
}

static int upper_in(const char *path)
{
        _cleanup_free_ char *place = text_format("%s/" PLACE_NAME "%d", path, getpid());
        int r;

        sweep(path);
        if (mkdir(place, 0700) < 0)
                return -errno;
        r = doctor_try(try_upper, place);
        remove_tree(AT_FDCWD, place, NULL);
        return r;
}

static void explain_place(struct finding *f, bool memory, bool network, uint64_t free_bytes, bool noexec,
                          int upper)
{
        if (memory)
                finding_explain(
                        f, "what is put there takes the memory of the node, and of the job",
                        "set APPTAINER_TMPDIR to a directory on a disk, such as $SLURM_TMPDIR or /var/tmp");
        else if (noexec)
                finding_explain(f, "no program can be started from what is unpacked there",
                                "set APPTAINER_TMPDIR to a directory that is not mounted noexec");
        else if (free_bytes < SPACE_WANTED)
                finding_explain(f, "large images do not fit",
                                "free some space, or choose another place by "
                                "APPTAINER_TMPDIR and APPTAINER_CACHEDIR");
        else if (upper < 0)
                finding_explain(
                        f,
                        network ? "network file systems cannot hold writable overlays; directories as images "
                                  "are slow there"
                                : "writable overlays cannot be kept there",
                        "keep overlays and sandboxes on a local disk, or in an ext3 image");
}

static void check_place(struct findings *findings, const char *what, const char *path)
{
        _cleanup_free_ char *there = path ? existing(path) : NULL, *found = NULL;
        const char *kind = "unknown file system";
        bool memory = false, network = false, noexec;
        struct statvfs space;
        struct statfs fs;
        struct finding *f;
        uint64_t free_bytes;
        int upper;

        if (!there)
                return;
        if (statfs(there, &fs) < 0 || statvfs(there, &space) < 0 || access(there, W_OK) < 0) {
                _cleanup_free_ char *reason = text_format("%s: %s", path, strerror(errno));

                f = finding_add(findings, "PLACE", FINDING_MISSING, what, reason);
                finding_explain(f, "nothing can be put there", "choose another directory");
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].magic == (unsigned long) fs.f_type) {
                        kind = kinds[i].name;
                        memory = kinds[i].in_memory;
                        network = kinds[i].network;
                }
        noexec = space.f_flag & ST_NOEXEC;
        free_bytes = (uint64_t) space.f_bavail * space.f_frsize;
        upper = upper_in(there);
        found = text_format("%s: %s, %.1f GiB free%s, %s", path, kind, (double) free_bytes / (1 << 30),
                            noexec ? ", noexec" : "",
                            upper == 0 ? "writable overlays work" : "no writable overlays");
        f = finding_add(findings, "PLACE",
                        memory || noexec || upper < 0 || free_bytes < SPACE_WANTED ? FINDING_LIMITED
                                                                                   : FINDING_OK,
                        what, found);
        if (f->state != FINDING_OK)
                explain_place(f, memory, network, free_bytes, noexec, upper);
}

void doctor_check_places(struct findings *findings, const struct doctor_places *places)
{
        check_place(findings, "temporary directory", places->temporary);
        check_place(findings, "cache directory", places->cache);
        check_place(findings, "home directory", places->home);
        check_place(findings, "working directory", places->current);
}
