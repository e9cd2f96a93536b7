/* From the launcher to the executable that has the other commands: apptainer-images, which lies in
 * ../libexec/apptainer of a (moved) installation, beside the launcher in a build tree, or where the build
 * configuration says. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/report.h"
#include "config.h"

#define NAME "apptainer-images"

static char *own_directory(void)
{
        char path[PATH_MAX];
        ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

        if (size < 0)
                return NULL;
        path[size] = '\0';
        return path_dir(path);
}

/* execv() returns only where there is nothing to start. */
static int try(char *path, char **argv)
{
        _cleanup_free_ char *owned = path;

        execv(owned, argv);
        return -errno;
}

int cmd_hand_over(const struct cli_call *call)
{
        _cleanup_free_ char *own = own_directory();
        struct err e = ERR_INIT;
        int r = -ENOENT;

        if (own)
                r = try(text_format("%s/../libexec/apptainer/" NAME, own), call->whole_argv);
        if (own && r == -ENOENT)
                r = try(text_format("%s/" NAME, own), call->whole_argv);
        if (r == -ENOENT)
                r = try(text_dup(LIBEXECDIR "/apptainer/" NAME), call->whole_argv);
        err_errno(&e, r, "cannot start %s, which has the command %s", NAME, call->command->name);
        err_hint(&e, r, "it belongs into %s/../libexec/apptainer: install the whole program",
                 own ? own : LIBEXECDIR "/apptainer");
        return report_fatal(&e);
}
