#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "image/metadata.h"
#include "image/metadata_internal.h"

static struct tree_node *at(struct tree *t, const char *path)
{
        return tree_resolve(t, path, false, NULL);
}

static const char *content(struct tree *t, const char *path)
{
        struct tree_node *node = at(t, path);

        assert_non_null(node);
        assert_true(S_ISREG(node->inode->mode));
        return node->inode->bytes ? (const char *) node->inode->bytes : "";
}

static struct tree_node *add(struct tree *t, struct tree_node *dir, const char *name, uint32_t mode)
{
        return tree_add(t, dir, name, strlen(name), mode);
}

static void add_link(struct tree *t, struct tree_node *dir, const char *name, const char *target)
{
        add(t, dir, name, S_IFLNK | 0777)->inode->link = text_dup(target);
}

static void put(struct tree *t, const char *path, const char *bytes)
{
        assert_non_null(tree_put_file(t, path, 0600, bytes, strlen(bytes), NULL));
}

static void put_base(struct tree *t, bool overwrite)
{
        struct err e = ERR_INIT;

        assert_int_equal(metadata_put_base(t, overwrite, 77, &e), 0);
}

static void test_base_of_an_empty_tree(void **state)
{
        static const char *const scripts[] = {
                "actions/exec",       "actions/run",    "actions/shell",  "actions/start",
                "actions/test",       "env/01-base.sh", "env/95-apps.sh", "env/90-environment.sh",
                "env/94-appsbase.sh", "env/99-base.sh", "runscript",      "env/99-runtimevars.sh",
                "startscript"
        };
        static const char *const dirs[] = { "dev",     "proc", "root",
                                            "var/tmp", "tmp",  "etc",
                                            "sys",     "home", ".singularity.d/libs" };
        _cleanup_tree_ struct tree *t = tree_new();

        (void) state;
        tree_root(t)->inode->mode = S_IFDIR | 0555;
        put_base(t, true);
        assert_int_equal(tree_root(t)->inode->mode, S_IFDIR | 0755);
        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
                _cleanup_free_ char *path = text_format("/.singularity.d/%s", scripts[i]);

                assert_non_null(at(t, path));
                assert_int_equal(at(t, path)->inode->mode, S_IFREG | 0755);
                assert_int_equal(at(t, path)->inode->mtime, 77);
        }
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                assert_int_equal(at(t, dirs[i])->inode->mode, S_IFDIR | 0755);
        assert_string_equal(at(t, ".run")->inode->link, ".singularity.d/actions/run");
        assert_string_equal(at(t, "environment")->inode->link, ".singularity.d/env/90-environment.sh");
        assert_int_equal(at(t, "etc/hosts")->inode->mode, S_IFREG | 0644);
        assert_int_equal(at(t, "etc/resolv.conf")->inode->size_bytes, 0);
}

static void test_planted_links_are_replaced(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        struct tree_node *etc2 = add(t, tree_root(t), "etc2", S_IFDIR | 0700);

        (void) state;
        put(t, "/etc2/hosts", "keep");
        put(t, "/etc2/runscript", "keep");
        add_link(t, tree_root(t), ".singularity.d", "/etc2");
        add_link(t, tree_root(t), "environment", "/../../../etc/passwd");
        add_link(t, tree_root(t), "etc", "/etc2");
        put_base(t, true);
        assert_true(S_ISDIR(at(t, "/.singularity.d")->inode->mode));
        assert_string_equal(content(t, "/etc2/runscript"), "keep");
        assert_string_equal(at(t, "environment")->inode->link, ".singularity.d/env/90-environment.sh");
        /* /etc is the image's own affair; the file in it is emptied where it really is */
        assert_true(S_ISLNK(at(t, "/etc")->inode->mode));
        assert_string_equal(content(t, "/etc2/hosts"), "");
        assert_int_equal(tree_n_children(t, etc2), 3);
}

