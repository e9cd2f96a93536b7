/* spec: what the SOURCE of a build is (spec build.md, 4.1).
 *
 * In this order: a URI by the word before its first colon; a path that opens as an image or is a directory;
 * else a definition file.
 */
#pragma once

#include "base/err.h"

enum spec_kind {
        SPEC_OCI,   /* an OCI or Docker image on disk */
        SPEC_IMAGE, /* a sandbox, SIF or squashfs */
};

struct spec {
        enum spec_kind kind;
        char *text;       /* owned: as typed */
        char *bootstrap;  /* owned: "oci", "localimage" … */
        char *from;       /* owned */
        char *definition; /* owned: the definition that the image will carry */
};

/* -ENOTSUP: a known kind of source that is not available (definition files, registries); -ENOENT: no such
 * file. */
int spec_parse(struct spec *ret, const char *text, struct err *e);
void spec_done(struct spec *s);

#define _cleanup_spec_ __attribute__((cleanup(spec_done)))
