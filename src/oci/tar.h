/* tar: the entries of a tar archive that arrives as a stream: a layer, or an image archive around layers.
 *
 * Formats (libarchive's tar reader, fed by our decompressor): ustar, GNU (long names, old and new sparse
 * files, base-256 numbers), pax (POSIX.1-2001: path, linkpath, size, uid, gid, mtime; SCHILY.xattr.*,
 * LIBARCHIVE.xattr.*, GNU.sparse.*).  An end without the two empty blocks, or without
 * the padding of the last file, is accepted, what stands behind
 * them is not looked at. Names are bytes: nothing is converted, whatever the process's locale is.
 *
 * Order of calls: open, then next until it returns 0, between two nexts data until it returns 0; finish;
 * free.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/stream.h"

/* Limits of one archive.  Those of names and attributes are the kernel's, so nothing that was ever in a file
 * system is refused. */
#define TAR_PATH_MAX        4095 /* PATH_MAX without the terminator, also of link targets */
#define TAR_NAME_MAX        255  /* NAME_MAX */
#define TAR_XATTR_NAME_MAX  255
#define TAR_XATTR_VALUE_MAX 65536
/* An archive with more entries than this needs gigabytes of memory before anything is known about it; the
 * largest images in use have about two million files. */
#define TAR_ENTRIES_MAX ((uint64_t) 1 << 23)
/* Bytes of all files together, holes included: 16 TiB, what an ext4 file may have; stops a sparse file of
 * 2^62 bytes. */
#define TAR_CONTENT_MAX ((uint64_t) 1 << 44)
/* The part of that which no block of the archive pays for (holes of sparse files): writing 64 GiB of zeros
 * takes seconds.  Layers made by container tools have none. */
#define TAR_HOLES_MAX ((uint64_t) 1 << 36)

/* How names of entries are printed in messages, so that a long one does not push out what is wrong with it.
 */
#define TAR_SHOWN "%.250s"

enum tar_entry_type {
        TAR_FILE,
        TAR_DIRECTORY,
        TAR_SYMLINK,
        TAR_HARDLINK, /* metadata means nothing */
        TAR_CHARACTER_DEVICE,
        TAR_BLOCK_DEVICE,
        TAR_FIFO,
};

struct tar_xattr {
        const char *name;
        const void *value;
        size_t value_size;
};

/* Borrowed from the archive, valid until the next call. */
struct tar_entry {
        enum tar_entry_type type;
        const char *path;     /* as in the archive */
        const char *link;     /* target of symbolic and hard links, else NULL */
        uint32_t permissions; /* 12 bits */
        uint32_t uid, gid;
        int64_t mtime;       /* seconds, rounded down */
        uint64_t size_bytes; /* files: length with holes, else 0 */
        uint32_t major, minor;
        const struct tar_xattr *xattrs;
        size_t n_xattrs;
        uint64_t ordinal;     /* of the entry in its archive, from 0 */
        uint64_t data_offset; /* of a file's first byte in the decompressed archive */
        bool sparse;          /* the file's bytes are not in one piece */
};

struct tar;

enum tar_flags {
        TAR_AHEAD = 1 << 0, /* decompress in a thread of its own */
        TAR_SKIP = 1 << 1,  /* the data of files is not wanted: where the stream can skip, it is not read */
};

/* Takes `bytes`, the archive as it is stored; compression is recognised.  `what` names it in errors, copied.
 */
int tar_open(struct tar **ret, struct stream *bytes, const char *what, unsigned flags, struct err *e);
bool tar_is_plain(const struct tar *t); /* not compressed */

/* 1: *ret is the next entry; 0: there is none. */
int tar_next(struct tar *t, const struct tar_entry **ret, struct err *e);

/* 1: the next bytes of the file, which start at *ret_offset; what lies between the end of the ones before and
 * this offset is a hole.  0: no more; a hole up to size_bytes may be left. */
int tar_data(struct tar *t, const void **ret, size_t *ret_size, uint64_t *ret_offset, struct err *e);

/* Reads to the end of the stream behind the last entry, so that its digest is checked. */
int tar_finish(struct tar *t, struct err *e);

void tar_free(struct tar *t); /* accepts NULL */

static inline void clean_tar(struct tar **t)
{
        tar_free(*t);
}
#define _cleanup_tar_ __attribute__((cleanup(clean_tar)))
