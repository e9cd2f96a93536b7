/* Inodes: a common head of 16 bytes, then by type.  All integers little-endian; offsets within the part that
 * follows the head.
 *
 *      directory   0 block u32, 4 links u32, 8 listing size + 3 u16, 10 offset u16, 12 parent u32
 *      + extended  0 links u32, 4 listing size + 3 u32, 8 block u32, 12 parent u32, 16 index count u16,
 *                  18 offset u16, 20 xattr u32, then the index
 *      file        0 start u32, 4 fragment u32, 8 offset in it u32, 12 size u32, then block sizes
 *      + extended  0 start u64, 8 size u64, 16 sparse u64, 24 links u32, 28 fragment u32, 32 offset u32,
 *                  36 xattr u32, then block sizes
 *      link        0 links u32, 4 target size u32, then the target; + extended: then xattr u32
 *      device      0 links u32, 4 number u32;  + extended 8 xattr u32
 *      pipe        0 links u32;  + extended 4 xattr u32
 */
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "image/squashfs_reader_internal.h"

#define LINK_TARGET_MAX                                                                                      \
        65535U /* the kernel reads at most a page; mksquashfs never writes more than PATH_MAX */

enum inode_type { DIRECTORY = 1, FILE_, LINK, BLOCK_DEVICE, CHARACTER_DEVICE, PIPE, SOCKET_, EXTENDED = 7 };

static const mode_t type_modes[] = { 0, S_IFDIR, S_IFREG, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK };

struct decoding {
        struct metadata_cursor *c;
        struct squashfs_inode *inode;
        bool extended;
        struct err *e;
};

static int malformed(struct err *e, const char *what)
{
        return err_set(e, -EBADMSG, "squashfs: an inode %s", what);
}

/* Reads the next `size` bytes of the inode into `room` as a span. */
static int part(struct decoding *d, uint8_t *room, size_t size, struct span *ret)
{
        int r = metadata_read(d->c, room, size, d->e);

        *ret = span_of(room, size);
        return r;
}

static int decode_directory(struct decoding *d)
{
        struct squashfs_inode *inode = d->inode;
        uint8_t room[24];
        uint32_t links, size, block;
        uint16_t offset;
        struct span s;
        int r = part(d, room, d->extended ? 24 : 16, &s);

        if (r < 0)
                return r;
        if (d->extended) {
                span_u32(&s, &links);
                span_u32(&s, &size);
                span_u32(&s, &block);
                span_u32(&s, &inode->dir.parent);
                span_u16(&s, &inode->dir.n_index);
                span_u16(&s, &offset);
                span_u32(&s, &inode->xattr);
                inode->dir.index = d->c->at;
        } else {
                uint16_t small;

                span_u32(&s, &block);
                span_u32(&s, &links);
                span_u16(&s, &small);
                span_u16(&s, &offset);
                span_u32(&s, &inode->dir.parent);
                size = small;
        }
        inode->status.st_nlink = links;
        inode->status.st_size = size;
        inode->dir.listing_bytes = size > 3 ? size - 3 : 0;
        inode->dir.listing =
                (struct metadata_place){ .block = d->c->reader->shared->super.directory_table + block,
                                         .offset = offset };
        return 0;
}

static int decode_file(struct decoding *d)
{
        struct squashfs_inode *inode = d->inode;
        uint64_t block_size = d->c->reader->shared->super.block_size;
        uint32_t links = 1;
        uint8_t room[40];
        struct span s;
        int r = part(d, room, d->extended ? 40 : 16, &s);

        if (r < 0)
                return r;
        if (d->extended) {
                uint64_t sparse;

                span_u64(&s, &inode->file.start);
                span_u64(&s, &inode->file.size);
                span_u64(&s, &sparse);
                span_u32(&s, &links);
                span_u32(&s, &inode->file.fragment);
                span_u32(&s, &inode->file.fragment_offset);
                span_u32(&s, &inode->xattr);
        } else {
                uint32_t start, size;

                span_u32(&s, &start);
                span_u32(&s, &inode->file.fragment);
                span_u32(&s, &inode->file.fragment_offset);
                span_u32(&s, &size);
                inode->file.start = start;
                inode->file.size = size;
        }
        inode->file.listing = d->c->at;
        inode->file.n_listed = inode->file.size / block_size;
        if (inode->file.size % block_size == 0)
                inode->file.fragment = SQUASHFS_NO_FRAGMENT;
        else if (inode->file.fragment == SQUASHFS_NO_FRAGMENT)
                inode->file.n_listed++;
        if (inode->file.n_listed > SQUASHFS_FILE_BLOCK_MAX)
                return err_set(d->e, -E2BIG, "squashfs: a file of more than %u blocks",
                               SQUASHFS_FILE_BLOCK_MAX);
        inode->status.st_nlink = links;
        inode->status.st_size = (off_t) inode->file.size;
        inode->status.st_blocks = (blkcnt_t) ((inode->file.size + 511) / 512);
        return 0;
}

static int decode_link(struct decoding *d)
{
        uint8_t room[8];
        uint32_t links;
        struct span s;
        int r = part(d, room, 8, &s);

        if (r < 0)
                return r;
        span_u32(&s, &links);
        span_u32(&s, &d->inode->link.size);
        if (d->inode->link.size == 0 || d->inode->link.size > LINK_TARGET_MAX)
                return malformed(d->e, "has a link target of impossible length");
        d->inode->status.st_nlink = links;
        d->inode->status.st_size = d->inode->link.size;
        d->inode->link.at = d->c->at;
        if (!d->extended)
                return 0;
        r = metadata_skip(d->c, d->inode->link.size, d->e);
        if (r == 0)
                r = part(d, room, 4, &s);
        if (r == 0)
                span_u32(&s, &d->inode->xattr);
        return r;
}

