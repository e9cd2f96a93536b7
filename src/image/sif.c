/* Reading: load and checks, look-ups, extras.  What is checked when: spec image-formats.md, 1.10. */
#include "image/sif_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/text.h"

/* Header, gap and a table of the usual size in one read. */
#define FIRST_READ 32768
_Static_assert(FIRST_READ >= SIF_DATA_OFFSET, "one read is to be enough for usual images");

/* A file system without locks must not keep an administrator from changing an image that nobody else uses. */
static int header_lock(int fd, short type, struct err *e)
{
        struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = SIF_HEADER_SIZE };

        while (fcntl(fd, F_OFD_SETLKW, &lock) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL)
                        return 0;
                return err_errno(e, -errno, "cannot lock the image");
        }
        return 0;
}

/* The bytes at the start of the file, as far as it has them. */
static int first_read(int fd, uint64_t file_size, uint8_t *bytes, size_t *ret_size, struct err *e)
{
        size_t size = file_size < FIRST_READ ? (size_t) file_size : FIRST_READ;
        int r;

        if (size < SIF_HEADER_SIZE)
                return err_set(e, -ENOEXEC,
                               "reading global header: the file has %zu bytes, fewer than a SIF header",
                               size);
        r = fd_pread_all(fd, bytes, size, 0);
        if (r < 0)
                return err_errno(e, r, "reading global header");
        *ret_size = size;
        return 0;
}

static int header_check_magic(const uint8_t *header, struct err *e)
{
        static const char magic[SIF_MAGIC_SIZE] = SIF_MAGIC;
        const uint8_t *version = header + SIF_AT_VERSION;

        if (memcmp(header + SIF_AT_MAGIC, magic, SIF_MAGIC_SIZE - 1) != 0)
                return err_set(e, -ENOEXEC, "invalid SIF magic: not a SIF image");
        if (header[SIF_AT_MAGIC + SIF_MAGIC_SIZE - 1] != '\0')
                return err_set(e, -EBADMSG, "invalid SIF magic: it is not terminated");
        if (memcmp(version, SIF_VERSION, sizeof(SIF_VERSION)) != 0)
                return err_set(e, -ENOTSUP, "incompatible SIF version: \"%.3s\", only \"%s\" is known",
                               (const char *) version, SIF_VERSION);
        return 0;
}

static int header_decode(struct sif *s, const uint8_t *header, struct err *e)
{
        int64_t n = sif_get_i64(header + SIF_AT_DESCRIPTORS_TOTAL);

        memcpy(s->launch, header + SIF_AT_LAUNCH, SIF_LAUNCH_SIZE);
        memcpy(s->arch, header + SIF_AT_ARCH, 2);
        memcpy(s->id, header + SIF_AT_ID, sizeof(s->id));
        s->created = sif_get_i64(header + SIF_AT_CREATED);
        s->modified = sif_get_i64(header + SIF_AT_MODIFIED);
        s->descriptors_free_hint = (uint64_t) sif_get_i64(header + SIF_AT_DESCRIPTORS_FREE);
        s->table_offset = (uint64_t) sif_get_i64(header + SIF_AT_TABLE_OFFSET);
        s->table_size = (uint64_t) sif_get_i64(header + SIF_AT_TABLE_SIZE);
        s->data_offset = (uint64_t) sif_get_i64(header + SIF_AT_DATA_OFFSET);
        s->data_size = (uint64_t) sif_get_i64(header + SIF_AT_DATA_SIZE);
        if (n < 0 || n > SIF_DESCRIPTORS_MAX)
                return err_set(e, n < 0 ? -EBADMSG : -E2BIG,
                               "corrupted image: %lld descriptors, between 0 and %d are possible",
                               (long long) n, SIF_DESCRIPTORS_MAX);
        s->n_descriptors = (uint64_t) n;
        return 0;
}

uint64_t sif_table_end(const struct sif *s)
{
        return s->table_offset + s->n_descriptors * SIF_DESCRIPTOR_SIZE;
}

