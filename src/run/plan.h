/* plan: what a start will do, as data.
 *
 * plan_make() turns options, site settings and facts about the host into a list of steps.  It needs no
 * privilege and changes nothing; launch.h applies it.  plan_print() shows it (--debug, tests, bug reports).
 *
 * The session is a memory file system of the container's own mount namespace, where everything is assembled:
 *
 *      entries   directories, files and links made in the session, or beside it
 *      mounts    in this order (spec runtime.md, 3.2): dev, hostfs, bind paths, kernel, home, tmp, scratch,
 *                files, user binds (parents before children), working directory
 *
 * Targets are paths of the container, resolved by the image's own links without leaving it.  A target that is
 * missing is made in the layer of mount points above the image; below a directory that was mounted before, on
 * that directory.  The image itself is never changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/note.h"
#include "base/text.h"
#include "config/config.h"
#include "run/account.h"
#include "run/identity.h"
#include "run/mount.h"
#include "run/rootfs.h"

enum plan_group {
        PLAN_DEV,
        PLAN_HOSTFS,
        PLAN_BINDS,
        PLAN_KERNEL,
        PLAN_HOME,
        PLAN_TMP,
        PLAN_SCRATCH,
        PLAN_FILES,
        PLAN_USER_BINDS,
        PLAN_CWD,
};

enum plan_source {
        PLAN_HOST,    /* source: a path of the host, bound */
        PLAN_SESSION, /* source: a path of the session, without '/' in front, bound */
        PLAN_FRESH,   /* source: the type of a new file system */
        PLAN_FUSE,    /* a FUSE file system of the plan; source: its program's name */
        PLAN_IMAGE,   /* source: a path in an image of the plan, bound; what is there makes the mount point */
};

enum plan_flags {
        PLAN_RECURSIVE = MOUNT_RECURSIVE,
        PLAN_NOSUID = MOUNT_NOSUID,
        PLAN_NODEV = MOUNT_NODEV,
        PLAN_NOEXEC = MOUNT_NOEXEC,
        PLAN_READONLY = MOUNT_READONLY,
        PLAN_DIRECTORY = 1 << 5, /* what to make when the target is missing; else a file */
        PLAN_STAGED = 1 << 6,    /* the target is a path of the session */
        PLAN_MAY_FAIL = 1 << 7,  /* failing is a WARNING */
        PLAN_MAY_FAIL_QUIETLY = 1 << 8,
        PLAN_HIDES_LINK = 1 << 9,  /* goes to the target's own name even when the image has a link there */
        PLAN_NOT_TWICE = 1 << 10,  /* not where an earlier mount of the group went by the image's links */
        PLAN_CALLER_CWD = 1 << 11, /* rules of spec 3.14: not if it is there already, never an error */
};

struct plan_mount {
        enum plan_group group;
        enum plan_source from;
        unsigned flags; /* enum plan_flags */
        char *source;
        char *target;
        char *options; /* PLAN_FRESH: "key=value,flag"; may be NULL */
        size_t number; /* PLAN_IMAGE, PLAN_FUSE: which one */
};

/* A file system of --fusemount. */
struct plan_fuse {
        bool host;                /* the program runs on the host; else in the container */
        bool daemon;              /* it goes to the background by itself */
        struct text_list command; /* program and arguments */
        char *target;
};

/* An image file of which something is bound (spec runtime.md, 3.13). */
struct plan_image {
        char *path; /* absolute */
        char *id;   /* of the partition, as written; NULL: not given */
        bool readonly;
};

enum plan_entry_kind {
        PLAN_ENTRY_DIRECTORY,      /* in the session */
        PLAN_ENTRY_FILE,           /* in the session, with `text` in it */
        PLAN_ENTRY_LINK,           /* in the session, to `text` */
        PLAN_ENTRY_PASSWD,         /* in the session, from the image's /etc/passwd and the user */
        PLAN_ENTRY_GROUP,          /* likewise */
        PLAN_ENTRY_LAYER_LINK,     /* in the layer of mount points, to `text`, hiding what the image has */
        PLAN_ENTRY_HOST_DIRECTORY, /* a directory of the host (below --workdir), unless it is there */
};

struct plan_entry {
        enum plan_entry_kind kind;
        char *path; /* session: without '/' in front */
        mode_t mode;
        char *text; /* may be NULL */
};

/* --security uid, gid: whom the program runs as.  In a user namespace these are names for the caller's ids.
 */
struct plan_ids {
        bool has_uid;
        uid_t uid;
        gid_t *gids; /* owned: the group, then supplementary ones; NULL: the caller's */
        size_t n_gids;
};

enum plan_cwd_from { PLAN_CWD_ASKED, PLAN_CWD_HOME, PLAN_CWD_CALLER };

/* What lies over the image (spec runtime.md, 4.2).  Layers are listed as they were asked for, lowest first.
 */
