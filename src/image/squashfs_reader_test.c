/* Images are made by mksquashfs from a tree made here, and read back; damage is done to them byte by byte. */
#include "base/test.h"
#include "image/squashfs_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"

#define BIG_BYTES  (5 * 131072 + 777)
#define MANY_FILES 3000

static char place[64];

static void run(const char *format, ...)
{
        char command[1024];
        va_list args;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        if (system(command) != 0) // NOLINT(cert-env33-c): a test that runs mksquashfs
                fail_msg("%s", command);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
        char path[256];
        _cleanup_close_ int fd = -EBADF;

        snprintf(path, sizeof(path), "%s/tree/%s", place, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, bytes, size), 0);
}

static uint8_t big_byte(size_t i)
{
        return (uint8_t) ((i * 2654435761U) >> 13 & ((i >> 12) % 2 ? 0xff : 0x07));
}

static int group_setup(void **state)
{
        static uint8_t big[BIG_BYTES];
        char name[64];

        (void) state;
        snprintf(place, sizeof(place), "/tmp/squashfs_reader_test.XXXXXX");
        if (!mkdtemp(place))
                return -1;
        run("mkdir -p %s/tree/dir/sub %s/tree/empty %s/tree/many", place, place, place);
        write_file("hello", "hello\n", 6);
        write_file("nothing", "", 0);
        for (size_t i = 0; i < BIG_BYTES; i++)
                big[i] = big_byte(i);
        write_file("dir/big", big, BIG_BYTES);
        for (int i = 0; i < MANY_FILES; i++) {
                snprintf(name, sizeof(name), "many/a-file-with-a-longer-name-%06d", i);
                write_file(name, name, strlen(name));
        }
        run("cd %s/tree && ln -s ../hello dir/link && ln hello dir/hard && mkfifo pipe && "
            "truncate -s 70M sparse && printf x >>sparse && chmod 4755 hello && touch -d @1000000000 hello",
            place);
        return 0;
}

static int group_teardown(void **state)
{
        (void) state;
        run("rm -rf %s", place);
        return 0;
}

static bool have_mksquashfs(void)
{
        return system("command -v mksquashfs >/dev/null") == 0; // NOLINT(cert-env33-c)
}

