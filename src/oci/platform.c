#include "oci/platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clean.h"

/* Spec image-formats.md, 5.4 (names of --arch) and transports.md, 2.5 (normalisation). */
static const struct {
        const char *name, *architecture, *variant;
} names[] = {
        { "386", "386", NULL },         { "amd64", "amd64", NULL },
        { "arm", "arm", NULL },         { "arm64", "arm64", NULL },
        { "loong64", "loong64", NULL }, { "ppc64le", "ppc64le", NULL },
        { "riscv64", "riscv64", NULL }, { "s390x", "s390x", NULL },
        { "aarch64", "arm64", NULL },   { "arm32v5", "arm", "v5" },
        { "arm32v6", "arm", "v6" },     { "arm32v7", "arm", "v7" },
        { "armel", "arm", "v6" },       { "armhf", "arm", "v7" },
        { "armv6l", "arm", "v6" },      { "armv7l", "arm", "v7" },
        { "armv8l", "arm", "v8" },      { "i386", "386", NULL },
        { "i486", "386", NULL },        { "i586", "386", NULL },
        { "i686", "386", NULL },        { "loongarch64", "loong64", NULL },
        { "x86-64", "amd64", NULL },    { "x86_64", "amd64", NULL },
};

static const struct {
        const char *number, *variant;
} arm_variants[] = { { "5", "v5" },  { "6", "v6" },  { "7", "v7" },  { "8", "v8" },
                     { "v5", "v5" }, { "v6", "v6" }, { "v7", "v7" }, { "v8", "v8" } };

struct oci_platform oci_platform_host(void)
{
        static struct utsname uts;

        uname(&uts);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i].name, uts.machine) == 0)
                        return (struct oci_platform){ names[i].architecture, names[i].variant };
        return (struct oci_platform){ uts.machine, NULL };
}

int oci_platform_parse(struct oci_platform *ret, const char *architecture, const char *variant, struct err *e)
{
        struct oci_platform p = { NULL, NULL };

        for (size_t i = 0; i < ARRAY_SIZE(names) && !p.architecture; i++)
                if (strcmp(names[i].name, architecture) == 0)
                        p = (struct oci_platform){ names[i].architecture, names[i].variant };
        if (!p.architecture) {
                err_set(e, -EINVAL, "unknown architecture \"%s\"", architecture);
                return err_hint(e, -EINVAL,
                                "known are 386, amd64, arm, arm64, loong64, ppc64le, riscv64, s390x");
        }
        if (variant && variant[0]) {
                p.variant = variant;
                if (strcmp(p.architecture, "arm") == 0) {
                        p.variant = NULL;
                        for (size_t i = 0; i < ARRAY_SIZE(arm_variants); i++)
                                if (strcmp(arm_variants[i].number, variant) == 0)
                                        p.variant = arm_variants[i].variant;
                        if (!p.variant)
                                return err_set(e, -EINVAL,
                                               "unknown variant \"%s\" of arm; known are 5, 6, 7, 8",
                                               variant);
                }
        }
        *ret = p;
        return 0;
}

bool oci_platform_matches(const struct oci_platform *p, const json_t *platform)
{
        const char *os = json_member(platform, "os"), *architecture = json_member(platform, "architecture"),
                   *variant = json_member(platform, "variant");

        if (!os || strcmp(os, "linux") != 0 || !architecture || strcmp(architecture, p->architecture) != 0)
                return false;
        return !p->variant || (variant && strcmp(variant, p->variant) == 0);
}

bool oci_platform_is_attestation(const json_t *platform)
{
        const char *os = json_member(platform, "os"), *architecture = json_member(platform, "architecture");

        return os && architecture && strcmp(os, "unknown") == 0 && strcmp(architecture, "unknown") == 0;
}

char *oci_platform_format(const char *architecture, const char *variant, char *buffer)
{
        snprintf(buffer, OCI_PLATFORM_TEXT_SIZE, "linux/%.32s%s%.32s", architecture, variant ? "/" : "",
                 variant ? variant : "");
        return buffer;
}
