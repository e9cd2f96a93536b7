#include "oci/convert.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/text.h"
#include "host/limits.h"
#include "oci/ahead.h"
#include "oci/decompress.h"
#include "oci/layer_list.h"
#include "oci/merge.h"
#include "oci/source_internal.h"
#include "oci/tar.h"

/* Threads that read layers at the same time.  Each may hold a zstd window (DECOMPRESS_ZSTD_WINDOW_LOG_MAX).
 */
#define THREADS_MAX 8

static void add_progress(uint64_t bytes, void *user)
{
        progress_add(user, bytes);
}

/* --- first pass: what the layers contain -------------------------------------------------------------- */

struct first_pass {
        struct oci_image *image;
        struct progress *progress;
        bool spare; /* there are more processors than threads */
        pthread_mutex_t lock;
        size_t *order; /* owned: layers in the order in which they are taken */
        size_t n_taken;
        struct layer_list *lists; /* owned: one per layer */
        struct err *errors;       /* owned: one per layer */
        bool failed;
};

/* The stream of a layer with everything that checks it, ready for the tar reader. */
static int checked_stream(struct first_pass *p, const struct oci_layer *layer, struct stream **ret,
                          struct err *e)
{
        struct stream *s;
        int r = blobs_stream(p->image->blobs, layer->name, &s, e);

        if (r < 0)
                return r;
        s = stream_count(s, add_progress, p->progress);
        if (layer->has_digest)
                s = stream_verify(s, layer->digest, layer->size_bytes, layer->what);
        if (p->spare)
                s = stream_ahead(s);
        if (layer->has_diff_id) {
                r = stream_decompress(&s, s, layer->what, e);
                if (r < 0)
                        return r;
                s = stream_verify(s, layer->diff_id, STREAM_SIZE_UNKNOWN, layer->what);
        }
        *ret = s;
        return 0;
}

static int read_list(struct first_pass *p, size_t index, struct stream *s, struct err *e)
{
        const struct oci_layer *layer = &p->image->layers[index];
        _cleanup_tar_ struct tar *tar = NULL;
        int r = tar_open(&tar, s, layer->what, p->spare ? TAR_AHEAD : 0, e);

        return r < 0 ? r : layer_list_read(&p->lists[index], tar, layer->what, e);
}

/* Takes the next layer and opens it; the blobs are used by one thread at a time. */
static bool take_layer(struct first_pass *p, size_t *ret_index, struct stream **ret)
{
        bool taken = false;

        pthread_mutex_lock(&p->lock);
        if (!p->failed && p->n_taken < p->image->n_layers) {
                *ret_index = p->order[p->n_taken++];
                taken = checked_stream(p, &p->image->layers[*ret_index], ret, &p->errors[*ret_index]) == 0;
                p->failed = !taken;
        }
        pthread_mutex_unlock(&p->lock);
        return taken;
}

static void *read_layers(void *user)
{
        struct first_pass *p = user;
        struct stream *s;
        size_t index;

        while (take_layer(p, &index, &s)) {
                if (read_list(p, index, s, &p->errors[index]) < 0) {
                        pthread_mutex_lock(&p->lock);
                        p->failed = true;
                        pthread_mutex_unlock(&p->lock);
                }
        }
        return NULL;
}

/* The caller's thread is one of them; a thread that cannot be started is done without. */
static void run_threads(struct first_pass *p, size_t n)
{
        pthread_t threads[THREADS_MAX];
        size_t n_started = 0;

        while (n_started + 1 < n && pthread_create(&threads[n_started], NULL, read_layers, p) == 0)
                n_started++;
        read_layers(p);
        for (size_t i = 0; i < n_started; i++)
                pthread_join(threads[i], NULL);
}

static int compare_sizes(const void *a, const void *b, void *user)
{
        const struct oci_image *image = user;
        uint64_t x = image->layers[*(const size_t *) a].size_bytes,
                 y = image->layers[*(const size_t *) b].size_bytes;

        return (y > x) - (y < x);
}

static int compare_positions(const void *a, const void *b, void *user)
{
        const struct oci_image *image = user;
        uint64_t x = blobs_position(image->blobs, image->layers[*(const size_t *) a].name),
                 y = blobs_position(image->blobs, image->layers[*(const size_t *) b].name);

        return (x > y) - (x < y);
}

