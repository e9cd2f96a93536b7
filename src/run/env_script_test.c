/* Every script is run here and by real shells; output, exit status and exported variables must agree. */
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/env_script.h"

enum case_flags {
        OUTSIDE = 1 << 0, /* must be refused by us */
        NO_DASH = 1 << 1, /* dash is known to differ; why is in the case */
        NO_BASH = 1 << 2,
        NO_SHELL = NO_DASH | NO_BASH, /* what we do is written down in the case: `expected` */
};

struct script_case {
        const char *text;
        unsigned flags;
        const char *expected; /* of NO_SHELL: output */
};

/* Variables that all start with; arguments are "one" "two words". */
static const char *const start[] = { "PATH=/usr/bin:/bin", "HOME=/home/u",     "GIVEN=given", "EMPTY=",
                                     "WORDS=a b  c",       "LIST=/a/b:/c d:/e" };

#include "run/env_script_cases.h"

static int root = -EBADF;

static void fill(struct env_script *s)
{
        env_script_init(s, root, "script");
        for (size_t i = 0; i < ARRAY_SIZE(start); i++)
                variables_put(&s->variables, start[i]);
        text_list_add(&s->arguments, "one");
        text_list_add(&s->arguments, "two words");
}

static void add_sorted(struct text *ret, struct text_list *list)
{
        text_list_sort(list);
        for (size_t i = 0; i < list->n; i++)
                text_printf(ret, "%s\n", list->at[i]);
}

/* Output, status, exported variables, as one text. */
static int run_native(const char *script, struct text *ret, struct err *e)
{
        _cleanup_env_script_ struct env_script s = { .root = -EBADF };
        _cleanup_text_list_ struct text_list list = TEXT_LIST_INIT;
        int r;

        fill(&s);
        r = env_script_source(&s, script, strlen(script), "script", e);
        if (r < 0)
                return r;
        text_add(ret, text_get(&s.out));
        text_printf(ret, "status %d%s\n", s.status, s.exited ? " exited" : "");
        if (!s.exited) {
                variables_list(&s.variables, &list);
                add_sorted(ret, &list);
        }
        return 0;
}

static void read_shell(const char *shell, const char *file, struct text *ret)
{
        _cleanup_text_ struct text command = TEXT_INIT;
        char block[4096];
        FILE *pipe;
        size_t n;

        text_add(&command, "exec 2>/dev/null; exec env -i");
        for (size_t i = 0; i < ARRAY_SIZE(start); i++) {
                text_add(&command, " ");
                text_add_shell_quoted(&command, start[i]);
        }
        text_printf(&command,
                    " %s -c 'trap \"echo status \\$? exited\" EXIT; . %s; echo \"status $?\"; trap - EXIT; "
                    "unset PWD OLDPWD SHLVL; exec /usr/bin/env -0' script one 'two words'",
                    shell, file);
        pipe = popen(text_get(&command), "re");
        assert_non_null(pipe);
        while ((n = fread(block, 1, sizeof(block), pipe)) > 0)
                text_add_bytes(ret, block, n);
        pclose(pipe);
}

/* The same by a shell.  What shells export by themselves is left out. */
static void run_shell(const char *shell, const char *file, struct text *ret)
{
        _cleanup_text_ struct text all = TEXT_INIT;
        _cleanup_text_list_ struct text_list list = TEXT_LIST_INIT;
        char *status, *end;

        read_shell(shell, file, &all);
        status = strstr(text_get(&all), "status ");
        end = status ? strchr(status, '\n') : NULL;
        if (!end)
                return;
        text_add_bytes(ret, all.at, (size_t) (end + 1 - all.at));
        for (char *at = end + 1; at < all.at + all.used; at += strlen(at) + 1)
                if (!text_starts(at, "_=") && !text_starts(at, "SHLVL="))
                        text_list_add(&list, at);
        add_sorted(ret, &list);
}

static int n_failed;

