#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "image/tree.h"
#include "sys/sys.h"

static struct tree_node *add(struct tree *t, struct tree_node *dir, const char *name, uint32_t mode)
{
        return tree_add(t, dir ? dir : tree_root(t), name, strlen(name), mode);
}

static struct tree_node *add_link(struct tree *t, struct tree_node *dir, const char *name, const char *target)
{
        struct tree_node *node = add(t, dir, name, S_IFLNK | 0777);

        node->inode->link = text_dup(target);
        return node;
}

/* /usr/lib/file, /lib -> usr/lib, and links of every kind. */
static struct tree *make_tree(void)
{
        struct tree *t = tree_new();
        struct tree_node *usr = add(t, NULL, "usr", S_IFDIR | 0755);
        struct tree_node *lib = add(t, usr, "lib", S_IFDIR | 0755);

        add(t, lib, "file", S_IFREG | 0644);
        add_link(t, NULL, "lib", "usr/lib");
        add_link(t, NULL, "absolute", "/usr");
        add_link(t, lib, "up", "../../../usr");
        add_link(t, NULL, "loop", "loop");
        add_link(t, NULL, "dangling", "nowhere");
        add_link(t, NULL, "empty", "");
        add_link(t, NULL, "slash", "usr/lib/file/");
        return t;
}

static void test_resolve_refusals(void **state)
{
        static const struct {
                const char *path;
                int code;
        } cases[] = {
                { "nothing", -ENOENT },         { "nothing/..", -ENOENT },
                { "usr/lib/file/", -ENOTDIR },  { "usr/lib/file/.", -ENOTDIR },
                { "usr/lib/file/x", -ENOTDIR }, { "loop", -ELOOP },
                { "loop/x", -ELOOP },           { "dangling", -ENOENT },
                { "dangling/", -ENOENT },       { "empty", -ENOENT },
                { "slash", -ENOTDIR },          { "lib/file/../file", -ENOTDIR },
        };
        _cleanup_tree_ struct tree *t = make_tree();

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int code = 0;

                assert_null(tree_resolve(t, cases[i].path, true, &code));
                assert_int_equal(code, cases[i].code);
        }
        assert_null(tree_resolve(t, "nothing", true, NULL));
}

static void test_resolve(void **state)
{
        static const struct {
                const char *path;
                bool follow_last;
                const char *expected;
        } cases[] = {
                { "", true, "" },
                { "/", true, "" },
                { "..", true, "" },
                { "../../usr", true, "usr" },
                { "//usr//lib/./", true, "usr/lib" },
                { "lib", false, "lib" },
                { "lib", true, "usr/lib" },
                { "lib/", false, "usr/lib" },
                { "lib/.", false, "usr/lib" },
                { "lib/file", false, "usr/lib/file" },
                { "lib/..", true, "usr" },
                { "absolute/lib/file", true, "usr/lib/file" },
                { "lib/up", true, "usr" },
                { "lib/up", false, "usr/lib/up" },
                { "lib/up/lib/up/lib/file", false, "usr/lib/file" },
                { "loop", false, "loop" },
                { "dangling", false, "dangling" },
        };
        _cleanup_tree_ struct tree *t = make_tree();

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct tree_node *node = tree_resolve(t, cases[i].path, cases[i].follow_last, NULL);
                _cleanup_free_ char *path = NULL;

                assert_non_null(node);
                path = tree_path(node);
                assert_string_equal(path, cases[i].expected);
        }
}

/* The kernel takes 40 links and refuses the 41st. */
static void test_resolve_link_limit(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        int code = 0;

        (void) state;
        add(t, NULL, "l0", S_IFREG | 0644);
        for (int i = 1; i <= 41; i++) {
                char name[16], target[16];

                snprintf(name, sizeof(name), "l%d", i);
                snprintf(target, sizeof(target), "l%d", i - 1);
                add_link(t, NULL, name, target);
        }
        assert_non_null(tree_resolve(t, "l40", true, NULL));
        assert_null(tree_resolve(t, "l41", true, &code));
        assert_int_equal(code, -ELOOP);
}

