/* An OCI image on disk as a source. */
#include "build/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"
#include "build/epoch.h"
#include "oci/convert.h"
#include "oci/source.h"

struct source_oci {
        struct source source; /* first */
        struct oci_image *image;
};

static int load(struct source *s, struct tree *t, const struct notes *notes, struct err *e)
{
        struct source_oci *oci = (struct source_oci *) s;
        _cleanup_progress_ struct progress *progress =
                progress_new("Reading layers", oci_image_size(oci->image));

        note(notes, LOG_INFO, "Extracting OCI image...");
        return oci_image_merge(oci->image, t, notes, progress, e);
}

static int content(struct source *s, struct tree *t, const struct content_sink *sink, const char *label,
                   struct err *e)
{
        struct source_oci *oci = (struct source_oci *) s;
        _cleanup_progress_ struct progress *progress =
                label ? progress_new(label, oci_content_size(t)) : NULL;

        return oci_image_content(oci->image, t, sink, progress, e);
}

static void oci_free(struct source *s)
{
        struct source_oci *oci = (struct source_oci *) s;

        oci_image_free(oci->image);
        free(oci);
}

static const struct source_ops oci_ops = { .load = load, .content = content, .free = oci_free };

static int open_image(struct source_oci *oci, const struct spec *spec, const struct oci_platform *platform,
                      const struct notes *notes, struct err *e)
{
        _cleanup_oci_reference_ struct oci_reference reference = OCI_REFERENCE_INIT;
        _cleanup_free_ char *text = text_format("%s:%s", spec->bootstrap, spec->from);
        int r = oci_reference_parse(&reference, text, e);

        return r == 0 ? oci_image_open(&oci->image, &reference, platform, notes, e) : r;
}

int source_open_oci(struct source **ret, const struct spec *spec, const struct oci_platform *platform,
                    const struct notes *notes, struct err *e)
{
        struct source_oci *oci = text_alloc(sizeof(*oci));
        const char *created;
        int r;

        oci->source = (struct source){ .ops = &oci_ops, .overwrite = true, .is_oci = true };
        note(notes, LOG_INFO, "Fetching OCI image...");
        r = open_image(oci, spec, platform, notes, e);
        if (r < 0) {
                source_free(&oci->source);
                return r;
        }
        oci->source.config = oci_image_config(oci->image);
        created = oci_image_created(oci->image);
        oci->source.has_created = created && epoch_parse(created, &oci->source.created) == 0;
        *ret = &oci->source;
        return 0;
}
