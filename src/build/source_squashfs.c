/* A squashfs, bare or in a SIF, as a source. */
#include "build/source.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/progress.h"
#include "base/text.h"
#include "build/walk.h"
#include "image/image.h"
#include "image/squashfs_reader.h"

/* Names in one image.  An ordinary one has 40,000; a directory table of a few megabytes can claim billions.
 */
#define NODES_MAX ((size_t) 16 << 20)

#define READ_SIZE ((size_t) 1 << 20)

/* An entry as its directory tells it. */
struct named {
        char *name; /* owned */
        size_t name_size;
        uint64_t reference;
};

struct pending {
        struct tree_node *node;
        uint64_t reference;
};

struct known {
        ino_t number;
        struct tree_node *node; /* NULL: a directory */
};

struct source_squashfs {
        struct source source; /* first */
        struct image image;
        struct squashfs_reader *reader;
        struct tree *tree;
        struct pending *found; /* directories not yet read; the next one is the last */
        size_t n_found, room_found;
        void *known; /* tsearch tree of struct known: directories, and files with several names */
        uint64_t content_bytes;
};

static int compare_known(const void *x, const void *y)
{
        const struct known *a = x, *b = y;

        return (a->number > b->number) - (a->number < b->number);
}

/* The record of an inode number; a new one has no node. */
static struct known *known_find(struct source_squashfs *q, ino_t number, bool *ret_new)
{
        struct known *key = text_alloc(sizeof(*key)), **found;

        key->number = number;
        found = tsearch(key, &q->known, compare_known);
        *ret_new = *found == key;
        if (*found != key)
                free(key);
        return *found;
}

static void found_directory(struct source_squashfs *q, struct tree_node *node, uint64_t reference)
{
        if (q->n_found == q->room_found) {
                q->room_found = q->room_found ? q->room_found * 2 : 64;
                q->found = text_realloc(q->found, q->room_found * sizeof(*q->found));
        }
        q->found[q->n_found++] = (struct pending){ .node = node, .reference = reference };
}

static int add_xattr(const char *name, const void *value, size_t value_size, void *user)
{
        tree_xattr_set(user, name, value, value_size);
        return 0;
}

static int take_inode(struct source_squashfs *q, const struct squashfs_inode *from, const struct stat *status,
                      struct tree_inode *inode, uint64_t reference, struct err *e)
{
        const char *link = squashfs_inode_link(from);

        inode->mode = status->st_mode;
        inode->uid = status->st_uid;
        inode->gid = status->st_gid;
        inode->mtime = status->st_mtime;
        inode->rdev = status->st_rdev;
        inode->source_entry = reference;
        if (link) {
                inode->link = text_dup(link);
                inode->size_bytes = strlen(link);
        }
        if (S_ISREG(status->st_mode)) {
                inode->size_bytes = squashfs_file_size(from);
                q->content_bytes += inode->size_bytes;
        }
        if (!squashfs_inode_has_xattrs(from))
                return 0;
        return squashfs_xattrs_read(q->reader, from, add_xattr, inode, e);
}

struct listing {
        struct named *entries;
        size_t n, room;
        size_t n_left; /* how many more names the image may have */
};

static int list_entry(const struct squashfs_entry *entry, void *user)
{
        struct listing *l = user;

        if (l->n >= l->n_left)
                return -E2BIG;
        if (l->n == l->room) {
                l->room = l->room ? l->room * 2 : 64;
                l->entries = text_realloc(l->entries, l->room * sizeof(*l->entries));
        }
        l->entries[l->n++] = (struct named){ .name = text_dup_bytes(entry->name, entry->name_size),
                                             .name_size = entry->name_size,
                                             .reference = entry->reference };
        return 0;
}

static void listing_done(struct listing *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->entries[i].name);
        free(l->entries);
}

static int bad_entry(const struct tree_node *dir, const struct named *entry, const char *what, struct err *e)
{
        _cleanup_free_ char *inside = tree_path(dir);

        return err_set(e, -EBADMSG, "/%s: the entry \"%s\" %s", inside, entry->name, what);
}

static int add_entry(struct source_squashfs *q, struct tree_node *dir, const struct named *entry,
                     struct err *e)
{
        struct squashfs_inode *from = NULL;
        struct known *known = NULL;
        struct tree_node *node;
        struct stat status;
        bool is_new = true;
        int r;

