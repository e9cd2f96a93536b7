#include "image/ext3_super.h"

#include "base/fd.h"
#include "base/num.h"
#include "base/span.h"

#define SUPER_OFFSET 1024
#define SUPER_SIZE   104 /* as far as the feature words */
#define MAGIC        0xef53

#define COMPAT_JOURNAL 0x4u
#define INCOMPAT_KNOWN (0x2u | 0x4u | 0x10u) /* filetype, needs recovery, meta_bg */
#define RO_KNOWN       (0x1u | 0x2u | 0x4u)  /* sparse_super, large_file, btree_dir */
#define BLOCK_LOG_MAX  6                     /* 64 KiB */

struct super {
        uint32_t n_blocks, block_log; /* blocks of 1024 << block_log bytes */
        uint16_t magic;
        uint32_t compat, incompat, ro_compat;
};

/* The buffer is long enough, so no take can fail. */
static void decode(const uint8_t *bytes, struct super *ret)
{
        struct span s = span_of(bytes, SUPER_SIZE);

        span_skip(&s, 4);
        span_u32(&s, &ret->n_blocks);
        span_skip(&s, 16);
        span_u32(&s, &ret->block_log);
        span_skip(&s, 28);
        span_u16(&s, &ret->magic);
        span_skip(&s, 34);
        span_u32(&s, &ret->compat);
        span_u32(&s, &ret->incompat);
        span_u32(&s, &ret->ro_compat);
}

static int refuse(int code, struct err *e, const char *why)
{
        err_set(e, code, "file is not a valid ext3 image: %s", why);
        return err_hint(e, code, "make one with `mkfs.ext3`, or use a squashfs");
}

int ext3_super_check(int fd, uint64_t offset, uint64_t size, struct err *e)
{
        uint8_t bytes[SUPER_SIZE];
        struct super super = { .magic = 0 };
        uint64_t need;
        int r;

        if (size < SUPER_OFFSET + SUPER_SIZE)
                return err_set(e, -ENOEXEC, "no ext3: only %llu bytes", (unsigned long long) size);
        r = fd_pread_all(fd, bytes, sizeof(bytes), offset + SUPER_OFFSET);
        if (r < 0 && r != -EBADMSG)
                return err_errno(e, r, "reading the ext3 superblock");
        if (r == 0)
                decode(bytes, &super);
        if (r < 0 || super.magic != MAGIC)
                return err_set(e, -ENOEXEC, "no ext3 superblock");
        if (super.incompat & ~INCOMPAT_KNOWN || super.ro_compat & ~RO_KNOWN)
                return refuse(-ENOTSUP, e, "it has features of ext4");
        if (!(super.compat & COMPAT_JOURNAL))
                return refuse(-ENOTSUP, e, "it has no journal (ext2)");
        if (super.block_log > BLOCK_LOG_MAX || super.n_blocks == 0)
                return refuse(-EBADMSG, e, "corrupted superblock");
        need = (uint64_t) super.n_blocks * (UINT64_C(1024) << super.block_log);
        if (need > size)
                return err_set(e, -EBADMSG, "truncated image: the ext3 has %llu bytes, only %llu are there",
                               (unsigned long long) need, (unsigned long long) size);
        return 0;
}
