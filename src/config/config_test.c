#include "base/test.h"

#include <string.h>

#include "base/clean.h"
#include "config/config.h"

struct told {
        int n;
        char last[256];
};

static void tell(enum log_level level, const char *text, void *user)
{
        struct told *told = user;

        assert_int_equal(level, LOG_VERBOSE);
        told->n++;
        snprintf(told->last, sizeof(told->last), "%s", text);
}

static int parse(struct config *config, const char *text, struct told *told, struct err *e)
{
        const struct notes notes = { .say = tell, .user = told };

        *told = (struct told){ .n = 0 };
        config_init(config);
        return config_parse(config, "test.conf", text, strlen(text), &notes, e);
}

static void refuses_values(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "allow pid ns = maybe\n",
                  "test.conf: line 1: \"maybe\" is no value for 'allow pid ns', allowed: yes, no" },
                { "\n\nmount dev = some",
                  "test.conf: line 3: \"some\" is no value for 'mount dev', allowed: yes, no, minimal" },
                { "sessiondir max size = -1",
                  "test.conf: line 1: \"-1\" is no value for 'sessiondir max size'" },
                { "sessiondir max size = 64M",
                  "test.conf: line 1: \"64M\" is no value for 'sessiondir max size'" },
                { "sessiondir max size = 99999999999999999999",
                  "test.conf: line 1: \"99999999999999999999\" is no value for 'sessiondir max size'" },
                { "memory fs type = ext4", "test.conf: line 1: \"ext4\" is no value for 'memory fs type'" },
                { "enable overlay = Yes",
                  "test.conf: line 1: \"Yes\" is no value for 'enable overlay', allowed: yes, no, try, driver" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_config_ struct config config;
                struct told told;
                struct err e = ERR_INIT;

                assert_int_equal(parse(&config, cases[i].text, &told, &e), -EINVAL);
                assert_string_equal(e.text, cases[i].message);
        }
}

static void refuses_nul_bytes(void **state)
{
        _cleanup_config_ struct config config;
        struct err e = ERR_INIT;

        (void) state;
        config_init(&config);
        assert_int_equal(config_parse(&config, "c", "a = b\nx\0y", 9, NULL, &e), -EBADMSG);
        assert_string_equal(e.text, "c: line 2 has a NUL byte");
}

static void defaults_without_a_file(void **state)
{
        _cleanup_config_ struct config config;

        (void) state;
        config_init(&config);
        assert_true(config.allow_pid_ns && config.mount_home && config.user_bind_control);
        assert_false(config.mount_hostfs || config.unpack_without_fuse);
        assert_int_equal(config.mount_dev, CONFIG_DEV_YES);
        assert_int_equal(config.session_m, 64);
        assert_int_equal(config.image_linger_s, 10);
        assert_string_equal(config.memory_fs, "tmpfs");
        assert_int_equal(config.bind_paths.n, 2);
        assert_string_equal(config.bind_paths.at[0], "/etc/localtime");
}

static void lists_missing_from_a_file_are_empty(void **state)
{
        _cleanup_config_ struct config config;
        struct told told;

        (void) state;
        assert_int_equal(parse(&config, "# nothing\n   # here either\n\n", &told, NULL), 0);
        assert_int_equal(config.bind_paths.n, 0);
        assert_int_equal(told.n, 0);
}

static void takes_values(void **state)
{
        _cleanup_config_ struct config config;
        struct told told;

        (void) state;
        assert_int_equal(parse(&config,
                               "allow pid ns=no\n\tmount home   =   no\t\r\nmount dev = minimal\n"
                               "bind path = /a, /b:/c\nbind path=/d\nbind path =\nsessiondir max size = 128\n"
                               "memory fs type = ramfs\nimage linger = 0\nmount tmp =\n"
                               "root default capabilities = no",
                               &told, NULL),
                         0);
        assert_false(config.allow_pid_ns || config.mount_home);
        assert_true(config.mount_tmp);
        assert_int_equal(config.mount_dev, CONFIG_DEV_MINIMAL);
        assert_int_equal(config.bind_paths.n, 3);
        assert_string_equal(config.bind_paths.at[1], "/b:/c");
        assert_string_equal(config.bind_paths.at[2], "/d");
        assert_int_equal(config.session_m, 128);
        assert_string_equal(config.memory_fs, "ramfs");
        assert_int_equal(config.image_linger_s, 0);
        assert_int_equal(config.root_caps, CONFIG_ROOT_CAPS_NO);
        assert_int_equal(told.n, 0);
}

static void tells_what_it_does_not_know(void **state)
{
        _cleanup_config_ struct config config;
        struct told told;

        (void) state;
        assert_int_equal(parse(&config, "allow setuid = yes\ncni plugin path = /x\n", &told, NULL), 0);
        assert_int_equal(told.n, 0);
        assert_int_equal(parse(&config, "moutn home = no\n", &told, NULL), 0);
        assert_int_equal(told.n, 1);
        assert_string_equal(told.last, "unknown setting in apptainer.conf: 'moutn home'");
        assert_int_equal(parse(&config, "just words\n", &told, NULL), 0);
        assert_int_equal(told.n, 1);
}

static void a_file_may_be_missing(void **state)
{
        _cleanup_config_ struct config config;
        struct err e = ERR_INIT;

        (void) state;
        config_init(&config);
        assert_int_equal(config_load(&config, "/nonexistent/a.conf", false, NULL, &e), -ENOENT);
        assert_string_equal(e.text,
                            "reading the configuration file /nonexistent/a.conf: No such file or directory");
        assert_int_equal(config_load(&config, "/nonexistent/a.conf", true, NULL, &e), 0);
        assert_int_equal(config.bind_paths.n, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_values),
                cmocka_unit_test(refuses_nul_bytes),
                cmocka_unit_test(defaults_without_a_file),
                cmocka_unit_test(lists_missing_from_a_file_are_empty),
                cmocka_unit_test(takes_values),
                cmocka_unit_test(tells_what_it_does_not_know),
                cmocka_unit_test(a_file_may_be_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
