/* seccomp_profile: a filter of system calls from a profile in the JSON of the OCI runtime specification
 * (config-linux.md, "Seccomp") with the additions of Docker and containers/common: archMap, includes,
 * excludes.
 *
 * Whatever would make the filter let more through than the profile says is refused.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A profile is written by people; Docker's has 30 KiB. */
#define SECCOMP_PROFILE_MAX (1u << 20)

struct seccomp_profile {
        void *program;  /* owned: struct sock_filter[] */
        size_t n;       /* instructions */
        unsigned flags; /* of seccomp(2) */
};

#define SECCOMP_PROFILE_INIT                                                                                 \
        {                                                                                                    \
                .program = NULL, .n = 0, .flags = 0                                                          \
        }

/* path: of the host.  capabilities: those of the program, for rules that depend on them. */
int seccomp_profile_load(struct seccomp_profile *profile, const char *path, uint64_t capabilities,
                         struct err *e);

/* For this thread, from now on.  Needs no_new_privs. */
int seccomp_profile_apply(const struct seccomp_profile *profile, struct err *e);

void seccomp_profile_done(struct seccomp_profile *profile);
#define _cleanup_seccomp_profile_ __attribute__((cleanup(seccomp_profile_done)))
