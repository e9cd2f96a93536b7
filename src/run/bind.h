/* bind: what --bind, APPTAINER_BIND and APPTAINER_BINDPATH say, as data.
 *
 *      argument = item *( "," item )
 *      item     = source [ ":" target [ ":" option *( "," option ) ] ]
 *      option   = "ro" | "rw" | "image-src=" path | "id=" number
 *
 * The grammar is that of the original with its accidents (spec runtime.md, 3.12), because scripts rely on
 * them:
 *   - tokens are runs of bytes other than "," ":" and "^", each with at most one ":" behind it, so that empty
 *     items vanish and "a::b" is "a:b";
 *   - an option counts as one only right behind "source:target:" or another option; "source:target,ro" has a
 *     target named "target,ro", and a word that is no option starts a new item;
 *   - "\," and "\:" stand for the byte itself in a source, one of them per item; what follows an escaped
 * source that has no target is lost.
 *
 * And what --mount and APPTAINER_MOUNT say: one CSV record (RFC 4180) a line, each a bind of its own.
 *
 *      type=bind             may be left out; there is no other type
 *      source=, src=         a path of the host
 *      destination=, dst=, target=   an absolute path of the container
 *      ro, readonly          also with =true or =false
 *      image-src=, id=       as above
 *      nonested              not for containers inside: left out of APPTAINER_BIND
 *
 * Errors say at which character of the argument the mistake is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* No command line reaches this; it bounds what a crafted variable can cost. */
#define BIND_MAX 10000

struct bind {
        char *source; /* as written, may be relative */
        char *target; /* absolute; the source where none was given */
        bool readonly;
        char *image_source; /* image-src=, NULL when not given */
        char *image_id;     /* id= */
        bool nonested;
};

struct bind_list {
        struct bind *at;
        size_t n;
        size_t room;
};

#define BIND_LIST_INIT                                                                                       \
        {                                                                                                    \
                .at = NULL, .n = 0, .room = 0                                                                \
        }

/* Adds the items of one argument.  Text that is wrong is refused with its reason. */
int bind_parse(struct bind_list *list, const char *argument, struct err *e);
/* The same for an argument of --mount. */
int bind_parse_mount(struct bind_list *list, const char *argument, struct err *e);

/* Takes what `bind` owns; -E2BIG, with nothing taken, beyond BIND_MAX. */
int bind_list_take(struct bind_list *list, struct bind *bind, struct err *e);
void bind_done(struct bind *bind);

void bind_list_done(struct bind_list *list);
#define _cleanup_bind_list_ __attribute__((cleanup(bind_list_done)))
