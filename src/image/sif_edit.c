/* Changing an image in place: data, then the table, then the header, each flushed before the next.
 *
 * Only the bytes of changed records and fields are written, so that whatever an unknown writer left in the
 * others stays. Rules: spec image-formats.md, 1.7 (placement), 1.8 (times), 1.9 (operations).
 */
#include "image/sif_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"

#define COPY_BLOCK ((size_t) 1 << 20)

/* Some file systems in user space cannot flush; they are as safe as their owner made them. */
static int flush(int fd)
{
        if (fdatasync(fd) < 0 && errno != EINVAL && errno != ENOSYS)
                return -errno;
        return 0;
}

/* An image without identity and time keeps neither when it is changed. */
static int64_t time_of_change(const struct sif *s)
{
        static const uint8_t none[sizeof(s->id)];

        if (s->created == SIF_TIME_NONE && s->modified == SIF_TIME_NONE &&
            memcmp(s->id, none, sizeof(none)) == 0)
                return SIF_TIME_NONE;
        return (int64_t) time(NULL);
}

static uint64_t count_free(const struct sif *s)
{
        uint64_t n = 0;

        for (size_t i = 0; i < s->n_descriptors; i++)
                n += !s->descriptors[i].used;
        return n;
}

static int need_writable(const struct sif *s, struct err *e)
{
        if (!s->writable)
                return err_set(e, -EBADF, "the image is not open for writing");
        return 0;
}

/* Writes the records from `first` to `last` of the table with `records` holding that range. */
static int records_write(const struct sif *s, size_t first, const uint8_t *records, size_t n, struct err *e)
{
        int r = fd_pwrite_all(s->fd, records, n * SIF_DESCRIPTOR_SIZE,
                              s->table_offset + first * SIF_DESCRIPTOR_SIZE);

        if (r == 0)
                r = flush(s->fd);
        if (r < 0)
                return err_errno(e, r, "cannot write the descriptor table");
        return 0;
}

/* Writes the fields of the header that changes touch, as they are in `s` now. */
static int header_write(struct sif *s, int64_t modified, struct err *e)
{
        uint8_t header[SIF_HEADER_SIZE];
        int r = fd_pread_all(s->fd, header, sizeof(header), 0);

        if (r < 0)
                return err_errno(e, r, "reading global header");
        s->modified = modified;
        s->descriptors_free_hint = count_free(s);
        memcpy(header + SIF_AT_ARCH, s->arch, sizeof(s->arch));
        sif_put_u64(header + SIF_AT_MODIFIED, (uint64_t) s->modified);
        sif_put_u64(header + SIF_AT_DESCRIPTORS_FREE, s->descriptors_free_hint);
        sif_put_u64(header + SIF_AT_DATA_OFFSET, s->data_offset);
        sif_put_u64(header + SIF_AT_DATA_SIZE, s->data_size);
        r = fd_pwrite_all(s->fd, header, sizeof(header), 0);
        if (r == 0)
                r = flush(s->fd);
        if (r < 0)
                return err_errno(e, r, "cannot write the global header");
        return 0;
}

static int find_slot(const struct sif *s, size_t *ret, struct err *e)
{
        for (size_t i = 0; i < s->n_descriptors; i++)
                if (!s->descriptors[i].used) {
                        *ret = i;
                        return 0;
                }
        err_set(e, -ENOSPC,
                "insufficient descriptor capacity to add data object(s) to image: all %llu are in use",
                (unsigned long long) s->n_descriptors);
        return err_hint(e, -ENOSPC, "`apptainer sif del` frees one");
}

static bool id_taken(const struct sif *s, uint32_t id)
{
        for (size_t i = 0; i < s->n_descriptors; i++)
                if (s->descriptors[i].used && s->descriptors[i].id == id)
                        return true;
        return false;
}

/* Index + 1 as every writer does, unless one with other habits gave that number away already. */
static uint32_t free_id(const struct sif *s, size_t slot)
{
        uint32_t id = (uint32_t) slot + 1;

        while (id_taken(s, id))
                id++;
        return id;
}

/* Where the data end: behind the last used object, at least where they begin.  The header's DataOffset counts
 * only where it is possible. */
