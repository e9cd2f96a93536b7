#include "base/path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/text.h"

/* Drops the last component of the text, keeping a leading "/" and any "..". */
static bool component_drop(struct text *out, size_t floor)
{
        size_t at = out->used;

        if (at <= floor)
                return false;
        while (at > floor && out->at[at - 1] != '/')
                at--;
        if (strcmp(out->at + at, "..") == 0)
                return false;
        if (at > floor)
                at--;
        out->used = at;
        out->at[at] = '\0';
        return true;
}

static void component_add(struct text *out, size_t floor, const char *name, size_t size)
{
        if (out->used > floor)
                text_add_char(out, '/');
        text_add_bytes(out, name, size);
}

char *path_clean(const char *path)
{
        bool absolute = path[0] == '/';
        size_t floor = absolute ? 1 : 0;
        struct text out = TEXT_INIT;

        if (absolute)
                text_add_char(&out, '/');
        while (*path) {
                size_t size = strcspn(path, "/");

                if (size == 2 && path[0] == '.' && path[1] == '.') {
                        if (!component_drop(&out, floor) && !absolute)
                                component_add(&out, floor, "..", 2);
                } else if (size && !(size == 1 && path[0] == '.')) {
                        component_add(&out, floor, path, size);
                }
                path += size;
                path += strspn(path, "/");
        }
        if (out.used == 0)
                text_add_char(&out, '.');
        return text_take(&out);
}

char *path_join(const char *a, const char *b)
{
        _cleanup_free_ char *joined = text_format("%s/%s", a, b);

        return path_clean(joined);
}

char *path_absolute(const char *path)
{
        _cleanup_free_ char *here = NULL;

        if (path[0] == '/')
                return path_clean(path);
        here = getcwd(NULL, 0);
        if (!here)
                return NULL;
        return path_join(here, path);
}

const char *path_base(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash || !slash[1])
                return path;
        return slash + 1;
}

char *path_dir(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return text_dup(".");
        if (slash == path)
                return text_dup("/");
        return text_dup_bytes(path, (size_t) (slash - path));
}

bool path_within(const char *path, const char *parent)
{
        size_t size = strlen(parent);

        if (strcmp(parent, "/") == 0)
                return path[0] == '/';
        return strncmp(path, parent, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

size_t path_depth(const char *path)
{
        size_t n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}
