#include "imagefs/server_workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "imagefs/server_data.h"

struct worker {
        struct workers *all;
        void *user;
        bool leads;
        struct fuse_buf request;
        pthread_cond_t wake;
        struct worker *next_idle;
};

struct workers {
        struct fuse_session *session;
        unsigned n, n_max;
        void *(*started)(void *user);
        void *user;
        int end; /* eventfd */
        pthread_mutex_t lock;
        struct worker *idle; /* the last used first: its memory is in the cache */
};

static _Thread_local struct worker *self;

void *workers_user(void)
{
        return self->user;
}

static void *worker_run(void *data);

/* Starts a thread that leads. */
static int start_thread(struct workers *w)
{
        struct worker *worker = calloc(1, sizeof(*worker));
        pthread_attr_t attributes;
        pthread_t thread;
        int r;

        if (!worker)
                return -ENOMEM;
        worker->all = w;
        worker->leads = true;
        pthread_cond_init(&worker->wake, NULL);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, DATA_STACK_BYTES);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        r = pthread_create(&thread, &attributes, worker_run, worker);
        pthread_attr_destroy(&attributes);
        if (r != 0)
                free(worker);
        return -r;
}

void workers_lend(void)
{
        struct workers *w = self->all;

        if (!self->leads)
                return;
        pthread_mutex_lock(&w->lock);
        if (w->idle) {
                struct worker *next = w->idle;

                w->idle = next->next_idle;
                next->leads = true;
                self->leads = false;
                pthread_cond_signal(&next->wake);
        } else if (w->n < w->n_max && start_thread(w) == 0) {
                w->n++;
                self->leads = false;
        }
        pthread_mutex_unlock(&w->lock);
}

/* Waits until this thread leads: at once when it still does. */
static void wait_for_lead(void)
{
        struct workers *w = self->all;

        if (self->leads)
                return;
        pthread_mutex_lock(&w->lock);
        self->next_idle = w->idle;
        w->idle = self;
        while (!self->leads)
                pthread_cond_wait(&self->wake, &w->lock);
        pthread_mutex_unlock(&w->lock);
}

static void *worker_run(void *data)
{
        uint64_t one = 1;

        self = data;
        self->user = self->all->started(self->all->user);
        for (;;) {
                int n;

                wait_for_lead();
                n = fuse_session_receive_buf(self->all->session, &self->request);
                if (n == -EINTR)
                        continue;
                if (n <= 0)
                        break; /* the file system has gone (ENODEV) */
                fuse_session_process_buf(self->all->session, &self->request);
        }
        if (write(self->all->end, &one, sizeof(one)) < 0)
                _exit(1);
        return NULL;
}

int workers_new(struct workers **ret, struct fuse_session *session, unsigned n_max,
                void *(*started)(void *user), void *user, struct err *e)
{
        struct workers *w = calloc(1, sizeof(*w));

        if (!w)
                return err_set(e, -ENOMEM, "no memory for threads");
        *w = (struct workers){ .session = session, .n_max = n_max, .started = started, .user = user };
        pthread_mutex_init(&w->lock, NULL);
        w->end = eventfd(0, EFD_CLOEXEC);
        if (w->end < 0) {
                free(w);
                return err_errno(e, -errno, "eventfd");
        }
        *ret = w;
        return 0;
}

int workers_start(struct workers *w, struct err *e)
{
        int r;

        w->n = 1;
        r = start_thread(w);
        return r < 0 ? err_errno(e, r, "starting a thread") : 0;
}

int workers_end_fd(const struct workers *w)
{
        return w->end;
}
