#include "image/squashfs_options.h"

#include <string.h>

#include "base/clean.h"
#include "base/num.h"
#include "base/text.h"

#define BLOCK_SIZE_LEAST 4096u
#define BLOCK_SIZE_MOST  (1024u * 1024u)
#define PROCESSORS_MOST  4096 /* more threads than any node has cores */

/* What has been read of the words so far. */
struct parse {
        struct squashfs_options o;
        bool has_level;
        bool high_compression;
};

static const char *const compressor_names[] = {
        [SQUASHFS_GZIP] = "gzip", [SQUASHFS_LZMA] = "lzma", [SQUASHFS_LZO] = "lzo",
        [SQUASHFS_XZ] = "xz",     [SQUASHFS_LZ4] = "lz4",   [SQUASHFS_ZSTD] = "zstd",
};

const char *squashfs_compressor_name(unsigned compressor)
{
        if (compressor < SQUASHFS_GZIP || compressor > SQUASHFS_ZSTD)
                return "unknown";
        return compressor_names[compressor];
}

int squashfs_compressor_level_most(unsigned compressor)
{
        static const int most[] = { [SQUASHFS_GZIP] = 9,
                                    [SQUASHFS_LZMA] = 9,
                                    [SQUASHFS_XZ] = 9,
                                    [SQUASHFS_LZ4] = 1,
                                    [SQUASHFS_ZSTD] = 22 };

        return compressor < sizeof(most) / sizeof(most[0]) ? most[compressor] : 0;
}

/* --- options with a value ----------------------------------------------------------------------------- */

static int set_compressor(struct parse *p, const char *value, struct err *e)
{
        for (unsigned i = SQUASHFS_GZIP; i <= SQUASHFS_ZSTD; i++) {
                if (strcmp(value, compressor_names[i]) != 0)
                        continue;
                p->o.compressor = (enum squashfs_compressor) i;
                p->o.level = p->has_level ? p->o.level : 0;
                return 0;
        }
        return err_set(e, -EINVAL, "-comp %s: unknown compressor (gzip, lz4, lzma, xz, zstd)", value);
}

static int set_level(struct parse *p, const char *value, struct err *e)
{
        int64_t level;

        if (num_i64(value, 10, 1, 22, &level) < 0)
                return err_set(e, -EINVAL, "-Xcompression-level %s: not a level (1 to 22)", value);
        p->o.level = (int) level;
        p->has_level = true;
        return 0;
}

static int set_block_size(struct parse *p, const char *value, struct err *e)
{
        uint64_t size;

        if (num_size(value, &size) < 0 || size < BLOCK_SIZE_LEAST || size > BLOCK_SIZE_MOST ||
            (size & (size - 1)) != 0)
                return err_set(e, -EINVAL, "-b %s: the block size is a power of two from 4K to 1M", value);
        p->o.block_size = (uint32_t) size;
        return 0;
}

static int set_processors(struct parse *p, const char *value, struct err *e)
{
        uint64_t n;

        if (num_u64(value, 10, 1, PROCESSORS_MOST, &n) < 0)
                return err_set(e, -EINVAL, "-processors %s: not a number from 1 to %d", value,
                               PROCESSORS_MOST);
        p->o.n_threads = (unsigned) n;
        return 0;
}

static int set_memory(struct parse *p, const char *value, struct err *e)
{
        uint64_t size;

        if (num_size(value, &size) < 0 || size == 0)
                return err_set(e, -EINVAL, "-mem %s: not a size such as 512M", value);
        p->o.memory_bytes = size;
        return 0;
}

static const struct {
        const char *word;
        int (*set)(struct parse *p, const char *value, struct err *e);
} options_with_value[] = {
        { "-comp", set_compressor }, { "-Xcompression-level", set_level },
        { "-b", set_block_size },    { "-processors", set_processors },
        { "-mem", set_memory },
};

/* --- flags -------------------------------------------------------------------------------------------- */

/* Each sets one or two bools of struct squashfs_options, or none where we do it anyway. */
static const struct {
        const char *word;
        size_t n;
        size_t offset[5];
} flags[] = {
#define AT(field) offsetof(struct squashfs_options, field)
        { "-no-fragments", 1, { AT(no_fragments) } },
        { "-no-xattrs", 1, { AT(no_xattrs) } },
        { "-no-duplicates", 1, { AT(no_duplicates) } },
        { "-all-root", 1, { AT(all_root) } },
        { "-root-owned", 1, { AT(all_root) } },
        { "-noI", 2, { AT(no_compress_inodes), AT(no_compress_ids) } },
        { "-noInodeCompression", 2, { AT(no_compress_inodes), AT(no_compress_ids) } },
        { "-noId", 1, { AT(no_compress_ids) } },
        { "-noIdTableCompression", 1, { AT(no_compress_ids) } },
        { "-noD", 1, { AT(no_compress_data) } },
        { "-noDataCompression", 1, { AT(no_compress_data) } },
        { "-noF", 1, { AT(no_compress_fragments) } },
        { "-noFragmentCompression", 1, { AT(no_compress_fragments) } },
        { "-noX", 1, { AT(no_compress_xattrs) } },
        { "-noXattrCompression", 1, { AT(no_compress_xattrs) } },
        { "-no-compression",
          5,
          { AT(no_compress_inodes), AT(no_compress_ids), AT(no_compress_data), AT(no_compress_fragments),
            AT(no_compress_xattrs) } },
#undef AT
        { "-noappend" },
        { "-exports" },
        { "-xattrs" },
        { "-reproducible" },
        { "-quiet" },
        { "-no-progress" },
        { "-progress" },
        { "-percentage" },
        { "-info" },
        { "-no-recovery" },
        { "-exit-on-error" },
        { "-tailends" },
        { "-always-use-fragments" },
};

