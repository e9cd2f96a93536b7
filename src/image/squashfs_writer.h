/* squashfs_writer: a squashfs file system from a tree, content first, tables last.
 *
 * Order of calls: new; for every regular file whose bytes are wanted, in the order in which they shall lie on
 * disk: file_begin, data (any number of times), file_end; then finish once; free in any case.  Content is
 * compressed by a pool of threads over libsquashfs's block processor; file_data blocks while the queue is
 * full, which bounds memory.
 *
 * The image starts at `offset` of the file; nothing before it is touched, what is behind it in the end is cut
 * off.  The result is squashfs 4.0 (kernel Documentation/filesystems/squashfs.rst), exportable, padded to
 * 4 KiB. Small files share fragment blocks; the end of a file that is larger than a block does not.
 *
 * What a squashfs cannot hold is refused with its path: names above 255 bytes, link targets above 4095, more
 * than 65535 different ids.  Extended attributes outside user., trusted. and security. are left out.  Times
 * before 1970 become 1970.
 *
 * Reproducible: the same tree and content in the same order give the same bytes, whatever the number of
 * threads.  Without options.has_mtime the superblock's time is that of the newest inode.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/squashfs_options.h"
#include "image/tree.h"

struct squashfs_writer;

/* fd: borrowed, read-write, seekable.  options->n_threads 0: as many as the affinity mask allows; the caller
 * that knows of cgroups says how many. */
int squashfs_writer_new(struct squashfs_writer **ret, int fd, uint64_t offset,
                        const struct squashfs_options *options, struct err *e);
void squashfs_writer_free(struct squashfs_writer *w); /* accepts NULL */

/* inode: a regular file of the tree that finish will get.  size_bytes says what to expect; it becomes what
 * data() brings. */
int squashfs_writer_file_begin(struct squashfs_writer *w, struct tree_inode *inode, struct err *e);
int squashfs_writer_file_data(struct squashfs_writer *w, const void *bytes, size_t size, struct err *e);
int squashfs_writer_file_end(struct squashfs_writer *w, struct err *e);

/* Writes inode, directory, fragment, export, id and xattr tables and the superblock.  Inodes with `bytes` are
 * written here if they were not before; a regular file whose content never came is an error (-EINVAL) unless
 * it is empty. *ret_size_bytes: length of the image, a multiple of 4096.  After a failure before or in here,
 * neither the writer nor the tree can be used for another try. */
int squashfs_writer_finish(struct squashfs_writer *w, struct tree *tree, uint64_t *ret_size_bytes,
                           struct err *e);
