#include "build/spec.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/text.h"
#include "image/image.h"

#define SOURCES_HINT                                                                                         \
        "a source is docker-archive:FILE, oci:DIRECTORY, oci-archive:FILE, a sandbox directory, a SIF or "   \
        "squashfs file"

struct scheme {
        const char *name;
        bool available;
};

static const struct scheme schemes[] = {
        { "docker-archive", true }, { "oci", true },     { "oci-archive", true }, { "library", false },
        { "shub", false },          { "docker", false }, { "oras", false },       { "docker-daemon", false },
        { "http", false },          { "https", false },  { "ipfs", false },       { "buildkit", false },
        { "dockerfile", false },
};

static const struct scheme *scheme_of(const char *text)
{
        size_t size = strcspn(text, ":");

        for (size_t i = 0; text[size] && i < ARRAY_SIZE(schemes); i++)
                if (strlen(schemes[i].name) == size && memcmp(schemes[i].name, text, size) == 0)
                        return &schemes[i];
        return NULL;
}

static int parse_uri(struct spec *s, const struct scheme *scheme, const char *text, struct err *e)
{
        const char *cut = strstr(text, "://");
        size_t name_size = strlen(scheme->name);

        if (!scheme->available)
                return err_hint(
                        e, err_set(e, -ENOTSUP, "%s: %s: sources are not available yet", text, scheme->name),
                        SOURCES_HINT);
        s->kind = SPEC_OCI;
        s->bootstrap = cut ? text_dup_bytes(text, (size_t) (cut - text)) : text_dup(scheme->name);
        s->from = text_dup(cut ? cut + 3 : text + name_size + 1);
        return 0;
}

/* An image or a directory; what is neither is taken for a definition. */
static int parse_path(struct spec *s, const char *text, struct err *e)
{
        struct image image = IMAGE_INIT;
        struct stat status;
        int r;

        if (stat(text, &status) < 0)
                return err_hint(e, err_errno(e, -errno, "unable to open file %s", text), SOURCES_HINT);
        if (!S_ISDIR(status.st_mode)) {
                r = image_open(&image, text, false, e);
                image_done(&image);
                if (r == -ENOEXEC)
                        return err_hint(e,
                                        err_set(e, -ENOTSUP,
                                                "%s is not an image; building from a definition file is not "
                                                "available yet",
                                                text),
                                        SOURCES_HINT);
                if (r < 0)
                        return err_ctx(e, r, "%s", text);
        }
        s->kind = SPEC_IMAGE;
        s->bootstrap = text_dup("localimage");
        s->from = text_dup(text);
        return 0;
}

int spec_parse(struct spec *ret, const char *text, struct err *e)
{
        _cleanup_spec_ struct spec s = { .text = text_dup(text) };
        const struct scheme *scheme = scheme_of(text);
        int r = scheme ? parse_uri(&s, scheme, text, e) : parse_path(&s, text, e);

        if (r < 0)
                return r;
        s.definition = text_format("bootstrap: %s\nfrom: %s\n\n", s.bootstrap, s.from);
        *ret = s;
        s = (struct spec){ 0 };
        return 0;
}

void spec_done(struct spec *s)
{
        free(s->text);
        free(s->bootstrap);
        free(s->from);
        free(s->definition);
        *s = (struct spec){ 0 };
}
