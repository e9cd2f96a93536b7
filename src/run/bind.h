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

void bind_list_done(struct bind_list *list);
#define _cleanup_bind_list_ __attribute__((cleanup(bind_list_done)))