static int data_end(struct sif *s, uint64_t *ret, struct err *e)
{
        uint64_t end;

        if (s->data_offset < sif_table_end(s) || s->data_offset > s->file_size)
                s->data_offset = sif_table_end(s);
        end = s->data_offset;
        for (size_t i = 0; i < s->n_descriptors; i++) {
                const struct sif_descriptor *d = &s->descriptors[i];
                int r = d->used ? sif_check(s, d, false, e) : 0;

                if (r < 0)
                        return r;
                if (d->used && (uint64_t) d->offset + (uint64_t) d->size > end)
                        end = (uint64_t) d->offset + (uint64_t) d->size;
        }
        *ret = end;
        return 0;
}

/* Bytes of deleted objects in an alignment gap are overwritten; beyond the end of the file it is a hole. */
static int zero_gap(const struct sif *s, uint64_t from, uint64_t to)
{
        static const uint8_t zeros[65536];

        if (to > s->file_size)
                to = s->file_size;
        while (from < to) {
                size_t n = to - from < sizeof(zeros) ? (size_t) (to - from) : sizeof(zeros);
                int r = fd_pwrite_all(s->fd, zeros, n, from);

                if (r < 0)
                        return r;
                from += n;
        }
        return 0;
}

/* To the end of a pipe, or of a file that does not know its size. */
static int copy_stream(int from, int to, uint64_t to_offset, uint64_t *ret_size)
{
        _cleanup_free_ char *block = text_realloc(NULL, COPY_BLOCK);
        uint64_t done = 0;

        for (;;) {
                ssize_t n = read(from, block, COPY_BLOCK);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                r = fd_pwrite_all(to, block, (size_t) n, to_offset + done);
                if (r < 0)
                        return r;
                done += (uint64_t) n;
        }
        *ret_size = done;
        return 0;
}

