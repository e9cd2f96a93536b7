#include "run/root.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "run/layer.h"
#include "run/mount.h"
#include "sys/sys.h"

/* A mount of the plan while it is carried out. */
struct step {
        const struct plan_mount *mount;
        struct layer_place place;
        size_t place_size; /* of its path */
        int source;        /* owned: PLAN_IMAGE: what is bound */
        bool directory;    /* what to make when it is missing; else a file */
        bool below_fuse;   /* looking at its place would wait for a program that is not started yet */
        bool skip;
        bool covered; /* an earlier mount is over its place: what is there is seen only when that is done */
};

struct assembly {
        const struct plan *plan;
        const struct session *session;
        const struct data_images *data;
        const struct fuse_mounts *fuses;
        struct overlay_stack *stack;
        const struct notes *notes;
        struct layer layer;
        struct step *steps; /* one per mount of the plan */
        struct stat cwd;    /* the caller's working directory */
        char *cwd_resolved; /* owned; NULL when it is deleted */
        int root;
};

static void assembly_done(struct assembly *a)
{
        for (size_t i = 0; i < a->plan->n_mounts; i++) {
                free(a->steps[i].place.path);
                clean_close(&a->steps[i].source);
        }
        free(a->steps);
        free(a->cwd_resolved);
        layer_done(&a->layer);
        clean_close(&a->root);
}

/* --- before mounting: mount points -------------------------------------------------------------------- */

/* `a` is the same place as `b` or above it.  Most pairs of many are told apart without reading the paths. */
static bool covers(const struct step *a, const struct step *b)
{
        size_t size = a->place_size;
        const char *path = b->place.path;

        if (size == 0)
                return true;
        return size <= b->place_size && (path[size] == '/' || path[size] == '\0') &&
               memcmp(a->place.path, path, size) == 0;
}

/* Decides from where everything will be whether this one is skipped or covered. */
static void compare_with_earlier(struct assembly *a, size_t index)
{
        struct step *step = &a->steps[index];

        for (size_t i = 0; i < index; i++) {
                const struct step *other = &a->steps[i];

                if (other->skip || other->mount->flags & PLAN_STAGED)
                        continue;
                if (!covers(other, step))
                        continue;
                step->covered = true;
                if (other->mount->from == PLAN_FUSE)
                        step->below_fuse = true;
                if (step->place_size == other->place_size) {
                        bool not_twice = step->mount->flags & PLAN_NOT_TWICE &&
                                         step->mount->group == other->mount->group;

                        if (not_twice || step->mount->flags & PLAN_CALLER_CWD)
                                step->skip = true;
                }
        }
}

/* Spec runtime.md, 3.14: links that lead elsewhere in the image than on the host. */
static bool cwd_leads_elsewhere(const struct assembly *a, const struct step *step)
{
        const char *named = step->mount->target + 1;
        bool host_link = a->cwd_resolved && strcmp(a->cwd_resolved, step->mount->target) != 0;
        bool image_link = strcmp(step->place.path, named) != 0;

        return host_link && image_link && strcmp(step->place.path, a->cwd_resolved + 1) != 0;
}

static int skip_cwd(struct assembly *a, struct step *step, const char *why)
{
        note(a->notes, LOG_VERBOSE, "Not mounting CWD %s: %s", step->mount->target, why);
        step->skip = true;
        return 0;
}

static int find_source(const struct assembly *a, struct step *step, struct err *e)
{
        const struct plan_mount *m = step->mount;
        struct stat status;

        step->directory = m->flags & PLAN_DIRECTORY;
        if (m->from != PLAN_IMAGE)
                return 0;
        step->source = data_images_find(a->data, m->number, m->source, e);
        if (step->source < 0)
                return step->source;
        step->directory = fstat(step->source, &status) == 0 && S_ISDIR(status.st_mode);
        return 0;
}

