#include "imagefs/server.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "imagefs/protocol.h"
#include "sys/sys.h"

/* Descriptors that the starter had inherited itself, such as the pipe whose end somebody waits for. */
static void close_others(void)
{
        DIR *dir;

        if (sys_close_range(IMAGEFS_FD_IMAGE + 1, ~0U, 0) == 0)
                return;
        dir = opendir("/proc/self/fd");
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                int fd = (int) strtol(entry->d_name, NULL, 10);

                if (fd > IMAGEFS_FD_IMAGE && fd != dirfd(dir))
                        close(fd);
        }
        clean_closedir(&dir);
}

static void null_standard(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; fd <= 2; fd++) {
                if (null >= 0)
                        dup2(null, fd);
                else
                        close(fd);
        }
        if (null > 2)
                close(null);
}

/* The starter's limits are about the starter: one on CPU time or address space must not end a server that
 * others share. */
static void raise_limits(void)
{
        static const __rlimit_resource_t limits[] = { RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE };
        struct rlimit none = { 0, 0 };

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                struct rlimit limit;

                if (getrlimit(limits[i], &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
                        limit.rlim_cur = limit.rlim_max;
                        setrlimit(limits[i], &limit);
                }
        }
        setrlimit(RLIMIT_CORE, &none);
}

void server_process_detach(void)
{
        sigset_t all;

        /* A batch system signals every process of a step (SIGTERM before the end, SIGUSR1, SIGXCPU): programs
         * in containers may want to act on that, with their files still there.  SIGTERM is read where the
         * starts are (server_starts.c); the rest stays blocked. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        close_others();
        null_standard();
        fcntl(IMAGEFS_FD_SOCKET, F_SETFD, FD_CLOEXEC);
        fcntl(IMAGEFS_FD_IMAGE, F_SETFD, FD_CLOEXEC);
        setsid();
        umask(077);
        if (chdir("/") < 0)
                _exit(1);
        raise_limits();
        /* One heap for all threads; block buffers stay in it instead of being mapped and unmapped each time.
         */
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, 4 << 20);
        mallopt(M_TRIM_THRESHOLD, 8 << 20);
}
