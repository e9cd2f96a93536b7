/* Everything behind the data blocks: inode table, directory table, fragment table, export table, ids,
 * extended attributes.
 *
 * A directory's listing refers to the inodes of its children and its own inode to the listing, so directories
 * are written from the last of the list to the first: each after all that lie below it.  The root is the last
 * inode.
 */
#include "image/squashfs_writer_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <sqfs/block.h>
#include <sqfs/dir_writer.h>
#include <sqfs/error.h>
#include <sqfs/meta_writer.h>
#include <sqfs/table.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_writer.h>

#include "base/clean.h"
#include "base/log.h"
#include "base/text.h"

#define IDS_MOST         65535u /* their number has 16 bits */
#define ID_HASH_SHIFT    15
#define ID_BUCKETS       (1u << 17)    /* twice that, a power of two */
#define XATTR_SIZE_MOST  65536u        /* XATTR_SIZE_MAX of Linux */
#define XATTR_NAME_MOST  255u          /* XATTR_NAME_MAX of Linux */
#define XATTRS_PER_BLOCK (8192u / 16u) /* entries of the xattr lookup table in one metadata block */
#define LINKS_MOST       0xffffffffu

struct ids {
        uint32_t n;
        uint32_t values[IDS_MOST];
        uint32_t buckets[ID_BUCKETS]; /* index + 1; 0: free */
};

struct run {
        struct tables *t;
        struct err *e;
        struct ids *ids;             /* owned, as all of these */
        sqfs_meta_writer_t *inodes;  /* straight to the file */
        sqfs_meta_writer_t *entries; /* in memory: the directory table follows the inode table */
        sqfs_dir_writer_t *directories;
        sqfs_xattr_writer_t *xattrs;
        uint32_t n_xattr_sets;
        uint32_t n_subdirectories; /* of the directory being written */
};

static int fail(struct run *run, int sqfs_error)
{
        return sqfs_error == 0 ? 0 : image_error(run->t->file, sqfs_error, run->e);
}

/* Puts the path in front of what an inode cannot have. */
static int fail_at(struct run *run, const struct tree_node *node, int r)
{
        _cleanup_free_ char *path = tree_path(node), *printable = text_printable(path);

        return err_ctx(run->e, r, "/%s", printable);
}

/* --- ids ------------------------------------------------------------------------------------------------ */

static int id_index(struct run *run, uint32_t id, uint16_t *ret)
{
        struct ids *ids = run->ids;
        uint32_t at;

        if (run->t->options->all_root)
                id = 0;
        for (at = (id * 0x9e3779b1u) >> ID_HASH_SHIFT; ids->buckets[at] > 0;
             at = (at + 1) & (ID_BUCKETS - 1)) {
                if (ids->values[ids->buckets[at] - 1] == id) {
                        *ret = (uint16_t) (ids->buckets[at] - 1);
                        return 0;
                }
        }
        if (ids->n == IDS_MOST)
                return err_set(run->e, -E2BIG,
                               "more than %u different user and group ids, which squashfs cannot hold",
                               IDS_MOST);
        ids->values[ids->n] = id;
        ids->buckets[at] = ++ids->n;
        *ret = (uint16_t) (ids->n - 1);
        return 0;
}

static int ids_write(struct run *run)
{
        struct ids *ids = run->ids;
        sqfs_u64 start;
        int r;

        for (uint32_t i = 0; i < ids->n; i++)
                ids->values[i] = htole32(ids->values[i]);
        r = sqfs_write_table(run->t->file, run->t->for_ids, ids->values, ids->n * sizeof(uint32_t), &start);
        if (r != 0)
                return fail(run, r);
        run->t->super->id_count = (sqfs_u16) ids->n;
        run->t->super->id_table_start = start;
        return 0;
}

/* --- extended attributes -------------------------------------------------------------------------------- */