/* A regular file is copied with the size it has now, so that an image can be added to itself. */
static int copy_object(int from, int to, uint64_t to_offset, uint64_t *ret_size)
{
        struct stat status;
        off_t at;
        int r;

        if (fstat(from, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || status.st_size == 0)
                return copy_stream(from, to, to_offset, ret_size);
        at = lseek(from, 0, SEEK_CUR);
        if (at < 0)
                return -errno;
        if (at >= status.st_size) {
                *ret_size = 0;
                return 0;
        }
        r = fd_copy(from, (uint64_t) at, to, to_offset, (uint64_t) (status.st_size - at));
        if (r < 0)
                return r;
        *ret_size = (uint64_t) (status.st_size - at);
        return 0;
}

/* The object's bytes behind `end`; on failure the file has its former length again. */
static int data_write(struct sif *s, struct sif_descriptor *d, uint64_t end, int from_fd, struct err *e)
{
        uint64_t offset = (uint64_t) d->offset;
        uint64_t size = 0;
        int r = zero_gap(s, end, offset);

        if (r == 0)
                r = copy_object(from_fd, s->fd, offset, &size);
        /* An empty object behind a gap leaves the file shorter than its place. */
        if (r == 0 && offset + size > s->file_size && ftruncate(s->fd, (off_t) (offset + size)) < 0)
                r = -errno;
        if (r == 0)
                r = flush(s->fd);
        if (r < 0) {
                if (ftruncate(s->fd, (off_t) s->file_size) < 0)
                        return err_errno(e, r, "cannot write the object, nor give the file its length back");
                return err_errno(e, r, "cannot write the object");
        }
        if (offset + size > s->file_size)
                s->file_size = offset + size;
        d->size = (int64_t) size;
        d->size_with_padding = (int64_t) (offset - end + size);
        return 0;
}

/* Everything that can be refused before a byte is written. */
static int add_prepare(struct sif *s, const struct sif_object *object, struct sif_descriptor *d,
                       size_t *ret_slot, uint64_t *ret_end, struct err *e)
{
        uint64_t offset = 0;
        int r = need_writable(s, e);

        if (r == 0)
                r = sif_object_check(object, e);
        if (r < 0)
                return r;
        sif_object_record(object, d);
        for (size_t i = 0; sif_is_primary(d) && i < s->n_descriptors; i++)
                if (sif_is_primary(&s->descriptors[i]))
                        return err_set(e, -EEXIST, "image already contains a primary partition");
        r = find_slot(s, ret_slot, e);
        if (r == 0)
                r = data_end(s, ret_end, e);
        if (r == 0)
                r = sif_object_place(object, *ret_end, &offset, e);
        if (r < 0)
                return r;
        d->id = free_id(s, *ret_slot);
        d->offset = (int64_t) offset;
        return 0;
}

int sif_add(struct sif *s, const struct sif_object *object, int from_fd, struct err *e)
{
        uint8_t record[SIF_DESCRIPTOR_SIZE];
        struct sif_descriptor d;
        struct sif_partition p;
        uint64_t end = 0;
        size_t slot = 0;
        int r = add_prepare(s, object, &d, &slot, &end, e);

        if (r == 0)
                r = data_write(s, &d, end, from_fd, e);
        if (r < 0)
                return r;
        d.created = d.modified = time_of_change(s);
        sif_record_encode(&d, record);
        r = records_write(s, slot, record, 1, e);
        if (r < 0)
                return r;
        s->descriptors[slot] = d;
        s->data_size = end - s->data_offset + (uint64_t) d.size_with_padding;
        if (sif_is_primary(&d) && sif_partition(&d, &p) == 0)
                memcpy(s->arch, p.arch, sizeof(s->arch));
        return header_write(s, d.modified, e);
}

int sif_delete(struct sif *s, uint32_t id, struct err *e)
{
        static const uint8_t empty[SIF_DESCRIPTOR_SIZE];
        const struct sif_descriptor *d = NULL;
        bool was_primary;
        size_t slot;
        int r = need_writable(s, e);

        if (r == 0)
                r = sif_find(s, id, &d, e);
        if (r < 0)
                return r;
        slot = (size_t) (d - s->descriptors);
        was_primary = sif_is_primary(d);
        r = records_write(s, slot, empty, 1, e);
        if (r < 0)
                return r;
        sif_record_decode(empty, &s->descriptors[slot]);
        if (was_primary)
                memcpy(s->arch, SIF_ARCH_NONE, sizeof(s->arch));
        return header_write(s, time_of_change(s), e);
}

/* Gives a partition another role, in memory and in its record's bytes. */
static void set_part(struct sif_descriptor *d, uint8_t *record, int32_t part, int64_t modified)
{
        sif_put_u32(d->extra + SIF_AT_PARTITION_PART, (uint32_t) part);
        sif_put_u32(record + SIF_AT_RECORD_EXTRA + SIF_AT_PARTITION_PART, (uint32_t) part);
        d->modified = modified;
        sif_put_u64(record + SIF_AT_RECORD_MODIFIED, (uint64_t) modified);
}

/* All records at once: between two writes there would be no primary partition, or two. */
static int swap_primary(struct sif *s, struct sif_descriptor *target, int64_t modified, struct err *e)
{
        size_t size = (size_t) s->n_descriptors * SIF_DESCRIPTOR_SIZE;
        size_t first = (size_t) (target - s->descriptors), last = first;
        _cleanup_free_ uint8_t *records = text_realloc(NULL, size);
        int r = fd_pread_all(s->fd, records, size, s->table_offset);
        if (r < 0)
                return err_errno(e, r, "reading descriptors");
        for (size_t i = 0; i < s->n_descriptors; i++) {
                struct sif_descriptor *d = &s->descriptors[i];

                if (d == target || !sif_is_primary(d))
                        continue;
                set_part(d, records + i * SIF_DESCRIPTOR_SIZE, SIF_PART_SYSTEM, modified);
                first = i < first ? i : first;
                last = i > last ? i : last;
        }
        set_part(target, records + (size_t) (target - s->descriptors) * SIF_DESCRIPTOR_SIZE, SIF_PART_PRIMARY,
                 modified);
        return records_write(s, first, records + first * SIF_DESCRIPTOR_SIZE, last - first + 1, e);
}

int sif_set_primary(struct sif *s, uint32_t id, struct err *e)
{
        const struct sif_descriptor *found = NULL, *only;
        struct sif_descriptor *target;
        struct sif_partition p;
        int64_t modified;
        int r = need_writable(s, e);

        if (r == 0)
                r = sif_find(s, id, &found, e);
        if (r < 0)
                return r;
        target = &s->descriptors[found - s->descriptors];
        if (sif_partition(target, &p) < 0)
                return err_set(e, -EINVAL, "data object not a partition");
        if (p.part == SIF_PART_PRIMARY && sif_primary(s, &only, NULL) == 0)
                return 0;
        if (p.part != SIF_PART_SYSTEM && p.part != SIF_PART_PRIMARY)
                return err_set(e, -EINVAL, "data object not a system partition");
        modified = time_of_change(s);
        r = swap_primary(s, target, modified, e);
        if (r < 0)
                return r;
        memcpy(s->arch, p.arch, sizeof(s->arch));
        return header_write(s, modified, e);
}
