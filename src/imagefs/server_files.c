#include "imagefs/server_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "imagefs/server_workers.h"

/* Seconds that the kernel may believe an answer: thirty years. */
#define FOR_EVER 1e9

/* Requests that the kernel may have sent ahead of need. */
#define BACKGROUND_MAX 64

#define LIST_MAX 1048576U /* bytes of one listing's answer */

struct thread {
        struct files *files;
        struct squashfs_reader *reader;
        char *listing; /* LIST_MAX bytes, made on first use */
        struct data_pieces pieces;
};

void *files_thread_started(void *user)
{
        struct thread *t = calloc(1, sizeof(*t));
        struct files *files = user;

        if (!t || squashfs_reader_clone(&t->reader, files->reader, NULL) < 0)
                _exit(1);
        t->files = files;
        return t;
}

static uint64_t reference_of(const struct thread *t, fuse_ino_t node)
{
        return node == FUSE_ROOT_ID ? squashfs_reader_super(t->reader)->root_inode : node - 2;
}

/* What the kernel is told: damage is EIO, whatever we call it. */
static void reply_failure(fuse_req_t request, int code)
{
        fuse_reply_err(request, code == -ENOENT || code == -ENOTDIR || code == -ENOMEM ? -code : EIO);
}

static void take_ids(const struct files *files, struct stat *status)
{
        if (!files->own_ids)
                return;
        status->st_uid = files->uid;
        status->st_gid = files->gid;
}

static int make_entry(struct thread *t, uint64_t reference, struct fuse_entry_param *ret)
{
        *ret = (struct fuse_entry_param){ .ino = reference + 2,
                                          .attr_timeout = FOR_EVER,
                                          .entry_timeout = FOR_EVER };
        int r = squashfs_stat(t->reader, reference, &ret->attr, NULL);

        take_ids(t->files, &ret->attr);
        return r;
}

static void files_init(void *user, struct fuse_conn_info *connection)
{
        const unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_READDIRPLUS | FUSE_CAP_NO_OPEN_SUPPORT |
                                FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS |
                                FUSE_CAP_NO_OPENDIR_SUPPORT | FUSE_CAP_EXPLICIT_INVAL_DATA;

        (void) user;
        connection->want = wanted & connection->capable;
        connection->max_background = BACKGROUND_MAX;
        connection->congestion_threshold = BACKGROUND_MAX * 3 / 4;
        connection->max_read = DATA_READ_MAX;
        connection->time_gran = 1000000000;
}

static void files_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
        struct thread *t = workers_user();
        struct fuse_entry_param entry = { .entry_timeout = FOR_EVER };
        struct squashfs_inode *dir;
        uint64_t reference = 0;
        int r = squashfs_inode_read(t->reader, reference_of(t, parent), &dir, NULL);

        if (r == 0) {
                r = squashfs_directory_find(t->reader, dir, name, strlen(name), &reference, NULL);
                squashfs_inode_free(dir);
        }
        if (r == -ENOENT) {
                fuse_reply_entry(request, &entry); /* node 0: remembered as absent */
                return;
        }
        if (r == 0)
                r = make_entry(t, reference, &entry);
        if (r == 0)
                fuse_reply_entry(request, &entry);
        else
                reply_failure(request, r);
}

static void files_getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
        struct thread *t = workers_user();
        struct stat status;
        int r = squashfs_stat(t->reader, reference_of(t, node), &status, NULL);

        (void) info;
        if (r < 0) {
                reply_failure(request, r);
                return;
        }
        take_ids(t->files, &status);
        fuse_reply_attr(request, &status, FOR_EVER);
}

static void files_readlink(fuse_req_t request, fuse_ino_t node)
{
        struct thread *t = workers_user();
        struct squashfs_inode *inode;
        int r = squashfs_inode_read(t->reader, reference_of(t, node), &inode, NULL);

        if (r < 0) {
                reply_failure(request, r);
                return;
        }
        if (squashfs_inode_link(inode))
                fuse_reply_readlink(request, squashfs_inode_link(inode));
        else
                fuse_reply_err(request, EINVAL);
        squashfs_inode_free(inode);
}

