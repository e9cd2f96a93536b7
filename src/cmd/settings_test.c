/* The apptainer.conf of an installation says what the defaults are, and knows every key that has a meaning.
 */
#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/clean.h"
#include "base/fd.h"
#include "config.h"
#include "config/config.h"

#define SHIPPED SOURCE_ROOT "/etc/apptainer.conf"

static void complain(enum log_level level, const char *text, void *user)
{
        (void) level;
        (void) user;
        fail_msg("%s", text);
}

static const struct notes strict = { .say = complain };

static void assert_same_list(const struct text_list *a, const struct text_list *b)
{
        _cleanup_free_ char *x = text_list_join(a, "\n"), *y = text_list_join(b, "\n");

        assert_string_equal(x, y);
}

#define SAME(member)      assert_int_equal(a->member, b->member)
#define SAME_LIST(member) assert_same_list(&a->member, &b->member)

static void assert_same(const struct config *a, const struct config *b)
{
        SAME(allow_ipc_ns);
        SAME(allow_pid_ns);
        SAME(allow_uts_ns);
        SAME(allow_user_ns);
        SAME(root_caps);
        SAME(config_passwd);
        SAME(config_group);
        SAME(config_resolv_conf);
        SAME(mount_proc);
        SAME(mount_sys);
        SAME(mount_devpts);
        SAME(mount_home);
        SAME(mount_tmp);
        SAME(mount_hostfs);
        SAME(mount_slave);
        SAME(user_bind_control);
        SAME(mount_dev);
        SAME(enable_overlay);
        SAME(enable_underlay);
        SAME_LIST(bind_paths);
        assert_string_equal(a->memory_fs, b->memory_fs);
        SAME(session_m);
        SAME(loop_max);
        SAME(allow_sif);
        SAME(allow_encrypted);
        SAME(allow_squashfs);
        SAME(allow_extfs);
        SAME(allow_dir);
        SAME_LIST(limit_owners);
        SAME_LIST(limit_groups);
        SAME_LIST(limit_paths);
        SAME(image_linger_s);
        SAME(unpack_without_fuse);
}

static void shipped_file_is_the_defaults(void **state)
{
        _cleanup_free_ char *text = NULL;
        struct config shipped, defaults;
        struct err e = ERR_INIT;
        size_t size;

        (void) state;
        assert_int_equal(fd_read_file(AT_FDCWD, SHIPPED, CONFIG_SIZE_MAX, &text, &size), 0);
        config_init(&defaults);
        config_init(&shipped);
        assert_int_equal(config_parse(&shipped, SHIPPED, text, size, &strict, &e), 0);
        assert_same(&shipped, &defaults);
        config_done(&shipped);
        config_done(&defaults);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(shipped_file_is_the_defaults) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
