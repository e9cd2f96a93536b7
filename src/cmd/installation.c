#include "cmd/installation.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/path.h"
#include "base/text.h"
#include "config.h"

/* The directory of this executable; the caller frees it.  NULL without /proc. */
static char *own_directory(void)
{
        char path[PATH_MAX];
        ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

        if (size < 0)
                return NULL;
        path[size] = '\0';
        return path_dir(path);
}

/* The prefix that this executable is installed under, wherever it was moved; NULL in a build tree. */
static char *own_prefix(const char *own)
{
        static const char *const tails[] = { "/" BINDIR_IN_PREFIX, "/" LIBEXECDIR_IN_PREFIX "/apptainer" };

        for (size_t i = 0; own && i < ARRAY_SIZE(tails); i++)
                if (text_ends(own, tails[i]))
                        return text_dup_bytes(own, strlen(own) - strlen(tails[i]));
        return NULL;
}

/* Keeps `path` when the file is there; frees it otherwise. */
static char *if_there(char *path)
{
        if (access(path, F_OK) == 0)
                return path;
        free(path);
        return NULL;
}

char *installation_helper(const char *name)
{
        _cleanup_free_ char *own = own_directory(), *prefix = own_prefix(own);
        char *found = NULL;

        if (prefix)
                found = if_there(text_format("%s/" LIBEXECDIR_IN_PREFIX "/apptainer/%s", prefix, name));
        if (!found && own && !prefix)
                found = if_there(text_format("%s/%s", own, name));
        if (!found && own && !prefix)
                found = if_there(text_format("%s/../%s/%s", own, name, name));
        return found ? found : text_format("%s/apptainer/%s", LIBEXECDIR, name);
}

char *installation_setting(const char *name)
{
        _cleanup_free_ char *own = own_directory(), *prefix = own_prefix(own);
        char *found = NULL;

        if (prefix)
                found = if_there(text_format("%s/etc/apptainer/%s", prefix, name));
        return found ? found : text_format("%s/apptainer/%s", SYSCONFDIR, name);
}