/* -w: nothing is made in the image for mount points (spec runtime.md, 3.1). */
static int refuse_to_make(struct assembly *a, struct step *step, struct err *e)
{
        const struct plan_mount *m = step->mount;

        switch (m->group) {
        case PLAN_CWD:
                return skip_cwd(a, step, "the image has no such directory, and --writable makes none");
        case PLAN_HOSTFS:
        case PLAN_BINDS:
        case PLAN_KERNEL:
        case PLAN_TMP:
        case PLAN_FILES:
                note(a->notes, LOG_WARNING,
                     "Skipping mount %s: the image has no %s, and --writable makes no mount points",
                     m->source, m->target);
                step->skip = true;
                return 0;
        default:
                err_set(e, -ENOENT, "mounting %s: the image has no %s, and --writable makes no mount points",
                        m->source, m->target);
                return err_hint(e, -ENOENT, "make it in the image directory first, or use --writable-tmpfs");
        }
}

static int prepare_step(struct assembly *a, size_t index, struct err *e)
{
        struct step *step = &a->steps[index];
        const struct plan_mount *m = step->mount;
        bool is_cwd = m->flags & PLAN_CALLER_CWD;
        bool own_name = m->flags & PLAN_HIDES_LINK && !a->plan->image_writable;
        int r = find_source(a, step, e);

        if (r < 0)
                return r;
        r = layer_find(&a->layer, m->target, own_name, &step->place);
        if (r < 0 && is_cwd) {
                step->place.path = text_dup(m->target + 1);
                return skip_cwd(a, step, strerror(-r));
        }
        if (r < 0)
                return err_errno(e, r, "mount point %s in the image", m->target);
        step->place_size = strlen(step->place.path);
        compare_with_earlier(a, index);
        if (step->below_fuse && is_cwd)
                return skip_cwd(a, step, "it lies in a file system of --fusemount");
        if (step->below_fuse)
                return err_set(e, -EINVAL, "%s: nothing can be mounted in a file system of --fusemount",
                               m->target);
        if (step->skip || step->covered)
                return 0;
        if (is_cwd && cwd_leads_elsewhere(a, step))
                return skip_cwd(a, step, "symlinks with different destination between host and container");
        if (step->place.exists)
                return 0;
        if (is_cwd && step->place.through_link)
                return skip_cwd(a, step, "a symlink of the image leads to where it does not exist");
        if (a->plan->image_writable)
                return refuse_to_make(a, step, e);
        r = layer_add(&a->layer, step->place.path, step->directory);
        if (r < 0 && is_cwd)
                return skip_cwd(a, step, strerror(-r));
        return r < 0 ? err_errno(e, r, "making the mount point %s", m->target) : 0;
}