        if (tree_child(q->tree, dir, entry->name, entry->name_size))
                return bad_entry(dir, entry, "is there twice", e);
        r = squashfs_inode_read(q->reader, entry->reference, &from, e);
        if (r < 0)
                return r;
        squashfs_inode_stat(from, &status);
        if (S_ISDIR(status.st_mode) || status.st_nlink > 1)
                known = known_find(q, status.st_ino, &is_new);
        if (!is_new && (S_ISDIR(status.st_mode) || !known->node)) {
                r = bad_entry(dir, entry, "is a directory that is somewhere else already", e);
        } else if (!is_new) {
                tree_add_link(q->tree, dir, entry->name, entry->name_size, known->node);
        } else {
                node = tree_add(q->tree, dir, entry->name, entry->name_size, status.st_mode);
                if (known && !S_ISDIR(status.st_mode))
                        known->node = node;
                r = take_inode(q, from, &status, node->inode, entry->reference, e);
                if (S_ISDIR(status.st_mode))
                        found_directory(q, node, entry->reference);
        }
        squashfs_inode_free(from);
        return r;
}

static int read_directory(struct source_squashfs *q, const struct pending *at, struct err *e)
{
        struct listing listing = { .n_left = NODES_MAX - tree_count(q->tree) };
        struct squashfs_inode *dir = NULL;
        int r = squashfs_inode_read(q->reader, at->reference, &dir, e);

        if (r == 0)
                r = squashfs_directory_read(q->reader, dir, 0, list_entry, &listing, e);
        if (r == -E2BIG)
                r = err_set(e, -E2BIG, "more than %zu files, the limit", NODES_MAX);
        for (size_t i = 0; i < listing.n && r == 0; i++)
                r = add_entry(q, at->node, &listing.entries[i], e);
        listing_done(&listing);
        squashfs_inode_free(dir);
        return r;
}

static int load_root(struct source_squashfs *q, struct err *e)
{
        uint64_t reference = squashfs_reader_super(q->reader)->root_inode;
        struct tree_node *root = tree_root(q->tree);
        struct squashfs_inode *inode = NULL;
        struct stat status;
        bool is_new;
        int r = squashfs_inode_read(q->reader, reference, &inode, e);

        if (r < 0)
                return r;
        squashfs_inode_stat(inode, &status);
        if (!S_ISDIR(status.st_mode))
                r = err_set(e, -EBADMSG, "the root is not a directory");
        else
                r = take_inode(q, inode, &status, root->inode, reference, e);
        squashfs_inode_free(inode);
        known_find(q, status.st_ino, &is_new);
        found_directory(q, root, reference);
        return r;
}

static int load(struct source *s, struct tree *t, const struct notes *notes, struct err *e)
{
        struct source_squashfs *q = (struct source_squashfs *) s;
        int r;

        note(notes, LOG_INFO, "Extracting local image...");
        q->tree = t;
        r = load_root(q, e);
        while (r == 0 && q->n_found) {
                struct pending next = q->found[--q->n_found];

                r = read_directory(q, &next, e);
        }
        return r < 0 ? err_ctx(e, r, "%s", q->image.path) : 0;
}

/* --- content ------------------------------------------------------------------------------------------ */

struct place {
        uint64_t position; /* of the first block that lies on disk */
        uint64_t order;    /* in the tree, for files in one fragment block */
        struct tree_inode *inode;
};

struct places {
        struct source_squashfs *q;
        struct place *places;
        size_t n, room;
        struct err *e;
};

static int first_position(struct source_squashfs *q, uint64_t reference, uint64_t *ret, struct err *e)
{
        struct squashfs_inode *file = NULL;
        struct squashfs_block block = { 0 };
        int r = squashfs_inode_read(q->reader, reference, &file, e);

        for (uint64_t i = 0; r == 0 && i < squashfs_file_n_blocks(file); i++) {
                r = squashfs_file_block(q->reader, file, i, &block, e);
                if (!block.sparse)
                        break;
        }
        squashfs_inode_free(file);
        *ret = block.position;
        return r;
}

static int add_place(struct tree_node *node, void *user)
{
        struct places *p = user;
        struct tree_inode *inode = node->inode;
        struct place *place;

        if (!S_ISREG(inode->mode) || inode->bytes || inode->size_bytes == 0 || inode->source)
                return 0;
        inode->source = 1; /* seen under one of its names */
        if (p->n == p->room) {
                p->room = p->room ? p->room * 2 : 1024;
                p->places = text_realloc(p->places, p->room * sizeof(*p->places));
        }
        place = &p->places[p->n];
        *place = (struct place){ .inode = inode, .order = p->n };
        p->n++;
        return first_position(p->q, inode->source_entry, &place->position, p->e);
}