static int table_check(const struct sif *s, struct err *e)
{
        uint64_t need = s->n_descriptors * SIF_DESCRIPTOR_SIZE;
        uint64_t end = UINT64_MAX;

        if ((int64_t) s->table_offset < SIF_HEADER_SIZE)
                return err_set(e, -EBADMSG, "corrupted image: the descriptor table is said to be at %lld",
                               (long long) s->table_offset);
        if ((int64_t) s->table_size < (int64_t) need)
                return err_set(e, -EBADMSG,
                               "corrupted image: %llu descriptors do not fit in a table of %lld bytes",
                               (unsigned long long) s->n_descriptors, (long long) s->table_size);
        if (!num_add(s->table_offset, need, &end) || end > s->file_size)
                return err_set(e, -EBADMSG,
                               "truncated image: the descriptor table ends at byte %llu, the file has %llu "
                               "bytes",
                               (unsigned long long) end, (unsigned long long) s->file_size);
        return 0;
}

/* Out of the first bytes where they hold the whole table, else by a read of its own. */
static int table_load(struct sif *s, const uint8_t *first, size_t first_size, struct err *e)
{
        size_t size = (size_t) s->n_descriptors * SIF_DESCRIPTOR_SIZE;
        _cleanup_free_ uint8_t *own = NULL;
        const uint8_t *records;

        if (s->n_descriptors == 0)
                return 0;
        if (sif_table_end(s) <= first_size) {
                records = first + s->table_offset;
        } else {
                int r;

                own = text_realloc(NULL, size);
                r = fd_pread_all(s->fd, own, size, s->table_offset);
                if (r < 0)
                        return err_errno(e, r, "reading descriptors");
                records = own;
        }
        s->descriptors = text_alloc(s->n_descriptors * sizeof(*s->descriptors));
        for (size_t i = 0; i < s->n_descriptors; i++)
                sif_record_decode(records + i * SIF_DESCRIPTOR_SIZE, &s->descriptors[i]);
        return 0;
}

static int load(struct sif *s, struct err *e)
{
        _cleanup_free_ uint8_t *first = NULL;
        struct stat status;
        size_t size = 0;
        int r;

        if (fstat(s->fd, &status) < 0)
                return err_errno(e, -errno, "cannot look at the image");
        if (!S_ISREG(status.st_mode))
                return err_set(e, S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL, "not a regular file");
        s->file_size = (uint64_t) status.st_size;
        first = text_alloc(FIRST_READ);
        r = first_read(s->fd, s->file_size, first, &size, e);
        if (r == 0)
                r = header_check_magic(first, e);
        if (r == 0)
                r = header_decode(s, first, e);
        if (r == 0)
                r = table_check(s, e);
        if (r == 0)
                r = table_load(s, first, size, e);
        return r;
}

int sif_open(struct sif *s, int fd, bool writable, struct err *e)
{
        int r;

        *s = (struct sif){ .fd = fd };
        if (writable) {
                r = header_lock(fd, F_WRLCK, e);
                if (r < 0)
                        return r;
                s->writable = true;
        }
        r = load(s, e);
        if (r < 0)
                sif_done(s);
        return r;
}

void sif_done(struct sif *s)
{
        if (s->writable)
                header_lock(s->fd, F_UNLCK, NULL);
        free(s->descriptors);
        *s = (struct sif){ .fd = -EBADF };
}

uint32_t sif_group(const struct sif_descriptor *d)
{
        return d->group_raw & ~SIF_GROUP_MASK;
}

uint32_t sif_link(const struct sif_descriptor *d, bool *ret_is_group)
{
        *ret_is_group = (d->link_raw & SIF_GROUP_MASK) == SIF_GROUP_MASK;
        return d->link_raw & ~SIF_GROUP_MASK;
}

