/* overlay: the layers that a start lays over its image, each mounted in the session.
 *
 *      /.overlays/0 1 …    those of --overlay and of the image, lowest first
 *      /.overlays/memory   what --writable-tmpfs writes into
 *
 * A layer that is written is a directory of two: upper/, which holds the files, and work/ for overlayfs.  One
 * that is only read is its upper/, or all of it where there is none (spec runtime.md, 4.2; image-formats.md,
 * 3.7).
 *
 * Order of calls: overlay_open() in the container's user namespace, but before its pid namespace, since
 * servers are started there; overlay_mount() in its mount namespace; layer_mount() (layer.h) makes one root
 * of them all.
 */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "base/text.h"
#include "run/fuse_program.h"
#include "run/plan.h"
#include "run/rootfs_source.h"
#include "run/session.h"

struct overlay_stack {
        struct rootfs_source *sources; /* owned: one per overlay of the plan */
        size_t n_sources;
        struct text lower; /* paths in the session, each with ':' behind it, highest first */
        char *upper;       /* owned: path in the session of the directory of upper/ and work/; NULL: none */
        char *program;     /* owned: path of fuse-overlayfs where it may be needed; NULL: none */
        struct fuse_program keeper; /* waits to run it */
        bool userxattr;             /* a user namespace's overlayfs keeps its notes in user.* attributes */
};

#define OVERLAY_STACK_INIT                                                                                   \
        {                                                                                                    \
                .sources = NULL, .keeper = FUSE_PROGRAM_INIT                                                 \
        }

int overlay_open(struct overlay_stack *stack, const struct plan *plan,
                 const struct rootfs_source_settings *settings, const struct notes *notes, struct err *e);
int overlay_mount(struct overlay_stack *stack, const struct plan *plan, const struct session *session,
                  struct err *e);

/* Anything beside the image and the missing mount points. */
bool overlay_any(const struct overlay_stack *stack);

void overlay_done(struct overlay_stack *stack);
