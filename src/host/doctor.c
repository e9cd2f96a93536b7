#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "host/doctor_internal.h"

/* A file system that hangs must not hang the doctor. */
#define PATIENCE_S 10

struct finding *finding_add(struct findings *findings, const char *code, enum finding_state state,
                            const char *what, const char *found)
{
        struct finding *f;

        if (findings->n == findings->room) {
                findings->room = findings->room ? 2 * findings->room : 16;
                findings->at = text_realloc(findings->at, findings->room * sizeof(*findings->at));
        }
        f = &findings->at[findings->n++];
        *f = (struct finding){ .code = code,
                               .state = state,
                               .what = text_dup(what),
                               .found = text_dup(found ? found : ""),
                               .consequence = text_dup(""),
                               .remedy = text_dup("") };
        return f;
}

void finding_explain(struct finding *f, const char *consequence, const char *remedy)
{
        free(f->consequence);
        free(f->remedy);
        f->consequence = text_dup(consequence ? consequence : "");
        f->remedy = text_dup(remedy ? remedy : "");
}

void findings_done(struct findings *findings)
{
        for (size_t i = 0; i < findings->n; i++) {
                struct finding *f = &findings->at[i];

                free(f->what);
                free(f->found);
                free(f->consequence);
                free(f->remedy);
        }
        free(findings->at);
        *findings = (struct findings) FINDINGS_INIT;
}

enum finding_state findings_state(const struct findings *findings)
{
        enum finding_state worst = FINDING_OK;

        for (size_t i = 0; i < findings->n; i++)
                if (findings->at[i].essential && findings->at[i].state > worst)
                        worst = findings->at[i].state;
        return worst;
}

const char *finding_state_name(enum finding_state state)
{
        static const char *const names[] = { "ok", "limited", "missing" };

        return names[state];
}

/* --- children ------------------------------------------------------------------------------------------ */

void doctor_die_with(pid_t parent)
{
        alarm(PATIENCE_S);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* it was quicker */
                _exit(EIO);
}

int doctor_try(int (*check)(const void *user), const void *user)
{
        pid_t parent = getpid(), child = fork();
        int status;

        if (child < 0)
                return -errno;
        if (child == 0) {
                doctor_die_with(parent);
                _exit(-check(user) & 0xff); /* every errno is below 256 */
        }
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int write_file(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int doctor_enter(void)
{
        char map[64];
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (uid == 0 && unshare(CLONE_NEWNS) == 0)
                return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return -errno;
        r = write_file("/proc/self/setgroups", "deny");
        if (r < 0 && r != -ENOENT)
                return r;
        snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
        r = write_file("/proc/self/uid_map", map);
        if (r < 0)
                return r;
        snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
        r = write_file("/proc/self/gid_map", map);
        if (r < 0)
                return r;
        return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

void doctor_examine(struct findings *findings, const struct doctor_places *places)
{
        doctor_check_kernel(findings);
        doctor_check_places(findings, places);
        doctor_check_programs(findings);
}
