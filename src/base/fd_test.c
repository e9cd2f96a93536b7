#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* root/{dir/file, up -> .., abs -> /dir, loop -> loop, out -> /etc/passwd} */
static int make_root(char *root)
{
        int fd, file;

        assert_non_null(mkdtemp(root));
        fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(mkdirat(fd, "dir", 0755), 0);
        file = openat(fd, "dir/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_int_equal(fd_write_all(file, "inside", 6), 0);
        close(file);
        assert_int_equal(symlinkat("..", fd, "up"), 0);
        assert_int_equal(symlinkat("/dir", fd, "abs"), 0);
        assert_int_equal(symlinkat("loop", fd, "loop"), 0);
        assert_int_equal(symlinkat("/etc/passwd", fd, "out"), 0);
        return fd;
}

static void remove_root(const char *root)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -rf '%s'", root);
        assert_int_equal(system(command), 0);
}

typedef int (*opener)(int root, const char *path, int flags, mode_t mode);

static void check_opener(opener open_in)
{
        char root[] = "/tmp/fd_test.XXXXXX";
        int dir = make_root(root);
        static const char *const inside[] = { "dir/file",         "/dir/file",         "up/dir/file",
                                              "abs/file",         "up/../up/abs/file", "../../dir/file",
                                              "dir/../dir/./file" };

        for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
                char bytes[6];
                int fd = open_in(dir, inside[i], O_RDONLY, 0);

                assert_true(fd >= 0);
                assert_int_equal(read(fd, bytes, 6), 6);
                assert_memory_equal(bytes, "inside", 6);
                close(fd);
        }
        assert_int_equal(open_in(dir, "loop", O_RDONLY, 0), -ELOOP);
        assert_int_equal(open_in(dir, "out", O_RDONLY, 0), -ENOENT);
        assert_int_equal(open_in(dir, "dir/file/x", O_RDONLY, 0), -ENOTDIR);
        assert_int_equal(open_in(dir, "none", O_RDONLY, 0), -ENOENT);
        close(dir);
        remove_root(root);
}

static void test_openat2(void **state)
{
        (void) state;
        check_opener(fd_open_in);
}

static void test_walk(void **state)
{
        (void) state;
        check_opener(fd_open_in_walk);
}

static void test_mkdir(void **state)
{
        char root[] = "/tmp/fd_test.XXXXXX";
        int dir = make_root(root), fd;

        (void) state;
        assert_int_equal(fd_mkdir_in(dir, "/abs/a/b", 0755), 0);
        fd = fd_open_in(dir, "dir/a/b", O_RDONLY | O_DIRECTORY, 0);
        assert_true(fd >= 0);
        close(fd);
        assert_true(fd_mkdir_in(dir, "dir/file/x", 0755) < 0);
        close(dir);
        remove_root(root);
}

static void test_limit(void **state)
{
        char root[] = "/tmp/fd_test.XXXXXX", *bytes = NULL;
        int dir = make_root(root);
        size_t size = 0;

        (void) state;
        assert_int_equal(fd_read_file(dir, "dir/file", 5, &bytes, &size), -E2BIG);
        assert_int_equal(fd_read_file(dir, "dir/file", 6, &bytes, &size), 0);
        assert_int_equal(size, 6);
        free(bytes);
        close(dir);
        remove_root(root);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_openat2), cmocka_unit_test(test_walk),
                                            cmocka_unit_test(test_mkdir), cmocka_unit_test(test_limit) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
