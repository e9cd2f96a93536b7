/* metadata: /.singularity.d, what every image carries about itself (spec image-formats.md, section 4.1-4.5;
 * build.md 5.3).
 *
 * Content is made as text and put into a tree; nothing is written to the host.  Paths inside the tree are
 * resolved with links confined to its root, and links planted where our files go are replaced.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "image/tree.h"

/* Makes the base environment: directories, links, action and environment scripts, default runscript.
 * overwrite: OCI and bootstrap sources; otherwise existing files keep their content and only get their mode.
 */
int metadata_put_base(struct tree *t, bool overwrite, struct err *e);

/* From the OCI config's inner "config" object (may be NULL): environment script, runscript. */
int metadata_put_oci(struct tree *t, const json_t *config, struct err *e);

/* 10-docker2singularity.sh of Env, and the OCI runscript of Entrypoint and Cmd, as text (4.4, 4.5). */
void metadata_oci_environment(const json_t *env, struct text *out);
void metadata_oci_runscript(const json_t *entrypoint, const json_t *cmd, struct text *out);
