/* An image is a directory made here.  What is evaluated natively is compared with what real shells make of
 * the generated text, run in a root directory that has this machine's /usr. */
#include "base/test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/command_internal.h"

static char directory[] = "/tmp/command_test.XXXXXX";
static int root = -EBADF;

struct image_file {
        const char *path, *content;
        bool executable;
};

#define BASE                                                                                                                  \
        "if [ -z \"${LD_LIBRARY_PATH:-}\" ]; then LD_LIBRARY_PATH=/.singularity.d/libs; else "                                \
        "LD_LIBRARY_PATH=\"$LD_LIBRARY_PATH:/.singularity.d/libs\"; fi\nif [ -z \"${PS1:-}\" ]; then PS1='Apptainer> '; fi\n" \
        "export LD_LIBRARY_PATH PS1\n"
#define ENV(name) "/.singularity.d/env/" name

struct command_case {
        struct image_file files[8];
        const char *host[8];
        const char *overrides[8];
        bool no_eval;
        const char *action;
        const char *arguments[5];

        const char *file; /* NULL: nothing to execute */
        const char *argv; /* joined by '|' */
        const char *env;  /* lines that must be there */
        const char *not_env;
        int status;
        const char *notes;
        const char *error;
        bool shell_only; /* the native evaluator must refuse it; the expected is what shells do */
};

static void write_file(const struct image_file *file)
{
        _cleanup_free_ char *path = text_dup(file->path);
        _cleanup_close_ int fd = -EBADF;

        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                fd_mkdir_in(root, path, 0755);
                *slash = '/';
        }
        if (text_ends(path, "/")) {
                return;
        }
        fd = fd_open_in(root, path, O_WRONLY | O_CREAT | O_TRUNC, file->executable ? 0755 : 0644);
        assert_return_code(fd, 0);
        assert_return_code(fd_write_all(fd, file->content, strlen(file->content)), 0);
}

/* Everything but /usr and the links to it. */
static void empty_image(void)
{
        _cleanup_free_ char *command = text_format(
                "cd %s && rm -rf .singularity.d environment scif apptainer bin opt environment usr",
                directory);

        assert_int_equal(system(command), 0);
}

static void collect(enum log_level level, const char *text, void *user)
{
        text_printf(user, "%c %s\n", level == LOG_WARNING ? 'W' : level == LOG_ERROR ? 'E' : 'I', text);
}

static void list_of(struct text_list *list, const char *const *words)
{
        for (; *words; words++)
                text_list_add(list, *words);
}

static bool has_line(const struct text_list *list, const char *line, size_t size)
{
        for (size_t i = 0; i < list->n; i++)
                if (strlen(list->at[i]) == size && memcmp(list->at[i], line, size) == 0)
                        return true;
        return false;
}

static void check_env(const struct command_case *c, const struct text_list *env, const char *who)
{
        _cleanup_free_ char *names = text_dup(c->not_env ? c->not_env : "");
        _cleanup_text_ struct text all = TEXT_INIT;

        for (size_t i = 0; i < env->n; i++)
                text_printf(&all, "  %s\n", env->at[i]);
        for (const char *line = c->env; line && *line; line += strcspn(line, "\n") + 1)
                if (!has_line(env, line, strcspn(line, "\n")))
                        fail_msg("%s: not in the environment: %.*s\nbut:\n%s", who, (int) strcspn(line, "\n"),
                                 line, text_get(&all));
        for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
                if (environment_get(env, name))
                        fail_msg("%s: in the environment: %s", who, name);
}

/* --- with real shells --- */

static const struct {
        const char *file, *name;
} shells[] = { { "/usr/bin/bash", "/bin/bash" },
               { "/usr/bin/bash", "/bin/sh" },
               { "/usr/bin/dash", "/bin/sh" },
               { "/usr/bin/busybox", "/bin/sh" } };

static bool may_chroot = true;

