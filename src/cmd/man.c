/* Writes the manual pages at build time: `apptainer __man DIRECTORY` makes DIRECTORY/apptainer-exec.1 and so
 * on, one per shown command. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/err.h"
#include "base/output.h"
#include "base/fd.h"
#include "cmd/commands.h"
#include "cmd/report.h"
#include "config.h"

static int write_page(const char *directory, const struct cli_command *const *path, size_t n, struct err *e)
{
        _cleanup_text_ struct text page = TEXT_INIT, name = TEXT_INIT;
        _cleanup_output_ struct output output = OUTPUT_INIT;
        int r;

        text_printf(&name, "%s/", directory);
        for (size_t i = 0; i < n; i++)
                text_printf(&name, "%s%s", i ? "-" : "", path[i]->name);
        text_add(&name, ".1");
        cli_man(path, n, PACKAGE_VERSION, &page);
        r = output_open(&output, name.at, 0644, e);
        if (r < 0)
                return r;
        r = fd_write_all(output.fd, page.at, page.used);
        if (r < 0)
                return err_errno(e, r, "cannot write %s", name.at);
        return output_commit(&output, true, e);
}

static int write_pages(const char *directory, const struct cli_command **path, size_t n, struct err *e)
{
        int r = write_page(directory, path, n, e);

        if (n == CLI_LEVELS_MAX || !path[n - 1]->subcommands)
                return r;
        for (const struct cli_command *const *c = path[n - 1]->subcommands; r >= 0 && *c; c++) {
                if (!cli_command_shown(*c))
                        continue;
                path[n] = *c;
                r = write_pages(directory, path, n + 1, e);
        }
        return r;
}

static int make_pages(const struct cli_call *call)
{
        const struct cli_command *path[CLI_LEVELS_MAX] = { call->root };
        struct err e = ERR_INIT;
        int r = 0;

        if (mkdir(call->argv[0], 0755) < 0 && errno != EEXIST)
                r = err_errno(&e, -errno, "cannot make the directory %s", call->argv[0]);
        if (r >= 0)
                r = write_pages(call->argv[0], path, 1, &e);
        return r < 0 ? report_fatal(&e) : EXIT_OK;
}

const struct cli_command cmd_man = {
        .name = "__man",
        .use = "__man <directory>",
        .summary = "Write the manual pages",
        .args_least = 1,
        .args_most = 1,
        .flags = CLI_COMMAND_HIDDEN | CLI_FILES,
        .handler = make_pages,
};
