#include "run/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "run/mount.h"

#define UPPER "upper"
#define WORK  "work"

#define UID_UNMAPPED 65534 /* what a user namespace shows for owners that it does not know */

/* The kernel's overlayfs does not write to file systems of servers; in a user namespace it is there since
 * Linux 5.11.  Memory needs fuse-overlayfs on older kernels only. */
static bool may_need_program(const struct plan *plan)
{
        struct utsname system;
        unsigned long major, minor;
        char *at;

        if (plan->upper != PLAN_UPPER_MEMORY || plan->n_overlays)
                return plan->n_overlays > 0;
        if (!plan->userns || uname(&system) < 0)
                return false;
        major = strtoul(system.release, &at, 10);
        minor = *at == '.' ? strtoul(at + 1, NULL, 10) : 0;
        return major < 5 || (major == 5 && minor < 11);
}

int overlay_open(struct overlay_stack *stack, const struct plan *plan,
                 const struct rootfs_source_settings *settings, const struct notes *notes, struct err *e)
{
        stack->userxattr = plan->foreign_kernel;
        if (may_need_program(plan))
                stack->program = fuse_program_find("fuse-overlayfs");
        if (stack->program && fuse_program_prepare(&stack->keeper, e) < 0)
                return e ? e->code : -EIO;
        if (plan->n_overlays == 0)
                return 0;
        stack->sources = text_alloc(plan->n_overlays * sizeof(*stack->sources));
        for (size_t i = 0; i < plan->n_overlays; i++) {
                int r;

                stack->sources[i] = (struct rootfs_source) ROOTFS_SOURCE_INIT;
                stack->n_sources = i + 1;
                r = rootfs_source_open(&stack->sources[i], &plan->overlays[i], settings, notes, e);
                if (r >= 0)
                        r = rootfs_source_serve(&stack->sources[i], settings->privileged, e);
                if (r >= 0 && stack->sources[i].served && stack->sources[i].join.mount < 0)
                        r = err_set(e, -ENOSYS, "%s: squashfs overlays need Linux 5.2",
                                    plan->overlays[i].path);
                if (r < 0)
                        return err_ctx(e, r, "overlay");
        }
        return 0;
}

/* Directories that are there already stay as they are. */
static int make_parts(int dir, const char *path, struct err *e)
{
        static const char *const parts[] = { UPPER, WORK };

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (mkdirat(dir, parts[i], 0755) < 0 && errno != EEXIST)
                        return err_errno(e, -errno, "overlay %s: making %s/", path, parts[i]);
        return 0;
}

static bool has_upper(int dir)
{
        struct stat status;

        return fstatat(dir, UPPER, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

static int make_place(const struct session *session, const char *place, struct err *e)
{
        int r = mkdirat(session->fd, place, 0755) < 0 ? -errno : 0;

        return r < 0 ? err_errno(e, r, "session: making %s", place) : 0;
}

static int mount_memory(struct overlay_stack *stack, const struct plan *plan, const struct session *session,
                        struct err *e)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        _cleanup_text_ struct text options = TEXT_INIT;
        const char *place = SESSION_OVERLAYS "/memory";
        int r = make_place(session, place, e);

        text_add(&options, "mode=0755");
        if (plan->upper_bytes && strcmp(plan->memory_fs, "tmpfs") == 0)
                text_printf(&options, ",size=%llu", (unsigned long long) plan->upper_bytes);
        if (r >= 0)
                r = mount_new(&tree, plan->memory_fs, NULL, text_get(&options), MOUNT_NOSUID | MOUNT_NODEV,
                              e);
        if (r >= 0)
                r = mount_attach(&tree, session->fd, place, e);
        if (r >= 0)
                r = make_parts(tree.fd, "in memory", e);
        if (r < 0)
                return err_ctx(e, r, "writable layer in memory");
        stack->upper = text_dup(place);
        return 0;
}

/* One that was made for another identity, such as --fakeroot's, would be mounted and then refuse everything.
 */
static int check_owner(int dir, const char *path, const struct plan *plan, struct err *e)
{
        struct stat status;

        if (!plan->userns || fstatat(dir, UPPER, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            status.st_uid != UID_UNMAPPED || geteuid() == UID_UNMAPPED)
                return 0;
        err_set(e, -EACCES, "overlay %s: its " UPPER "/ belongs to another user", path);
        return err_hint(e, -EACCES,
                        "if it was made by overlay create --fakeroot, start with --fakeroot; to be used as "
                        "yourself, create it without");
}

static int mount_one(struct overlay_stack *stack, const struct plan *plan, size_t index,
                     const struct session *session, struct text *lower, struct err *e)
{
        const struct rootfs *overlay = &plan->overlays[index];
        _cleanup_free_ char *place = text_format(SESSION_OVERLAYS "/%zu", index);
        _cleanup_close_ int dir = -EBADF;
        struct rootfs_source *source = &stack->sources[index];
        int r = make_place(session, place, e);

        if (r >= 0 && source->served)
                r = imagefs_lease(&source->join, session->fd, e);
        if (r >= 0)
                r = rootfs_source_mount(source, session->fd, place, &dir, e);
        if (r < 0)
                return err_ctx(e, r, "overlay %s", overlay->path);
        if (overlay->writable) {
                r = make_parts(dir, overlay->path, e);
                if (r >= 0)
                        r = check_owner(dir, overlay->path, plan, e);
                stack->upper = text_dup(place);
                return r;
        }
        text_printf(lower, "%s%s:", place,
                    overlay->kind != ROOTFS_SQUASHFS && has_upper(dir) ? "/" UPPER : "");
        return 0;
}

int overlay_mount(struct overlay_stack *stack, const struct plan *plan, const struct session *session,
                  struct err *e)
{
        int r = 0;

        if (plan->n_overlays || plan->upper == PLAN_UPPER_MEMORY)
                r = make_place(session, SESSION_OVERLAYS, e);
        for (size_t i = plan->n_overlays; i > 0 && r >= 0; i--)
                r = mount_one(stack, plan, i - 1, session, &stack->lower, e);
        if (r >= 0 && plan->upper == PLAN_UPPER_MEMORY)
                r = mount_memory(stack, plan, session, e);
        return r;
}

bool overlay_any(const struct overlay_stack *stack)
{
        return stack->upper || stack->lower.used;
}

void overlay_done(struct overlay_stack *stack)
{
        for (size_t i = 0; i < stack->n_sources; i++)
                rootfs_source_done(&stack->sources[i]);
        free(stack->sources);
        text_done(&stack->lower);
        free(stack->upper);
        fuse_program_done(&stack->keeper);
        free(stack->program);
        // cppcheck-suppress unknownEvaluationOrder
        *stack = (struct overlay_stack) OVERLAY_STACK_INIT;
}
