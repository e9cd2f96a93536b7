#include "host/limits.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/text.h"

#define FILE_SIZE_MOST (4u * 1024u * 1024u) /* mountinfo of a node with tens of thousands of mounts */
#define FIELDS_MOST    64u                  /* of one line */
#define UNLIMITED      UINT64_MAX

/* --- files ---------------------------------------------------------------------------------------------- */

/* A file below the root as text, NULL when it cannot be read. */
static char *read_file(int root, const char *path)
{
        char *text = NULL;

        path += strspn(path, "/");
        return fd_read_file(root, path, FILE_SIZE_MOST, &text, NULL) < 0 ? NULL : text;
}

/* The number at the start of a file below `directory`; UNLIMITED when there is none ("max"). */
static uint64_t read_number(int root, const char *directory, const char *name)
{
        _cleanup_free_ char *path = text_format("%s/%s", directory, name), *text = read_file(root, path);
        uint64_t number;

        if (!text)
                return UNLIMITED;
        text[strcspn(text, " \n")] = '\0';
        return num_u64(text, 10, 0, UINT64_MAX, &number) < 0 ? UNLIMITED : number;
}

/* The number behind `key` at the start of a line, 0 when there is none. */
static uint64_t find_number(const char *text, const char *key)
{
        size_t size = strlen(key);

        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, size) == 0)
                        return strtoull(line + size, NULL, 10);
        }
        return 0;
}

/* --- where the cgroups are --------------------------------------------------------------------------------
 */

/* Cuts a line into fields, in place. */
static size_t split(char *line, const char *separators, char *fields[FIELDS_MOST])
{
        size_t n = 0;
        char *rest;

        for (char *field = strtok_r(line, separators, &rest); field && n < FIELDS_MOST;
             field = strtok_r(NULL, separators, &rest))
                fields[n++] = field;
        return n;
}

/* Whether a list "rw,cpu,cpuacct" has the word. */
static bool list_has(const char *list, const char *word)
{
        size_t size = strlen(word);

        for (const char *at = list; at; at = strchr(at, ',')) {
                at += *at == ',';
                if (strncmp(at, word, size) == 0 && (at[size] == ',' || at[size] == '\0'))
                        return true;
        }
        return false;
}

/* "\040" and the like, as mountinfo writes blanks; in place. */
static void unescape(char *text)
{
        char *to = text;

        for (const char *at = text; *at;) {
                if (at[0] == '\\' && isdigit((unsigned char) at[1]) && isdigit((unsigned char) at[2]) &&
                    isdigit((unsigned char) at[3])) {
                        *to++ = (char) ((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
                        at += 4;
                } else {
                        *to++ = *at++;
                }
        }
        *to = '\0';
}

/* The path of this process in the hierarchy of a controller, NULL the unified one.  "4:memory:/slurm/job_1"
 */
static char *own_path(int root, const char *controller)
{
        _cleanup_free_ char *text = read_file(root, "proc/self/cgroup");
        char *rest;

        for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
             line = strtok_r(NULL, "\n", &rest)) {
                char *controllers = strchr(line, ':'),
                     *path = controllers ? strchr(controllers + 1, ':') : NULL;

                if (!path)
                        continue;
                controllers++;
                *path++ = '\0';
                if (controller ? list_has(controllers, controller) : *controllers == '\0')
                        return text_dup(path);
        }
        return NULL;
}

/* The mount of that hierarchy: what of it is mounted (a path in it) and where.
 * "31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu" */
static bool find_mount(int root, const char *controller, char **ret_top, char **ret_point)
{
        _cleanup_free_ char *text = read_file(root, "proc/self/mountinfo");
        const char *type = controller ? "cgroup" : "cgroup2";
        char *rest;

        for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
             line = strtok_r(NULL, "\n", &rest)) {
                char *fields[FIELDS_MOST];
                size_t n = split(line, " ", fields), dash = 6;

                while (dash < n && strcmp(fields[dash], "-") != 0)
                        dash++;
                if (dash + 3 >= n || strcmp(fields[dash + 1], type) != 0 ||
                    (controller && !list_has(fields[dash + 3], controller)))
                        continue;
                unescape(fields[3]);
                unescape(fields[4]);
                *ret_top = text_dup(fields[3]);
                *ret_point = text_dup(fields[4]);
                return true;
        }
        return false;
}

/* Directories of the own group and all above it that can be seen, innermost first. */
static void list_levels(int root, const char *controller, struct text_list *levels)
{
        _cleanup_free_ char *path = own_path(root, controller), *top = NULL, *point = NULL;
        const char *below;

        if (!path || !find_mount(root, controller, &top, &point))
                return;
        below = path;
        if (strcmp(top, "/") != 0)
                below = text_starts(path, top) ? path + strlen(top) : "";
        if (strstr(below, "/..")) /* the group lies outside of what this cgroup namespace shows */
                below = "";
        for (size_t size = strlen(below); size > 0; size--)
                if (below[size - 1] != '/' && (below[size] == '/' || below[size] == '\0'))
                        text_list_printf(levels, "%s%.*s", point, (int) size, below);
        text_list_add(levels, point);
}

