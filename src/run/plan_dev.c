/* /dev: the host's as a whole, or one that is staged in the session (spec runtime.md, 3.4). */
#include "run/plan_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/path.h"

static void add_staged(struct planner *p, enum plan_source from, const char *source, const char *target,
                       unsigned flags, const char *options)
{
        plan_add_mount(p->plan, PLAN_DEV, from, source, target, flags | PLAN_STAGED, options);
}

/* One name of the host's /dev: a link is copied, a directory or a node bound.  target: in the session. */
static int add_device(struct planner *p, const char *source, const char *target)
{
        char link[PATH_MAX];
        struct stat status;
        ssize_t n;

        if (lstat(source, &status) < 0)
                return -errno;
        if (S_ISLNK(status.st_mode)) {
                n = readlink(source, link, sizeof(link) - 1);
                if (n < 0)
                        return -errno;
                link[n] = '\0';
                plan_add_entry(p->plan, PLAN_ENTRY_LINK, target, 0, link);
                return 0;
        }
        plan_add_entry(p->plan, S_ISDIR(status.st_mode) ? PLAN_ENTRY_DIRECTORY : PLAN_ENTRY_FILE, target,
                       S_ISDIR(status.st_mode) ? 0755 : 0644, NULL);
        add_staged(p, PLAN_HOST, source, target, 0, NULL);
        return 0;
}

/* The name under which a standard stream's terminal can be opened here, or NULL; the caller frees it. */
static char *terminal_name(void)
{
        for (int fd = 0; fd <= 2; fd++) {
                char link[32], name[PATH_MAX];
                struct stat here, there;
                ssize_t n;

                if (!isatty(fd) || fstat(fd, &here) < 0)
                        continue;
                snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
                n = readlink(link, name, sizeof(name) - 1);
                if (n > 0) {
                        name[n] = '\0';
                        if (stat(name, &there) == 0 && there.st_rdev == here.st_rdev)
                                return text_dup(name);
                }
                /* A terminal that was handed into an outer container has no name but this one there. */
                if (stat("/dev/console", &there) == 0 && there.st_rdev == here.st_rdev &&
                    there.st_ino == here.st_ino)
                        return text_dup("/dev/console");
        }
        return NULL;
}

static void add_pts(struct planner *p)
{
        _cleanup_text_ struct text options = TEXT_INIT;
        _cleanup_free_ char *group = NULL;
        gid_t tty;

        if (!p->request->config->mount_devpts || p->without & WITHOUT_DEVPTS)
                return;
        text_add(&options, "mode=0620,newinstance,ptmxmode=0666");
        if (!p->plan->foreign_kernel &&
            fd_read_file(AT_FDCWD, "/etc/group", ACCOUNT_FILE_MAX, &group, NULL) == 0 &&
            account_find_group(group, "tty", &tty))
                text_printf(&options, ",gid=%u", tty);
        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, "dev/pts", 0755, NULL);
        add_staged(p, PLAN_FRESH, "devpts", "dev/pts",
                   PLAN_NOSUID | PLAN_NOEXEC | PLAN_DIRECTORY | PLAN_MAY_FAIL_QUIETLY, text_get(&options));
        plan_add_entry(p->plan, PLAN_ENTRY_LINK, "dev/ptmx", 0, "/dev/pts/ptmx");
}

static void add_console(struct planner *p)
{
        _cleanup_free_ char *name = terminal_name();

        if (!name)
                return;
        plan_add_entry(p->plan, PLAN_ENTRY_FILE, "dev/console", 0644, NULL);
        add_staged(p, PLAN_HOST, name, "dev/console", 0, NULL);
        p->plan->reopen_console = true;
}

static void stage_dev(struct planner *p)
{
        static const char *const names[] = { "tty", "null",  "zero",   "random", "urandom",
                                             "fd",  "stdin", "stdout", "stderr" };

        p->dev_is_staged = true;
        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, "dev", 0755, NULL);
        plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, "dev/shm", 0755, NULL);
        add_staged(p, PLAN_FRESH, p->plan->memory_fs, "dev/shm", PLAN_NOSUID | PLAN_NODEV | PLAN_DIRECTORY,
                   "mode=1777");
        if (p->plan->namespaces & CLONE_NEWIPC) {
                plan_add_entry(p->plan, PLAN_ENTRY_DIRECTORY, "dev/mqueue", 0755, NULL);
                add_staged(p, PLAN_FRESH, "mqueue", "dev/mqueue", PLAN_NOSUID | PLAN_NODEV | PLAN_DIRECTORY,
                           NULL);
        }
        add_pts(p);
        add_console(p);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *source = text_format("/dev/%s", names[i]);

                if (add_device(p, source, source + 1) < 0)
                        note(p->notes, LOG_VERBOSE, "the host has no %s", source);
        }
}

static bool none(const struct planner *p)
{
        return p->request->config->mount_dev == CONFIG_DEV_NO || p->without & WITHOUT_DEV;
}

void plan_dev(struct planner *p)
{
        if (none(p))
                return;
        if (p->request->config->mount_dev == CONFIG_DEV_MINIMAL || p->request->contain)
                stage_dev(p);
        else
                plan_add_mount(p->plan, PLAN_DEV, PLAN_HOST, "/dev", "/dev", PLAN_RECURSIVE | PLAN_DIRECTORY,
                               NULL);
}

bool plan_dev_bind(struct planner *p, const char *source, const char *target)
{
        int r;

        if (!path_within(source, "/dev") || !path_within(target, "/dev"))
                return false;
        if (strcmp(source, target) != 0) {
                note(p->notes, LOG_WARNING,
                     "Skipping %s bind mount: source and destination must be identical when binding to /dev",
                     source);
                return true;
        }
        if (none(p)) {
                note(p->notes, LOG_WARNING, "Skipping %s bind mount: disallowed by configuration", source);
                return true;
        }
        if (!p->dev_is_staged)
                return false;
        if (strcmp(source, "/dev") == 0) {
                plan_drop_group(p->plan, PLAN_DEV);
                p->dev_is_staged = false;
                p->plan->reopen_console = false;
                plan_add_mount(p->plan, PLAN_DEV, PLAN_HOST, "/dev", "/dev", PLAN_RECURSIVE | PLAN_DIRECTORY,
                               NULL);
                return true;
        }
        if (plan_has_entry(p->plan, target + 1)) {
                note(p->notes, LOG_WARNING, "Skipping %s bind mount: already mounted", source);
                return true;
        }
        r = add_device(p, source, target + 1);
        if (r < 0)
                note(p->notes, LOG_WARNING, "Skipping %s bind mount: %s", source, strerror(-r));
        return true;
}

void plan_dev_finish(struct planner *p)
{
        if (p->dev_is_staged)
                plan_add_mount(p->plan, PLAN_DEV, PLAN_SESSION, "dev", "/dev",
                               PLAN_RECURSIVE | PLAN_DIRECTORY, NULL);
}