static int prepare(struct assembly *a, struct err *e)
{
        for (size_t i = 0; i < a->plan->n_entries; i++) {
                const struct plan_entry *entry = &a->plan->entries[i];
                struct layer_place place = { .path = NULL };
                int r;

                if (entry->kind != PLAN_ENTRY_LAYER_LINK)
                        continue;
                r = layer_find(&a->layer, entry->path, true, &place);
                if (r >= 0)
                        r = layer_add_link(&a->layer, place.path, entry->text);
                free(place.path);
                if (r < 0)
                        return err_errno(e, r, "making the link %s", entry->path);
        }
        for (size_t i = 0; i < a->plan->n_mounts; i++) {
                int r;

                a->steps[i].mount = &a->plan->mounts[i];
                if (a->plan->mounts[i].flags & PLAN_STAGED) {
                        a->steps[i].place.path = text_dup(a->plan->mounts[i].target);
                        continue;
                }
                r = prepare_step(a, i, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- mounting ------------------------------------------------------------------------------------------- */

static int make_fuse_tree(const struct assembly *a, const struct plan_mount *m, struct mount_tree *tree,
                          struct err *e)
{
        _cleanup_free_ char *options = fuse_mounts_options(a->fuses, a->plan, m->number);

        return mount_new(tree, "fuse", m->source, options, m->flags, e);
}

static int make_tree(const struct assembly *a, const struct step *step, struct mount_tree *tree,
                     struct err *e)
{
        const struct plan_mount *m = step->mount;

        switch (m->from) {
        case PLAN_HOST:
                return mount_bind(tree, AT_FDCWD, m->source, m->flags, e);
        case PLAN_SESSION:
                return mount_bind(tree, a->session->fd, m->source, m->flags, e);
        case PLAN_FRESH:
                return mount_new(tree, m->source, NULL, m->options, m->flags, e);
        case PLAN_FUSE:
                return make_fuse_tree(a, m, tree, e);
        case PLAN_IMAGE:
                return mount_bind(tree, step->source, "", m->flags, e);
        }
        return -EINVAL;
}

/* A mount point below a directory that was mounted before is made there, as the user asked for. */
static int make_point_below(const struct assembly *a, const struct step *step)
{
        const struct plan_mount *m = step->mount;
        _cleanup_free_ char *dir = path_dir(m->target);
        _cleanup_close_ int parent = -EBADF, fd = -EBADF;
        int r = fd_mkdir_in(a->root, step->directory ? m->target : dir, 0755);

        if (r < 0 || step->directory)
                return r;
        parent = fd_open_in(a->root, dir, O_PATH | O_DIRECTORY, 0);
        if (parent < 0)
                return parent;
        fd = openat(parent, path_base(m->target), O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                    0644);
        return fd < 0 ? -errno : 0;
}

static int attach(struct assembly *a, const struct step *step, struct mount_tree *tree, struct err *e)
{
        const struct plan_mount *m = step->mount;
        struct err first = ERR_INIT;
        int r;

        if (m->flags & PLAN_STAGED)
                return mount_attach(tree, a->session->fd, m->target, e);
        r = mount_attach(tree, a->root, m->target, &first);
        /* Below another mount; or in a place that a writable layer has deleted, where it is wanted again now.
         */
        if (r == -ENOENT && (step->covered || a->plan->upper != PLAN_UPPER_NONE)) {
                r = make_point_below(a, step);
                if (r < 0)
                        return err_errno(e, r, "making the mount point %s below what is mounted there",
                                         m->target);
                return mount_attach(tree, a->root, m->target, e);
        }
        if (r == -ENOTDIR)
                err_hint(&first, r, "a directory can be mounted on a directory only, and a file on a file");
        if (r < 0 && e)
                *e = first;
        return r;
}

/* Whether the caller's directory is seen there already, by way of another mount. */
static bool cwd_is_there(const struct assembly *a, const struct plan_mount *m, int *ret_missing)
{
        _cleanup_close_ int fd = fd_open_in(a->root, m->target, O_PATH, 0);
        struct stat there;

        *ret_missing = fd < 0 ? fd : 0;
        return fd >= 0 && fstat(fd, &there) == 0 && there.st_dev == a->cwd.st_dev &&
               there.st_ino == a->cwd.st_ino;
}

static int apply_step(struct assembly *a, struct step *step, struct err *e)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        const struct plan_mount *m = step->mount;
        int r;

        r = make_tree(a, step, &tree, e);
        if (r >= 0)
                r = attach(a, step, &tree, e);
        return r < 0 ? err_ctx(e, r, "mounting %s on %s", m->source, m->target) : 0;
}

static int apply(struct assembly *a, struct step *step, struct err *e)
{
        const struct plan_mount *m = step->mount;
        struct err failed = ERR_INIT;
        int r, missing;

        if (step->skip)
                return 0;
        if (m->flags & PLAN_CALLER_CWD) {
                if (cwd_is_there(a, m, &missing))
                        return 0;
                if (missing < 0)
                        return skip_cwd(a, step, strerror(-missing));
        }
        r = apply_step(a, step, &failed);
        if (r >= 0)
                return 0;
        if (m->flags & PLAN_CALLER_CWD)
                return skip_cwd(a, step, failed.text);
        if (m->flags & (PLAN_MAY_FAIL | PLAN_MAY_FAIL_QUIETLY)) {
                note(a->notes, m->flags & PLAN_MAY_FAIL ? LOG_WARNING : LOG_VERBOSE, "%s", failed.text);
                return 0;
        }
        if (e)
                *e = failed;
        return r;
}

static int assemble(struct assembly *a, int image, struct err *e)
{
        int r = layer_init(&a->layer, a->session, image, a->stack, e);

        if (r >= 0)
                r = session_add_entries(a->session, a->plan, a->layer.image, e);
        if (r >= 0)
                r = prepare(a, e);
        if (r >= 0)
                r = layer_mount(&a->layer, a->plan->underlay || a->plan->image_writable, a->notes, &a->root,
                                e);
        for (size_t i = 0; i < a->plan->n_mounts && r >= 0; i++)
                r = apply(a, &a->steps[i], e);
        return r;
}

int root_assemble(const struct plan *plan, const struct session *session, int image,
                  struct overlay_stack *stack, const struct data_images *data,
                  const struct fuse_mounts *fuses, const struct notes *notes, int *ret, struct err *e)
{
        _cleanup_(assembly_done) struct assembly a = {
                .plan = plan,
                .session = session,
                .data = data,
                .fuses = fuses,
                .stack = stack,
                .notes = notes,
                .layer = LAYER_INIT,
                .steps = text_alloc((plan->n_mounts + 1) * sizeof(struct step)),
                .root = -EBADF,
        };
        int r;

        for (size_t i = 0; i < plan->n_mounts; i++)
                a.steps[i].source = -EBADF;

        if (stat(".", &a.cwd) == 0)
                a.cwd_resolved = getcwd(NULL, 0);
        r = assemble(&a, image, e);
        if (r < 0)
                return r;
        *ret = fd_take(&a.root);
        return 0;
}

/* --- entering ------------------------------------------------------------------------------------------- */

/* Where the host runs from its initial ramfs, "/" cannot be pivoted away from; the new root is moved over it.
 */
static int move_root(struct err *e)
{
        if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
                return err_errno(e, -errno, "moving the container's root to /");
        if (chroot(".") < 0)
                return err_errno(e, -errno, "chroot");
        return 0;
}

/* Stacked over the new root lies the old one, and over that the session. */
static int detach_host(struct err *e)
{
        for (int i = 0; i < 2; i++)
                if (umount2(".", MNT_DETACH) < 0)
                        return err_errno(e, -errno, "letting go of the host's root");
        return 0;
}

int root_enter(int root, struct err *e)
{
        int r;

        if (fchdir(root) < 0)
                return err_errno(e, -errno, "entering the container's root");
        r = sys_pivot_root(".", ".");
        if (r == -EINVAL)
                r = move_root(e);
        else
                r = r < 0 ? err_errno(e, r, "pivot_root") : detach_host(e);
        if (r < 0)
                return r;
        return chdir("/") < 0 ? err_errno(e, -errno, "entering /") : 0;
}

int root_chdir(const struct plan *plan, const struct notes *notes, const char **ret, struct err *e)
{
        const char *why;

        if (plan->cwd && chdir(plan->cwd) == 0) {
                *ret = plan->cwd;
                return 0;
        }
        why = plan->cwd ? strerror(errno) : "it was deleted";
        if (plan->cwd && plan->cwd_from == PLAN_CWD_ASKED)
                return err_errno(e, -errno, "entering the directory %s", plan->cwd);
        note(notes, LOG_WARNING, "cannot change to the directory %s: %s",
             plan->cwd ? plan->cwd : "of the caller", why);
        if (chdir(plan->home) == 0) {
                *ret = plan->home;
                return 0;
        }
        note(notes, LOG_WARNING, "cannot change to the home directory %s: %s", plan->home, strerror(errno));
        *ret = "/";
        return chdir("/") < 0 ? err_errno(e, -errno, "entering /") : 0;
}
