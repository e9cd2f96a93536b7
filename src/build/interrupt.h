/* interrupt: SIGINT, SIGTERM and SIGHUP while there is something to clean up.
 *
 * Without a watch these signals end the process as ever.  During a watch they are remembered, and the loops
 * that move bytes ask; a second one ends the process at once.
 */
#pragma once

#include <stdbool.h>

void interrupt_watch(void);
void interrupt_release(void);

/* Whether one came during the watch. */
bool interrupt_pending(void);
