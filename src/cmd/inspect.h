/* inspect: what an image says about itself; shared by `inspect` and `run-help`.
 *
 * The data is one JSON object, "attributes", with the members apps, environment, labels, runscript, test,
 * helpfile, deffile, startscript (spec image-formats.md 2.3).  A SIF carries it beside its partition; for a
 * directory, and for an image without it, it is gathered from the files of /.singularity.d and /scif
 * (inspect_files.h).
 *
 * Order of calls: inspect_load(), inspect_select(), then one of the two that print.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "base/text.h"

struct inspect_options {
        bool all, deffile, environment, helpfile, json, labels, list_apps, runscript, startscript, test;
        const char *app;
};

struct run_help_options {
        const char *app;
};

/* -ENOSYS: the files lie in a squashfs that this executable cannot read; the other one can. */
int inspect_load(const char *path, json_t **ret_attributes, const struct notes *notes, struct err *e);

/* What was asked for, in the order of the output.  The caller owns the reference. */
json_t *inspect_select(const struct inspect_options *options, json_t *attributes);

void inspect_print_json(json_t *selected, struct text *out);
void inspect_print_plain(const struct inspect_options *options, json_t *selected, struct text *out);
