/* Reading a tree's own metadata back: labels, and the summary that goes beside the partition.
 *
 * One walk names the places; it serves both to fetch the files' content and to write the summary, so the
 * two cannot disagree.
 */
#include "image/metadata.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"

/* A file that the summary knows. */
struct place {
        const char *app;  /* NULL: the image itself */
        const char *key;  /* name of the attribute: "environment", "labels", "runscript" … */
        const char *path; /* in the image */
        struct tree_inode *file;
};

typedef int (*place_visit)(const struct place *place, void *user);

struct text_file {
        const char *key, *name;
};

/* In the order of the summary. */
static const struct text_file image_files[] = {
        { "labels", "labels.json" },      { "runscript", "runscript" }, { "test", "test" },
        { "helpfile", "runscript.help" }, { "deffile", "Singularity" }, { "startscript", "startscript" },
};

static const struct text_file app_files[] = {
        { "labels", "labels.json" }, { "runscript", "runscript" },     { "startscript", "startscript" },
        { "test", "test" },          { "helpfile", "runscript.help" },
};

static struct tree_node *node_at(struct tree *t, const char *path, mode_t type)
{
        int code = 0;
        struct tree_node *node = tree_resolve(t, path, true, &code);

        return node && (node->inode->mode & S_IFMT) == type ? node : NULL;
}

static int visit_path(struct tree *t, struct place *place, const char *path, place_visit visit, void *user)
{
        struct tree_node *node = node_at(t, path, S_IFREG);

        if (!node || node->inode->size_bytes > METADATA_FILE_MAX)
                return 0;
        place->path = path;
        place->file = node->inode;
        return visit(place, user);
}

static int name_add(struct tree_node *child, void *user)
{
        text_list_add_bytes(user, child->name, child->name_size);
        return 0;
}

static int visit_environment(struct tree *t, const char *app, const char *dir_path, place_visit visit,
                             void *user)
{
        _cleanup_text_list_ struct text_list names = TEXT_LIST_INIT;
        struct tree_node *dir = node_at(t, dir_path, S_IFDIR);

        if (dir)
                tree_each(t, dir, name_add, &names);
        for (size_t i = 0; i < names.n; i++) {
                _cleanup_free_ char *path = text_format("%s/%s", dir_path, names.at[i]);
                struct place place = { .app = app, .key = "environment" };
                int r;

                if (fnmatch("10-docker*.sh", names.at[i], 0) != 0 &&
                    fnmatch("9*-environment.sh", names.at[i], 0) != 0)
                        continue;
                r = visit_path(t, &place, path, visit, user);
                if (r)
                        return r;
        }
        return 0;
}

/* What lies in one directory: that of the image, or of an app. */
static int visit_group(struct tree *t, const char *app, const char *dir, const struct text_file *files,
                       size_t n, place_visit visit, void *user)
{
        _cleanup_free_ char *environment = text_format("%s/env", dir);
        int r = visit_environment(t, app, environment, visit, user);

        for (size_t i = 0; i < n && r == 0; i++) {
                _cleanup_free_ char *path = text_format("%s/%s", dir, files[i].name);
                struct place place = { .app = app, .key = files[i].key };

                r = visit_path(t, &place, path, visit, user);
        }
        return r;
}

static int visit_places(struct tree *t, place_visit visit, void *user)
{
        _cleanup_text_list_ struct text_list apps = TEXT_LIST_INIT;
        struct tree_node *dir = node_at(t, "/scif/apps", S_IFDIR);

        if (dir)
                tree_each(t, dir, name_add, &apps);
        for (size_t i = 0; i < apps.n; i++) {
                _cleanup_free_ char *path = text_format("/scif/apps/%s/scif", apps.at[i]);
                int r = visit_group(t, apps.at[i], path, app_files, ARRAY_SIZE(app_files), visit, user);

                if (r)
                        return r;
        }
        return visit_group(t, NULL, "/.singularity.d", image_files, ARRAY_SIZE(image_files), visit, user);
}

struct each_file {
        int (*visit)(struct tree_inode *file, void *user);
        void *user;
};

static int visit_file(const struct place *place, void *user)
{
        struct each_file *each = user;

        return each->visit(place->file, each->user);
}

int metadata_each_file(struct tree *t, int (*visit)(struct tree_inode *file, void *user), void *user)
{
        struct each_file each = { .visit = visit, .user = user };

        return visit_places(t, visit_file, &each);
}

