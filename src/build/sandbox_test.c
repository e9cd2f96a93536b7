/* A directory read into a tree and written out again is the same directory; compared by find, getfattr and
 * cmp. */
#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/remove.h"
#include "base/text.h"
#include "build/ownership.h"
#include "build/sandbox.h"
#include "build/source.h"
#include "build/walk.h"

static char top[64];

static int set_up(void **state)
{
        (void) state;
        snprintf(top, sizeof(top), "/var/tmp/sandbox_test.XXXXXX"); /* a file system with attributes */
        return mkdtemp(top) && chdir(top) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        return chdir("/") < 0 ? -1 : remove_tree(AT_FDCWD, top, &e);
}

static void shell_run(const char *command)
{
        _cleanup_text_ struct text line = TEXT_INIT;

        text_add(&line, "set -e; ");
        text_add(&line, command);
        assert_int_equal(system(text_get(&line)), 0); /* NOLINT(cert-env33-c) */
}

/* Writes what `from` is into `to`; the tree is left in *ret_tree when wanted. */
static int copy(const char *from, const char *to, const struct notes *notes, struct err *e)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_sandbox_ struct sandbox sandbox;
        _cleanup_close_ int root = -EBADF;
        struct source *source = NULL;
        struct content_sink sink;
        int r = source_open_directory(&source, from, e);

        assert_int_equal(r, 0);
        assert_int_equal(mkdir(to, 0700), 0);
        root = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = source->ops->load(source, t, notes, e);
        sandbox_init(&sandbox, root, t, notes);
        sink = sandbox_sink(&sandbox);
        if (r == 0)
                r = sandbox_skeleton(&sandbox, e);
        if (r == 0)
                r = source->ops->content(source, t, &sink, NULL, e);
        if (r == 0)
                r = sandbox_finish(&sandbox, e);
        source->ops->free(source);
        return r;
}

#define LISTING                                                                                              \
        "{ find . -printf '%P %y %m %U %G %n %l ' \\( -type d -printf '\\n' -o -printf '%s\\n' \\) | sort; " \
        "find . -exec stat -c '%n %Y' {} + | sort; getfattr -hR -m- -d . 2>/dev/null | sort; }"

static void compare(const char *a, const char *b)
{
        setenv("A", a, 1);
        setenv("B", b, 1);
        shell_run(
                "(cd $A; " LISTING ") >a.txt; (cd $B; " LISTING ") >b.txt; diff a.txt b.txt; "
                "diff -r --no-dereference $A $B >d.txt 2>&1 || ! grep -v 'is a fifo\\|is a character' d.txt");
}

static void test_everything_is_kept(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        shell_run(
                "mkdir -p src/deep/er src/'name with  blanks' src/ro; cd src; echo hello >file; : >empty; "
                "ln file deep/same; ln -s /etc/passwd absolute; ln -s nothing dangling; ln -s . deep/loop; "
                "ln absolute deep/same-link; mkfifo fifo; chmod 4755 file; chmod 1777 deep; chmod 2755 deep/er; "
                "printf 'x' >\"$(printf 'bad\\377name')\"; printf 'y' >\"$(printf 'new\\nline')\"; "
                "truncate -s 3M sparse; printf mid | dd of=sparse bs=1 seek=1500000 conv=notrunc 2>/dev/null; "
                "head -c 100000 /dev/urandom >random; head -c 8192 /dev/zero >zeros; printf z >>zeros; "
                "echo in >ro/in; chmod 0555 ro; chmod 0444 empty; "
                "setfattr -n user.one -v 1 file 2>/dev/null || true; setfattr -n user.dir -v '' deep 2>/dev/null || true; "
                "touch -h -d @100 dangling absolute; touch -d @1000000000 file empty ro deep .");
        if (geteuid() == 0)
                shell_run(
                        "cd src; mknod null c 1 3; chown 1000:1001 file; chown -h 5:6 dangling; "
                        "chmod 4755 file; setfattr -n trusted.t -v 2 empty 2>/dev/null || true; touch -d @1000000000 file .");
        assert_int_equal(copy("src", "dst", NULL, &e), 0);
        compare("src", "dst");
}

