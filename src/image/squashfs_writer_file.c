/* libsquashfs appends: blocks, metadata, tables, each in its own small write.  They are gathered here; only
 * the superblock and compressor options go back, and only duplicate detection reads. */
#include "image/squashfs_writer_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqfs/error.h>

#include "base/fd.h"
#include "base/text.h"
#include "image/squashfs_compressor.h"

#define BUFFER_SIZE (512u * 1024u)

struct image_file {
        sqfs_file_t base;
        int fd;
        uint64_t offset; /* of the image in the file */
        uint64_t size;   /* of the image, buffered bytes included */
        uint64_t at;     /* position in the image of the buffer's first byte */
        size_t used;
        bool discard;
        int code;
        uint8_t buffer[BUFFER_SIZE];
};

static struct image_file *file_of(const void *object)
{
        return (struct image_file *) (uintptr_t) object;
}

static int file_failed(struct image_file *f, int code)
{
        if (f->code == 0)
                f->code = code;
        return SQFS_ERROR_IO;
}

static int file_put(struct image_file *f, const void *bytes, size_t size, uint64_t position)
{
        int r;

        if (f->discard)
                return 0;
        r = fd_pwrite_all(f->fd, bytes, size, f->offset + position);
        return r < 0 ? file_failed(f, r) : 0;
}

static int file_flush(struct image_file *f)
{
        size_t used = f->used;

        f->used = 0;
        return used > 0 ? file_put(f, f->buffer, used, f->at) : 0;
}

static int file_write_at(sqfs_file_t *base, sqfs_u64 position, const void *bytes, size_t size)
{
        struct image_file *f = file_of(base);
        int r;

        if (position + size > f->size)
                f->size = position + size;
        if (f->used > 0 && (position != f->at + f->used || size > BUFFER_SIZE - f->used)) {
                r = file_flush(f);
                if (r != 0)
                        return r;
        }
        if (size > BUFFER_SIZE)
                return file_put(f, bytes, size, position);
        if (f->used == 0)
                f->at = position;
        memcpy(f->buffer + f->used, bytes, size);
        f->used += size;
        return 0;
}

static int file_read_at(sqfs_file_t *base, sqfs_u64 position, void *bytes, size_t size)
{
        struct image_file *f = file_of(base);
        int r;

        if (position > f->size || size > f->size - position)
                return SQFS_ERROR_OUT_OF_BOUNDS;
        if (f->used > 0 && position >= f->at && position + size <= f->at + f->used) {
                memcpy(bytes, f->buffer + (position - f->at), size);
                return 0;
        }
        r = file_flush(f);
        if (r != 0)
                return r;
        r = fd_pread_all(f->fd, bytes, size, f->offset + position);
        return r < 0 ? file_failed(f, r) : 0;
}

static sqfs_u64 file_get_size(const sqfs_file_t *base)
{
        return file_of(base)->size;
}

/* Only ever shortens; what was written already is overwritten or cut off in the end. */
static int file_truncate(sqfs_file_t *base, sqfs_u64 size)
{
        struct image_file *f = file_of(base);

        if (f->used > 0 && size < f->at + f->used)
                f->used = size > f->at ? (size_t) (size - f->at) : 0;
        f->size = size;
        return 0;
}

static void file_destroy(sqfs_object_t *object)
{
        free(object);
}

sqfs_file_t *image_file_new(int fd, uint64_t offset)
{
        struct image_file *f = text_alloc(sizeof(*f));

        f->base.base.destroy = file_destroy;
        f->base.read_at = file_read_at;
        f->base.write_at = file_write_at;
        f->base.get_size = file_get_size;
        f->base.truncate = file_truncate;
        f->fd = fd;
        f->offset = offset;
        return &f->base;
}

void image_file_discard(sqfs_file_t *file)
{
        file_of(file)->discard = true;
}

int image_file_finish(sqfs_file_t *file)
{
        struct image_file *f = file_of(file);
        struct stat status;
        int r;

        r = file_flush(f);
        if (r != 0)
                return r;
        if (fstat(f->fd, &status) < 0)
                return file_failed(f, -errno);
        if ((uint64_t) status.st_size > f->offset + f->size &&
            ftruncate(f->fd, (off_t) (f->offset + f->size)) < 0)
                return file_failed(f, -errno);
        return 0;
}

int image_file_code(const sqfs_file_t *file)
{
        return file_of(file)->code;
}

int image_error(const sqfs_file_t *file, int sqfs_error, struct err *e)
{
        const char *message;
        int r;

        if (sqfs_error == SQFS_ERROR_IO && image_file_code(file) < 0)
                return err_errno(e, image_file_code(file), "writing the squashfs");
        r = squashfs_error(sqfs_error, &message);
        return err_set(e, r, "writing the squashfs: %s", message);
}
