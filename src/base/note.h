/* note: how a room below cmd tells the user something that is not a failure.
 *
 * Rooms never print; they are handed a `struct notes` and say what happened with its level.  The command
 * decides what becomes of it (src/cmd prints it through log.h; tests collect it).
 */
#pragma once

#include "base/log.h"

struct notes {
        void (*say)(enum log_level level, const char *text, void *user);
        void *user;
};

/* `n` may be NULL: nothing is said. */
void note(const struct notes *n, enum log_level level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
