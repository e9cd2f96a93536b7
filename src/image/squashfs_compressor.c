#include "image/squashfs_compressor.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <sqfs/error.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <zstd.h>
#include <zstd_errors.h>

/* libdeflate's level 7 makes images a little smaller than zlib's level 9, which is mksquashfs's default, in a
 * seventh of the time (level 6: a little larger, an eighth); its higher levels gain under one percent for up
 * to three times the cost. */
#define GZIP_LEVEL_LIBDEFLATE 7
#define GZIP_LEVEL_ON_DISK    9  /* the default; also the value that needs no options on disk */
#define GZIP_WINDOW_ON_DISK   15 /* 32 KiB, all that libdeflate does */
#define ZSTD_LEVEL            3
#define ZSTD_LEVEL_ON_DISK    15 /* the value that needs no options on disk */

/* One of ours; for libsquashfs it is the interface that stands first. */
struct codec {
        sqfs_compressor_t base;
        unsigned kind;
        int level;
        uint32_t block_size;
        bool uncompress;
        struct libdeflate_compressor *deflate; /* owned, by kind and direction one of these four */
        struct libdeflate_decompressor *inflate;
        ZSTD_CCtx *zstd_compress;
        ZSTD_DCtx *zstd_uncompress;
};

static struct codec *codec_of(const void *object)
{
        return (struct codec *) (uintptr_t) object;
}

/* --- blocks ------------------------------------------------------------------------------------------- */

static sqfs_s32 gzip_compress(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                              sqfs_u32 out_size)
{
        /* Room for one byte less than came in: what does not fit is stored as it is. */
        size_t room = out_size < size ? out_size : size - 1;

        if (size == 0)
                return 0;
        return (sqfs_s32) libdeflate_zlib_compress(codec_of(base)->deflate, in, size, out, room);
}

static sqfs_s32 gzip_uncompress(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                                sqfs_u32 out_size)
{
        size_t n = 0;

        switch (libdeflate_zlib_decompress(codec_of(base)->inflate, in, size, out, out_size, &n)) {
        case LIBDEFLATE_SUCCESS:
                return (sqfs_s32) n;
        case LIBDEFLATE_INSUFFICIENT_SPACE:
                return 0;
        default:
                return SQFS_ERROR_COMPRESSOR;
        }
}

static sqfs_s32 zstd_compress(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                              sqfs_u32 out_size)
{
        struct codec *c = codec_of(base);
        size_t n = ZSTD_compressCCtx(c->zstd_compress, out, out_size, in, size, c->level);

        if (ZSTD_isError(n))
                return ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall ? 0 : SQFS_ERROR_COMPRESSOR;
        return n < size ? (sqfs_s32) n : 0;
}

static sqfs_s32 zstd_uncompress(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
                                sqfs_u32 out_size)
{
        size_t n = ZSTD_decompressDCtx(codec_of(base)->zstd_uncompress, out, out_size, in, size);

        if (ZSTD_isError(n))
                return ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall ? 0 : SQFS_ERROR_COMPRESSOR;
        return (sqfs_s32) n;
}

/* --- options on disk ---------------------------------------------------------------------------------- */

/* An uncompressed metadata block right behind the superblock. */
static int write_options_block(sqfs_file_t *file, const void *options, uint16_t size)
{
        uint8_t block[2 + 16];
        uint16_t header = htole16((uint16_t) (0x8000u | size));
        int r;

        memcpy(block, &header, 2);
        memcpy(block + 2, options, size);
        r = file->write_at(file, sizeof(sqfs_super_t), block, 2u + size);
        return r ? r : 2 + size;
}

static int gzip_write_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
        struct {
                uint32_t level;
                uint16_t window, strategies;
        } options = { .level = htole32((uint32_t) codec_of(base)->level),
                      .window = htole16(GZIP_WINDOW_ON_DISK) };

        if (codec_of(base)->level == GZIP_LEVEL_ON_DISK)
                return 0;
        return write_options_block(file, &options, sizeof(options));
}

