#include "oci/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/digest.h"
#include "base/num.h"
#include "base/text.h"

#define POSITION_MAX 65535 /* more images than any archive has */

static const struct {
        const char *prefix;
        enum oci_transport transport;
} transports[] = {
        { "oci:", OCI_LAYOUT },
        { "oci-archive:", OCI_ARCHIVE },
        { "docker-archive:", OCI_DOCKER_ARCHIVE },
};

bool oci_reference_is(const char *text)
{
        for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
                if (text_starts(text, transports[i].prefix))
                        return true;
        return false;
}

void oci_reference_done(struct oci_reference *r)
{
        free(r->path);
        free(r->tag);
        free(r->digest);
        *r = (struct oci_reference) OCI_REFERENCE_INIT;
}

static bool is_there(const char *path, size_t size)
{
        _cleanup_free_ char *copy = text_dup_bytes(path, size);

        return size > 0 && access(copy, F_OK) == 0;
}

/* Where the path ends: at the first colon or '@' before which there is something on disk; the whole text when
 * that is on disk, or when nothing is and it has no colon. */
static size_t path_size(const char *text)
{
        size_t whole = strlen(text);

        if (is_there(text, whole))
                return whole;
        for (size_t i = 0; i < whole; i++)
                if ((text[i] == ':' || text[i] == '@') && is_there(text, i))
                        return i;
        return strcspn(text, ":");
}

static int take_selector(struct oci_reference *r, const char *selector, struct err *e)
{
        uint8_t digest[DIGEST_SIZE];
        uint64_t position;

        if (selector[0] == '\0')
                return 0;
        if (selector[0] == '@') {
                if (digest_parse(selector + 1, digest) < 0)
                        return err_set(e, -EINVAL,
                                       "\"%s\" is not a digest of the form sha256:<64 hex digits>",
                                       selector + 1);
                r->digest = text_dup(selector + 1);
                return 0;
        }
        if (selector[1] == '\0')
                return err_set(e, -EINVAL, "the tag behind \"%s:\" is empty", r->path);
        if (selector[1] != '@') {
                r->tag = text_dup(selector + 1);
                return 0;
        }
        if (digest_parse(selector + 2, digest) == 0) {
                r->digest = text_dup(selector + 2);
                return 0;
        }
        if (num_u64(selector + 2, 10, 0, POSITION_MAX, &position) < 0)
                return err_set(e, -EINVAL, "\"%s\" is not the position of an image, such as @0",
                               selector + 1);
        r->position = (long) position;
        return 0;
}

/* "//path" is the path without the slashes; what was meant absolute has lost one of three. */
static const char *strip_slashes(const char *text)
{
        if (!text_starts(text, "//"))
                return text;
        if (text[2] != '/' && !is_there(text + 2, path_size(text + 2)) &&
            is_there(text + 1, path_size(text + 1)))
                return text + 1;
        return text + 2;
}

int oci_reference_parse(struct oci_reference *ret, const char *text, struct err *e)
{
        _cleanup_oci_reference_ struct oci_reference r = OCI_REFERENCE_INIT;
        const char *rest = NULL;
        size_t size;
        int error;

        for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
                if (text_starts(text, transports[i].prefix)) {
                        r.transport = transports[i].transport;
                        rest = strip_slashes(text + strlen(transports[i].prefix));
                }
        }
        if (!rest)
                return err_set(e, -EINVAL,
                               "\"%s\" does not start with oci:, oci-archive: or docker-archive:", text);
        size = path_size(rest);
        if (size == 0)
                return err_set(e, -EINVAL, "\"%s\" names no file or directory", text);
        r.path = text_dup_bytes(rest, size);
        if (access(r.path, F_OK) < 0)
                return err_errno(e, -errno, "%s", r.path);
        error = take_selector(&r, rest + size, e);
        if (error < 0)
                return error;
        *ret = r;
        r = (struct oci_reference) OCI_REFERENCE_INIT;
        return 0;
}
