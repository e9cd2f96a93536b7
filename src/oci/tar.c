#include "oci/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"
#include "oci/ahead.h"
#include "oci/decompress.h"

struct tar {
        char *what;
        struct ahead *bytes; /* owned: the decompressed tar */
        bool plain;          /* it is stored uncompressed */
        const uint8_t *first;
        ssize_t first_size; /* of the first block, -1 once libarchive has it */
        struct err stream_err;
        struct archive *archive; /* owned; NULL: the stream is empty */
        locale_t locale;         /* owned: "C" */
        struct tar_entry entry;
        struct tar_xattr *xattrs; /* owned, room for room_xattrs */
        size_t room_xattrs;
        uint64_t n_entries;
        char last_path[256];    /* of the last entry, for messages; maybe cut */
        uint64_t bytes_passed;  /* of the tar, as far as libarchive has pulled */
        uint64_t content_bytes; /* of all files so far */
        uint64_t data_end;      /* where the data of the current file has arrived */
};

/* --- bytes for libarchive ----------------------------------------------------------------------------- */

#define TAR_BLOCK 512

/* Some programs (umoci insert) leave out the zeros behind the last file: how many, when all of its data is
 * there. */
static ssize_t missing_padding(const struct tar *t)
{
        uint64_t data_end = t->entry.data_offset + t->entry.size_bytes;

        if (t->n_entries == 0 || t->bytes_passed % TAR_BLOCK == 0 || t->bytes_passed < data_end)
                return 0;
        return (ssize_t) (TAR_BLOCK - t->bytes_passed % TAR_BLOCK);
}

static la_ssize_t pull(struct archive *a, void *user, const void **bytes)
{
        static const uint8_t zeros[TAR_BLOCK];
        struct tar *t = user;
        const uint8_t *block;
        ssize_t n;

        if (t->first_size >= 0) {
                n = t->first_size;
                *bytes = t->first;
                t->first_size = -1;
        } else {
                n = ahead_next(t->bytes, &block, &t->stream_err);
                *bytes = block;
        }
        if (n < 0) {
                archive_set_error(a, (int) -n, "unreadable");
                return -1;
        }
        if (n == 0) {
                n = missing_padding(t);
                *bytes = zeros;
        }
        t->bytes_passed += (uint64_t) n;
        return n;
}

static la_int64_t pass_over(struct archive *a, void *user, la_int64_t size)
{
        struct tar *t = user;
        la_int64_t n;

        (void) a;
        if (t->first_size >= 0 || size <= 0)
                return 0;
        n = (la_int64_t) ahead_skip(t->bytes, (uint64_t) size);
        t->bytes_passed += (uint64_t) n;
        return n;
}

static int archive_failure(struct tar *t, struct err *e)
{
        const char *text = archive_error_string(t->archive);

        if (t->stream_err.code != 0) {
                if (e)
                        *e = t->stream_err;
                return t->stream_err.code;
        }
        if (t->n_entries == 0)
                return err_set(e, -EBADMSG, "%s is not a tar archive: %s", t->what,
                               text ? text : "malformed");
        return err_set(e, -EBADMSG, "%s: malformed tar behind entry %llu, \"%s\": %s", t->what,
                       (unsigned long long) t->n_entries, t->last_path, text ? text : "unknown");
}

static int archive_start(struct tar *t, bool skip, struct err *e)
{
        t->first_size = ahead_next(t->bytes, &t->first, &t->stream_err);
        if (t->first_size < 0) {
                if (e)
                        *e = t->stream_err;
                return t->stream_err.code;
        }
        if (t->first_size == 0)
                return 0; /* no bytes: no entries */
        t->archive = archive_read_new();
        t->locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
        if (!t->archive || t->locale == (locale_t) 0)
                return err_set(e, -ENOMEM, "%s: out of memory", t->what);
        archive_read_support_format_tar(t->archive);
        if (archive_read_open2(t->archive, t, NULL, pull, skip ? pass_over : NULL, NULL) != ARCHIVE_OK)
                return archive_failure(t, e);
        return 0;
}

int tar_open(struct tar **ret, struct stream *bytes, const char *what, unsigned flags, struct err *e)
{
        _cleanup_tar_ struct tar *t = text_alloc(sizeof(*t));
        struct stream *plain;
        int r;

        t->what = text_dup(what);
        r = stream_decompress(&plain, bytes, t->what, e);
        if (r < 0)
                return r;
        t->plain = stream_is_plain(plain);
        t->bytes = ahead_new(plain, (flags & TAR_AHEAD) != 0);
        r = archive_start(t, (flags & TAR_SKIP) != 0, e);
        if (r < 0)
                return r;
        *ret = ptr_take(&t);
        return 0;
}

