#include "build/build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/output.h"
#include "base/path.h"
#include "build/epoch.h"
#include "build/interrupt.h"
#include "build/labels.h"
#include "build/pack.h"
#include "build/part_directory.h"
#include "build/sandbox.h"
#include "build/source.h"
#include "build/spec.h"
#include "build/walk.h"
#include "host/limits.h"
#include "image/image.h"
#include "image/metadata.h"
#include "oci/platform.h"

/* What a build works on. */
struct work {
        const struct build_request *request;
        const struct notes *notes;
        char *path; /* absolute */
        struct spec spec;
        struct epoch epoch;
        struct squashfs_options options;
        struct oci_platform platform; /* what --arch says, else this machine */
        struct source *source;
        struct tree *tree;
        struct text inspect, oci_config;
};

static void work_done(struct work *w)
{
        source_free(w->source);
        tree_free(w->tree);
        spec_done(&w->spec);
        text_done(&w->inspect);
        text_done(&w->oci_config);
        free(w->path);
}

/* --- permissions -------------------------------------------------------------------------------------- */

/* Only rights are added: setuid, setgid and sticky bits stay. */
static int fix_mode(struct tree_node *node, void *user)
{
        (void) user;
        if (S_ISDIR(node->inode->mode))
                node->inode->mode |= 0700;
        else if (S_ISREG(node->inode->mode))
                node->inode->mode |= 0600;
        return 0;
}

static int find_closed(struct tree_node *node, void *user)
{
        (void) user;
        return S_ISDIR(node->inode->mode) && (node->inode->mode & 0700) != 0700;
}

static void care_for_permissions(struct work *w)
{
        struct walk fix = { .enter = fix_mode }, find = { .enter = find_closed };

        if (w->request->fix_perms) {
                note(w->notes, LOG_WARNING,
                     "The --fix-perms option modifies the filesystem permissions on the resulting container.");
                walk_tree(w->tree, &fix);
        } else if (w->request->sandbox && walk_tree(w->tree, &find)) {
                note(w->notes, LOG_WARNING, "The sandbox holds directories that `rm -rf` cannot remove.");
                note(w->notes, LOG_WARNING, "Use `chmod -R u+rwX` on it before removing it,");
                note(w->notes, LOG_WARNING, "or --fix-perms to give these rights while building.");
        }
}

/* --- metadata ----------------------------------------------------------------------------------------- */

/* The labels of the OCI config replace those that a layer may carry. */
static int base_labels(struct work *w, json_t **ret, struct err *e)
{
        const json_t *labels = json_object_get(w->source->config, "Labels");
        _cleanup_json_ json_t *none = json_object();
        int r = 0;

        if (w->source->is_oci)
                r = metadata_put_labels(w->tree, json_is_object(labels) ? labels : none, w->epoch.seconds, e);
        return r == 0 ? metadata_labels_read(w->tree, ret, e) : r;
}

static int put_labels(struct work *w, struct err *e)
{
        _cleanup_json_ json_t *labels = NULL;
        int r = base_labels(w, &labels, e);

        if (r < 0)
                return r;
        labels_generate(labels, &w->spec, &w->epoch, w->platform.architecture, w->platform.variant);
        return metadata_put_labels(w->tree, labels, w->epoch.seconds, e);
}

static int put_metadata(struct work *w, struct err *e)
{
        struct source *s = w->source;
        int r = metadata_put_base(w->tree, s->overwrite, w->epoch.seconds, e);

        if (r == 0 && s->is_oci)
                r = metadata_oci_config(s->config, &w->oci_config, e);
        if (r == 0 && s->is_oci)
                r = metadata_put_oci(w->tree, s->config, w->epoch.seconds, e);
        if (r == 0 && s->oci_config)
                text_add(&w->oci_config, s->oci_config);
        /* Before the old definition gets another name, under which the source does not know it. */
        if (r == 0)
                r = source_fetch_metadata(s, w->tree, e);
        if (r == 0)
                r = metadata_put_definition(w->tree, w->spec.definition, w->epoch.seconds, e);
        if (r == 0)
                r = put_labels(w, e);
        return r == 0 ? metadata_inspect(w->tree, w->notes, &w->inspect, e) : r;
}

/* --- targets ------------------------------------------------------------------------------------------ */

static struct pack pack_of(const struct work *w)
{
        struct pack p = { .path = w->path,
                          .replace = w->request->replace,
                          .definition = w->spec.definition,
                          .inspect = text_get(&w->inspect),
                          .oci_config = text_get(&w->oci_config),
                          .build_architecture = w->platform.architecture,
                          .epoch = w->epoch,
                          .options = w->options };

        if (p.options.n_threads == 0)
                p.options.n_threads = limits_cpus();
        if (w->epoch.fixed) {
                p.options.has_mtime = true;
                p.options.mtime = w->epoch.seconds;
        }
        return p;
}

static int make_sif(struct work *w, struct err *e)
{
        struct pack p = pack_of(w);

        return pack_sif(&p, w->source, w->tree, w->notes, e);
}

