#include "oci/blobs.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "base/text.h"
#include "oci/decompress.h"
#include "oci/layer_list.h"
#include "oci/tar.h"

#define LINKS_MAX 16 /* from member to member; real archives have one */

/* What tells that a file was changed or replaced. */
struct stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec mtime;
};

struct member {
        char *name;
        char *link; /* owned: cleaned name of the member that this one stands for */
        uint64_t offset, size;
        uint8_t *kept;      /* owned: its bytes */
        bool sparse;        /* cannot be read in place */
        size_t ordinal;     /* among members of the same name the last one counts */
        struct stamp stamp; /* of a file in a directory */
};

struct blobs {
        char *path;
        int fd; /* of the directory or archive */
        bool is_archive, is_compressed;
        struct stamp stamp; /* of the archive */
        struct member *members;
        size_t n, room;
        uint64_t kept_total;
        /* One decompression of the archive that goes on from file to file. */
        struct stream *cursor;
        uint64_t cursor_at;
        bool cursor_lent;
};

static struct stamp stamp_of(const struct stat *st)
{
        return (struct stamp){
                .device = st->st_dev, .inode = st->st_ino, .size = st->st_size, .mtime = st->st_mtim
        };
}

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static struct member *member_add(struct blobs *b, const char *name)
{
        struct member *m;

        if (b->n == b->room) {
                b->room = b->room ? 2 * b->room : 64;
                b->members = text_realloc(b->members, b->room * sizeof(*b->members));
        }
        m = &b->members[b->n];
        *m = (struct member){ .name = text_dup(name), .ordinal = b->n };
        b->n++;
        return m;
}

static void member_done(struct member *m)
{
        free(m->name);
        free(m->link);
        free(m->kept);
}

void blobs_free(struct blobs *b)
{
        if (!b)
                return;
        stream_free(b->cursor);
        for (size_t i = 0; i < b->n; i++)
                member_done(&b->members[i]);
        free(b->members);
        free(b->path);
        clean_close(&b->fd);
        free(b);
}

const char *blobs_path(const struct blobs *b)
{
        return b->path;
}

static struct blobs *blobs_new(const char *path)
{
        struct blobs *b = text_alloc(sizeof(*b));

        b->fd = -EBADF;
        b->path = text_dup(path);
        return b;
}

/* --- directories -------------------------------------------------------------------------------------- */

int blobs_open_directory(struct blobs **ret, const char *path, struct err *e)
{
        _cleanup_blobs_ struct blobs *b = blobs_new(path);

        b->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (b->fd < 0 && errno == ENOTDIR) {
                err_set(e, -ENOTDIR, "%s is a file, an OCI layout is a directory", path);
                return err_hint(e, -ENOTDIR, "archives are named oci-archive:FILE or docker-archive:FILE");
        }
        if (b->fd < 0)
                return err_errno(e, -errno, "opening %s", path);
        *ret = ptr_take(&b);
        return 0;
}

static struct member *directory_find(struct blobs *b, const char *name)
{
        for (size_t i = 0; i < b->n; i++)
                if (strcmp(b->members[i].name, name) == 0)
                        return &b->members[i];
        return NULL;
}

