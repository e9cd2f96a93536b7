#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "host/reason.h"

static const struct switch_value {
        const char *name, *value;
} all_switches[] = {
        { "user/max_user_namespaces", "15000\n" },
        { "kernel/unprivileged_userns_clone", "1\n" },
        { "kernel/apparmor_restrict_unprivileged_userns", "0\n" },
};

/* A /proc/sys whose switches are as on a machine that allows everything, but for one. */
static int make_proc_sys(char *path, const struct switch_value *other)
{
        int dir;

        assert_non_null(mkdtemp(path));
        dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir >= 0);
        assert_int_equal(mkdirat(dir, "user", 0755), 0);
        assert_int_equal(mkdirat(dir, "kernel", 0755), 0);
        for (size_t i = 0; i < ARRAY_SIZE(all_switches); i++) {
                bool is_other = other->name && strcmp(other->name, all_switches[i].name) == 0;
                const char *value = is_other ? other->value : all_switches[i].value;
                int fd = openat(dir, all_switches[i].name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

                assert_int_equal(fd_write_all(fd, value, strlen(value)), 0);
                close(fd);
        }
        return dir;
}

static void remove_proc_sys(int dir, const char *path)
{
        for (size_t i = 0; i < ARRAY_SIZE(all_switches); i++)
                unlinkat(dir, all_switches[i].name, 0);
        unlinkat(dir, "user", AT_REMOVEDIR);
        unlinkat(dir, "kernel", AT_REMOVEDIR);
        close(dir);
        assert_int_equal(rmdir(path), 0);
}

static void names_the_switch(void **state)
{
        static const struct {
                struct switch_value other;
                int code;
                const char *text, *hint;
        } cases[] = {
                { { "user/max_user_namespaces", "0\n" },
                  -ENOSPC,
                  "user.max_user_namespaces is 0",
                  "sysctl -w user.max_user_namespaces=" },
                { { "kernel/unprivileged_userns_clone", "0\n" },
                  -EPERM,
                  "unprivileged_userns_clone is 0",
                  "sysctl -w kernel.unprivileged_userns_clone=1" },
                { { "kernel/apparmor_restrict_unprivileged_userns", "1\n" }, -EPERM, "AppArmor", "profile" },
                { { "kernel/apparmor_restrict_unprivileged_userns", "1\n" }, -EACCES, "AppArmor", "profile" },
                { { NULL, NULL }, -EPERM, "the kernel refuses them (EPERM)", "seccomp" },
                { { NULL, NULL }, -ENOSPC, "is reached", "raise" },
                { { NULL, NULL }, -EINVAL, "CONFIG_USER_NS", "kernel" },
                { { NULL, NULL }, -ENOMEM, "Cannot allocate memory", "log" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char path[] = "/tmp/reason_test.XXXXXX";
                int dir = make_proc_sys(path, &cases[i].other);
                struct err e = ERR_INIT;

                assert_int_equal(reason_userns(dir, cases[i].code, &e), -EUSERS);
                remove_proc_sys(dir, path);
                assert_non_null(strstr(e.text, "user namespaces are not to be had on this machine: "));
                assert_non_null(strstr(e.text, cases[i].text));
                assert_non_null(strstr(e.hint, cases[i].hint));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_the_switch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
