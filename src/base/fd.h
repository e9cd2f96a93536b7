/* fd: descriptors, and files reached through them.
 *
 * Every descriptor is born O_CLOEXEC.  What an image or a user names is opened below a root descriptor by
 * the kernel's rules (fd_open_in); containment is never proved by comparing strings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/clean.h"
#include "base/err.h"

/* Opens `path` under `root` so that "..", absolute links and magic links cannot lead out of it; an absolute
 * `path` starts at `root` too.  Returns a new descriptor the caller closes, or a negative errno.
 * Source: openat2(2) RESOLVE_IN_ROOT, Linux 5.6; older kernels: a walk by descriptors with the same result.
 */
int fd_open_in(int root, const char *path, int flags, mode_t mode);

/* The walk that fd_open_in() falls back to; separate so that tests reach it on any kernel. */
int fd_open_in_walk(int root, const char *path, int flags, mode_t mode);

/* Makes `path` and its missing parents as directories under `root` without leaving it.  0 or negative errno.
 */
int fd_mkdir_in(int root, const char *path, mode_t mode);

/* Opens again what an O_PATH descriptor names, through /proc/self/fd. */
int fd_reopen(int fd, int flags);

/* Reads to the end, at most `limit` bytes: -E2BIG when there is more.  A terminator is put behind the bytes;
 * *ret_size may be NULL.  The caller frees *ret. */
int fd_read_all(int fd, size_t limit, char **ret, size_t *ret_size);
/* The same for a path under `dir` (AT_FDCWD allowed). */
int fd_read_file(int dir, const char *path, size_t limit, char **ret, size_t *ret_size);

/* Writes everything, going on after short writes and EINTR.  0 or negative errno. */
int fd_write_all(int fd, const void *bytes, size_t size);
int fd_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset);
/* Reads exactly `size` bytes at `offset`; -EBADMSG when the file ends before. */
int fd_pread_all(int fd, void *bytes, size_t size, uint64_t offset);

/* Copies `size` bytes between files, sharing blocks where the file system can (copy_file_range), never more
 * than asked.  -EBADMSG when the source ends before.  Offsets are absolute. */
int fd_copy(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t size);

/* A copy from 3 up, O_CLOEXEC, so that 0-2 are never taken by accident. */
int fd_dup_high(int fd);

/* Opens /dev/null on those of 0-2 that are closed, so that later files do not land there. */
int fd_fill_standard(void);

/* Sends / receives up to 4 descriptors with a small message over a connected unix socket (SEQPACKET or
 * STREAM). Returns the bytes of the message, 0 at the end of the stream, or a negative errno; received
 * descriptors are O_CLOEXEC and *n_fds says how many came. */
#define FD_SEND_MAX 4
ssize_t fd_send(int socket, const void *bytes, size_t size, const int *fds, size_t n_fds);
ssize_t fd_receive(int socket, void *bytes, size_t size, int *fds, size_t *n_fds);