/* --- processors -------------------------------------------------------------------------------------------
 */

/* Bits of "Cpus_allowed:	ff,ffffffff"; 0 when the line is not there. */
static unsigned affinity(int root)
{
        _cleanup_free_ char *text = read_file(root, "proc/self/status");
        const char *at = text ? strstr(text, "\nCpus_allowed:") : NULL;
        unsigned n = 0;

        if (!at)
                return 0;
        at += strlen("\nCpus_allowed:");
        for (; *at && *at != '\n'; at++) {
                const char digit[2] = { *at, '\0' };

                if (isxdigit((unsigned char) *at))
                        n += (unsigned) __builtin_popcountl(strtoul(digit, NULL, 16));
        }
        return n;
}

static uint64_t quota_of(uint64_t quota, uint64_t period)
{
        if (quota == UNLIMITED || period == UNLIMITED || quota == 0 || period == 0)
                return UNLIMITED;
        return quota / period + (quota % period > 0);
}

/* cpu.max: "150000 100000" or "max 100000" */
static uint64_t quota_unified(int root, const char *directory)
{
        _cleanup_free_ char *path = text_format("%s/cpu.max", directory), *text = read_file(root, path);
        char *fields[FIELDS_MOST];
        uint64_t quota, period;

        if (!text || split(text, " \n", fields) != 2 || num_u64(fields[0], 10, 0, UINT64_MAX, &quota) < 0 ||
            num_u64(fields[1], 10, 0, UINT64_MAX, &period) < 0)
                return UNLIMITED;
        return quota_of(quota, period);
}

static uint64_t least(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

unsigned limits_cpus_in(int root)
{
        _cleanup_text_list_ struct text_list unified = TEXT_LIST_INIT, separate = TEXT_LIST_INIT;
        uint64_t n = affinity(root);

        n = n > 0 ? n : 1;
        list_levels(root, NULL, &unified);
        for (size_t i = 0; i < unified.n; i++)
                n = least(n, quota_unified(root, unified.at[i]));
        list_levels(root, "cpu", &separate);
        for (size_t i = 0; i < separate.n; i++) /* a quota of -1 is no number: unlimited */
                n = least(n, quota_of(read_number(root, separate.at[i], "cpu.cfs_quota_us"),
                                      read_number(root, separate.at[i], "cpu.cfs_period_us")));
        return (unsigned) n;
}

/* --- memory -----------------------------------------------------------------------------------------------
 */

/* What a group with this limit leaves.  Page cache counts as used there, but gives way. */
static uint64_t room_in(int root, const char *directory, uint64_t limit, const char *usage_file,
                        const char *inactive_key, const char *active_key)
{
        _cleanup_free_ char *path = text_format("%s/memory.stat", directory), *text = NULL;
        uint64_t used, cache;

        if (limit == UNLIMITED)
                return UNLIMITED;
        used = read_number(root, directory, usage_file);
        if (used == UNLIMITED)
                return limit;
        text = read_file(root, path);
        cache = text ? find_number(text, inactive_key) + find_number(text, active_key) : 0;
        used = used > cache ? used - cache : 0;
        return limit > used ? limit - used : 0;
}

static uint64_t room_unified(int root, const char *directory)
{
        uint64_t limit = least(read_number(root, directory, "memory.max"),
                               read_number(root, directory, "memory.high"));

        return room_in(root, directory, limit, "memory.current", "inactive_file ", "active_file ");
}

static uint64_t room_separate(int root, const char *directory)
{
        return room_in(root, directory, read_number(root, directory, "memory.limit_in_bytes"),
                       "memory.usage_in_bytes", "total_inactive_file ", "total_active_file ");
}

static uint64_t available_on_node(int root)
{
        _cleanup_free_ char *text = read_file(root, "proc/meminfo");
        uint64_t kib = text ? find_number(text, "MemAvailable:") : 0, bytes;

        return kib > 0 && num_mul(kib, 1024, &bytes) ? bytes : UNLIMITED;
}

uint64_t limits_memory_in(int root)
{
        _cleanup_text_list_ struct text_list unified = TEXT_LIST_INIT, separate = TEXT_LIST_INIT;
        uint64_t bytes = available_on_node(root);

        list_levels(root, NULL, &unified);
        for (size_t i = 0; i < unified.n; i++)
                bytes = least(bytes, room_unified(root, unified.at[i]));
        list_levels(root, "memory", &separate);
        for (size_t i = 0; i < separate.n; i++)
                bytes = least(bytes, room_separate(root, separate.at[i]));
        return bytes;
}

/* --- here -------------------------------------------------------------------------------------------------
 */

unsigned limits_cpus(void)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        return limits_cpus_in(root);
}

uint64_t limits_memory(void)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        return limits_memory_in(root);
}
