/* merge: layers applied to a tree, lowest first, with the exact rules of the reference unpacker.
 *
 * The rules are those of spec image-formats.md, 5.2 (umoci 0.6's TarExtractor, on which the OCI image layer
 * specification is silent in most corners).  In short, for every entry in turn:
 *
 * 1. The parents of its path are followed through symbolic links as the tree is at that moment, confined to
 * the root; missing ones are made (0775, root, with the entry's time), a parent that is no directory is
 * replaced.
 * 2. What is there is removed with all below it, unless it and the entry are directories; its last component
 *    is never followed.
 * 3. ".wh.NAME" removes NAME, ".wh..wh..opq" all children of its directory; paths that this layer has
 * touched, and their ancestors, stay.
 * 4. A hard link shares the inode of its target, which must be there.
 * 5. Adding and removing children leaves a directory's own metadata alone.
 *
 * Differences: the attributes security.selinux and system.nfs4_acl are left out, as there; the names "user.*"
 * are ordinary ones, since owners are kept exactly and need no emulation.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
#include "image/tree.h"
#include "oci/layer_list.h"

/* Links that are followed on the way to one entry.  The reference has 255; a path through more than the
 * kernel's 40 (path_resolution(7)) could not be opened anyway, but a later layer may shorten it. */
#define MERGE_LINKS_MAX 255
/* Components met on that way, those of link targets included: keeps hostile links from taking hours. */
#define MERGE_STEPS_MAX 65536
/* Names in the whole tree. */
#define MERGE_NODES_MAX ((size_t) 1 << 24)

/* Applies one layer.  index: of the layer, lowest is 0; recorded in the nodes and inodes.  Layers are applied
 * in order, the first one to a tree without anything but its root.  `what` names the layer in errors. */
int merge_layer(struct tree *t, const struct layer_list *list, uint32_t index, const char *what,
                const struct notes *notes, struct err *e);
