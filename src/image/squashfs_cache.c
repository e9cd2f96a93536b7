#include "image/squashfs_cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define BUCKETS 1024 /* some thousand metadata blocks at most */

enum state { LOADING, READY, FAILED };

struct block {
        struct squashfs_cached public; /* first: the same address */
        uint64_t key;
        enum state state;
        unsigned pins;               /* users, and those who wait for it */
        struct block *chain;         /* of the bucket */
        struct block *newer, *older; /* in the list of use, while READY and not pinned */
        uint8_t room[];
};

struct squashfs_cache {
        pthread_mutex_t lock;
        pthread_cond_t loaded;
        size_t room_bytes;
        size_t n, n_limit; /* blocks */
        struct block *newest, *oldest;
        struct block *buckets[BUCKETS];
};

int squashfs_cache_new(struct squashfs_cache **ret, size_t room_bytes, size_t limit_bytes)
{
        struct squashfs_cache *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->loaded, NULL);
        c->room_bytes = room_bytes;
        c->n_limit = limit_bytes / room_bytes;
        if (c->n_limit < 1)
                c->n_limit = 1;
        *ret = c;
        return 0;
}

static struct block **bucket_of(struct squashfs_cache *c, uint64_t key)
{
        return &c->buckets[(key * 0x9e3779b97f4a7c15U) >> 54];
}

static struct block *find(struct squashfs_cache *c, uint64_t key)
{
        for (struct block *b = *bucket_of(c, key); b; b = b->chain) {
                if (b->key == key)
                        return b;
        }
        return NULL;
}

static void unlink_use(struct squashfs_cache *c, struct block *b)
{
        *(b->newer ? &b->newer->older : &c->newest) = b->older;
        *(b->older ? &b->older->newer : &c->oldest) = b->newer;
}

static void link_use(struct squashfs_cache *c, struct block *b)
{
        b->newer = NULL;
        b->older = c->newest;
        *(c->newest ? &c->newest->newer : &c->oldest) = b;
        c->newest = b;
}

static void unlink_bucket(struct squashfs_cache *c, struct block *b)
{
        struct block **place = bucket_of(c, b->key);

        while (*place != b)
                place = &(*place)->chain;
        *place = b->chain;
}

/* The least recently used block, taken out of everything; NULL when all are pinned. */
static struct block *evict(struct squashfs_cache *c)
{
        struct block *b = c->oldest;

        if (!b)
                return NULL;
        unlink_use(c, b); // NOLINT(clang-analyzer-unix.Malloc): what is freed has left the list before
        unlink_bucket(c, b);
        c->n--;
        return b;
}

/* A block for `key`, pinned and LOADING: the memory of the oldest once the bound is reached. */
static struct block *insert(struct squashfs_cache *c, uint64_t key)
{
        struct block *b = c->n >= c->n_limit ? evict(c) : NULL;

        if (!b)
                b = malloc(sizeof(*b) + c->room_bytes);
        if (!b)
                return NULL;
        *b = (struct block){ .public = { .bytes = b->room }, .key = key, .state = LOADING, .pins = 1 };
        b->chain = *bucket_of(c, key);
        *bucket_of(c, key) = b;
        c->n++;
        return b;
}

static void pin(struct squashfs_cache *c, struct block *b)
{
        if (b->pins++ == 0)
                unlink_use(c, b);
}

static void unpin(struct squashfs_cache *c, struct block *b)
{
        if (--b->pins > 0)
                return;
        if (b->state == READY && c->n <= c->n_limit) {
                link_use(c, b);
                return;
        }
        if (b->state == READY) {
                unlink_bucket(c, b);
                c->n--;
        }
        free(b); /* a failed one left its bucket when it failed */
}

/* Decodes without the lock; wakes those who wait. */
static int load_block(struct squashfs_cache *c, struct block *b, squashfs_cache_load load, void *user,
                      struct err *e)
{
        size_t size = 0;
        uint64_t remembered = 0;
        int r;

        pthread_mutex_unlock(&c->lock);
        r = load(user, b->room, &size, &remembered, e);
        pthread_mutex_lock(&c->lock);
        b->public.size = size;
        b->public.note = remembered;
        b->state = r < 0 ? FAILED : READY;
        if (r < 0) {
                unlink_bucket(c, b);
                c->n--;
                unpin(c, b);
        }
        pthread_cond_broadcast(&c->loaded);
        return r;
}

int squashfs_cache_get(struct squashfs_cache *c, uint64_t key, squashfs_cache_load load, void *user,
                       const struct squashfs_cached **ret, struct err *e)
{
        struct block *b;
        int r = 0;

        pthread_mutex_lock(&c->lock);
        while ((b = find(c, key))) {
                pin(c, b);
                while (b->state == LOADING)
                        pthread_cond_wait(&c->loaded, &c->lock);
                if (b->state == READY)
                        break;
                unpin(c, b); /* failed for another: its error is not ours, so try ourselves */
        }
        if (!b) {
                b = insert(c, key);
                r = b ? load_block(c, b, load, user, e) : err_set(e, -ENOMEM, "no memory for a block");
        }
        pthread_mutex_unlock(&c->lock);
        if (r == 0)
                *ret = &b->public;
        return r;
}

const struct squashfs_cached *squashfs_cache_peek(struct squashfs_cache *c, uint64_t key)
{
        struct block *b;

        pthread_mutex_lock(&c->lock);
        b = find(c, key);
        if (b && b->state != READY)
                b = NULL;
        if (b)
                pin(c, b);
        pthread_mutex_unlock(&c->lock);
        return b ? &b->public : NULL;
}

void squashfs_cache_put(struct squashfs_cache *c, const struct squashfs_cached *block)
{
        if (!block)
                return;
        pthread_mutex_lock(&c->lock);
        unpin(c, (struct block *) (uintptr_t) block);
        pthread_mutex_unlock(&c->lock);
}

void squashfs_cache_drop(struct squashfs_cache *c)
{
        struct block *b;

        pthread_mutex_lock(&c->lock);
        while ((b = evict(c)))
                free(b);
        pthread_mutex_unlock(&c->lock);
}

void squashfs_cache_free(struct squashfs_cache *c)
{
        if (!c)
                return;
        squashfs_cache_drop(c);
        pthread_mutex_destroy(&c->lock);
        pthread_cond_destroy(&c->loaded);
        free(c);
}
