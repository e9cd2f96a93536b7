/* platform: which of an index's images is meant.  The operating system is always linux. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

/* Names are those of the OCI image index ("amd64", "arm64", "ppc64le" …), which are Go's.  Borrowed strings.
 */
struct oci_platform {
        const char *architecture;
        const char *variant; /* "v7"; NULL: any */
};

/* This machine's (uname(2)).  Never fails: an unknown machine keeps the kernel's name for it. */
struct oci_platform oci_platform_host(void);

/* --arch and --arch-variant: names as above and the usual others ("x86_64", "aarch64", "armhf", "arm32v7").
 * variant may be NULL or "".  -EINVAL names what is known. */
int oci_platform_parse(struct oci_platform *ret, const char *architecture, const char *variant,
                       struct err *e);

/* Whether the "platform" object of an index entry is this one. */
bool oci_platform_matches(const struct oci_platform *p, const json_t *platform);

/* Entries that are no image: build attestations, whose platform is unknown/unknown. */
bool oci_platform_is_attestation(const json_t *platform);

/* "linux/arm/v7" into a buffer of OCI_PLATFORM_TEXT_SIZE; returns it. */
#define OCI_PLATFORM_TEXT_SIZE 96
char *oci_platform_format(const char *architecture, const char *variant, char *buffer);
