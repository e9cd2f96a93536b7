#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/reason.h"
#include "run/init.h"
#include "run/namespaces.h"
#include "run/overlay.h"
#include "run/privileges.h"
#include "run/root.h"
#include "run/seccomp_profile.h"
#include "run/security_label.h"
#include "run/session.h"

#define UMASK_NO_UMASK 022 /* spec runtime.md, 2.5: --no-umask */

/* --- namespaces ---------------------------------------------------------------------------------------- */

/* The server's mount namespace is joined where it could not hand out the mount itself.  Its working directory
 * becomes "/": the caller's is entered again. */
static int join_mounts(struct rootfs_source *source, struct err *e)
{
        _cleanup_free_ char *cwd = getcwd(NULL, 0);

        if (setns(source->join.mountns, CLONE_NEWNS) < 0)
                return err_errno(e, -errno, "joining the mounts of the image server");
        if (cwd && chdir(cwd) < 0)
                return err_errno(e, -errno, "entering %s in the image server's mounts", cwd);
        return 0;
}

/* A pid namespace comes later: helpers of the overlays stay outside it. */
static int enter_user(const struct plan *plan, struct rootfs_source *source, struct err *e)
{
        if (source->served && source->join.userns >= 0)
                return namespaces_join_user(source->join.userns, e);
        return plan->userns ? namespaces_own_user(e) : 0;
}

