/* Which manifest of an OCI layout is meant: tag or digest, then platform. */
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"
#include "oci/source_internal.h"

#define INDEX "index.json"

/* Entries of an index that are in question. */
struct candidates {
        struct oci_descriptor *at; /* owned */
        size_t n;
};

static void candidates_done(struct candidates *c)
{
        free(c->at);
}

#define _cleanup_candidates_ __attribute__((cleanup(candidates_done)))

static const json_t *platform_of(const struct oci_descriptor *d)
{
        const json_t *platform = json_object_get(d->json, "platform");

        return json_is_object(platform) ? platform : NULL;
}

static bool any(const struct candidates *c, bool (*is)(const struct oci_descriptor *d, const void *user),
                const void *user)
{
        for (size_t i = 0; i < c->n; i++)
                if (is(&c->at[i], user))
                        return true;
        return false;
}

static void keep_if(struct candidates *c, bool (*keep)(const struct oci_descriptor *d, const void *user),
                    const void *user)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n; i++)
                if (keep(&c->at[i], user))
                        c->at[n++] = c->at[i];
        c->n = n;
}

static bool is_image(const struct oci_descriptor *d, const void *user)
{
        (void) user;
        return !oci_platform_is_attestation(platform_of(d));
}

static bool has_ref_name(const struct oci_descriptor *d, const void *user)
{
        const char *ref = oci_descriptor_ref_name(d);

        return ref && strcmp(ref, user) == 0;
}

static bool has_image_name(const struct oci_descriptor *d, const void *user)
{
        const char *name = oci_descriptor_image_name(d);

        return name && docker_names_equal(name, user);
}

/* "v1" for an entry called "registry/name:v1" */
static bool has_tag_of_name(const struct oci_descriptor *d, const void *user)
{
        const char *ref = oci_descriptor_ref_name(d), *colon = ref ? strrchr(ref, ':') : NULL;

        return colon && strcmp(colon + 1, user) == 0;
}

static bool is_for_platform(const struct oci_descriptor *d, const void *user)
{
        return platform_of(d) && oci_platform_matches(user, platform_of(d));
}

static bool has_no_platform(const struct oci_descriptor *d, const void *user)
{
        (void) user;
        return !platform_of(d);
}

/* One image may be listed under several names. */
static bool all_the_same(const struct candidates *c)
{
        for (size_t i = 1; i < c->n; i++)
                if (memcmp(c->at[i].digest, c->at[0].digest, DIGEST_SIZE) != 0)
                        return false;
        return true;
}

static char *list_tags(const struct candidates *c)
{
        struct text list = TEXT_INIT;

        for (size_t i = 0; i < c->n && list.used < 512; i++) {
                const char *ref = oci_descriptor_ref_name(&c->at[i]);
                const char *name = oci_descriptor_image_name(&c->at[i]);

                text_printf(&list, "%s%s", i ? ", " : "", name ? name : ref ? ref : c->at[i].digest_text);
        }
        return text_take(&list);
}

static char *list_platforms(const struct candidates *c)
{
        struct text list = TEXT_INIT;
        char buffer[OCI_PLATFORM_TEXT_SIZE];

        for (size_t i = 0; i < c->n && list.used < 512; i++) {
                const json_t *platform = platform_of(&c->at[i]);
                const char *architecture = json_member(platform, "architecture");

                text_printf(&list, "%s%s", i ? ", " : "",
                            oci_platform_format(architecture ? architecture : "unknown",
                                                json_member(platform, "variant"), buffer));
        }
        return text_take(&list);
}

/* --- the entry of index.json -------------------------------------------------------------------------- */

static int keep_chosen(const struct oci_search *s, struct candidates *c, struct err *e)
{
        _cleanup_free_ char *list = list_tags(c);
        const struct oci_reference *r = s->reference;
        const char *path = blobs_path(s->blobs);

        if (r->tag) {
                bool (*is)(const struct oci_descriptor *d, const void *user) = has_tag_of_name;

                if (any(c, has_ref_name, r->tag))
                        is = has_ref_name;
                else if (any(c, has_image_name, r->tag))
                        is = has_image_name;
                keep_if(c, is, r->tag);
                if (c->n == 0)
                        return err_set(e, -ENOENT, "%s has no image \"%s\"; it has: %s", path, r->tag,
                                       list[0] ? list : "none");
        }
        if (r->position >= 0) {
                if ((size_t) r->position >= c->n)
                        return err_set(e, -ENOENT, "%s has no image @%ld; it has: %s", path, r->position,
                                       list);
                c->at[0] = c->at[r->position];
                c->n = 1;
        }
        return 0;
}

static int need_one(const struct oci_search *s, struct candidates *c, struct err *e)
{
        _cleanup_free_ char *list = list_tags(c);
        const char *path = blobs_path(s->blobs);
        bool is_layout = s->reference->transport == OCI_LAYOUT;

        if (c->n == 0)
                return err_set(e, -ENOENT, "%s has no image: its %s is empty", path, INDEX);
        if (all_the_same(c))
                return 0;
        keep_if(c, is_for_platform, s->platform);
        if (c->n > 0 && all_the_same(c))
                return 0;
        err_set(e, -EINVAL, "%s: more than one image in oci, choose an image: %s", path, list);
        return err_hint(e, -EINVAL, "name it behind the %s, as in %s:TAG or %s@sha256:…",
                        is_layout ? "directory" : "file", path, path);
}

