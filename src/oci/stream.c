#include "oci/stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/text.h"

#define DRAIN_SIZE (64u << 10)

ssize_t stream_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        return s->ops->read(s, buffer, size, e);
}

ssize_t stream_read_full(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = stream_read(s, buffer + done, size - done, e);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

int stream_skip(struct stream *s, uint64_t size, struct err *e)
{
        _cleanup_free_ uint8_t *buffer = NULL;

        if (s->ops->skip)
                size -= s->ops->skip(s, size);
        if (size > 0)
                buffer = text_alloc(DRAIN_SIZE);
        while (size > 0) {
                ssize_t n = stream_read(s, buffer, size < DRAIN_SIZE ? (size_t) size : DRAIN_SIZE, e);

                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return err_set(e, -EBADMSG, "it ends too early");
                size -= (uint64_t) n;
        }
        return 0;
}

int stream_drain(struct stream *s, struct err *e)
{
        _cleanup_free_ uint8_t *buffer = text_alloc(DRAIN_SIZE);
        ssize_t n;

        do
                n = stream_read(s, buffer, DRAIN_SIZE, e);
        while (n > 0);
        return (int) n;
}

void stream_free(struct stream *s)
{
        if (s)
                s->ops->free(s);
}

/* --- part of a file ----------------------------------------------------------------------------------- */

struct file_stream {
        struct stream stream;
        int fd;
        uint64_t offset, left;
        const char *what;
        char *owned_what; /* with it the descriptor is owned too; NULL: neither */
};

static ssize_t file_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct file_stream *f = (struct file_stream *) s;
        ssize_t n;

        if (size > f->left)
                size = (size_t) f->left;
        if (size == 0)
                return 0;
        do
                n = pread(f->fd, buffer, size, (off_t) f->offset);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return err_errno(e, -errno, "reading %s", f->what);
        if (n == 0)
                return err_set(e, -EBADMSG, "%s is cut short: %llu bytes are missing", f->what,
                               (unsigned long long) f->left);
        f->offset += (uint64_t) n;
        f->left -= (uint64_t) n;
        return n;
}

static uint64_t file_skip(struct stream *s, uint64_t size)
{
        struct file_stream *f = (struct file_stream *) s;

        if (size > f->left)
                size = f->left;
        f->offset += size;
        f->left -= size;
        return size;
}

static void plain_free(struct stream *s)
{
        free(s);
}

static void file_free(struct stream *s)
{
        struct file_stream *f = (struct file_stream *) s;

        if (f->owned_what)
                close(f->fd);
        free(f->owned_what);
        free(f);
}

struct stream *stream_of_file(int fd, uint64_t offset, uint64_t size, const char *what)
{
        static const struct stream_ops ops = { .read = file_read, .skip = file_skip, .free = file_free };
        struct file_stream *f = text_alloc(sizeof(*f));

        *f = (struct file_stream){
                .stream = { &ops }, .fd = fd, .offset = offset, .left = size, .what = what
        };
        return &f->stream;
}

struct stream *stream_of_owned_file(int fd, uint64_t offset, uint64_t size, char *what)
{
        struct stream *s = stream_of_file(fd, offset, size, what);

        ((struct file_stream *) s)->owned_what = what;
        return s;
}

/* --- bytes in memory ---------------------------------------------------------------------------------- */

struct bytes_stream {
        struct stream stream;
        const uint8_t *at;
        size_t left;
};

static ssize_t bytes_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct bytes_stream *b = (struct bytes_stream *) s;

        (void) e;
        if (size > b->left)
                size = b->left;
        if (size > 0)
                memcpy(buffer, b->at, size);
        b->at += size;
        b->left -= size;
        return (ssize_t) size;
}

struct stream *stream_of_bytes(const void *bytes, size_t size)
{
        static const struct stream_ops ops = { .read = bytes_read, .free = plain_free };
        struct bytes_stream *b = text_alloc(sizeof(*b));

        *b = (struct bytes_stream){ .stream = { &ops }, .at = bytes, .left = size };
        return &b->stream;
}

/* --- verified ----------------------------------------------------------------------------------------- */

struct verify_stream {
        struct stream stream;
        struct stream *inner;
        struct digest *digest; /* NULL once compared */
        uint8_t expected[DIGEST_SIZE];
        uint64_t size_bytes, done;
        const char *what;
};

