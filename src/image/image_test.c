#include "base/test.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "image/architecture.h"
#include "image/image.h"

#define PART 36864 /* where the partition of make_sif() begins */

static char directory[] = "/tmp/image_test.XXXXXX";

static int setup(void **state)
{
        (void) state;
        return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
        _cleanup_free_ char *command = text_format("rm -rf '%s'", directory);

        (void) state;
        return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static int create(const char *name)
{
        int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        return fd;
}

static void make(const char *name, const void *bytes, size_t size, off_t file_size)
{
        _cleanup_close_ int fd = create(name);

        assert_int_equal(fd_pwrite_all(fd, bytes, size, 0), 0);
        assert_int_equal(ftruncate(fd, file_size), 0);
}

static void put(uint8_t *at, uint64_t value, size_t width)
{
        for (size_t i = 0; i < width; i++)
                at[i] = (uint8_t) (value >> 8 * i);
}

static void squashfs(uint8_t bytes[96], uint64_t used)
{
        memset(bytes, 0, 96);
        memcpy(bytes, "hsqs", 4);
        put(bytes + 4, 1, 4);
        put(bytes + 12, 131072, 4);
        put(bytes + 20, 1, 2);
        put(bytes + 22, 17, 2);
        put(bytes + 26, 1, 2);
        put(bytes + 28, 4, 2);
        put(bytes + 40, used, 8);
        put(bytes + 48, 200, 8);
        put(bytes + 56, UINT64_MAX, 8);
        put(bytes + 64, 100, 8);
        put(bytes + 72, 120, 8);
        put(bytes + 80, UINT64_MAX, 8);
        put(bytes + 88, UINT64_MAX, 8);
}

/* The superblock at 1024; n_blocks of 1 KiB. */
static void ext3(uint8_t bytes[2048], uint32_t n_blocks, uint32_t compat, uint32_t incompat)
{
        memset(bytes, 0, 2048);
        put(bytes + 1024 + 4, n_blocks, 4);
        put(bytes + 1080, 0xef53, 2);
        put(bytes + 1116, compat, 4);
        put(bytes + 1120, incompat, 4);
        put(bytes + 1124, 3, 4);
}

/* One primary partition of 4096 bytes with these at its start. */
static void make_sif(const char *name, int32_t fs, const char *arch, const void *bytes, size_t size)
{
        _cleanup_close_ int fd = create(name);
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        const struct sif_object object = { .type = SIF_TYPE_PARTITION,
                                           .group = 1,
                                           .extra = extra,
                                           .extra_size = sizeof(extra),
                                           .alignment = 4096 };
        const struct sif_object first = { .type = SIF_TYPE_DEFFILE, .group = 1 };
        struct sif_writer w;
        uint64_t offset;

        assert_int_equal(sif_writer_init(&w, fd, SIF_LAUNCHER, false, NULL), 0);
        assert_int_equal(sif_writer_add_bytes(&w, &first, directory, 0, NULL), 0);
        w.at = PART - 1;
        sif_partition_extra(extra, fs, SIF_PART_PRIMARY, arch);
        assert_int_equal(sif_writer_begin(&w, &object, &offset, NULL), 0);
        assert_int_equal(offset, PART);
        assert_int_equal(fd_pwrite_all(fd, bytes, size, offset), 0);
        assert_int_equal(sif_writer_end(&w, 4096, NULL), 0);
        assert_int_equal(sif_writer_finish(&w, NULL), 0);
        sif_writer_done(&w);
}

static void assert_refused(const char *name, int code, const char *told)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        struct err e = ERR_INIT;
        int r = image_open(&image, name, true, &e);

        if (r != code)
                fail_msg("%s: %d instead of %d (%s)", name, r, code, e.text);
        if (!strstr(e.text, told))
                fail_msg("%s: \"%s\" lacks \"%s\"", name, e.text, told);
        if (!strstr(e.text, "could not open image /"))
                fail_msg("%s: \"%s\" does not name it", name, e.text);
        assert_int_equal(image.fd, -EBADF);
        assert_null(image.path);
}

