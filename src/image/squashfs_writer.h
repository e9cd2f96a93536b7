/* squashfs_writer: a squashfs file system from a tree, content first, tables last.
 *
 * Order of calls: new; for every regular file whose bytes are wanted, in the order in which they shall lie on
 * disk: file_begin, data (any number of times), file_end; then finish once; free in any case.  Content is
 * compressed by a pool of threads over libsquashfs's block processor; file_data blocks while the queue is
 * full, which bounds memory.
 *
 * The image starts at `offset` of the file; nothing before it is touched.  The result is squashfs 4.0
 * (kernel Documentation/filesystems/squashfs.rst), exportable, padded to 4 KiB.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/squashfs_options.h"
#include "image/tree.h"

struct squashfs_writer;

/* fd: borrowed, read-write, seekable. */
int squashfs_writer_new(struct squashfs_writer **ret, int fd, uint64_t offset,
                        const struct squashfs_options *options, struct err *e);
void squashfs_writer_free(struct squashfs_writer *w); /* accepts NULL */

/* inode: a regular file of the tree that finish will get; its size is taken from what data() brings. */
int squashfs_writer_file_begin(struct squashfs_writer *w, struct tree_inode *inode, struct err *e);
int squashfs_writer_file_data(struct squashfs_writer *w, const void *bytes, size_t size, struct err *e);
int squashfs_writer_file_end(struct squashfs_writer *w, struct err *e);

/* Writes inode, directory, fragment, export, id and xattr tables and the superblock.  Inodes with `bytes` are
 * written here if they were not before; a regular file whose content never came is an error (-EINVAL) unless
 * it is empty. *ret_size_bytes: length of the image, a multiple of 4096. */
int squashfs_writer_finish(struct squashfs_writer *w, struct tree *tree, uint64_t *ret_size_bytes,
                           struct err *e);

/* Reproducible: the same tree and content in the same order give the same bytes, whatever the number of
 * threads. */