static int enter_mounts(const struct plan *plan, struct rootfs_source *source, struct err *e)
{
        unsigned which = CLONE_NEWNS | (plan->namespaces & ~(unsigned) CLONE_NEWPID);
        int r = source->served && source->join.mountns >= 0 ? join_mounts(source, e) : 0;

        if (r >= 0)
                r = namespaces_unshare(which, e);
        /* A mount namespace of another user namespace than its parent's is a slave of it by itself. */
        if (r >= 0 && (!plan->userns || !plan->slave))
                r = namespaces_cut_mounts(plan->slave, e);
        if (r >= 0 && plan->namespaces & CLONE_NEWNET)
                r = namespaces_loopback_up(e);
        if (r >= 0 && plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
                r = err_errno(e, -errno, "setting the host name %s", plan->hostname);
        return r;
}

/* --- root ------------------------------------------------------------------------------------------------
 */

static int build_root(const struct launch_request *request, struct overlay_stack *stack,
                      const struct notes *notes, int *ret_root, struct err *e)
{
        struct rootfs_source *source = request->source;
        _cleanup_session_ struct session session = SESSION_INIT;
        _cleanup_close_ int image = -EBADF;
        int r = session_make(&session, request->plan, e);

        /* AppArmor may let a user namespace be made and then forbid everything in it. */
        if ((r == -EPERM || r == -EACCES) && request->plan->userns && reason_userns_is_hollow(-EBADF))
                return reason_userns(-EBADF, r, e);
        if (r < 0)
                return r;
        if (source->served) {
                r = imagefs_lease(&source->join, session.fd, e);
                if (r < 0)
                        return r;
        }
        r = rootfs_source_mount(source, session.fd, SESSION_IMAGE, &image, e);
        if (r >= 0)
                r = overlay_mount(stack, request->plan, &session, e);
        if (r < 0)
                return r;
        r = data_images_mount(request->data, &session, e);
        if (r < 0)
                return r;
        return root_assemble(request->plan, &session, image, stack, request->data, request->fuses, notes,
                             ret_root, e);
}

/* Standard streams that are terminals have no name inside with a /dev of our own, but for /dev/console. */
static void reopen_console(void)
{
        for (int fd = 0; fd <= 2; fd++) {
                int flags = isatty(fd) ? fcntl(fd, F_GETFL) : -1;
                _cleanup_close_ int console = -EBADF;

                if (flags < 0)
                        continue;
                console = open("/dev/console", (flags & O_ACCMODE) | O_NOCTTY | O_CLOEXEC);
                if (console >= 0)
                        dup2(console, fd);
        }
}

static int enter_root(const struct launch_request *request, struct overlay_stack *stack,
                      const struct notes *notes, const char **ret_cwd, struct err *e)
{
        _cleanup_close_ int root = -EBADF;
        mode_t umask_before = umask(0);
        int r = build_root(request, stack, notes, &root, e);

        if (r >= 0)
                r = root_enter(root, e);
        if (r >= 0)
                r = fuse_mounts_start(request->fuses, request->plan, e);
        if (r >= 0)
                r = root_chdir(request->plan, notes, ret_cwd, e);
        umask(request->plan->no_umask ? UMASK_NO_UMASK : umask_before);
        if (r >= 0 && request->plan->reopen_console)
                reopen_console();
        return r;
}

/* --- privileges -------------------------------------------------------------------------------------------
 */

static bool has_ids(const struct plan *plan)
{
        return plan->ids.has_uid || plan->ids.n_gids;
}

/* What needs the host's /proc and is in force later. */
static int while_proc_is_there(const struct plan *plan, int *ret_self, struct err *e)
{
        int r = 0;

        if (plan->apparmor)
                r = security_label_set(SECURITY_APPARMOR, plan->apparmor, e);
        if (r >= 0 && plan->selinux)
                r = security_label_set(SECURITY_SELINUX, plan->selinux, e);
        if (r < 0 || !plan->userns || !has_ids(plan))
                return r;
        *ret_self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret_self < 0 ? err_errno(e, -errno, "/proc/self") : 0;
}

static int settle_privileges(const struct plan *plan, int self, struct err *e)
{
        bool real = !plan->userns;
        const struct privileges privileges = {
                .keep = plan->capabilities,
                .ambient = plan->capabilities_ambient,
                .required = plan->capabilities_required,
                .no_new_privs = plan->no_new_privs,
                .has_uid = real && plan->ids.has_uid,
                .uid = plan->ids.uid,
                .gids = plan->ids.gids,
                .n_gids = real ? plan->ids.n_gids : 0,
        };
        int r = 0;

        if (!real && has_ids(plan))
                r = namespaces_rename_ids(self, plan->ids.has_uid ? plan->ids.uid : geteuid(),
                                          plan->ids.n_gids ? plan->ids.gids[0] : getegid(), e);
        return r < 0 ? r : privileges_drop(&privileges, e);
}

/* --- all ---------------------------------------------------------------------------------------------------
 */

static int launch_inside(const struct launch_request *request, struct overlay_stack *stack,
                         const struct seccomp_profile *filter, const struct init_signals *signals,
                         const struct notes *notes, struct err *e)
{
        const struct plan *plan = request->plan;
        _cleanup_close_ int self = -EBADF;
        const char *cwd = "/";
        int r = enter_mounts(plan, request->source, e);

        if (r >= 0)
                r = while_proc_is_there(plan, &self, e);
        if (r >= 0)
                r = enter_root(request, stack, notes, &cwd, e);
        if (r < 0)
                return err_ctx(e, r, "container creation failed");
        rootfs_source_done(request->source);
        data_images_done(request->data);
        overlay_done(stack);
        r = settle_privileges(plan, self, e);
        if (r >= 0 && signals && has_ids(plan))
                init_die_with_parent(signals);
        if (r >= 0 && plan->init)
                r = init_split(&(struct init_ended){ fuse_mounts_stop_inside, request->fuses }, e);
        if (r < 0)
                return r;
        if (signals)
                init_restore(signals);
        if (plan->seccomp) {
                r = seccomp_profile_apply(filter, e);
                if (r < 0)
                        return r;
        }
        return request->become(request->user, cwd, e);
}

static int launch_with_parent(const struct launch_request *request, struct overlay_stack *stack,
                              const struct seccomp_profile *filter, const struct notes *notes, struct err *e)
{
        const struct privileges none = { .no_new_privs = true };
        struct init_signals signals;
        pid_t child = init_fork(&signals, e);

        if (child < 0)
                return child;
        if (child == 0)
                return launch_inside(request, stack, filter, &signals, notes, e);
        rootfs_source_done(request->source);
        data_images_done(request->data);
        overlay_done(stack);
        fuse_mounts_release(request->fuses);
        int r = request->plan->userns ? privileges_drop(&none, e) : 0;

        return r < 0 ? r
                     : init_supervise(child, &(struct init_ended){ fuse_mounts_stop_host, request->fuses });
}

int launch(const struct launch_request *request, const struct notes *notes, struct err *e)
{
        _cleanup_(overlay_done) struct overlay_stack stack = OVERLAY_STACK_INIT;
        const struct plan *plan = request->plan;
        _cleanup_seccomp_profile_ struct seccomp_profile filter = SECCOMP_PROFILE_INIT;
        bool pid = plan->namespaces & CLONE_NEWPID;
        int r = fuse_mounts_prepare(request->fuses, plan, e);

        if (r >= 0 && plan->seccomp)
                r = seccomp_profile_load(&filter, plan->seccomp, plan->capabilities, e);
        if (r >= 0 && plan->netns_path)
                r = namespaces_join_net(plan->netns_path, e);
        if (r >= 0)
                r = enter_user(plan, request->source, e);
        if (r >= 0)
                r = fuse_mounts_open(request->fuses, e);
        if (r >= 0)
                r = rootfs_source_serve(request->source, !plan->userns, e);
        if (r >= 0)
                r = data_images_serve(request->data, !plan->userns, e);
        if (r >= 0)
                r = overlay_open(&stack, plan, request->overlay_settings, notes, e);
        if (r >= 0 && pid)
                r = namespaces_unshare(CLONE_NEWPID, e);
        if (r < 0)
                return err_ctx(e, r, "container creation failed");
        if (pid)
                return launch_with_parent(request, &stack, &filter, notes, e);
        return launch_inside(request, &stack, &filter, NULL, notes, e);
}
