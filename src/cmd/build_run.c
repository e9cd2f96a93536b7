/* The build command: checks, the question before something is replaced, one call down. */
#include "cmd/build_options.h"
#include "cmd/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/log.h"
#include "build/build.h"
#include "cmd/report.h"

#define EXIT_STOPPED 1 /* by a signal, after cleaning up */

static bool ask(const char *question)
{
        char answer[16];

        fputs(question, stdout);
        fflush(stdout);
        return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* What is there is replaced only by --force or when somebody says so. */
static int may_replace(struct build_request *q, enum target_state state, struct err *e)
{
        _cleanup_free_ char *question = NULL;

        if (state == TARGET_FREE || q->replace)
                return 0;
        if (!isatty(STDIN_FILENO))
                return err_set(
                        e, -EEXIST,
                        "While checking build target: build target '%s' already exists. Use --force if you "
                        "want to overwrite it",
                        q->target);
        if (state == TARGET_IMAGE)
                question =
                        text_format("Build target '%s' already exists and will be deleted during the build "
                                    "process. Do you want to continue? [y/N] ",
                                    q->target);
        else
                question = text_format(
                        "Build target '%s' may be a definition file or a text/binary file that will be "
                        "overwritten. Do you still want to overwrite it? [y/N] ",
                        q->target);
        if (!ask(question))
                return err_set(e, -ECANCELED, "stopping build");
        q->replace = true;
        return 0;
}

static void warn_of_encryption(void)
{
        static const char *const names[] = { "APPTAINER_ENCRYPTION_PEM_PATH", "APPTAINER_ENCRYPTION_PEM_DATA",
                                             "APPTAINER_ENCRYPTION_PASSPHRASE" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (getenv(names[i]))
                        log_warning("%s is set, but --encrypt is not given: the image will not be encrypted",
                                    names[i]);
}

int cmd_build_run(const struct cli_call *call)
{
        const struct build_options *o = call->options;
        struct build_request q = { .target = call->argv[0],
                                   .source = call->argv[1],
                                   .sandbox = o->sandbox,
                                   .replace = o->force,
                                   .data = o->data,
                                   .fix_perms = o->fix_perms,
                                   .reproducible = o->reproducible,
                                   .architecture = o->arch,
                                   .variant = o->arch_variant,
                                   .mksquashfs_args = o->mksquashfs_args };
        enum target_state state;
        struct err e = ERR_INIT;
        int r;

        if (o->remote) {
                fputs("Error: --remote is no longer supported, try building locally without it\n", stderr);
                return EXIT_USAGE;
        }
        warn_of_encryption();
        r = build_look(&q, &state, &e);
        if (r < 0) {
                err_ctx(&e, r, "While checking build target");
                return report_fatal(&e);
        }
        if (may_replace(&q, state, &e) < 0)
                return report_fatal(&e);
        r = build_image(&q, &report_notes, &e);
        if (r == -EINTR) {
                log_error("%s", e.text);
                return EXIT_STOPPED;
        }
        if (r < 0) {
                err_ctx(&e, r, "While performing build");
                return report_fatal(&e);
        }
        log_info("Build complete: %s", q.target);
        return EXIT_OK;
}