static int xattrs_add(struct run *run, const struct tree_inode *inode)
{
        for (const struct tree_xattr *x = inode->xattrs; x; x = x->next) {
                int r;

                if (sqfs_get_xattr_prefix_id(x->name) < 0) {
                        log_debug("extended attribute %s has no place in a squashfs, left out", x->name);
                        continue;
                }
                if (x->value_size > XATTR_SIZE_MOST || strlen(x->name) > XATTR_NAME_MOST)
                        return err_set(run->e, -E2BIG, "extended attribute %.40s is larger than Linux allows",
                                       x->name);
                r = sqfs_xattr_writer_add(run->xattrs, x->name, x->value, x->value_size);
                if (r != 0)
                        return fail(run, r);
        }
        return 0;
}

static int xattrs_index(struct run *run, const struct tree_inode *inode, uint32_t *ret)
{
        int r;

        *ret = NO_XATTRS;
        if (!inode->xattrs || run->t->options->no_xattrs)
                return 0;
        r = fail(run, sqfs_xattr_writer_begin(run->xattrs, 0));
        if (r == 0)
                r = xattrs_add(run, inode);
        if (r == 0)
                r = fail(run, sqfs_xattr_writer_end(run->xattrs, ret));
        if (r == 0 && *ret != NO_XATTRS && *ret >= run->n_xattr_sets)
                run->n_xattr_sets = *ret + 1;
        return r;
}

/* libsquashfs 1.2 writes behind its list of metadata blocks when the last of them is exactly full; a set that
 * no inode has keeps it from that. */
static int xattrs_pad(struct run *run)
{
        uint32_t index = 0;
        int r = 0;

        if (run->n_xattr_sets == 0 || run->n_xattr_sets % XATTRS_PER_BLOCK != 0)
                return 0;
        for (uint32_t salt = 0; r == 0 && index < run->n_xattr_sets; salt++) {
                r = sqfs_xattr_writer_begin(run->xattrs, 0);
                if (r == 0)
                        r = sqfs_xattr_writer_add(run->xattrs, "user.padding", &salt, sizeof(salt));
                if (r == 0)
                        r = sqfs_xattr_writer_end(run->xattrs, &index);
        }
        return fail(run, r);
}

static int xattrs_write(struct run *run)
{
        int r = xattrs_pad(run);

        if (r < 0)
                return r;
        return fail(run,
                    sqfs_xattr_writer_flush(run->xattrs, run->t->file, run->t->super, run->t->for_xattrs));
}

/* --- inodes --------------------------------------------------------------------------------------------- */

/* Seconds as the format has them: 32 bits without a sign, none above the limit that was asked for. */
static uint32_t stored_time(const struct squashfs_options *options, int64_t seconds)
{
        if (options->has_mtime && seconds > options->mtime)
                seconds = options->mtime;
        if (seconds < 0)
                return 0;
        return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t) seconds;
}

static sqfs_inode_generic_t *inode_new(uint16_t type, size_t payload_size)
{
        sqfs_inode_generic_t *n = text_alloc(sizeof(*n) + payload_size);

        n->base.type = type;
        n->payload_bytes_available = (sqfs_u32) payload_size;
        return n;
}

static sqfs_inode_generic_t *link_inode(const struct tree_inode *inode)
{
        size_t size = inode->link ? strlen(inode->link) : 0;
        sqfs_inode_generic_t *n = inode_new(SQFS_INODE_SLINK, size + 1);

        n->data.slink.nlink = inode->n_links;
        n->data.slink.target_size = (sqfs_u32) size;
        n->payload_bytes_used = (sqfs_u32) size;
        if (size > 0)
                memcpy(n->extra, inode->link, size);
        return n;
}

/* As new_encode_dev() of include/linux/kdev_t.h. */
static uint32_t encode_device(uint64_t rdev)
{
        uint32_t high = (uint32_t) major(rdev), low = (uint32_t) minor(rdev);

        return (low & 0xff) | high << 8 | (low & ~0xffu) << 12;
}

static sqfs_inode_generic_t *device_inode(const struct tree_inode *inode)
{
        sqfs_inode_generic_t *n = inode_new(S_ISCHR(inode->mode) ? SQFS_INODE_CDEV : SQFS_INODE_BDEV, 0);

        n->data.dev.nlink = inode->n_links;
        n->data.dev.devno = encode_device(inode->rdev);
        return n;
}