static size_t *order_layers(struct oci_image *image, int (*compare)(const void *a, const void *b, void *user))
{
        size_t *order = text_alloc(image->n_layers * sizeof(*order));

        for (size_t i = 0; i < image->n_layers; i++)
                order[i] = i;
        if (compare)
                qsort_r(order, image->n_layers, sizeof(*order), compare, image);
        return order;
}

static int apply_lists(struct first_pass *p, struct tree *tree, const struct notes *notes, struct err *e)
{
        struct oci_image *image = p->image;
        int r = 0;

        for (size_t i = 0; i < image->n_layers; i++) {
                if (p->errors[i].code == 0)
                        continue;
                if (e)
                        *e = p->errors[i];
                return p->errors[i].code;
        }
        for (size_t i = 0; i < image->n_layers && r == 0; i++) {
                r = merge_layer(tree, &p->lists[i], (uint32_t) i, image->layers[i].what, notes, e);
                layer_list_done(&p->lists[i]);
        }
        return r;
}

int oci_image_merge(struct oci_image *image, struct tree *tree, const struct notes *notes,
                    struct progress *progress, struct err *e)
{
        struct first_pass p = { .image = image, .progress = progress };
        bool serial = blobs_is_serial(image->blobs);
        size_t n_threads = limits_cpus();
        int r;

        if (n_threads > THREADS_MAX)
                n_threads = THREADS_MAX;
        if (n_threads > image->n_layers)
                n_threads = image->n_layers;
        if (serial)
                n_threads = 1;
        p.spare = n_threads < limits_cpus();
        p.order = order_layers(image, serial ? compare_positions : compare_sizes);
        p.lists = text_alloc(image->n_layers * sizeof(*p.lists));
        p.errors = text_alloc(image->n_layers * sizeof(*p.errors));
        pthread_mutex_init(&p.lock, NULL);
        run_threads(&p, n_threads);
        r = apply_lists(&p, tree, notes, e);
        for (size_t i = 0; i < image->n_layers; i++)
                layer_list_done(&p.lists[i]);
        pthread_mutex_destroy(&p.lock);
        free(p.order);
        free(p.lists);
        free(p.errors);
        return r;
}

/* --- which files are left ----------------------------------------------------------------------------- */

struct wanted {
        uint32_t layer;
        uint64_t ordinal;
        struct tree_inode *inode;
};

struct wanted_list {
        struct tree *tree;
        struct wanted *at; /* owned; sorted by layer and ordinal */
        size_t n, room;
};

static void wanted_done(struct wanted_list *list)
{
        free(list->at);
}

#define _cleanup_wanted_ __attribute__((cleanup(wanted_done)))

static int collect(struct tree_node *node, void *user)
{
        struct wanted_list *list = user;
        struct tree_inode *inode = node->inode;

        if (S_ISDIR(inode->mode))
                return tree_each(list->tree, node, collect, list);
        if (!S_ISREG(inode->mode) || inode->bytes || inode->size_bytes == 0)
                return 0;
        if (list->n == list->room) {
                list->room = list->room ? 2 * list->room : 1024;
                list->at = text_realloc(list->at, list->room * sizeof(*list->at));
        }
        list->at[list->n++] =
                (struct wanted){ .layer = inode->source, .ordinal = inode->source_entry, .inode = inode };
        return 0;
}

