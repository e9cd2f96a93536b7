/* session: the memory file system in which a container is assembled.
 *
 *      /.image        the image's root
 *      /.mountpoints  directories and files that the image lacks (layer.h)
 *      /.overlays     what lies over the image (overlay.h), if anything does
 *      /.final        all together: the container's root
 *      /.data/N       images of which something is bound (data_images.h)
 *      /etc /dev /tmp /home …   what the plan's entries make; binds of the plan lead here
 *
 * It is mounted over "/" of the container's own mount namespace: no directory of the host is needed for it,
 * and the host's paths stay what they are until the root is changed.
 */
#pragma once

#include "base/clean.h"
#include "base/err.h"
#include "run/plan.h"

#define SESSION_IMAGE       ".image"
#define SESSION_MOUNTPOINTS ".mountpoints"
#define SESSION_FINAL       ".final"
#define SESSION_UNDERLAY    ".underlay"
#define SESSION_DATA        ".data"
#define SESSION_OVERLAYS    ".overlays"

struct session {
        int fd; /* owned: its root */
};

#define SESSION_INIT                                                                                         \
        {                                                                                                    \
                .fd = -EBADF                                                                                 \
        }

/* Makes and mounts it. */
int session_make(struct session *session, const struct plan *plan, struct err *e);

/* Makes the plan's entries but PLAN_ENTRY_LAYER_LINK.  image: root of the image, for its passwd and group. */
int session_add_entries(const struct session *session, const struct plan *plan, int image, struct err *e);

static inline void session_done(struct session *session)
{
        clean_close(&session->fd);
}
#define _cleanup_session_ __attribute__((cleanup(session_done)))
