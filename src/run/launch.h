/* launch: carries a plan out.
 *
 * Without a pid namespace there is one process from the caller's command line to the program:
 *
 *      apptainer: leave namespaces, session, image, mounts, new root, directory, privileges, execve(program)
 *
 * With one (init.h):
 *
 *      apptainer ── fork ── appinit: the same up to the directory and privileges ── fork ── execve(program)
 *
 * Whichever process fails says so: launch() returns there with a negative errno, and the caller ends that
 * process as any failed command.
 */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "run/data_images.h"
#include "run/fuse_mounts.h"
#include "run/plan.h"
#include "run/rootfs_source.h"

struct launch_request {
        const struct plan *plan;
        struct rootfs_source *source;                          /* opened */
        const struct rootfs_source_settings *overlay_settings; /* for the plan's overlays */
        struct data_images *data;                              /* opened: the plan's images */
        struct fuse_mounts *fuses; /* empty; filled by the launch, done by the caller */

        /* Becomes the program; inside the container, without privileges.  cwd: as the user names it.  Returns
         * an exit status when there is nothing to become, or a negative errno. */
        int (*become)(void *user, const char *cwd, struct err *e);
        void *user;
};

/* Exit status of this process, or a negative errno. */
int launch(const struct launch_request *request, const struct notes *notes, struct err *e);
