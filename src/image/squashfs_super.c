#include "image/squashfs_super.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/span.h"

#define SUPER_SIZE     96
#define MAGIC          0x73717368u /* "hsqs" */
#define MAJOR          4
#define COMPRESSOR_MAX 6 /* gzip, lzma, lzo, xz, lz4, zstd */
#define BLOCK_LOG_MIN  12
#define BLOCK_LOG_MAX  20
#define TABLE_ABSENT   UINT64_MAX

/* The launcher is a line of its own at the start of the file; what the original looks through. */
#define LAUNCHER_WINDOW 2048
#define LAUNCHER_END    " run-singularity"

struct raw {
        uint32_t magic;
        uint16_t major, minor;
};

/* The field of 96 bytes in their order; the buffer is long enough, so no take can fail. */
static void decode(const uint8_t *bytes, struct raw *raw, struct squashfs_super *ret)
{
        struct span s = span_of(bytes, SUPER_SIZE);

        span_u32(&s, &raw->magic);
        span_u32(&s, &ret->n_inodes);
        span_u32(&s, &ret->mtime);
        span_u32(&s, &ret->block_size);
        span_u32(&s, &ret->n_fragments);
        span_u16(&s, &ret->compressor);
        span_u16(&s, &ret->block_log);
        span_u16(&s, &ret->flags);
        span_u16(&s, &ret->n_ids);
        span_u16(&s, &raw->major);
        span_u16(&s, &raw->minor);
        span_u64(&s, &ret->root_inode);
        span_u64(&s, &ret->bytes_used);
        span_u64(&s, &ret->id_table);
        span_u64(&s, &ret->xattr_table);
        span_u64(&s, &ret->inode_table);
        span_u64(&s, &ret->directory_table);
        span_u64(&s, &ret->fragment_table);
        span_u64(&s, &ret->export_table);
}

static int check_kind(const struct raw *raw, const struct squashfs_super *super, struct err *e)
{
        if (raw->major != MAJOR || raw->minor != 0)
                return err_set(e, -ENOTSUP, "squashfs version %u.%u is not supported, only 4.0 is",
                               raw->major, raw->minor);
        if (super->compressor < 1 || super->compressor > COMPRESSOR_MAX)
                return err_set(e, -EBADMSG, "corrupted image: unknown compression algorithm value %u",
                               super->compressor);
        if (super->block_log < BLOCK_LOG_MIN || super->block_log > BLOCK_LOG_MAX ||
            super->block_size != UINT32_C(1) << super->block_log)
                return err_set(e, -EBADMSG, "corrupted image: squashfs with blocks of %u bytes (2^%u)",
                               super->block_size, super->block_log);
        if (super->n_inodes == 0 || super->n_ids == 0)
                return err_set(e, -EBADMSG, "corrupted image: squashfs with %u inodes and %u owners",
                               super->n_inodes, super->n_ids);
        return 0;
}

static bool inside(uint64_t table, const struct squashfs_super *super)
{
        return table >= SUPER_SIZE && table < super->bytes_used;
}

static bool inside_or_absent(uint64_t table, const struct squashfs_super *super)
{
        return table == TABLE_ABSENT || inside(table, super);
}

static int check_bounds(const struct squashfs_super *super, uint64_t size, struct err *e)
{
        if (super->bytes_used > size)
                return err_set(e, -EBADMSG,
                               "truncated image: the squashfs has %llu bytes, only %llu are there",
                               (unsigned long long) super->bytes_used, (unsigned long long) size);
        if (!inside(super->id_table, super) || !inside(super->inode_table, super) ||
            !inside(super->directory_table, super) || super->directory_table < super->inode_table ||
            !inside_or_absent(super->xattr_table, super) || !inside_or_absent(super->fragment_table, super) ||
            !inside_or_absent(super->export_table, super))
                return err_set(e, -EBADMSG, "corrupted image: a squashfs table lies outside its %llu bytes",
                               (unsigned long long) super->bytes_used);
        /* The upper 48 bits are the block's place in the inode table, the lower 16 the place in the block. */
        if (super->root_inode >> 16 >= super->directory_table - super->inode_table)
                return err_set(e, -EBADMSG, "corrupted image: the root inode lies outside the inode table");
        return 0;
}

int squashfs_super_read(int fd, uint64_t offset, uint64_t size, struct squashfs_super *ret, struct err *e)
{
        uint8_t bytes[SUPER_SIZE];
        struct squashfs_super super;
        struct raw raw;
        int r;

        if (size < SUPER_SIZE)
                return err_set(e, -ENOEXEC, "no squashfs: only %llu bytes", (unsigned long long) size);
        r = fd_pread_all(fd, bytes, sizeof(bytes), offset);
        if (r == -EBADMSG)
                return err_set(e, -ENOEXEC, "no squashfs: the file ends before byte %llu",
                               (unsigned long long) offset + SUPER_SIZE);
        if (r < 0)
                return err_errno(e, r, "reading the squashfs superblock at byte %llu",
                                 (unsigned long long) offset);
        decode(bytes, &raw, &super);
        if (raw.magic != MAGIC)
                return err_set(e, -ENOEXEC, "no squashfs superblock at byte %llu",
                               (unsigned long long) offset);
        r = check_kind(&raw, &super, e);
        if (r == 0)
                r = check_bounds(&super, size, e);
        if (r == 0)
                *ret = super;
        return r;
}

uint64_t squashfs_launcher_skip(int fd)
{
        char bytes[LAUNCHER_WINDOW];
        ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
        const char *found;

        if (size <= 0)
                return 0;
        found = memmem(bytes, (size_t) size, LAUNCHER_END, sizeof(LAUNCHER_END) - 1);
        if (!found || found == bytes)
                return 0;
        return (uint64_t) (found - bytes) + sizeof(LAUNCHER_END) - 1 + 1; /* and the end of the line */
}