static int read_entries(struct candidates *c, const json_t *index, const char *what, struct err *e)
{
        int r = oci_index_parse(index, what, &c->at, &c->n, e);

        if (r < 0)
                return r;
        keep_if(c, is_image, NULL);
        return 0;
}

/* --- indexes below ------------------------------------------------------------------------------------ */

static int choose_platform(const struct oci_search *s, struct candidates *c, const char *what, struct err *e)
{
        _cleanup_free_ char *list = list_platforms(c);
        char wanted[OCI_PLATFORM_TEXT_SIZE];
        struct oci_descriptor first_unnamed;
        bool has_unnamed = false;

        for (size_t i = 0; i < c->n && !has_unnamed; i++) {
                has_unnamed = has_no_platform(&c->at[i], NULL);
                if (has_unnamed)
                        first_unnamed = c->at[i];
        }
        keep_if(c, is_for_platform, s->platform);
        if (c->n > 0)
                return 0; /* the first one */
        if (has_unnamed) {
                c->at[0] = first_unnamed;
                return 0;
        }
        return err_set(e, -ENOENT, "%s image not found in %s; it has: %s",
                       oci_platform_format(s->platform->architecture, s->platform->variant, wanted), what,
                       list[0] ? list : "none");
}

/* Follows indexes down to a manifest. */
static int descend(const struct oci_search *s, const struct oci_descriptor *from, json_t **ret,
                   char ret_digest[DIGEST_TEXT_SIZE], struct err *e)
{
        _cleanup_json_ json_t *document = NULL;
        _cleanup_candidates_ struct candidates c = { .n = 0 };
        struct oci_descriptor d = *from;

        for (unsigned depth = 0; depth <= MANIFEST_DEPTH_MAX; depth++) {
                _cleanup_json_ json_t *parent = ptr_take(&document);
                _cleanup_free_ char *what = text_format("%s: %s", blobs_path(s->blobs), d.digest_text);
                int r;

                (void) parent; /* d borrows from it until the end of this round */
                document = oci_read_blob_json(s->blobs, &d, MANIFEST_SIZE_MAX, "manifest", e);
                if (!document)
                        return e ? e->code : -EBADMSG;
                r = oci_document_kind(document, d.media_type, what, e);
                if (r < 0)
                        return r;
                if (r == OCI_MANIFEST) {
                        memcpy(ret_digest, d.digest_text, DIGEST_TEXT_SIZE);
                        *ret = ptr_take(&document);
                        return 0;
                }
                free(ptr_take(&c.at));
                r = read_entries(&c, document, what, e);
                if (r == 0)
                        r = choose_platform(s, &c, what, e);
                if (r < 0)
                        return r;
                d = c.at[0];
        }
        return err_set(e, -E2BIG, "%s: indexes within indexes, more than %d deep", blobs_path(s->blobs),
                       MANIFEST_DEPTH_MAX);
}

/* --- all together ------------------------------------------------------------------------------------- */

static int check_layout(struct blobs *blobs, struct err *e)
{
        _cleanup_free_ char *what = text_format("%s: oci-layout", blobs_path(blobs));
        _cleanup_json_ json_t *layout = NULL;
        const char *version;

        if (!blobs_has(blobs, "oci-layout"))
                return 0; /* written by nobody, required by few */
        layout = oci_read_json(blobs, "oci-layout", MANIFEST_SIZE_MAX, what, e);
        if (!layout)
                return e ? e->code : -EBADMSG;
        version = json_member(layout, "imageLayoutVersion");
        if (!version || !text_starts(version, "1."))
                return err_set(e, -ENOTSUP, "%s: unsupported version \"%.64s\"", what,
                               version ? version : "");
        return 0;
}

static int select_digest(const struct oci_search *s, json_t **ret, char ret_digest[DIGEST_TEXT_SIZE],
                         struct err *e)
{
        struct oci_descriptor d = { .media_type = "" };
        _cleanup_free_ char *name = NULL;
        int r;

        digest_parse(s->reference->digest, d.digest);
        digest_format(d.digest, d.digest_text);
        name = oci_blob_name(d.digest_text);
        if (!blobs_has(s->blobs, name))
                return err_set(e, -ENOENT, "%s has no image %s", blobs_path(s->blobs), d.digest_text);
        r = blobs_size(s->blobs, name, &d.size_bytes, e);
        return r < 0 ? r : descend(s, &d, ret, ret_digest, e);
}

int oci_select_manifest(const struct oci_search *s, json_t **ret, char ret_digest[DIGEST_TEXT_SIZE],
                        struct err *e)
{
        _cleanup_free_ char *what = text_format("%s: %s", blobs_path(s->blobs), INDEX);
        _cleanup_candidates_ struct candidates c = { .n = 0 };
        _cleanup_json_ json_t *index = NULL;
        int r = check_layout(s->blobs, e);

        if (r < 0)
                return r;
        index = oci_read_json(s->blobs, INDEX, MANIFEST_SIZE_MAX, what, e);
        if (!index)
                return e ? e->code : -EBADMSG;
        if (s->reference->digest)
                return select_digest(s, ret, ret_digest, e);
        r = read_entries(&c, index, what, e);
        if (r < 0 || (r = keep_chosen(s, &c, e)) < 0 || (r = need_one(s, &c, e)) < 0)
                return r;
        return descend(s, &c.at[0], ret, ret_digest, e);
}