int sif_partition(const struct sif_descriptor *d, struct sif_partition *ret)
{
        if (d->type != SIF_TYPE_PARTITION)
                return -EINVAL;
        *ret = (struct sif_partition){
                .fs = sif_get_i32(d->extra + SIF_AT_PARTITION_FS),
                .part = sif_get_i32(d->extra + SIF_AT_PARTITION_PART),
        };
        memcpy(ret->arch, d->extra + SIF_AT_PARTITION_ARCH, 2);
        return 0;
}

int32_t sif_hash(const struct sif_descriptor *d)
{
        return d->type == SIF_TYPE_SIGNATURE ? sif_get_i32(d->extra + SIF_AT_SIGNATURE_HASH) : 0;
}

int32_t sif_format(const struct sif_descriptor *d)
{
        return d->type == SIF_TYPE_CRYPTO ? sif_get_i32(d->extra + SIF_AT_MESSAGE_FORMAT) : 0;
}

int32_t sif_message(const struct sif_descriptor *d)
{
        return d->type == SIF_TYPE_CRYPTO ? sif_get_i32(d->extra + SIF_AT_MESSAGE_TYPE) : 0;
}

int32_t sif_sbom(const struct sif_descriptor *d)
{
        return d->type == SIF_TYPE_SBOM ? sif_get_i32(d->extra + SIF_AT_SBOM_FORMAT) : 0;
}

bool sif_entity(const struct sif_descriptor *d, uint8_t ret[SIF_ENTITY_SIZE])
{
        static const uint8_t none[SIF_ENTITY_SIZE];
        const uint8_t *entity = d->extra + SIF_AT_SIGNATURE_ENTITY;

        if (d->type != SIF_TYPE_SIGNATURE || memcmp(entity, none, SIF_ENTITY_SIZE) == 0)
                return false;
        memcpy(ret, entity, SIF_ENTITY_SIZE);
        return true;
}

bool sif_digest(const struct sif_descriptor *d, char ret[SIF_DIGEST_SIZE])
{
        static const char prefix[] = "sha256:";
        const char *text = (const char *) d->extra;

        if (d->type != SIF_TYPE_OCI_INDEX && d->type != SIF_TYPE_OCI_BLOB)
                return false;
        if (memcmp(text, prefix, sizeof(prefix) - 1) != 0 || text[SIF_DIGEST_SIZE - 1] != '\0' ||
            strspn(text + sizeof(prefix) - 1, "0123456789abcdef") != 64)
                return false;
        memcpy(ret, text, SIF_DIGEST_SIZE);
        return true;
}

static bool has_type(const struct sif *s, int32_t type)
{
        for (size_t i = 0; i < s->n_descriptors; i++)
                if (s->descriptors[i].used && s->descriptors[i].type == type)
                        return true;
        return false;
}

/* Why there is no primary partition, and what helps. */
static int no_primary(const struct sif *s, struct err *e)
{
        if (has_type(s, SIF_TYPE_OCI_INDEX)) {
                err_set(e, -ENOENT,
                        "no root filesystem found: this is an OCI-SIF as SingularityCE 4 writes it, "
                        "which holds OCI layers instead of a root filesystem");
                return err_hint(e, -ENOENT, "pull or build the same OCI image with this program");
        }
        err_set(e, -ENOENT, "no root filesystem found");
        for (size_t i = 0; i < s->n_descriptors; i++) {
                const struct sif_descriptor *d = &s->descriptors[i];
                struct sif_partition p;

                if (d->used && sif_partition(d, &p) == 0 && p.part == SIF_PART_SYSTEM)
                        return err_hint(e, -ENOENT,
                                        "`apptainer sif setprim %u IMAGE` makes its system partition %u "
                                        "the primary one",
                                        d->id, d->id);
        }
        return -ENOENT;
}