static int fill_sandbox(struct work *w, int root, struct err *e)
{
        _cleanup_sandbox_ struct sandbox sandbox;
        struct content_sink sink;
        int r;

        sandbox_init(&sandbox, root, w->tree, w->notes);
        sink = sandbox_sink(&sandbox);
        r = sandbox_skeleton(&sandbox, e);
        if (r == 0)
                r = w->source->ops->content(w->source, w->tree, &sink, "Creating sandbox", e);
        return r == 0 ? sandbox_finish(&sandbox, e) : r;
}

static int make_sandbox(struct work *w, struct err *e)
{
        struct part_directory part = PART_DIRECTORY_INIT;
        int r;

        note(w->notes, LOG_INFO, "Creating sandbox directory...");
        interrupt_watch();
        r = part_directory_open(&part, w->path, e);
        if (r == 0)
                r = fill_sandbox(w, part.fd, e);
        if (r == 0)
                r = part_directory_commit(&part, w->request->replace, e);
        part_directory_done(&part);
        interrupt_release();
        return r;
}

/* --data: the squashfs as it is, with a definition and labels beside it. */
static int make_data(struct work *w, struct err *e)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        struct stat status;
        struct pack p;
        int r;

        if (w->spec.kind != SPEC_IMAGE || stat(w->spec.from, &status) < 0 || !S_ISREG(status.st_mode))
                return err_set(e, -EINVAL, "--data takes a squashfs file as source, not %s", w->spec.text);
        r = image_open(&image, w->spec.from, false, e);
        if (r < 0)
                return r;
        if (image.kind != IMAGE_SQUASHFS)
                return err_set(e, -EINVAL, "--data takes a squashfs file as source, not %s", w->spec.text);
        w->tree = tree_new();
        r = metadata_put_definition(w->tree, w->spec.definition, w->epoch.seconds, e);
        if (r == 0) {
                _cleanup_json_ json_t *labels = json_object();

                labels_generate(labels, &w->spec, &w->epoch, w->platform.architecture, w->platform.variant);
                r = metadata_put_labels(w->tree, labels, w->epoch.seconds, e);
        }
        if (r == 0)
                r = metadata_inspect(w->tree, w->notes, &w->inspect, e);
        p = pack_of(w);
        return r == 0 ? pack_data(&p, image.fd, image.offset, image.size, e) : r;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static int open_source(struct work *w, struct err *e)
{
        int r;

        if (w->spec.kind == SPEC_OCI)
                r = source_open_oci(&w->source, &w->spec, &w->platform, w->notes, e);
        else
                r = source_open_local(&w->source, &w->spec, e);
        return r;
}

static int load_source(struct work *w, struct err *e)
{
        int r;

        w->tree = tree_new();
        r = w->source->ops->load(w->source, w->tree, w->notes, e);
        if (r == 0 && w->request->reproducible && !w->epoch.fixed) {
                w->epoch.fixed = true;
                w->epoch.seconds = w->source->has_created ? w->source->created : 0;
        }
        return r;
}

/* Replacing a directory would remove the source that lies in it. */
static int refuse_source_inside(const struct work *w, struct err *e)
{
        _cleanup_free_ char *source = realpath(w->spec.from, NULL), *target = realpath(w->path, NULL);

        if (w->request->replace && source && target && strcmp(source, target) != 0 &&
            path_within(source, target))
                return err_set(e, -EINVAL, "%s lies in %s, which would be replaced", w->spec.text,
                               w->request->target);
        return 0;
}

static int prepare(struct work *w, struct err *e)
{
        const struct build_request *q = w->request;
        int r;

        w->path = path_absolute(q->target);
        if (!w->path)
                return err_errno(e, -errno, "cannot find the working directory");
        w->options = (struct squashfs_options) SQUASHFS_OPTIONS_INIT;
        w->platform = oci_platform_host();
        r = epoch_init(&w->epoch, e);
        if (r == 0 && q->architecture)
                r = oci_platform_parse(&w->platform, q->architecture, q->variant, e);
        if (r == 0 && q->mksquashfs_args)
                r = squashfs_options_parse(&w->options, q->mksquashfs_args, e);
        if (r == 0)
                r = spec_parse(&w->spec, q->source, e);
        return r == 0 ? refuse_source_inside(w, e) : r;
}

int build_image(const struct build_request *q, const struct notes *notes, struct err *e)
{
        struct work w = { .request = q, .notes = notes };
        int r;

        note(notes, LOG_INFO, "Starting build...");
        r = prepare(&w, e);
        if (r == 0 && q->data) {
                r = make_data(&w, e);
        } else if (r == 0) {
                part_directory_sweep(w.path);
                output_sweep(w.path);
                r = open_source(&w, e);
                if (r == 0)
                        r = load_source(&w, e);
                if (r == 0 && w.source->is_oci)
                        note(notes, LOG_INFO, "Inserting Apptainer configuration...");
                if (r == 0)
                        care_for_permissions(&w);
                if (r == 0)
                        r = put_metadata(&w, e);
                if (r == 0)
                        r = q->sandbox ? make_sandbox(&w, e) : make_sif(&w, e);
        }
        work_done(&w);
        return r;
}

int build_look(const struct build_request *q, enum target_state *ret, struct err *e)
{
        _cleanup_free_ char *path = path_absolute(q->target);

        if (!q->target[0])
                return err_set(e, -EINVAL, "failed to get absolute path for \"\": path is empty");
        if (!path)
                return err_errno(e, -errno, "cannot find the working directory");
        return target_look(path, q->replace, ret, e);
}
