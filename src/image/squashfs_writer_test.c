#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "image/squashfs_reader.h"
#include "image/squashfs_writer.h"

static void clean_writer(struct squashfs_writer **w)
{
        squashfs_writer_free(*w);
}
#define _cleanup_writer_ __attribute__((cleanup(clean_writer)))

static void clean_reader(struct squashfs_reader **r)
{
        squashfs_reader_free(*r);
}
#define _cleanup_reader_ __attribute__((cleanup(clean_reader)))

static void clean_inode(struct squashfs_inode **inode)
{
        squashfs_inode_free(*inode);
}
#define _cleanup_inode_ __attribute__((cleanup(clean_inode)))

static int new_file(void)
{
        int fd = memfd_create("image", MFD_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static struct tree_node *add(struct tree *t, struct tree_node *dir, const char *name, uint32_t mode)
{
        return tree_add(t, dir ? dir : tree_root(t), name, strlen(name), mode);
}

/* Bytes that compress a little, different for each seed. */
static void fill(uint8_t *bytes, size_t size, uint32_t seed)
{
        for (size_t i = 0; i < size; i++) {
                seed = seed * 1664525u + 1013904223u;
                bytes[i] = i / 64 % 4 ? (uint8_t) i : (uint8_t) (seed >> 24);
        }
}

static int write_file(struct squashfs_writer *w, struct tree_node *node, const void *bytes, size_t size,
                      struct err *e)
{
        int r;

        node->inode->size_bytes = size;
        r = squashfs_writer_file_begin(w, node->inode, e);
        for (size_t at = 0; at < size && r == 0; at += 50000)
                r = squashfs_writer_file_data(w, (const uint8_t *) bytes + at,
                                              size - at < 50000 ? size - at : 50000, e);
        return r == 0 ? squashfs_writer_file_end(w, e) : r;
}

static void must(int r, const struct err *e)
{
        if (r != 0)
                fail_msg("%d: %s", r, e->text);
}

/* Opens a file of a finished image. */
static struct squashfs_inode *look_up(struct squashfs_reader *r, const char *path, struct stat *ret)
{
        struct squashfs_inode *inode = NULL;
        struct err e = ERR_INIT;
        uint64_t reference = 0;

        must(squashfs_path_find(r, path, &reference, &e), &e);
        must(squashfs_inode_read(r, reference, &inode, &e), &e);
        squashfs_inode_stat(inode, ret);
        return inode;
}

static void check_content(struct squashfs_reader *r, const char *path, const void *bytes, size_t size)
{
        _cleanup_free_ uint8_t *read = text_alloc(size + 1);
        struct err e = ERR_INIT;
        struct stat st;
        _cleanup_inode_ struct squashfs_inode *inode = look_up(r, path, &st);
        size_t n = 0;

        assert_int_equal(st.st_size, size);
        while (n < size) {
                ssize_t got = squashfs_file_read(r, inode, n, read + n, size - n, &e);

                if (got <= 0)
                        fail_msg("%s: %s", path, e.text);
                n += (size_t) got;
        }
        assert_memory_equal(read, bytes, size);
}

/* --- a tree with one of each ---------------------------------------------------------------------------- */

#define BIG (5 * 131072 + 777)

struct sample {
        struct tree *tree;
        struct tree_node *big, *same, *small, *end_of_block, *sparse;
        uint8_t bytes[BIG];
        uint8_t holes[BIG];
};

static void sample_make(struct sample *s)
{
        struct tree *t = s->tree = tree_new();
        struct tree_node *dir = add(t, NULL, "dir", S_IFDIR | 02755), *node;

        fill(s->bytes, BIG, 1);
        memcpy(s->holes, s->bytes, 1000);
        tree_root(t)->inode->mtime = 1000;
        s->big = add(t, dir, "big", S_IFREG | 0644);
        s->same = add(t, dir, "same", S_IFREG | 04755);
        s->small = add(t, dir, "small", S_IFREG | 0600);
        s->end_of_block = add(t, dir, "block", S_IFREG | 0600);
        s->sparse = add(t, dir, "sparse", S_IFREG | 0600);
        add(t, dir, "empty", S_IFREG | 0600);
        s->big->inode->uid = 0xfffffffe;
        s->big->inode->gid = 1u << 31;
        s->big->inode->mtime = 4000000000;
        tree_xattr_set(s->small->inode, "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                       20);
        tree_xattr_set(s->small->inode, "user.empty", "", 0);
        tree_xattr_set(dir->inode, "trusted.overlay.opaque", "y", 1);
        tree_xattr_set(dir->inode, "system.posix_acl_access", "x", 1);
        tree_add_link(t, tree_root(t), "linked", 6, s->small);
        add(t, NULL, "link", S_IFLNK | 0777)->inode->link = text_dup("dir/../dir");
        node = add(t, NULL, "null", S_IFCHR | 0666);
        node->inode->rdev = makedev(1, 3);
        node = add(t, NULL, "disk", S_IFBLK | 0660);
        node->inode->rdev = makedev(4095, 1048575);
        tree_add_link(t, dir, "disk2", 5, node);
        node->inode->mtime = -5;
        add(t, NULL, "fifo", S_IFIFO | 0644);
        add(t, NULL, "socket", S_IFSOCK | 0755);
        add(t, NULL, "\xff\n\x01*", S_IFREG | 0);
        tree_put_file(t, "dir/generated", 0755, "text\n", 5, NULL);
}

static void sample_write(struct sample *s, struct squashfs_writer *w)
{
        struct err e = ERR_INIT;

        must(write_file(w, s->small, s->bytes, 777, &e), &e);
        must(write_file(w, s->big, s->bytes, BIG, &e), &e);
        must(write_file(w, s->end_of_block, s->bytes, 131072 * 2, &e), &e);
        must(write_file(w, s->sparse, s->holes, BIG, &e), &e);
        must(write_file(w, s->same, s->bytes, BIG, &e), &e);
}

static int collect_xattr(const char *name, const void *value, size_t value_size, void *user)
{
        (void) value;
        text_printf(user, "%s=%zu,", name, value_size);
        return 0;
}

static void check_xattrs(struct squashfs_reader *r, const char *path, const char *expected)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        struct err e = ERR_INIT;
        struct stat st;
        _cleanup_inode_ struct squashfs_inode *inode = look_up(r, path, &st);

        must(squashfs_xattrs_read(r, inode, collect_xattr, &out, &e), &e);
        assert_string_equal(text_get(&out), expected);
}

static void check_stat(struct squashfs_reader *r, const char *path, uint32_t mode, nlink_t n_links,
                       uint32_t uid, int64_t mtime, uint64_t rdev)
{
        struct stat st;
        _cleanup_inode_ struct squashfs_inode *inode = look_up(r, path, &st);

        assert_non_null(inode);
        assert_int_equal(st.st_mode, mode);
        assert_int_equal(st.st_nlink, n_links);
        assert_int_equal(st.st_uid, uid);
        assert_int_equal(st.st_mtime, mtime);
        assert_int_equal(st.st_rdev, rdev);
}

static void sample_check(const struct sample *s, struct squashfs_reader *r)
{
        struct stat st, other;
        _cleanup_inode_ struct squashfs_inode *link = look_up(r, "link", &st);

        assert_string_equal(squashfs_inode_link(link), "dir/../dir");
        check_content(r, "dir/big", s->bytes, BIG);
        check_content(r, "dir/same", s->bytes, BIG);
        check_content(r, "dir/small", s->bytes, 777);
        check_content(r, "dir/block", s->bytes, 131072 * 2);
        check_content(r, "dir/sparse", s->holes, BIG);
        check_content(r, "dir/empty", "", 0);
        check_content(r, "dir/generated", "text\n", 5);
        check_content(r, "\xff\n\x01*", "", 0);
        check_stat(r, "", S_IFDIR | 0755, 3, 0, 1000, 0);
        check_stat(r, "dir", S_IFDIR | 02755, 2, 0, 0, 0);
        check_stat(r, "dir/big", S_IFREG | 0644, 1, 0xfffffffe, 4000000000, 0);
        check_stat(r, "dir/same", S_IFREG | 04755, 1, 0, 0, 0);
        check_stat(r, "dir/small", S_IFREG | 0600, 2, 0, 0, 0);
        check_stat(r, "null", S_IFCHR | 0666, 1, 0, 0, makedev(1, 3));
        check_stat(r, "disk", S_IFBLK | 0660, 2, 0, 0, makedev(4095, 1048575));
        check_stat(r, "fifo", S_IFIFO | 0644, 1, 0, 0, 0);
        check_stat(r, "socket", S_IFSOCK | 0755, 1, 0, 0, 0);
        check_xattrs(r, "linked", "security.capability=20,user.empty=0,");
        check_xattrs(r, "dir", "trusted.overlay.opaque=1,");
        squashfs_inode_free(look_up(r, "linked", &st));
        squashfs_inode_free(look_up(r, "dir/small", &other));
        assert_int_equal(st.st_ino, other.st_ino);
}

/* Writes the sample into fd at offset. */
static uint64_t sample_pack(int fd, uint64_t offset, const struct squashfs_options *o)
{
        _cleanup_writer_ struct squashfs_writer *w = NULL;
        _cleanup_free_ struct sample *s = text_alloc(sizeof(*s));
        struct err e = ERR_INIT;
        uint64_t size = 0;

        sample_make(s);
        must(squashfs_writer_new(&w, fd, offset, o, &e), &e);
        sample_write(s, w);
        must(squashfs_writer_finish(w, s->tree, &size, &e), &e);
        assert_int_equal(size % 4096, 0);
        tree_free(s->tree);
        return size;
}

static void test_round_trip(void **state)
{
        static const char *const arguments[] = {
                "",
                "-comp gzip",
                "-comp gzip -Xcompression-level 1",
                "-comp xz",
                "-comp lz4",
                "-comp lz4 -Xhc",
                "-comp lzma",
                "-comp zstd -Xcompression-level 15",
                "-b 4096",
                "-b 1M",
                "-no-fragments",
                "-no-duplicates",
                "-noI -noD -noF -noX",
                "-noF",
                "-noD -processors 3",
                "-mem 1",
        };
        _cleanup_free_ struct sample *s = text_alloc(sizeof(*s));

        (void) state;
        sample_make(s);
        for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
                struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
                _cleanup_reader_ struct squashfs_reader *r = NULL;
                _cleanup_close_ int fd = new_file();
                struct err e = ERR_INIT;
                uint64_t size;
                char before[5] = "";

                must(squashfs_options_parse(&o, arguments[i], &e), &e);
                assert_int_equal(pwrite(fd, "head", 4, 0), 4);
                size = sample_pack(fd, 8192, &o);
                assert_int_equal(lseek(fd, 0, SEEK_END), 8192 + size);
                assert_int_equal(pread(fd, before, 4, 0), 4);
                assert_string_equal(before, "head");
                must(squashfs_reader_new(&r, fd, 8192, size, &e), &e);
                assert_int_equal(squashfs_reader_super(r)->mtime, 4000000000);
                sample_check(s, r);
        }
        tree_free(s->tree);
}

static void test_all_root_no_xattrs_clamped(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_reader_ struct squashfs_reader *r = NULL;
        _cleanup_close_ int fd = new_file();
        struct err e = ERR_INIT;
        struct stat st;
        uint64_t size;

        (void) state;
        o.all_root = o.no_xattrs = o.has_mtime = true;
        o.mtime = 500;
        size = sample_pack(fd, 0, &o);
        must(squashfs_reader_new(&r, fd, 0, size, &e), &e);
        assert_int_equal(squashfs_reader_super(r)->mtime, 500);
        assert_int_equal(squashfs_reader_super(r)->n_ids, 1);
        _cleanup_inode_ struct squashfs_inode *inode = look_up(r, "dir/small", &st);
        assert_false(squashfs_inode_has_xattrs(inode));
        check_stat(r, "", S_IFDIR | 0755, 3, 0, 500, 0);
        check_stat(r, "dir", S_IFDIR | 02755, 2, 0, 0, 0);
        check_stat(r, "dir/big", S_IFREG | 0644, 1, 0, 500, 0);
}

static void test_same_bytes_for_any_number_of_threads(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_close_ int first = new_file();
        uint64_t size, first_size;

        (void) state;
        o.n_threads = 1;
        first_size = sample_pack(first, 0, &o);
        for (unsigned n = 2; n < 20; n += 3) {
                _cleanup_close_ int fd = new_file();
                _cleanup_free_ uint8_t *a = text_alloc(first_size), *b = text_alloc(first_size);

                o.n_threads = n;
                size = sample_pack(fd, 0, &o);
                assert_int_equal(size, first_size);
                assert_int_equal(fd_pread_all(first, a, size, 0), 0);
                assert_int_equal(fd_pread_all(fd, b, size, 0), 0);
                assert_memory_equal(a, b, size);
        }
}

/* Equal files, large and small, are there once; the large ones not when that is switched off. */
static void test_duplicates(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_free_ uint8_t *bytes = text_alloc(400000);
        uint64_t sizes[2];

        (void) state;
        for (int off = 0; off < 2; off++) {
                _cleanup_writer_ struct squashfs_writer *w = NULL;
                _cleanup_reader_ struct squashfs_reader *r = NULL;
                _cleanup_tree_ struct tree *t = tree_new();
                _cleanup_close_ int fd = new_file();
                struct err e = ERR_INIT;
                char name[8];

                o.no_duplicates = off;
                must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
                for (uint32_t i = 0; i < 40; i++) {
                        fill(bytes, 400000, i % 4);
                        snprintf(name, sizeof(name), "%u", i);
                        must(write_file(w, add(t, NULL, name, S_IFREG), bytes, i < 20 ? 400000 : 60000, &e),
                             &e);
                }
                must(squashfs_writer_finish(w, t, &sizes[off], &e), &e);
                must(squashfs_reader_new(&r, fd, 0, sizes[off], &e), &e);
                for (uint32_t i = 0; i < 40; i++) {
                        fill(bytes, 400000, i % 4);
                        snprintf(name, sizeof(name), "%u", i);
                        check_content(r, name, bytes, i < 20 ? 400000 : 60000);
                }
        }
        assert_true(sizes[0] * 4 < sizes[1]);
}

/* --- many ------------------------------------------------------------------------------------------------
 */

static int count_entry(const struct squashfs_entry *entry, void *user)
{
        size_t *n = user;

        (void) entry;
        ++*n;
        return 0;
}

static void test_directory_of_200000(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_writer_ struct squashfs_writer *w = NULL;
        _cleanup_reader_ struct squashfs_reader *r = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_close_ int fd = new_file();
        struct tree_node *dir = add(t, NULL, "many", S_IFDIR | 0755);
        struct err e = ERR_INIT;
        char name[40];
        uint64_t size;
        struct stat st;
        size_t n = 0;

        (void) state;
        for (uint32_t i = 0; i < 200000; i++) {
                snprintf(name, sizeof(name), "entry-%06u", i);
                add(t, dir, name, S_IFREG | 0644)->inode->uid = i % 65535;
        }
        must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
        must(squashfs_writer_finish(w, t, &size, &e), &e);
        must(squashfs_reader_new(&r, fd, 0, size, &e), &e);
        assert_int_equal(squashfs_reader_super(r)->n_ids, 65535);
        for (uint32_t i = 0; i < 200000; i += 9973) {
                snprintf(name, sizeof(name), "many/entry-%06u", i);
                check_stat(r, name, S_IFREG | 0644, 1, i % 65535, 0, 0);
        }
        _cleanup_inode_ struct squashfs_inode *inode = look_up(r, "many", &st);
        must(squashfs_directory_read(r, inode, 0, count_entry, &n, &e), &e);
        assert_int_equal(n, 200000);
}

/* Sets of extended attributes that fill the metadata blocks of their table exactly. */
static void test_xattr_sets(void **state)
{
        static const uint32_t counts[] = { 1, 511, 512, 513, 1536 };
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;

        (void) state;
        for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
                _cleanup_writer_ struct squashfs_writer *w = NULL;
                _cleanup_reader_ struct squashfs_reader *r = NULL;
                _cleanup_tree_ struct tree *t = tree_new();
                _cleanup_close_ int fd = new_file();
                struct err e = ERR_INIT;
                uint64_t size;
                char name[16];

                for (uint32_t i = 0; i < counts[c]; i++) {
                        snprintf(name, sizeof(name), "%u", i);
                        tree_xattr_set(add(t, NULL, name, S_IFREG)->inode, "user.n", name, strlen(name));
                }
                must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
                must(squashfs_writer_finish(w, t, &size, &e), &e);
                must(squashfs_reader_new(&r, fd, 0, size, &e), &e);
                for (uint32_t i = 0; i < counts[c]; i += 97) {
                        char expected[32];

                        snprintf(name, sizeof(name), "%u", i);
                        snprintf(expected, sizeof(expected), "user.n=%zu,", strlen(name));
                        check_xattrs(r, name, expected);
                }
        }
}

