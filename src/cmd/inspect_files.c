#include "cmd/inspect_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/fd.h"

struct member {
        const char *key, *file;
};

/* In the order of the output (spec image-formats.md 2.3). */
static const struct member image_members[] = {
        { "runscript", "runscript" },     { "test", "test" },
        { "helpfile", "runscript.help" }, { "deffile", "Singularity" },
        { "startscript", "startscript" },
};

static const struct member app_members[] = {
        { "runscript", "runscript" },
        { "startscript", "startscript" },
        { "test", "test" },
        { "helpfile", "runscript.help" },
};

struct gather {
        const struct inspect_files *files;
        const struct notes *notes;
        struct err *e;
};

/* A file that is not there is not an error. */
static int read_file(struct gather *g, const char *path, char **ret, size_t *ret_size)
{
        int r = g->files->read(g->files->user, path, ret, ret_size, g->e);

        return r == -ENOENT || r == 0 ? r : err_ctx(g->e, r, "%s", path);
}

static int add_text(struct gather *g, json_t *object, const char *key, const char *path, bool even_empty)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = read_file(g, path, &text, &size);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while (size && text[size - 1] == '\n')
                size--;
        if (size || even_empty)
                json_object_set_new(object, key, json_string_lossy(text, size));
        return 0;
}

static int add_environment(struct gather *g, json_t *object, const char *dir)
{
        _cleanup_text_list_ struct text_list names = TEXT_LIST_INIT;
        _cleanup_json_ json_t *files = json_object();
        int r = g->files->list(g->files->user, dir, &names, g->e);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        text_list_sort(&names);
        for (size_t i = 0; i < names.n && r >= 0; i++) {
                _cleanup_free_ char *path = text_format("%s/%s", dir, names.at[i]);

                if (fnmatch("10-docker*.sh", names.at[i], 0) == 0 ||
                    fnmatch("9*-environment.sh", names.at[i], 0) == 0)
                        r = add_text(g, files, path, path, true);
        }
        if (r >= 0 && json_object_size(files))
                json_object_set(object, "environment", files);
        return r;
}

/* What is no text becomes an empty one, as in the original, which goes on as well. */
static int add_labels(struct gather *g, json_t *object, const char *path)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_json_ json_t *labels = NULL, *kept = json_object();
        struct err why = ERR_INIT;
        const char *key;
        json_t *value;
        size_t size = 0;
        int r = read_file(g, path, &text, &size);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        labels = size ? json_parse(text, size, path, &why) : json_object();
        if (!json_is_object(labels)) {
                note(g->notes, LOG_WARNING, "Unable to parse labels: %s",
                     why.code ? why.text : "not an object");
                return 0;
        }
        json_object_foreach(labels, key, value)
        {
                if (!json_is_string(value) && !json_is_null(value))
                        note(g->notes, LOG_WARNING,
                             "Unable to parse labels: %s: the value of \"%s\" is not text", path, key);
                json_object_set_new(kept, key, json_is_string(value) ? json_incref(value) : json_string(""));
        }
        if (json_object_size(kept))
                json_object_set(object, "labels", kept);
        return 0;
}

/* The members of the image or of an app, whose files lie in `dir`. */
static int add_members(struct gather *g, json_t *object, const char *dir, const struct member *members,
                       size_t n)
{
        _cleanup_free_ char *environment = text_format("%s/env", dir),
                            *labels = text_format("%s/labels.json", dir);
        int r = add_environment(g, object, environment);

        if (r >= 0)
                r = add_labels(g, object, labels);
        for (size_t i = 0; i < n && r >= 0; i++) {
                _cleanup_free_ char *path = text_format("%s/%s", dir, members[i].file);

                r = add_text(g, object, members[i].key, path, false);
        }
        return r;
}

static int add_apps(struct gather *g, json_t *attributes)
{
        _cleanup_text_list_ struct text_list names = TEXT_LIST_INIT;
        _cleanup_json_ json_t *apps = json_object();
        int r = g->files->list(g->files->user, "/scif/apps", &names, g->e);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        text_list_sort(&names);
        for (size_t i = 0; i < names.n && r >= 0; i++) {
                _cleanup_free_ char *dir = text_format("/scif/apps/%s/scif", names.at[i]);
                _cleanup_json_ json_t *app = json_object();

                r = add_members(g, app, dir, app_members, ARRAY_SIZE(app_members));
                if (r >= 0 && json_object_size(app))
                        json_object_set(apps, names.at[i], app);
        }
        if (r >= 0 && json_object_size(apps))
                json_object_set(attributes, "apps", apps);
        return r;
}

int inspect_files_gather(const struct inspect_files *files, json_t **ret_attributes,
                         const struct notes *notes, struct err *e)
{
        struct gather g = { .files = files, .notes = notes, .e = e };
        _cleanup_json_ json_t *attributes = json_object();
        int r = add_apps(&g, attributes);

        if (r >= 0)
                r = add_members(&g, attributes, "/.singularity.d", image_members, ARRAY_SIZE(image_members));
        if (r < 0)
                return r;
        *ret_attributes = json_incref(attributes);
        return 0;
}

/* --- a directory --- */

static int directory_read(void *user, const char *path, char **ret, size_t *ret_size, struct err *e)
{
        const int *root = user;
        _cleanup_close_ int fd = fd_open_in(*root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct stat status;
        int r;

        if (fd == -EACCES)
                return err_set(e, fd, "not readable by the current user");
        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return -ENOENT;
        r = fd_read_all(fd, INSPECT_FILE_MAX, ret, ret_size);
        if (r == -E2BIG)
                return -ENOENT;
        return r < 0 ? err_errno(e, r, "read") : 0;
}

static int directory_list(void *user, const char *path, struct text_list *ret, struct err *e)
{
        const int *root = user;
        _cleanup_closedir_ DIR *dir = NULL;
        _cleanup_close_ int fd = fd_open_in(*root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        struct dirent *entry;

        if (fd < 0)
                return -ENOENT;
        dir = fdopendir(fd);
        if (!dir)
                return err_errno(e, -errno, "%s", path);
        fd_take(&fd);
        while ((entry = readdir(dir))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (ret->n >= INSPECT_NAMES_MAX)
                        return err_set(e, -E2BIG, "%s: more than %d names", path, INSPECT_NAMES_MAX);
                text_list_add(ret, entry->d_name);
        }
        return 0;
}

int inspect_directory(int dir, json_t **ret_attributes, const struct notes *notes, struct err *e)
{
        const struct inspect_files files = { .read = directory_read, .list = directory_list, .user = &dir };

        return inspect_files_gather(&files, ret_attributes, notes, e);
}
