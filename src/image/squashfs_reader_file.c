/* Content of files.  The sizes of a file's blocks follow its inode, four bytes each; the position of a block
 * is the sum of those before it.  A mark remembers, for every 512 blocks, where the list goes on and what the
 * sum is there, so that a block is found by reading at most 2 KiB of metadata, in files of any length. */
#include <stdlib.h>
#include <string.h>

#include "image/squashfs_reader_internal.h"

#define FILE_MARK_BLOCKS   512U
#define FRAGMENT_BYTES     16U
#define FRAGMENTS_IN_BLOCK (METADATA_BYTES / FRAGMENT_BYTES)

/* Positions that are kept in memory: 64 KiB, for 4 million fragment blocks. */
#define FRAGMENT_INDEX_MAX 8192U

struct file_mark {
        struct metadata_place listing;
        uint64_t position;
};

static int damaged(struct err *e, const char *what)
{
        return err_set(e, -EBADMSG, "squashfs: %s", what);
}

uint64_t squashfs_file_size(const struct squashfs_inode *file)
{
        return S_ISREG(file->status.st_mode) ? file->file.size : 0;
}

uint64_t squashfs_file_n_blocks(const struct squashfs_inode *file)
{
        if (!S_ISREG(file->status.st_mode))
                return 0;
        return file->file.n_listed + (file->file.fragment != SQUASHFS_NO_FRAGMENT);
}

/* Adds the stored sizes of the next `n` blocks of the list to *position, and leaves the last in *ret_word. */
static int sum_sizes(struct metadata_cursor *c, uint32_t n, uint64_t *position, uint32_t *ret_word,
                     struct err *e)
{
        uint8_t room[FILE_MARK_BLOCKS * 4];
        struct span s = span_of(room, n * 4U);
        uint32_t word = 0;
        int r = metadata_read(c, room, n * 4U, e);

        if (r < 0)
                return r;
        for (uint32_t i = 0; i < n; i++) {
                span_u32(&s, &word);
                *position += word & BLOCK_SIZE_MASK;
        }
        if (ret_word)
                *ret_word = word;
        return 0;
}

/* Makes marks up to number `wanted`. */
static int make_marks(struct squashfs_reader *r, struct squashfs_inode *file, size_t wanted, struct err *e)
{
        size_t n_all = (size_t) (file->file.n_listed / FILE_MARK_BLOCKS) + 1;
        int result = 0;

        if (!file->file.marks) {
                file->file.marks = calloc(n_all, sizeof(*file->file.marks));
                if (!file->file.marks)
                        return err_set(e, -ENOMEM, "no memory for a list of blocks");
                file->file.marks[0] =
                        (struct file_mark){ .listing = file->file.listing, .position = file->file.start };
                file->file.n_marks = 1;
        }
        while (result == 0 && file->file.n_marks <= wanted) {
                const struct file_mark *last = &file->file.marks[file->file.n_marks - 1];
                struct file_mark next = *last;

                result = metadata_seek(&r->inodes, last->listing, e);
                if (result == 0)
                        result = sum_sizes(&r->inodes, FILE_MARK_BLOCKS, &next.position, NULL, e);
                next.listing = r->inodes.at;
                if (result == 0)
                        file->file.marks[file->file.n_marks++] = next;
        }
        return result;
}

/* Fills in where a block of `word` as size lies. */
static int place_block(const struct squashfs_shared *s, uint32_t word, uint64_t position,
                       struct squashfs_block *ret, struct err *e)
{
        uint64_t used = s->super.bytes_used;

        ret->stored_size = word & BLOCK_SIZE_MASK;
        ret->compressed = !(word & BLOCK_UNCOMPRESSED);
        ret->sparse = ret->stored_size == 0;
        ret->position = ret->sparse ? 0 : position;
        if (ret->stored_size > s->super.block_size)
                return damaged(e, "a block is stored in more bytes than it has");
        if (!ret->sparse && (position > used || ret->stored_size > used - position))
                return damaged(e, "a block lies outside the image");
        return 0;
}