/* --- against the kernel ------------------------------------------------------------------------------- */

static uint32_t random_next(uint32_t *seed)
{
        *seed = *seed * 1664525u + 1013904223u;
        return *seed >> 8;
}

static void random_path(uint32_t *seed, char *path, size_t size)
{
        static const char *const words[] = { "a", "b", "c", "d", "..", ".", "", "a", "b" };
        unsigned n = 1 + random_next(seed) % 5;
        size_t used = 0;

        path[0] = '\0';
        if (random_next(seed) % 5 == 0)
                used += (size_t) snprintf(path, size, "/");
        for (unsigned i = 0; i < n; i++)
                used += (size_t) snprintf(path + used, size - used, "%s%s", i ? "/" : "",
                                          words[random_next(seed) % ARRAY_SIZE(words)]);
}

/* Makes the same random files, directories and links in the tree and below the descriptor. */
static void grow(struct tree *t, struct tree_node *dir, int fd, unsigned depth, uint32_t *seed)
{
        static const char *const names[] = { "a", "b", "c", "d" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                unsigned kind = random_next(seed) % 8;
                char target[64];

                if (kind < 2 && depth < 3) {
                        struct tree_node *node = add(t, dir, names[i], S_IFDIR | 0755);
                        _cleanup_close_ int sub = -EBADF;

                        assert_int_equal(mkdirat(fd, names[i], 0755), 0);
                        sub = openat(fd, names[i], O_DIRECTORY | O_CLOEXEC);
                        grow(t, node, sub, depth + 1, seed);
                } else if (kind == 2) {
                        _cleanup_close_ int file = openat(fd, names[i], O_CREAT | O_RDWR | O_CLOEXEC, 0644);

                        add(t, dir, names[i], S_IFREG | 0644);
                        assert_true(file >= 0);
                } else if (kind < 7) {
                        do {
                                random_path(seed, target, sizeof(target));
                        } while (target[0] == '\0');
                        add_link(t, dir, names[i], target);
                        assert_int_equal(symlinkat(target, fd, names[i]), 0);
                }
        }
}