static int zstd_write_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
        uint32_t level = htole32((uint32_t) codec_of(base)->level);

        if (codec_of(base)->level == ZSTD_LEVEL_ON_DISK)
                return 0;
        return write_options_block(file, &level, sizeof(level));
}

/* Neither format needs its options for reading. */
static int no_read_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
        (void) base;
        (void) file;
        return 0;
}

/* --- objects ------------------------------------------------------------------------------------------ */

static void codec_configuration(const sqfs_compressor_t *base, sqfs_compressor_config_t *ret)
{
        const struct codec *c = codec_of(base);

        memset(ret, 0, sizeof(*ret));
        ret->id = (sqfs_u16) c->kind;
        ret->flags = c->uncompress ? SQFS_COMP_FLAG_UNCOMPRESS : 0;
        ret->block_size = c->block_size;
        ret->level = (sqfs_u32) c->level;
        if (c->kind == SQUASHFS_GZIP)
                ret->opt.gzip.window_size = GZIP_WINDOW_ON_DISK;
}

static void codec_destroy(sqfs_object_t *object)
{
        struct codec *c = codec_of(object);

        libdeflate_free_compressor(c->deflate);
        libdeflate_free_decompressor(c->inflate);
        ZSTD_freeCCtx(c->zstd_compress);
        ZSTD_freeDCtx(c->zstd_uncompress);
        free(c);
}

static sqfs_object_t *codec_copy(const sqfs_object_t *object)
{
        const struct codec *c = codec_of(object);
        sqfs_compressor_t *copy = NULL;

        if (squashfs_compressor_new(&copy, c->kind, c->level, c->block_size, c->uncompress, NULL) < 0)
                return NULL;
        return &copy->base;
}

static bool gzip_init(struct codec *c)
{
        int level = c->level > GZIP_LEVEL_LIBDEFLATE ? GZIP_LEVEL_LIBDEFLATE : c->level;

        c->base.do_block = c->uncompress ? gzip_uncompress : gzip_compress;
        c->base.write_options = gzip_write_options;
        if (c->uncompress)
                c->inflate = libdeflate_alloc_decompressor();
        else
                c->deflate = libdeflate_alloc_compressor(level);
        return c->inflate || c->deflate;
}

static bool zstd_init(struct codec *c)
{
        c->base.do_block = c->uncompress ? zstd_uncompress : zstd_compress;
        c->base.write_options = zstd_write_options;
        if (c->uncompress)
                c->zstd_uncompress = ZSTD_createDCtx();
        else
                c->zstd_compress = ZSTD_createCCtx();
        return c->zstd_uncompress || c->zstd_compress;
}

static int codec_new(sqfs_compressor_t **ret, unsigned kind, int level, uint32_t block_size, bool uncompress,
                     struct err *e)
{
        struct codec *c = calloc(1, sizeof(*c));

        if (!c)
                return err_errno(e, -ENOMEM, "%s compressor", squashfs_compressor_name(kind));
        c->base.base.destroy = codec_destroy;
        c->base.base.copy = codec_copy;
        c->base.get_configuration = codec_configuration;
        c->base.read_options = no_read_options;
        c->kind = kind;
        c->level = level ? level : kind == SQUASHFS_GZIP ? GZIP_LEVEL_ON_DISK : ZSTD_LEVEL;
        c->block_size = block_size;
        c->uncompress = uncompress;
        if (!(kind == SQUASHFS_GZIP ? gzip_init(c) : zstd_init(c))) {
                codec_destroy(&c->base.base);
                return err_errno(e, -ENOMEM, "%s compressor", squashfs_compressor_name(kind));
        }
        *ret = &c->base;
        return 0;
}

