/* An image made by mksquashfs, unpacked, against the tree it was made from; and a damaged one. */
#include "base/test.h"
#include "image/squashfs_extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64];

static int shell(const char *script)
{
        char command[2048];

        snprintf(command, sizeof(command), "cd %s && %s", place, script);
        return system(command); // NOLINT(cert-env33-c): images are made and compared by other programs
}

static int group_setup(void **state)
{
        (void) state;
        snprintf(place, sizeof(place), "/tmp/squashfs_extract_test.XXXXXX");
        if (!mkdtemp(place))
                return -1;
        return shell(
                "command -v mksquashfs >/dev/null || exit 0; mkdir -p tree/a/b tree/closed && cd tree && "
                "echo small >a/small && head -c 400000 /dev/urandom >a/large && ln a/large a/b/again && "
                "truncate -s 3M a/sparse && ln -s ../a/small a/b/link && ln -s nowhere dangling && "
                "mkfifo fifo && : >empty && chmod 4711 a/small && chmod 0400 a/large && "
                "echo x >closed/file && chmod 0500 closed && "
                "(setfattr -n user.note -v value a/small 2>/dev/null || true) && "
                "find . -depth -exec touch -h -d @1000000000 {} + && cd .. && "
                "mksquashfs tree image -noappend -quiet -no-progress -b 64K >/dev/null");
}

static int group_teardown(void **state)
{
        (void) state;
        return shell("chmod -R u+rwX . && rm -rf ../${PWD##*/}");
}

static struct squashfs_reader *open_image(const char *name)
{
        struct squashfs_reader *reader;
        struct stat status;
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", place, name);
        fd = open(path, O_RDONLY | O_CLOEXEC); /* stays open as long as the reader, which is to the end */
        if (fd < 0) {
                print_message("skipped: mksquashfs is not installed\n");
                skip();
        }
        assert_int_equal(fstat(fd, &status), 0);
        assert_int_equal(squashfs_reader_new(&reader, fd, 0, (uint64_t) status.st_size, NULL), 0);
        return reader;
}

static int open_target(const char *name)
{
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "%s/%s", place, name);
        assert_int_equal(mkdir(path, 0700), 0);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void test_the_tree_is_the_same(void **state)
{
        struct squashfs_reader *reader = open_image("image");
        int fd = open_target("caller");

        (void) state;
        assert_int_equal(squashfs_extract(reader, fd, SQUASHFS_EXTRACT_CALLER, NULL), 0);
        close(fd);
        squashfs_reader_free(reader);
        assert_int_equal(
                shell("for d in tree caller; do (cd $d && find . -printf '%p %y %s %t %n %l\\n' | "
                      "sed -E 's/^(\\S+ d) \\S+/\\1/' | sort >../list.$d); done; diff list.tree list.caller"),
                0);
        assert_int_equal(
                shell("cmp tree/a/large caller/a/large && cmp tree/a/small caller/a/small && "
                      "cmp tree/a/sparse caller/a/sparse && test caller/a/large -ef caller/a/b/again"),
                0);
        assert_int_equal(shell("test $(stat -c %b caller/a/sparse) = 0"), 0);
        /* Set-id bits are not for copies that belong to somebody else. */
        assert_int_equal(shell("test \"$(stat -c %a caller/a/small caller/a/large caller/closed | xargs)\" = "
                               "'711 400 500'"),
                         0);
        assert_int_equal(shell("test \"$(getfattr --only-values -n user.note tree/a/small 2>/dev/null)\" = "
                               "\"$(getfattr --only-values -n user.note caller/a/small 2>/dev/null)\""),
                         0);
}

static void test_owners_for_root(void **state)
{
        struct squashfs_reader *reader;
        int fd;

        (void) state;
        if (geteuid() != 0) {
                print_message("skipped: needs root\n");
                skip();
        }
        assert_int_equal(shell("rm -f owned; chown 12:34 tree/a/small && chmod 4711 tree/a/small && "
                               "mknod tree/null c 1 3 && mksquashfs tree owned -noappend -quiet -no-progress "
                               ">/dev/null; rm tree/null"),
                         0);
        reader = open_image("owned");
        fd = open_target("exact");
        assert_int_equal(squashfs_extract(reader, fd, SQUASHFS_EXTRACT_EXACT, NULL), 0);
        close(fd);
        squashfs_reader_free(reader);
        assert_int_equal(
                shell("test \"$(stat -c '%u:%g %a' exact/a/small)\" = '12:34 4711' && test -c exact/null"),
                0);
}

/* Nothing is written over what is there. */
static void test_names_that_are_there(void **state)
{
        struct squashfs_reader *reader = open_image("image");
        struct err e = ERR_INIT;
        int fd = open_target("full");

        (void) state;
        assert_int_equal(shell("ln -s /tmp full/empty"), 0);
        assert_int_equal(squashfs_extract(reader, fd, SQUASHFS_EXTRACT_CALLER, &e), -EEXIST);
        assert_non_null(strstr(e.text, "empty"));
        close(fd);
        squashfs_reader_free(reader);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_tree_is_the_same),
                cmocka_unit_test(test_owners_for_root),
                cmocka_unit_test(test_names_that_are_there),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
