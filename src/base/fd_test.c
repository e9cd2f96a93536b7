#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/sys.h"

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

static unsigned draw(unsigned *seed, unsigned below)
{
        *seed = *seed * 1103515245u + 12345u;
        return (*seed >> 16) % below;
}

/* A path of up to four of a few names, "." and "..", sometimes absolute or with a slash at the end. */
static void draw_path(unsigned *seed, char *path)
{
        static const char *const names[] = { "a", "b", "c", "d", "..", "." };
        unsigned n = 1 + draw(seed, 4);

        path = stpcpy(path, draw(seed, 4) == 0 ? "/" : "");
        for (unsigned i = 0; i < n; i++) {
                path = stpcpy(path, names[draw(seed, ARRAY_SIZE(names))]);
                path = stpcpy(path, i + 1 < n || draw(seed, 6) == 0 ? "/" : "");
        }
}

static void draw_entries(unsigned *seed, int dir, unsigned depth)
{
        static const char *const names[] = { "a", "b", "c", "d" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char target[64];
                int fd;

                switch (draw(seed, 4)) {
                case 0:
                        assert_int_equal(mkdirat(dir, names[i], 0755), 0);
                        fd = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        assert_true(fd >= 0);
                        if (depth < 3)
                                draw_entries(seed, fd, depth + 1);
                        close(fd);
                        break;
                case 1:
                        fd = openat(dir, names[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
                        assert_true(fd >= 0);
                        close(fd);
                        break;
                case 2:
                        draw_path(seed, target);
                        assert_int_equal(symlinkat(target, dir, names[i]), 0);
                        break;
                default:
                        break;
                }
        }
}

/* The walk and the kernel find the same file, or fail alike, on random trees with links. */
static void test_walk_like_kernel(void **state)
{
        unsigned seed = 7, n_found = 0;

        (void) state;
        if (sys_openat2(AT_FDCWD, "/", &(struct sys_open_how){ .flags = O_PATH | O_CLOEXEC }) == -ENOSYS) {
                print_message("no openat2(2) to compare with\n");
                skip();
        }
        for (int round = 0; round < 40; round++) {
                char root[] = "/tmp/fd_test.XXXXXX";
                int dir;

                assert_non_null(mkdtemp(root));
                dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                draw_entries(&seed, dir, 0);
                for (int i = 0; i < 200; i++) {
                        char path[64];
                        int flags = O_PATH | (draw(&seed, 2) ? O_NOFOLLOW : 0), walked, expected;
                        struct stat found, wanted;

                        draw_path(&seed, path);
                        walked = fd_open_in_walk(dir, path, flags, 0);
                        expected = fd_open_in(dir, path, flags, 0);
                        if (expected < 0) {
                                assert_int_equal(walked, expected);
                                continue;
                        }
                        assert_true(walked >= 0);
                        assert_int_equal(fstat(walked, &found), 0);
                        assert_int_equal(fstat(expected, &wanted), 0);
                        assert_int_equal(found.st_ino, wanted.st_ino);
                        close(walked);
                        close(expected);
                        n_found++;
                }
                close(dir);
                remove_root(root);
        }
        assert_true(n_found > 1000);
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
                                            cmocka_unit_test(test_walk_like_kernel),
                                            cmocka_unit_test(test_mkdir), cmocka_unit_test(test_limit) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