static void assert_opens(const char *name, enum image_kind kind, enum image_rootfs rootfs, uint64_t offset,
                         uint64_t size)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        _cleanup_free_ char *path = realpath(name, NULL);
        struct err e = ERR_INIT;

        if (image_open(&image, name, true, &e) < 0)
                fail_msg("%s: %s", name, e.text);
        assert_int_equal(image.kind, kind);
        assert_int_equal(image.rootfs, rootfs);
        assert_int_equal(image.offset, offset);
        assert_int_equal(image.size, size);
        assert_string_equal(image.path, path);
        assert_int_equal(fcntl(image.fd, F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(image.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_special_files(void **state)
{
        _cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };

        (void) state;
        assert_int_equal(mkfifo("fifo", 0600), 0);
        assert_int_equal(bind(listener, (const struct sockaddr *) &address, sizeof(address)), 0);
        assert_refused("fifo", -ENOEXEC, "image format not recognized: it is a named pipe");
        assert_refused("/dev/null", -ENOEXEC, "image format not recognized: it is a character device");
        assert_refused("socket", -ENXIO, "socket");
        assert_refused("missing", -ENOENT, "No such file or directory");
        assert_refused("fifo/x", -ENOTDIR, "Not a directory");
        assert_refused("/", -EPERM, "/ as sandbox is not authorized");
        assert_int_equal(symlink("loop", "loop"), 0);
        assert_refused("loop", -ELOOP, "symbolic links");
}

static void test_unreadable(void **state)
{
        uid_t self = geteuid();

        (void) state;
        make("unreadable", "x", 1, 4096);
        assert_int_equal(chmod("unreadable", 0), 0);
        assert_int_equal(chmod(directory, 0755), 0);
        if (self == 0)
                assert_int_equal(seteuid(65534), 0); /* root may read everything */
        assert_refused("unreadable", -EACCES,
                       "unreadable is not readable by the current user, check permissions");
        assert_int_equal(seteuid(self), 0);
}

static void test_unknown(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
                off_t file_size;
                const char *told;
        } cases[] = {
                { "", 0, 0, "image format not recognized: the file is empty" },
                { "", 0, 100, "image format not recognized" },
                { "", 0, 4096, "image format not recognized" },
                { "xxxSIF_MAGIC", 12, 4096, "image format not recognized" },
                { "\x1f\x8b\x08", 3, 4096, "it is gzip data" },
                { "<!DOCTYPE html>", 15, 4096, "it is an HTML page" },
                { "version https://git-lfs.github.com/spec/v1\n", 43, 130, "it is a Git LFS pointer" },
                { "#!/usr/bin/env run-singularity\n\0hsqs", 36, 4096, "image format not recognized" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                make("unknown", cases[i].bytes, cases[i].size, cases[i].file_size);
                assert_refused("unknown", -ENOEXEC, cases[i].told);
        }
}

static void test_sandbox(void **state)
{
        _cleanup_image_ struct image root = IMAGE_INIT;

        (void) state;
        assert_int_equal(mkdir("box", 0755), 0);
        assert_int_equal(symlink("box", "link"), 0);
        assert_opens("link", IMAGE_SANDBOX, IMAGE_ROOTFS_DIRECTORY, 0, 0);
        assert_int_equal(image_open(&root, "/", false, NULL), 0);
}

static void test_bare_squashfs(void **state)
{
        uint8_t bytes[4096] = "#!/usr/bin/env run-singularity\n";

        (void) state;
        squashfs(bytes + 31, 3000);
        make("launched.img", bytes, sizeof(bytes), 4096);
        assert_opens("launched.img", IMAGE_SQUASHFS, IMAGE_ROOTFS_SQUASHFS, 31, 4096 - 31);
        make("launched.img", bytes, sizeof(bytes), 3030);
        assert_refused("launched.img", -EBADMSG, "truncated image: the squashfs has 3000 bytes, only 2999");
        make("plain.anything", bytes + 31, 3000, 3000);
        assert_opens("plain.anything", IMAGE_SQUASHFS, IMAGE_ROOTFS_SQUASHFS, 0, 3000);
        put(bytes + 31 + 20, 9, 2);
        make("plain.anything", bytes + 31, 3000, 3000);
        assert_refused("plain.anything", -EBADMSG, "unknown compression algorithm value 9");
}

static void test_bare_ext3(void **state)
{
        uint8_t bytes[2048];

        (void) state;
        ext3(bytes, 64, 0x3c, 2);
        make("ext", bytes, sizeof(bytes), 65536);
        assert_opens("ext", IMAGE_EXT3, IMAGE_ROOTFS_EXT3, 0, 65536);
        make("ext", bytes, sizeof(bytes), 65535);
        assert_refused("ext", -EBADMSG, "truncated image: the ext3 has 65536 bytes, only 65535");
        ext3(bytes, 64, 0x38, 2);
        make("ext", bytes, sizeof(bytes), 65536);
        assert_refused("ext", -ENOTSUP, "file is not a valid ext3 image: it has no journal (ext2)");
        ext3(bytes, 64, 0x3c, 0x242);
        make("ext", bytes, sizeof(bytes), 65536);
        assert_refused("ext", -ENOTSUP, "file is not a valid ext3 image: it has features of ext4");
}

static void test_sif(void **state)
{
        uint8_t bytes[2048];
        const char *native = sif_arch_code(sif_arch_native());

        (void) state;
        squashfs(bytes, 4096);
        make_sif("good.sif", SIF_FS_SQUASHFS, native, bytes, 96);
        assert_opens("good.sif", IMAGE_SIF, IMAGE_ROOTFS_SQUASHFS, PART, 4096);
        make_sif("unknown.sif", SIF_FS_SQUASHFS, "00", bytes, 96);
        assert_opens("unknown.sif", IMAGE_SIF, IMAGE_ROOTFS_SQUASHFS, PART, 4096);
        make_sif("unknown.sif", SIF_FS_SQUASHFS, "99", bytes, 96);
        assert_opens("unknown.sif", IMAGE_SIF, IMAGE_ROOTFS_SQUASHFS, PART, 4096);
        make_sif("locked.sif", SIF_FS_ENCRYPTED, native, "LUKS", 4);
        assert_opens("locked.sif", IMAGE_SIF, IMAGE_ROOTFS_ENCRYPTED, PART, 4096);
        make_sif("locked.sif", SIF_FS_GOCRYPTFS, native, "", 0);
        assert_opens("locked.sif", IMAGE_SIF, IMAGE_ROOTFS_GOCRYPTFS, PART, 4096);
        ext3(bytes, 4, 4, 0);
        make_sif("ext3.sif", SIF_FS_EXT3, native, bytes, sizeof(bytes));
        assert_opens("ext3.sif", IMAGE_SIF, IMAGE_ROOTFS_EXT3, PART, 4096);
}

static void test_sif_partitions(void **state)
{
        uint8_t bytes[2048];
        const char *native = sif_arch_code(sif_arch_native());

        (void) state;
        squashfs(bytes, 4097);
        make_sif("bad.sif", SIF_FS_SQUASHFS, native, bytes, 96);
        assert_refused("bad.sif", -EBADMSG, "partition 2: truncated image: the squashfs has 4097 bytes");
        squashfs(bytes, 4096);
        make_sif("bad.sif", SIF_FS_EXT3, native, bytes, 96);
        assert_refused("bad.sif", -EBADMSG, "while checking system partition header: partition 2: no ext3");
        make_sif("bad.sif", SIF_FS_RAW, native, bytes, 96);
        assert_refused("bad.sif", -ENOTSUP, "raw partition");
        make_sif("bad.sif", SIF_FS_ARCHIVE, native, bytes, 96);
        assert_refused("bad.sif", -ENOTSUP, "unknown filesystem type 3");
        ext3(bytes, 4, 4, 0);
        make_sif("bad.sif", SIF_FS_SQUASHFS, native, bytes, sizeof(bytes));
        assert_refused("bad.sif", -EBADMSG, "no squashfs superblock");
        squashfs(bytes, 4096);
        make_sif("bad.sif", SIF_FS_SQUASHFS, native, bytes, 96);
        assert_int_equal(truncate("bad.sif", PART + 4095), 0);
        assert_refused("bad.sif", -EBADMSG,
                       "truncated image: object 2 (FS) ends at byte 40960, the file has 40959 bytes");
        make_sif("bad.sif", SIF_FS_SQUASHFS, "11", bytes, 96);
        if (!architecture_runs("s390x", sif_arch_native(), ARCHITECTURE_BINFMT))
                assert_refused("bad.sif", -ENOTSUP,
                               "the image's architecture (s390x) could not run on the host's (");
}

/* For inspecting: an image that cannot run opens all the same. */
static void test_without_rootfs(void **state)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        struct err e = ERR_INIT;
        uint8_t bytes[96];

        (void) state;
        squashfs(bytes, 4096);
        make_sif("other.sif", SIF_FS_SQUASHFS, "11", bytes, 96);
        assert_int_equal(image_open(&image, "other.sif", false, &e), 0);
        assert_int_equal(image.size, 4096);
        assert_int_equal(image_find_rootfs(&image, &e), 0);
        image_done(&image);
        make_sif("other.sif", SIF_FS_RAW, "11", bytes, 96);
        assert_int_equal(image_open(&image, "other.sif", false, &e), 0);
        assert_string_equal(e.text, "");
        assert_int_equal(image.size, 0);
        assert_int_equal(image_find_rootfs(&image, &e), -ENOTSUP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_special_files),
                cmocka_unit_test(test_unreadable),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_sandbox),
                cmocka_unit_test(test_bare_squashfs),
                cmocka_unit_test(test_bare_ext3),
                cmocka_unit_test(test_sif),
                cmocka_unit_test(test_sif_partitions),
                cmocka_unit_test(test_without_rootfs),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