static void test_holes_stay_holes(void **state)
{
        struct stat status;
        struct err e = ERR_INIT;

        (void) state;
        shell_run("mkdir src; truncate -s 200M src/sparse; printf end >>src/sparse");
        assert_int_equal(copy("src", "dst", NULL, &e), 0);
        assert_int_equal(stat("dst/sparse", &status), 0);
        assert_int_equal(status.st_size, (200 << 20) + 3);
        assert_true(status.st_blocks < 1024);
}

static void test_deep_directories(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        shell_run(
                "mkdir src; cd src; i=0; while [ $i -lt 150 ]; do mkdir d; echo $i >f; cd -P d; i=$((i+1)); done");
        assert_int_equal(copy("src", "dst", NULL, &e), 0);
        compare("src", "dst");
}

static void test_unreadable_file_is_named(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        if (geteuid() == 0) {
                print_message("skipped: root can read everything\n");
                skip();
        }
        shell_run("mkdir -p src/sub; echo secret >src/sub/closed; chmod 0 src/sub/closed");
        assert_int_equal(copy("src", "dst", NULL, &e), -EACCES);
        assert_non_null(strstr(e.text, "src/sub/closed"));
        assert_non_null(strstr(e.hint, "chmod"));
}

struct heard {
        int n;
        char last[256];
};

static void hear(enum log_level level, const char *text, void *user)
{
        struct heard *heard = user;

        if (level != LOG_WARNING)
                return;
        heard->n++;
        snprintf(heard->last, sizeof(heard->last), "%s", text);
}

/* As an ordinary user does it: what a tree says of owners and devices is recorded, and read back. */
static void test_rootless(void **state)
{
        _cleanup_tree_ struct tree *t = NULL, *back = NULL;
        _cleanup_sandbox_ struct sandbox sandbox;
        _cleanup_close_ int root = -EBADF;
        struct heard heard = { 0 };
        struct notes notes = { hear, &heard };
        struct source *source = NULL;
        struct tree_node *node;
        struct err e = ERR_INIT;

        (void) state;
        if (geteuid() == 0) {
                print_message("skipped: is about ordinary users\n");
                skip();
        }
        t = tree_new();
        back = tree_new();
        node = tree_put_file(t, "/dir/file", 04755, "bytes", 5, NULL);
        node->inode->uid = 1000;
        node->inode->gid = 42;
        node->parent->inode->uid = 7;
        node->parent->inode->mode = S_IFDIR | 0500;
        node = tree_add(t, tree_root(t), "null", 4, S_IFCHR | 0666);
        node->inode->rdev = 259;
        assert_int_equal(mkdir("dst", 0700), 0);
        root = open("dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        sandbox_init(&sandbox, root, t, &notes);
        assert_int_equal(sandbox_skeleton(&sandbox, &e), 0);
        assert_int_equal(sandbox_finish(&sandbox, &e), 0);
        assert_int_equal(heard.n, 1);
        assert_string_equal(heard.last, "creating empty file in place of device 1:3: /null");
        assert_int_equal(source_open_directory(&source, "dst", &e), 0);
        assert_int_equal(source->ops->load(source, back, &notes, &e), 0);
        source->ops->free(source);
        node = tree_resolve(back, "/dir/file", false, NULL);
        assert_int_equal(node->inode->uid, 1000);
        assert_int_equal(node->inode->gid, 42);
        assert_int_equal(node->inode->mode, S_IFREG | 04755);
        assert_null(node->inode->xattrs);
        assert_int_equal(node->parent->inode->uid, 7);
        assert_int_equal(tree_root(back)->inode->uid, 0);
}

static void test_names_that_collide(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_sandbox_ struct sandbox sandbox;
        _cleanup_close_ int root = -EBADF;
        struct err e = ERR_INIT;

        (void) state;
        shell_run("mkdir dst; ln -s /etc/hostname dst/file");
        tree_put_file(t, "/file", 0644, "bytes", 5, NULL);
        root = open("dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        sandbox_init(&sandbox, root, t, NULL);
        assert_int_equal(sandbox_skeleton(&sandbox, &e), 0);
        assert_int_equal(sandbox_finish(&sandbox, &e), -EEXIST);
        assert_non_null(strstr(e.text, "/file"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_unreadable_file_is_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_names_that_collide, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_everything_is_kept, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_holes_stay_holes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_deep_directories, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_rootless, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
