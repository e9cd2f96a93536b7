/* epoch: the time that an image says it was made (spec image-formats.md, 1.8).
 *
 * SOURCE_DATE_EPOCH fixes it, so that the same inputs give the same bytes; --reproducible takes it from the
 * source.  Source: reproducible-builds.org, SOURCE_DATE_EPOCH specification.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct epoch {
        bool fixed;      /* reproducible: no random ID, no times of now */
        int64_t seconds; /* since 1970 */
};

/* From SOURCE_DATE_EPOCH, else now.  -EINVAL when the variable is not a number. */
int epoch_init(struct epoch *ret, struct err *e);

/* RFC 3339, "2026-11-24T06:28:55.654588185Z": whole seconds.  -EINVAL for any other form. */
int epoch_parse(const char *text, int64_t *ret);