static sqfs_inode_generic_t *ipc_inode(const struct tree_inode *inode)
{
        sqfs_inode_generic_t *n = inode_new(S_ISFIFO(inode->mode) ? SQFS_INODE_FIFO : SQFS_INODE_SOCKET, 0);

        n->data.ipc.nlink = inode->n_links;
        return n;
}

static sqfs_inode_generic_t *file_inode(const struct tree_inode *inode)
{
        struct record *record = inode->writer;
        sqfs_inode_generic_t *n = ptr_take(&record->file);

        if (!n) {
                n = inode_new(SQFS_INODE_FILE, 0);
                sqfs_inode_set_frag_location(n, 0xffffffffu, 0xffffffffu);
        }
        if (inode->n_links > 1) {
                sqfs_inode_make_extended(n);
                n->data.file_ext.nlink = inode->n_links;
        }
        return n;
}

static sqfs_inode_generic_t *inode_of(const struct tree_inode *inode)
{
        switch (inode->mode & S_IFMT) {
        case S_IFLNK:
                return link_inode(inode);
        case S_IFCHR:
        case S_IFBLK:
                return device_inode(inode);
        case S_IFREG:
                return file_inode(inode);
        default:
                return ipc_inode(inode);
        }
}

/* libsquashfs puts a file's block list on the stack, which a sparse file of 300 GB overflows: the list is
 * appended here, in pieces. */
static int append_inode(struct run *run, sqfs_inode_generic_t *n)
{
        bool is_file = n->base.type == SQFS_INODE_FILE || n->base.type == SQFS_INODE_EXT_FILE;
        size_t n_blocks = is_file ? n->payload_bytes_used / sizeof(uint32_t) : 0;
        int r;

        if (is_file)
                n->payload_bytes_used = 0;
        r = sqfs_meta_writer_write_inode(run->inodes, n);
        for (size_t i = 0; i < n_blocks && r == 0;) {
                uint32_t piece[1024];
                size_t n_piece = n_blocks - i < ARRAY_SIZE(piece) ? n_blocks - i : ARRAY_SIZE(piece);

                for (size_t k = 0; k < n_piece; k++)
                        piece[k] = htole32(n->extra[i + k]);
                r = sqfs_meta_writer_append(run->inodes, piece, n_piece * sizeof(uint32_t));
                i += n_piece;
        }
        return fail(run, r);
}

/* Writes what all types have, then the inode. */
static int write_inode(struct run *run, const struct tree_inode *inode, sqfs_inode_generic_t *n)
{
        struct record *record = inode->writer;
        sqfs_u64 block;
        sqfs_u32 offset;
        int r;

        n->base.mode = (sqfs_u16) inode->mode;
        n->base.mod_time = stored_time(run->t->options, inode->mtime);
        n->base.inode_number = record->number;
        r = id_index(run, inode->uid, &n->base.uid_idx);
        if (r == 0)
                r = id_index(run, inode->gid, &n->base.gid_idx);
        if (r < 0)
                return r;
        sqfs_meta_writer_get_position(run->inodes, &block, &offset);
        record->reference = block << 16 | offset;
        record->written = true;
        return append_inode(run, n);
}

static int write_child(struct run *run, const struct tree_inode *inode)
{
        sqfs_inode_generic_t *n;
        uint32_t xattrs;
        int r = xattrs_index(run, inode, &xattrs);

        if (r < 0)
                return r;
        n = inode_of(inode);
        r = fail(run, sqfs_inode_set_xattr_index(n, xattrs));
        if (r == 0)
                r = write_inode(run, inode, n);
        sqfs_free(n);
        return r;
}

/* --- directories ---------------------------------------------------------------------------------------- */

static int visit_child(struct tree_node *child, void *user)
{
        struct run *run = user;
        const struct tree_inode *inode = child->inode;
        const struct record *record = inode->writer;
        int r = 0;

        if (S_ISDIR(inode->mode))
                run->n_subdirectories++;
        else if (!record->written)
                r = write_child(run, inode);
        if (r == 0)
                r = fail(run, sqfs_dir_writer_add_entry(run->directories, child->name, record->number,
                                                        record->reference, (sqfs_u16) inode->mode));
        return r < 0 ? fail_at(run, child, r) : 0;
}

