/* build: an image from something that lies on disk.
 *
 * Source -> tree in memory -> metadata put into it -> SIF or sandbox, the files' bytes passing straight from
 * where they are into the target.  Nothing else is written anywhere; the target appears whole or not at all.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/note.h"
#include "build/target.h"

struct build_request {
        const char *target;                 /* as typed */
        const char *source;                 /* as typed */
        bool sandbox;                       /* a directory instead of a SIF */
        bool replace;                       /* what is at the target may be replaced */
        bool data;                          /* a SIF with a data partition, a copy of a squashfs file */
        bool fix_perms;                     /* the owner may read and write everything */
        bool reproducible;                  /* times of the source instead of now */
        const char *architecture, *variant; /* NULL: this machine's */
        const char *mksquashfs_args;        /* may be NULL */
};

/* Whether the target can be made, before anything else; see target.h. */
int build_look(const struct build_request *q, enum target_state *ret, struct err *e);

/* -EINTR: stopped by a signal, everything cleaned up. */
int build_image(const struct build_request *q, const struct notes *notes, struct err *e);
