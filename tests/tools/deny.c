/* deny: runs a command to which the kernel looks older, or stricter.
 *
 *      deny ENOSYS|EPERM|EINVAL SYSCALL[,SYSCALL…] COMMAND [ARGUMENT…]
 *
 * The named system calls answer the error instead of working, for the command and all that it starts.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int error_by_name(const char *name)
{
        if (strcmp(name, "ENOSYS") == 0)
                return ENOSYS;
        if (strcmp(name, "EPERM") == 0)
                return EPERM;
        if (strcmp(name, "EINVAL") == 0)
                return EINVAL;
        return 0;
}

int main(int argc, char **argv)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int error = argc > 3 ? error_by_name(argv[1]) : 0;
        char *save = NULL;

        if (!filter || !error) {
                fputs("usage: deny ENOSYS|EPERM|EINVAL SYSCALL[,SYSCALL...] COMMAND [ARGUMENT...]\n", stderr);
                return 2;
        }
        for (char *name = strtok_r(argv[2], ",", &save); name; name = strtok_r(NULL, ",", &save)) {
                int number = seccomp_syscall_resolve_name(name);

                if (number == __NR_SCMP_ERROR ||
                    seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t) error), number, 0) < 0) {
                        fprintf(stderr, "deny: no system call %s\n", name);
                        return 2;
                }
        }
        /* Root keeps its way of getting rights by execve; others could not load the filter otherwise. */
        if (geteuid() == 0)
                seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
        if (seccomp_load(filter) < 0) {
                perror("deny: loading the filter");
                return 2;
        }
        execvp(argv[3], argv + 3);
        perror(argv[3]);
        return 127;
}