/* A block list that is larger than the stack. */
static void test_long_block_list(void **state)
{
        const struct rlimit small = { .rlim_cur = 400 * 1024, .rlim_max = RLIM_INFINITY };
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_writer_ struct squashfs_writer *w = NULL;
        _cleanup_reader_ struct squashfs_reader *r = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_close_ int fd = new_file();
        _cleanup_free_ uint8_t *zeros = text_alloc(1 << 20);
        struct tree_node *node = add(t, NULL, "lastlog", S_IFREG);
        struct err e = ERR_INIT;
        struct rlimit before;
        struct stat st;
        uint64_t size;

        (void) state;
        getrlimit(RLIMIT_STACK, &before);
        o.block_size = 4096;
        node->inode->size_bytes = (uint64_t) 1 << 30;
        must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
        must(squashfs_writer_file_begin(w, node->inode, &e), &e);
        for (int i = 0; i < 1024; i++)
                must(squashfs_writer_file_data(w, zeros, 1 << 20, &e), &e);
        must(squashfs_writer_file_end(w, &e), &e);
        setrlimit(RLIMIT_STACK, &small);
        must(squashfs_writer_finish(w, t, &size, &e), &e);
        setrlimit(RLIMIT_STACK, &before);
        assert_true(size < 65536);
        must(squashfs_reader_new(&r, fd, 0, size, &e), &e);
        squashfs_inode_free(look_up(r, "lastlog", &st));
        assert_int_equal(st.st_size, (uint64_t) 1 << 30);
}

