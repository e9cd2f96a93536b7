#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/digest.h"
#include "base/fd.h"
#include "image/sif_internal.h"

static int empty_image(bool deterministic)
{
        int fd = memfd_create("sif_edit_test", MFD_CLOEXEC);
        struct sif_writer w;

        assert_true(fd >= 0);
        assert_int_equal(sif_writer_init(&w, fd, NULL, deterministic, NULL), 0);
        assert_int_equal(sif_writer_finish(&w, NULL), 0);
        sif_writer_done(&w);
        return fd;
}

static int source(const void *bytes, size_t size)
{
        int fd = memfd_create("source", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(fd_pwrite_all(fd, bytes, size, 0), 0);
        return fd;
}

static int add(struct sif *s, const struct sif_object *object, const void *bytes, size_t size)
{
        _cleanup_close_ int from = source(bytes, size);

        return sif_add(s, object, from, NULL);
}

static int add_partition(struct sif *s, int32_t part, const char *arch)
{
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        const struct sif_object object = {
                .type = SIF_TYPE_PARTITION, .group = 1, .extra = extra, .extra_size = sizeof(extra)
        };

        sif_partition_extra(extra, SIF_FS_SQUASHFS, part, arch);
        return add(s, &object, "rootfs", 6);
}

static int32_t part_of(const struct sif *s, uint32_t id)
{
        const struct sif_descriptor *d;
        struct sif_partition p;

        assert_int_equal(sif_find(s, id, &d, NULL), 0);
        assert_int_equal(sif_partition(d, &p), 0);
        return p.part;
}

/* What is on disk must be what is in memory. */
static void assert_saved(const struct sif *s)
{
        struct sif again;

        assert_int_equal(sif_open(&again, s->fd, false, NULL), 0);
        assert_int_equal(again.n_descriptors, s->n_descriptors);
        for (size_t i = 0; i < s->n_descriptors; i++) {
                uint8_t saved[SIF_DESCRIPTOR_SIZE], record[SIF_DESCRIPTOR_SIZE];

                sif_record_encode(&again.descriptors[i], saved);
                sif_record_encode(&s->descriptors[i], record);
                assert_memory_equal(saved, record, sizeof(record));
        }
        assert_string_equal(again.arch, s->arch);
        assert_int_equal(again.modified, s->modified);
        assert_int_equal(again.descriptors_free_hint, s->descriptors_free_hint);
        assert_int_equal(again.data_size, s->data_size);
        assert_int_equal(again.file_size, s->file_size);
        sif_done(&again);
}

/* Adding to an empty image makes the image that is written at once, byte for byte. */
static void test_golden(void **state)
{
        _cleanup_close_ int fd = empty_image(true);
        const struct sif_object data = { .type = SIF_TYPE_JSON, .group = 1, .name = "data.json" };
        _cleanup_free_ char *bytes = NULL;
        uint8_t digest[DIGEST_SIZE];
        char text[DIGEST_TEXT_SIZE];
        struct sif s;
        size_t size;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &data, "{}", 2), 0);
        assert_saved(&s);
        sif_done(&s);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(fd_read_all(fd, 1 << 20, &bytes, &size), 0);
        digest_of(bytes, size, digest);
        digest_format(digest, text);
        assert_string_equal(text, "sha256:710a9262f63f5fbde75973110767922d42fdf26673ed19c6093b44da0fcbbef9");
}

static void test_refusals(void **state)
{
        _cleanup_close_ int fd = empty_image(false), from = source("x", 1);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        const struct sif_object skewed = { .type = SIF_TYPE_GENERIC, .alignment = 12 };
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        assert_int_equal(sif_add(&s, &raw, from, NULL), -EBADF);
        assert_int_equal(sif_delete(&s, 1, NULL), -EBADF);
        assert_int_equal(sif_set_primary(&s, 1, NULL), -EBADF);
        sif_done(&s);
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(sif_add(&s, &skewed, from, NULL), -EINVAL);
        assert_int_equal(sif_delete(&s, 0, NULL), -EINVAL);
        assert_int_equal(sif_delete(&s, 1, NULL), -ENOENT);
        assert_int_equal(add(&s, &raw, "x", 1), 0);
        assert_int_equal(sif_set_primary(&s, 1, NULL), -EINVAL);
        assert_int_equal(add_partition(&s, SIF_PART_DATA, "02"), 0);
        assert_int_equal(sif_set_primary(&s, 2, NULL), -EINVAL);
        assert_int_equal(add_partition(&s, SIF_PART_PRIMARY, "02"), 0);
        assert_int_equal(add_partition(&s, SIF_PART_PRIMARY, "02"), -EEXIST);
        for (uint32_t i = 3; i < SIF_DESCRIPTORS_DEFAULT; i++)
                assert_int_equal(add(&s, &raw, "x", 1), 0);
        assert_int_equal(add(&s, &raw, "x", 1), -ENOSPC);
        assert_saved(&s);
        sif_done(&s);
}

