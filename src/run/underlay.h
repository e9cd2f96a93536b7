/* underlay: the container's root where overlayfs is not to be had.
 *
 * For every directory that has a missing mount point in it, a directory in the session with the mount points
 * made and all other entries of the image's directory bound (links are copied).  The rest of the image is
 * bound whole, so that few mounts do: one per entry of the directories on the way.
 */
#pragma once

#include "base/err.h"

/* Directories with more entries than this are not worth as many mounts, and would exhaust
 * fs.mount-max (100000). */
#define UNDERLAY_ENTRIES_MAX 20000

/* points: the skeleton of missing mount points.  *ret: descriptor of the mounted root. */
int underlay_mount(int session, int image, int points, int *ret, struct err *e);