static uint32_t number_of(const struct tree_node *node)
{
        const struct record *record = node->inode->writer;

        return record->number;
}

static int write_directory_inode(struct run *run, struct tree_node *dir)
{
        sqfs_inode_generic_t *n;
        uint32_t xattrs;
        int r = xattrs_index(run, dir->inode, &xattrs);

        if (r < 0)
                return r;
        n = sqfs_dir_writer_create_inode(run->directories, 0, xattrs,
                                         number_of(dir->parent ? dir->parent : dir));
        if (!n)
                return fail(run, SQFS_ERROR_ALLOC);
        if (n->base.type == SQFS_INODE_DIR)
                n->data.dir.nlink = run->n_subdirectories + 2;
        else
                n->data.dir_ext.nlink = run->n_subdirectories + 2;
        r = write_inode(run, dir->inode, n);
        sqfs_free(n);
        return r;
}

static int write_directory(struct run *run, struct tree_node *dir)
{
        int r = fail(run, sqfs_dir_writer_begin(run->directories, 0));

        run->n_subdirectories = 0;
        if (r == 0)
                r = tree_each(run->t->tree, dir, visit_child, run);
        if (r < 0)
                return r;
        r = fail(run, sqfs_dir_writer_end(run->directories));
        if (r == 0)
                r = write_directory_inode(run, dir);
        return r < 0 ? fail_at(run, dir, r) : 0;
}

static int write_directories(struct run *run)
{
        sqfs_super_t *super = run->t->super;
        sqfs_file_t *file = run->t->file;
        int r = 0;

        super->inode_table_start = file->get_size(file);
        for (size_t i = run->t->directories->n; i > 0 && r == 0; i--)
                r = write_directory(run, run->t->directories->at[i - 1]);
        if (r == 0)
                r = fail(run, sqfs_meta_writer_flush(run->inodes));
        if (r == 0)
                r = fail(run, sqfs_meta_writer_flush(run->entries));
        if (r < 0)
                return r;
        super->directory_table_start = file->get_size(file);
        super->inode_count = run->t->directories->n_inodes;
        return fail(run, sqfs_meta_write_write_to_file(run->entries));
}

/* --- all of them ---------------------------------------------------------------------------------------- */

static int write_all(struct run *run)
{
        struct tables *t = run->t;
        const struct record *root = tree_root(t->tree)->inode->writer;
        int r = write_directories(run);

        if (r < 0)
                return r;
        t->super->root_inode_ref = root->reference;
        r = sqfs_frag_table_write(t->fragments, t->file, t->super, t->for_inodes);
        if (r == 0)
                r = sqfs_dir_writer_write_export_table(run->directories, t->file, t->for_inodes, root->number,
                                                       root->reference, t->super);
        if (r != 0)
                return fail(run, r);
        r = ids_write(run);
        return r < 0 ? r : xattrs_write(run);
}

int tables_write(struct tables *t, struct err *e)
{
        struct run run = { .t = t, .e = e };
        int r;

        run.ids = text_alloc(sizeof(*run.ids));
        run.inodes = sqfs_meta_writer_create(t->file, t->for_inodes, 0);
        run.entries = sqfs_meta_writer_create(t->file, t->for_inodes, SQFS_META_WRITER_KEEP_IN_MEMORY);
        if (run.entries)
                run.directories = sqfs_dir_writer_create(run.entries, SQFS_DIR_WRITER_CREATE_EXPORT_TABLE);
        run.xattrs = sqfs_xattr_writer_create(0);
        if (run.inodes && run.directories && run.xattrs)
                r = write_all(&run);
        else
                r = err_errno(e, -ENOMEM, "writing the squashfs");
        sqfs_destroy(run.directories);
        sqfs_destroy(run.entries);
        sqfs_destroy(run.inodes);
        sqfs_destroy(run.xattrs);
        free(run.ids);
        return r;
}
