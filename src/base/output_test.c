#include "base/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/output.h"

static int count_entries(const char *dir)
{
        DIR *d = opendir(dir);
        int n = -2; /* "." and ".." */

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

static void test_commit(void **state)
{
        char dir[] = "/tmp/output_test.XXXXXX", path[64];
        struct output o = OUTPUT_INIT;
        struct err e = ERR_INIT;
        char *bytes = NULL;

        (void) state;
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/file", dir);
        assert_int_equal(output_open(&o, path, 0644, &e), 0);
        assert_int_equal(fd_write_all(o.fd, "one", 3), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(output_commit(&o, false, &e), 0);
        output_done(&o);
        assert_int_equal(output_open(&o, path, 0644, &e), 0);
        assert_int_equal(fd_write_all(o.fd, "two", 3), 0);
        assert_int_equal(output_commit(&o, false, &e), -EEXIST);
        assert_int_equal(output_commit(&o, true, &e), 0);
        output_done(&o);
        assert_int_equal(fd_read_file(AT_FDCWD, path, 10, &bytes, NULL), 0);
        assert_string_equal(bytes, "two");
        free(bytes);
        assert_int_equal(count_entries(dir), 1);
        unlink(path);
        rmdir(dir);
}

static void test_abandoned(void **state)
{
        char dir[] = "/tmp/output_test.XXXXXX", path[64], part[96];
        struct output o = OUTPUT_INIT;
        struct err e = ERR_INIT;

        (void) state;
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/file", dir);
        snprintf(part, sizeof(part), "%s/.file.1.0.part~", dir);
        close(open(part, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* as a killed writer would leave it */
        assert_int_equal(output_open(&o, path, 0644, &e), 0);
        output_done(&o);
        assert_int_equal(count_entries(dir), 0);
        rmdir(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_commit), cmocka_unit_test(test_abandoned) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
