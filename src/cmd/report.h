/* report: the one place where a failure becomes a line, a hint and an exit status. */
#pragma once

#include "base/err.h"
#include "base/note.h"

/* Exit statuses of our own (spec cli.md, 1.9); everything else is the program's in the container. */
enum {
        EXIT_OK = 0,
        EXIT_USAGE = 1,
        EXIT_FATAL = 255,
};

/* "FATAL:   text" and, when there is a hint, an ERROR line with it (so that -q and -s keep it).  Text from
 * outside loses its control characters. Returns EXIT_FATAL. */
int report_fatal(const struct err *e);

/* Prints notes of the rooms through the log. */
extern const struct notes report_notes;
