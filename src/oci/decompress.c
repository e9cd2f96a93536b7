#include "oci/decompress.h"

#include <archive.h>
#include <isa-l.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/clean.h"
#include "base/text.h"

#define INPUT_SIZE (256u << 10)

/* What all kinds have: the compressed bytes that were read and not yet used. */
struct decompressor {
        struct stream stream;
        struct stream *inner;
        const char *what;
        uint8_t *input; /* owned: INPUT_SIZE bytes */
        size_t at, end; /* unused bytes of input */
        bool input_ended;
        uint64_t bytes_in, bytes_out;
        /* One step: fills `buffer` as far as the input at hand goes; 0: more input is needed, or the end. */
        ssize_t (*step)(struct decompressor *d, uint8_t *buffer, size_t size, struct err *e);
        /* Whether the input may end here. */
        bool (*complete)(const struct decompressor *d);
        struct inflate_state *gzip; /* owned */
        ZSTD_DCtx *zstd;            /* owned */
        struct archive *archive;    /* owned: xz, bzip2 */
        bool open;                  /* within a gzip member or a zstd frame */
        bool trailing;              /* behind the last gzip member */
};

/* Reads input when there is none.  1: there is some, 0: it has ended. */
static int refill(struct decompressor *d, struct err *e)
{
        ssize_t n;

        if (d->at < d->end)
                return 1;
        if (d->input_ended)
                return 0;
        n = stream_read(d->inner, d->input, INPUT_SIZE, e);
        if (n < 0)
                return (int) n;
        d->input_ended = n == 0;
        d->at = 0;
        d->end = (size_t) n;
        d->bytes_in += (uint64_t) n;
        return n > 0;
}

static int check_expansion(const struct decompressor *d, struct err *e)
{
        if (d->bytes_out <= DECOMPRESS_FREE || d->bytes_out / DECOMPRESS_RATIO_MAX <= d->bytes_in)
                return 0;
        return err_set(e, -E2BIG,
                       "%s expands to more than %u times its size (%llu bytes gave %llu): refused as a "
                       "decompression bomb",
                       d->what, DECOMPRESS_RATIO_MAX, (unsigned long long) d->bytes_in,
                       (unsigned long long) d->bytes_out);
}

static ssize_t decompressor_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct decompressor *d = (struct decompressor *) s;
        ssize_t n = 0;

        if (size > INT32_MAX)
                size = INT32_MAX;
        while (n == 0) {
                int r = refill(d, e);

                if (r < 0)
                        return r;
                if (r == 0 && !d->complete(d))
                        return err_set(e, -EBADMSG, "%s is cut short: its compressed data ends too early",
                                       d->what);
                if (r == 0)
                        return 0;
                n = d->step(d, buffer, size, e);
        }
        if (n > 0) {
                d->bytes_out += (uint64_t) n;
                int r = check_expansion(d, e);

                if (r < 0)
                        return r;
        }
        return n;
}

static void decompressor_free(struct stream *s)
{
        struct decompressor *d = (struct decompressor *) s;

        archive_read_free(d->archive);
        ZSTD_freeDCtx(d->zstd);
        free(d->gzip);
        free(d->input);
        stream_free(d->inner);
        free(d);
}

static bool complete_outside(const struct decompressor *d)
{
        return !d->open;
}

/* --- gzip --------------------------------------------------------------------------------------------- */

static const char *gzip_error(int code)
{
        switch (code) {
        case ISAL_INVALID_BLOCK:
                return "invalid deflate block";
        case ISAL_INVALID_SYMBOL:
                return "invalid deflate symbol";
        case ISAL_INVALID_LOOKBACK:
                return "deflate distance too far back";
        case ISAL_INVALID_WRAPPER:
                return "invalid gzip header";
        case ISAL_UNSUPPORTED_METHOD:
                return "gzip method other than deflate";
        case ISAL_INCORRECT_CHECKSUM:
                return "gzip checksum does not match";
        default:
                return "malformed gzip data";
        }
}

