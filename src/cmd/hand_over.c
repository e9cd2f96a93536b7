/* From the launcher to the executable that has the other commands. */
#include <errno.h>
#include <unistd.h>

#include "base/clean.h"
#include "cmd/commands.h"
#include "cmd/installation.h"
#include "cmd/report.h"

int cmd_hand_over(const struct cli_call *call)
{
        _cleanup_free_ char *path = installation_helper("apptainer-images");
        struct err e = ERR_INIT;
        int r;

        execv(path, call->whole_argv);
        r = err_errno(&e, -errno, "cannot start %s, which has the command %s", path, call->command->name);
        err_hint(&e, r, "install the whole program: the directories bin and libexec belong together");
        return report_fatal(&e);
}