static int verify_end(struct verify_stream *v, struct err *e)
{
        uint8_t found[DIGEST_SIZE];
        char expected_text[DIGEST_TEXT_SIZE], found_text[DIGEST_TEXT_SIZE];

        if (v->size_bytes != STREAM_SIZE_UNKNOWN && v->done != v->size_bytes)
                return err_set(e, -EBADMSG, "%s has %llu bytes, %llu were announced", v->what,
                               (unsigned long long) v->done, (unsigned long long) v->size_bytes);
        if (!v->digest)
                return 0;
        digest_end(v->digest, found);
        digest_free(ptr_take(&v->digest));
        if (memcmp(found, v->expected, DIGEST_SIZE) == 0)
                return 0;
        digest_format(found, found_text);
        digest_format(v->expected, expected_text);
        return err_set(e, -EBADMSG, "%s is damaged: its digest is %s, not %s", v->what, found_text,
                       expected_text);
}

static ssize_t verify_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct verify_stream *v = (struct verify_stream *) s;
        ssize_t n = stream_read(v->inner, buffer, size, e);

        if (n < 0)
                return n;
        if (n == 0)
                return verify_end(v, e);
        digest_add(v->digest, buffer, (size_t) n);
        v->done += (uint64_t) n;
        return n;
}

static void verify_free(struct stream *s)
{
        struct verify_stream *v = (struct verify_stream *) s;

        stream_free(v->inner);
        digest_free(v->digest);
        free(v);
}

struct stream *stream_verify(struct stream *inner, const uint8_t expected[DIGEST_SIZE], uint64_t size_bytes,
                             const char *what)
{
        static const struct stream_ops ops = { .read = verify_read, .free = verify_free };
        struct verify_stream *v = text_alloc(sizeof(*v));

        v->stream.ops = &ops;
        v->inner = inner;
        v->digest = digest_new();
        memcpy(v->expected, expected, DIGEST_SIZE);
        v->size_bytes = size_bytes;
        v->what = what;
        return &v->stream;
}

/* --- part of a stream --------------------------------------------------------------------------------- */

struct part_stream {
        struct stream stream;
        struct stream *inner;
        uint64_t size, done;
        void (*ended)(uint64_t n_read, void *user);
        void *user;
};

static ssize_t part_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct part_stream *p = (struct part_stream *) s;
        ssize_t n;

        if (size > p->size - p->done)
                size = (size_t) (p->size - p->done);
        if (size == 0)
                return 0;
        n = stream_read(p->inner, buffer, size, e);
        if (n == 0)
                return err_set(e, -EBADMSG, "it ends too early");
        if (n > 0)
                p->done += (uint64_t) n;
        return n;
}

static void part_free(struct stream *s)
{
        struct part_stream *p = (struct part_stream *) s;

        p->ended(p->done, p->user);
        free(p);
}

struct stream *stream_part(struct stream *inner, uint64_t size, void (*ended)(uint64_t n_read, void *user),
                           void *user)
{
        static const struct stream_ops ops = { .read = part_read, .free = part_free };
        struct part_stream *p = text_alloc(sizeof(*p));

        *p = (struct part_stream){
                .stream = { &ops }, .inner = inner, .size = size, .ended = ended, .user = user
        };
        return &p->stream;
}

/* --- counted ------------------------------------------------------------------------------------------ */

struct count_stream {
        struct stream stream;
        struct stream *inner;
        void (*passed)(uint64_t bytes, void *user);
        void *user;
};

static ssize_t count_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct count_stream *c = (struct count_stream *) s;
        ssize_t n = stream_read(c->inner, buffer, size, e);

        if (n > 0)
                c->passed((uint64_t) n, c->user);
        return n;
}

static void count_free(struct stream *s)
{
        struct count_stream *c = (struct count_stream *) s;

        stream_free(c->inner);
        free(c);
}

struct stream *stream_count(struct stream *inner, void (*passed)(uint64_t bytes, void *user), void *user)
{
        static const struct stream_ops ops = { .read = count_read, .free = count_free };
        struct count_stream *c = text_alloc(sizeof(*c));

        *c = (struct count_stream){ .stream = { &ops }, .inner = inner, .passed = passed, .user = user };
        return &c->stream;
}
