#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/text.h"
#include "image/architecture.h"

#define ARM64   "7f454c460201010000000000000000000200b700"
#define PPC64   "7f454c4602020100000000000000000000020015"
#define LOONG   "7f454c460201010000000000000000000200020100000000"
#define NOTHING "/proc/self/nothing-here"

static void put(const char *dir, const char *name, const char *content)
{
        _cleanup_free_ char *path = text_format("%s/%s", dir, name);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_int_equal(fd_write_all(fd, content, strlen(content)), 0);
}

static void entry(const char *dir, const char *state, const char *flags, const char *offset,
                  const char *magic)
{
        _cleanup_free_ char *content =
                text_format("%s\ninterpreter /usr/bin/qemu\nflags: %s\noffset %s\nmagic "
                            "%s\nmask ffff\n",
                            state, flags, offset, magic);

        put(dir, "qemu-test", content);
}

static void test_processor(void **state)
{
        static const struct {
                const char *image, *host;
                bool runs;
        } cases[] = {
                { "arm64", "amd64", false },   { "amd64", "386", false },      { "mips64", "mips", false },
                { "ppc64", "ppc64le", false }, { "", "amd64", false },         { "amd64", "amd64", true },
                { "unknown", "amd64", true },  { "386", "amd64", true },       { "arm", "arm64", true },
                { "mips", "mips64", true },    { "mipsle", "mips64le", true },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(architecture_runs(cases[i].image, cases[i].host, NOTHING), cases[i].runs);
}

static void test_emulator(void **state)
{
        char dir[] = "/tmp/architecture_test.XXXXXX";
        _cleanup_free_ char *remove = NULL;

        (void) state;
        assert_non_null(mkdtemp(dir));
        remove = text_format("rm -rf '%s'", dir);
        put(dir, "register", "");
        put(dir, "python3.11",
            "enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n");
        entry(dir, "enabled", "OCF", "0", ARM64);
        assert_false(architecture_runs("arm64", "amd64", dir)); /* without a status */
        put(dir, "status", "disabled\n");
        assert_false(architecture_runs("arm64", "amd64", dir));
        put(dir, "status", "enabled\n");
        assert_true(architecture_runs("arm64", "amd64", dir));
        assert_false(architecture_runs("riscv64", "amd64", dir));
        assert_false(architecture_runs("arm", "amd64", dir));
        entry(dir, "disabled", "OCF", "0", ARM64);
        assert_false(architecture_runs("arm64", "amd64", dir));
        entry(dir, "enabled", "OC", "0", ARM64);
        assert_false(architecture_runs("arm64", "amd64", dir));
        entry(dir, "enabled", "F", "4", ARM64);
        assert_false(architecture_runs("arm64", "amd64", dir));
        entry(dir, "enabled", "F", "0", "7f454c46");
        assert_false(architecture_runs("arm64", "amd64", dir));
        entry(dir, "enabled", "F", "0", PPC64);
        assert_true(architecture_runs("ppc64", "amd64", dir));
        assert_false(architecture_runs("ppc64le", "amd64", dir));
        entry(dir, "enabled", "F", "0", LOONG);
        assert_true(architecture_runs("loong64", "amd64", dir));
        assert_int_equal(system(remove), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_processor),
                                            cmocka_unit_test(test_emulator) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
