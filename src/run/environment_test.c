#include "base/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/environment.h"

/* What was said, one line each: "W text" or "I text". */
static void collect(enum log_level level, const char *text, void *user)
{
        text_printf(user, "%c %s\n", level == LOG_WARNING ? 'W' : 'I', text);
}

struct environment_case {
        const char *host[12];
        const char *set[6];
        const char *withheld[3];
        const char *files; /* content of an env-file */
        const char *more_files;
        bool clean, no_eval;
        const char *process;     /* lines that must be in the process environment */
        const char *not_process; /* names that must not */
        const char *overrides;   /* all of them */
        const char *notes;       /* all of them */
};

static const struct environment_case cases[] = {
        { .host = { "FOO=host", "HOME=/host", "PATH=/host/bin", "LD_LIBRARY_PATH=/l", "OPTIND=7", "X.Y=dot",
                    "BASH_FUNC_f%%=() { :; }", "NL=a\nb", "=nothing", "novalue" },
          .process = "FOO=host\nHOME=/home/u\nPATH=" ENVIRONMENT_PATH "\nX.Y=dot\nBASH_FUNC_f%%=() { :; }\n"
                     "USER_PATH=/host/bin:/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin\n",
          .not_process = "LD_LIBRARY_PATH OPTIND novalue LANG" },
        { .host = { "FOO=host", "TERM=xterm", "https_proxy=p", "NO_PROXY=q", "LANG=de", "PATH=/b" },
          .clean = true,
          .process = "TERM=xterm\nhttps_proxy=p\nNO_PROXY=q\nLANG=C\nHOME=/home/u\n",
          .not_process = "FOO USER_PATH" },
        { .host = { "A=1", "B=2", "TERM=t" },
          .withheld = { "A", "TERM" },
          .process = "B=2\nTERM=t\n",
          .not_process = "A" },
        { .host = { "APPTAINER_FOO=1", "SINGULARITY_BIND=/x", "APPTAINER_NAME=evil", "APPTAINER_SHELL=/x" },
          .process =
                  "APPTAINER_NAME=image.sif\nSINGULARITY_NAME=image.sif\nAPPTAINER_CONTAINER=/dir/image.sif\n"
                  "SINGULARITY_CONTAINER=/dir/image.sif\nAPPTAINER_BIND=/data,/mnt\nSINGULARITY_BIND=/data,/mnt\n"
                  "APPTAINER_APPNAME=\nSINGULARITY_APPNAME=\nAPPTAINER_COMMAND=exec\n",
          .not_process =
                  "APPTAINER_FOO APPTAINER_SHELL APPTAINER_INSTANCE APPTAINER_NO_EVAL SINGULARITY_COMMAND" },
        { .host = { "APPTAINERENV_A=1", "SINGULARITYENV_B=2", "SINGULARITYENV_A=1" },
          .overrides = "A=1\nB=2\n",
          .not_process = "A B APPTAINERENV_A SINGULARITYENV_B",
          .notes = "I Environment variable SINGULARITYENV_B is set, but APPTAINERENV_B is preferred\n" },
        { .host = { "APPTAINERENV_A=1", "SINGULARITYENV_A=2" },
          .overrides = "A=1\n",
          .notes = "W SINGULARITYENV_A and APPTAINERENV_A have different values, using the latter\n" },
        { .host = { "APPTAINERENV_A=1", "APPTAINERENV_=x", "APPTAINERENV_E=" },
          .set = { "A=2", "B=x=y", "C=", "=x" },
          .clean = true,
          .overrides = "A=2\nB=x=y\nC=\nE=\n",
          .notes = "W Ignore environment variable =x: variable name missing\n" },
        { .host = { "APPTAINERENV_HOME=/x", "APPTAINERENV_UID=3", "APPTAINERENV_GID=4" },
          .set = { "APPTAINER_SHELL=x", "SINGULARITY_APPNAME=y", "a.b=1" },
          .notes =
                  "W Overriding APPTAINER_SHELL environment variable with APPTAINERENV_APPTAINER_SHELL is not permitted\n"
                  "W Overriding HOME environment variable with APPTAINERENV_HOME is not permitted\n"
                  "W Overriding SINGULARITY_APPNAME environment variable with APPTAINERENV_SINGULARITY_APPNAME is not "
                  "permitted\n"
                  "W Ignore environment variable a.b: not a name that a shell could read\n" },
        { .host = { "APPTAINERENV_PATH=/p", "APPTAINERENV_PREPEND_PATH=/pre", "APPTAINERENV_APPEND_PATH=/app",
                    "APPTAINERENV_LD_LIBRARY_PATH=/l", "APPTAINERENV_PREPEND_LD_LIBRARY_PATH=/pl" },
          .overrides = "LD_LIBRARY_PATH=/l\nPREPEND_LD_LIBRARY_PATH=/pl\nSING_USER_DEFINED_APPEND_PATH=/app\n"
                       "SING_USER_DEFINED_PATH=/p\nSING_USER_DEFINED_PREPEND_PATH=/pre\n" },
        { .no_eval = true, .process = "APPTAINER_NO_EVAL=1\nSINGULARITY_NO_EVAL=1\n" },
        { .host = { "H=host", "APPTAINERENV_A=env", "SINGULARITYENV_B=old" },
          .files =
                  "# comment\nA=1\nB=\"two $H $1 $2 $APPTAINER_IMAGE\"\nC='$HOME'\nif [ -n \"$H\" ]; then E=yes; fi\n"
                  "f() { F=fun; }; f\nfor i in 1 2; do G=$G$i; done\nUID=5 HOME=/x H=host\nexport J=$((2*3))\n",
          .more_files = "A=later\n",
          .set = { "E=option" },
          .overrides =
                  "A=later\nB=two host /.singularity.d/actions/exec arg /dir/image.sif\nC=$HOME\nE=option\nF=fun\nG=12\n"
                  "H=host\nJ=6\ni=2\n",
          .notes = "W Ignored environment file variable E: override from --env\n"
                   "W SINGULARITYENV_B and APPTAINERENV_B have different values, using the latter\n" },
        { .files = "X=$(ls)\nY=$(echo hi)\necho said\n",
          .overrides = "X=\nY=hi\n",
          .notes = "W could not execute \"ls\": execution is disabled\nI said\n" },
        { .files = "A=1; exit 0; B=2", .overrides = "A=1\n" },
};

