/* inspect, run-help: the handlers. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/fd.h"
#include "cmd/commands.h"
#include "cmd/inspect.h"
#include "cmd/report.h"

static int print(const struct text *out)
{
        struct err e = ERR_INIT;
        int r = fd_write_all(STDOUT_FILENO, text_get(out), out->used);

        if (r == 0)
                return EXIT_OK;
        err_errno(&e, r, "standard output");
        return report_fatal(&e);
}

/* The files may lie where only the other executable can read them. */
static int failed(const struct cli_call *call, int code, struct err *e)
{
        if (code == -ENOSYS && cmd_hand_over)
                return cmd_hand_over(call);
        return report_fatal(e);
}

int cmd_inspect_run(const struct cli_call *call)
{
        const struct inspect_options *options = call->options;
        _cleanup_json_ json_t *attributes = NULL, *selected = NULL;
        _cleanup_text_ struct text out = TEXT_INIT;
        struct err e = ERR_INIT;
        int r = inspect_load(call->argv[0], &attributes, &report_notes, &e);

        if (r < 0)
                return failed(call, r, &e);
        selected = inspect_select(options, attributes);
        if (options->json || options->all)
                inspect_print_json(selected, &out);
        else
                inspect_print_plain(options, selected, &out);
        return print(&out);
}

int cmd_run_help_run(const struct cli_call *call)
{
        const struct run_help_options *asked = call->options;
        const struct inspect_options options = { .helpfile = true, .app = asked->app };
        _cleanup_json_ json_t *attributes = NULL, *selected = NULL;
        _cleanup_text_ struct text out = TEXT_INIT;
        struct stat status;
        struct err e = ERR_INIT;
        int r;

        if (stat(call->argv[0], &status) < 0) {
                err_set(&e, -errno, "container not found: stat %s: %s", call->argv[0],
                        errno == ENOENT ? "no such file or directory" : strerror(errno));
                return report_fatal(&e);
        }
        r = inspect_load(call->argv[0], &attributes, &report_notes, &e);
        if (r < 0)
                return failed(call, r, &e);
        selected = inspect_select(&options, attributes);
        inspect_print_plain(&options, selected, &out);
        if (out.used == 0)
                text_add(&out, "No help sections were defined for this image\n");
        return print(&out);
}