/* Opens a file of the directory and compares it with what it was at first. */
static int directory_open(struct blobs *b, const char *name, struct member **ret_member, struct err *e)
{
        _cleanup_close_ int fd = openat(b->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        struct member *m = directory_find(b, name);
        struct stamp stamp;
        struct stat st;

        if (fd < 0)
                return err_errno(e, -errno, "%s/%s", b->path, name);
        if (fstat(fd, &st) < 0)
                return err_errno(e, -errno, "%s/%s", b->path, name);
        if (!S_ISREG(st.st_mode))
                return err_set(e, -EBADMSG, "%s/%s is not a regular file", b->path, name);
        stamp = stamp_of(&st);
        if (!m) {
                m = member_add(b, name);
                m->size = (uint64_t) st.st_size;
                m->stamp = stamp;
        } else if (!stamp_equal(&m->stamp, &stamp)) {
                return err_set(e, -EBADMSG, "%s/%s has changed while it was being read", b->path, name);
        }
        *ret_member = m;
        return fd_take(&fd);
}

/* --- archives ----------------------------------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
        const struct member *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        return order ? order : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void sort_members(struct blobs *b)
{
        size_t n = 0;

        if (b->n == 0)
                return;
        qsort(b->members, b->n, sizeof(*b->members), compare_members);
        for (size_t i = 0; i < b->n; i++) {
                if (i + 1 < b->n && strcmp(b->members[i].name, b->members[i + 1].name) == 0)
                        member_done(&b->members[i]);
                else
                        b->members[n++] = b->members[i];
        }
        b->n = n;
}

static int keep_bytes(struct blobs *b, struct member *m, struct tar *tar, struct err *e)
{
        const void *bytes;
        uint64_t offset;
        size_t size;
        int r;

        if (!b->is_compressed || m->sparse || m->size > BLOBS_KEPT_SIZE_MAX ||
            b->kept_total + m->size > BLOBS_KEPT_TOTAL_MAX)
                return 0;
        m->kept = text_alloc((size_t) m->size + 1);
        b->kept_total += m->size;
        while ((r = tar_data(tar, &bytes, &size, &offset, e)) > 0)
                memcpy(m->kept + offset, bytes, size);
        return r;
}

/* Symbolic links count from the directory of the member, hard links from the root. */
static char *link_name(const char *name, const struct tar_entry *entry)
{
        _cleanup_free_ char *dir = path_dir(name);
        _cleanup_free_ char *whole = NULL;
        char *clean;

        if (entry->type == TAR_HARDLINK || entry->link[0] == '/')
                whole = text_dup(entry->link);
        else
                whole = text_format("%s/%s", dir, entry->link);
        clean = text_alloc(strlen(whole) + 1);
        layer_path_clean(whole, clean);
        return clean;
}

static int index_entry(struct blobs *b, struct tar *tar, const struct tar_entry *entry, struct err *e)
{
        char name[TAR_PATH_MAX + 1];
        struct member *m;

        if (b->n >= BLOBS_MEMBERS_MAX)
                return err_set(e, -E2BIG, "%s has more than %d members", b->path, BLOBS_MEMBERS_MAX);
        layer_path_clean(entry->path, name);
        if (entry->type != TAR_FILE && entry->type != TAR_SYMLINK && entry->type != TAR_HARDLINK)
                return 0;
        m = member_add(b, name);
        if (entry->type != TAR_FILE) {
                m->link = link_name(name, entry);
                return 0;
        }
        m->offset = entry->data_offset;
        m->size = entry->size_bytes;
        m->sparse = entry->sparse;
        return keep_bytes(b, m, tar, e);
}

static int index_archive(struct blobs *b, struct err *e)
{
        _cleanup_tar_ struct tar *tar = NULL;
        const struct tar_entry *entry;
        int r = tar_open(&tar, stream_of_file(b->fd, 0, (uint64_t) b->stamp.size, b->path), b->path, TAR_SKIP,
                         e);

        if (r < 0)
                return r;
        b->is_compressed = !tar_is_plain(tar);
        while ((r = tar_next(tar, &entry, e)) > 0) {
                r = index_entry(b, tar, entry, e);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        sort_members(b);
        return 0;
}

int blobs_open_archive(struct blobs **ret, const char *path, struct err *e)
{
        _cleanup_blobs_ struct blobs *b = blobs_new(path);
        struct stat st;
        int r;

        b->is_archive = true;
        b->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (b->fd < 0)
                return err_errno(e, -errno, "opening %s", path);
        if (fstat(b->fd, &st) < 0)
                return err_errno(e, -errno, "%s", path);
        if (S_ISDIR(st.st_mode)) {
                err_set(e, -EISDIR, "%s is a directory, not an archive", path);
                return err_hint(e, -EISDIR, "a directory with an OCI layout is named oci:DIR");
        }
        if (!S_ISREG(st.st_mode))
                return err_set(e, -EINVAL, "%s is not a regular file; an archive is read more than once",
                               path);
        b->stamp = stamp_of(&st);
        r = index_archive(b, e);
        if (r < 0)
                return r;
        *ret = ptr_take(&b);
        return 0;
}

static struct member *archive_find(struct blobs *b, const char *name)
{
        for (unsigned n_links = 0; name && n_links <= LINKS_MAX; n_links++) {
                struct member key = { .name = (char *) (uintptr_t) name, .ordinal = 0 };
                size_t low = 0, high = b->n;

                while (low < high) {
                        size_t middle = low + (high - low) / 2;

                        if (strcmp(b->members[middle].name, key.name) < 0)
                                low = middle + 1;
                        else
                                high = middle;
                }
                if (low == b->n || strcmp(b->members[low].name, name) != 0)
                        return NULL;
                if (!b->members[low].link)
                        return &b->members[low];
                name = b->members[low].link;
        }
        return NULL;
}

static struct member *archive_need(struct blobs *b, const char *name, struct err *e)
{
        struct member *m = archive_find(b, name);

        if (!m)
                err_set(e, -ENOENT, "%s has no member \"%s\"", b->path, name);
        return m;
}

static int check_archive(const struct blobs *b, struct err *e)
{
        struct stamp stamp;
        struct stat st;

        if (fstat(b->fd, &st) < 0)
                return err_errno(e, -errno, "%s", b->path);
        stamp = stamp_of(&st);
        if (!stamp_equal(&stamp, &b->stamp))
                return err_set(e, -EBADMSG, "%s has changed while it was being read", b->path);
        return 0;
}

static void cursor_returned(uint64_t n_read, void *user)
{
        struct blobs *b = user;

        b->cursor_at += n_read;
        b->cursor_lent = false;
}

static int cursor_stream(struct blobs *b, const struct member *m, struct stream **ret, struct err *e)
{
        int r;

        assert(!b->cursor_lent);
        if (b->cursor && b->cursor_at > m->offset)
                stream_free(ptr_take(&b->cursor));
        if (!b->cursor) {
                b->cursor_at = 0;
                r = stream_decompress(&b->cursor, stream_of_file(b->fd, 0, (uint64_t) b->stamp.size, b->path),
                                      b->path, e);
                if (r < 0)
                        return r;
        }
        r = stream_skip(b->cursor, m->offset - b->cursor_at, e);
        if (r < 0) {
                stream_free(ptr_take(&b->cursor));
                return err_ctx(e, r, "%s", b->path);
        }
        b->cursor_at = m->offset;
        b->cursor_lent = true;
        *ret = stream_part(b->cursor, m->size, cursor_returned, b);
        return 0;
}

static int archive_stream(struct blobs *b, const char *name, struct stream **ret, struct err *e)
{
        struct member *m = archive_need(b, name, e);
        int r;

        if (!m)
                return -ENOENT;
        if (m->sparse)
                return err_set(e, -ENOTSUP, "%s: member \"%s\" is stored as a sparse file", b->path, name);
        r = check_archive(b, e);
        if (r < 0)
                return r;
        if (m->kept)
                *ret = stream_of_bytes(m->kept, (size_t) m->size);
        else if (!b->is_compressed)
                *ret = stream_of_file(b->fd, m->offset, m->size, b->path);
        else
                return cursor_stream(b, m, ret, e);
        return 0;
}

/* --- both --------------------------------------------------------------------------------------------- */

bool blobs_has(struct blobs *b, const char *name)
{
        return b->is_archive ? archive_find(b, name) != NULL : faccessat(b->fd, name, F_OK, 0) == 0;
}

int blobs_size(struct blobs *b, const char *name, uint64_t *ret, struct err *e)
{
        struct member *m;

        if (b->is_archive) {
                m = archive_need(b, name, e);
                if (!m)
                        return -ENOENT;
        } else {
                _cleanup_close_ int fd = directory_open(b, name, &m, e);

                if (fd < 0)
                        return fd;
        }
        *ret = m->size;
        return 0;
}

int blobs_stream(struct blobs *b, const char *name, struct stream **ret, struct err *e)
{
        struct member *m;
        int fd;

        if (b->is_archive)
                return archive_stream(b, name, ret, e);
        fd = directory_open(b, name, &m, e);
        if (fd < 0)
                return fd;
        *ret = stream_of_owned_file(fd, 0, m->size, text_format("%s/%s", b->path, name));
        return 0;
}

int blobs_read(struct blobs *b, const char *name, uint64_t limit, char **ret, size_t *ret_size, struct err *e)
{
        _cleanup_stream_ struct stream *s = NULL;
        _cleanup_free_ char *bytes = NULL;
        uint64_t size;
        ssize_t n;
        int r = blobs_size(b, name, &size, e);

        if (r < 0)
                return r;
        if (size > limit)
                return err_set(e, -E2BIG, "%s: %s has %llu bytes, more than the limit of %llu", b->path, name,
                               (unsigned long long) size, (unsigned long long) limit);
        r = blobs_stream(b, name, &s, e);
        if (r < 0)
                return r;
        bytes = text_alloc((size_t) size + 1);
        n = stream_read_full(s, (uint8_t *) bytes, (size_t) size, e);
        if (n < 0)
                return (int) n;
        *ret = ptr_take(&bytes);
        *ret_size = (size_t) n;
        return 0;
}

bool blobs_is_serial(const struct blobs *b)
{
        return b->is_compressed;
}

uint64_t blobs_position(struct blobs *b, const char *name)
{
        const struct member *m = b->is_archive ? archive_find(b, name) : NULL;

        return m ? m->offset : 0;
}

int blobs_check_unchanged(struct blobs *b, const char *name, struct err *e)
{
        struct member *m;

        if (b->is_archive)
                return check_archive(b, e);

        _cleanup_close_ int fd = directory_open(b, name, &m, e);

        return fd < 0 ? fd : 0;
}
