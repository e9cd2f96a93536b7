/* Codes and their names in listings (spec image-formats.md, 1.4). */
#include "image/sif_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clean.h"

struct code_name {
        int32_t code;
        const char *name;
};

static const char *name_of(const struct code_name *table, size_t n, int32_t code, const char *unknown)
{
        for (size_t i = 0; i < n; i++)
                if (table[i].code == code)
                        return table[i].name;
        return unknown;
}

const char *sif_type_name(int32_t type)
{
        static const struct code_name names[] = {
                { SIF_TYPE_DEFFILE, "Def.FILE" },    { SIF_TYPE_ENV, "Env.Vars" },
                { SIF_TYPE_LABELS, "JSON.Labels" },  { SIF_TYPE_PARTITION, "FS" },
                { SIF_TYPE_SIGNATURE, "Signature" }, { SIF_TYPE_JSON, "JSON.Generic" },
                { SIF_TYPE_GENERIC, "Generic/Raw" }, { SIF_TYPE_CRYPTO, "Cryptographic Message" },
                { SIF_TYPE_SBOM, "SBOM" },           { SIF_TYPE_OCI_INDEX, "OCI.RootIndex" },
                { SIF_TYPE_OCI_BLOB, "OCI.Blob" },
        };

        return name_of(names, ARRAY_SIZE(names), type, "Unknown");
}

const char *sif_fs_name(int32_t fs)
{
        static const struct code_name names[] = {
                { SIF_FS_SQUASHFS, "Squashfs" },
                { SIF_FS_EXT3, "Ext3" },
                { SIF_FS_ARCHIVE, "Archive" },
                { SIF_FS_RAW, "Raw" },
                { SIF_FS_ENCRYPTED, "Encrypted squashfs" },
                { SIF_FS_GOCRYPTFS, "Gocryptfs squashfs" },
        };

        return name_of(names, ARRAY_SIZE(names), fs, "Unknown");
}

const char *sif_part_name(int32_t part)
{
        static const struct code_name names[] = {
                { SIF_PART_SYSTEM, "System" },
                { SIF_PART_PRIMARY, "*System" },
                { SIF_PART_DATA, "Data" },
                { SIF_PART_OVERLAY, "Overlay" },
        };

        return name_of(names, ARRAY_SIZE(names), part, "Unknown");
}

const char *sif_hash_name(int32_t hash)
{
        static const struct code_name names[] = {
                { 1, "SHA-256" },     { 2, "SHA-384" },     { 3, "SHA-512" },
                { 4, "BLAKE2s-256" }, { 5, "BLAKE2b-256" },
        };

        return name_of(names, ARRAY_SIZE(names), hash, "Unknown");
}

const char *sif_format_name(int32_t format)
{
        static const struct code_name names[] = { { 1, "OpenPGP" }, { 2, "PEM" } };

        return name_of(names, ARRAY_SIZE(names), format, "Unknown");
}

const char *sif_message_name(int32_t message)
{
        static const struct code_name names[] = { { 0x100, "Clear Signature" }, { 0x200, "RSA-OAEP" } };

        return name_of(names, ARRAY_SIZE(names), message, "Unknown");
}

static const struct code_name sbom_names[] = {
        { 1, "cyclonedx-json" }, { 2, "cyclonedx-xml" },  { 3, "github-json" }, { 4, "spdx-json" },
        { 5, "spdx-rdf" },       { 6, "spdx-tag-value" }, { 7, "spdx-yaml" },   { 8, "syft-json" },
};

const char *sif_sbom_name(int32_t format)
{
        return name_of(sbom_names, ARRAY_SIZE(sbom_names), format, "unknown");
}

int32_t sif_sbom_code(const char *name)
{
        if (strcmp(name, "github") == 0)
                name = "github-json";
        for (size_t i = 0; i < ARRAY_SIZE(sbom_names); i++)
                if (strcmp(sbom_names[i].name, name) == 0)
                        return sbom_names[i].code;
        return 0;
}

static const struct {
        char code[3];
        const char *name;
} architectures[] = {
        { "01", "386" },     { "02", "amd64" },    { "03", "arm" },   { "04", "arm64" },
        { "05", "ppc64" },   { "06", "ppc64le" },  { "07", "mips" },  { "08", "mipsle" },
        { "09", "mips64" },  { "10", "mips64le" }, { "11", "s390x" }, { "12", "riscv64" },
        { "13", "loong64" },
};

const char *sif_arch_name(const char *code)
{
        for (size_t i = 0; i < ARRAY_SIZE(architectures); i++)
                if (strcmp(architectures[i].code, code) == 0)
                        return architectures[i].name;
        return "unknown";
}

const char *sif_arch_code(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(architectures); i++)
                if (strcmp(architectures[i].name, name) == 0)
                        return architectures[i].code;
        return NULL;
}

#if defined(__x86_64__)
#define NATIVE "amd64"
#elif defined(__i386__)
#define NATIVE "386"
#elif defined(__aarch64__)
#define NATIVE "arm64"
#elif defined(__arm__)
#define NATIVE "arm"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define NATIVE "ppc64le"
#elif defined(__powerpc64__)
#define NATIVE "ppc64"
#elif defined(__s390x__)
#define NATIVE "s390x"
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE "riscv64"
#elif defined(__loongarch64)
#define NATIVE "loong64"
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "add this architecture's Go name, and its code to the table above"
#endif

const char *sif_arch_native(void)
{
        return NATIVE;
}

void sif_id_format(const uint8_t id[16], char ret[SIF_ID_TEXT_SIZE])
{
        char *at = ret;

        for (size_t i = 0; i < 16; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                snprintf(at, 3, "%02x", id[i]);
                at += 2;
        }
}
