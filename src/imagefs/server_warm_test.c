/* Paths with links, found in an image made by mksquashfs. */
#include "base/test.h"
#include "imagefs/server_warm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char place[64];

static int group_setup(void **state)
{
        char command[1024];

        (void) state;
        snprintf(place, sizeof(place), "/tmp/server_warm_test.XXXXXX");
        if (!mkdtemp(place))
                return -1;
        snprintf(
                command, sizeof(command),
                "command -v mksquashfs >/dev/null || exit 0; cd %s && mkdir -p tree/usr/lib/deep tree/etc && cd tree && "
                "echo program >usr/lib/program && ln -s usr/lib lib && ln -s ../lib/program usr/absolute-not && "
                "ln -s /lib/program etc/absolute && ln -s ../../../lib/program usr/lib/deep/up && "
                "ln -s loop loop && ln -s ../../../../lib above && ln -s usr/lib/ slash && cd .. && "
                "mksquashfs tree image -noappend -quiet -no-progress >/dev/null",
                place);
        return system(command); // NOLINT(cert-env33-c): mksquashfs makes the image
}

static int group_teardown(void **state)
{
        char command[128];

        (void) state;
        snprintf(command, sizeof(command), "rm -rf %s", place);
        return system(command); // NOLINT(cert-env33-c)
}

static struct squashfs_reader *open_image(void)
{
        struct squashfs_reader *reader;
        struct stat status;
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "%s/image", place);
        fd = open(path, O_RDONLY | O_CLOEXEC); /* stays open as long as the reader, which is to the end */
        if (fd < 0) {
                print_message("skipped: mksquashfs is not installed\n");
                skip();
        }
        assert_int_equal(fstat(fd, &status), 0);
        assert_int_equal(squashfs_reader_new(&reader, fd, 0, (uint64_t) status.st_size, NULL), 0);
        return reader;
}

static void test_links_are_followed(void **state)
{
        static const char *const same[] = { "usr/lib/program", "/usr/lib/program", "lib/program",
                                            "etc/absolute",    "lib/deep/up",      "usr/absolute-not",
                                            "above/program",   "slash//program",   "etc/../lib/program" };
        struct squashfs_reader *reader = open_image();
        uint64_t program, found;

        (void) state;
        assert_int_equal(squashfs_path_find(reader, "usr/lib/program", &program, NULL), 0);
        for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
                if (warm_find(reader, same[i], &found) < 0 || found != program)
                        fail_msg("%s is not the program", same[i]);
        }
        assert_int_equal(warm_find(reader, "lib/absent", &found), -ENOENT);
        assert_int_equal(warm_find(reader, "lib/program/below", &found), -ENOENT);
        assert_int_equal(warm_find(reader, "loop", &found), -ELOOP);
        squashfs_reader_free(reader);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_links_are_followed) };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
