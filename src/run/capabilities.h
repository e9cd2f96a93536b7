/* capabilities: their names, as in capabilities(7).
 *
 * Sets are by number, one bit each, as in linux/capability.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All that have a name. */
#define CAPABILITIES_NAMED ((UINT64_C(1) << 41) - 1)

/* "CAP_NET_RAW", "net_raw" or "all", in any case; false: there is none of that name. */
bool capabilities_find(const char *name, uint64_t *ret);

/* "CAP_NET_RAW"; NULL: it has no name. */
const char *capabilities_name(unsigned number);
