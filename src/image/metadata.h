/* metadata: /.singularity.d, what every image carries about itself (spec image-formats.md, sections 2.3, 2.4,
 * 4.1-4.5; build.md 5.3).
 *
 * Content is made as text and put into a tree; nothing is written to the host.  Paths inside the tree are
 * resolved with links confined to its root, and links planted where our files go are replaced.
 *
 * Order of calls for a new image: put_base, put_oci (OCI sources); then the source fills `bytes` of what
 * each_file names; put_definition, labels_read, put_labels; inspect.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "base/text.h"
#include "image/tree.h"

#define METADATA_DEFINITION "/.singularity.d/Singularity"
#define METADATA_LABELS     "/.singularity.d/labels.json"

/* A file that is larger is not taken into inspect-metadata.json: it is no script, label list or help text. */
#define METADATA_FILE_MAX ((uint64_t) 4 << 20)

/* Makes the base environment: directories, links, action and environment scripts, default runscript.
 * overwrite: OCI and bootstrap sources; otherwise existing files keep their content and only get their mode.
 * mtime: of what is made. */
int metadata_put_base(struct tree *t, bool overwrite, int64_t mtime, struct err *e);

/* From the OCI config's inner "config" object (may be NULL): environment script, runscript. */
int metadata_put_oci(struct tree *t, const json_t *config, int64_t mtime, struct err *e);

/* Stores the definition; one that is there already, with its content in memory, becomes
 * bootstrap_history/ApptainerN. */
int metadata_put_definition(struct tree *t, const char *definition, int64_t mtime, struct err *e);

/* 10-docker2singularity.sh of Env, and the OCI runscript of Entrypoint and Cmd, as text (4.4, 4.5). */
void metadata_oci_environment(const json_t *env, struct text *out);
void metadata_oci_runscript(const json_t *entrypoint, const json_t *cmd, struct text *out);

/* The SIF object oci-config.json from the same "config" object, NULL for none ("{}"): known members in the
 * original's order (2.4).  -EBADMSG when a member has another type than it must have. */
int metadata_oci_config(const json_t *config, struct text *out, struct err *e);

/* Every regular file whose content metadata_labels_read() or metadata_inspect() need; none of them twice
 * unless it has several names.  Stops at and returns the first nonzero result of visit. */
int metadata_each_file(struct tree *t, int (*visit)(struct tree_inode *file, void *user), void *user);

/* labels.json as an object of strings, an empty one when there is no such file (2.5).  Its content must be in
 * the inode's `bytes`.  -EBADMSG: not an object of strings; the message names the label. */
int metadata_labels_read(struct tree *t, json_t **ret, struct err *e);
int metadata_put_labels(struct tree *t, const json_t *labels, int64_t mtime, struct err *e);

/* The SIF object inspect-metadata.json of the finished tree (2.3).  Broken label files of apps are left out
 * with a warning. */
int metadata_inspect(struct tree *t, const struct notes *notes, struct text *out, struct err *e);
