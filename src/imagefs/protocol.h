/* protocol: what a start and its image server say to each other.
 *
 * One SOCK_SEQPACKET connection per start; fixed-size messages of host byte order, since both ends are on one
 * machine.  The version is part of the socket's name, so different builds never meet.
 *
 *      start -> server  hello                            once, first
 *      server -> start  answer [+ descriptors]           once
 *      start -> server  lease + one descriptor           at most once; then either side closes
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "imagefs/imagefs.h"

#define IMAGEFS_PROTOCOL 1

/* Descriptors that the server is started with.  SOCKET is the listening socket, or with "private" one
 * connected to the only start that it serves. */
#define IMAGEFS_FD_SOCKET 3
#define IMAGEFS_FD_IMAGE  4

/* A server stays no longer than this without a container: an hour is already more than a queue of jobs wants.
 */
#define IMAGEFS_LINGER_MAX_S 86400U

#define IMAGEFS_HELLO  0x6f6c6548U /* "Helo" */
#define IMAGEFS_ANSWER 0x72736e41U /* "Ansr" */
#define IMAGEFS_LEASE  0x7361654cU /* "Leas" */

struct imagefs_hello {
        uint32_t kind; /* IMAGEFS_HELLO */
        uint32_t linger_s;
};

/* With code 0 come two descriptors: [user namespace, mount] or, with `by_namespace`, [user namespace, mount
 * namespace]; with `no_userns` the first is left out. */
struct imagefs_answer {
        uint32_t kind; /* IMAGEFS_ANSWER */
        int32_t code;  /* 0, or the negative errno that text and hint are about */
        uint32_t by_namespace;
        uint32_t no_userns;
        char mount_path[64];
        char text[768];
        char hint[256];
};

struct imagefs_lease_message {
        uint32_t kind; /* IMAGEFS_LEASE */
        uint32_t unused;
};

/* Checks what came from the other end; -EBADMSG when it is not such a message.  `answer` texts get
 * terminated.
 */
int imagefs_hello_check(const void *bytes, size_t size, struct imagefs_hello *ret);
int imagefs_lease_check(const void *bytes, size_t size, size_t n_fds);
int imagefs_answer_check(struct imagefs_answer *answer, size_t size, size_t n_fds);
