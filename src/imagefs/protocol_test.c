#include "base/test.h"
#include "imagefs/protocol.h"

#include <string.h>

#include "base/clean.h"

static void test_hello(void **state)
{
        struct imagefs_hello hello = { .kind = IMAGEFS_HELLO, .linger_s = 10 }, got = { 0 };
        char longer[sizeof(hello) + 1] = { 0 };

        (void) state;
        memcpy(longer, &hello, sizeof(hello));
        assert_int_equal(imagefs_hello_check(&hello, 0, &got), -EBADMSG);
        assert_int_equal(imagefs_hello_check(&hello, sizeof(hello) - 1, &got), -EBADMSG);
        assert_int_equal(imagefs_hello_check(longer, sizeof(longer), &got), -EBADMSG);
        assert_int_equal(got.linger_s, 0);
        assert_int_equal(imagefs_hello_check(&hello, sizeof(hello), &got), 0);
        assert_int_equal(got.linger_s, 10);
        hello.linger_s = UINT32_MAX;
        assert_int_equal(imagefs_hello_check(&hello, sizeof(hello), &got), 0);
        assert_int_equal(got.linger_s, IMAGEFS_LINGER_MAX_S);
        hello.kind = IMAGEFS_LEASE;
        assert_int_equal(imagefs_hello_check(&hello, sizeof(hello), &got), -EBADMSG);
}

static void test_lease(void **state)
{
        struct imagefs_lease_message lease = { .kind = IMAGEFS_LEASE };

        (void) state;
        assert_int_equal(imagefs_lease_check(&lease, sizeof(lease), 0), -EBADMSG);
        assert_int_equal(imagefs_lease_check(&lease, sizeof(lease), 2), -EBADMSG);
        assert_int_equal(imagefs_lease_check(&lease, 3, 1), -EBADMSG);
        assert_int_equal(imagefs_lease_check(&lease, sizeof(lease), 1), 0);
        lease.kind = IMAGEFS_HELLO;
        assert_int_equal(imagefs_lease_check(&lease, sizeof(lease), 1), -EBADMSG);
}

static void test_answer(void **state)
{
        static const struct {
                int32_t code;
                uint32_t no_userns;
                size_t size, n_fds;
                int result;
        } cases[] = {
                { 0, 0, sizeof(struct imagefs_answer) - 1, 2, -EBADMSG },
                { 0, 0, 0, 0, -EBADMSG },
                { 0, 0, sizeof(struct imagefs_answer), 0, -EBADMSG },
                { 0, 0, sizeof(struct imagefs_answer), 1, -EBADMSG },
                { 0, 1, sizeof(struct imagefs_answer), 2, -EBADMSG },
                { 5, 0, sizeof(struct imagefs_answer), 0, -EBADMSG },
                { -EIO, 0, sizeof(struct imagefs_answer), 2, -EBADMSG },
                { -EIO, 0, sizeof(struct imagefs_answer), 0, 0 },
                { 0, 0, sizeof(struct imagefs_answer), 2, 0 },
                { 0, 1, sizeof(struct imagefs_answer), 1, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct imagefs_answer answer = { .kind = IMAGEFS_ANSWER,
                                                 .code = cases[i].code,
                                                 .no_userns = cases[i].no_userns };

                memset(answer.text, 'x', sizeof(answer.text));
                memset(answer.hint, 'x', sizeof(answer.hint));
                memset(answer.mount_path, 'x', sizeof(answer.mount_path));
                assert_int_equal(imagefs_answer_check(&answer, cases[i].size, cases[i].n_fds),
                                 cases[i].result);
                if (cases[i].result == 0) {
                        assert_int_equal(strlen(answer.text), sizeof(answer.text) - 1);
                        assert_int_equal(strlen(answer.hint), sizeof(answer.hint) - 1);
                        assert_int_equal(strlen(answer.mount_path), sizeof(answer.mount_path) - 1);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hello),
                cmocka_unit_test(test_lease),
                cmocka_unit_test(test_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
