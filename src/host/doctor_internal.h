/* What the files of the doctor share; for nobody else. */
#pragma once

#include <sys/types.h>

#include "host/doctor.h"

/* Adds one; texts are copied, NULL is empty. */
struct finding *finding_add(struct findings *findings, const char *code, enum finding_state state,
                            const char *what, const char *found);
void finding_explain(struct finding *f, const char *consequence, const char *remedy);

/* Runs `check` in a child of its own and returns what it returned: 0 or a negative errno.  A child that dies
 * is -EIO. */
int doctor_try(int (*check)(const void *user), const void *user);

/* For children: ends with `parent`, and after some seconds in any case. */
void doctor_die_with(pid_t parent);

/* For checks: enters a user namespace with the caller mapped to itself (not when the caller may mount) and a
 * mount namespace of its own. */
int doctor_enter(void);

void doctor_check_kernel(struct findings *findings);
void doctor_check_places(struct findings *findings, const struct doctor_places *places);
void doctor_check_programs(struct findings *findings);