int sif_primary(const struct sif *s, const struct sif_descriptor **ret, struct err *e)
{
        size_t n_found = 0, first = 0;

        for (size_t i = 0; i < s->n_descriptors; i++) {
                const struct sif_descriptor *d = &s->descriptors[i];

                if (!sif_is_primary(d))
                        continue;
                if (n_found++ == 0) {
                        first = i;
                        continue;
                }
                err_set(e, -EBADMSG,
                        "no root filesystem found: there are two primary partitions (IDs %u and %u)",
                        s->descriptors[first].id, d->id);
                return err_hint(e, -EBADMSG, "`apptainer sif setprim %u IMAGE` leaves only that one",
                                s->descriptors[first].id);
        }
        if (n_found == 0)
                return no_primary(s, e);
        *ret = &s->descriptors[first];
        return 0;
}

int sif_find(const struct sif *s, uint32_t id, const struct sif_descriptor **ret, struct err *e)
{
        const struct sif_descriptor *found = NULL;

        if (id == 0)
                return err_set(e, -EINVAL, "invalid object ID");
        for (size_t i = 0; i < s->n_descriptors; i++) {
                const struct sif_descriptor *d = &s->descriptors[i];

                if (!d->used || d->id != id)
                        continue;
                if (found)
                        return err_set(e, -EBADMSG, "multiple objects found: several have the ID %u", id);
                found = d;
        }
        if (!found)
                return err_set(e, -ENOENT, "object not found");
        *ret = found;
        return 0;
}

const struct sif_descriptor *sif_find_named(const struct sif *s, int32_t type, const char *name)
{
        for (size_t i = 0; i < s->n_descriptors; i++) {
                const struct sif_descriptor *d = &s->descriptors[i];

                if (d->used && d->type == type && strcmp(d->name, name) == 0)
                        return d;
        }
        return NULL;
}

static bool overlap(const struct sif_descriptor *a, const struct sif_descriptor *b)
{
        if (a->size <= 0 || b->size <= 0 || b->offset < 0)
                return false;
        if (a->offset <= b->offset)
                return b->offset - a->offset < a->size;
        return a->offset - b->offset < b->size;
}

int sif_check(const struct sif *s, const struct sif_descriptor *d, bool alone, struct err *e)
{
        uint64_t end = UINT64_MAX;

        if (d->offset < 0 || d->size < 0)
                return err_set(e, -EBADMSG,
                               "corrupted image: object %u is said to be at %lld, with %lld bytes", d->id,
                               (long long) d->offset, (long long) d->size);
        if (!num_add((uint64_t) d->offset, (uint64_t) d->size, &end) || end > s->file_size)
                return err_set(e, -EBADMSG,
                               "truncated image: object %u (%s) ends at byte %llu, the file has %llu bytes",
                               d->id, sif_type_name(d->type), (unsigned long long) end,
                               (unsigned long long) s->file_size);
        if ((uint64_t) d->offset < sif_table_end(s))
                return err_set(e, -EBADMSG,
                               "corrupted image: object %u, at byte %lld, overlaps the descriptor table",
                               d->id, (long long) d->offset);
        for (size_t i = 0; alone && i < s->n_descriptors; i++) {
                const struct sif_descriptor *other = &s->descriptors[i];

                if (other != d && other->used && overlap(d, other))
                        return err_set(e, -EBADMSG, "corrupted image: the objects %u and %u overlap", d->id,
                                       other->id);
        }
        return 0;
}

int sif_read(const struct sif *s, const struct sif_descriptor *d, size_t limit, char **ret, size_t *ret_size,
             struct err *e)
{
        _cleanup_free_ char *bytes = NULL;
        size_t size;
        int r = sif_check(s, d, false, e);

        if (r < 0)
                return r;
        if ((uint64_t) d->size > limit || (uint64_t) d->size >= SIZE_MAX)
                return err_set(e, -E2BIG, "object %u has %lld bytes, at most %zu are taken", d->id,
                               (long long) d->size, limit);
        size = (size_t) d->size;
        bytes = text_realloc(NULL, size + 1);
        r = fd_pread_all(s->fd, bytes, size, (uint64_t) d->offset);
        if (r < 0)
                return err_errno(e, r, "reading object %u", d->id);
        bytes[size] = '\0';
        *ret = ptr_take(&bytes);
        if (ret_size)
                *ret_size = size;
        return 0;
}