static ssize_t gzip_step(struct decompressor *d, uint8_t *buffer, size_t size, struct err *e)
{
        struct inflate_state *state = d->gzip;
        int r;

        if (!d->open && (d->trailing || (d->bytes_out > 0 && d->input[d->at] != 0x1f))) {
                d->trailing = true;
                d->at = d->end;
                return 0;
        }
        if (!d->open) {
                isal_inflate_reset(state);
                state->crc_flag = ISAL_GZIP;
                d->open = true;
        }
        state->next_in = d->input + d->at;
        state->avail_in = (uint32_t) (d->end - d->at);
        state->next_out = buffer;
        state->avail_out = (uint32_t) size;
        r = isal_inflate(state);
        if (r < 0)
                return err_set(e, -EBADMSG, "%s is damaged: %s", d->what, gzip_error(r));
        d->at = d->end - state->avail_in;
        if (state->block_state == ISAL_BLOCK_FINISH)
                d->open = false;
        return (ssize_t) (size - state->avail_out);
}

static void gzip_start(struct decompressor *d)
{
        d->gzip = text_alloc(sizeof(*d->gzip));
        isal_inflate_init(d->gzip);
        d->step = gzip_step;
        d->complete = complete_outside;
}

/* --- zstd --------------------------------------------------------------------------------------------- */

static ssize_t zstd_step(struct decompressor *d, uint8_t *buffer, size_t size, struct err *e)
{
        ZSTD_inBuffer in = { .src = d->input, .size = d->end, .pos = d->at };
        ZSTD_outBuffer out = { .dst = buffer, .size = size };
        size_t r = ZSTD_decompressStream(d->zstd, &out, &in);

        if (ZSTD_isError(r))
                return err_set(e, -EBADMSG, "%s is damaged: zstd: %s", d->what, ZSTD_getErrorName(r));
        d->at = in.pos;
        d->open = r != 0;
        return (ssize_t) out.pos;
}

static void zstd_start(struct decompressor *d)
{
        d->zstd = ZSTD_createDCtx();
        if (!d->zstd)
                abort(); /* allocation; see base/text.h */
        ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, DECOMPRESS_ZSTD_WINDOW_LOG_MAX);
        d->step = zstd_step;
        d->complete = complete_outside;
}

/* --- xz, bzip2 ---------------------------------------------------------------------------------------- */

/* libarchive pulls, so what is at hand is given to it from here. */
static la_ssize_t archive_pull(struct archive *a, void *user, const void **bytes)
{
        struct decompressor *d = user;
        struct err e = ERR_INIT;
        la_ssize_t n;
        int r = refill(d, &e);

        if (r < 0) {
                archive_set_error(a, -r, "%s", e.text);
                return -1;
        }
        *bytes = d->input + d->at;
        n = (la_ssize_t) (d->end - d->at);
        d->at = d->end;
        return r == 0 ? 0 : n;
}

static ssize_t archive_failure(struct decompressor *d, struct err *e)
{
        const char *text = archive_error_string(d->archive);

        return err_set(e, -EBADMSG, "%s is damaged: %s", d->what, text ? text : "malformed compressed data");
}

static ssize_t archive_step(struct decompressor *d, uint8_t *buffer, size_t size, struct err *e)
{
        struct archive_entry *entry;
        la_ssize_t n;

        if (d->trailing) {
                d->at = d->end;
                return 0;
        }
        if (!d->open) {
                if (archive_read_open(d->archive, d, NULL, archive_pull, NULL) != ARCHIVE_OK)
                        return archive_failure(d, e);
                if (archive_read_next_header(d->archive, &entry) != ARCHIVE_OK)
                        return archive_failure(d, e);
                if (archive_filter_code(d->archive, 0) == ARCHIVE_FILTER_NONE) /* not even a whole header */
                        return archive_failure(d, e);
                d->open = true;
        }
        n = archive_read_data(d->archive, buffer, size);
        if (n < 0)
                return archive_failure(d, e);
        d->trailing = n == 0;
        d->open = n > 0;
        return n;
}