/* The file's bytes; false when they were not fetched. */
static bool content_of(const struct tree_inode *file, const char **ret, size_t *ret_size)
{
        *ret = file->bytes ? (const char *) file->bytes : "";
        *ret_size = file->bytes ? (size_t) file->size_bytes : 0;
        return file->bytes || file->size_bytes == 0;
}

/* Labels of one file, keys sorted; null is an empty value, as in the original. */
static int labels_parse(const struct tree_inode *file, const char *path, json_t **ret, struct err *e)
{
        _cleanup_json_ json_t *object = NULL, *sorted = json_object();
        _cleanup_text_list_ struct text_list keys = TEXT_LIST_INIT;
        const char *bytes, *key;
        size_t size;
        json_t *value;

        if (!content_of(file, &bytes, &size))
                return err_set(e, -EINVAL, "%s was not read", path);
        object = json_parse(bytes, size, path, e);
        if (!object)
                return e ? e->code : -EBADMSG;
        if (!json_is_object(object) && !json_is_null(object))
                return err_set(e, -EBADMSG, "%s: the labels are not a JSON object", path);
        json_object_foreach(object, key, value)
        {
                if (!json_is_string(value) && !json_is_null(value))
                        return err_set(e, -EBADMSG, "%s: the value of label \"%s\" is not a string", path,
                                       key);
                text_list_add(&keys, key);
        }
        text_list_sort(&keys);
        for (size_t i = 0; i < keys.n; i++) {
                value = json_object_get(object, keys.at[i]);
                json_object_set_new(sorted, keys.at[i],
                                    json_is_null(value) ? json_string("") : json_incref(value));
        }
        *ret = ptr_take(&sorted);
        return 0;
}

int metadata_labels_read(struct tree *t, json_t **ret, struct err *e)
{
        struct tree_node *node = node_at(t, METADATA_LABELS, S_IFREG);

        if (!node || node->inode->size_bytes == 0) {
                *ret = json_object();
                return 0;
        }
        return labels_parse(node->inode, METADATA_LABELS, ret, e);
}

struct summary {
        json_t *attributes;
        json_t *apps;
        const struct notes *notes;
        struct err *e;
};

/* The object that the place's attribute belongs into. */
static json_t *group_of(struct summary *s, const char *app)
{
        json_t *group;

        if (!app)
                return s->attributes;
        group = json_object_get(s->apps, app);
        if (!group) {
                group = json_object();
                if (json_object_set_new(s->apps, app, group) < 0)
                        return NULL; /* a name that is not UTF-8 */
        }
        return group;
}

static void summary_labels(struct summary *s, json_t *group, const struct place *place)
{
        struct err broken = ERR_INIT;
        json_t *labels = NULL;

        if (labels_parse(place->file, place->path, &labels, &broken) < 0)
                note(s->notes, LOG_WARNING, "%s; left out of the image's summary", broken.text);
        else if (json_object_size(labels))
                json_object_set_new(group, place->key, labels);
        else
                json_decref(labels);
}

static void summary_text(json_t *group, const struct place *place)
{
        const char *bytes;
        size_t size;

        if (!content_of(place->file, &bytes, &size))
                return;
        while (size && bytes[size - 1] == '\n')
                size--;
        if (strcmp(place->key, "environment") == 0) {
                json_t *files = json_object_get(group, place->key);

                if (!files) {
                        files = json_object();
                        json_object_set_new(group, place->key, files);
                }
                json_object_set_new(files, place->path, json_string_lossy(bytes, size));
        } else if (size) {
                json_object_set_new(group, place->key, json_string_lossy(bytes, size));
        }
}

static int summary_add(const struct place *place, void *user)
{
        struct summary *s = user;
        json_t *group = group_of(s, place->app);

        if (!group)
                return 0;
        if (strcmp(place->key, "labels") == 0)
                summary_labels(s, group, place);
        else
                summary_text(group, place);
        return 0;
}

int metadata_inspect(struct tree *t, const struct notes *notes, struct text *out, struct err *e)
{
        _cleanup_json_ json_t *root = json_object();
        json_t *data = json_object(), *attributes = json_object(), *apps = json_object();
        struct summary s = { .attributes = attributes, .apps = apps, .notes = notes, .e = e };

        json_object_set_new(root, "data", data);
        json_object_set_new(data, "attributes", attributes);
        json_object_set_new(attributes, "apps", apps);
        visit_places(t, summary_add, &s);
        if (json_object_size(apps) == 0)
                json_object_del(attributes, "apps");
        json_object_set_new(root, "type", json_string("container"));
        json_write(root, NULL, false, out);
        return 0;
}