/* No open and no close: the kernel learns it from the first answer and never asks again. */
static void files_open(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
        (void) node;
        (void) info;
        fuse_reply_err(request, ENOSYS);
}

static void files_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                       struct fuse_file_info *info)
{
        struct thread *t = workers_user();
        int r = data_read(t->files->data, t->reader, reference_of(t, node), (uint64_t) offset, size,
                          workers_lend, &t->pieces, NULL);

        (void) info;
        if (r < 0) {
                reply_failure(request, r);
                return;
        }
        fuse_reply_iov(request, t->pieces.at, (int) t->pieces.n);
        data_release(t->files->data, &t->pieces);
}

/* --- listings ------------------------------------------------------------------------------------
 *
 * Offsets: 1 is behind ".", 2 behind "..", then 2 more than the reader's own positions. */

struct listing {
        struct thread *thread;
        fuse_req_t request;
        size_t size, used;
        bool plus; /* with attributes */
};

/* Adds one entry; false when there is no room for it. */
static bool list_add(struct listing *l, const char *name, const struct fuse_entry_param *entry, off_t next)
{
        char *at = l->thread->listing + l->used;
        size_t left = l->size - l->used;
        size_t n = l->plus ? fuse_add_direntry_plus(l->request, at, left, name, entry, next)
                           : fuse_add_direntry(l->request, at, left, name, &entry->attr, next);

        if (n > left)
                return false;
        l->used += n;
        return true;
}

static bool list_dots(struct listing *l, const struct squashfs_inode *dir, off_t offset)
{
        struct fuse_entry_param entry = { 0 }; /* node 0: no attributes */
        struct stat own;

        squashfs_inode_stat(dir, &own);
        entry.attr.st_mode = S_IFDIR;
        entry.attr.st_ino = own.st_ino;
        if (offset < 1 && !list_add(l, ".", &entry, 1))
                return false;
        entry.attr.st_ino = squashfs_directory_parent(dir);
        return offset >= 2 || list_add(l, "..", &entry, 2);
}

static int list_visit(const struct squashfs_entry *found, void *user)
{
        struct listing *l = user;
        struct fuse_entry_param entry = { 0 };
        char name[SQUASHFS_NAME_MAX + 1];

        memcpy(name, found->name, found->name_size);
        name[found->name_size] = '\0';
        /* An inode that cannot be read is listed all the same; who looks at it is told. */
        if (!l->plus || make_entry(l->thread, found->reference, &entry) < 0) {
                entry = (struct fuse_entry_param){ 0 };
                entry.attr.st_ino = found->inode_number;
                entry.attr.st_mode = found->mode_type;
        }
        return list_add(l, name, &entry, (off_t) found->next + 2) ? 0 : 1;
}

static void list(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, bool plus)
{
        struct thread *t = workers_user();
        struct listing l = { .thread = t, .request = request, .plus = plus };
        struct squashfs_inode *dir;
        int r;

        l.size = size < LIST_MAX ? size : LIST_MAX;
        if (!t->listing)
                t->listing = malloc(LIST_MAX);
        if (!t->listing) {
                fuse_reply_err(request, ENOMEM);
                return;
        }
        r = squashfs_inode_read(t->reader, reference_of(t, node), &dir, NULL);
        if (r < 0) {
                reply_failure(request, r);
                return;
        }
        if (list_dots(&l, dir, offset))
                r = squashfs_directory_read(t->reader, dir, offset > 2 ? (uint64_t) offset - 2 : 0,
                                            list_visit, &l, NULL);
        squashfs_inode_free(dir);
        if (r < 0 && l.used == 0)
                reply_failure(request, r);
        else
                fuse_reply_buf(request, t->listing, l.used);
}

static void files_readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                          struct fuse_file_info *info)
{
        (void) info;
        list(request, node, size, offset, false);
}

static void files_readdirplus(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                              struct fuse_file_info *info)
{
        (void) info;
        list(request, node, size, offset, true);
}

