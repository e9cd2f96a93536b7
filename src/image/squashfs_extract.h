/* squashfs_extract: a squashfs unpacked into a directory, for machines where it cannot be mounted.
 *
 * The directory must be empty and closed to others while this runs.  Nothing outside it is touched, whatever
 * the image says: names come checked from the reader, links are never followed, a name that occurs twice is
 * an error.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "image/squashfs_reader.h"

/* Whose the result is. */
enum squashfs_extract_as {
        SQUASHFS_EXTRACT_CALLER, /* all belongs to the caller: no owners, no devices (they become empty
                                    files), no set-id bits, attributes of user. alone */
        SQUASHFS_EXTRACT_EXACT,  /* as in the image; for root */
};

/* directory: borrowed.  Modes, times, holes and hard links are kept.  After a failure (-ENOSPC, -EBADMSG, …)
 * the caller removes what is there. */
int squashfs_extract(struct squashfs_reader *r, int directory, enum squashfs_extract_as as, struct err *e);
