#include "imagefs/server_ahead.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "imagefs/server_data.h"

#define WISHES 16 /* a power of two */

struct ahead {
        struct squashfs_cache *blocks;
        const struct squashfs_reader *reader;
        unsigned n_threads, n_max, n_idle;
        pthread_mutex_t lock;
        pthread_cond_t wanted;
        struct squashfs_block wishes[WISHES];
        unsigned first, n; /* ring */
};

static void *ahead_run(void *data)
{
        struct ahead *a = data;
        struct squashfs_reader *reader;

        if (squashfs_reader_clone(&reader, a->reader, NULL) < 0)
                return NULL; /* nobody depends on it */
        for (;;) {
                const struct squashfs_cached *cached;
                struct squashfs_block block;

                pthread_mutex_lock(&a->lock);
                a->n_idle++;
                while (a->n == 0)
                        pthread_cond_wait(&a->wanted, &a->lock);
                a->n_idle--;
                block = a->wishes[a->first];
                a->first = (a->first + 1) % WISHES;
                a->n--;
                pthread_mutex_unlock(&a->lock);
                if (data_block_get(a->blocks, reader, &block, &cached, NULL) == 0)
                        squashfs_cache_put(a->blocks, cached);
        }
}

static void start_thread(struct ahead *a)
{
        pthread_attr_t attributes;
        pthread_t thread;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, DATA_STACK_BYTES);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attributes, ahead_run, a) == 0)
                a->n_threads++;
        pthread_attr_destroy(&attributes);
}

void ahead_want(struct ahead *a, const struct squashfs_block *block)
{
        if (a->n_max == 0 || block->sparse)
                return;
        pthread_mutex_lock(&a->lock);
        if (a->n == WISHES) {
                a->first = (a->first + 1) % WISHES;
                a->n--;
        }
        a->wishes[(a->first + a->n++) % WISHES] = *block;
        if (a->n_idle == 0 && a->n_threads < a->n_max)
                start_thread(a);
        pthread_cond_signal(&a->wanted);
        pthread_mutex_unlock(&a->lock);
}

int ahead_new(struct ahead **ret, struct squashfs_cache *blocks, const struct squashfs_reader *reader,
              unsigned n_threads, struct err *e)
{
        struct ahead *a = calloc(1, sizeof(*a));

        if (!a)
                return err_set(e, -ENOMEM, "no memory for reading ahead");
        *a = (struct ahead){ .blocks = blocks, .reader = reader, .n_max = n_threads };
        pthread_mutex_init(&a->lock, NULL);
        pthread_cond_init(&a->wanted, NULL);
        *ret = a;
        return 0;
}
