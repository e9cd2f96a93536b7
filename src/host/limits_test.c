#include "base/test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "host/limits.h"

#define GIB ((uint64_t) 1 << 30)

struct file {
        const char *path, *text;
};

#define EIGHT_CPUS "Name:\tx\nCpus_allowed:\t00000000,000000ff\nCpus_allowed_list:\t0-7\n"
#define EIGHT_GIB  "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\n"
#define NODE                                                                                                 \
        { "proc/self/status", EIGHT_CPUS },                                                                  \
        {                                                                                                    \
                "proc/meminfo", EIGHT_GIB                                                                    \
        }
#define UNIFIED "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define CG      "sys/fs/cgroup"

static const struct machine {
        const char *name;
        unsigned n_cpus;
        uint64_t memory;
        struct file files[16];
} machines[] = {
        { "nothing to read", 1, UINT64_MAX, { { NULL } } },
        { "garbage",
          1,
          UINT64_MAX,
          { { "proc/self/status", "x\nCpus_allowed:\tzz\n" },
            { "proc/self/cgroup", "::\n0\n:\n0:\n" },
            { "proc/self/mountinfo", "1 2\n- - - - - - - cgroup2\n\n" },
            { "proc/meminfo", "MemAvailable: x" } } },
        { "no cgroups", 8, 8 * GIB, { NODE } },
        { "more than 1024 processors",
          1088,
          8 * GIB,
          { { "proc/meminfo", EIGHT_GIB },
            { "proc/self/status", "a\nCpus_allowed:\tffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,"
                                  "ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,"
                                  "ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,"
                                  "ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,ffffffff,"
                                  "ffffffff,ffffffff,ffffffff,ffffffff\n" } } },
        { "unified, no limits",
          8,
          8 * GIB,
          { NODE,
            { "proc/self/cgroup", "0::/user.slice\n" },
            { "proc/self/mountinfo", UNIFIED },
            { CG "/user.slice/cpu.max", "max 100000\n" },
            { CG "/user.slice/memory.max", "max\n" } } },
        { "unified, a part of a processor",
          2,
          8 * GIB,
          { NODE,
            { "proc/self/cgroup", "0::/a/b\n" },
            { "proc/self/mountinfo", UNIFIED },
            { CG "/a/b/cpu.max", "150000 100000\n" },
            { CG "/a/cpu.max", "700000 100000\n" } } },
        { "unified, the group above is tighter",
          1,
          2 * GIB,
          { NODE,
            { "proc/self/cgroup", "0::/a/b/c\n" },
            { "proc/self/mountinfo", UNIFIED },
            { CG "/a/b/c/cpu.max", "max 100000\n" },
            { CG "/a/cpu.max", "50000 100000\n" },
            { CG "/a/b/memory.max", "3221225472\n" },
            { CG "/a/b/memory.current", "2147483648\n" },
            { CG "/a/b/memory.stat", "anon 5\nfile 7\ninactive_file 536870912\nactive_file 536870912\n" },
            { CG "/a/b/c/memory.max", "max\n" } } },
        { "unified, high below max",
          8,
          GIB,
          { NODE,
            { "proc/self/cgroup", "0::/a\n" },
            { "proc/self/mountinfo", UNIFIED },
            { CG "/a/memory.max", "4294967296\n" },
            { CG "/a/memory.high", "1073741824\n" },
            { CG "/a/memory.current", "0\n" } } },
        { "unified, all used up",
          8,
          0,
          { NODE,
            { "proc/self/cgroup", "0::/a\n" },
            { "proc/self/mountinfo", UNIFIED },
            { CG "/a/memory.max", "1073741824\n" },
            { CG "/a/memory.current", "2147483648\n" } } },
        { "slurm on separate hierarchies",
          3,
          4 * GIB,
          { NODE,
            { "proc/self/cgroup",
              "7:cpu,cpuacct:/slurm/job_1\n4:memory:/slurm/job_1/step_0\n1:name=systemd:/\n" },
            { "proc/self/mountinfo", "31 30 0:28 / "
                                     "/sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                                     "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" },
            { CG "/cpu,cpuacct/slurm/job_1/cpu.cfs_quota_us", "300000\n" },
            { CG "/cpu,cpuacct/slurm/job_1/cpu.cfs_period_us", "100000\n" },
            { CG "/cpu,cpuacct/slurm/cpu.cfs_quota_us", "-1\n" },
            { CG "/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n" },
            { CG "/memory/slurm/job_1/memory.limit_in_bytes", "5368709120\n" },
            { CG "/memory/slurm/job_1/memory.usage_in_bytes", "2147483648\n" },
            { CG "/memory/slurm/job_1/memory.stat",
              "cache 9\ninactive_file 9\ntotal_inactive_file 1073741824\n" },
            { CG "/memory/slurm/job_1/step_0/memory.limit_in_bytes", "9223372036854771712\n" },
            { CG "/memory/slurm/job_1/step_0/memory.usage_in_bytes", "1\n" } } },
        { "in a container: the mount shows the own group only",
          2,
          8 * GIB,
          { NODE,
            { "proc/self/cgroup", "3:cpu:/docker/abc\n" },
            { "proc/self/mountinfo",
              "31 30 0:28 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" },
            { CG "/cpu/cpu.cfs_quota_us", "200000\n" },
            { CG "/cpu/cpu.cfs_period_us", "100000\n" } } },
        { "a group outside of the namespace",
          4,
          8 * GIB,
          { NODE,
            { "proc/self/cgroup", "0::/../../other\n" },
            { "proc/self/mountinfo", UNIFIED },
            { CG "/cpu.max", "400000 100000\n" } } },
        { "a blank in the mount point",
          2,
          8 * GIB,
          { NODE,
            { "proc/self/cgroup", "0::/a\n" },
            { "proc/self/mountinfo", "29 23 0:26 / /mnt/c\\040g rw - cgroup2 none rw\n" },
            { "mnt/c g/a/cpu.max", "200000 100000\n" } } },
};

static void make_file(const char *top, const struct file *file)
{
        _cleanup_free_ char *path = text_format("%s/%s", top, file->path);
        FILE *out;

        for (char *at = path + strlen(top) + 1; (at = strchr(at, '/')); *at++ = '/') {
                *at = '\0';
                mkdir(path, 0755);
        }
        out = fopen(path, "w");
        assert_non_null(out);
        fputs(file->text, out);
        fclose(out);
}

static void test_machines(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
                const struct machine *m = &machines[i];
                char top[] = "/tmp/limits-test.XXXXXX", command[64];
                _cleanup_close_ int root = -EBADF;

                assert_non_null(mkdtemp(top));
                for (const struct file *file = m->files; file->path; file++)
                        make_file(top, file);
                root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (limits_cpus_in(root) != m->n_cpus || limits_memory_in(root) != m->memory)
                        fail_msg("%s: %u processors, %llu bytes", m->name, limits_cpus_in(root),
                                 (unsigned long long) limits_memory_in(root));
                snprintf(command, sizeof(command), "rm -rf %s", top);
                assert_int_equal(system(command), 0);
        }
}

/* On this machine, whatever it is: within the affinity mask, which follows sched_setaffinity(). */
static void test_here(void **state)
{
        cpu_set_t set;

        (void) state;
        assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
        assert_in_range(limits_cpus(), 1, CPU_COUNT(&set));
        assert_true(limits_memory() > 0);
        for (size_t i = 0, n = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &set) && n++ > 0)
                        CPU_CLR(i, &set);
        assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
        assert_int_equal(limits_cpus(), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_machines),
                cmocka_unit_test(test_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
