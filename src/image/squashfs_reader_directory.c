/* Listings: runs of a head (count - 1 u32, inode block u32, inode number u32) and up to 256 entries (offset
 * u16, difference of inode number s16, type u16, name size - 1 u16, name).  A position in a listing that can
 * be resumed is the offset of a run's head in it, and the number of the entry in the run. */
#include <string.h>

#include "image/squashfs_reader_internal.h"

#define RUN_HEAD_BYTES 12
#define RUN_ENTRIES    256
#define ENTRY_BYTES    8
#define FROM(run, n)   (((uint64_t) (run) << 9) | (n))
#define FROM_RUN(from) ((from) >> 9)
#define FROM_N(from)   ((uint32_t) ((from) &0x1ff))
#define INDEX_BYTES    12
#define METADATA_MASK  (METADATA_BYTES - 1)

struct listing {
        struct metadata_cursor c;
        uint32_t left;     /* bytes of the listing not yet read */
        uint32_t at;       /* offset in the listing */
        uint32_t run;      /* where the present run began */
        uint32_t n, n_run; /* entries of the run: read, there */
        uint32_t block;    /* of their inodes */
        uint32_t number;   /* inode number that theirs are relative to */
        char name[SQUASHFS_NAME_MAX];
        struct err *e;
};

static int broken(struct err *e, const char *what)
{
        return err_set(e, -EBADMSG, "squashfs: a directory %s", what);
}

static int take(struct listing *l, void *out, uint32_t size)
{
        if (size > l->left)
                return broken(l->e, "is cut off");
        l->left -= size;
        l->at += size;
        return metadata_read(&l->c, out, size, l->e);
}

static int read_head(struct listing *l)
{
        uint8_t room[RUN_HEAD_BYTES];
        struct span s = span_of(room, sizeof(room));
        uint32_t count;
        int r;

        l->run = l->at;
        r = take(l, room, sizeof(room));
        if (r < 0)
                return r;
        span_u32(&s, &count);
        span_u32(&s, &l->block);
        span_u32(&s, &l->number);
        if (count >= RUN_ENTRIES)
                return broken(l->e, "has a run of more than 256 entries");
        l->n_run = count + 1;
        l->n = 0;
        return 0;
}

static bool name_is_sane(const char *name, size_t size)
{
        if (memchr(name, '/', size) || memchr(name, '\0', size))
                return false;
        return !(size == 1 && name[0] == '.') && !(size == 2 && name[0] == '.' && name[1] == '.');
}

/* The next entry: 1, or 0 at the end.  Its name is in l->name until the next call. */
static int next_entry(struct listing *l, struct squashfs_entry *ret)
{
        static const mode_t modes[] = { 0, S_IFDIR, S_IFREG, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK };
        uint8_t room[ENTRY_BYTES];
        struct span s = span_of(room, sizeof(room));
        uint16_t offset, difference, type, size;
        int r = 0;

        if (l->n == l->n_run) {
                if (l->left == 0)
                        return 0;
                r = read_head(l);
        }
        if (r == 0)
                r = take(l, room, sizeof(room));
        if (r < 0)
                return r;
        span_u16(&s, &offset);
        span_u16(&s, &difference);
        span_u16(&s, &type);
        span_u16(&s, &size);
        if (size >= SQUASHFS_NAME_MAX)
                return broken(l->e, "has a name of more than 256 bytes");
        if (type < 1 || type > 7)
                return broken(l->e, "has an entry of an unknown type");
        r = take(l, l->name, size + 1U);
        if (r < 0)
                return r;
        if (!name_is_sane(l->name, size + 1U))
                return broken(l->e, "has an impossible name");
        l->n++;
        *ret = (struct squashfs_entry){
                .name = l->name,
                .name_size = size + 1U,
                .reference = (uint64_t) l->block << 16 | offset,
                .inode_number = (uint32_t) ((int64_t) l->number + (int16_t) difference),
                .mode_type = modes[type],
                .next = l->n < l->n_run ? FROM(l->run, l->n) : FROM(l->at, 0),
        };
        return 1;
}

/* Starts at the run head that lies `at` bytes into the listing and at `place`. */
static int listing_start(struct listing *l, const struct squashfs_inode *dir, uint64_t at,
                         struct metadata_place place)
{
        if (at > dir->dir.listing_bytes)
                return broken(l->e, "position lies outside");
        l->at = (uint32_t) at;
        l->left = dir->dir.listing_bytes - l->at;
        l->n = l->n_run = 0;
        return l->left ? metadata_seek(&l->c, place, l->e) : 0;
}

static int listing_open(struct listing *l, struct squashfs_reader *r, const struct squashfs_inode *dir,
                        struct err *e)
{
        *l = (struct listing){ .e = e };
        metadata_init(&l->c, r, r->shared->super.directory_table, r->shared->directory_limit);
        if (!S_ISDIR(dir->status.st_mode))
                return err_set(e, -ENOTDIR, "squashfs: not a directory");
        return listing_start(l, dir, 0, dir->dir.listing);
}

/* One entry of a directory's index: a run head lies `at` bytes into the listing, in metadata block `block`;
 * its first name is `name`. */
struct index_entry {
        uint32_t at, block;
        char name[SQUASHFS_NAME_MAX];
        size_t name_size;
};