void tar_free(struct tar *t)
{
        if (!t)
                return;
        archive_read_free(t->archive);
        ahead_free(t->bytes);
        if (t->locale != (locale_t) 0)
                freelocale(t->locale);
        free(t->xattrs);
        free(t->what);
        free(t);
}

/* --- entries ------------------------------------------------------------------------------------------ */

static int entry_error(const struct tar *t, int code, const char *problem, struct err *e)
{
        return err_set(e, code, "%s: entry \"" TAR_SHOWN "\": %s", t->what, t->entry.path, problem);
}

static int take_type(struct tar *t, struct archive_entry *from, struct err *e)
{
        struct tar_entry *en = &t->entry;

        en->link = archive_entry_hardlink(from);
        if (en->link) {
                en->type = TAR_HARDLINK;
                return 0;
        }
        switch (archive_entry_filetype(from)) {
        case AE_IFREG:
                en->type = TAR_FILE;
                return 0;
        case AE_IFDIR:
                en->type = TAR_DIRECTORY;
                return 0;
        case AE_IFLNK:
                en->type = TAR_SYMLINK;
                en->link = archive_entry_symlink(from);
                if (!en->link || en->link[0] == '\0')
                        return entry_error(t, -EBADMSG, "symbolic link without a target", e);
                return 0;
        case AE_IFCHR:
                en->type = TAR_CHARACTER_DEVICE;
                return 0;
        case AE_IFBLK:
                en->type = TAR_BLOCK_DEVICE;
                return 0;
        case AE_IFIFO:
                en->type = TAR_FIFO;
                return 0;
        default:
                return entry_error(t, -EBADMSG, "unknown type of tar entry", e);
        }
}

/* Owner, times, device numbers: libarchive has 64 bits for what has 32 in an inode. */
static int take_numbers(struct tar *t, struct archive_entry *from, struct err *e)
{
        struct tar_entry *en = &t->entry;
        int64_t uid = archive_entry_uid(from), gid = archive_entry_gid(from);

        if (en->type == TAR_HARDLINK)
                return 0;
        /* (uid_t) -1 means "unchanged" to chown(2), nobody owns files as that. */
        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return entry_error(t, -EBADMSG, "owner outside 0 to 4294967294", e);
        en->permissions = archive_entry_perm(from) & 07777;
        en->uid = (uint32_t) uid;
        en->gid = (uint32_t) gid;
        en->mtime = archive_entry_mtime(from);
        /* libarchive splits "-1.5" into -1 and 500,000,000. */
        if (en->mtime < 0 && archive_entry_mtime_nsec(from) > 0)
                en->mtime--;
        if (en->type == TAR_CHARACTER_DEVICE || en->type == TAR_BLOCK_DEVICE) {
                uint64_t major = archive_entry_rdevmajor(from), minor = archive_entry_rdevminor(from);

                /* 12 and 20 bits: the kernel's dev_t, and what squashfs stores. */
                if (major > 0xfff || minor > 0xfffff)
                        return entry_error(t, -EBADMSG, "device numbers outside the kernel's range", e);
                en->major = (uint32_t) major;
                en->minor = (uint32_t) minor;
        }
        return 0;
}

static int take_size(struct tar *t, struct archive_entry *from, struct err *e)
{
        int64_t size = archive_entry_size(from);

        t->entry.sparse = archive_entry_sparse_count(from) > 0;
        if (t->entry.type != TAR_FILE)
                return 0;
        if (size < 0 || (uint64_t) size > TAR_CONTENT_MAX - t->content_bytes)
                return err_set(e, -E2BIG, "%s: entry \"" TAR_SHOWN "\": more than %llu bytes of files",
                               t->what, t->entry.path, (unsigned long long) TAR_CONTENT_MAX);
        t->entry.size_bytes = (uint64_t) size;
        t->content_bytes += (uint64_t) size;
        return 0;
}

/* libarchive lists them last one first; of two with one name the later counts. */
static int take_xattrs(struct tar *t, struct archive_entry *from, struct err *e)
{
        size_t n = (size_t) archive_entry_xattr_reset(from), at = n;
        const char *name;
        const void *value;
        size_t size;

        if (n > t->room_xattrs) {
                t->xattrs = text_realloc(t->xattrs, n * sizeof(*t->xattrs));
                t->room_xattrs = n;
        }
        while (at > 0 && archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
                if (!name || name[0] == '\0' || strlen(name) > TAR_XATTR_NAME_MAX)
                        return entry_error(t, -EBADMSG, "extended attribute without or with too long a name",
                                           e);
                if (size > TAR_XATTR_VALUE_MAX)
                        return entry_error(t, -E2BIG, "extended attribute of more than 65536 bytes", e);
                t->xattrs[--at] = (struct tar_xattr){ .name = name, .value = value, .value_size = size };
        }
        t->entry.xattrs = n > at ? t->xattrs + at : NULL;
        t->entry.n_xattrs = n - at;
        return 0;
}

