/* progress: one line on a terminal about long work: bytes, rate, time left.
 *
 * Shown on stderr only when that is a terminal and the log level is at least LOG_INFO; otherwise every call
 * is a no-op. Threads may call progress_add() at the same time; drawing happens at most ten times a second.
 */
#pragma once

#include <stdint.h>

struct progress;

/* total_bytes 0: unknown, then no bar and no time left.  `label` is copied. */
struct progress *progress_new(const char *label, uint64_t total_bytes);
void progress_add(struct progress *p, uint64_t bytes); /* p may be NULL */
/* Clears the line and frees. */
void progress_free(struct progress *p);

static inline void clean_progress(struct progress **p)
{
        progress_free(*p);
}
#define _cleanup_progress_ __attribute__((cleanup(clean_progress)))