int fragment_index_read(struct squashfs_shared *s, struct err *e)
{
        size_t n = (s->super.n_fragments + (size_t) FRAGMENTS_IN_BLOCK - 1) / FRAGMENTS_IN_BLOCK;
        int r;

        if (n == 0 || n > FRAGMENT_INDEX_MAX || s->super.fragment_table == NO_TABLE)
                return 0;
        s->fragment_index = calloc(n, sizeof(*s->fragment_index));
        if (!s->fragment_index)
                return err_set(e, -ENOMEM, "no memory for a table of fragments");
        r = table_index_read(s, s->super.fragment_table, n, s->fragment_index, e);
        return r < 0 ? err_ctx(e, r, "table of fragments") : 0;
}

/* Entries of the fragment table: position u64, size word u32, unused u32; 512 in a metadata block, the
 * blocks' positions in a list at fragment_table. */
int squashfs_fragment_block(struct squashfs_reader *r, uint32_t fragment, struct squashfs_block *ret,
                            struct err *e)
{
        const struct squashfs_shared *s = r->shared;
        struct squashfs_block block = { .fragment = fragment, .block_bytes = s->super.block_size };
        size_t in_index = fragment / FRAGMENTS_IN_BLOCK;
        struct metadata_place place = { .offset = fragment % FRAGMENTS_IN_BLOCK * FRAGMENT_BYTES };
        uint8_t room[FRAGMENT_BYTES];
        struct span span = span_of(room, sizeof(room));
        struct metadata_cursor c;
        uint64_t position;
        uint32_t word;
        int result = 0;

        if (fragment >= s->super.n_fragments || s->super.fragment_table == NO_TABLE)
                return err_set(e, -ENOENT, "squashfs: there is no fragment %u", fragment);
        if (s->fragment_index)
                place.block = s->fragment_index[in_index];
        else
                result = table_index_read(s, s->super.fragment_table + in_index * 8, 1, &place.block, e);
        if (result < 0)
                return result;
        metadata_init(&c, r, 0, s->super.bytes_used);
        result = metadata_seek(&c, place, e);
        if (result == 0)
                result = metadata_read(&c, room, sizeof(room), e);
        metadata_done(&c);
        if (result < 0)
                return result;
        span_u64(&span, &position);
        span_u32(&span, &word);
        result = place_block(s, word, position, &block, e);
        if (result == 0 && block.sparse)
                result = damaged(e, "a fragment block is empty");
        if (result == 0)
                *ret = block;
        return result;
}

static int fragment_part(struct squashfs_reader *r, const struct squashfs_inode *file,
                         struct squashfs_block *ret, struct err *e)
{
        uint32_t block_size = r->shared->super.block_size;
        struct squashfs_block block;
        int result = squashfs_fragment_block(r, file->file.fragment, &block, e);

        if (result == -ENOENT)
                return damaged(e, "a file's fragment lies outside the table");
        if (result < 0)
                return result;
        block.from = file->file.fragment_offset;
        block.n = (uint32_t) (file->file.size % block_size);
        if (block.from > block_size || block.n > block_size - block.from)
                return damaged(e, "a file lies outside its fragment block");
        *ret = block;
        return 0;
}

int squashfs_file_block(struct squashfs_reader *r, struct squashfs_inode *file, uint64_t index,
                        struct squashfs_block *ret, struct err *e)
{
        const struct squashfs_shared *s = r->shared;
        struct squashfs_block block = { .fragment = SQUASHFS_NO_FRAGMENT };
        size_t mark = (size_t) (index / FILE_MARK_BLOCKS);
        uint64_t position, left;
        uint32_t word;
        int result;