static int check_name(const struct tar *t, const char *path, const char *problem, struct err *e)
{
        size_t component = 0;

        if (strlen(path) > TAR_PATH_MAX)
                return err_set(e, -E2BIG, "%s: entry %llu: %s of more than %d bytes", t->what,
                               (unsigned long long) t->entry.ordinal, problem, TAR_PATH_MAX);
        for (const char *at = path; *at; at++) {
                component = *at == '/' ? 0 : component + 1;
                if (component > TAR_NAME_MAX)
                        return err_set(
                                e, -E2BIG,
                                "%s: entry %llu: %s with a component of more than %d bytes: \"%.64s…\"",
                                t->what, (unsigned long long) t->entry.ordinal, problem, TAR_NAME_MAX,
                                at - component + 1);
        }
        return 0;
}

static int take_entry(struct tar *t, struct archive_entry *from, struct err *e)
{
        const char *path = archive_entry_pathname(from);
        int r;

        t->entry = (struct tar_entry){ .path = path ? path : "", .ordinal = t->n_entries };
        if (!path || path[0] == '\0')
                return err_set(e, -EBADMSG, "%s: entry %llu has no name", t->what,
                               (unsigned long long) t->n_entries);
        if (t->n_entries >= TAR_ENTRIES_MAX)
                return err_set(e, -E2BIG, "%s has more than %llu entries", t->what,
                               (unsigned long long) TAR_ENTRIES_MAX);
        if ((r = check_name(t, path, "name", e)) < 0 || (r = take_type(t, from, e)) < 0)
                return r;
        if (t->entry.link && (r = check_name(t, t->entry.link, "link target", e)) < 0)
                return r;
        if ((r = take_numbers(t, from, e)) < 0 || (r = take_size(t, from, e)) < 0)
                return r;
        return take_xattrs(t, from, e);
}

/* Holes cost nothing in the archive; all other content of the files before was in the bytes that have passed
 * when the next header is there. */
static int check_holes(const struct tar *t, struct err *e)
{
        if (t->content_bytes <= t->bytes_passed || t->content_bytes - t->bytes_passed <= TAR_HOLES_MAX)
                return 0;
        return err_set(e, -E2BIG, "%s: sparse files with more than %llu bytes of holes", t->what,
                       (unsigned long long) TAR_HOLES_MAX);
}

/* In the "C" locale libarchive cannot convert names that are not ASCII; it says so and keeps their bytes,
 * which is what is wanted.  Every other warning is about something malformed that it has passed over. */
static bool is_about_conversion(const char *warning)
{
        return warning && strstr(warning, "can't be converted from") != NULL;
}

int tar_next(struct tar *t, const struct tar_entry **ret, struct err *e)
{
        struct archive_entry *entry;
        locale_t before;
        int r;

        if (!t->archive)
                return 0;
        before = uselocale(t->locale);
        errno = 0; /* libarchive looks at it after a failed conversion */
        r = archive_read_next_header(t->archive, &entry);
        uselocale(before);
        if (r == ARCHIVE_EOF)
                return check_holes(t, e);
        if (r != ARCHIVE_OK && (r != ARCHIVE_WARN || !is_about_conversion(archive_error_string(t->archive))))
                return archive_failure(t, e);
        r = check_holes(t, e);
        if (r < 0)
                return r;
        r = take_entry(t, entry, e);
        if (r < 0)
                return r;
        t->entry.data_offset = (uint64_t) archive_filter_bytes(t->archive, 0);
        t->n_entries++;
        snprintf(t->last_path, sizeof(t->last_path), "%s", t->entry.path);
        t->data_end = 0;
        *ret = &t->entry;
        return 1;
}

int tar_data(struct tar *t, const void **ret, size_t *ret_size, uint64_t *ret_offset, struct err *e)
{
        const void *bytes;
        size_t size;
        la_int64_t offset;
        int r;

        if (t->entry.type != TAR_FILE)
                return 0;
        r = archive_read_data_block(t->archive, &bytes, &size, &offset);
        if (r == ARCHIVE_EOF)
                return 0;
        if (r != ARCHIVE_OK)
                return archive_failure(t, e);
        if (offset < 0 || (uint64_t) offset < t->data_end || (uint64_t) offset > t->entry.size_bytes ||
            size > t->entry.size_bytes - (uint64_t) offset)
                return entry_error(t, -EBADMSG, "malformed map of a sparse file", e);
        t->data_end = (uint64_t) offset + size;
        *ret = bytes;
        *ret_size = size;
        *ret_offset = (uint64_t) offset;
        return 1;
}

bool tar_is_plain(const struct tar *t)
{
        return t->plain;
}

int tar_finish(struct tar *t, struct err *e)
{
        const uint8_t *block;
        ssize_t n;

        do
                n = ahead_next(t->bytes, &block, e);
        while (n > 0);
        return (int) n;
}
