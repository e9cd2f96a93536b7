#include "base/test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/remove.h"
#include "base/text.h"

static char top[64];

static int set_up(void **state)
{
        (void) state;
        snprintf(top, sizeof(top), "/tmp/remove_test.XXXXXX");
        if (!mkdtemp(top) || chdir(top) < 0)
                return -1;
        return 0;
}

static int tear_down(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        if (chdir("/") < 0)
                return -1;
        return remove_tree(AT_FDCWD, top, &e);
}

static void file_make(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static bool exists(const char *path)
{
        return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_links_are_not_followed(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(mkdir("outside", 0755), 0);
        file_make("outside/keep");
        assert_int_equal(mkdir("x", 0755), 0);
        assert_int_equal(symlink("../outside", "x/link"), 0);
        assert_int_equal(symlink("outside", "itself"), 0);
        assert_int_equal(remove_tree(AT_FDCWD, "x", &e), 0);
        assert_int_equal(remove_tree(AT_FDCWD, "itself", &e), 0);
        assert_false(exists("x"));
        assert_false(exists("itself"));
        assert_true(exists("outside/keep"));
}

static void test_nothing_there(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(remove_tree(AT_FDCWD, "nothing", &e), 0);
}

static void test_missing_rights(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(mkdir("x", 0755), 0);
        assert_int_equal(mkdir("x/y", 0755), 0);
        file_make("x/y/file");
        assert_int_equal(chmod("x/y", 0), 0);
        assert_int_equal(chmod("x", 0500), 0);
        assert_int_equal(remove_tree(AT_FDCWD, "x", &e), 0);
        assert_false(exists("x"));
}

static void test_deep(void **state)
{
        struct err e = ERR_INIT;
        int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void) state;
        for (int i = 0; i < 3000; i++) {
                int deeper;

                assert_int_equal(mkdirat(dir, "d", 0755), 0);
                deeper = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_true(deeper >= 0);
                close(dir);
                dir = deeper;
        }
        close(dir);
        assert_int_equal(remove_tree(AT_FDCWD, "d", &e), 0);
        assert_false(exists("d"));
}

static void test_many(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(mkdir("x", 0755), 0);
        for (int i = 0; i < 5000; i++) {
                char name[32];

                snprintf(name, sizeof(name), "x/%d", i);
                file_make(name);
        }
        assert_int_equal(remove_tree(AT_FDCWD, "x", &e), 0);
        assert_false(exists("x"));
}

static void test_mounts_are_not_entered(void **state)
{
        pid_t child;
        int status;

        (void) state;
        assert_int_equal(mkdir("x", 0755), 0);
        assert_int_equal(mkdir("x/mnt", 0755), 0);
        assert_int_equal(mkdir("other", 0755), 0);
        file_make("other/keep");
        child = fork();
        if (child == 0) {
                struct err e = ERR_INIT;

                if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) < 0 ||
                    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount("other", "x/mnt", NULL, MS_BIND, NULL) < 0)
                        _exit(77);
                _exit(remove_tree(AT_FDCWD, "x", &e) == -EBUSY && exists("other/keep") ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                print_message("skipped: no mount namespace to be had here\n");
                skip();
        }
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_mounts_are_not_entered, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_links_are_not_followed, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_missing_rights, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_deep, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