enum plan_upper {
        PLAN_UPPER_NONE,    /* everything is read-only */
        PLAN_UPPER_MEMORY,  /* --writable-tmpfs */
        PLAN_UPPER_OVERLAY, /* the one writable --overlay */
};

struct plan {
        bool userns;         /* a user namespace is needed: the caller has no privileges */
        bool foreign_kernel; /* /sys and the like belong to another user namespace than the container's */
        unsigned namespaces; /* CLONE_NEWPID, _NEWIPC, _NEWUTS, _NEWNET, beside the mount namespace */
        bool init;           /* with CLONE_NEWPID: appinit is process 1 */
        bool slave;          /* later mounts of the host appear inside */
        bool underlay;       /* bound skeleton instead of overlayfs */
        bool image_writable; /* -w: the image itself is "/"; no layer, missing mount points are not made */
        enum plan_upper upper;
        uint64_t upper_bytes;          /* of PLAN_UPPER_MEMORY; 0: no limit */
        const struct rootfs *overlays; /* borrowed from the request */
        size_t n_overlays;
        uint64_t session_bytes; /* limit of the session; 0: none */
        const char *memory_fs;  /* its type; borrowed from the configuration */
        struct plan_entry *entries;
        size_t n_entries;
        struct plan_mount *mounts;
        size_t n_mounts;
        struct plan_image *images;
        size_t n_images;
        struct plan_fuse *fuses;
        size_t n_fuses;

        char *hostname;   /* with CLONE_NEWUTS: to be set; NULL: the host's stays */
        char *netns_path; /* network namespace to join; may be NULL */

        struct account_user user;     /* of /etc/passwd inside */
        struct account_group *groups; /* of /etc/group inside */
        size_t n_groups;
        char *home;                    /* HOME inside */
        struct text_list bind_targets; /* of user binds, for APPTAINER_BIND */

        char *cwd; /* where to start; NULL: the caller's has no name any more */
        enum plan_cwd_from cwd_from;
        char *cwd_host; /* the caller's, as it named it; NULL: deleted */

        uint64_t capabilities;          /* those that are kept, of what the process has (capabilities.h) */
        uint64_t capabilities_ambient;  /* of these, those that stay without being root, too */
        uint64_t capabilities_required; /* not to have one of these is an error */
        bool no_new_privs;
        struct plan_ids ids;
        char *seccomp;       /* path of a profile; NULL: no filter */
        char *apparmor;      /* profile; may be NULL */
        char *selinux;       /* label; may be NULL */
        bool reopen_console; /* standard streams that are terminals are opened again as /dev/console */
        bool no_umask;       /* umask 0022 inside instead of the caller's */
};

#define PLAN_INIT                                                                                            \
        {                                                                                                    \
                .memory_fs = "tmpfs"                                                                         \
        }

/* What the plan is made for.  Zero means "not given".  All borrowed. */
struct plan_request {
        const struct config *config;
        const struct identity *identity;
        bool privileged; /* uid 0 that may mount: no user namespace is needed */
        bool nested; /* with `privileged`: of a user namespace; what only the machine's root may is bound */

        const struct text_list *binds; /* arguments of --bind and its variables, in order */
        const struct text_list *fusemounts;
        const struct text_list *bind_mounts; /* those of --mount */
        const struct text_list *no_mount;    /* words of --no-mount */
        const struct text_list *scratch;     /* paths of --scratch */
        const char *home;                    /* "source[:target]" */
        const char *workdir;
        const char *cwd;
        const char *hostname;
        const char *network; /* names, separated by commas */
        const struct text_list *network_args;
        const char *netns_path;
        const char *dns; /* addresses, separated by commas */
        const char *add_caps;
        const char *drop_caps;
        const struct text_list *security; /* each "feature:value" */
        bool no_home;
        bool contain;
        bool pid;
        bool ipc;
        bool uts;
        bool net;
        bool userns;
        bool ignore_userns; /* make none, even where one is needed */
        bool no_init;
        bool no_umask;
        bool no_privs;
        bool keep_privs;
        bool allow_setuid;
        bool fakeroot; /* root of a namespace of the caller's own making */
        bool underlay;
        bool writable; /* -w; the image can be written */
        bool writable_tmpfs;
        uint64_t writable_tmpfs_bytes; /* 0: no limit */
        const struct rootfs *overlays; /* of --overlay and of the image, lowest first, opened */
        size_t n_overlays;
};

int plan_make(struct plan *plan, const struct plan_request *request, const struct notes *notes,
              struct err *e);
void plan_done(struct plan *plan);
#define _cleanup_plan_ __attribute__((cleanup(plan_done)))

/* One line per step. */
void plan_print(const struct plan *plan, struct text *out);

/* uid 0 with CAP_SYS_ADMIN in its effective set. */
bool plan_privileged(void);