static void files_statfs(fuse_req_t request, fuse_ino_t node)
{
        struct thread *t = workers_user();
        const struct squashfs_super *super = squashfs_reader_super(t->reader);
        struct statvfs status = { .f_bsize = super->block_size,
                                  .f_frsize = super->block_size,
                                  .f_blocks = (super->bytes_used - 1) / super->block_size + 1,
                                  .f_files = super->n_inodes,
                                  .f_namemax = SQUASHFS_NAME_MAX };

        (void) node;
        fuse_reply_statfs(request, &status);
}

/* --- extended attributes --------------------------------------------------------------------------- */

struct xattr_search {
        const char *name; /* NULL: collect all names */
        char *value;      /* owned: the value, or the names */
        size_t size, room;
};

static int xattr_keep(struct xattr_search *s, const void *bytes, size_t size)
{
        if (size > s->room - s->size) {
                char *bigger = realloc(s->value, s->size + size);

                if (!bigger)
                        return -ENOMEM;
                s->value = bigger;
                s->room = s->size + size;
        }
        memcpy(s->value + s->size, bytes, size);
        s->size += size;
        return 0;
}

static int xattr_visit(const char *name, const void *value, size_t size, void *user)
{
        struct xattr_search *s = user;

        if (!s->name)
                return xattr_keep(s, name, strlen(name) + 1);
        if (strcmp(name, s->name) != 0)
                return 0;
        return xattr_keep(s, value, size) < 0 ? -ENOMEM : 1;
}

static void xattr_answer(fuse_req_t request, fuse_ino_t node, const char *name, size_t size)
{
        struct thread *t = workers_user();
        struct xattr_search search = { .name = name };
        struct squashfs_inode *inode;
        int r = squashfs_inode_read(t->reader, reference_of(t, node), &inode, NULL);

        if (r == 0) {
                r = squashfs_xattrs_read(t->reader, inode, xattr_visit, &search, NULL);
                squashfs_inode_free(inode);
        }
        if (r < 0)
                reply_failure(request, r);
        else if (name && r == 0)
                fuse_reply_err(request, ENODATA);
        else if (size == 0)
                fuse_reply_xattr(request, search.size);
        else if (search.size > size)
                fuse_reply_err(request, ERANGE);
        else
                fuse_reply_buf(request, search.value, search.size);
        free(search.value);
}

static void files_getxattr(fuse_req_t request, fuse_ino_t node, const char *name, size_t size)
{
        xattr_answer(request, node, name, size);
}

static void files_listxattr(fuse_req_t request, fuse_ino_t node, size_t size)
{
        xattr_answer(request, node, NULL, size);
}

/* --- session -------------------------------------------------------------------------------------- */

int files_session_new(struct fuse_session **ret, struct files *files, struct server_mount *m, struct err *e)
{
        struct fuse_lowlevel_ops operations = { .init = files_init,
                                                .lookup = files_lookup,
                                                .getattr = files_getattr,
                                                .readlink = files_readlink,
                                                .open = files_open,
                                                .opendir = files_open,
                                                .read = files_read,
                                                .readdir = files_readdir,
                                                .readdirplus = files_readdirplus,
                                                .statfs = files_statfs };
        char *argv[] = { (char[]){ "imagefs" }, (char[]){ "-omax_read=1048576" }, NULL };
        struct fuse_args arguments = FUSE_ARGS_INIT(2, argv);
        struct fuse_session *session;
        char device[32];

        /* Without these the kernel is told once that there are none, and does not ask for each file:
         * overlayfs looks for marks of its own on every directory. */
        if (squashfs_reader_has_xattrs(files->reader)) {
                operations.getxattr = files_getxattr;
                operations.listxattr = files_listxattr;
        }
        session = fuse_session_new(&arguments, &operations, sizeof(operations), files);
        if (!session)
                return err_set(e, -EIO, "libfuse refuses the session");
        snprintf(device, sizeof(device), "/dev/fd/%d", m->fuse);
        if (fuse_session_mount(session, device) != 0) {
                fuse_session_destroy(session);
                return err_set(e, -EIO, "libfuse refuses the device");
        }
        m->fuse = -EBADF;
        *ret = session;
        return 0;
}
