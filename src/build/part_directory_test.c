#include "base/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/remove.h"
#include "build/part_directory.h"

static char top[64];

static int set_up(void **state)
{
        (void) state;
        snprintf(top, sizeof(top), "/tmp/part_directory_test.XXXXXX");
        return mkdtemp(top) && chdir(top) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        return chdir("/") < 0 ? -1 : remove_tree(AT_FDCWD, top, &e);
}

static int count_entries(void)
{
        _cleanup_closedir_ DIR *dir = opendir(".");
        int n = -2; /* "." and ".." */

        while (readdir(dir))
                n++;
        return n;
}

static void file_make(int dir, const char *path)
{
        int fd = openat(dir, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static void test_dropped(void **state)
{
        struct part_directory p;
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(part_directory_open(&p, "box", &e), 0);
        file_make(p.fd, "file");
        assert_int_equal(count_entries(), 1);
        part_directory_done(&p);
        assert_int_equal(count_entries(), 0);
}

static void test_existing_is_not_replaced_unasked(void **state)
{
        struct part_directory p;
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(mkdir("box", 0755), 0);
        file_make(AT_FDCWD, "box/old");
        assert_int_equal(part_directory_open(&p, "box", &e), 0);
        assert_int_equal(part_directory_commit(&p, false, &e), -EEXIST);
        part_directory_done(&p);
        assert_int_equal(access("box/old", F_OK), 0);
        assert_int_equal(count_entries(), 1);
}

static void test_replaces(void **state)
{
        static const char *const olds[] = { "directory", "file", "link", "nothing" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(olds); i++) {
                struct part_directory p;
                struct err e = ERR_INIT;

                remove_tree(AT_FDCWD, "box", &e);
                if (i == 0) {
                        assert_int_equal(mkdir("box", 0755), 0);
                        file_make(AT_FDCWD, "box/old");
                } else if (i == 1) {
                        file_make(AT_FDCWD, "box");
                } else if (i == 2) {
                        assert_int_equal(symlink("/etc", "box"), 0);
                }
                assert_int_equal(part_directory_open(&p, "box", &e), 0);
                file_make(p.fd, "new");
                assert_int_equal(part_directory_commit(&p, true, &e), 0);
                part_directory_done(&p);
                assert_int_equal(access("box/new", F_OK), 0);
                assert_int_equal(access("box/old", F_OK), -1);
                assert_int_equal(count_entries(), 1);
        }
}

static void test_dead_writers_are_swept(void **state)
{
        struct part_directory p;
        struct err e = ERR_INIT;
        pid_t child = fork();

        (void) state;
        if (child == 0) {
                if (part_directory_open(&p, "box", &e) == 0)
                        file_make(p.fd, "file");
                raise(SIGKILL);
        }
        waitpid(child, NULL, 0);
        assert_int_equal(count_entries(), 1);
        part_directory_sweep("other");
        assert_int_equal(count_entries(), 1);
        part_directory_sweep("box");
        assert_int_equal(count_entries(), 0);
}

static void test_living_writers_are_left_alone(void **state)
{
        struct part_directory p;
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(part_directory_open(&p, "box", &e), 0);
        file_make(p.fd, "file");
        part_directory_sweep("box");
        assert_int_equal(part_directory_commit(&p, false, &e), 0);
        part_directory_done(&p);
        assert_int_equal(access("box/file", F_OK), 0);
}

static void test_set_aside(void **state)
{
        struct part_directory p;
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(mkdir("box", 0755), 0);
        file_make(AT_FDCWD, "box/old");
        assert_int_equal(part_directory_set_aside(&p, "box", &e), 0);
        assert_int_equal(access("box", F_OK), -1);
        part_directory_put_back(&p);
        part_directory_done(&p);
        assert_int_equal(access("box/old", F_OK), 0);
        assert_int_equal(part_directory_set_aside(&p, "box", &e), 0);
        assert_int_equal(part_directory_discard(&p, &e), 0);
        part_directory_done(&p);
        assert_int_equal(count_entries(), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_existing_is_not_replaced_unasked, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_dropped, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_replaces, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_dead_writers_are_swept, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_living_writers_are_left_alone, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_set_aside, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
