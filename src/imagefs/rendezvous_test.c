#include "base/test.h"
#include "imagefs/rendezvous.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"

static bool same(const struct imagefs_request *a, const struct imagefs_request *b)
{
        struct sockaddr_un first, second;
        socklen_t first_size, second_size;
        struct err e = ERR_INIT;

        assert_int_equal(rendezvous_name(a, &first, &first_size, &e), 0);
        assert_int_equal(rendezvous_name(b, &second, &second_size, &e), 0);
        assert_int_equal(first.sun_path[0], 0);
        assert_true(first_size <= sizeof(first));
        return first_size == second_size && memcmp(&first, &second, first_size) == 0;
}

static void test_what_differs_is_told_apart(void **state)
{
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC), again = -EBADF, other = -EBADF;
        struct imagefs_request a = { .image_fd = fd, .offset = 4096, .size = 10000 }, b = a;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000, .tv_nsec = 1 } };
        char path[64];

        (void) state;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        again = open(path, O_RDONLY | O_CLOEXEC);
        other = memfd_create("image", MFD_CLOEXEC);
        assert_true(same(&a, &b));
        b.image_fd = again;
        assert_true(same(&a, &b));
        b.linger_s = 77; /* of no account */
        assert_true(same(&a, &b));
        b.image_fd = other;
        assert_false(same(&a, &b));
        b = a;
        b.offset++;
        assert_false(same(&a, &b));
        b = a;
        b.size++;
        assert_false(same(&a, &b));
        b = a;
        b.ids = IMAGEFS_IDS_ROOT;
        assert_false(same(&a, &b));
        struct sockaddr_un before, after;
        socklen_t before_size, after_size;
        assert_int_equal(rendezvous_name(&a, &before, &before_size, NULL), 0);
        assert_int_equal(futimens(fd, times), 0);
        assert_int_equal(rendezvous_name(&a, &after, &after_size, NULL), 0);
        assert_false(before_size == after_size && memcmp(&before, &after, before_size) == 0);
}

static void test_the_largest_numbers_fit(void **state)
{
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        struct imagefs_request a = { .image_fd = fd, .offset = UINT64_MAX, .size = UINT64_MAX };
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                     { .tv_sec = 18000000000, .tv_nsec = 999999999 } };

        (void) state;
        assert_int_equal(futimens(fd, times), 0);
        assert_true(same(&a, &a));
        a.image_fd = -1;
        struct err e = ERR_INIT;
        struct sockaddr_un name;
        socklen_t size;
        assert_int_equal(rendezvous_name(&a, &name, &size, &e), -EBADF);
}

static void test_tasks_of_a_step_share(void **state)
{
        static const struct {
                const char *line, *kept;
        } cases[] = {
                { "0::/system.slice/slurmstepd.scope/job_5/step_0/user/task_12",
                  "0::/system.slice/slurmstepd.scope/job_5/step_0/user" },
                { "4:freezer:/slurm/uid_1000/job_7/step_batch/task_0",
                  "4:freezer:/slurm/uid_1000/job_7/step_batch" },
                { "0::/user.slice/user-1000.slice/session-3.scope",
                  "0::/user.slice/user-1000.slice/session-3.scope" },
                { "", "" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(rendezvous_cgroup_size(cases[i].line, strlen(cases[i].line)),
                                 strlen(cases[i].kept));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_differs_is_told_apart),
                cmocka_unit_test(test_the_largest_numbers_fit),
                cmocka_unit_test(test_tasks_of_a_step_share),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
