#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "run/account.h"

#define HOST "root:x:0:0:root:/root:/bin/bash\n+::::::\nann:x:1000:100:Ann,,:/home/ann:/bin/zsh\n"

static char home[] = "/home/ann", name[] = "ann", gecos[] = "Ann", shell[] = "/bin/zsh";
static const struct account_user ann = { name, 1000, 100, gecos, home, shell };

static void finds_users(void **state)
{
        _cleanup_account_user_ struct account_user user = { .name = NULL };

        (void) state;
        assert_false(account_find_uid(HOST, 7, &user));
        assert_false(account_find_uid("", 0, &user));
        assert_false(account_find_uid("ann:x:1000:100:Ann:/home/ann", 1000, &user)); /* a field short */
        assert_false(account_find_uid("ann:x:1000:100:Ann:/home/ann:/bin/sh:", 1000, &user));
        assert_false(account_find_uid("ann:x: 1000:100:Ann:/home/ann:/bin/sh", 1000, &user));
        assert_false(account_find_uid("ann:x:4294968296:1:Ann:/home/ann:/bin/sh", 1000, &user));
        assert_true(account_find_uid(HOST, 1000, &user));
        assert_string_equal(user.name, "ann");
        assert_int_equal(user.gid, 100);
        assert_string_equal(user.gecos, "Ann,,");
        assert_string_equal(user.home, "/home/ann");
        assert_string_equal(user.shell, "/bin/zsh");
}

static void finds_groups(void **state)
{
        static const char text[] = "root:x:0:\ntty:x:5:ann,bob\nbad:x\n";
        gid_t gid = 99;

        (void) state;
        assert_null(account_find_gid(text, 7));
        _cleanup_free_ char *found = account_find_gid(text, 5);
        assert_string_equal(found, "tty");
        assert_false(account_find_group(text, "tt", &gid));
        assert_false(account_find_group(text, "bad", &gid));
        assert_int_equal(gid, 99);
        assert_true(account_find_group(text, "tty", &gid));
        assert_int_equal(gid, 5);
}

static void makes_passwd(void **state)
{
        static const struct {
                const char *image, *made;
                uid_t uid;
        } cases[] = {
                { "", "ann:x:1000:100:Ann:/h:/bin/zsh\n", 1000 },
                { "root:x:0:0:root:/root:/bin/sh",
                  "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100:Ann:/h:/bin/zsh\n", 1000 },
                /* replaced: image's gid and shell */
                { "a:x:1:1::/:/s\nuser:x:1000:7:User:/home/user:/bin/ash\nb:x:2:2::/:/s\n",
                  "a:x:1:1::/:/s\nann:x:1000:7:Ann:/h:/bin/ash\nb:x:2:2::/:/s\n", 1000 },
                /* only the first */
                { "u:x:1000:7::/u:/s\nv:x:1000:8::/v:/s\n", "ann:x:1000:7:Ann:/h:/s\nv:x:1000:8::/v:/s\n",
                  1000 },
                /* root keeps the image's name and gecos */
                { "toor:x:0:0:Charlie:/root:/bin/csh\n", "toor:x:0:0:Charlie:/h:/bin/csh\n", 0 },
                /* blank and malformed lines stay */
                { "\n+::::::\n\njunk\n", "\n+::::::\n\njunk\nann:x:1000:100:Ann:/h:/bin/zsh\n", 1000 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_ struct text made = TEXT_INIT;
                struct account_user user = ann;

                user.uid = cases[i].uid;
                account_passwd(cases[i].image, &user, "/h", &made);
                assert_string_equal(text_get(&made), cases[i].made);
        }
}

static void makes_group(void **state)
{
        char staff[] = "staff", users[] = "users";
        const struct account_group groups[] = {
                { 50, staff }, { 4242, NULL }, { 100, users }, { 50, staff }
        };
        static const struct {
                const char *image, *made;
        } cases[] = {
                { "", "staff:x:50:ann\nusers:x:100:ann\n" },
                { "root:x:0:", "root:x:0:\nstaff:x:50:ann\nusers:x:100:ann\n" },
                /* the image's own lines stay even when they say the same */
                { "staff:x:50:ann\n\n", "staff:x:50:ann\n\nstaff:x:50:ann\nusers:x:100:ann\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_ struct text made = TEXT_INIT;

                account_group(cases[i].image, "ann", groups, ARRAY_SIZE(groups), &made);
                assert_string_equal(text_get(&made), cases[i].made);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_users),
                cmocka_unit_test(finds_groups),
                cmocka_unit_test(makes_passwd),
                cmocka_unit_test(makes_group),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
