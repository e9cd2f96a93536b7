/* sandbox: a tree written out as a directory.
 *
 * Order of calls: init, skeleton, then the source's content into sandbox_sink(), finish, done.  Everything is
 * made by descriptor-relative calls below one directory that nobody else can enter, and no link is ever
 * followed.
 *
 * As root, owners, devices and all attributes are the image's.  As an ordinary user files belong to that
 * user, other owners are recorded (ownership.h), a device becomes an empty file with a warning (spec
 * image-formats.md, 5.2).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
#include "build/descent.h"
#include "image/content.h"
#include "image/tree.h"

struct sandbox {
        struct tree *tree;
        const struct notes *notes;
        bool rootless;
        bool told_xattrs, told_owner;
        struct descent descent, second;
        /* The file that is being written. */
        struct tree_inode *inode;
        int fd; /* owned */
        uint64_t at;
};

/* root: borrowed; an empty directory, mode 0700. */
void sandbox_init(struct sandbox *s, int root, struct tree *t, const struct notes *notes);
void sandbox_done(struct sandbox *s);

/* Makes all directories. */
int sandbox_skeleton(struct sandbox *s, struct err *e);
struct content_sink sandbox_sink(struct sandbox *s);
/* Makes everything else, then gives the directories their owners, modes and times. */
int sandbox_finish(struct sandbox *s, struct err *e);

#define _cleanup_sandbox_ __attribute__((cleanup(sandbox_done)))
