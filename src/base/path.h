/* path: names of files as text.  Text never proves containment; see fd.h for that. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Lexical cleaning as filepath.Clean: no "//", no ".", ".." removed with its parent, "" is ".".  An absolute
 * path stays below "/".  The caller frees the result. */
char *path_clean(const char *path);

/* a + "/" + b, cleaned; the caller frees it. */
char *path_join(const char *a, const char *b);

/* `path` made absolute against the working directory (getcwd) and cleaned; links are not resolved.
 * NULL with errno when there is no working directory. */
char *path_absolute(const char *path);

/* Last component; "/" for the root.  Borrowed from `path`, which has no trailing slash. */
const char *path_base(const char *path);

/* Everything before the last component: "/" or "." where there is none.  The caller frees it. */
char *path_dir(const char *path);

/* Whether `path` is `parent` or lies below it, by components of cleaned absolute paths. */
bool path_within(const char *path, const char *parent);

/* Number of '/' in the path. */
size_t path_depth(const char *path);
