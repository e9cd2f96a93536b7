/* report: the one place where a failure becomes a line, a hint and an exit status. */
#pragma once

#include "base/err.h"
#include "base/note.h"
#include "cli/cli.h"

/* Exit statuses of our own (spec cli.md, 1.9); everything else is the program's in the container. */
enum {
        EXIT_OK = 0,
        EXIT_USAGE = 1,
        EXIT_FATAL = 255,
};

/* "FATAL:   text" and, when there is a hint, an ERROR line with it (so that -q and -s keep it).  Text from
 * outside loses its control characters. Returns EXIT_FATAL. */
int report_fatal(const struct err *e);

/* For commands whose failures are told like usage errors: `Error for command "list": text` and the hint on
 * stderr, the usage on stdout.  Returns EXIT_USAGE. */
int report_usage(const struct cli_call *call, const struct err *e);
/* The same without the usage, for commands whose standard output is somebody's data. */
int report_failure(const struct cli_call *call, const struct err *e);

/* Prints notes of the rooms through the log. */
extern const struct notes report_notes;
