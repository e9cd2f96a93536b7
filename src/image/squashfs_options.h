/* squashfs_options: how to write a squashfs, in the words of mksquashfs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum squashfs_compressor { /* numbers of the superblock */
                           SQUASHFS_GZIP = 1,
                           SQUASHFS_LZMA = 2,
                           SQUASHFS_LZO = 3,
                           SQUASHFS_XZ = 4,
                           SQUASHFS_LZ4 = 5,
                           SQUASHFS_ZSTD = 6,
};

struct squashfs_options {
        enum squashfs_compressor compressor;
        int level;           /* 0: the default (zstd 3, gzip as small as zlib's 9); lz4: 1 is -Xhc */
        uint32_t block_size; /* bytes, power of two, 4096 to 1 MiB; default 131072 */
        unsigned n_threads;  /* 0: squashfs_writer_new() decides */
        /* For queued blocks and compression, 0: 512 MiB.  Where it is little there are fewer threads. */
        uint64_t memory_bytes;
        bool no_fragments;
        bool no_xattrs;
        bool no_duplicates; /* do not look for duplicates of files larger than a block */
        bool all_root;      /* every owner 0:0 */
        bool no_compress_data, no_compress_inodes, no_compress_fragments, no_compress_xattrs, no_compress_ids;
        bool has_mtime; /* clamp: no mtime above this (SOURCE_DATE_EPOCH) */
        int64_t mtime;  /* also the superblock's modification time */
};

#define SQUASHFS_OPTIONS_INIT                                                                                \
        {                                                                                                    \
                .compressor = SQUASHFS_ZSTD, .block_size = 131072                                            \
        }

/* Takes the blank-separated words of --mksquashfs-args on top of what *o says: -comp, -Xcompression-level,
 * -Xhc, -b (with k, m), -processors, -mem, -no-fragments, -no-xattrs, -no-duplicates, -all-root, -noI -noId
 * -noD -noF -noX (and long forms).  Words that ask for what we do anyway (-noappend, -exports, -quiet …) are
 * taken; what mksquashfs knows and we do not is refused by name.  On failure *o is unchanged: -EINVAL an
 * unknown word or a bad value, -ENOTSUP an option that is mksquashfs's only.
 * Source: mksquashfs(1), squashfs-tools 4.5; -no-compression, -percentage: 4.6. */
int squashfs_options_parse(struct squashfs_options *o, const char *words, struct err *e);

const char *squashfs_compressor_name(unsigned compressor); /* "gzip" …, "unknown" */
/* The highest level that struct squashfs_options takes; 0: none but the default. */
int squashfs_compressor_level_most(unsigned compressor);
