/* limits: processors and memory that this process may use, as its cgroups and affinity mask say; never the
 * size of the node.
 *
 * A cgroup is bounded by its own limits and those of all above it, as far as they are mounted here: inside a
 * container the mount's top is the container's own group.
 *
 * Sources: proc(5) (status: Cpus_allowed, cgroup, mountinfo, meminfo); kernel Documentation/admin-guide/
 * cgroup-v2.rst (cpu.max, memory.max, memory.high, memory.current, memory.stat) and cgroup-v1/memory.rst;
 * Documentation/scheduler/sched-bwc.rst (cpu.cfs_quota_us, cpu.cfs_period_us).
 */
#pragma once

#include <stdint.h>

/* Processors: the least of the affinity mask and the quotas, a part of one counted as one; at least 1. */
unsigned limits_cpus(void);

/* Bytes that can still be taken without pushing anything out but page cache: the least of MemAvailable and
 * what the memory cgroups leave.  UINT64_MAX when nothing is known. */
uint64_t limits_memory(void);

/* The same with `root` in the place of "/", so that a dump of another machine's files can be read. */
unsigned limits_cpus_in(int root);
uint64_t limits_memory_in(int root);