static void child_enter(void)
{
        _cleanup_free_ char *usr = text_format("%s/usr", directory);
        static const char *const links[] = { "bin", "sbin", "lib", "lib64" };

        if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                _exit(99);
        mkdir(usr, 0755);
        if (mount("/usr", usr, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(directory) < 0)
                _exit(99);
        for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
                _cleanup_free_ char *to = text_format("usr/%s", links[i]);

                if (symlink(to, links[i]) < 0 && errno != EEXIST)
                        _exit(99);
        }
        if (chroot(".") < 0 || chdir("/") < 0)
                _exit(99);
}

/* Runs the command in the image; what it writes to stdout and how it ends. */
static int run_in_image(const struct command *command, struct text *ret)
{
        int pipes[2], status;
        char block[4096];
        ssize_t n;
        pid_t pid;

        assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                child_enter();
                dup2(pipes[1], STDOUT_FILENO);
                if (!getenv("COMMAND_TEST_SHOW"))
                        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
                execve(command->file, command->argv.at, command->env.at);
                _exit(98);
        }
        close(pipes[1]);
        while ((n = read(pipes[0], block, sizeof(block))) > 0)
                text_add_bytes(ret, block, (size_t) n);
        close(pipes[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void compare_with(const struct command_case *c, const struct startup *startup,
                         const struct command *native, size_t shell)
{
        _cleanup_command_ struct command command = COMMAND_INIT;
        _cleanup_text_ struct text out = TEXT_INIT;
        _cleanup_text_list_ struct text_list env = TEXT_LIST_INIT;
        struct startup with = *startup;
        int status;

        if (access(shells[shell].file, X_OK) < 0)
                return;
        with.shell = shells[shell].name;
        assert_return_code(shell_command(&with, &command, NULL), 0);
        free(command.file);
        command.file = text_dup(shells[shell].file);
        status = run_in_image(&command, &out);
        if (status == 99) {
                may_chroot = false;
                return;
        }
        if (!c->file || c->error) {
                assert_int_equal(status, c->error ? 255 : c->status);
                return;
        }
        if (status != 0)
                fail_msg("%s %s: exit status %d", shells[shell].file, shells[shell].name, status);
        for (const char *at = text_get(&out); at < text_get(&out) + out.used; at += strlen(at) + 1)
                text_list_add(&env, at);
        text_list_sort(&env);
        check_env(c, &env, shells[shell].file);
        for (size_t i = 0; native && i < native->env.n; i++)
                /* shells drop what is no name for them */
                if (!text_starts(native->env.at[i], "X.Y=") && !text_list_has(&env, native->env.at[i]))
                        fail_msg("%s has not: %s", shells[shell].file, native->env.at[i]);
        for (size_t i = 0; native && i < env.n; i++)
                if (!text_list_has(&native->env, env.at[i]))
                        fail_msg("only %s %s has: %s", shells[shell].file, shells[shell].name, env.at[i]);
}

/* Only what writes its environment can be compared. */
static bool comparable(const struct command_case *c)
{
        return may_chroot && c->action[0] == 'e' && c->arguments[0] &&
               (strcmp(c->arguments[0], "env") == 0 || !c->file || c->error);
}

/* --- cases --- */

static const struct command_case cases[] = {
#include "run/command_cases.h"
};

static void fill_environment(const struct command_case *c, struct environment *environment)
{
        static const char path[] = "PATH=" ENVIRONMENT_PATH;
        static const char *const usual[] = { "APPTAINER_NAME=img.sif",
                                             "APPTAINER_CONTAINER=/i/img.sif",
                                             "SINGULARITY_NAME=img.sif",
                                             "APPTAINER_COMMAND=exec",
                                             "APPTAINER_APPNAME=",
                                             "HOME=/root",
                                             path,
                                             "PWD=/",
                                             "APPTAINER_BIND=",
                                             NULL };
        bool app = false;

        list_of(&environment->process, usual);
        list_of(&environment->process, c->host);
        for (size_t i = 0; c->host[i]; i++)
                app |= text_starts(c->host[i], "SINGULARITY_APPNAME=");
        if (!app)
                text_list_add(&environment->process, "SINGULARITY_APPNAME=");
        text_list_sort(&environment->process);
        list_of(&environment->overrides, c->overrides);
        environment->no_eval = c->no_eval;
}

static void check_native(const struct command_case *c, const struct command *made, int r, const struct err *e,
                         const char *notes)
{
        _cleanup_free_ char *argv = text_list_join(&made->argv, "|");

        if (c->error) {
                assert_true(r < 0);
                assert_string_equal(e->text, c->error);
                return;
        }
        if (r < 0)
                fail_msg("%s", e->text);
        assert_string_equal(notes, c->notes ? c->notes : "");
        if (!c->file) {
                assert_null(made->file);
                assert_int_equal(made->status, c->status);
                return;
        }
        assert_non_null(made->file);
        assert_string_equal(made->file, c->file);
        assert_string_equal(argv, c->argv);
        check_env(c, &made->env, "here");
}

static void run_case(const struct command_case *c)
{
        _cleanup_environment_ struct environment environment = ENVIRONMENT_INIT;
        _cleanup_command_ struct command made = COMMAND_INIT;
        _cleanup_startup_ struct startup startup = { .lenient = false };
        _cleanup_text_list_ struct text_list arguments = TEXT_LIST_INIT;
        _cleanup_text_ struct text said = TEXT_INIT;
        const struct notes notes = { .say = collect, .user = &said };
        struct command_request request = {
                .root = root, .action = c->action, .cwd = "/", .environment = &environment
        };
        struct err e = ERR_INIT;
        int r;

        empty_image();
        for (size_t i = 0; i < ARRAY_SIZE(c->files) && c->files[i].path; i++)
                write_file(&c->files[i]);
        list_of(&arguments, c->arguments);
        request.arguments = arguments.at;
        fill_environment(c, &environment);
        if (!c->shell_only) {
                r = command_resolve(&made, &request, &notes, &e);
                check_native(c, &made, r, &e, text_get(&said));
        }
        assert_return_code(startup_look(&startup, &request, &notes, &e), 0);
        if (c->shell_only) {
                _cleanup_env_script_ struct env_script s = { .root = -EBADF };

                assert_int_equal(native_environment(&startup, &s, &e), -ENOTSUP);
        }
        for (size_t i = 0; i < ARRAY_SIZE(shells) && comparable(c); i++)
                compare_with(c, &startup, c->shell_only ? NULL : &made, i);
}

static void test_cases(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                if (getenv("COMMAND_TEST_SHOW"))
                        print_message("case %zu\n", i);
                run_case(&cases[i]);
        }
        if (!may_chroot)
                print_message("no other root directory can be entered here: not compared with real shells\n");
}

/* Long texts reach the shell in pieces. */
static void test_long_values(void **state)
{
        static char value[250000];
        struct command_case c = { .action = "exec", .arguments = { "env", "-0" }, .file = "/usr/bin/env" };
        _cleanup_environment_ struct environment environment = ENVIRONMENT_INIT;
        _cleanup_startup_ struct startup startup = { .lenient = false };
        struct command_request request = {
                .root = root, .action = "exec", .cwd = "/", .environment = &environment
        };
        char env[] = "env", zero[] = "-0", *arguments[] = { env, zero, NULL };
        struct err e = ERR_INIT;

        (void) state;
        if (!may_chroot)
                skip();
        empty_image();
        fill_environment(&c, &environment);
        for (size_t i = 0; i < 4; i++) {
                memset(value, "a'$ "[i], 60000);
                text_list_printf(&environment.process, "LONG%zu=%s", i, value);
        }
        request.arguments = arguments;
        assert_return_code(startup_look(&startup, &request, NULL, &e), 0);
        for (size_t shell = 0; shell < ARRAY_SIZE(shells); shell++) {
                _cleanup_command_ struct command made = COMMAND_INIT;

                made.file = text_dup("/usr/bin/env");
                compare_with(&c, &startup, NULL, shell);
        }
}

/* An image without a shell: what cannot be evaluated is named and left out. */
static void test_no_shell(void **state)
{
        static const struct image_file files[] = {
                { ENV("10-first.sh"), "export A=1", false },
                { ENV("50-second.sh"), "export B=lost; date; export C=3", false },
                { ENV("99-base.sh"), BASE, false },
                { "/bin/program", "", true },
        };
        struct command_case c = { .action = "exec",
                                  .arguments = { "program" },
                                  .overrides = { "X=$(date)", "Y=$A" } };
        _cleanup_environment_ struct environment environment = ENVIRONMENT_INIT;
        _cleanup_command_ struct command made = COMMAND_INIT;
        _cleanup_text_ struct text said = TEXT_INIT;
        const struct notes notes = { .say = collect, .user = &said };
        struct command_request request = {
                .root = root, .action = "exec", .cwd = "/", .environment = &environment
        };
        char program[] = "program", *arguments[] = { program, NULL };
        struct err e = ERR_INIT;

        (void) state;
        empty_image();
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                write_file(&files[i]);
        fill_environment(&c, &environment);
        request.arguments = arguments;
        if (command_resolve(&made, &request, &notes, &e) < 0)
                fail_msg("%s", e.text);
        assert_string_equal(made.file, "/bin/program");
        assert_string_equal(environment_get(&made.env, "A"), "1");
        assert_null(environment_get(&made.env, "B"));
        assert_null(environment_get(&made.env, "C"));
        assert_string_equal(environment_get(&made.env, "X"), "$(date)");
        assert_string_equal(environment_get(&made.env, "Y"), "1");
        assert_non_null(strstr(text_get(&said), "W " ENV("50-second.sh") " was left out"));
        assert_non_null(strstr(text_get(&said), "W The value for X is taken as it is"));
}

/* Failures of execve say what is missing. */
static void test_execute(void **state)
{
        static const struct {
                const char *content, *error;
                bool not_executable;
        } files[] = {
                { "#!/no/such/interpreter -x\n",
                  "exec %s failed: its interpreter /no/such/interpreter is not in the image", false },
                { "#!/bin/sh\n", "%s: permission denied", true },
                { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0\1\0\0\0............................................................",
                  "exec %s failed: it is for riscv64, this machine is amd64", false },
        };

        const char *preload = getenv("LD_PRELOAD");

        (void) state;
#if !defined(__x86_64__)
        skip();
#endif
        if (preload && strstr(preload, "vgpreload")) {
                print_message("skipped: valgrind ends with the first execve that fails\n");
                skip();
        }
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_command_ struct command command = COMMAND_INIT;
                _cleanup_close_ int fd = -EBADF;
                _cleanup_close_ int host = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                struct err e = ERR_INIT;
                size_t size = i == 2 ? 80 : strlen(files[i].content);

                command.file = text_format("%s/program", directory);
                text_list_add(&command.argv, command.file);
                fd = open(command.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
                assert_return_code(fchmod(fd, files[i].not_executable ? 0644 : 0755), errno);
                assert_return_code(fd_write_all(fd, files[i].content, size), 0);
                close(fd_take(&fd));
                assert_true(command_execute(&command, host, &e) < 0);
                assert_non_null(strstr(e.text, strchr(files[i].error, 's') + 1));
                assert_non_null(strstr(e.text, command.file));
                unlink(command.file);
        }
}

static int make_image(void **state)
{
        (void) state;
        if (!mkdtemp(directory))
                return -1;
        root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return root < 0;
}

static int remove_image(void **state)
{
        _cleanup_free_ char *command = text_format("rm -rf %s", directory);

        (void) state;
        close(root);
        return system(command);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_long_values),
                                            cmocka_unit_test(test_no_shell), cmocka_unit_test(test_execute) };

        return cmocka_run_group_tests(tests, make_image, remove_image);
}
