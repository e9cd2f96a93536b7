/* Finds the command and runs it.  Both executables start here; they differ in which handlers are linked. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cmd/commands.h"
#include "cmd/report.h"
#include "config.h"

static int print(const struct cli_result *result)
{
        fputs(text_get(&result->complaint), stderr);
        fputs(text_get(&result->out), stdout);
        if (fflush(stdout) != 0 || ferror(stdout)) {
                fputs("FATAL:   standard output cannot be written\n", stderr);
                return EXIT_FATAL;
        }
        return result->status;
}

static int elsewhere(const struct cli_call *call)
{
        struct err e = ERR_INIT;

        if (cmd_hand_over)
                return cmd_hand_over(call);
        err_set(&e, -ENOSYS, "%s is not part of this installation", call->command->name);
        return report_fatal(&e);
}

int main(int argc, char **argv)
{
        static const struct cli_program program = {
                .root = &cmd_root,
                .version = PACKAGE_VERSION,
                .globals = root_globals,
                .notes = &report_notes,
        };
        struct cli_result result;
        int status = EXIT_FATAL;

        fd_fill_standard();
        switch (cli_parse(&program, argc, argv, &result)) {
        case CLI_CALL:
                status = result.call.command->handler(&result.call);
                break;
        case CLI_ELSEWHERE:
                status = elsewhere(&result.call);
                break;
        case CLI_PRINT:
                status = print(&result);
                break;
        case CLI_FAILED:
                status = report_fatal(&result.error);
                break;
        }
        cli_result_done(&result);
        return status;
}