static void test_deep_directories(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_writer_ struct squashfs_writer *w = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_close_ int fd = new_file();
        struct tree_node *dir = NULL;
        struct err e = ERR_INIT;
        uint64_t size;

        (void) state;
        for (int i = 0; i < 50000; i++)
                dir = add(t, dir, "d", S_IFDIR | 0755);
        must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
        must(squashfs_writer_finish(w, t, &size, &e), &e);
}

/* --- refusals ------------------------------------------------------------------------------------------- */

static void spoil_name(struct tree *t)
{
        char name[257];

        memset(name, 'x', 256);
        name[256] = '\0';
        add(t, tree_child(t, tree_root(t), "dir", 3), name, S_IFREG);
}

static void spoil_link(struct tree *t)
{
        char *target = text_alloc(4097);

        memset(target, 'x', 4096);
        add(t, NULL, "long", S_IFLNK)->inode->link = target;
}

static void spoil_device(struct tree *t)
{
        add(t, NULL, "device", S_IFCHR)->inode->rdev = makedev(4096, 0);
}

static void spoil_type(struct tree *t)
{
        add(t, NULL, "door", 0644);
}

static void spoil_content(struct tree *t)
{
        add(t, NULL, "gone\n", S_IFREG)->inode->size_bytes = 1;
}

