/* New images: objects as they come, then the table and the header. */
#include "image/sif_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/text.h"

/* A random UUID, version 4, variant 1 (RFC 4122, 4.4). */
static int random_id(uint8_t id[16])
{
        ssize_t n;

        do {
                n = getrandom(id, 16, 0);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n != 16)
                return -EIO;
        id[6] = (uint8_t) ((id[6] & 0x0f) | 0x40);
        id[8] = (uint8_t) ((id[8] & 0x3f) | 0x80);
        return 0;
}

int sif_writer_init(struct sif_writer *w, int fd, const char *launch, bool deterministic, struct err *e)
{
        *w = (struct sif_writer){ .fd = fd, .at = SIF_DATA_OFFSET };
        if (launch && strlen(launch) >= SIF_LAUNCH_SIZE)
                return err_set(e, -E2BIG, "launch script too large: %zu bytes, at most %d", strlen(launch),
                               SIF_LAUNCH_SIZE - 1);
        if (launch)
                memcpy(w->launch, launch, strlen(launch));
        w->time = deterministic ? SIF_TIME_NONE : (int64_t) time(NULL);
        if (!deterministic) {
                int r = random_id(w->id);

                if (r < 0)
                        return err_errno(e, r, "cannot make an ID");
        }
        w->descriptors = text_alloc(SIF_DESCRIPTORS_DEFAULT * sizeof(*w->descriptors));
        return 0;
}

void sif_writer_done(struct sif_writer *w)
{
        free(w->descriptors);
        *w = (struct sif_writer){ .fd = -EBADF };
}

/* Index of the primary partition, w->n when there is none. */
static size_t writer_primary(const struct sif_writer *w)
{
        size_t i = 0;

        while (i < w->n && !sif_is_primary(&w->descriptors[i]))
                i++;
        return i;
}

int sif_writer_begin(struct sif_writer *w, const struct sif_object *object, uint64_t *ret_offset,
                     struct err *e)
{
        struct sif_descriptor *d;
        uint64_t offset = 0;
        int r = sif_object_check(object, e);

        if (r < 0)
                return r;
        if (w->n == SIF_DESCRIPTORS_DEFAULT)
                return err_set(e, -ENOSPC,
                               "insufficient descriptor capacity to add data object(s) to image: all %d are "
                               "in use",
                               SIF_DESCRIPTORS_DEFAULT);
        r = sif_object_place(object, w->at, &offset, e);
        if (r < 0)
                return r;
        d = &w->descriptors[w->n];
        sif_object_record(object, d);
        if (sif_is_primary(d) && writer_primary(w) < w->n)
                return err_set(e, -EEXIST, "image already contains a primary partition");
        d->id = (uint32_t) w->n + 1;
        d->offset = (int64_t) offset;
        *ret_offset = offset;
        return 0;
}

int sif_writer_end(struct sif_writer *w, uint64_t size_bytes, struct err *e)
{
        struct sif_descriptor *d = &w->descriptors[w->n];
        uint64_t offset = (uint64_t) d->offset;
        uint64_t end;

        assert(w->n < SIF_DESCRIPTORS_DEFAULT && d->id == w->n + 1);
        if (!num_add(offset, size_bytes, &end) || end > INT64_MAX)
                return err_set(e, -EFBIG, "object of %llu bytes is too large for an image",
                               (unsigned long long) size_bytes);
        d->size = (int64_t) size_bytes;
        d->size_with_padding = (int64_t) (end - w->at);
        w->at = end;
        w->n++;
        return 0;
}

int sif_writer_add_bytes(struct sif_writer *w, const struct sif_object *object, const void *bytes,
                         size_t size, struct err *e)
{
        uint64_t offset = 0;
        int r = sif_writer_begin(w, object, &offset, e);

        if (r < 0)
                return r;
        r = fd_pwrite_all(w->fd, bytes, size, offset);
        if (r < 0)
                return err_errno(e, r, "cannot write object %llu", (unsigned long long) w->n + 1);
        return sif_writer_end(w, size, e);
}

static void header_encode(const struct sif_writer *w, uint8_t header[SIF_HEADER_SIZE])
{
        size_t primary = writer_primary(w);
        struct sif_partition p = { .arch = SIF_ARCH_NONE };

        if (primary < w->n)
                sif_partition(&w->descriptors[primary], &p);
        memset(header, 0, SIF_HEADER_SIZE);
        memcpy(header + SIF_AT_LAUNCH, w->launch, SIF_LAUNCH_SIZE);
        memcpy(header + SIF_AT_MAGIC, SIF_MAGIC, SIF_MAGIC_SIZE);
        memcpy(header + SIF_AT_VERSION, SIF_VERSION, sizeof(SIF_VERSION));
        memcpy(header + SIF_AT_ARCH, p.arch, sizeof(p.arch));
        memcpy(header + SIF_AT_ID, w->id, sizeof(w->id));
        sif_put_u64(header + SIF_AT_CREATED, (uint64_t) w->time);
        sif_put_u64(header + SIF_AT_MODIFIED, (uint64_t) w->time);
        sif_put_u64(header + SIF_AT_DESCRIPTORS_FREE, SIF_DESCRIPTORS_DEFAULT - w->n);
        sif_put_u64(header + SIF_AT_DESCRIPTORS_TOTAL, SIF_DESCRIPTORS_DEFAULT);
        sif_put_u64(header + SIF_AT_TABLE_OFFSET, SIF_TABLE_OFFSET);
        sif_put_u64(header + SIF_AT_TABLE_SIZE, SIF_TABLE_SIZE);
        sif_put_u64(header + SIF_AT_DATA_OFFSET, SIF_DATA_OFFSET);
        sif_put_u64(header + SIF_AT_DATA_SIZE, w->at - SIF_DATA_OFFSET);
}

int sif_writer_finish(struct sif_writer *w, struct err *e)
{
        uint8_t header[SIF_HEADER_SIZE];
        _cleanup_free_ uint8_t *table = text_alloc(SIF_TABLE_SIZE);
        int r;

        for (size_t i = 0; i < w->n; i++) {
                w->descriptors[i].created = w->descriptors[i].modified = w->time;
                sif_record_encode(&w->descriptors[i], table + i * SIF_DESCRIPTOR_SIZE);
        }
        header_encode(w, header);
        r = fd_pwrite_all(w->fd, table, SIF_TABLE_SIZE, SIF_TABLE_OFFSET);
        if (r == 0)
                r = fd_pwrite_all(w->fd, header, sizeof(header), 0);
        /* What a data writer left behind its last object goes, and a hole at the end counts. */
        if (r == 0 && ftruncate(w->fd, (off_t) w->at) < 0)
                r = -errno;
        if (r < 0)
                return err_errno(e, r, "cannot write the image");
        return 0;
}