static void compare(const char *shell, const char *file, const char *script, const char *native)
{
        _cleanup_text_ struct text real = TEXT_INIT;

        run_shell(shell, file, &real);
        if (strcmp(text_get(&real), native) == 0)
                return;
        n_failed++;
        print_error("--- script:\n%s\n--- %s:\n%s--- here:\n%s", script, shell, text_get(&real), native);
}

static void run_case(const struct script_case *c, const char *file)
{
        _cleanup_text_ struct text native = TEXT_INIT;
        _cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct err e = ERR_INIT;
        int r = run_native(c->text, &native, &e);

        assert_return_code(fd_write_all(fd, c->text, strlen(c->text)), 0);
        if (c->flags & OUTSIDE) {
                if (r == -ENOTSUP || r == -EBADMSG)
                        return;
                n_failed++;
                print_error("--- not refused:\n%s\n", c->text);
                return;
        }
        if (r < 0) {
                n_failed++;
                print_error("--- refused (%s):\n%s\n", e.text, c->text);
                return;
        }
        if (!(c->flags & NO_DASH) && access("/bin/dash", X_OK) == 0)
                compare("/bin/dash", file, c->text, text_get(&native));
        if (!(c->flags & NO_BASH) && access("/bin/bash", X_OK) == 0)
                compare("/bin/bash", file, c->text, text_get(&native));
        if ((c->flags & NO_SHELL) == NO_SHELL && !text_starts(text_get(&native), c->expected)) {
                n_failed++;
                print_error("--- script:\n%s\n--- expected:\n%s--- here:\n%s", c->text, c->expected,
                            text_get(&native));
        }
}

static void test_cases(void **state)
{
        char directory[] = "/tmp/env_script_test.XXXXXX";
        _cleanup_free_ char *file = NULL;

        (void) state;
        if (access("/bin/dash", X_OK) != 0 || access("/bin/bash", X_OK) != 0)
                print_message("dash or bash is not installed: compared with the other only\n");
        assert_non_null(mkdtemp(directory));
        file = text_format("%s/script", directory);
        for (size_t i = 0; i < ARRAY_SIZE(script_cases); i++)
                run_case(&script_cases[i], file);
        unlink(file);
        rmdir(directory);
        assert_int_equal(n_failed, 0);
}

/* What costs without end is refused soon. */
static void test_bounds(void **state)
{
        static const char *const cases[] = {
                "while true; do :; done",
                "f() { f; }; f",
                "A=xxxxxxxx; while true; do A=$A$A; done",
                "while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
                "N='1 2 3 4 5 6 7 8 9'; for a in $N; do for b in $N; do for c in $N; do for d in $N; do for e in $N; do X=$a; done; done; done; done; done",
                "eval 'eval \"$0\"' ; f() { eval f; }; f",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_env_script_ struct env_script s = { .root = -EBADF };
                struct err e = ERR_INIT;

                fill(&s);
                assert_int_equal(env_script_source(&s, cases[i], strlen(cases[i]), "script", &e), -ENOTSUP);
        }
}

static void test_nesting(void **state)
{
        static const char *const pieces[] = { "{ ", "if ",   "$(",    "\"$(",   "${a:-", "`",
                                              "! ", "[[ ! ", "[[ ( ", "while ", "case " };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
                _cleanup_env_script_ struct env_script s = { .root = -EBADF };
                _cleanup_text_ struct text script = TEXT_INIT;
                struct err e = ERR_INIT;

                for (size_t j = 0; j < 100000; j++)
                        text_add(&script, pieces[i]);
                fill(&s);
                assert_true(env_script_source(&s, text_get(&script), script.used, "script", &e) < 0);
        }
}

