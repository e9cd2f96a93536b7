/* squashfs_compressor: the compressors of squashfs behind libsquashfs's interface, for reading and writing.
 *
 * gzip goes through libdeflate and zstd through libzstd with a context that is kept from block to block; xz,
 * lzma and lz4 are libsquashfs's own.  lzo is not there: -ENOTSUP.
 *
 * An object is used by one thread at a time; sqfs_copy() gives another thread its own, sqfs_destroy() frees.
 * Source: sqfs/compressor.h; compressor options on disk: fs/squashfs/{lz4,xz,zstd}_wrapper.c of Linux, and
 * for gzip, which the kernel ignores, squashfs-tools.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sqfs/compressor.h>

#include "base/err.h"
#include "image/squashfs_options.h"

/* kind: enum squashfs_compressor, from the options or from a superblock.  level as in struct
 * squashfs_options; it counts for compression only.  -ENOTSUP: an unknown kind, or one that this build lacks;
 * -ERANGE: no such level. */
int squashfs_compressor_new(sqfs_compressor_t **ret, unsigned kind, int level, uint32_t block_size,
                            bool uncompress, struct err *e);

/* Negative errno and a message for an SQFS_ERROR value. */
int squashfs_error(int sqfs_error, const char **ret_message);
