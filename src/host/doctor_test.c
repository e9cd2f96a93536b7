/* Every check answers, whatever the machine; and the answers are what they claim. */
#include "base/test.h"
#include "host/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct finding *find(const struct findings *findings, const char *code, const char *what)
{
        for (size_t i = 0; i < findings->n; i++)
                if (strcmp(findings->at[i].code, code) == 0 && strstr(findings->at[i].what, what))
                        return &findings->at[i];
        fail_msg("no finding %s", code);
        return NULL;
}

static void test_every_check_answers(void **state)
{
        _cleanup_findings_ struct findings findings = FINDINGS_INIT;
        struct doctor_places places = { .temporary = "/tmp",
                                        .cache = "/tmp/not/yet/there",
                                        .current = "/nowhere\001" };

        (void) state;
        doctor_examine(&findings, &places);
        find(&findings, "KERNEL", "kernel");
        assert_true(find(&findings, "USERNS", "user namespaces")->essential);
        find(&findings, "FUSE", "/dev/fuse");
        find(&findings, "OVERLAY", "overlay");
        find(&findings, "MPI-COPY", "two processes");
        find(&findings, "CGROUP", "control groups");
        find(&findings, "PROGRAM", "fuse2fs");
        assert_non_null(strstr(find(&findings, "PLACE", "temporary")->found, "/tmp: "));
        assert_non_null(strstr(find(&findings, "PLACE", "cache")->found, "GiB free"));
        for (size_t i = 0; i < findings.n; i++) {
                const struct finding *f = &findings.at[i];

                assert_true(*f->found);
                assert_true((f->state == FINDING_OK) == !*f->consequence);
        }
}

static void test_only_essentials_count(void **state)
{
        struct finding list[] = { { .state = FINDING_OK, .essential = true }, { .state = FINDING_MISSING } };
        struct findings findings = { .at = list, .n = 2 };

        (void) state;
        assert_int_equal(findings_state(&findings), FINDING_OK);
        list[1].essential = true;
        assert_int_equal(findings_state(&findings), FINDING_MISSING);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_check_answers),
                cmocka_unit_test(test_only_essentials_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