static void spoil_ids(struct tree *t)
{
        char name[16];

        for (uint32_t i = 0; i < 65536; i++) {
                snprintf(name, sizeof(name), "id%u", i);
                add(t, NULL, name, S_IFREG)->inode->gid = i;
        }
}

static void spoil_xattr(struct tree *t)
{
        _cleanup_free_ char *value = text_alloc(65537);

        tree_xattr_set(tree_child(t, tree_root(t), "dir", 3)->inode, "user.large", value, 65537);
}

static void test_refusals(void **state)
{
        static const struct {
                void (*spoil)(struct tree *t);
                int code;
                const char *told;
        } cases[] = {
                { spoil_name, -E2BIG, "/dir/xxx" },
                { spoil_link, -E2BIG, "/long: the link's target is longer than 4095" },
                { spoil_device, -E2BIG, "/device: device number 4096:0" },
                { spoil_type, -EINVAL, "/door: mode 644" },
                { spoil_content, -EINVAL, "/gone\\x0a: the content of this file is missing" },
                { spoil_ids, -E2BIG, "more than 65535 different user and group ids" },
                { spoil_xattr, -E2BIG, "/dir: extended attribute user.large" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
                _cleanup_writer_ struct squashfs_writer *w = NULL;
                _cleanup_tree_ struct tree *t = tree_new();
                _cleanup_close_ int fd = new_file();
                struct err e = ERR_INIT;
                uint64_t size = 7;

                add(t, NULL, "dir", S_IFDIR | 0755);
                cases[i].spoil(t);
                must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
                assert_int_equal(squashfs_writer_finish(w, t, &size, &e), cases[i].code);
                if (!strstr(e.text, cases[i].told))
                        fail_msg("\"%s\" lacks \"%s\"", e.text, cases[i].told);
                assert_int_equal(size, 7);
        }
}

static void test_bad_options(void **state)
{
        _cleanup_close_ int fd = new_file();
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        struct squashfs_writer *w = NULL;
        struct err e = ERR_INIT;

        (void) state;
        o.compressor = SQUASHFS_LZO;
        assert_int_equal(squashfs_writer_new(&w, fd, 0, &o, &e), -ENOTSUP);
        assert_non_null(strstr(e.text, "lzo"));
        o = (struct squashfs_options) SQUASHFS_OPTIONS_INIT;
        o.level = 30;
        assert_int_equal(squashfs_writer_new(&w, fd, 0, &o, &e), -ERANGE);
        o.level = 0;
        o.block_size = 12345;
        assert_int_equal(squashfs_writer_new(&w, fd, 0, &o, &e), -EBADMSG);
        assert_null(w);
}

/* The file must not grow beyond a limit: a full disk. */
static void test_full_disk(void **state)
{
        const struct rlimit limit = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_free_ uint8_t *bytes = text_alloc(1 << 20);
        _cleanup_writer_ struct squashfs_writer *w = NULL;
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_close_ int fd = new_file();
        struct err e = ERR_INIT;
        struct rlimit before;
        char name[16];
        int r = 0;

        (void) state;
        getrlimit(RLIMIT_FSIZE, &before);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
        for (uint32_t i = 0; i < 100 && r == 0; i++) {
                fill(bytes, 1 << 20, i);
                snprintf(name, sizeof(name), "%u", i);
                r = write_file(w, add(t, NULL, name, S_IFREG), bytes, i % 2 ? 1 << 20 : 100000, &e);
        }
        setrlimit(RLIMIT_FSIZE, &before);
        assert_int_equal(r, -EFBIG);
        assert_non_null(strstr(e.text, strerror(EFBIG)));
}

/* Given up half way, with blocks in the threads' hands. */
static void test_abandoned(void **state)
{
        struct squashfs_options o = SQUASHFS_OPTIONS_INIT;
        _cleanup_free_ struct sample *s = text_alloc(sizeof(*s));
        struct err e = ERR_INIT;

        (void) state;
        sample_make(s);
        for (unsigned n = 1; n < 8; n++) {
                _cleanup_writer_ struct squashfs_writer *w = NULL;
                _cleanup_close_ int fd = new_file();

                o.n_threads = n;
                must(squashfs_writer_new(&w, fd, 0, &o, &e), &e);
                if (n > 1)
                        sample_write(s, w);
                must(squashfs_writer_file_begin(w, s->big->inode, &e), &e);
                must(squashfs_writer_file_data(w, s->bytes, n * 100000, &e), &e);
        }
        tree_free(s->tree);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_bad_options),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_abandoned),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_all_root_no_xattrs_clamped),
                cmocka_unit_test(test_same_bytes_for_any_number_of_threads),
                cmocka_unit_test(test_duplicates),
                cmocka_unit_test(test_directory_of_200000),
                cmocka_unit_test(test_xattr_sets),
                cmocka_unit_test(test_long_block_list),
                cmocka_unit_test(test_deep_directories),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
