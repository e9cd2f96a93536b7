/* What the site gives every container: file systems of the host, bind paths, /proc and /sys, /etc files (spec
 * runtime.md, 3.5, 3.6, 3.10). */
#include "run/plan_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"

#define MOUNTINFO_MAX (64u << 20) /* nodes with tens of thousands of automounts stay below 10 MiB */

/* --- hostfs ------------------------------------------------------------------------------------------- */

struct mountinfo_line {
        const char *id, *parent;
        char *point; /* owned, escapes undone */
};

/* proc_pid_mountinfo(5): "id parent major:minor root point …", blanks in names as \040. */
static bool mountinfo_parse(char *line, struct mountinfo_line *ret)
{
        char *field[5], *save = NULL;
        struct text point = TEXT_INIT;

        for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
                field[i] = strtok_r(i ? NULL : line, " ", &save);
                if (!field[i])
                        return false;
        }
        for (const char *c = field[4]; *c; c++) {
                if (c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' && c[3] >= '0' &&
                    c[3] <= '7') {
                        text_add_char(&point, (char) ((c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0')));
                        c += 3;
                } else {
                        text_add_char(&point, *c);
                }
        }
        *ret = (struct mountinfo_line){ field[0], field[1], text_take(&point) };
        return true;
}

static bool hostfs_takes(const char *point)
{
        static const char *const without[] = { "/proc", "/sys", "/dev", "/run", "/boot", "/var" };

        for (size_t i = 0; i < ARRAY_SIZE(without); i++)
                if (path_within(point, without[i]))
                        return false;
        return plan_host_kind(point) >= 0;
}

int plan_hostfs(struct planner *p, struct err *e)
{
        const unsigned flags = PLAN_RECURSIVE | PLAN_NOSUID | PLAN_NODEV;
        _cleanup_free_ char *text = NULL, *root_id = NULL;
        char *save = NULL;
        int r;

        if (!p->request->config->mount_hostfs || p->without & WITHOUT_HOSTFS)
                return 0;
        r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
        if (r < 0)
                return err_errno(e, r, "reading /proc/self/mountinfo");
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                struct mountinfo_line m;

                if (!mountinfo_parse(line, &m))
                        continue;
                if (strcmp(m.point, "/") == 0) {
                        free(root_id);
                        root_id = text_dup(m.id);
                } else if (root_id && strcmp(m.parent, root_id) == 0 && hostfs_takes(m.point)) {
                        r = plan_add_host_bind(p, PLAN_HOSTFS, m.point, m.point, flags, e);
                }
                free(m.point);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- bind paths --------------------------------------------------------------------------------------- */

static int add_bind_path(struct planner *p, const char *source, const char *target, struct err *e)
{
        bool localtime = strcmp(source, "/etc/localtime") == 0;
        bool lenient = localtime || strcmp(source, "/etc/hosts") == 0;
        unsigned flags = PLAN_RECURSIVE | PLAN_NOSUID | PLAN_NODEV;
        int r;

        if (p->without & WITHOUT_BIND_PATHS || text_list_has(&p->without_targets, target))
                return 0;
        /* A minimal host, such as an outer container, may lack these two. */
        if (lenient)
                flags |= PLAN_MAY_FAIL;
        /* An image's link would put the host's zone under another zone's name. */
        if (localtime)
                flags |= PLAN_HIDES_LINK;
        r = plan_add_host_bind(p, PLAN_BINDS, source, target, flags, e);
        if (r == -ENOENT && lenient) {
                note(p->notes, LOG_VERBOSE, "the host has no %s", source);
                err_clear(e);
                return 0;
        }
        return r;
}

/* The host's names lead nowhere from a network of the container's own (spec runtime.md, 3.6). */
static int add_contained_hosts(struct planner *p, struct err *e)
{
        static const char hosts[] = "127.0.0.1   localhost\n"
                                    "::1         localhost ip6-localhost ip6-loopback\n"
                                    "ff02::1     ip6-allnodes\n"
                                    "ff02::2     ip6-allrouters\n";

        if (!(p->plan->namespaces & CLONE_NEWNET))
                return add_bind_path(p, "/etc/hosts", "/etc/hosts", e);
        if (p->without & WITHOUT_BIND_PATHS || text_list_has(&p->without_targets, "/etc/hosts"))
                return 0;
        plan_add_entry(p->plan, PLAN_ENTRY_FILE, "etc/hosts", 0644, hosts);
        plan_add_mount(p->plan, PLAN_BINDS, PLAN_SESSION, "etc/hosts", "/etc/hosts", PLAN_NOSUID | PLAN_NODEV,
                       NULL);
        return 0;
}

int plan_bind_paths(struct planner *p, struct err *e)
{
        const struct text_list *paths = &p->request->config->bind_paths;
        int r = 0;

        if (p->request->contain) {
                r = add_contained_hosts(p, e);
                return r < 0 ? r : add_bind_path(p, "/etc/localtime", "/etc/localtime", e);
        }
        for (size_t i = 0; i < paths->n && r >= 0; i++) {
                const char *colon = strchr(paths->at[i], ':');
                size_t size = colon ? (size_t) (colon - paths->at[i]) : strlen(paths->at[i]);
                _cleanup_free_ char *source = text_dup_bytes(paths->at[i], size);
                _cleanup_free_ char *target =
                        text_dup_bytes(colon ? colon + 1 : source, colon ? strcspn(colon + 1, ":") : size);

                if (source[0] != '/' || target[0] != '/')
                        return err_set(e, -EINVAL,
                                       "'bind path = %s' in the configuration: paths must be absolute",
                                       paths->at[i]);
                r = add_bind_path(p, source, target, e);
        }
        return r;
}

/* --- kernel file systems ------------------------------------------------------------------------------- */

void plan_kernel(struct planner *p)
{
        const struct config *config = p->request->config;
        struct plan *plan = p->plan;
        unsigned safe = PLAN_NOSUID | PLAN_NODEV | PLAN_DIRECTORY;

        if (config->mount_proc && !(p->without & WITHOUT_PROC)) {
                if (plan->namespaces & CLONE_NEWPID)
                        plan_add_mount(plan, PLAN_KERNEL, PLAN_FRESH, "proc", "/proc", safe, NULL);
                else
                        plan_add_mount(plan, PLAN_KERNEL, PLAN_HOST, "/proc", "/proc",
                                       PLAN_RECURSIVE | (plan->foreign_kernel ? PLAN_DIRECTORY : safe), NULL);
        }
        if (config->mount_sys && !(p->without & WITHOUT_SYS)) {
                if (plan->foreign_kernel)
                        plan_add_mount(plan, PLAN_KERNEL, PLAN_HOST, "/sys", "/sys",
                                       PLAN_RECURSIVE | PLAN_DIRECTORY, NULL);
                else
                        plan_add_mount(plan, PLAN_KERNEL, PLAN_FRESH, "sysfs", "/sys", safe, NULL);
        }
}

/* --- /etc files ------------------------------------------------------------------------------------------
 */

#define RESOLV_CONF "/etc/resolv.conf"

/* Where the host's file is a link into /run, a name service rewrites it by renaming: the same link is made in
 * the container and the directory it leads to is bound, so that changes are seen. */
static void add_resolv_conf(struct planner *p)
{
        char link[PATH_MAX];
        ssize_t n = readlink(RESOLV_CONF, link, sizeof(link) - 1);

        if (n < 0 && errno == ENOENT) {
                note(p->notes, LOG_VERBOSE, "the host has no " RESOLV_CONF);
                return;
        }
        link[n > 0 ? n : 0] = '\0';
        if (n > 0 && strstr(link, "/run/") && !p->plan->underlay && !p->plan->image_writable) {
                _cleanup_free_ char *target = link[0] == '/' ? path_clean(link) : path_join("/etc", link);
                _cleanup_free_ char *dir = path_dir(target);

                if (plan_host_kind(dir) == PLAN_DIRECTORY) {
                        plan_add_entry(p->plan, PLAN_ENTRY_LAYER_LINK, RESOLV_CONF, 0, target);
                        plan_add_mount(p->plan, PLAN_FILES, PLAN_HOST, dir, dir, PLAN_DIRECTORY, NULL);
                        return;
                }
        }
        if (plan_host_kind(RESOLV_CONF) == 0)
                plan_add_mount(p->plan, PLAN_FILES, PLAN_HOST, RESOLV_CONF, RESOLV_CONF, 0, NULL);
        else
                note(p->notes, LOG_VERBOSE, "the host's " RESOLV_CONF " leads nowhere");
}

int plan_files(struct planner *p, struct err *e)
{
        const struct config *config = p->request->config;
        int r = plan_dns(p, e);

        if (r < 0)
                return r;
        if (r == 0 && config->config_resolv_conf && !(p->without & WITHOUT_BIND_PATHS) &&
            !text_list_has(&p->without_targets, RESOLV_CONF))
                add_resolv_conf(p);
        /* Package managers of a container's root edit them. */
        if (p->request->identity->user.uid == 0 && plan_is_writable(p->plan))
                return 0;
        if (config->config_passwd) {
                plan_add_entry(p->plan, PLAN_ENTRY_PASSWD, "etc/passwd", 0644, NULL);
                plan_add_mount(p->plan, PLAN_FILES, PLAN_SESSION, "etc/passwd", "/etc/passwd", 0, NULL);
        }
        if (config->config_group) {
                plan_add_entry(p->plan, PLAN_ENTRY_GROUP, "etc/group", 0644, NULL);
                plan_add_mount(p->plan, PLAN_FILES, PLAN_SESSION, "etc/group", "/etc/group", 0, NULL);
        }
        return 0;
}
