#include "oci/ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"

struct block {
        uint8_t *bytes; /* owned: AHEAD_BLOCK_SIZE */
        ssize_t size;   /* what was read, 0 the end, negative an error */
};

/* Blocks n_taken to n_filled - 1 wait for the reader, who still looks at block n_taken - 1. */
struct ahead {
        struct stream *inner;
        bool threaded;
        bool ended; /* reader's: the end or an error was handed out */
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct block blocks[AHEAD_BLOCKS];
        uint64_t n_filled, n_taken;
        bool stop;
        struct err err; /* of the block with a negative size */
};

static bool wait_for_room(struct ahead *a)
{
        bool stop;

        pthread_mutex_lock(&a->lock);
        while (!a->stop && a->n_filled - a->n_taken >= AHEAD_BLOCKS - 1)
                pthread_cond_wait(&a->changed, &a->lock);
        stop = a->stop;
        pthread_mutex_unlock(&a->lock);
        return !stop;
}

static void publish(struct ahead *a)
{
        pthread_mutex_lock(&a->lock);
        a->n_filled++;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
}

static void *read_ahead(void *user)
{
        struct ahead *a = user;
        ssize_t size = 1;

        while (size > 0 && wait_for_room(a)) {
                struct block *b = &a->blocks[a->n_filled % AHEAD_BLOCKS];

                size = b->size = stream_read_full(a->inner, b->bytes, AHEAD_BLOCK_SIZE, &a->err);
                publish(a);
        }
        return NULL;
}

struct ahead *ahead_new(struct stream *inner, bool threaded)
{
        struct ahead *a = text_alloc(sizeof(*a));

        a->inner = inner;
        pthread_mutex_init(&a->lock, NULL);
        pthread_cond_init(&a->changed, NULL);
        for (size_t i = 0; i < (threaded ? AHEAD_BLOCKS : 1); i++)
                a->blocks[i].bytes = text_realloc(NULL, AHEAD_BLOCK_SIZE);
        /* Without a thread (limit on processes) it works all the same. */
        a->threaded = threaded && pthread_create(&a->thread, NULL, read_ahead, a) == 0;
        return a;
}

static const struct block *next_from_thread(struct ahead *a)
{
        const struct block *b;

        pthread_mutex_lock(&a->lock);
        while (a->n_filled == a->n_taken)
                pthread_cond_wait(&a->changed, &a->lock);
        b = &a->blocks[a->n_taken % AHEAD_BLOCKS];
        a->n_taken++;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
        return b;
}

ssize_t ahead_next(struct ahead *a, const uint8_t **ret, struct err *e)
{
        const struct block *b = &a->blocks[0];

        if (a->ended)
                return 0;
        if (a->threaded)
                b = next_from_thread(a);
        else
                a->blocks[0].size = stream_read_full(a->inner, a->blocks[0].bytes, AHEAD_BLOCK_SIZE, &a->err);
        if (b->size <= 0)
                a->ended = true;
        if (b->size < 0 && e)
                *e = a->err;
        *ret = b->bytes;
        return b->size;
}

uint64_t ahead_skip(struct ahead *a, uint64_t size)
{
        return a->threaded || a->ended || !a->inner->ops->skip ? 0 : a->inner->ops->skip(a->inner, size);
}

void ahead_free(struct ahead *a)
{
        if (!a)
                return;
        if (a->threaded) {
                pthread_mutex_lock(&a->lock);
                a->stop = true;
                pthread_cond_signal(&a->changed);
                pthread_mutex_unlock(&a->lock);
                pthread_join(a->thread, NULL);
        }
        for (size_t i = 0; i < AHEAD_BLOCKS; i++)
                free(a->blocks[i].bytes);
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->lock);
        stream_free(a->inner);
        free(a);
}

/* --- as a stream -------------------------------------------------------------------------------------- */

struct ahead_stream {
        struct stream stream;
        struct ahead *ahead;
        const uint8_t *at;
        size_t left;
};

static ssize_t ahead_stream_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct ahead_stream *as = (struct ahead_stream *) s;

        if (as->left == 0) {
                ssize_t n = ahead_next(as->ahead, &as->at, e);

                if (n <= 0)
                        return n;
                as->left = (size_t) n;
        }
        if (size > as->left)
                size = as->left;
        memcpy(buffer, as->at, size);
        as->at += size;
        as->left -= size;
        return (ssize_t) size;
}

static void ahead_stream_free(struct stream *s)
{
        struct ahead_stream *as = (struct ahead_stream *) s;

        ahead_free(as->ahead);
        free(as);
}

struct stream *stream_ahead(struct stream *inner)
{
        static const struct stream_ops ops = { .read = ahead_stream_read, .free = ahead_stream_free };
        struct ahead_stream *as = text_alloc(sizeof(*as));

        as->stream.ops = &ops;
        as->ahead = ahead_new(inner, true);
        return &as->stream;
}