/* libarchive has used up the input while it still has output. */
static ssize_t archive_read_on(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct decompressor *d = (struct decompressor *) s;

        if (d->open && d->at == d->end) {
                ssize_t n = archive_step(d, buffer, size, e);

                if (n > 0)
                        d->bytes_out += (uint64_t) n;
                if (n != 0)
                        return n > 0 && check_expansion(d, e) < 0 ? -E2BIG : n;
        }
        return decompressor_read(s, buffer, size, e);
}

static void archive_start(struct decompressor *d)
{
        static const struct stream_ops ops = { .read = archive_read_on, .free = decompressor_free };

        d->archive = archive_read_new();
        if (!d->archive)
                abort(); /* allocation; see base/text.h */
        archive_read_support_filter_xz(d->archive);
        archive_read_support_filter_bzip2(d->archive);
        archive_read_support_format_raw(d->archive);
        d->step = archive_step;
        d->complete = complete_outside;
        d->stream.ops = &ops;
}

/* --- plain -------------------------------------------------------------------------------------------- */

static ssize_t plain_read(struct stream *s, uint8_t *buffer, size_t size, struct err *e)
{
        struct decompressor *d = (struct decompressor *) s;
        size_t n = d->end - d->at;

        if (n == 0)
                return d->input_ended ? 0 : stream_read(d->inner, buffer, size, e);
        if (n > size)
                n = size;
        memcpy(buffer, d->input + d->at, n);
        d->at += n;
        return (ssize_t) n;
}

static uint64_t plain_skip(struct stream *s, uint64_t size)
{
        struct decompressor *d = (struct decompressor *) s;
        uint64_t done = d->end - d->at;

        if (done > size)
                done = size;
        d->at += (size_t) done;
        if (done < size && d->inner->ops->skip)
                done += d->inner->ops->skip(d->inner, size - done);
        return done;
}

static const struct stream_ops plain_ops = { .read = plain_read,
                                             .skip = plain_skip,
                                             .free = decompressor_free };

bool stream_is_plain(const struct stream *decompressed)
{
        return decompressed->ops == &plain_ops;
}

/* --- which it is -------------------------------------------------------------------------------------- */

static bool starts_with(const struct decompressor *d, const char *magic, size_t size)
{
        return d->end >= size && memcmp(d->input, magic, size) == 0;
}

static bool is_zstd(const struct decompressor *d)
{
        /* RFC 8878, 3.1.1 and 3.1.2: a frame, or a skippable frame 0x184d2a50 to 0x184d2a5f */
        return starts_with(d, "\x28\xb5\x2f\xfd", 4) ||
               (d->end >= 4 && (d->input[0] & 0xf0) == 0x50 && memcmp(d->input + 1, "\x2a\x4d\x18", 3) == 0);
}

int stream_decompress(struct stream **ret, struct stream *inner, const char *what, struct err *e)
{
        static const struct stream_ops ops = { .read = decompressor_read, .free = decompressor_free };
        struct decompressor *d = text_alloc(sizeof(*d));
        ssize_t n;

        d->stream.ops = &ops;
        d->inner = inner;
        d->what = what;
        d->input = text_realloc(NULL, INPUT_SIZE);
        n = stream_read_full(inner, d->input, 512, e);
        if (n < 0) {
                decompressor_free(&d->stream);
                return (int) n;
        }
        d->end = (size_t) n;
        d->bytes_in = d->end;
        d->input_ended = n < 512;
        if (starts_with(d, "\x1f\x8b", 2))
                gzip_start(d);
        else if (is_zstd(d))
                zstd_start(d);
        else if (starts_with(d,
                             "\xfd"
                             "7zXZ",
                             6) ||
                 starts_with(d, "BZh", 3))
                archive_start(d);
        else
                d->stream.ops = &plain_ops;
        *ret = &d->stream;
        return 0;
}
