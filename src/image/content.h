/* content: the bytes of regular files on their way from a source into a new image or directory.
 *
 * A source (layers, a directory, a squashfs) knows the cheapest order in which its files can be read; a sink
 * (the squashfs writer, a sandbox directory, a reader of small files) knows what becomes of them.  For every
 * regular file of the tree with content, once per inode, the source calls begin, data any number of times
 * with no more than size_bytes in all, and end.
 *
 * Inodes that hold their content in memory (tree_inode.bytes) are not the source's any more: it passes them
 * over.  The inodes' `marked` and `writer` belong to sinks: a source leaves them alone.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "image/tree.h"

/* begin() says this instead of 0 when it does not want the file: data() and end() are not called for it. */
#define CONTENT_SKIP 1

/* A negative result of any of the three ends the source's work at once and is its result, unchanged and
 * without further context. */
struct content_sink {
        int (*begin)(void *user, struct tree_inode *inode, struct err *e);
        int (*data)(void *user, const void *bytes, size_t size, struct err *e);
        int (*end)(void *user, struct err *e);
        void *user;
};
