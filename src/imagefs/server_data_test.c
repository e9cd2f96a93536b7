/* Parts of files through the cache, by several threads, against the file they were made from. */
#include "base/test.h"
#include "imagefs/server_data.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"

#define FILE_BYTES (40U * 65536 + 4321)

static char place[64];

/* As in the server, these live to the end of the process. */
static struct squashfs_reader *reader;
static struct data *data;
__attribute__((used)) static void *kept[2];
static uint8_t content[FILE_BYTES];

static void long_ahead(void)
{
}

static int group_setup(void **state)
{
        char command[512];
        unsigned seed = 1;

        (void) state;
        snprintf(place, sizeof(place), "/tmp/server_data_test.XXXXXX");
        if (!mkdtemp(place))
                return -1;
        for (size_t i = 0; i < FILE_BYTES; i++) {
                seed = seed * 1103515245 + 12345;
                content[i] = (uint8_t) (i / 65536 % 5 == 2 ? 0 : seed >> 16 & (i / 4096 % 3 ? 0xff : 3));
        }
        snprintf(command, sizeof(command), "%s/tree", place);
        mkdir(command, 0755);
        snprintf(command, sizeof(command), "%s/tree/file", place);
        {
                _cleanup_close_ int fd = open(command, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

                if (fd_write_all(fd, content, FILE_BYTES) < 0)
                        return -1;
        }
        snprintf(
                command, sizeof(command),
                "command -v mksquashfs >/dev/null || exit 0; cd %s && mksquashfs tree image -noappend -quiet "
                "-no-progress -comp zstd -b 64K >/dev/null",
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

static void open_image(unsigned n_processors)
{
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
        kept[0] = reader;
        kept[1] = data;
        assert_int_equal(squashfs_reader_new(&reader, fd, 0, (uint64_t) status.st_size, NULL), 0);
        assert_int_equal(data_new(&data, reader, n_processors, NULL), 0);
}

struct part {
        struct data *data;
        struct squashfs_reader *reader;
        uint64_t reference;
        unsigned seed;
        bool in_order;
};

/* Whether [offset, offset + size) is what it should be. */
static bool check_part(struct part *p, uint64_t offset, size_t size)
{
        struct data_pieces *pieces = malloc(sizeof(*pieces));
        size_t there = offset < FILE_BYTES ? FILE_BYTES - (size_t) offset : 0, done = 0;
        bool right = pieces != NULL;

        if (there > size)
                there = size;
        if (!right ||
            data_read(p->data, p->reader, p->reference, offset, size, long_ahead, pieces, NULL) < 0) {
                free(pieces);
                return false;
        }
        for (size_t i = 0; i < pieces->n && right; i++) {
                right = done + pieces->at[i].iov_len <= there &&
                        memcmp(pieces->at[i].iov_base, content + offset + done, pieces->at[i].iov_len) == 0;
                done += pieces->at[i].iov_len;
        }
        data_release(p->data, pieces);
        free(pieces);
        return right && done == there;
}

static void *read_parts(void *user)
{
        struct part *p = user;
        bool right = true;

        if (p->in_order) {
                for (uint64_t at = 0; at < FILE_BYTES && right; at += 131072)
                        right = check_part(p, at, 131072);
                return right ? NULL : p;
        }
        for (unsigned i = 0; i < 300 && right; i++) {
                p->seed = p->seed * 1103515245 + 12345;
                right = check_part(p, (p->seed >> 4) % (FILE_BYTES + 1000), (p->seed >> 8) % 300000 + 1);
        }
        return right ? NULL : p;
}

static void test_threads_read_parts(void **state)
{
        struct part parts[6];
        pthread_t threads[6];
        uint64_t reference;

        (void) state;
        open_image(2);
        assert_int_equal(squashfs_path_find(reader, "file", &reference, NULL), 0);
        for (unsigned i = 0; i < 6; i++) {
                parts[i] =
                        (struct part){ .data = data, .reference = reference, .seed = i, .in_order = i % 2 };
                assert_int_equal(squashfs_reader_clone(&parts[i].reader, reader, NULL), 0);
                assert_int_equal(pthread_create(&threads[i], NULL, read_parts, &parts[i]), 0);
        }
        for (unsigned i = 0; i < 6; i++) {
                void *failed;

                pthread_join(threads[i], &failed);
                assert_null(failed);
                squashfs_reader_free(parts[i].reader);
        }
}

static void test_odd_requests(void **state)
{
        struct data_pieces pieces;
        struct part p;

        (void) state;
        open_image(1);
        p = (struct part){ .reader = reader, .data = data };
        assert_int_equal(squashfs_path_find(reader, "file", &p.reference, NULL), 0);
        assert_true(check_part(&p, FILE_BYTES, 10));
        assert_true(check_part(&p, UINT64_MAX - 5, 10));
        assert_true(check_part(&p, FILE_BYTES - 1, 4096));
        assert_true(check_part(&p, 65535, 2));
        assert_true(check_part(&p, 3, 1048576));
        assert_int_equal(data_read(p.data, reader, 0x7fffffff0000, 0, 10, long_ahead, &pieces, NULL),
                         -EBADMSG);
        assert_int_equal(pieces.n_pins, 0);
        /* A directory has no content. */
        assert_int_equal(data_read(p.data, reader, squashfs_reader_super(reader)->root_inode, 0, 10,
                                   long_ahead, &pieces, NULL),
                         0);
        assert_int_equal(pieces.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_threads_read_parts),
                cmocka_unit_test(test_odd_requests),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