static int compare_wanted(const void *a, const void *b)
{
        const struct wanted *x = a, *y = b;

        if (x->layer != y->layer)
                return x->layer < y->layer ? -1 : 1;
        return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void collect_wanted(struct wanted_list *list)
{
        size_t n = 0;

        tree_each(list->tree, tree_root(list->tree), collect, list);
        if (list->n > 0)
                qsort(list->at, list->n, sizeof(*list->at), compare_wanted);
        for (size_t i = 0; i < list->n; i++) /* hard links: one inode, met more than once */
                if (n == 0 || list->at[n - 1].inode != list->at[i].inode)
                        list->at[n++] = list->at[i];
        list->n = n;
}

uint64_t oci_content_size(struct tree *tree)
{
        _cleanup_wanted_ struct wanted_list list = { .tree = tree };
        uint64_t size = 0;

        collect_wanted(&list);
        for (size_t i = 0; i < list.n; i++)
                size += list.at[i].inode->size_bytes;
        return size;
}

/* --- second pass: their bytes ------------------------------------------------------------------------- */

struct second_pass {
        struct oci_image *image;
        const struct content_sink *sink;
        struct progress *progress;
        const struct oci_layer *layer;
        struct tar *tar;
};

static int changed(const struct second_pass *p, struct err *e)
{
        return err_set(e, -EBADMSG, "%s has changed while it was being read", p->layer->what);
}

static int send_zeros(struct second_pass *p, uint64_t size, struct err *e)
{
        static const uint8_t zeros[128 << 10];
        int r = 0;

        while (size > 0 && r >= 0) {
                size_t n = size < sizeof(zeros) ? (size_t) size : sizeof(zeros);

                r = p->sink->data(p->sink->user, zeros, n, e);
                progress_add(p->progress, n);
                size -= n;
        }
        return r < 0 ? r : 0;
}

static int send_data(struct second_pass *p, uint64_t size_bytes, struct err *e)
{
        uint64_t at = 0, offset;
        const void *bytes;
        size_t size;
        int r;

        while ((r = tar_data(p->tar, &bytes, &size, &offset, e)) > 0) {
                r = send_zeros(p, offset - at, e);
                if (r == 0 && size > 0)
                        r = p->sink->data(p->sink->user, bytes, size, e);
                if (r < 0)
                        return r;
                progress_add(p->progress, size);
                at = offset + size;
        }
        return r < 0 ? r : send_zeros(p, size_bytes - at, e);
}

static int send_file(struct second_pass *p, const struct tar_entry *entry, struct tree_inode *inode,
                     struct err *e)
{
        uint64_t size_bytes = inode->size_bytes;
        int r;

        if (entry->type != TAR_FILE || entry->size_bytes != size_bytes)
                return changed(p, e);
        r = p->sink->begin(p->sink->user, inode, e);
        if (r == CONTENT_SKIP)
                progress_add(p->progress, size_bytes);
        if (r != 0)
                return r < 0 ? r : 0;
        r = send_data(p, size_bytes, e);
        if (r < 0)
                return r;
        r = p->sink->end(p->sink->user, e);
        return r < 0 ? r : 0;
}

/* Sends the files of one layer: n of them, in the order of their ordinals. */
static int send_layer(struct second_pass *p, const struct wanted *wanted, size_t n, struct err *e)
{
        const struct tar_entry *entry;
        int r;

        for (size_t i = 0; i < n; i++) {
                do {
                        r = tar_next(p->tar, &entry, e);
                        if (r < 0)
                                return r;
                        if (r == 0)
                                return changed(p, e);
                } while (entry->ordinal < wanted[i].ordinal);
                r = send_file(p, entry, wanted[i].inode, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_layer(struct second_pass *p, const struct wanted *wanted, size_t n, struct err *e)
{
        struct stream *s;
        int r = blobs_stream(p->image->blobs, p->layer->name, &s, e);

        if (r < 0)
                return r;
        r = tar_open(&p->tar, s, p->layer->what, limits_cpus() > 1 ? TAR_AHEAD : 0, e);
        if (r < 0)
                return r;
        r = send_layer(p, wanted, n, e);
        tar_free(ptr_take(&p->tar));
        return r < 0 ? r : blobs_check_unchanged(p->image->blobs, p->layer->name, e);
}

int oci_image_content(struct oci_image *image, struct tree *tree, const struct content_sink *sink,
                      struct progress *progress, struct err *e)
{
        struct second_pass p = { .image = image, .sink = sink, .progress = progress };
        _cleanup_wanted_ struct wanted_list list = { .tree = tree };
        _cleanup_free_ size_t *order =
                order_layers(image, blobs_is_serial(image->blobs) ? compare_positions : NULL);
        int r = 0;

        collect_wanted(&list);
        for (size_t k = 0; k < image->n_layers && r == 0; k++) {
                size_t first = 0, n = 0;

                while (first < list.n && list.at[first].layer < order[k])
                        first++;
                while (first + n < list.n && list.at[first + n].layer == order[k])
                        n++;
                p.layer = &image->layers[order[k]];
                if (n > 0)
                        r = read_layer(&p, &list.at[first], n, e);
        }
        return r;
}