        if (index >= squashfs_file_n_blocks(file))
                return err_set(e, -EINVAL, "squashfs: there is no such block in the file");
        if (index == file->file.n_listed)
                return fragment_part(r, file, ret, e);
        result = make_marks(r, file, mark, e);
        if (result < 0)
                return result;
        position = file->file.marks[mark].position;
        result = metadata_seek(&r->inodes, file->file.marks[mark].listing, e);
        if (result == 0)
                result =
                        sum_sizes(&r->inodes, (uint32_t) (index % FILE_MARK_BLOCKS) + 1, &position, &word, e);
        if (result == 0)
                result = place_block(s, word, position - (word & BLOCK_SIZE_MASK), &block, e);
        if (result < 0)
                return result;
        left = file->file.size - index * s->super.block_size;
        block.n = block.block_bytes = left < s->super.block_size ? (uint32_t) left : s->super.block_size;
        *ret = block;
        return 0;
}

int squashfs_block_read_stored(struct squashfs_reader *r, const struct squashfs_block *block, void *out,
                               struct err *e)
{
        return reader_pread(r->shared, out, block->stored_size, block->position, e);
}

int squashfs_block_read(struct squashfs_reader *r, const struct squashfs_block *block, void *out,
                        size_t *ret_size, struct err *e)
{
        uint32_t block_size = r->shared->super.block_size;
        size_t size = block->block_bytes;
        int result;

        if (block->sparse) {
                memset(out, 0, block->block_bytes);
        } else if (!block->compressed) {
                size = block->stored_size;
                result = squashfs_block_read_stored(r, block, out, e);
                if (result < 0)
                        return result;
        } else {
                if (!r->stored)
                        r->stored = malloc(block_size);
                if (!r->stored)
                        return err_set(e, -ENOMEM, "no memory for a block");
                result = squashfs_block_read_stored(r, block, r->stored, e);
                if (result == 0)
                        result = reader_decode(r, r->stored, block->stored_size, out, block_size, &size, e);
                if (result < 0)
                        return result;
        }
        /* A data block is as long as the file says; a fragment block is as long as it is. */
        if (block->fragment == SQUASHFS_NO_FRAGMENT ? size != block->block_bytes
                                                    : size < block->from + block->n)
                return damaged(e, "a block decodes to another size than its file has");
        *ret_size = size;
        return 0;
}

/* Copies what [offset, offset + size) has in the block that `offset` is in; bytes done. */
static ssize_t read_in_block(struct squashfs_reader *r, struct squashfs_inode *file, uint64_t offset,
                             void *out, size_t size, struct err *e)
{
        uint32_t block_size = r->shared->super.block_size, within = (uint32_t) (offset % block_size);
        struct squashfs_block block;
        int result = squashfs_file_block(r, file, offset / block_size, &block, e);

        if (result < 0)
                return result;
        if (size > block.n - within)
                size = block.n - within;
        if (block.sparse) {
                memset(out, 0, size);
                return (ssize_t) size;
        }
        if (!r->last)
                r->last = malloc(block_size);
        if (!r->last)
                return err_set(e, -ENOMEM, "no memory for a block");
        if (r->last_position != block.position) {
                r->last_position = UINT64_MAX;
                result = squashfs_block_read(r, &block, r->last, &r->last_size, e);
                if (result < 0)
                        return result;
                r->last_position = block.position;
        }
        if (block.from + within + size > r->last_size)
                return damaged(e, "a file lies outside its block");
        memcpy(out, r->last + block.from + within, size);
        return (ssize_t) size;
}

ssize_t squashfs_file_read(struct squashfs_reader *r, struct squashfs_inode *file, uint64_t offset, void *out,
                           size_t size, struct err *e)
{
        uint64_t there = squashfs_file_size(file);
        size_t done = 0;

        if (offset >= there)
                return 0;
        if (size > there - offset)
                size = (size_t) (there - offset);
        while (done < size) {
                ssize_t n = read_in_block(r, file, offset + done, (uint8_t *) out + done, size - done, e);

                if (n < 0)
                        return n;
                done += (size_t) n;
        }
        return (ssize_t) done;
}
