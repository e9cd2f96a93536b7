#include "run/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/path.h"
#include "run/plan_internal.h"

void plan_done(struct plan *plan)
{
        for (size_t i = 0; i < plan->n_entries; i++) {
                free(plan->entries[i].path);
                free(plan->entries[i].text);
        }
        for (size_t i = 0; i < plan->n_mounts; i++) {
                free(plan->mounts[i].source);
                free(plan->mounts[i].target);
                free(plan->mounts[i].options);
        }
        for (size_t i = 0; i < plan->n_images; i++) {
                free(plan->images[i].path);
                free(plan->images[i].id);
        }
        free(plan->images);
        for (size_t i = 0; i < plan->n_fuses; i++) {
                text_list_done(&plan->fuses[i].command);
                free(plan->fuses[i].target);
        }
        free(plan->fuses);
        free(plan->entries);
        free(plan->mounts);
        account_user_done(&plan->user);
        identity_groups_free(plan->groups, plan->n_groups);
        free(plan->ids.gids);
        free(plan->seccomp);
        free(plan->apparmor);
        free(plan->selinux);
        free(plan->hostname);
        free(plan->netns_path);
        free(plan->home);
        text_list_done(&plan->bind_targets);
        free(plan->cwd);
        free(plan->cwd_host);
        *plan = (struct plan) PLAN_INIT;
}

/* Room for one more element in an array that grows by doubling. */
static void *grown(void *array, size_t n, size_t size)
{
        bool full = n == 0 || (n & (n - 1)) == 0;

        return full ? text_realloc(array, (n ? n * 2 : 1) * size) : array;
}

bool plan_add_mount(struct plan *plan, enum plan_group group, enum plan_source from, const char *source,
                    const char *target, unsigned flags, const char *options)
{
        for (size_t i = 0; i < plan->n_mounts; i++) {
                const struct plan_mount *m = &plan->mounts[i];

                if (m->group == group && (m->flags & PLAN_STAGED) == (flags & PLAN_STAGED) &&
                    strcmp(m->target, target) == 0)
                        return false;
        }
        plan->mounts = grown(plan->mounts, plan->n_mounts, sizeof(*plan->mounts));
        plan->mounts[plan->n_mounts++] = (struct plan_mount){
                .group = group,
                .from = from,
                .flags = flags,
                .source = text_dup(source),
                .target = text_dup(target),
                .options = options ? text_dup(options) : NULL,
        };
        return true;
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

size_t plan_add_image(struct plan *plan, const char *path, const char *id, bool readonly)
{
        for (size_t i = 0; i < plan->n_images; i++) {
                const struct plan_image *image = &plan->images[i];

                if (strcmp(image->path, path) == 0 && same_text(image->id, id) && image->readonly == readonly)
                        return i;
        }
        plan->images = grown(plan->images, plan->n_images, sizeof(*plan->images));
        plan->images[plan->n_images] = (struct plan_image){ .path = text_dup(path),
                                                            .id = id ? text_dup(id) : NULL,
                                                            .readonly = readonly };
        return plan->n_images++;
}

struct plan_fuse *plan_add_fuse(struct plan *plan)
{
        plan->fuses = grown(plan->fuses, plan->n_fuses, sizeof(*plan->fuses));
        plan->fuses[plan->n_fuses] = (struct plan_fuse){ .target = NULL };
        return &plan->fuses[plan->n_fuses++];
}

void plan_add_entry(struct plan *plan, enum plan_entry_kind kind, const char *path, mode_t mode,
                    const char *text)
{
        plan->entries = grown(plan->entries, plan->n_entries, sizeof(*plan->entries));
        plan->entries[plan->n_entries++] = (struct plan_entry){
                .kind = kind,
                .path = text_dup(path),
                .mode = mode,
                .text = text ? text_dup(text) : NULL,
        };
}

bool plan_has_entry(const struct plan *plan, const char *path)
{
        for (size_t i = 0; i < plan->n_entries; i++)
                if (strcmp(plan->entries[i].path, path) == 0)
                        return true;
        return false;
}

void plan_drop_group(struct plan *plan, enum plan_group group)
{
        size_t kept = 0;

        for (size_t i = 0; i < plan->n_mounts; i++) {
                struct plan_mount *m = &plan->mounts[i];

                if (m->group == group) {
                        free(m->source);
                        free(m->target);
                        free(m->options);
                } else {
                        plan->mounts[kept++] = *m;
                }
        }
        /* grown() allocates at powers of two, so the array must not look fuller than it is. */
        plan->n_mounts = kept;
        if (kept)
                plan->mounts = text_realloc(plan->mounts, 2 * kept * sizeof(*plan->mounts));
}

struct place_in_order {
        struct plan_mount mount;
        size_t depth, size, index;
};

static int compare_sizes(size_t a, size_t b)
{
        return (a > b) - (a < b);
}

static int compare_places(const void *one, const void *other)
{
        const struct place_in_order *a = one, *b = other;
        int r = compare_sizes(a->mount.group, b->mount.group);

        if (r == 0 && a->mount.group == PLAN_USER_BINDS) {
                r = compare_sizes(a->depth, b->depth);
                if (r == 0)
                        r = compare_sizes(a->size, b->size);
        }
        return r ? r : compare_sizes(a->index, b->index);
}

void plan_sort(struct plan *plan)
{
        struct place_in_order *order = text_alloc((plan->n_mounts + 1) * sizeof(*order));

        for (size_t i = 0; i < plan->n_mounts; i++) {
                const char *target = plan->mounts[i].target;

                order[i] = (struct place_in_order){ plan->mounts[i], path_depth(target), strlen(target), i };
        }
        qsort(order, plan->n_mounts, sizeof(*order), compare_places);
        for (size_t i = 0; i < plan->n_mounts; i++)
                plan->mounts[i] = order[i].mount;
        free(order);
}

int plan_host_kind(const char *path)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                return PLAN_DIRECTORY;
        return errno == ENOTDIR && access(path, F_OK) == 0 ? 0 : -errno;
}