/* Adding to a damaged image would write over what is said to be there. */
static void test_damaged(void **state)
{
        _cleanup_close_ int fd = empty_image(false);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "0123456789", 10), 0);
        sif_done(&s);
        assert_int_equal(ftruncate(fd, 32176 + 9), 0);
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "x", 1), -EBADMSG);
        assert_int_equal(s.file_size, 32176 + 9);
        assert_int_equal(sif_delete(&s, 1, NULL), 0); /* which mends it */
        assert_int_equal(add(&s, &raw, "x", 1), 0);
        assert_saved(&s);
        sif_done(&s);
}

/* Records and the space of the last object are used again; gaps over old bytes are zeroed (1.7, 1.9). */
static void test_reuse(void **state)
{
        _cleanup_close_ int fd = empty_image(false);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        const struct sif_object aligned = { .type = SIF_TYPE_GENERIC, .alignment = 64 };
        uint8_t junk[200], bytes[64];
        struct sif s;

        (void) state;
        memset(junk, 0xff, sizeof(junk));
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "one", 3), 0);
        assert_int_equal(add(&s, &raw, junk, sizeof(junk)), 0);
        assert_int_equal(sif_delete(&s, 2, NULL), 0);
        assert_int_equal(s.file_size, 32176 + 3 + 200);
        assert_int_equal(s.data_size, 3 + 200);
        assert_int_equal(add(&s, &aligned, "two", 3), 0);
        assert_int_equal(s.descriptors[1].id, 2);
        assert_int_equal(s.descriptors[1].offset, 32192);
        assert_int_equal(s.descriptors[1].size_with_padding, 13 + 3);
        assert_int_equal(s.data_size, 16 + 3);
        assert_int_equal(fd_pread_all(fd, bytes, 19, 32176), 0);
        assert_memory_equal(bytes, "one\0\0\0\0\0\0\0\0\0\0\0\0\0two", 19);
        assert_int_equal(sif_delete(&s, 1, NULL), 0);
        assert_int_equal(add(&s, &raw, "three", 5), 0);
        assert_int_equal(s.descriptors[0].id, 1);
        assert_int_equal(s.descriptors[0].offset, 32195);
        assert_saved(&s);
        sif_done(&s);
}

static void test_empty_and_padded(void **state)
{
        _cleanup_close_ int fd = empty_image(false);
        const struct sif_object aligned = { .type = SIF_TYPE_GENERIC, .alignment = 4096 };
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &aligned, NULL, 0), 0);
        assert_int_equal(s.descriptors[0].offset, 32768);
        assert_int_equal(sif_check(&s, &s.descriptors[0], true, NULL), 0);
        assert_saved(&s);
        sif_done(&s);
}

/* IDs of writers that do not count from 1 stay unique. */
static void test_foreign_ids(void **state)
{
        _cleanup_close_ int fd = empty_image(false);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "x", 1), 0);
        sif_done(&s);
        assert_int_equal(fd_pwrite_all(fd, "\2\0\0\0", 4, 4096 + 5), 0);
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "x", 1), 0);
        assert_int_equal(s.descriptors[1].id, 3);
        sif_done(&s);
}

static void test_set_primary(void **state)
{
        _cleanup_close_ int fd = empty_image(false);
        struct sif s;
        int64_t before;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add_partition(&s, SIF_PART_SYSTEM, "04"), 0);
        assert_string_equal(s.arch, "00");
        assert_int_equal(add_partition(&s, SIF_PART_PRIMARY, "02"), 0);
        assert_string_equal(s.arch, "02");
        assert_int_equal(sif_set_primary(&s, 1, NULL), 0);
        assert_string_equal(s.arch, "04");
        assert_int_equal(part_of(&s, 1), SIF_PART_PRIMARY);
        assert_int_equal(part_of(&s, 2), SIF_PART_SYSTEM);
        assert_saved(&s);
        before = s.modified = 1; /* would be written by any change */
        assert_int_equal(sif_set_primary(&s, 1, NULL), 0);
        assert_int_equal(s.modified, before);
        assert_int_equal(sif_delete(&s, 1, NULL), 0);
        assert_string_equal(s.arch, "00");
        assert_saved(&s);
        sif_done(&s);
}