static int decode_special(struct decoding *d, bool device)
{
        uint32_t links, number = 0;
        uint8_t room[12];
        struct span s;
        int r = part(d, room, 4 + (device ? 4U : 0U) + (d->extended ? 4U : 0U), &s);

        if (r < 0)
                return r;
        span_u32(&s, &links);
        if (device)
                span_u32(&s, &number);
        if (d->extended)
                span_u32(&s, &d->inode->xattr);
        d->inode->status.st_nlink = links;
        /* As the kernel packs device numbers: minor 0-7, major 8-19, minor 20-31. */
        d->inode->status.st_rdev =
                makedev((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
        return 0;
}

static int owner(const struct squashfs_shared *s, uint16_t index, uint32_t *ret, struct err *e)
{
        if (index >= s->super.n_ids)
                return malformed(e, "has an owner outside the table");
        *ret = s->ids[index];
        return 0;
}

static int decode_head(struct decoding *d, uint16_t *ret_type)
{
        struct squashfs_inode *inode = d->inode;
        uint16_t mode, uid, gid;
        uint32_t mtime, number;
        uint8_t room[16];
        struct span s;
        int r = part(d, room, sizeof(room), &s);

        if (r < 0)
                return r;
        span_u16(&s, ret_type);
        span_u16(&s, &mode);
        span_u16(&s, &uid);
        span_u16(&s, &gid);
        span_u32(&s, &mtime);
        span_u32(&s, &number);
        if (*ret_type < 1 || *ret_type > 2 * EXTENDED)
                return malformed(d->e, "is of an unknown type");
        d->extended = *ret_type > EXTENDED;
        if (d->extended)
                *ret_type = (uint16_t) (*ret_type - EXTENDED);
        inode->status.st_mode = type_modes[*ret_type] | (mode & 07777);
        inode->status.st_ino = number;
        inode->status.st_mtim.tv_sec = mtime;
        inode->status.st_atim = inode->status.st_ctim = inode->status.st_mtim;
        inode->status.st_blksize = (blksize_t) d->c->reader->shared->super.block_size;
        r = owner(d->c->reader->shared, uid, &inode->status.st_uid, d->e);
        return r < 0 ? r : owner(d->c->reader->shared, gid, &inode->status.st_gid, d->e);
}

int inode_decode(struct squashfs_reader *r, uint64_t reference, struct squashfs_inode *ret, struct err *e)
{
        struct decoding d = { .c = &r->inodes, .inode = ret, .e = e };
        struct metadata_place place = { .offset = REFERENCE_OFFSET(reference) };
        uint16_t type;
        int result;

        memset(ret, 0, sizeof(*ret));
        ret->reference = reference;
        ret->xattr = NO_XATTR;
        if (REFERENCE_BLOCK(reference) > UINT32_MAX)
                return malformed(e, "reference lies outside the table");
        place.block = r->shared->super.inode_table + REFERENCE_BLOCK(reference);
        result = metadata_seek(d.c, place, e);
        if (result == 0)
                result = decode_head(&d, &type);
        if (result < 0)
                return result;
        switch ((enum inode_type) type) {
        case DIRECTORY:
                return decode_directory(&d);
        case FILE_:
                return decode_file(&d);
        case LINK:
                return decode_link(&d);
        case BLOCK_DEVICE:
        case CHARACTER_DEVICE:
                return decode_special(&d, true);
        default:
                return decode_special(&d, false);
        }
}

int squashfs_stat(struct squashfs_reader *r, uint64_t reference, struct stat *ret, struct err *e)
{
        struct squashfs_inode inode;
        int result = inode_decode(r, reference, &inode, e);

        if (result == 0)
                *ret = inode.status;
        return result;
}

static int read_target(struct squashfs_reader *r, struct squashfs_inode *inode, struct err *e)
{
        char *target = malloc(inode->link.size + 1U);
        int result;

        if (!target)
                return err_set(e, -ENOMEM, "no memory for a link target");
        result = metadata_seek(&r->inodes, inode->link.at, e);
        if (result == 0)
                result = metadata_read(&r->inodes, target, inode->link.size, e);
        if (result == 0 && memchr(target, '\0', inode->link.size))
                result = malformed(e, "has a link target with a NUL in it");
        if (result < 0) {
                free(target);
                return result;
        }
        target[inode->link.size] = '\0';
        inode->link.target = target;
        return 0;
}

int squashfs_inode_read(struct squashfs_reader *r, uint64_t reference, struct squashfs_inode **ret,
                        struct err *e)
{
        struct squashfs_inode *inode = malloc(sizeof(*inode));
        int result;

        if (!inode)
                return err_set(e, -ENOMEM, "no memory for an inode");
        result = inode_decode(r, reference, inode, e);
        if (result == 0 && S_ISLNK(inode->status.st_mode))
                result = read_target(r, inode, e);
        if (result < 0) {
                free(inode);
                return result;
        }
        *ret = inode;
        return 0;
}

void squashfs_inode_free(struct squashfs_inode *inode)
{
        if (!inode)
                return;
        if (S_ISLNK(inode->status.st_mode))
                free(inode->link.target);
        if (S_ISREG(inode->status.st_mode))
                free(inode->file.marks);
        free(inode);
}

void squashfs_inode_stat(const struct squashfs_inode *inode, struct stat *ret)
{
        *ret = inode->status;
}

const char *squashfs_inode_link(const struct squashfs_inode *inode)
{
        return S_ISLNK(inode->status.st_mode) ? inode->link.target : NULL;
}

bool squashfs_inode_has_xattrs(const struct squashfs_inode *inode)
{
        return inode->xattr != NO_XATTR;
}
