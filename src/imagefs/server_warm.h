/* server_warm: what nearly every program needs first is decoded while the first container is being set up:
 * what the start itself reads, the shell, the dynamic linker and the C library.  A thread of its own, which
 * ends when it is done; none on one processor, where it would only be in the way.
 */
#pragma once

#include "image/squashfs_reader.h"
#include "imagefs/server_data.h"

/* data, reader: borrowed for the life of the process.  Failing to start costs speed only. */
void warm_start(struct data *data, const struct squashfs_reader *reader, unsigned n_processors);

/* The file behind a path, links followed inside the image; -ENOENT, -ELOOP. */
int warm_find(struct squashfs_reader *reader, const char *path, uint64_t *ret_reference);