/* An image with two primary partitions is mended by naming one. */
static void test_two_primaries(void **state)
{
        _cleanup_close_ int fd = empty_image(false);
        const struct sif_descriptor *d;
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(add_partition(&s, SIF_PART_PRIMARY, "02"), 0);
        assert_int_equal(add_partition(&s, SIF_PART_SYSTEM, "02"), 0);
        sif_done(&s);
        assert_int_equal(fd_pwrite_all(fd, "\2", 1, 4096 + SIF_DESCRIPTOR_SIZE + 201 + 4), 0);
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, NULL), -EBADMSG);
        assert_int_equal(sif_set_primary(&s, 2, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, NULL), 0);
        assert_int_equal(d->id, 2);
        assert_saved(&s);
        sif_done(&s);
}

static void test_times(void **state)
{
        _cleanup_close_ int fixed = empty_image(true), dated = empty_image(false);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fixed, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "x", 1), 0);
        assert_int_equal(s.descriptors[0].created, SIF_TIME_NONE);
        assert_int_equal(sif_delete(&s, 1, NULL), 0);
        assert_int_equal(s.modified, SIF_TIME_NONE);
        sif_done(&s);
        assert_int_equal(fd_pwrite_all(dated, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 64), 0);
        assert_int_equal(sif_open(&s, dated, true, NULL), 0);
        assert_int_equal(add(&s, &raw, "x", 1), 0);
        assert_in_range(s.descriptors[0].modified, time(NULL) - 100, time(NULL));
        assert_int_equal(s.created, 0);
        assert_int_equal(s.modified, s.descriptors[0].modified);
        sif_done(&s);
}

static void test_sources(void **state)
{
        _cleanup_close_ int fd = empty_image(false), from = source("0123456789", 10);
        _cleanup_close_ int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        struct sif s;
        int pipes[2];

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(lseek(from, 4, SEEK_SET), 4);
        assert_int_equal(sif_add(&s, &raw, from, NULL), 0);
        assert_int_equal(s.descriptors[0].size, 6);
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(fd_write_all(pipes[1], "from a pipe", 11), 0);
        close(pipes[1]);
        assert_int_equal(sif_add(&s, &raw, pipes[0], NULL), 0);
        close(pipes[0]);
        assert_int_equal(s.descriptors[1].size, 11);
        assert_int_equal(sif_add(&s, &raw, proc, NULL), 0); /* has no size of its own */
        assert_true(s.descriptors[2].size > 100);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(sif_add(&s, &raw, fd, NULL), 0); /* itself */
        assert_int_equal(s.descriptors[3].size, s.descriptors[3].offset);
        assert_saved(&s);
        sif_done(&s);
}

/* A source that fails leaves the image as it was. */
static void test_failing_source(void **state)
{
        _cleanup_close_ int fd = empty_image(false), dir = open("/", O_RDONLY | O_CLOEXEC);
        const struct sif_object aligned = { .type = SIF_TYPE_GENERIC, .alignment = 4096 };
        struct sif s;

        (void) state;
        assert_int_equal(sif_open(&s, fd, true, NULL), 0);
        assert_int_equal(sif_add(&s, &aligned, dir, NULL), -EISDIR);
        assert_int_equal(lseek(fd, 0, SEEK_END), 32176);
        assert_saved(&s);
        sif_done(&s);
}

/* Processes that add at the same time wait for each other. */
static void test_lock(void **state)
{
        enum { WRITERS = 12 };
        char path[] = "/tmp/sif_edit_test.XXXXXX";
        _cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
        const struct sif_object raw = { .type = SIF_TYPE_GENERIC };
        struct sif_writer w;
        struct sif s;

        (void) state;
        assert_int_equal(sif_writer_init(&w, fd, NULL, false, NULL), 0);
        assert_int_equal(sif_writer_finish(&w, NULL), 0);
        sif_writer_done(&w);
        for (int i = 0; i < WRITERS; i++) {
                if (fork() == 0) {
                        int own = open(path, O_RDWR | O_CLOEXEC);

                        if (sif_open(&s, own, true, NULL) < 0 || add(&s, &raw, "writer", 6) < 0)
                                _exit(1);
                        sif_done(&s);
                        _exit(0);
                }
        }
        for (int i = 0; i < WRITERS; i++) {
                int status;

                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        unlink(path);
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        assert_int_equal(s.descriptors_free_hint, SIF_DESCRIPTORS_DEFAULT - WRITERS);
        for (size_t i = 0; i < WRITERS; i++)
                assert_int_equal(sif_check(&s, &s.descriptors[i], true, NULL), 0);
        sif_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_reuse),
                cmocka_unit_test(test_empty_and_padded),
                cmocka_unit_test(test_foreign_ids),
                cmocka_unit_test(test_set_primary),
                cmocka_unit_test(test_two_primaries),
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_sources),
                cmocka_unit_test(test_failing_source),
                cmocka_unit_test(test_lock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
