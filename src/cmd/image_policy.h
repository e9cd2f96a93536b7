/* image_policy: which images the site lets its users start.
 *
 * "allow container …" and "limit container owners|groups|paths" of apptainer.conf (spec runtime.md, 9.1);
 * root may start any.  Paths are compared by components of resolved paths, owners by the status of the opened
 * image.
 */
#pragma once

#include "base/err.h"
#include "config/config.h"
#include "image/image.h"

int image_policy_check(const struct image *image, const struct config *config, struct err *e);