static void test_planted_link_inside_our_directory(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        struct tree_node *own = add(t, tree_root(t), ".singularity.d", S_IFDIR | 0755);

        (void) state;
        add(t, tree_root(t), "target", S_IFDIR | 0755);
        put(t, "/file", "keep");
        add_link(t, own, "actions", "/target");
        add_link(t, own, "env", "../../../..");
        add_link(t, own, "runscript", "/file");
        add_link(t, own, "startscript", "startscript");
        put_base(t, true);
        assert_int_equal(tree_n_children(t, at(t, "/target")), 0);
        assert_string_equal(content(t, "/file"), "keep");
        assert_true(S_ISREG(at(t, "/.singularity.d/startscript")->inode->mode));
        assert_true(S_ISDIR(at(t, "/.singularity.d/env")->inode->mode));
}

static void test_replaced_file_leaves_its_other_names(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();

        (void) state;
        put(t, "/etc/hosts", "both");
        tree_add_link(t, tree_root(t), "other", 5, at(t, "/etc/hosts"));
        put_base(t, true);
        assert_string_equal(content(t, "/etc/hosts"), "");
        assert_string_equal(content(t, "/other"), "both");
}

static void test_local_image_keeps_its_files(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();

        (void) state;
        put(t, "/.singularity.d/runscript", "mine");
        put(t, "/.singularity.d/env/94-appsbase.sh", "apps");
        put(t, "/etc/hosts", "10.0.0.1 here");
        put(t, "/run/resolv", "nameserver");
        add_link(t, at(t, "/etc"), "resolv.conf", "../run/resolv");
        put(t, "/singularity", "a program");
        put_base(t, false);
        assert_string_equal(content(t, "/.singularity.d/runscript"), "mine");
        assert_int_equal(at(t, "/.singularity.d/runscript")->inode->mode, S_IFREG | 0755);
        assert_string_equal(content(t, "/.singularity.d/env/94-appsbase.sh"), "apps");
        assert_string_equal(content(t, "/etc/hosts"), "10.0.0.1 here");
        assert_int_equal(at(t, "/etc/hosts")->inode->mode, S_IFREG | 0644);
        assert_true(S_ISLNK(at(t, "/etc/resolv.conf")->inode->mode));
        assert_string_equal(content(t, "/run/resolv"), "nameserver");
        assert_string_equal(content(t, "/singularity"), "a program");
}

static void test_definition_history(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        struct err e = ERR_INIT;

        (void) state;
        for (int i = 0; i < 3; i++) {
                char text[32];

                snprintf(text, sizeof(text), "definition %d", i);
                assert_int_equal(metadata_put_definition(t, text, 5, &e), 0);
        }
        assert_string_equal(content(t, METADATA_DEFINITION), "definition 2");
        assert_string_equal(content(t, "/.singularity.d/bootstrap_history/Apptainer0"), "definition 0");
        assert_string_equal(content(t, "/.singularity.d/bootstrap_history/Apptainer1"), "definition 1");
        assert_int_equal(tree_n_children(t, at(t, "/.singularity.d/bootstrap_history")), 2);
}

