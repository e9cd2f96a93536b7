#include "image/squashfs_writer_internal.h"

#include <stdlib.h>

#include "image/squashfs_options.h"

struct guarded_codec {
        sqfs_compressor_t base;
        sqfs_compressor_t *inner; /* owned */
        struct codec_state *state;
};

static struct guarded_codec *guarded_of(const void *object)
{
        return (struct guarded_codec *) (uintptr_t) object;
}

static void guarded_configuration(const sqfs_compressor_t *base, sqfs_compressor_config_t *ret)
{
        const sqfs_compressor_t *inner = guarded_of(base)->inner;

        inner->get_configuration(inner, ret);
}

static int guarded_write_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
        sqfs_compressor_t *inner = guarded_of(base)->inner;

        return inner->write_options(inner, file);
}

static int guarded_read_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
        sqfs_compressor_t *inner = guarded_of(base)->inner;

        return inner->read_options(inner, file);
}

static sqfs_s32 guarded_block(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                              sqfs_u32 out_size)
{
        struct guarded_codec *g = guarded_of(base);
        sqfs_s32 n;

        if (atomic_load_explicit(&g->state->abandoned, memory_order_relaxed))
                return 0;
        n = g->inner->do_block(g->inner, in, size, out, out_size);
        if (n < 0) {
                int none = 0;

                atomic_compare_exchange_strong(&g->state->error, &none, n);
                return 0;
        }
        return (sqfs_u32) n < size ? n : 0;
}

static void guarded_destroy(sqfs_object_t *object)
{
        sqfs_destroy(guarded_of(object)->inner);
        free(object);
}

static sqfs_object_t *guarded_copy(const sqfs_object_t *object)
{
        const struct guarded_codec *g = guarded_of(object);
        sqfs_compressor_t *inner = sqfs_copy(g->inner), *copy;

        if (!inner)
                return NULL;
        copy = guarded_codec_new(inner, g->state);
        return copy ? &copy->base : NULL;
}

sqfs_compressor_t *guarded_codec_new(sqfs_compressor_t *inner, struct codec_state *state)
{
        struct guarded_codec *g = calloc(1, sizeof(*g));

        if (!g) {
                sqfs_destroy(inner);
                return NULL;
        }
        g->base.base.destroy = guarded_destroy;
        g->base.base.copy = guarded_copy;
        g->base.get_configuration = guarded_configuration;
        g->base.write_options = guarded_write_options;
        g->base.read_options = guarded_read_options;
        g->base.do_block = guarded_block;
        g->inner = inner;
        g->state = state;
        return &g->base;
}

static sqfs_s32 plain_block(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                            sqfs_u32 out_size)
{
        (void) base;
        (void) in;
        (void) size;
        (void) out;
        (void) out_size;
        return 0;
}

static void plain_destroy(sqfs_object_t *object)
{
        free(object);
}

sqfs_compressor_t *plain_codec_new(void)
{
        sqfs_compressor_t *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->base.destroy = plain_destroy;
        c->do_block = plain_block;
        return c;
}
