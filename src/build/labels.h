/* labels: what a build writes into labels.json by itself (spec image-formats.md, 2.5; build.md, 5.1). */
#pragma once

#include "base/json.h"
#include "build/epoch.h"
#include "build/spec.h"

/* Sets the generated labels; others stay.  architecture: Go's name, that of --arch or this machine's; variant
 * may be NULL. */
void labels_generate(json_t *labels, const struct spec *spec, const struct epoch *epoch,
                     const char *architecture, const char *variant);

/* "Monday_23_November_2026_16:46:3_UTC": English, no zeros in front; in UTC when the epoch is fixed, else
 * local time. */
void labels_format_date(const struct epoch *epoch, struct text *out);
/* RFC 3339 of the same instant. */
void labels_format_created(const struct epoch *epoch, struct text *out);
