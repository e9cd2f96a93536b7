#include "base/test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "build/epoch.h"
#include "build/labels.h"

static void test_source_date_epoch(void **state)
{
        static const struct {
                const char *value;
                int result;
                int64_t seconds;
        } cases[] = {
                { "abc", -EINVAL, 0 }, { "12x", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },  { " 12", -EINVAL, 0 },
                { "1e9", -EINVAL, 0 }, { "99999999999999999999", -EINVAL, 0 },
                { "0", 0, 0 },         { "1600000000", 0, 1600000000 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct epoch epoch = { 0 };
                struct err e = ERR_INIT;

                setenv("SOURCE_DATE_EPOCH", cases[i].value, 1);
                assert_int_equal(epoch_init(&epoch, &e), cases[i].result);
                if (cases[i].result < 0) {
                        assert_non_null(strstr(e.text, "could not parse"));
                        continue;
                }
                assert_true(epoch.fixed);
                assert_int_equal(epoch.seconds, cases[i].seconds);
        }
        unsetenv("SOURCE_DATE_EPOCH");
}

static void test_no_epoch_is_now(void **state)
{
        struct epoch epoch = { .fixed = true };
        struct err e = ERR_INIT;

        (void) state;
        unsetenv("SOURCE_DATE_EPOCH");
        assert_int_equal(epoch_init(&epoch, &e), 0);
        assert_false(epoch.fixed);
        assert_in_range(epoch.seconds, time(NULL) - 5, time(NULL));
}

static void test_created_times(void **state)
{
        static const struct {
                const char *text;
                int result;
                int64_t seconds;
        } cases[] = {
                { "", -EINVAL, 0 },
                { "2020-01-01", -EINVAL, 0 },
                { "2020-01-01T00:00:00", -EINVAL, 0 },
                { "2020-13-01T00:00:00Z", -EINVAL, 0 },
                { "2020-01-01T00:00:00+1:00", -EINVAL, 0 },
                { "2020-01-01T00:00:00Zx", -EINVAL, 0 },
                { "1970-01-01T00:00:00Z", 0, 0 },
                { "2026-11-24T06:28:55.654588185Z", 0, 1795501735 },
                { "2026-11-24T06:28:55+01:00", 0, 1795498135 },
                { "2026-11-24T06:28:55-02:30", 0, 1795510735 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int64_t seconds = 0;

                assert_int_equal(epoch_parse(cases[i].text, &seconds), cases[i].result);
                assert_int_equal(seconds, cases[i].seconds);
        }
}

static void test_dates(void **state)
{
        struct epoch fixed = { .fixed = true, .seconds = 1795501733 }, local = { .seconds = 1795501733 };
        _cleanup_text_ struct text date = TEXT_INIT, created = TEXT_INIT, local_date = TEXT_INIT,
                                   local_created = TEXT_INIT;

        (void) state;
        setenv("TZ", "XYZ-5:30", 1);
        tzset();
        labels_format_date(&fixed, &date);
        labels_format_created(&fixed, &created);
        assert_string_equal(text_get(&date), "Tuesday_24_November_2026_6:28:53_UTC");
        assert_string_equal(text_get(&created), "2026-11-24T06:28:53Z");
        labels_format_date(&local, &local_date);
        labels_format_created(&local, &local_created);
        assert_string_equal(text_get(&local_date), "Tuesday_24_November_2026_11:58:53_XYZ");
        assert_string_equal(text_get(&local_created), "2026-11-24T11:58:53+05:30");
        unsetenv("TZ");
        tzset();
}

static void test_generated_labels_overwrite(void **state)
{
        _cleanup_json_ json_t *labels =
                json_pack("{ssss}", "org.label-schema.build-arch", "old", "maintainer", "me");
        struct spec spec = { .bootstrap = (char[]){ "oci" }, .from = (char[]){ "dir:latest" } };
        struct epoch epoch = { .fixed = true };

        (void) state;
        labels_generate(labels, &spec, &epoch, "arm", "v7");
        assert_string_equal(json_member(labels, "org.label-schema.build-arch"), "arm");
        assert_string_equal(json_member(labels, "maintainer"), "me");
        assert_string_equal(json_member(labels, "org.label-schema.schema-version"), "1.0");
        assert_string_equal(json_member(labels, "org.label-schema.usage.singularity.deffile.bootstrap"),
                            "oci");
        assert_string_equal(json_member(labels, "org.label-schema.usage.singularity.deffile.from"),
                            "dir:latest");
        assert_string_equal(json_member(labels, "org.opencontainers.image.created"), "1970-01-01T00:00:00Z");
        assert_string_equal(json_member(labels, "org.opencontainers.image.variant"), "v7");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_source_date_epoch),
                cmocka_unit_test(test_no_epoch_is_now),
                cmocka_unit_test(test_created_times),
                cmocka_unit_test(test_dates),
                cmocka_unit_test(test_generated_labels_overwrite),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