/* `.` and file tests stay below the root. */
static void test_root(void **state)
{
        char directory[] = "/tmp/env_script_test.XXXXXX";
        _cleanup_close_ int below = -EBADF, fd = -EBADF;
        _cleanup_env_script_ struct env_script s = { .root = -EBADF };
        static const char script[] =
                ". /more; [ -f /etc/passwd ] && export OUT=1; [ -e /link ] && export LINK=1; "
                "[ -f /../more ] && export DOTS=1";
        struct err e = ERR_INIT;

        (void) state;
        assert_non_null(mkdtemp(directory));
        below = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fd = openat(below, "more", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_return_code(fd_write_all(fd, "export MORE=$2", 14), 0);
        assert_return_code(symlinkat("/etc/passwd", below, "link"), errno);
        fill(&s);
        s.root = below;
        assert_return_code(env_script_source(&s, script, strlen(script), "script", &e), 0);
        assert_string_equal(variables_get(&s.variables, "MORE"), "two words");
        assert_null(variables_get(&s.variables, "OUT"));
        assert_null(variables_get(&s.variables, "LINK"));
        assert_string_equal(variables_get(&s.variables, "DOTS"), "1");
        unlinkat(below, "more", 0);
        unlinkat(below, "link", 0);
        rmdir(directory);
}

static void test_quoted_values(void **state)
{
        static const char *const cases[][2] = {
                { "plain", "plain" },
                { "a\\\"b", "a\\\"b" },
                { "end\\", "end\\" },
                { "$(echo \"a b\")", "\"a b\"" },
                { "$HOME/x ${NOPE:-\"d\"}", "/home/u/x \"d\"" },
                { "say \"hi\" it's", "say \"hi\" it's" },
                { "\\$HOME \\\\ \\n", "$HOME \\ \\n" },
                { "$(echo \"$GIVEN\")`echo x`", "\"given\"x" },
                { "line\nline ", "line\nline " },
                { "", "" },
                { "100%", "100%" },
        };
        static const char *const broken[] = { "$(", "${HOME", "`", "a`b", "$(echo \"" };
        _cleanup_env_script_ struct env_script s = { .root = -EBADF };

        (void) state;
        fill(&s);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *value = NULL;
                struct err e = ERR_INIT;

                assert_return_code(env_script_expand_quoted(&s, cases[i][0], "X", &value, &e), 0);
                assert_string_equal(value, cases[i][1]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
                char *value = NULL;

                assert_int_equal(env_script_expand_quoted(&s, broken[i], "X", &value, NULL), -EBADMSG);
                assert_null(value);
        }
}

/* What is certainly broken is told from what another shell may understand, and has not run at all. */
static void test_broken(void **state)
{
        static const char *const broken[] = {
                "A=1; if true; then", "A=1; fi",        "A=1; echo \"x", "A=1; echo '",
                "A=1; echo `x",       "A=1; ${A",       "A=1; )",        "A=1; case x in a",
                "A=1; $(echo",        "A=1; f() { x; ", "A=1; }"
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
                _cleanup_env_script_ struct env_script s = { .root = -EBADF };
                struct err e = ERR_INIT;

                fill(&s);
                assert_int_equal(env_script_source(&s, broken[i], strlen(broken[i]), "file", &e), -EBADMSG);
                assert_true(text_starts(e.text, "file:1: "));
                assert_null(variables_get(&s.variables, "A"));
                assert_int_equal(env_script_check(broken[i], strlen(broken[i]), "file", &e), -EBADMSG);
        }
        assert_int_equal(env_script_check("A=1", 3, "file", NULL), 0);
        assert_int_equal(env_script_check("A=1 | x", 7, "file", NULL), -ENOTSUP);
}

static void test_exec(void **state)
{
        static const char script[] = "export A=1; exec prog \"$A b\" \"$@\"; A=2";
        _cleanup_env_script_ struct env_script s = { .root = -EBADF };

        (void) state;
        fill(&s);
        assert_return_code(env_script_source(&s, script, strlen(script), "file", NULL), 0);
        assert_true(s.exited);
        assert_int_equal(s.replacement.n, 4);
        assert_string_equal(s.replacement.at[1], "1 b");
        assert_string_equal(s.replacement.at[3], "two words");
        assert_string_equal(variables_get(&s.variables, "A"), "1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),         cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_nesting),       cmocka_unit_test(test_root),
                cmocka_unit_test(test_quoted_values), cmocka_unit_test(test_broken),
                cmocka_unit_test(test_exec)
        };

        root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
