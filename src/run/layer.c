#include "run/layer.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "run/mount.h"
#include "run/underlay.h"
#include "sys/sys.h"

#define LINKS_MAX 40 /* as the kernel's own limit, path_resolution(7) */

/* With overlays, targets are looked up in all that lies there together: a read-only overlay for this alone,
 * attached to nothing.  Where the kernel cannot make one, the image's own names decide. */
static int open_lookup(const struct session *session, const struct overlay_stack *stack)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        _cleanup_text_ struct text options = TEXT_INIT;

        if (stack->sources && fchdir(session->fd) == 0) {
                text_add(&options, "lowerdir=");
                if (stack->upper)
                        text_printf(&options, "%s/upper:", stack->upper);
                text_printf(&options, "%s" SESSION_IMAGE "%s", text_get(&stack->lower),
                            stack->userxattr ? ",userxattr" : "");
                if (mount_new(&tree, "overlay", NULL, text_get(&options), MOUNT_NODEV, NULL) >= 0 &&
                    !tree.classic)
                        return fd_take(&tree.fd);
        }
        return -EBADF;
}

int layer_init(struct layer *layer, const struct session *session, int image, struct overlay_stack *stack,
               struct err *e)
{
        *layer = (struct layer){
                .session = session->fd, .stack = stack, .image = image, .lookup = -EBADF, .points = -EBADF
        };
        layer->points = openat(session->fd, SESSION_MOUNTPOINTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (layer->points < 0)
                return err_errno(e, -errno, "session: opening " SESSION_MOUNTPOINTS);
        layer->lookup = open_lookup(session, stack);
        if (layer->lookup >= 0)
                layer->image = layer->lookup;
        return 0;
}

void layer_done(struct layer *layer)
{
        clean_close(&layer->lookup);
        clean_close(&layer->points);
        free(layer->parent);
        layer->parent = NULL;
}

/* --- looking up --------------------------------------------------------------------------------------- */

/* The usual cases in one call: no link on the way, and everything is there (0) or the rest is missing
 * (-ENOENT).  Anything else: it takes a walk. */
static int plain(int image, const char *path)
{
        const struct sys_open_how how = { .flags = O_PATH | O_CLOEXEC,
                                          .resolve = SYS_RESOLVE_IN_ROOT | SYS_RESOLVE_NO_SYMLINKS };
        _cleanup_close_ int fd = sys_openat2(image, *path ? path : ".", &how);

        return fd >= 0 ? 0 : fd;
}

/* Whether the path is only names: nothing that a walk would change. */
static bool is_clean(const char *path)
{
        _cleanup_free_ char *clean = path_clean(path);

        return clean[0] != '.' && strcmp(clean, path) == 0;
}

struct search {
        int image;
        struct text done; /* walked so far; holds no links */
        char *rest;       /* owned */
        unsigned links;
        bool missing; /* `done` is no longer there: the rest is only text */
        bool through_link;
};

static void go_up(struct text *done)
{
        while (done->used && done->at[--done->used] != '/')
                ;
        if (done->at)
                done->at[done->used] = '\0';
}

/* Walks one name; a link puts its text in front of the rest. */
static int walk(struct search *s, const char *name, bool follow)
{
        size_t before = s->done.used;
        char link[PATH_MAX];
        ssize_t n;

        if (strcmp(name, "..") == 0) {
                go_up(&s->done);
                return 0;
        }
        text_printf(&s->done, "%s%s", s->done.used ? "/" : "", name);
        if (s->missing)
                return 0;
        n = readlinkat(s->image, s->done.at, link, sizeof(link) - 1);
        if (n < 0 && errno == EINVAL)
                return 0;
        if (n < 0 && errno == ENOENT) {
                s->missing = true;
                return 0;
        }
        if (n < 0)
                return -errno;
        s->through_link = true;
        if (!follow) {
                s->missing = true;
                return 0;
        }
        if (++s->links > LINKS_MAX)
                return -ELOOP;
        link[n] = '\0';
        s->done.used = link[0] == '/' ? 0 : before;
        s->done.at[s->done.used] = '\0';
        char *rest = text_format("%s/%s", link, s->rest);

        free(s->rest);
        s->rest = rest;
        return 0;
}

/* Takes the next name off the rest; false when there is none.  "." is passed over. */
static bool next_name(struct search *s, char *name)
{
        for (;;) {
                char *at = s->rest + strspn(s->rest, "/");
                size_t size = strcspn(at, "/");

                if (size == 0)
                        return false;
                snprintf(name, NAME_MAX + 1, "%.*s", (int) size, at);
                memmove(s->rest, at + size, strlen(at + size) + 1);
                if (strcmp(name, ".") != 0)
                        return true;
        }
}

static void search_done(struct search *s)
{
        text_done(&s->done);
        free(s->rest);
}

int layer_find(const struct layer *layer, const char *target, bool own_name, struct layer_place *ret)
{
        const char *path = target + strspn(target, "/");
        _cleanup_(search_done) struct search s = { .image = layer->image };
        char name[NAME_MAX + 1];
        int r = plain(layer->image, path);

        if (r == 0 || (r == -ENOENT && is_clean(path))) {
                *ret = (struct layer_place){ .path = text_dup(path), .exists = r == 0 };
                return 0;
        }
        s.rest = text_dup(path);
        while (next_name(&s, name)) {
                bool last = s.rest[strspn(s.rest, "/")] == '\0';

                r = walk(&s, name, !(own_name && last));
                if (r < 0)
                        return r;
        }
        *ret = (struct layer_place){ .path = text_take(&s.done),
                                     .exists = !s.missing,
                                     .through_link = s.through_link };
        return 0;
}

/* --- making --------------------------------------------------------------------------------------------- */

/* A directory that the image has too keeps the image's mode: overlayfs shows ours. */
static int make_directory(const struct layer *layer, const char *path)
{
        struct stat status;

        if (mkdirat(layer->points, path, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;
        if (fstatat(layer->image, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) &&
            (status.st_mode & 07777) != 0755 && fchmodat(layer->points, path, status.st_mode & 01777, 0) < 0)
                return -errno;
        return 0;
}

/* The parents of `path`.  Nothing below the directory of mount points is a link on the way: layer_find() has
 * followed the image's, and links of our own are ends. */
static int make_parents(struct layer *layer, const char *path)
{
        const char *end = strrchr(path, '/');
        size_t size = end ? (size_t) (end - path) : 0;

        if (layer->parent && strncmp(layer->parent, path, size) == 0 && layer->parent[size] == '\0')
                return 0;
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                _cleanup_free_ char *parent = text_dup_bytes(path, (size_t) (slash - path));
                int r = make_directory(layer, parent);

                if (r < 0)
                        return r;
        }
        free(layer->parent);
        layer->parent = text_dup_bytes(path, size);
        return 0;
}

int layer_add(struct layer *layer, const char *path, bool directory)
{
        int r = make_parents(layer, path);

        if (r < 0)
                return r;
        layer->used = true;
        if (directory)
                return mkdirat(layer->points, path, 0755) < 0 && errno != EEXIST ? -errno : 0;
        _cleanup_close_ int fd =
                openat(layer->points, path, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);

        return fd < 0 ? -errno : 0;
}

int layer_add_link(struct layer *layer, const char *path, const char *text)
{
        int r = make_parents(layer, path);

        if (r < 0)
                return r;
        layer->used = true;
        return symlinkat(text, layer->points, path) < 0 ? -errno : 0;
}

/* --- mounting --------------------------------------------------------------------------------------------
 */

/* File systems on which overlayfs is known to misbehave as a lower layer (spec runtime.md, 4.3). */
static bool overlay_may_use(int image)
{
        static const long unsuited[] = { 0xF15F, 0x0BD00BD0, 0x47504653, 0xAAD7AAEA };
        struct statfs status;

        if (fstatfs(image, &status) < 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(unsuited); i++)
                if (status.f_type == unsuited[i])
                        return false;
        return true;
}

/* Missing mount points are above what is only read, where nothing can hide them, and below what is written,
 * so that they do not end up there. */
static void overlay_options(const struct layer *layer, const char *extra, struct text *ret)
{
        const struct overlay_stack *stack = layer->stack;
        const char *lower = text_get(&stack->lower);

        if (stack->upper)
                text_printf(ret, "lowerdir=%s" SESSION_MOUNTPOINTS ":" SESSION_IMAGE, lower);
        else
                text_printf(ret, "lowerdir=" SESSION_MOUNTPOINTS ":%s" SESSION_IMAGE, lower);
        if (stack->upper)
                text_printf(ret, ",upperdir=%s/upper,workdir=%s/work", stack->upper, stack->upper);
        text_add(ret, extra);
}

static int try_overlay(struct layer *layer, const char *extra, int *ret, struct err *e)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        _cleanup_text_ struct text options = TEXT_INIT;
        int r;

        overlay_options(layer, extra, &options);
        r = mount_new(&tree, "overlay", NULL, text_get(&options), MOUNT_NODEV, e);
        if (r >= 0)
                r = mount_attach(&tree, layer->session, SESSION_FINAL, e);
        if (r < 0)
                return r;
        *ret = fd_take(&tree.fd);
        return 0;
}

/* Options from best to least; a kernel without one says EINVAL, and ESTALE to an upper layer that was used
 * over another image before. */
static int mount_overlay(struct layer *layer, int *ret, struct err *e)
{
        static const char *const plain[] = { "", NULL };
        static const char *const as_root[] = { ",xino=on", ",xino=on,index=off", "", NULL };
        static const char *const as_user[] = { ",userxattr,xino=on", ",userxattr,xino=on,index=off",
                                               ",userxattr", "", NULL };
        const struct overlay_stack *stack = layer->stack;
        const char *const *extra = !overlay_any(stack) ? plain : (stack->userxattr ? as_user : as_root);
        int r = -EINVAL;

        /* Layers are named from the working directory: overlayfs takes no descriptors before Linux 6.13. */
        if (fchdir(layer->session) < 0)
                return err_errno(e, -errno, "entering the session");
        for (; *extra && (r == -EINVAL || r == -ESTALE); extra++) {
                err_clear(e);
                r = try_overlay(layer, *extra, ret, e);
        }
        return r;
}

/* Not all file systems may be written through the kernel's overlayfs: those without rename exchange and other
 * machines' (spec runtime.md, 4.3). */
static bool upper_suits_kernel(const struct layer *layer)
{
        static const long unsuited[] = { 0x65735546 /* FUSE */, 0x6969 /* NFS */ };
        _cleanup_close_ int upper = -EBADF;
        struct statfs status;

        if (!layer->stack->upper)
                return true;
        upper = openat(layer->session, layer->stack->upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (upper < 0 || fstatfs(upper, &status) < 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(unsuited); i++)
                if (status.f_type == unsuited[i])
                        return false;
        return overlay_may_use(upper);
}

static int mount_by_program(struct layer *layer, int *ret, struct err *e)
{
        struct overlay_stack *stack = layer->stack;
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        _cleanup_text_ struct text options = TEXT_INIT;
        _cleanup_close_ int all = -EBADF;
        int r;

        if (!stack->program)
                return err_set(e, -ENOENT, "fuse-overlayfs is not installed");
        text_add(&options, "allow_other,noacl,");
        overlay_options(layer, "", &options);
        const char *const argv[] = { stack->program, "-f", "-o", text_get(&options), SESSION_FINAL, NULL };

        all = sys_open_tree(layer->session, "",
                            (unsigned) AT_EMPTY_PATH | (unsigned) AT_RECURSIVE | OPEN_TREE_CLONE |
                                    OPEN_TREE_CLOEXEC);
        if (all < 0)
                return err_errno(e, all, "fuse-overlayfs needs Linux 5.2");
        r = fuse_program_mount(&stack->keeper, argv, all, SESSION_FINAL, e);
        if (r >= 0)
                r = mount_adopt(&tree, r, MOUNT_NODEV, e);
        if (r >= 0)
                r = mount_attach(&tree, layer->session, SESSION_FINAL, e);
        if (r < 0)
                return r;
        *ret = fd_take(&tree.fd);
        return 0;
}

static int mount_overlays(struct layer *layer, const struct notes *notes, int *ret, struct err *e)
{
        struct err kernel = ERR_INIT, program = ERR_INIT;
        int r = -EINVAL;

        if (!overlay_may_use(layer->image) || !upper_suits_kernel(layer))
                err_set(&kernel, r, "the kernel's overlayfs does not write to this file system");
        else
                r = mount_overlay(layer, ret, &kernel);
        if (r >= 0)
                return 0;
        note(notes, LOG_VERBOSE, "%s; using fuse-overlayfs instead", kernel.text);
        r = mount_by_program(layer, ret, &program);
        if (r >= 0)
                return 0;
        err_set(e, r, "the image and what lies over it cannot be put together: %s; %s", kernel.text,
                program.text);
        return err_hint(
                e, r,
                "install fuse-overlayfs, or keep what is written in a directory on a local file system: "
                "--overlay DIRECTORY");
}

int layer_mount(struct layer *layer, bool underlay, const struct notes *notes, int *ret, struct err *e)
{
        struct err overlay = ERR_INIT;

        if (!layer->used && underlay) {
                *ret = fcntl(layer->image, F_DUPFD_CLOEXEC, 3);
                return *ret < 0 ? err_errno(e, -errno, "duplicating a descriptor") : 0;
        }
        if (overlay_any(layer->stack))
                return mount_overlays(layer, notes, ret, e);
        if (!underlay && overlay_may_use(layer->image)) {
                if (mount_overlay(layer, ret, &overlay) >= 0)
                        return 0;
                note(notes, LOG_VERBOSE, "no overlayfs, binding around missing mount points instead: %s",
                     overlay.text);
        }
        return underlay_mount(layer->session, layer->image, layer->points, ret, e);
}