/* What a tree's node is called below the root of its copy on disk, compared by inode number. */
static void compare_with_kernel(struct tree *t, int root, const char *path, bool follow)
{
        int code = 0;
        struct tree_node *node = tree_resolve(t, path, follow, &code);
        _cleanup_close_ int fd = fd_open_in(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
        struct stat found, expected;

        if (!node) {
                assert_int_equal(fd < 0 ? fd : 0, code);
                return;
        }
        _cleanup_free_ char *name = tree_path(node);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &found), 0);
        assert_int_equal(fstatat(root, name[0] ? name : ".", &expected, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(found.st_ino, expected.st_ino);
}

static void test_resolve_like_kernel(void **state)
{
        uint32_t seed = 1;
        int n_found = 0;

        (void) state;
        if (sys_openat2(AT_FDCWD, "/", &(struct sys_open_how){ .flags = O_PATH | O_CLOEXEC }) == -ENOSYS) {
                print_message("no openat2(2) to compare with\n");
                skip();
        }
        for (int round = 0; round < 60; round++) {
                char top[] = "/tmp/tree-test.XXXXXX", command[64];
                _cleanup_tree_ struct tree *t = tree_new();
                _cleanup_close_ int root = -EBADF;

                assert_non_null(mkdtemp(top));
                root = open(top, O_DIRECTORY | O_CLOEXEC);
                grow(t, tree_root(t), root, 0, &seed);
                for (int i = 0; i < 300; i++) {
                        char path[64];

                        random_path(&seed, path, sizeof(path));
                        if (path[0] == '\0')
                                continue;
                        compare_with_kernel(t, root, path, i % 2 == 0);
                        n_found += tree_resolve(t, path, true, NULL) != NULL;
                }
                snprintf(command, sizeof(command), "rm -rf %s", top);
                assert_int_equal(system(command), 0);
        }
        assert_true(n_found > 1000);
}

/* --- changes ------------------------------------------------------------------------------------------ */

static int collect(struct tree_node *child, void *user)
{
        struct text *t = user;

        text_printf(t, "%s,", child->name);
        return 0;
}

static void test_order_is_bytewise(void **state)
{
        static const char *const names[] = { "b", "a.c", "a", "\xff", "A", "ab", "a-" };
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_text_ struct text out = TEXT_INIT;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                add(t, NULL, names[i], S_IFREG);
        tree_each(t, tree_root(t), collect, &out);
        assert_string_equal(text_get(&out), "A,a,a-,a.c,ab,b,\xff,");
        add(t, NULL, "aa", S_IFREG);
        text_done(&out);
        tree_each(t, tree_root(t), collect, &out);
        assert_string_equal(text_get(&out), "A,a,a-,a.c,aa,ab,b,\xff,");
}

static int stop_at_second(struct tree_node *child, void *user)
{
        int *n = user;

        (void) child;
        return ++*n == 2 ? 7 : 0;
}

static int remove_visited(struct tree_node *child, void *user)
{
        tree_remove(user, child);
        return 0;
}

static void test_each_stops_and_allows_removal(void **state)
{
        _cleanup_tree_ struct tree *t = make_tree();
        int n = 0;

        (void) state;
        assert_int_equal(tree_each(t, tree_root(t), stop_at_second, &n), 7);
        assert_int_equal(n, 2);
        assert_int_equal(tree_each(t, tree_root(t), remove_visited, t), 0);
        assert_int_equal(tree_count(t), 1);
        assert_int_equal(tree_n_children(t, tree_root(t)), 0);
        assert_null(tree_resolve(t, "usr", true, NULL));
        add(t, NULL, "usr", S_IFDIR | 0700);
        assert_int_equal(tree_resolve(t, "usr", true, NULL)->inode->mode, S_IFDIR | 0700);
}

static void test_hard_links(void **state)
{
        _cleanup_tree_ struct tree *t = make_tree();
        struct tree_node *file = tree_resolve(t, "usr/lib/file", false, NULL);
        struct tree_node *other = tree_add_link(t, tree_root(t), "other", 5, file);
        static const uint8_t bytes[] = "content";

        (void) state;
        file->inode->bytes = (uint8_t *) text_dup((const char *) bytes);
        assert_ptr_equal(other->inode, file->inode);
        assert_int_equal(other->inode->n_links, 2);
        tree_remove(t, tree_resolve(t, "usr", false, NULL));
        assert_int_equal(other->inode->n_links, 1);
        assert_string_equal((char *) other->inode->bytes, "content");
        assert_int_equal(tree_count(t), 9 - 1);
}

static void test_renew(void **state)
{
        _cleanup_tree_ struct tree *t = make_tree();
        struct tree_node *file = tree_resolve(t, "usr/lib/file", false, NULL);
        struct tree_node *other = tree_add_link(t, tree_root(t), "other", 5, file);

        (void) state;
        other->inode->uid = 7;
        tree_renew(t, file, S_IFDIR | 0700);
        assert_int_equal(other->inode->n_links, 1);
        assert_int_equal(other->inode->uid, 7);
        assert_int_equal(file->inode->uid, 0);
        add(t, file, "below", S_IFREG);
        tree_renew(t, file, S_IFDIR | 0711);
        assert_non_null(tree_resolve(t, "usr/lib/file/below", false, NULL));
        tree_remove(t, tree_resolve(t, "usr/lib/file/below", false, NULL));
        tree_renew(t, file, S_IFREG | 0600);
        assert_int_equal(file->inode->mode, S_IFREG | 0600);
}

static void test_xattrs(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        struct tree_inode *inode = tree_root(t)->inode;

        (void) state;
        tree_xattr_set(inode, "user.a", "1", 1);
        tree_xattr_set(inode, "user.b", "", 0);
        tree_xattr_set(inode, "user.a", "\0\1\2", 3);
        assert_string_equal(inode->xattrs->name, "user.a");
        assert_int_equal(inode->xattrs->value_size, 3);
        assert_memory_equal(inode->xattrs->value, "\0\1\2", 3);
        assert_string_equal(inode->xattrs->next->name, "user.b");
        assert_int_equal(inode->xattrs->next->value_size, 0);
        assert_null(inode->xattrs->next->next);
        tree_xattr_clear(inode);
        assert_null(inode->xattrs);
}

static void test_put_file(void **state)
{
        static const struct {
                const char *path;
                int code;
        } bad[] = {
                { "usr", -EISDIR },
                { "", -EISDIR },
                { "usr/lib/", -EISDIR },
                { "usr/..", -EISDIR },
                { "usr/lib/file/x", -ENOTDIR },
                { "dangling/x", -ENOENT },
                { "loop/x/y", -ELOOP },
        };
        _cleanup_tree_ struct tree *t = make_tree();
        struct tree_node *node, *other;
        int code = 0;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_null(tree_put_file(t, bad[i].path, 0644, "x", 1, &code));
                assert_int_equal(code, bad[i].code);
        }
        node = tree_put_file(t, "/lib/new/./deep/../script", 0755, "text", 4, &code);
        assert_non_null(node);
        assert_ptr_equal(node, tree_resolve(t, "usr/lib/new/script", false, NULL));
        assert_int_equal(node->inode->mode, S_IFREG | 0755);
        assert_int_equal(node->inode->size_bytes, 4);
        other = tree_add_link(t, tree_root(t), "other", 5, node);
        assert_ptr_equal(tree_put_file(t, "lib/new/script", 0600, NULL, 0, NULL), node);
        assert_int_equal(node->inode->size_bytes, 0);
        assert_memory_equal(other->inode->bytes, "text", 4);
        node = tree_put_file(t, "loop", 0644, "x", 1, NULL);
        assert_int_equal(node->inode->mode, S_IFREG | 0644);
}

