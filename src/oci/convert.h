/* convert: the layers of an image become one tree, and the bytes of its files go to a sink.
 *
 *   oci_image_merge(image, tree, …)        headers of all layers -> tree; every blob's digest is checked
 *   … the caller adds and replaces files in the tree …
 *   oci_image_content(image, tree, sink, …)  bytes of the files that are still in the tree -> sink
 *
 * Nothing is unpacked: both passes stream the layers from where they are.  Owners, modes, times, devices and
 * extended attributes are kept exactly, whoever runs this.
 *
 * The layers are read twice because what survives is known only when all of them were seen (a later layer may
 * hide a file, through a link that only a lower layer tells of).  In the second pass a layer without
 * surviving content is not read at all, and reading stops behind the last surviving file.
 */
#pragma once

#include <stdint.h>

#include "base/note.h"
#include "base/progress.h"
#include "image/content.h"
#include "image/tree.h"
#include "oci/source.h"

/* tree: as tree_new() made it; useless after a failure.  Layers are read by several threads where there are
 * processors and the source allows it.  Progress: oci_image_size() bytes in all. */
int oci_image_merge(struct oci_image *image, struct tree *tree, const struct notes *notes,
                    struct progress *progress, struct err *e);

/* What oci_image_content() will bring: bytes of all regular files with content in the layers. */
uint64_t oci_content_size(struct tree *tree);

/* Files come in the order in which they lie in the layers, lowest layer first (in a compressed archive: in
 * the order of the archive), so the result does not depend on the number of threads.  -EBADMSG also when a
 * blob has changed since the merge.  Progress: oci_content_size() bytes in all. */
int oci_image_content(struct oci_image *image, struct tree *tree, const struct content_sink *sink,
                      struct progress *progress, struct err *e);