static void list_of(struct text_list *list, const char *const *words)
{
        for (; *words; words++)
                text_list_add(list, *words);
}

static char *write_file(const char *directory, const char *name, const char *content)
{
        char *path = text_format("%s/%s", directory, name);
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        fputs(content, file);
        fclose(file);
        return path;
}

static bool has_line(const struct text_list *list, const char *line, size_t size)
{
        for (size_t i = 0; i < list->n; i++)
                if (strlen(list->at[i]) == size && memcmp(list->at[i], line, size) == 0)
                        return true;
        return false;
}

static void check(const struct environment_case *c, const struct environment *made, const char *notes)
{
        _cleanup_text_ struct text overrides = TEXT_INIT;
        _cleanup_free_ char *names = text_dup(c->not_process ? c->not_process : "");

        for (const char *line = c->process; line && *line; line += strcspn(line, "\n") + 1)
                if (!has_line(&made->process, line, strcspn(line, "\n")))
                        fail_msg("not in the process environment: %.*s", (int) strcspn(line, "\n"), line);
        for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
                if (environment_get(&made->process, name))
                        fail_msg("in the process environment: %s", name);
        for (size_t i = 0; i < made->overrides.n; i++)
                text_printf(&overrides, "%s\n", made->overrides.at[i]);
        assert_string_equal(text_get(&overrides), c->overrides ? c->overrides : "");
        assert_string_equal(notes, c->notes ? c->notes : "");
        assert_int_equal(made->no_eval, c->no_eval);
}

