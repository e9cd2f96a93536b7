/* plan_internal: what the files of plan share.  plan_make.c calls the rest, one function per group of
 * mounts. */
#pragma once

#include "run/plan.h"

/* Words of --no-mount. */
enum planner_without {
        WITHOUT_PROC = 1 << 0,
        WITHOUT_SYS = 1 << 1,
        WITHOUT_DEV = 1 << 2,
        WITHOUT_DEVPTS = 1 << 3,
        WITHOUT_HOME = 1 << 4,
        WITHOUT_TMP = 1 << 5,
        WITHOUT_HOSTFS = 1 << 6,
        WITHOUT_CWD = 1 << 7,
        WITHOUT_BIND_PATHS = 1 << 8,
};

struct planner {
        struct plan *plan;
        const struct plan_request *request;
        const struct notes *notes;
        unsigned without;                 /* enum planner_without */
        struct text_list without_targets; /* absolute paths of --no-mount */
        bool dev_is_staged;
};

/* Whether a namespace is made: wanted, and the site lets it.  name: for the WARNING. */
bool plan_namespace_allowed(struct planner *p, bool wanted, bool allowed, const char *name);

/* Adds a mount; false when the group has one with this target already (it stays, the new one is dropped).
 * The texts are copied; options may be NULL. */
bool plan_add_mount(struct plan *plan, enum plan_group group, enum plan_source from, const char *source,
                    const char *target, unsigned flags, const char *options);
/* The number of an image to bind from; the same one is not added twice.  id: may be NULL. */
size_t plan_add_image(struct plan *plan, const char *path, const char *id, bool readonly);
/* An empty one to be filled. */
struct plan_fuse *plan_add_fuse(struct plan *plan);
void plan_add_entry(struct plan *plan, enum plan_entry_kind kind, const char *path, mode_t mode,
                    const char *text);
bool plan_has_entry(const struct plan *plan, const char *path);
/* Takes out the mounts of a group. */
void plan_drop_group(struct plan *plan, enum plan_group group);
/* Groups in order, user binds by depth and length of the target, otherwise as added. */
void plan_sort(struct plan *plan);

/* What the host has at a path, links followed: PLAN_DIRECTORY, 0 for anything else, or a negative errno.
 * Opening wakes automounters while the caller's own mount namespace is in use. */
int plan_host_kind(const char *path);
/* Adds a bind of `source`, which must exist, and finds out whether it is a directory.  1, 0 when the target
 * is taken, or a negative errno. */
int plan_add_host_bind(struct planner *p, enum plan_group group, const char *source, const char *target,
                       unsigned flags, struct err *e);

/* Ids, capabilities, filters and labels. */
int plan_privileges(struct planner *p, struct err *e);
/* Behind all mounts: --allow-setuid takes nosuid off what is bound. */
void plan_allow_setuid(struct planner *p);
int plan_uts(struct planner *p, struct err *e);
int plan_network(struct planner *p, struct err *e);
/* --dns: nothing to be done (0), resolv.conf is made of it (1), or a negative errno. */
int plan_dns(struct planner *p, struct err *e);
/* Before all that is mounted: where mount points cannot be made, less is mounted. */
int plan_layers(struct planner *p, struct err *e);
/* The program can write into the container's root. */
bool plan_is_writable(const struct plan *plan);
void plan_dev(struct planner *p);
/* A user bind of something of the host's /dev into /dev.  False: it is to be bound as any other. */
bool plan_dev_bind(struct planner *p, const char *source, const char *target);
/* Behind the user binds: puts a staged /dev in its place. */
void plan_dev_finish(struct planner *p);
int plan_hostfs(struct planner *p, struct err *e);
int plan_bind_paths(struct planner *p, struct err *e);
void plan_kernel(struct planner *p);
int plan_files(struct planner *p, struct err *e);
int plan_home(struct planner *p, struct err *e);
int plan_tmp(struct planner *p, struct err *e);
int plan_scratch(struct planner *p, struct err *e);
int plan_user_binds(struct planner *p, struct err *e);
int plan_fuses(struct planner *p, struct err *e);
int plan_cwd(struct planner *p, struct err *e);