/* xz, lzma and lz4. */
static int library_new(sqfs_compressor_t **ret, unsigned kind, int level, uint32_t block_size,
                       bool uncompress, struct err *e)
{
        sqfs_compressor_config_t config;
        const char *message;
        int r;

        r = sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR) kind, block_size,
                                        uncompress ? SQFS_COMP_FLAG_UNCOMPRESS : 0);
        if (r == 0 && kind == SQUASHFS_LZ4 && level > 0)
                config.flags |= SQFS_COMP_FLAG_LZ4_HC;
        if (r == 0 && kind != SQUASHFS_LZ4 && level > 0)
                config.level = (sqfs_u32) level;
        if (r == 0)
                r = sqfs_compressor_create(&config, ret);
        if (r == SQFS_ERROR_UNSUPPORTED)
                return err_set(e, -ENOTSUP, "this build's libsquashfs lacks %s compression",
                               squashfs_compressor_name(kind));
        if (r != 0) {
                r = squashfs_error(r, &message);
                return err_set(e, r, "%s compressor: %s", squashfs_compressor_name(kind), message);
        }
        return 0;
}

int squashfs_compressor_new(sqfs_compressor_t **ret, unsigned kind, int level, uint32_t block_size,
                            bool uncompress, struct err *e)
{
        int most = squashfs_compressor_level_most(kind);

        if (kind == SQUASHFS_LZO)
                return err_set(e, -ENOTSUP, "lzo compression is not supported");
        if (kind < SQUASHFS_GZIP || kind > SQUASHFS_ZSTD)
                return err_set(e, -ENOTSUP, "unknown squashfs compressor %u", kind);
        if (!uncompress && (level < 0 || level > most))
                return err_set(e, -ERANGE, "%s compression has no level %d (1 to %d)",
                               squashfs_compressor_name(kind), level, most);
        if (kind == SQUASHFS_GZIP || kind == SQUASHFS_ZSTD)
                return codec_new(ret, kind, level, block_size, uncompress, e);
        return library_new(ret, kind, level, block_size, uncompress, e);
}

int squashfs_error(int sqfs_error, const char **ret_message)
{
        static const struct {
                int error, code;
                const char *message;
        } table[] = {
                { SQFS_ERROR_ALLOC, -ENOMEM, "out of memory" },
                { SQFS_ERROR_IO, -EIO, "input/output error" },
                { SQFS_ERROR_COMPRESSOR, -EBADMSG, "compressed data is broken" },
                { SQFS_ERROR_INTERNAL, -EIO, "internal error of libsquashfs" },
                { SQFS_ERROR_CORRUPTED, -EBADMSG, "corrupt data structure" },
                { SQFS_ERROR_UNSUPPORTED, -ENOTSUP, "unsupported feature" },
                { SQFS_ERROR_OVERFLOW, -EBADMSG, "a size overflows" },
                { SQFS_ERROR_OUT_OF_BOUNDS, -EBADMSG, "a position lies outside its table" },
                { SFQS_ERROR_SUPER_MAGIC, -ENOEXEC, "not a squashfs" },
                { SFQS_ERROR_SUPER_VERSION, -ENOTSUP, "unsupported squashfs version" },
                { SQFS_ERROR_SUPER_BLOCK_SIZE, -EBADMSG, "bad block size in the superblock" },
                { SQFS_ERROR_NOT_DIR, -ENOTDIR, "not a directory" },
                { SQFS_ERROR_NO_ENTRY, -ENOENT, "no such entry" },
                { SQFS_ERROR_LINK_LOOP, -ELOOP, "directories form a loop" },
                { SQFS_ERROR_NOT_FILE, -EINVAL, "not a regular file" },
                { SQFS_ERROR_ARG_INVALID, -EINVAL, "invalid argument" },
                { SQFS_ERROR_SEQUENCE, -EINVAL, "calls out of order" },
        };

        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                if (table[i].error == sqfs_error) {
                        *ret_message = table[i].message;
                        return table[i].code;
                }
        }
        *ret_message = "unknown error of libsquashfs";
        return -EIO;
}