/* Options of mksquashfs that change the result in ways that we do not offer, so that a misspelt word can be
 * told from one that is only not to be had here. */
static const char *const refused[] = {
        "-tar",
        "-no-strip",
        "-tarstyle",
        "-cpiostyle",
        "-cpiostyle0",
        "-not-reproducible",
        "-mkfs-time",
        "-fstime",
        "-all-time",
        "-no-exports",
        "-no-sparse",
        "-no-tailends",
        "-no-hardlinks",
        "-root-time",
        "-root-mode",
        "-root-uid",
        "-root-gid",
        "-force-uid",
        "-force-gid",
        "-keep-as-directory",
        "-action",
        "-log-action",
        "-true-action",
        "-false-action",
        "-action-file",
        "-log-action-file",
        "-true-action-file",
        "-false-action-file",
        "-p",
        "-pf",
        "-pd",
        "-sort",
        "-ef",
        "-e",
        "-wildcards",
        "-regex",
        "-one-file-system",
        "-one-file-system-x",
        "-root-becomes",
        "-version",
        "-recover",
        "-recovery-path",
        "-throttle",
        "-limit",
        "-nopad",
        "-offset",
        "-o",
        "-help",
        "-h",
        "-Xhelp",
        "-Xwindow-size",
        "-Xstrategy",
        "-Xalgorithm",
        "-Xbcj",
        "-Xdict-size",
        "-mem-percent",
        "-mem-default",
        "-max-depth",
        "-pseudo-override",
        "-pseudo-dir",
        "-xattrs-exclude",
        "-xattrs-include",
        "-xattrs-add",
        "-default-mode",
        "-default-uid",
        "-default-gid",
        "-ignore-zeros",
        "-uid-gid-offset",
};

static bool set_flag(struct parse *p, const char *word)
{
        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
                if (strcmp(word, flags[i].word) != 0)
                        continue;
                for (size_t k = 0; k < flags[i].n; k++)
                        *(bool *) ((char *) &p->o + flags[i].offset[k]) = true;
                return true;
        }
        if (strcmp(word, "-Xhc") == 0)
                p->high_compression = true;
        return strcmp(word, "-Xhc") == 0;
}

static int refuse(const char *word, struct err *e)
{
        _cleanup_free_ char *printable = text_printable(word);

        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
                if (strcmp(word, refused[i]) == 0)
                        return err_set(e, -ENOTSUP, "option %s of mksquashfs is not supported", word);
        return err_set(e, -EINVAL, "unknown option \"%.100s\"", printable);
}

/* --- all of them -------------------------------------------------------------------------------------- */

static int take_word(struct parse *p, const struct text_list *words, size_t *at, struct err *e)
{
        const char *word = words->at[*at];

        for (size_t i = 0; i < sizeof(options_with_value) / sizeof(options_with_value[0]); i++) {
                if (strcmp(word, options_with_value[i].word) != 0)
                        continue;
                if (++*at == words->n)
                        return err_set(e, -EINVAL, "%s needs a value", word);
                _cleanup_free_ char *value = text_printable(words->at[*at]);
                return options_with_value[i].set(p, value, e);
        }
        return set_flag(p, word) ? 0 : refuse(word, e);
}

/* What can only be judged once the compressor is known. */
static int check_together(struct parse *p, struct err *e)
{
        unsigned kind = p->o.compressor;
        int most = squashfs_compressor_level_most(kind);

        if (p->has_level && kind != SQUASHFS_GZIP && kind != SQUASHFS_ZSTD)
                return err_set(e, -EINVAL, "%s has no -Xcompression-level", squashfs_compressor_name(kind));
        if (p->has_level && p->o.level > most)
                return err_set(e, -EINVAL, "-Xcompression-level %d: %s has levels 1 to %d", p->o.level,
                               squashfs_compressor_name(kind), most);
        if (p->high_compression && kind != SQUASHFS_LZ4)
                return err_set(e, -EINVAL, "-Xhc is an option of lz4, not of %s",
                               squashfs_compressor_name(kind));
        if (p->high_compression)
                p->o.level = 1;
        return 0;
}

int squashfs_options_parse(struct squashfs_options *o, const char *words, struct err *e)
{
        _cleanup_text_list_ struct text_list list = TEXT_LIST_INIT;
        struct parse p = { .o = *o };
        int r = 0;

        for (const char *at = words + strspn(words, " \t\r\n\v\f"); *at;) {
                size_t size = strcspn(at, " \t\r\n\v\f");

                text_list_add_bytes(&list, at, size);
                at += size;
                at += strspn(at, " \t\r\n\v\f");
        }
        for (size_t i = 0; i < list.n && r == 0; i++)
                r = take_word(&p, &list, &i, e);
        if (r == 0)
                r = check_together(&p, e);
        if (r < 0)
                return err_ctx(e, r, "mksquashfs arguments");
        *o = p.o;
        return 0;
}
