/* root: from a session and an image to the container's "/".
 *
 * Runs in the container's own mount namespace.  Order: the entries of the plan, the layer of mount points and
 * the image together, then the plan's mounts one by one.  See plan.h and layer.h for the rules.
 */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "run/data_images.h"
#include "run/fuse_mounts.h"
#include "run/overlay.h"
#include "run/plan.h"
#include "run/session.h"

/* image: descriptor of the image's root, mounted in the session; stack: what lies over it, mounted, as is
 * data. *ret: descriptor of the finished root. */
int root_assemble(const struct plan *plan, const struct session *session, int image,
                  struct overlay_stack *stack, const struct data_images *data,
                  const struct fuse_mounts *fuses, const struct notes *notes, int *ret, struct err *e);

/* Makes it "/" of this mount namespace and lets go of the host's. */
int root_enter(int root, struct err *e);

/* Enters the plan's working directory (spec runtime.md, 2.6); without it, HOME or "/" with a WARNING. *ret:
 * where we are, as the user names it; borrowed from the plan or static. */
int root_chdir(const struct plan *plan, const struct notes *notes, const char **ret, struct err *e);