static void run_case(const struct environment_case *c, const char *directory)
{
        _cleanup_text_list_ struct text_list set = TEXT_LIST_INIT, withheld = TEXT_LIST_INIT,
                                             files = TEXT_LIST_INIT, binds = TEXT_LIST_INIT;
        _cleanup_environment_ struct environment made = ENVIRONMENT_INIT;
        _cleanup_text_ struct text said = TEXT_INIT;
        const struct notes notes = { .say = collect, .user = &said };
        char *host[ARRAY_SIZE(c->host) + 1] = { NULL }, argument[] = "arg", *arguments[] = { argument, NULL };
        struct environment_request request = { .host = host,
                                               .action = "exec",
                                               .image = "/dir/image.sif",
                                               .home = "/home/u",
                                               .arguments = arguments,
                                               .set = &set,
                                               .files = &files,
                                               .withheld = &withheld,
                                               .bind_targets = &binds,
                                               .clean = c->clean,
                                               .no_eval = c->no_eval };
        struct err e = ERR_INIT;

        for (size_t i = 0; c->host[i]; i++)
                host[i] = text_dup(c->host[i]);
        list_of(&set, c->set);
        list_of(&withheld, c->withheld);
        text_list_add(&binds, "/data");
        text_list_add(&binds, "/mnt");
        if (c->files)
                text_list_take(&files, write_file(directory, "one", c->files));
        if (c->more_files)
                text_list_take(&files, write_file(directory, "two", c->more_files));
        if (environment_make(&made, &request, &notes, &e) < 0)
                fail_msg("%s", e.text);
        check(c, &made, text_get(&said));
        for (size_t i = 0; host[i]; i++)
                free(host[i]);
        for (size_t i = 0; i < files.n; i++)
                unlink(files.at[i]);
}

static char directory[] = "/tmp/environment_test.XXXXXX";

static void test_tables(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                run_case(&cases[i], directory);
}

static void test_refused_files(void **state)
{
        static const char *const files[] = { "A=1; }",    "A=$(cat", "echo x > out", "exit 3",    "ls",
                                             ". ./other", "A=(1 2)", "cat <<E\nE",   "A=1 | true" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(files) + 1; i++) {
                _cleanup_text_list_ struct text_list list = TEXT_LIST_INIT;
                _cleanup_environment_ struct environment made = ENVIRONMENT_INIT;
                struct environment_request request = {
                        .action = "exec", .image = "/i", .home = "/h", .files = &list
                };
                struct err e = ERR_INIT;

                if (i < ARRAY_SIZE(files))
                        text_list_take(&list, write_file(directory, "bad", files[i]));
                else
                        text_list_add(&list, "/nonexistent/file");
                if (environment_make(&made, &request, NULL, &e) >= 0)
                        fail_msg("accepted: %s", files[i]);
                assert_non_null(strstr(e.text, list.at[0]));
                unlink(list.at[0]);
        }
}

/* Nextflow starts us with nothing but PATH. */
static void test_empty_host(void **state)
{
        char path[] = "PATH=/bin", *host[] = { path, NULL };
        struct environment_request request = {
                .host = host, .action = "run", .image = "/i.sif", .home = "/h"
        };
        _cleanup_environment_ struct environment made = ENVIRONMENT_INIT;
        _cleanup_text_ struct text said = TEXT_INIT;
        const struct notes notes = { .say = collect, .user = &said };

        (void) state;
        assert_return_code(environment_make(&made, &request, &notes, NULL), 0);
        assert_string_equal(text_get(&said), "");
        assert_string_equal(environment_get(&made.process, "APPTAINER_BIND"), "");
        assert_string_equal(environment_get(&made.process, "APPTAINER_COMMAND"), "run");
        assert_int_equal(made.overrides.n, 0);
}

static void test_options(void **state)
{
        struct environment_request request = { .action = "shell",
                                               .image = "/i",
                                               .home = "/h",
                                               .app = "foo",
                                               .shell = "/bin/zsh",
                                               .instance = "inst" };
        _cleanup_environment_ struct environment made = ENVIRONMENT_INIT;

        (void) state;
        assert_return_code(environment_make(&made, &request, NULL, NULL), 0);
        assert_string_equal(environment_get(&made.process, "SINGULARITY_APPNAME"), "foo");
        assert_string_equal(environment_get(&made.process, "APPTAINER_APPNAME"), "foo");
        assert_string_equal(environment_get(&made.process, "SINGULARITY_SHELL"), "/bin/zsh");
        assert_string_equal(environment_get(&made.process, "APPTAINER_INSTANCE"), "inst");
        assert_null(environment_get(&made.process, "APPTAINER"));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_tables),
                                            cmocka_unit_test(test_refused_files),
                                            cmocka_unit_test(test_empty_host),
                                            cmocka_unit_test(test_options) };
        int r;

        if (!mkdtemp(directory))
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        rmdir(directory);
        return r;
}
