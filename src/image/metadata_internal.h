/* metadata_internal: shared by the files of the metadata module only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/tree.h"

/* A file of the base environment. */
struct metadata_script {
        const char *dir;  /* below /.singularity.d; "" for that itself */
        const char *name; /* in it */
        const char *content;
};
extern const struct metadata_script metadata_scripts[];
extern const size_t n_metadata_scripts;

/* The directory /.singularity.d/NAME ("" for the directory itself), made when missing.  What is there and
 * neither a directory nor a link to one inside the image is replaced; replace_links: links are replaced too.
 */
int metadata_directory(struct tree *t, const char *name, bool replace_links, int64_t mtime,
                       struct tree_node **ret, struct err *e);

/* Makes or replaces dir/name, whatever it was, as a regular file of our own with `mode` and `content`. */
struct tree_node *metadata_file(struct tree *t, struct tree_node *dir, const char *name, mode_t mode,
                                const char *content, size_t size, int64_t mtime);
