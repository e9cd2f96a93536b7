#include "run/underlay.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "run/mount.h"
#include "run/session.h"

/* One directory of the root while it is put together; all borrowed but for `path`. */
struct build {
        int session;
        int image; /* root of the image */
        unsigned n_entries;
        struct err *e;
};

static int build_directory(struct build *b, int points, int into, const char *path);

static int copy_link(int from, const char *name, int into)
{
        char link[PATH_MAX];
        ssize_t n = readlinkat(from, name, link, sizeof(link) - 1);

        if (n < 0)
                return -errno;
        link[n] = '\0';
        return symlinkat(link, into, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_file(int into, const char *name)
{
        _cleanup_close_ int fd = openat(into, name, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);

        return fd < 0 ? -errno : 0;
}

/* Binds the image's `path` on a place of the same kind. */
static int bind_entry(struct build *b, int into, const char *name, const char *path, bool directory)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        int r = directory ? (mkdirat(into, name, 0755) < 0 ? -errno : 0) : make_file(into, name);

        if (r < 0)
                return err_errno(b->e, r, "underlay: making %s", path);
        r = mount_bind(&tree, b->image, path, MOUNT_READONLY, b->e);
        if (r >= 0)
                r = mount_attach(&tree, into, name, b->e);
        return r < 0 ? err_ctx(b->e, r, "underlay: %s", path) : 0;
}

/* An entry of the image's directory, unless the skeleton has made it. */
static int build_image_entry(struct build *b, int dir, int points, int into, const char *name,
                             const char *path)
{
        struct stat status, made;
        bool in_points = points >= 0 && fstatat(points, name, &made, AT_SYMLINK_NOFOLLOW) == 0;
        int r;

        if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(b->e, -errno, "underlay: %s", path);
        if (in_points && S_ISDIR(made.st_mode) && S_ISDIR(status.st_mode)) {
                _cleanup_close_ int below =
                        openat(points, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (mkdirat(into, name, status.st_mode & 01777) < 0)
                        return err_errno(b->e, -errno, "underlay: making %s", path);
                _cleanup_close_ int inner =
                        openat(into, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (below < 0 || inner < 0)
                        return err_errno(b->e, -errno, "underlay: opening %s", path);
                return build_directory(b, below, inner, path);
        }
        if (in_points)
                return 0;
        if (S_ISLNK(status.st_mode)) {
                r = copy_link(dir, name, into);
                return r < 0 ? err_errno(b->e, r, "underlay: link %s", path) : 0;
        }
        return bind_entry(b, into, name, path, S_ISDIR(status.st_mode));
}

/* What the skeleton has and the image has not (or as something else). */
static int build_point(struct build *b, int points, int into, const char *name, const char *path)
{
        struct stat made;
        int r;

        if (fstatat(points, name, &made, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(b->e, -errno, "underlay: %s", path);
        if (S_ISLNK(made.st_mode)) {
                r = copy_link(points, name, into);
        } else if (S_ISDIR(made.st_mode)) {
                if (mkdirat(into, name, 0755) < 0) /* made from the image's */
                        return errno == EEXIST ? 0 : err_errno(b->e, -errno, "underlay: making %s", path);
                _cleanup_close_ int below =
                        openat(points, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                _cleanup_close_ int inner =
                        openat(into, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (below < 0 || inner < 0)
                        return err_errno(b->e, -errno, "underlay: opening %s", path);
                return build_directory(b, below, inner, path);
        } else {
                r = make_file(into, name);
        }
        return r < 0 ? err_errno(b->e, r, "underlay: making %s", path) : 0;
}

typedef int (*visitor)(struct build *b, int dir, int points, int into, const char *name, const char *path);

static int visit_point(struct build *b, int dir, int points, int into, const char *name, const char *path)
{
        (void) dir;
        return build_point(b, points, into, name, path);
}

static int visit(struct build *b, int dir, int points, int into, const char *path, visitor entry_of)
{
        int list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *stream = list < 0 ? NULL : fdopendir(list);

        if (!stream)
                return err_errno(b->e, -errno, "underlay: listing %s", path);
        for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
                _cleanup_free_ char *below = NULL;
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (++b->n_entries > UNDERLAY_ENTRIES_MAX)
                        return err_set(b->e, -E2BIG,
                                       "underlay: more than %d entries in directories with missing "
                                       "mount points",
                                       UNDERLAY_ENTRIES_MAX);
                below = *path ? text_format("%s/%s", path, entry->d_name) : text_dup(entry->d_name);
                r = entry_of(b, dir, points, into, entry->d_name, below);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* path: of this directory, in the image as in the skeleton; "" is the root. */
static int build_directory(struct build *b, int points, int into, const char *path)
{
        _cleanup_close_ int dir =
                openat(b->image, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r = 0;

        if (dir >= 0)
                r = visit(b, dir, points, into, path, build_image_entry);
        return r < 0 ? r : visit(b, points, points, into, path, visit_point);
}

int underlay_mount(int session, int image, int points, int *ret, struct err *e)
{
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        struct build b = { .session = session, .image = image, .e = e };
        int r;

        if (mkdirat(session, SESSION_UNDERLAY, 0755) < 0)
                return err_errno(e, -errno, "session: making " SESSION_UNDERLAY);
        _cleanup_close_ int into = openat(session, SESSION_UNDERLAY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (into < 0)
                return err_errno(e, -errno, "session: opening " SESSION_UNDERLAY);
        r = build_directory(&b, points, into, "");
        if (r >= 0)
                r = mount_bind(&tree, session, SESSION_UNDERLAY, MOUNT_RECURSIVE | MOUNT_READONLY, e);
        if (r >= 0)
                r = mount_attach(&tree, session, SESSION_FINAL, e);
        if (r < 0)
                return r;
        *ret = fd_take(&tree.fd);
        return 0;
}
