#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/seccomp_profile.h"

static int load(const char *text, uint64_t capabilities, struct seccomp_profile *ret, struct err *e)
{
        char path[] = "/tmp/seccomp_profile_test.XXXXXX";
        _cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
        int r;

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        r = seccomp_profile_load(ret, path, capabilities, e);
        unlink(path);
        return r;
}

static void refuses(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "", "malformed JSON" },
                { "[]", "is not a profile" },
                { "{}", "defaultAction is missing" },
                { "{\"defaultAction\":1}", "defaultAction is missing" },
                { "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "\"SCMP_ACT_NOTIFY\" is not supported" },
                { "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":65536}", "is out of range" },
                { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":1}", "syscalls is not a list" },
                { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[1],\"action\":\"SCMP_ACT_KILL\"}]}",
                  "rule 1: a rule has a name that is no string" },
                { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}",
                  "rule 1: action is missing" },
                { "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[1]}", "the flag is missing" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_seccomp_profile_ struct seccomp_profile profile = SECCOMP_PROFILE_INIT;
                struct err e = ERR_INIT;

                assert_true(load(cases[i].text, 0, &profile, &e) < 0);
                if (!strstr(e.text, cases[i].message))
                        fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].message);
        }
}

/* Exit status of a child that makes a directory under the profile. */
static int under(const char *text, uint64_t capabilities)
{
        _cleanup_seccomp_profile_ struct seccomp_profile profile = SECCOMP_PROFILE_INIT;
        int status;
        pid_t child;

        assert_int_equal(load(text, capabilities, &profile, NULL), 0);
        child = fork();
        if (child == 0) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_profile_apply(&profile, NULL) < 0)
                        _exit(255);
                _exit(mkdirat(AT_FDCWD, "/", 0700) < 0 ? errno : 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define RULE(rest) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdirat\"]," rest "}]}"
#define DENY       "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99"

static void filters(void **state)
{
        (void) state;
        assert_int_equal(under("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", 0), EEXIST);
        assert_int_equal(under(RULE(DENY), 0), 99);
        assert_int_equal(under(RULE("\"action\":\"SCMP_ACT_ERRNO\""), 0), EPERM);
        assert_int_equal(under(RULE("\"action\":\"SCMP_ACT_KILL\""), 0), 128 + 31);
        assert_int_equal(under(RULE(DENY ",\"includes\":{\"caps\":[\"CAP_CHOWN\"]}"), 0), EEXIST);
        assert_int_equal(under(RULE(DENY ",\"includes\":{\"caps\":[\"CAP_CHOWN\"]}"), 1), 99);
        assert_int_equal(under(RULE(DENY ",\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}"), 1), EEXIST);
        assert_int_equal(under(RULE(DENY ",\"includes\":{\"arches\":[\"none\"]}"), 0), EEXIST);
        assert_int_equal(
                under(RULE(DENY ",\"args\":[{\"index\":2,\"value\":448,\"op\":\"SCMP_CMP_EQ\"}]"), 0), 99);
        assert_int_equal(
                under(RULE(DENY ",\"args\":[{\"index\":2,\"value\":447,\"op\":\"SCMP_CMP_EQ\"}]"), 0),
                EEXIST);
        /* Conditions on one argument are alternatives. */
        assert_int_equal(under(RULE(DENY ",\"args\":[{\"index\":2,\"value\":447,\"op\":\"SCMP_CMP_EQ\"},"
                                         "{\"index\":2,\"value\":448,\"op\":\"SCMP_CMP_EQ\"}]"),
                               0),
                         99);
        /* A call that nobody knows cannot be let through. */
        assert_int_equal(under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"nosuch\"],"
                               "\"action\":\"SCMP_ACT_LOG\"}]}",
                               0),
                         EEXIST);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses),
                cmocka_unit_test(filters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
