#include "base/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/text.h"
#include "build/machine.h"

struct machine_case {
        uint8_t class, order;
        uint16_t machine;
        const char *name; /* NULL: not known */
};

static void head_make(uint8_t head[MACHINE_HEAD_SIZE], const struct machine_case *c)
{
        memset(head, 0, MACHINE_HEAD_SIZE);
        memcpy(head, "\177ELF", 4);
        head[4] = c->class;
        head[5] = c->order;
        head[c->order == 2 ? 19 : 18] = (uint8_t) c->machine;
        head[c->order == 2 ? 18 : 19] = (uint8_t) (c->machine >> 8);
}

static void test_machines(void **state)
{
        static const struct machine_case cases[] = {
                { 2, 1, 62, "amd64" },    { 1, 1, 3, "386" },      { 1, 1, 6, "386" },
                { 1, 1, 40, "arm" },      { 2, 1, 183, "arm64" },  { 2, 1, 21, "ppc64le" },
                { 2, 2, 22, "s390x" },    { 1, 2, 8, "mips" },     { 1, 1, 8, "mipsle" },
                { 2, 2, 8, "mips64" },    { 2, 1, 8, "mips64le" }, { 2, 1, 243, "riscv64" },
                { 2, 1, 258, "loong64" }, { 1, 1, 62, NULL },      { 2, 2, 62, NULL },
                { 2, 1, 2, NULL },
        };
        uint8_t head[MACHINE_HEAD_SIZE];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *name;

                head_make(head, &cases[i]);
                name = machine_of_head(head, sizeof(head));
                if (cases[i].name)
                        assert_string_equal(name, cases[i].name);
                else
                        assert_null(name);
        }
}

static void test_not_elf(void **state)
{
        (void) state;
        assert_null(machine_of_head((const uint8_t *) "#!/bin/sh\necho hello\n", 20));
        assert_null(machine_of_head((const uint8_t *) "\177ELF", 4));
        assert_null(machine_of_head((const uint8_t *) "", 0));
}

static void test_shell_decides(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_machine_ struct machine a;
        struct tree_node *shell, *other, *link;
        uint8_t head[MACHINE_HEAD_SIZE];

        (void) state;
        shell = tree_put_file(t, "/usr/bin/dash", 0755, "", 0, NULL);
        other = tree_put_file(t, "/a", 0755, "", 0, NULL);
        link = tree_add(t, tree_root(t), "bin", 3, S_IFLNK | 0777);
        link->inode->link = text_dup("usr/bin");
        link = tree_add(t, tree_resolve(t, "/usr/bin", true, NULL), "sh", 2, S_IFLNK | 0777);
        link->inode->link = text_dup("dash");
        machine_init(&a, t);
        head_make(head, &(struct machine_case){ 2, 1, 62, NULL });
        machine_see(&a, other->inode, head, sizeof(head));
        assert_string_equal(machine_name(&a), "amd64");
        head_make(head, &(struct machine_case){ 2, 1, 183, NULL });
        machine_see(&a, shell->inode, head, sizeof(head));
        assert_string_equal(machine_name(&a), "arm64");
}

static void test_first_program_without_shell(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_machine_ struct machine a;
        uint8_t head[MACHINE_HEAD_SIZE];
        struct tree_node *library, *first, *second;

        (void) state;
        library = tree_put_file(t, "/a/library.so", 0644, "", 0, NULL);
        first = tree_put_file(t, "/b/program", 0755, "", 0, NULL);
        second = tree_put_file(t, "/c/program", 0755, "", 0, NULL);
        machine_init(&a, t);
        head_make(head, &(struct machine_case){ 2, 1, 243, NULL });
        machine_see(&a, library->inode, head, sizeof(head));
        head_make(head, &(struct machine_case){ 2, 1, 183, NULL });
        machine_see(&a, second->inode, head, sizeof(head));
        head_make(head, &(struct machine_case){ 2, 1, 62, NULL });
        machine_see(&a, first->inode, head, sizeof(head));
        assert_string_equal(machine_name(&a), "amd64");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_not_elf),
                cmocka_unit_test(test_machines),
                cmocka_unit_test(test_shell_decides),
                cmocka_unit_test(test_first_program_without_shell),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