int plan_add_host_bind(struct planner *p, enum plan_group group, const char *source, const char *target,
                       unsigned flags, struct err *e)
{
        int kind = plan_host_kind(source);

        if (kind == -ENOENT || kind == -ENOTDIR)
                return err_set(e, -ENOENT, "mount source %s doesn't exist", source);
        if (kind < 0)
                return err_errno(e, kind, "mount source %s", source);
        return plan_add_mount(p->plan, group, PLAN_HOST, source, target, flags | (unsigned) kind, NULL) ? 1
                                                                                                        : 0;
}

static const char *const group_names[] = {
        [PLAN_DEV] = "dev",         [PLAN_HOSTFS] = "hostfs", [PLAN_BINDS] = "binds",
        [PLAN_KERNEL] = "kernel",   [PLAN_HOME] = "home",     [PLAN_TMP] = "tmp",
        [PLAN_SCRATCH] = "scratch", [PLAN_FILES] = "files",   [PLAN_USER_BINDS] = "user binds",
        [PLAN_CWD] = "cwd",
};

static const struct {
        unsigned flag;
        const char *word;
} flag_words[] = {
        { PLAN_RECURSIVE, "recursive" },
        { PLAN_NOSUID, "nosuid" },
        { PLAN_NODEV, "nodev" },
        { PLAN_NOEXEC, "noexec" },
        { PLAN_READONLY, "ro" },
        { PLAN_MAY_FAIL, "may-fail" },
        { PLAN_MAY_FAIL_QUIETLY, "may-fail" },
        { PLAN_HIDES_LINK, "hides-link" },
        { PLAN_NOT_TWICE, "not-twice" },
        { PLAN_CALLER_CWD, "unless-there" },
};

static void print_mount(const struct plan_mount *m, struct text *out)
{
        static const char *const from[] = { [PLAN_HOST] = "",
                                            [PLAN_SESSION] = "session:/",
                                            [PLAN_FRESH] = "new ",
                                            [PLAN_IMAGE] = "",
                                            [PLAN_FUSE] = "fuse " };
        bool first = true;

        text_printf(out, "mount %s: ", group_names[m->group]);
        if (m->from == PLAN_IMAGE)
                text_printf(out, "image %zu:", m->number);
        text_printf(out, "%s%s on %s%s", from[m->from], m->source, m->flags & PLAN_STAGED ? "session:/" : "",
                    m->target);
        if (m->options)
                text_printf(out, " options %s", m->options);
        for (size_t i = 0; i < ARRAY_SIZE(flag_words); i++)
                if (m->flags & flag_words[i].flag) {
                        text_printf(out, "%s%s", first ? " (" : " ", flag_words[i].word);
                        first = false;
                }
        text_add(out, first ? "\n" : ")\n");
}