static int forget_seen(struct tree_node *node, void *user)
{
        (void) user;
        node->inode->source = 0;
        return 0;
}

static int compare_places(const void *x, const void *y)
{
        const struct place *a = x, *b = y;

        if (a->position != b->position)
                return a->position < b->position ? -1 : 1;
        return (a->order > b->order) - (a->order < b->order);
}

static int read_file(struct source_squashfs *q, struct tree_inode *inode, const struct content_sink *sink,
                     struct progress *progress, uint8_t *buffer, struct err *e)
{
        struct squashfs_inode *file = NULL;
        uint64_t at = 0;
        int r = sink->begin(sink->user, inode, e);

        if (r)
                return r == CONTENT_SKIP ? 0 : r;
        r = squashfs_inode_read(q->reader, inode->source_entry, &file, e);
        while (r == 0 && at < inode->size_bytes) {
                ssize_t got = squashfs_file_read(q->reader, file, at, buffer, READ_SIZE, e);

                if (got <= 0) {
                        r = got < 0 ? (int) got : err_set(e, -EBADMSG, "a file ends early");
                        break;
                }
                r = sink->data(sink->user, buffer, (size_t) got, e);
                progress_add(progress, (uint64_t) got);
                at += (uint64_t) got;
        }
        squashfs_inode_free(file);
        return r < 0 ? r : sink->end(sink->user, e);
}

static int content(struct source *s, struct tree *t, const struct content_sink *sink, const char *label,
                   struct err *e)
{
        struct source_squashfs *q = (struct source_squashfs *) s;
        _cleanup_progress_ struct progress *progress = label ? progress_new(label, q->content_bytes) : NULL;
        _cleanup_free_ uint8_t *buffer = text_alloc(READ_SIZE);
        struct places places = { .q = q, .e = e };
        struct walk forget = { .enter = forget_seen }, list = { .enter = add_place, .user = &places };
        int r;

        walk_tree(t, &forget);
        r = walk_tree(t, &list);
        /* In the order of the image: each block of it is decoded once. */
        qsort(places.places, places.n, sizeof(*places.places), compare_places);
        for (size_t i = 0; i < places.n && r == 0; i++)
                r = read_file(q, places.places[i].inode, sink, progress, buffer, e);
        free(places.places);
        return r;
}

static void squashfs_free(struct source *s)
{
        struct source_squashfs *q = (struct source_squashfs *) s;

        squashfs_reader_free(q->reader);
        image_done(&q->image);
        tdestroy(q->known, free);
        free(q->found);
        free(q);
}

static const struct source_ops squashfs_ops = { .load = load, .content = content, .free = squashfs_free };

/* What a SIF says besides its file system. */
static int take_sif(struct source_squashfs *q, struct err *e)
{
        const struct sif *sif = &q->image.sif;
        const struct sif_descriptor *config = sif_find_named(sif, SIF_TYPE_JSON, "oci-config.json");
        size_t size;

        if (sif->created != SIF_TIME_NONE && sif->created >= 0) {
                q->source.has_created = true;
                q->source.created = sif->created;
        }
        if (!config)
                return 0;
        return sif_read(sif, config, JSON_SIZE_MAX, &q->source.oci_config, &size, e);
}

int source_open_squashfs(struct source **ret, struct image *image, struct err *e)
{
        struct source_squashfs *q = text_alloc(sizeof(*q));
        int r;

        q->source = (struct source){ .ops = &squashfs_ops };
        q->image = *image;
        *image = (struct image) IMAGE_INIT;
        r = squashfs_reader_new(&q->reader, q->image.fd, q->image.offset, q->image.size, e);
        if (r == 0 && q->image.kind == IMAGE_SIF)
                r = take_sif(q, e);
        if (r == 0 && !q->source.has_created) {
                q->source.has_created = true;
                q->source.created = squashfs_reader_super(q->reader)->mtime;
        }
        if (r < 0) {
                r = err_ctx(e, r, "%s", q->image.path);
                source_free(&q->source);
                return r;
        }
        *ret = &q->source;
        return 0;
}