/* --- size ---------------------------------------------------------------------------------------------- */

static void test_many_entries_in_one_directory(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        struct tree_node *dir = add(t, NULL, "many", S_IFDIR | 0755);
        size_t before = mallinfo2().uordblks, n = 500000;
        char name[32];

        (void) state;
        for (size_t i = 0; i < n; i++) {
                snprintf(name, sizeof(name), "file-name-%08zu", (i * 7919) % n);
                add(t, dir, name, S_IFREG | 0644);
        }
        int seen = -2000000;
        assert_int_equal(tree_each(t, dir, stop_at_second, &seen), 0);
        assert_int_equal(tree_n_children(t, dir), n);
        size_t after = mallinfo2().uordblks;
        if (after > before) /* the sanitizers' allocator does not count */
                assert_true((after - before) / n <= 600);
        for (size_t i = 0; i < n; i += 2) {
                snprintf(name, sizeof(name), "file-name-%08zu", i);
                tree_remove(t, tree_child(t, dir, name, strlen(name)));
        }
        assert_int_equal(tree_count(t), n / 2 + 2);
        tree_remove(t, dir);
        assert_int_equal(tree_count(t), 1);
}

static void test_deep_nesting(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        struct tree_node *dir = tree_root(t);

        (void) state;
        for (int i = 0; i < 200000; i++)
                dir = add(t, dir, "d", S_IFDIR | 0755);
        tree_remove(t, tree_child(t, tree_root(t), "d", 1));
        assert_int_equal(tree_count(t), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_resolve_refusals),
                cmocka_unit_test(test_resolve),
                cmocka_unit_test(test_resolve_link_limit),
                cmocka_unit_test(test_resolve_like_kernel),
                cmocka_unit_test(test_order_is_bytewise),
                cmocka_unit_test(test_each_stops_and_allows_removal),
                cmocka_unit_test(test_hard_links),
                cmocka_unit_test(test_renew),
                cmocka_unit_test(test_xattrs),
                cmocka_unit_test(test_put_file),
                cmocka_unit_test(test_many_entries_in_one_directory),
                cmocka_unit_test(test_deep_nesting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
