#include "run/session.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "run/mount.h"

int session_make(struct session *session, const struct plan *plan, struct err *e)
{
        static const char *const parts[] = { SESSION_IMAGE, SESSION_MOUNTPOINTS, SESSION_FINAL };
        _cleanup_mount_tree_ struct mount_tree tree = MOUNT_TREE_INIT;
        _cleanup_text_ struct text options = TEXT_INIT;
        int r;

        text_add(&options, "mode=1777");
        if (plan->session_bytes && strcmp(plan->memory_fs, "tmpfs") == 0)
                text_printf(&options, ",size=%llu", (unsigned long long) plan->session_bytes);
        r = mount_new(&tree, plan->memory_fs, NULL, text_get(&options), MOUNT_NOSUID, e);
        if (r >= 0)
                r = mount_attach_over_root(&tree, e);
        if (r < 0)
                return err_ctx(e, r, "session");
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (mkdirat(tree.fd, parts[i], 0755) < 0)
                        return err_errno(e, -errno, "session: making %s", parts[i]);
        session->fd = fd_take(&tree.fd);
        return 0;
}

static int make_file(int session, const char *path, mode_t mode, const char *text)
{
        _cleanup_close_ int fd =
                openat(session, path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);

        if (fd < 0)
                return -errno;
        return text && *text ? fd_write_all(fd, text, strlen(text)) : 0;
}

static int make(int session, const struct plan_entry *entry)
{
        int r = 0;

        switch (entry->kind) {
        case PLAN_ENTRY_DIRECTORY:
                r = mkdirat(session, entry->path, entry->mode);
                break;
        case PLAN_ENTRY_FILE:
                return make_file(session, entry->path, entry->mode, entry->text);
        case PLAN_ENTRY_LINK:
                r = symlinkat(entry->text, session, entry->path);
                break;
        default:
                break;
        }
        return r < 0 ? -errno : 0;
}

/* The same directory may be named twice, and as the parent of an earlier one. */
static int make_with_parents(int session, const struct plan_entry *entry)
{
        int r = make(session, entry);

        if (r == -ENOENT) {
                _cleanup_free_ char *dir = path_dir(entry->path);

                r = fd_mkdir_in(session, dir, 0755);
                if (r >= 0)
                        r = make(session, entry);
        }
        if (r == -EEXIST && entry->kind == PLAN_ENTRY_DIRECTORY)
                r = fchmodat(session, entry->path, entry->mode, 0) < 0 ? -errno : 0;
        return r;
}

/* passwd or group: made of the image's own text; an image without one gets one with the user alone. */
static int make_account_file(const struct session *session, const struct plan *plan,
                             const struct plan_entry *entry, int image, struct err *e)
{
        _cleanup_close_ int fd = fd_open_in(image, entry->path, O_RDONLY | O_NONBLOCK, 0);
        _cleanup_free_ char *text = NULL;
        _cleanup_text_ struct text made = TEXT_INIT;
        struct plan_entry file = { .kind = PLAN_ENTRY_FILE, .path = entry->path, .mode = entry->mode };
        struct stat status;
        int r;

        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
                r = fd_read_all(fd, ACCOUNT_FILE_MAX, &text, NULL);
                if (r < 0)
                        return err_errno(e, r, "reading the image's /%s", entry->path);
        }
        if (entry->kind == PLAN_ENTRY_PASSWD)
                account_passwd(text ? text : "", &plan->user, plan->home, &made);
        else
                account_group(text ? text : "", plan->user.name, plan->groups, plan->n_groups, &made);
        file.text = text_take(&made);
        r = make_with_parents(session->fd, &file);
        free(file.text);
        return r < 0 ? err_errno(e, r, "making /%s", entry->path) : 0;
}

static int make_host_directory(const struct plan_entry *entry, struct err *e)
{
        _cleanup_free_ char *dir = path_dir(entry->path);
        _cleanup_close_ int root = -EBADF;
        int r = mkdir(entry->path, entry->mode) < 0 ? -errno : 0;

        if (r == -ENOENT) {
                root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                r = root < 0 ? -errno : fd_mkdir_in(root, dir, 0755);
                if (r >= 0)
                        r = mkdir(entry->path, entry->mode) < 0 ? -errno : 0;
        }
        return r < 0 && r != -EEXIST ? err_errno(e, r, "making the directory %s", entry->path) : 0;
}

int session_add_entries(const struct session *session, const struct plan *plan, int image, struct err *e)
{
        for (size_t i = 0; i < plan->n_entries; i++) {
                const struct plan_entry *entry = &plan->entries[i];
                int r;

                switch (entry->kind) {
                case PLAN_ENTRY_PASSWD:
                case PLAN_ENTRY_GROUP:
                        r = make_account_file(session, plan, entry, image, e);
                        break;
                case PLAN_ENTRY_HOST_DIRECTORY:
                        r = make_host_directory(entry, e);
                        break;
                case PLAN_ENTRY_LAYER_LINK:
                        r = 0;
                        break;
                default:
                        r = make_with_parents(session->fd, entry);
                        if (r < 0)
                                err_errno(e, r, "session: making %s", entry->path);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}