/* Makes an image with options; an open descriptor. */
static int make_image(const char *options)
{
        char path[128];
        int fd;

        if (!have_mksquashfs()) {
                print_message("skipped: mksquashfs is not installed\n");
                skip();
        }
        snprintf(path, sizeof(path), "%s/image", place);
        run("rm -f %s && mksquashfs %s/tree %s -noappend -quiet -no-progress %s >/dev/null", path, place,
            path, options);
        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static uint64_t size_of(int fd)
{
        struct stat status;

        assert_int_equal(fstat(fd, &status), 0);
        return (uint64_t) status.st_size;
}

static struct squashfs_inode *find(struct squashfs_reader *r, const char *path)
{
        struct squashfs_inode *inode = NULL;
        struct err e = ERR_INIT;
        uint64_t reference;

        if (squashfs_path_find(r, path, &reference, &e) != 0 ||
            squashfs_inode_read(r, reference, &inode, &e) != 0)
                fail_msg("%s: %s", path, e.text);
        return inode;
}

static void check_status(struct squashfs_reader *r, const char *path)
{
        struct squashfs_inode *inode = find(r, path);
        struct stat ours, theirs;
        char full[256];

        snprintf(full, sizeof(full), "%s/tree/%s", place, path);
        assert_int_equal(lstat(full, &theirs), 0);
        squashfs_inode_stat(inode, &ours);
        assert_int_equal(ours.st_mode, theirs.st_mode);
        assert_int_equal(ours.st_uid, theirs.st_uid);
        assert_int_equal(ours.st_gid, theirs.st_gid);
        assert_int_equal(ours.st_mtim.tv_sec, theirs.st_mtim.tv_sec);
        if (!S_ISDIR(theirs.st_mode)) {
                assert_int_equal(ours.st_size, theirs.st_size);
                assert_int_equal(ours.st_nlink, theirs.st_nlink);
        }
        squashfs_inode_free(inode);
}

static void check_content(struct squashfs_reader *r)
{
        static uint8_t bytes[BIG_BYTES];
        struct squashfs_inode *inode = find(r, "dir/big");

        assert_int_equal(squashfs_file_size(inode), BIG_BYTES);
        assert_int_equal(squashfs_file_n_blocks(inode),
                         (BIG_BYTES - 1) / squashfs_reader_super(r)->block_size + 1);
        assert_int_equal(squashfs_file_read(r, inode, 0, bytes, BIG_BYTES, NULL), BIG_BYTES);
        for (size_t i = 0; i < BIG_BYTES; i++)
                assert_int_equal(bytes[i], big_byte(i));
        assert_int_equal(squashfs_file_read(r, inode, BIG_BYTES - 10, bytes, 100, NULL), 10);
        assert_int_equal(bytes[9], big_byte(BIG_BYTES - 1));
        assert_int_equal(squashfs_file_read(r, inode, BIG_BYTES, bytes, 100, NULL), 0);
        assert_int_equal(squashfs_file_read(r, inode, 131072 - 3, bytes, 6, NULL), 6);
        for (size_t i = 0; i < 6; i++)
                assert_int_equal(bytes[i], big_byte(131072 - 3 + i));
        squashfs_inode_free(inode);
}

static void check_sparse(struct squashfs_reader *r)
{
        struct squashfs_inode *inode = find(r, "sparse");
        uint64_t size = 70U << 20; /* more than 512 blocks */
        struct squashfs_block block;
        char bytes[3] = "abc";

        assert_int_equal(squashfs_file_size(inode), size + 1);
        assert_int_equal(squashfs_file_block(r, inode, 0, &block, NULL), 0);
        assert_true(block.sparse);
        assert_int_equal(squashfs_file_read(r, inode, size - 2, bytes, 3, NULL), 3);
        assert_memory_equal(bytes, "\0\0x", 3);
        assert_int_equal(squashfs_file_block(r, inode, squashfs_file_n_blocks(inode), &block, NULL), -EINVAL);
        squashfs_inode_free(inode);
}

static void check_links(struct squashfs_reader *r)
{
        struct squashfs_inode *inode = find(r, "dir/link");
        uint64_t a, b;

        assert_string_equal(squashfs_inode_link(inode), "../hello");
        squashfs_inode_free(inode);
        assert_int_equal(squashfs_path_find(r, "hello", &a, NULL), 0);
        assert_int_equal(squashfs_path_find(r, "/dir//hard", &b, NULL), 0);
        assert_int_equal(a, b);
        assert_int_equal(squashfs_path_find(r, "dir/absent", &b, NULL), -ENOENT);
        assert_int_equal(squashfs_path_find(r, "hello/below", &b, NULL), -ENOENT);
        assert_int_equal(squashfs_path_find(r, "", &b, NULL), 0);
        assert_int_equal(b, squashfs_reader_super(r)->root_inode);
}

struct count {
        int n;
        uint64_t next[MANY_FILES + 1];
        char last[64];
};

static int count_entry(const struct squashfs_entry *entry, void *user)
{
        struct count *count = user;

        snprintf(count->last, sizeof(count->last), "%.*s", (int) entry->name_size, entry->name);
        assert_int_equal(entry->mode_type, S_IFREG);
        count->next[count->n++] = entry->next;
        return 0;
}

static int take_one(const struct squashfs_entry *entry, void *user)
{
        snprintf(user, 64, "%.*s", (int) entry->name_size, entry->name);
        return 7;
}

static void check_listing(struct squashfs_reader *r)
{
        struct squashfs_inode *dir = find(r, "many");
        static struct count count;
        char name[64], wanted[64];
        uint64_t reference;

        memset(&count, 0, sizeof(count));
        assert_int_equal(squashfs_directory_read(r, dir, 0, count_entry, &count, NULL), 0);
        assert_int_equal(count.n, MANY_FILES);
        assert_string_equal(count.last, "a-file-with-a-longer-name-002999");
        for (int i = 0; i < MANY_FILES - 1; i += 7) {
                assert_int_equal(squashfs_directory_read(r, dir, count.next[i], take_one, name, NULL), 7);
                snprintf(wanted, sizeof(wanted), "a-file-with-a-longer-name-%06d", i + 1);
                assert_string_equal(name, wanted);
                assert_int_equal(squashfs_directory_find(r, dir, name, strlen(name), &reference, NULL), 0);
        }
        assert_int_equal(squashfs_directory_read(r, dir, count.next[MANY_FILES - 1], take_one, name, NULL),
                         0);
        assert_int_equal(squashfs_directory_read(r, dir, UINT64_MAX >> 2, take_one, name, NULL), -EBADMSG);
        assert_int_equal(squashfs_directory_find(r, dir, "a", 1, &reference, NULL), -ENOENT);
        assert_int_equal(squashfs_directory_find(r, dir, "zzz", 3, &reference, NULL), -ENOENT);
        squashfs_inode_free(dir);
        dir = find(r, "empty");
        assert_int_equal(squashfs_directory_read(r, dir, 0, take_one, name, NULL), 0);
        squashfs_inode_free(dir);
}

static void check_image(const char *options)
{
        static const char *const paths[] = { "",        "hello",    "nothing", "dir",
                                             "dir/big", "dir/link", "pipe",    "sparse" };
        struct squashfs_reader *r, *clone;
        struct err e = ERR_INIT;
        _cleanup_close_ int fd = make_image(options);

        if (squashfs_reader_new(&r, fd, 0, size_of(fd), &e) < 0)
                fail_msg("%s: %s", options, e.text);
        assert_int_equal(squashfs_reader_clone(&clone, r, &e), 0);
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                check_status(i % 2 ? clone : r, paths[i]);
        check_content(clone);
        squashfs_reader_free(r);
        check_content(clone);
        check_sparse(clone);
        check_links(clone);
        check_listing(clone);
        squashfs_reader_free(clone);
}

static void test_images(void **state)
{
        static const char *const kinds[] = {
                "-comp gzip",
                "-comp xz",
                "-comp lzma",
                "-comp lz4",
                "-comp zstd",
                "-comp zstd -b 4K",
                "-comp zstd -b 1M",
                "-noI -noD -noF -noX",
                "-comp zstd -no-fragments",
                "-comp gzip -always-use-fragments",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                check_image(kinds[i]);
}

static void test_image_behind_other_bytes(void **state)
{
        struct squashfs_reader *r;
        char path[128];
        _cleanup_close_ int fd = make_image("-comp zstd"), moved = -EBADF;
        uint64_t size = size_of(fd);

        (void) state;
        snprintf(path, sizeof(path), "%s/moved", place);
        moved = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(fd_copy(fd, 0, moved, 31, size), 0);
        assert_int_equal(squashfs_reader_new(&r, moved, 31, size, NULL), 0);
        check_content(r);
        squashfs_reader_free(r);
        assert_int_equal(squashfs_reader_new(&r, moved, 31, 5000, NULL), -EBADMSG);
        assert_int_equal(squashfs_reader_new(&r, moved, 30, size, NULL), -ENOEXEC);
}

struct attributes {
        char text[512];
};

static int note_attribute(const char *name, const void *value, size_t size, void *user)
{
        struct attributes *a = user;
        size_t used = strlen(a->text);

        snprintf(a->text + used, sizeof(a->text) - used, "%s=%.*s,%zu ", name, size < 20 ? (int) size : 20,
                 (const char *) value, size);
        return 0;
}

static void test_extended_attributes(void **state)
{
        struct attributes a = { "" };
        struct squashfs_inode *inode;
        struct squashfs_reader *r;
        char path[128], value[1000];
        _cleanup_close_ int fd = -EBADF;

        (void) state;
        snprintf(path, sizeof(path), "%s/tree/hello", place);
        memset(value, 'v', sizeof(value));
        if (setxattr(path, "user.color", "blue", 4, 0) < 0 ||
            setxattr(path, "user.long", value, 1000, 0) < 0) {
                print_message("skipped: no extended attributes in /tmp\n");
                skip();
        }
        snprintf(path, sizeof(path), "%s/tree/nothing", place); /* the same value: stored once */
        assert_int_equal(setxattr(path, "user.other", value, 1000, 0), 0);
        fd = make_image("-comp zstd -xattrs");
        assert_int_equal(squashfs_reader_new(&r, fd, 0, size_of(fd), NULL), 0);
        assert_true(squashfs_reader_has_xattrs(r));
        inode = find(r, "hello");
        assert_true(squashfs_inode_has_xattrs(inode));
        assert_int_equal(squashfs_xattrs_read(r, inode, note_attribute, &a, NULL), 0);
        squashfs_inode_free(inode);
        inode = find(r, "nothing");
        assert_int_equal(squashfs_xattrs_read(r, inode, note_attribute, &a, NULL), 0);
        squashfs_inode_free(inode);
        assert_string_equal(a.text, "user.color=blue,4 user.long=vvvvvvvvvvvvvvvvvvvv,1000 "
                                    "user.other=vvvvvvvvvvvvvvvvvvvv,1000 ");
        inode = find(r, "dir");
        assert_false(squashfs_inode_has_xattrs(inode));
        squashfs_inode_free(inode);
        squashfs_reader_free(r);
}

/* --- damage --------------------------------------------------------------------------------------- */

static int count_all(const struct squashfs_entry *entry, void *user)
{
        (void) entry;
        ++*(int *) user;
        return 0;
}

/* Reads what there is; every failure must be one of those that say why. */
static void read_damaged(int fd, uint64_t size)
{
        static const char *const paths[] = { "", "hello", "dir/big", "dir/link", "many", "sparse" };
        static uint8_t bytes[BIG_BYTES];
        struct squashfs_reader *r;
        struct err e = ERR_INIT;
        int code = squashfs_reader_new(&r, fd, 0, size, &e), n = 0;

        if (code < 0) {
                assert_true(e.text[0]);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                struct squashfs_inode *inode;
                uint64_t reference;

                if (squashfs_path_find(r, paths[i], &reference, &e) < 0 ||
                    squashfs_inode_read(r, reference, &inode, &e) != 0)
                        continue;
                squashfs_file_read(r, inode, 0, bytes, sizeof(bytes), &e);
                squashfs_directory_read(r, inode, 0, count_all, &n, &e);
                squashfs_inode_free(inode);
        }
        squashfs_reader_free(r);
}

static void test_damage(void **state)
{
        _cleanup_close_ int fd = make_image("-comp zstd -noI -noX");
        uint64_t size = size_of(fd), tables;
        struct squashfs_reader *r;

        (void) state;
        assert_int_equal(squashfs_reader_new(&r, fd, 0, size, NULL), 0);
        tables = squashfs_reader_super(r)->inode_table;
        squashfs_reader_free(r);
        for (unsigned i = 0; i < 500; i++) {
                /* The superblock in turn, then the tables at random places. */
                uint64_t at = i < 96 ? i : tables + (uint64_t) i * 7919 % (size - tables);
                uint8_t good, bad;

                assert_int_equal(pread(fd, &good, 1, (off_t) at), 1);
                bad = i % 3 == 0 ? 0xff : i % 3 == 1 ? (uint8_t) (good ^ 0x40) : 0;
                assert_int_equal(pwrite(fd, &bad, 1, (off_t) at), 1);
                read_damaged(fd, size);
                assert_int_equal(pwrite(fd, &good, 1, (off_t) at), 1);
        }
        for (uint64_t cut = 0; cut < size; cut += size / 97 + 1)
                read_damaged(fd, cut);
        assert_int_equal(ftruncate(fd, (off_t) size / 2), 0);
        read_damaged(fd, size);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_images),
                cmocka_unit_test(test_image_behind_other_bytes),
                cmocka_unit_test(test_extended_attributes),
                cmocka_unit_test(test_damage),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
