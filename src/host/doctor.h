/* doctor: what this machine gives to containers, found out by trying.
 *
 * Every check does in a child process what a start does, so the answer is the kernel's, not a guess from
 * versions and settings; where it fails, reason.h tells why.  Nothing is left behind.  Checks take a few
 * milliseconds each.
 *
 *      doctor.c           findings, the order of the checks
 *      doctor_kernel.c    namespaces, FUSE, overlay, system calls, copying between processes
 *      doctor_places.c    directories: file system, space, noexec, overlay upper
 *      doctor_programs.c  subordinate ids, helper programs, cgroups, GPUs
 *
 * Codes are stable: scripts and documentation name them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

enum finding_state {
        FINDING_OK,
        FINDING_LIMITED, /* works, but not all of it */
        FINDING_MISSING,
};

struct finding {
        const char *code; /* static: "USERNS" */
        enum finding_state state;
        bool essential;    /* without it no container starts */
        char *what;        /* owned, as all texts: what was looked at */
        char *found;       /* what was seen */
        char *consequence; /* empty with FINDING_OK */
        char *remedy;      /* empty with FINDING_OK, or when there is nothing to be done */
};

struct findings {
        struct finding *at; /* owned */
        size_t n, room;
};

#define FINDINGS_INIT                                                                                        \
        {                                                                                                    \
                .at = NULL                                                                                   \
        }

struct doctor_places {
        const char *temporary; /* APPTAINER_TMPDIR or what stands for it */
        const char *cache;     /* may not exist yet */
        const char *home;
        const char *current;
};

/* places: NULL entries are left out. */
void doctor_examine(struct findings *findings, const struct doctor_places *places);
void findings_done(struct findings *findings);
#define _cleanup_findings_ __attribute__((cleanup(findings_done)))

/* The worst of what is essential. */
enum finding_state findings_state(const struct findings *findings);
const char *finding_state_name(enum finding_state state); /* "ok", "limited", "missing" */