static void print_entry(const struct plan_entry *entry, struct text *out)
{
        switch (entry->kind) {
        case PLAN_ENTRY_DIRECTORY:
                text_printf(out, "make directory session:/%s %04o\n", entry->path, entry->mode);
                return;
        case PLAN_ENTRY_FILE:
                text_printf(out, "make file session:/%s\n", entry->path);
                return;
        case PLAN_ENTRY_LINK:
                text_printf(out, "make link session:/%s to %s\n", entry->path, entry->text);
                return;
        case PLAN_ENTRY_PASSWD:
                text_printf(out, "make passwd session:/%s\n", entry->path);
                return;
        case PLAN_ENTRY_GROUP:
                text_printf(out, "make group session:/%s\n", entry->path);
                return;
        case PLAN_ENTRY_LAYER_LINK:
                text_printf(out, "make link %s to %s\n", entry->path, entry->text);
                return;
        case PLAN_ENTRY_HOST_DIRECTORY:
                text_printf(out, "make directory %s %04o\n", entry->path, entry->mode);
                return;
        }
}

static void print_layers(const struct plan *plan, struct text *out)
{
        if (plan->image_writable)
                text_add(out, "layers: none, the image itself is written\n");
        for (size_t i = 0; i < plan->n_overlays; i++)
                text_printf(out, "overlay: %s%s\n", plan->overlays[i].path,
                            plan->overlays[i].writable ? " (written)" : "");
        if (plan->upper == PLAN_UPPER_MEMORY)
                text_printf(out, "overlay: in memory, of %llu bytes (written)\n",
                            (unsigned long long) plan->upper_bytes);
}

static void print_privileges(const struct plan *plan, struct text *out)
{
        text_printf(out, "capabilities: %llx", (unsigned long long) plan->capabilities);
        if (plan->capabilities_ambient)
                text_printf(out, ", ambient %llx", (unsigned long long) plan->capabilities_ambient);
        text_printf(out, "%s\n", plan->no_new_privs ? ", no new privileges" : "");
        if (plan->ids.has_uid)
                text_printf(out, "runs as: uid %u\n", plan->ids.uid);
        for (size_t i = 0; i < plan->ids.n_gids; i++)
                text_printf(out, "runs as: %sgid %u\n", i ? "supplementary " : "", plan->ids.gids[i]);
        if (plan->seccomp)
                text_printf(out, "seccomp: %s\n", plan->seccomp);
        if (plan->apparmor)
                text_printf(out, "apparmor: %s\n", plan->apparmor);
        if (plan->selinux)
                text_printf(out, "selinux: %s\n", plan->selinux);
}

void plan_print(const struct plan *plan, struct text *out)
{
        text_printf(out, "namespaces: mount%s%s%s%s%s%s\n", plan->userns ? " user" : "",
                    plan->namespaces & CLONE_NEWPID ? " pid" : "",
                    plan->namespaces & CLONE_NEWIPC ? " ipc" : "",
                    plan->namespaces & CLONE_NEWUTS ? " uts" : "",
                    plan->namespaces & CLONE_NEWNET ? " net" : "", plan->init ? " (appinit)" : "");
        if (plan->hostname)
                text_printf(out, "host name: %s\n", plan->hostname);
        if (plan->netns_path)
                text_printf(out, "network: %s\n", plan->netns_path);
        text_printf(out, "session: %s", plan->memory_fs);
        if (plan->session_bytes)
                text_printf(out, " of %llu bytes", (unsigned long long) plan->session_bytes);
        text_add_char(out, '\n');
        print_layers(plan, out);
        for (size_t i = 0; i < plan->n_entries; i++)
                print_entry(&plan->entries[i], out);
        for (size_t i = 0; i < plan->n_images; i++)
                text_printf(out, "image %zu: %s%s%s%s\n", i, plan->images[i].path,
                            plan->images[i].id ? " partition " : "",
                            plan->images[i].id ? plan->images[i].id : "",
                            plan->images[i].readonly ? " (ro)" : "");
        for (size_t i = 0; i < plan->n_mounts; i++)
                print_mount(&plan->mounts[i], out);
        text_printf(out, "user: %s uid %u gid %u home %s\n", plan->user.name, plan->user.uid, plan->user.gid,
                    plan->home);
        text_printf(out, "directory: %s\n", plan->cwd ? plan->cwd : "(deleted)");
        print_privileges(plan, out);
}
