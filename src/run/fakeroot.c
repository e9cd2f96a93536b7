#include "run/fakeroot.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/text.h"
#include "host/reason.h"

#define RANGE_USUAL  65536
#define IDS_FILE_MAX ((size_t) 16 << 20)

/* --- ranges ----------------------------------------------------------------------------------------------
 */

static bool line_range(char *line, const char *name, const char *number, uint32_t *ret_first, uint32_t *ret_n)
{
        char *first = strchr(line, ':'), *count = first ? strchr(first + 1, ':') : NULL;
        uint64_t from, n;

        if (!count || *line == '!')
                return false;
        *first++ = '\0';
        *count++ = '\0';
        count[strcspn(count, ":")] = '\0';
        if ((strcmp(line, name) != 0 && strcmp(line, number) != 0) ||
            num_u64(first, 10, 1, UINT32_MAX - 1, &from) < 0 ||
            num_u64(count, 10, 1, UINT32_MAX - from, &n) < 0)
                return false;
        *ret_first = (uint32_t) from;
        *ret_n = (uint32_t) n;
        return true;
}

bool fakeroot_range(const char *text, const char *name, uid_t uid, uint32_t *ret_first, uint32_t *ret_n)
{
        _cleanup_free_ char *copy = text_dup(text), *number = text_format("%u", uid);
        char *save = NULL;
        uint32_t first, n;

        *ret_n = 0;
        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                if (!line_range(line, name, number, &first, &n) || n < RANGE_USUAL)
                        continue;
                if (n == RANGE_USUAL || n > *ret_n) {
                        *ret_first = first;
                        *ret_n = n;
                }
                if (n == RANGE_USUAL)
                        return true;
        }
        return *ret_n > 0;
}

struct range {
        uint32_t first, n;
};

static bool read_range(const char *file, const struct account_user *user, struct range *ret)
{
        _cleanup_free_ char *text = NULL;

        return fd_read_file(AT_FDCWD, file, IDS_FILE_MAX, &text, NULL) == 0 &&
               fakeroot_range(text, user->name, user->uid, &ret->first, &ret->n);
}

/* --- maps -------------------------------------------------------------------------------------------------
 */

/* Exit status of newuidmap or newgidmap for process `pid`. */
static int run_mapper(const char *program, pid_t pid, unsigned outside, const struct range *range)
{
        char process[12], self[12], first[12], n[12];
        char *argv[] = { (char *) (uintptr_t) program,
                         process,
                         (char[]){ "0" },
                         self,
                         (char[]){ "1" },
                         (char[]){ "1" },
                         first,
                         n,
                         NULL };
        pid_t child;
        int status;

        snprintf(process, sizeof(process), "%d", pid);
        snprintf(self, sizeof(self), "%u", outside);
        snprintf(first, sizeof(first), "%u", range->first);
        snprintf(n, sizeof(n), "%u", range->n);
        child = fork();
        if (child == 0) {
                execvp(program, argv);
                _exit(errno == ENOENT ? 127 : 126);
        }
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* In a process that stays outside: writes the maps of `pid` once that has left. */
static int map_from_outside(int ready, pid_t pid, const struct range uids, const struct range gids)
{
        uid_t uid = getuid();
        gid_t gid = getgid();
        int status;
        char byte;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(ready, &byte, 1) != 1)
                return 1;
        status = run_mapper("newgidmap", pid, gid, &gids);
        return status ? status : run_mapper("newuidmap", pid, uid, &uids);
}

static int mapper_failed(int status, struct err *e)
{
        if (status == 127) {
                err_set(e, -ENOENT, "newuidmap and newgidmap, which --fakeroot needs, are not installed");
                return err_hint(
                        e, -ENOENT,
                        "They are in the package uidmap (Debian) or shadow-utils; --ignore-subuid does without.");
        }
        err_set(e, -EPERM, "newuidmap or newgidmap does not give this user its subordinate ids");
        return err_hint(e, -EPERM,
                        "Both must be setuid root or have cap_setuid and cap_setgid; /etc/subuid and "
                        "/etc/subgid must list the user. --ignore-subuid does without.");
}

static int enter_with_ranges(const struct range *uids, const struct range *gids, struct err *e)
{
        _cleanup_close_ int ready = -EBADF, go = -EBADF;
        pid_t self = getpid(), mapper;
        int pipes[2], status;

        if (pipe2(pipes, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "pipe");
        ready = pipes[0];
        go = pipes[1];
        mapper = fork();
        if (mapper < 0)
                return err_errno(e, -errno, "fork");
        if (mapper == 0) {
                close(go);
                _exit(map_from_outside(ready, self, *uids, *gids));
        }
        if (unshare(CLONE_NEWUSER) < 0) {
                int code = -errno;

                clean_close(&go);
                go = -EBADF;
                waitpid(mapper, NULL, 0);
                return reason_userns(-EBADF, code, e);
        }
        if (write(go, "", 1) < 0)
                return err_errno(e, -errno, "pipe");
        while (waitpid(mapper, &status, 0) < 0)
                if (errno != EINTR)
                        return err_errno(e, -errno, "waiting for newuidmap");
        return WIFEXITED(status) && WEXITSTATUS(status) == 0
                       ? 0
                       : mapper_failed(WIFEXITED(status) ? WEXITSTATUS(status) : 126, e);
}

static int write_file(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int enter_alone(struct err *e)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        char text[32];
        int r;

        if (unshare(CLONE_NEWUSER) < 0)
                return reason_userns(-EBADF, -errno, e);
        r = write_file("/proc/self/setgroups", "deny");
        if (r == -ENOENT) /* before Linux 3.19 */
                r = 0;
        snprintf(text, sizeof(text), "0 %u 1", uid);
        if (r == 0)
                r = write_file("/proc/self/uid_map", text);
        snprintf(text, sizeof(text), "0 %u 1", gid);
        if (r == 0)
                r = write_file("/proc/self/gid_map", text);
        return r < 0 ? reason_userns(-EBADF, r, e) : 0;
}

int fakeroot_enter(struct fakeroot *fakeroot, const struct account_user *user, bool ignore_subuid,
                   const struct notes *notes, struct err *e)
{
        struct range uids, gids;
        int r;

        fakeroot->many_ids = !ignore_subuid && read_range("/etc/subuid", user, &uids) &&
                             read_range("/etc/subgid", user, &gids);
        if (fakeroot->many_ids) {
                r = enter_with_ranges(&uids, &gids, e);
        } else {
                note(notes, LOG_INFO,
                     ignore_subuid
                             ? "Using only a root-mapped namespace"
                             : "User not listed in /etc/subuid and /etc/subgid, using only a root-mapped namespace");
                r = enter_alone(e);
        }
        if (r < 0)
                return r;
        if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return err_errno(e, -errno, "becoming root of the user namespace");
        return 0;
}

bool fakeroot_is_nested(bool *ret_many, uid_t *ret_outside)
{
        unsigned long inside = 0, outside = 0, n = 0;
        _cleanup_free_ char *text = NULL;
        char *at;

        if (fd_read_file(AT_FDCWD, "/proc/self/uid_map", 65536, &text, NULL) < 0)
                return false; /* no user namespaces at all */
        inside = strtoul(text, &at, 10);
        outside = strtoul(at, &at, 10);
        n = strtoul(at, &at, 10);
        *ret_outside = (uid_t) outside;
        *ret_many = n > 1 || at[strspn(at, " \n")] != '\0';
        return !(inside == 0 && outside == 0 && n == UINT32_MAX);
}
