#include "base/test.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "image/squashfs_super.h"

#define SIZE 4096

static void put16(uint8_t *at, uint16_t value)
{
        value = htole16(value);
        memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
        value = htole32(value);
        memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
        value = htole64(value);
        memcpy(at, &value, sizeof(value));
}

/* What mksquashfs writes for a small tree. */
static void sample(uint8_t bytes[SIZE])
{
        memset(bytes, 0, SIZE);
        memcpy(bytes, "hsqs", 4);
        put32(bytes + 4, 3);
        put32(bytes + 12, 131072);
        put16(bytes + 20, 6);
        put16(bytes + 22, 17);
        put16(bytes + 26, 1);
        put16(bytes + 28, 4);
        put64(bytes + 32, UINT64_C(0x20) << 16 | 0x40);
        put64(bytes + 40, 1000);
        put64(bytes + 48, 900);
        put64(bytes + 56, UINT64_MAX);
        put64(bytes + 64, 200);
        put64(bytes + 72, 300);
        put64(bytes + 80, 400);
        put64(bytes + 88, UINT64_MAX);
}

static int file_of(const void *bytes, size_t size, uint64_t offset)
{
        int fd = memfd_create("squashfs_super_test", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(fd_pwrite_all(fd, bytes, size, offset), 0);
        return fd;
}

static void test_refusals(void **state)
{
        static const struct {
                size_t at, width;
                uint64_t value;
                int code;
                const char *told;
        } cases[] = {
                { 0, 4, 0x68737173, -ENOEXEC, "no squashfs" }, /* big-endian */
                { 20, 2, 0, -EBADMSG, "unknown compression algorithm value 0" },
                { 20, 2, 7, -EBADMSG, "unknown compression algorithm value 7" },
                { 28, 2, 3, -ENOTSUP, "version 3.0" },
                { 30, 2, 1, -ENOTSUP, "version 4.1" },
                { 12, 4, 65536, -EBADMSG, "blocks of 65536 bytes" },
                { 22, 2, 32, -EBADMSG, "2^32" },
                { 22, 2, 11, -EBADMSG, "2^11" },
                { 4, 4, 0, -EBADMSG, "0 inodes" },
                { 26, 2, 0, -EBADMSG, "0 owners" },
                { 40, 8, SIZE + 1, -EBADMSG, "truncated image: the squashfs has 4097 bytes, only 4096" },
                { 40, 8, UINT64_MAX, -EBADMSG, "truncated image" },
                { 40, 8, 0, -EBADMSG, "table lies outside" },
                { 48, 8, 1000, -EBADMSG, "table lies outside" },
                { 48, 8, UINT64_MAX, -EBADMSG, "table lies outside" },
                { 56, 8, 95, -EBADMSG, "table lies outside" },
                { 64, 8, 301, -EBADMSG, "table lies outside" },
                { 72, 8, 5000, -EBADMSG, "table lies outside" },
                { 80, 8, 5000, -EBADMSG, "table lies outside" },
                { 88, 8, UINT64_MAX - 1, -EBADMSG, "table lies outside" },
                { 32, 8, UINT64_C(100) << 16, -EBADMSG, "root inode" },
                { 32, 8, UINT64_MAX, -EBADMSG, "root inode" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t bytes[SIZE];
                struct squashfs_super super;
                struct err e = ERR_INIT;

                sample(bytes);
                if (cases[i].width == 2)
                        put16(bytes + cases[i].at, (uint16_t) cases[i].value);
                else if (cases[i].width == 4)
                        put32(bytes + cases[i].at, (uint32_t) cases[i].value);
                else
                        put64(bytes + cases[i].at, cases[i].value);
                _cleanup_close_ int fd = file_of(bytes, SIZE, 0);

                assert_int_equal(squashfs_super_read(fd, 0, SIZE, &super, &e), cases[i].code);
                if (!strstr(e.text, cases[i].told))
                        fail_msg("\"%s\" lacks \"%s\"", e.text, cases[i].told);
        }
}

static void test_bounds_of_the_read(void **state)
{
        uint8_t bytes[SIZE];
        struct squashfs_super super;

        (void) state;
        sample(bytes);
        _cleanup_close_ int fd = file_of(bytes, SIZE, 512);

        assert_int_equal(squashfs_super_read(fd, 512, 1000, &super, NULL), 0);
        assert_int_equal(super.block_size, 131072);
        assert_int_equal(super.compressor, 6);
        assert_int_equal(super.bytes_used, 1000);
        assert_int_equal(squashfs_super_read(fd, 512, 999, &super, NULL), -EBADMSG);
        assert_int_equal(squashfs_super_read(fd, 512, 95, &super, NULL), -ENOEXEC);
        assert_int_equal(squashfs_super_read(fd, SIZE + 512, 1000, &super, NULL), -ENOEXEC);
        assert_int_equal(squashfs_super_read(fd, UINT64_MAX, 1000, &super, NULL), -ENOEXEC);
        assert_int_equal(squashfs_super_read(-1, 0, 1000, &super, NULL), -EBADF);
}

static void test_launcher(void **state)
{
        static const struct {
                const char *text;
                uint64_t skip;
        } cases[] = {
                { "#!/usr/bin/env run-singularity\nhsqs", 31 },
                { "#!/bin/sh\nexec run-singularity\n", 31 },
                { " run-singularity\n", 0 },
                { "#!/usr/bin/env run-apptainer\n", 0 },
                { "", 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = file_of(cases[i].text, strlen(cases[i].text), 0);

                assert_int_equal(squashfs_launcher_skip(fd), cases[i].skip);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_bounds_of_the_read),
                cmocka_unit_test(test_launcher),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