static void test_labels_refused(void **state)
{
        static const struct {
                const char *json, *said;
        } cases[] = {
                { "[]", "not a JSON object" },
                { "{\"a\":1}", "\"a\"" },
                { "{\"a\":\"b\",\"bad\":{}}", "\"bad\"" },
                { "{", "malformed" },
                { "{\"a\":\"b\"} x", "malformed" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_tree_ struct tree *t = tree_new();
                struct err e = ERR_INIT;
                json_t *labels = NULL;

                put(t, METADATA_LABELS, cases[i].json);
                assert_int_equal(metadata_labels_read(t, &labels, &e), -EBADMSG);
                assert_null(labels);
                assert_non_null(strstr(e.text, cases[i].said));
                assert_non_null(strstr(e.text, METADATA_LABELS));
        }
}

static void test_labels_written_as_the_original_does(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_json_ json_t *labels = NULL;
        struct err e = ERR_INIT;

        (void) state;
        put(t, METADATA_LABELS, "{\"z\":\"<&>\",\"a\":null}");
        assert_int_equal(metadata_labels_read(t, &labels, &e), 0);
        assert_int_equal(metadata_put_labels(t, labels, 5, &e), 0);
        assert_string_equal(content(t, METADATA_LABELS),
                            "{\n\t\"a\": \"\",\n\t\"z\": \"\\u003c\\u0026\\u003e\"\n}");
        assert_int_equal(at(t, METADATA_LABELS)->inode->mode, S_IFREG | 0644);
}

static void note_count(enum log_level level, const char *text, void *user)
{
        (void) text;
        if (level == LOG_WARNING)
                ++*(int *) user;
}

static void test_inspect(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_text_ struct text out = TEXT_INIT;
        struct err e = ERR_INIT;
        int n_warnings = 0;
        struct notes notes = { .say = note_count, .user = &n_warnings };

        (void) state;
        put(t, "/.singularity.d/env/10-docker2singularity.sh", "d\n");
        put(t, "/.singularity.d/env/90-environment.sh", "e\n\n\n");
        put(t, "/.singularity.d/env/92-foo.sh", "no");
        put(t, "/.singularity.d/env/99-base.sh", "no");
        put(t, "/.singularity.d/labels.json", "{\"b\":\"2\",\"a\":\"<\"}");
        put(t, "/.singularity.d/runscript", "run\xff\n");
        put(t, "/.singularity.d/Singularity", "bootstrap: oci\nfrom: x\n\n");
        put(t, "/scif/apps/foo/scif/env/90-environment.sh", "x\n");
        put(t, "/scif/apps/foo/scif/runscript", "a\n\n");
        put(t, "/scif/apps/bar/scif/labels.json", "{\"a\":1}");
        put(t, "/scif/apps/bar/scif/test", "t");
        add(t, at(t, "/scif/apps"), "baz", S_IFDIR | 0755);
        assert_int_equal(metadata_inspect(t, &notes, &out, &e), 0);
        assert_string_equal(
                text_get(&out),
                "{\"data\":{\"attributes\":{\"apps\":{\"bar\":{\"test\":\"t\"},\"foo\":{\"environment\":{"
                "\"/scif/apps/foo/scif/env/90-environment.sh\":\"x\"},\"runscript\":\"a\"}},"
                "\"environment\":{\"/.singularity.d/env/10-docker2singularity.sh\":\"d\","
                "\"/.singularity.d/env/90-environment.sh\":\"e\"},"
                "\"labels\":{\"a\":\"\\u003c\",\"b\":\"2\"},\"runscript\":\"run\xef\xbf\xbd\","
                "\"deffile\":\"bootstrap: oci\\nfrom: x\"}},\"type\":\"container\"}");
        assert_int_equal(n_warnings, 1);
}

static int count_file(struct tree_inode *file, void *user)
{
        (void) file;
        ++*(int *) user;
        return 0;
}

static void test_each_file(void **state)
{
        _cleanup_tree_ struct tree *t = tree_new();
        int n = 0;

        (void) state;
        put(t, "/.singularity.d/runscript", "x");
        put(t, "/.singularity.d/env/99-base.sh", "x");
        put(t, "/scif/apps/a/scif/test", "x");
        put(t, "/.singularity.d/test", "x");
        at(t, "/.singularity.d/test")->inode->size_bytes = METADATA_FILE_MAX + 1;
        assert_int_equal(metadata_each_file(t, count_file, &n), 0);
        assert_int_equal(n, 2);
}

static json_t *parse(const char *text)
{
        struct err e = ERR_INIT;
        json_t *value = json_parse(text, strlen(text), "test", &e);

        assert_non_null(value);
        return value;
}

static void test_oci_config(void **state)
{
        static const struct {
                const char *config, *expected;
        } cases[] = {
                { "{}", "{}" },
                { "null", "{}" },
                { "{\"Tty\":false,\"User\":\"\",\"Cmd\":[],\"Labels\":{},\"Memory\":5}", "{}" },
                { "{\"WorkingDir\":\"/w\",\"Cmd\":[\"a\"],\"Labels\":{\"z\":\"1\",\"a\":null},"
                  "\"ExposedPorts\":{\"80/tcp\":{},\"22/tcp\":{\"x\":1}},\"Tty\":true,"
                  "\"Healthcheck\":{\"Retries\":3,\"StartInterval\":9,\"Interval\":2,\"Test\":[\"CMD\",\"x\"]"
                  "}}",
                  "{\"Cmd\":[\"a\"],\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":2,\"Retries\":3},"
                  "\"Labels\":{\"a\":\"\",\"z\":\"1\"},\"Tty\":true,\"WorkingDir\":\"/w\","
                  "\"ExposedPorts\":{\"22/tcp\":{},\"80/tcp\":{}}}" },
                { "{\"Cmd\":\"text\"}", NULL },
                { "{\"Env\":[1]}", NULL },
                { "{\"Labels\":{\"a\":1}}", NULL },
                { "{\"Healthcheck\":\"x\"}", NULL },
                { "[]", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_json_ json_t *config = i == 1 ? json_null() : parse(cases[i].config);
                _cleanup_text_ struct text out = TEXT_INIT;
                struct err e = ERR_INIT;
                int r = metadata_oci_config(config, &out, &e);

                assert_int_equal(r, cases[i].expected ? 0 : -EBADMSG);
                if (cases[i].expected)
                        assert_string_equal(text_get(&out), cases[i].expected);
        }
}

static void test_oci_environment_text(void **state)
{
        _cleanup_json_ json_t *env = parse("[\"PATH=/a:$b\",\"A=x \\\"q\\\" `c` \\\\ $H 's\\nn\",\"B\","
                                           "\"1C=x\",\"D-E=x\",\"=x\",\"\",\"F=\"]");
        _cleanup_text_ struct text out = TEXT_INIT;

        (void) state;
        metadata_oci_environment(env, &out);
        assert_string_equal(text_get(&out), "#!/bin/sh\n"
                                            "export PATH=\"/a:\\$b\"\n"
                                            "export A=\"${A:-\"x \\\"q\\\" \\`c\\` \\\\ \\$H 's\nn\"}\"\n"
                                            "export B=\"${B:-}\"\n"
                                            "export F=\"${F:-\"\"}\"\n");
}

/* --- the texts in real shells ------------------------------------------------------------------------- */

static const char *const shells[] = { "dash", "bash", "bash --posix", "busybox sh" };

static bool have_shell(const char *shell)
{
        _cleanup_free_ char *probe = text_format("%s -c : 2>/dev/null", shell);

        if (system(probe) == 0) /* NOLINT(cert-env33-c) */
                return true;
        print_message("skipped: no %s here\n", shell);
        return false;
}

/* Standard output of a command line, and its status. */
static char *output_of(const char *command, int *ret_status)
{
        FILE *pipe = popen(command, "re"); /* NOLINT(cert-env33-c) */
        _cleanup_text_ struct text out = TEXT_INIT;
        char buffer[4096];
        size_t n;

        assert_non_null(pipe);
        while ((n = fread(buffer, 1, sizeof(buffer), pipe)) > 0)
                text_add_bytes(&out, buffer, n);
        *ret_status = WEXITSTATUS(pclose(pipe));
        return text_take(&out);
}

static char *script_write(const char *bytes)
{
        char *path = text_format("%s/metadata_test.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, bytes, strlen(bytes)), 0);
        close(fd);
        return path;
}

static void test_oci_environment_in_shells(void **state)
{
        static const char nasty[] = "x \"q\" `id` \\ $HOME ${A} 's } \n\t* ~ \\$ \\\" end";
        _cleanup_free_ char *element = text_format("N=%s", nasty),
                            *path_element = text_format("PATH=%s", nasty);
        _cleanup_json_ json_t *env = json_pack("[sss]", element, path_element, "SET=image");
        _cleanup_text_ struct text out = TEXT_INIT;
        _cleanup_free_ char *script = NULL, *expected = text_format("<%s><%s><host>", nasty, nasty);

        (void) state;
        metadata_oci_environment(env, &out);
        text_add(&out, "printf '<%s><%s><%s>' \"$N\" \"$PATH\" \"$SET\"\n");
        script = script_write(text_get(&out));
        for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
                _cleanup_free_ char *command = text_format("SET=host N= %s %s", shells[i], script);
                _cleanup_free_ char *said = NULL;
                int status;

                if (!have_shell(shells[i]))
                        continue;
                said = output_of(command, &status);
                assert_int_equal(status, 0);
                assert_string_equal(said, expected);
        }
        unlink(script);
}

struct run_case {
        const char *entrypoint, *cmd; /* JSON arrays; the program is "show", which prints its arguments */
        const char *arguments;        /* as a shell reads them */
        bool no_eval;
        const char *expected;
};

#define SHOW "\"/usr/bin/printf\",\"<%s>\""

static const struct run_case run_cases[] = {
        { "[" SHOW "]", "[]", "", false, "<>" },
        { "[" SHOW ",\"a b\",\"$HOME\",\"it's\",\"\\\"q\\\"\"]", "[\"c\"]", "", false,
          "<a b><$HOME><it's><\"q\"><c>" },
        { "[" SHOW ",\"e\"]", "[\"c\"]", "x 'y z'", false, "<e><x><y z>" },
        { "[" SHOW "]", "[\"c\"]", "'$WORD' '\\\\'", false, "<expanded><\\>" },
        { "[]", "[" SHOW ",\"c d\"]", "", false, "<c d>" },
        { "[]", "[" SHOW ",\"c d\"]", "/usr/bin/printf '<%s>' mine", false, "<mine>" },
        { "[]", "[]", "/usr/bin/printf '<%s>' mine", false, "<mine>" },
        { "[" SHOW ",\"a b\",\"$HOME\",\"it's\"]", "[\"c\"]", "", true, "<a b><$HOME><it's><c>" },
        { "[" SHOW ",\"e\"]", "[\"c\"]", "'$WORD' '\"' '`id`'", true, "<e><$WORD><\"><`id`>" },
        { "[" SHOW "]", "[]", "", true, "<>" },
        { "[]", "[" SHOW ",\"c d\"]", "", true, "<c d>" },
        { "[]", "[" SHOW ",\"c d\"]", "/usr/bin/printf '<%s>' '$WORD'", true, "<$WORD>" },
        { "[]", "[]", "/usr/bin/printf '<%s>' '$WORD'", true, "<$WORD>" },
        { "[]", "[]", "", true, "" },
};

static void check_run(const struct run_case *c, const char *shell)
{
        _cleanup_json_ json_t *entrypoint = parse(c->entrypoint), *cmd = parse(c->cmd);
        _cleanup_text_ struct text out = TEXT_INIT;
        _cleanup_free_ char *script = NULL, *command = NULL, *said = NULL;
        int status;

        metadata_oci_runscript(entrypoint, cmd, &out);
        assert_non_null(strstr(text_get(&out), "\neval \"set ${SINGULARITY_OCI_RUN}\"\n"));
        assert_true(text_starts(text_get(&out), "#!/bin/sh\nOCI_ENTRYPOINT='"));
        script = script_write(text_get(&out));
        command = text_format("WORD=expanded SINGULARITY_NO_EVAL=%s %s %s %s", c->no_eval ? "1" : "", shell,
                              script, c->arguments);
        said = output_of(command, &status);
        unlink(script);
        assert_int_equal(status, 0);
        assert_string_equal(said, c->expected);
}

static void test_oci_runscript_in_shells(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
                for (size_t k = 0; have_shell(shells[i]) && k < ARRAY_SIZE(run_cases); k++)
                        check_run(&run_cases[k], shells[i]);
}

/* Every script of the base environment is one that the shells accept. */
static void test_scripts_parse(void **state)
{
        (void) state;
        for (size_t i = 0; i < n_metadata_scripts; i++) {
                _cleanup_free_ char *script = script_write(metadata_scripts[i].content);

                for (size_t k = 0; k < ARRAY_SIZE(shells); k++) {
                        _cleanup_free_ char *command = text_format("%s -n %s 2>&1", shells[k], script);
                        _cleanup_free_ char *said = NULL;
                        int status;

                        if (!have_shell(shells[k]))
                                continue;
                        said = output_of(command, &status);
                        assert_string_equal(said, "");
                        assert_int_equal(status, 0);
                }
                unlink(script);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_labels_refused),
                cmocka_unit_test(test_planted_links_are_replaced),
                cmocka_unit_test(test_planted_link_inside_our_directory),
                cmocka_unit_test(test_replaced_file_leaves_its_other_names),
                cmocka_unit_test(test_base_of_an_empty_tree),
                cmocka_unit_test(test_local_image_keeps_its_files),
                cmocka_unit_test(test_definition_history),
                cmocka_unit_test(test_labels_written_as_the_original_does),
                cmocka_unit_test(test_inspect),
                cmocka_unit_test(test_each_file),
                cmocka_unit_test(test_oci_config),
                cmocka_unit_test(test_oci_environment_text),
                cmocka_unit_test(test_oci_environment_in_shells),
                cmocka_unit_test(test_oci_runscript_in_shells),
                cmocka_unit_test(test_scripts_parse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