static int read_index(struct metadata_cursor *c, struct index_entry *ret, struct err *e)
{
        uint8_t room[INDEX_BYTES];
        struct span s = span_of(room, sizeof(room));
        uint32_t size;
        int r = metadata_read(c, room, sizeof(room), e);

        if (r < 0)
                return r;
        span_u32(&s, &ret->at);
        span_u32(&s, &ret->block);
        span_u32(&s, &size);
        if (size >= SQUASHFS_NAME_MAX)
                return broken(e, "index has a name of more than 256 bytes");
        ret->name_size = size + 1U;
        return metadata_read(c, ret->name, ret->name_size, e);
}

static int compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
        int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

        return order ? order : (a_size > b_size) - (a_size < b_size);
}

/* Moves the listing to the last run that starts at a place which `wanted` accepts. */
struct index_wish {
        const char *name; /* not behind this name, or NULL */
        size_t name_size;
        uint64_t at; /* not behind this offset */
};

static int listing_jump(struct listing *l, const struct squashfs_inode *dir, const struct index_wish *wish)
{
        struct squashfs_reader *r = l->c.reader;
        struct index_entry entry;
        uint32_t at = 0, block = 0;
        int result;

        if (dir->dir.n_index == 0)
                return 0;
        result = metadata_seek(&r->inodes, dir->dir.index, l->e);
        for (unsigned i = 0; result == 0 && i < dir->dir.n_index; i++) {
                result = read_index(&r->inodes, &entry, l->e);
                if (result < 0 || entry.at > wish->at)
                        break;
                if (wish->name && compare(entry.name, entry.name_size, wish->name, wish->name_size) > 0)
                        break;
                at = entry.at;
                block = entry.block;
        }
        if (result < 0 || at == 0)
                return result;
        return listing_start(l, dir, at,
                             (struct metadata_place){
                                     .block = r->shared->super.directory_table + block,
                                     .offset = (uint32_t) ((at + dir->dir.listing.offset) & METADATA_MASK) });
}

/* Moves the listing to where an earlier reading stopped. */
static int listing_resume(struct listing *l, const struct squashfs_inode *dir, uint64_t from)
{
        struct squashfs_entry entry;
        uint64_t run = FROM_RUN(from);
        int r;

        if (run > dir->dir.listing_bytes)
                return broken(l->e, "position lies outside");
        r = listing_jump(l, dir, &(struct index_wish){ .at = run });
        if (r == 0 && run < l->at)
                r = broken(l->e, "position lies outside");
        if (r == 0)
                r = metadata_skip(&l->c, run - l->at, l->e);
        if (r < 0)
                return r;
        l->left -= (uint32_t) (run - l->at);
        l->at = (uint32_t) run;
        for (uint32_t n = FROM_N(from); n > 0; n--) {
                r = next_entry(l, &entry);
                if (r <= 0)
                        return r;
        }
        return 0;
}

int squashfs_directory_read(struct squashfs_reader *r, const struct squashfs_inode *dir, uint64_t from,
                            squashfs_entry_visit visit, void *user, struct err *e)
{
        struct squashfs_entry entry;
        struct listing l;
        int result = listing_open(&l, r, dir, e);

        if (result == 0 && from)
                result = listing_resume(&l, dir, from);
        while (result == 0) {
                result = next_entry(&l, &entry);
                if (result <= 0)
                        break;
                result = visit(&entry, user);
        }
        metadata_done(&l.c);
        return result;
}

int squashfs_directory_find(struct squashfs_reader *r, const struct squashfs_inode *dir, const char *name,
                            size_t name_size, uint64_t *ret_reference, struct err *e)
{
        struct index_wish wish = { .name = name, .name_size = name_size, .at = UINT64_MAX };
        struct squashfs_entry entry;
        struct listing l;
        int result = listing_open(&l, r, dir, e);

        if (result == 0)
                result = listing_jump(&l, dir, &wish);
        while (result == 0) {
                int order;

                result = next_entry(&l, &entry);
                if (result < 0)
                        break;
                order = result ? compare(entry.name, entry.name_size, name, name_size) : 1;
                if (order > 0) {
                        result = -ENOENT;
                        break;
                }
                result = 0;
                if (order == 0) {
                        *ret_reference = entry.reference;
                        break;
                }
        }
        metadata_done(&l.c);
        return result;
}

uint32_t squashfs_directory_parent(const struct squashfs_inode *dir)
{
        return dir->dir.parent;
}

int squashfs_path_find(struct squashfs_reader *r, const char *path, uint64_t *ret_reference, struct err *e)
{
        uint64_t reference = r->shared->super.root_inode;

        for (;;) {
                struct squashfs_inode dir;
                size_t size;
                int result;

                path += strspn(path, "/");
                size = strcspn(path, "/");
                if (size == 0)
                        break;
                result = inode_decode(r, reference, &dir, e);
                if (result == 0 && !S_ISDIR(dir.status.st_mode))
                        return -ENOENT;
                if (result == 0)
                        result = squashfs_directory_find(r, &dir, path, size, &reference, e);
                if (result < 0)
                        return result;
                path += size;
        }
        *ret_reference = reference;
        return 0;
}
