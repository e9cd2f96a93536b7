/* sif add: options become the description of an object.
 *
 * It is in the executable that links libcrypto: OCI objects carry the digest of their bytes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/report.h"
#include "cmd/sif_options.h"

#define TYPE_MAX     11 /* --datatype counts from 1, types from 0x4001 */
#define TYPE_BASE    0x4000
#define PART_MAX     SIF_PART_OVERLAY
#define FS_MAX       SIF_FS_GOCRYPTFS
#define ARCH_MAX     13
#define HASH_MAX     5
#define LINK_MASK    0xf0000000u /* all four bits: the link of a group, as the original takes it */
#define DIGEST_BLOCK ((size_t) 1 << 20)

static int check_range(const char *option, int64_t value, int64_t most, struct err *e)
{
        if (value == 0)
                return err_set(e, -EINVAL, "--%s must be passed: a number from 1 to %lld", option,
                               (long long) most);
        if (value < 1 || value > most)
                return err_set(e, -EINVAL, "invalid --%s %lld: a number from 1 to %lld is wanted", option,
                               (long long) value, (long long) most);
        return 0;
}

static int partition_extra(const struct sif_add_options *o, uint8_t *extra, size_t *ret_size, struct err *e)
{
        char arch[16];
        int r;

        if (!o->partfs || !o->parttype || !o->partarch)
                return err_set(e, -EINVAL,
                               "with partition datatype, --partfs, --parttype and --partarch must be passed");
        r = check_range("partfs", o->partfs, FS_MAX, e);
        if (r == 0)
                r = check_range("parttype", o->parttype, PART_MAX, e);
        if (r == 0)
                r = check_range("partarch", o->partarch, ARCH_MAX, e);
        if (r < 0)
                return r;
        snprintf(arch, sizeof(arch), "%02d", (int) o->partarch);
        sif_partition_extra(extra, (int32_t) o->partfs, (int32_t) o->parttype, arch);
        *ret_size = SIF_PARTITION_EXTRA_SIZE;
        return 0;
}

static int parse_entity(const char *text, uint8_t ret[SIF_ENTITY_SIZE])
{
        if (strlen(text) != 2 * SIF_ENTITY_SIZE || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
                return -EINVAL;
        for (size_t i = 0; i < SIF_ENTITY_SIZE; i++) {
                char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };

                ret[i] = (uint8_t) strtoul(digits, NULL, 16);
        }
        return 0;
}

static int signature_extra(const struct sif_add_options *o, uint8_t *extra, size_t *ret_size, struct err *e)
{
        uint8_t entity[SIF_ENTITY_SIZE];
        int r = check_range("signhash", o->signhash, HASH_MAX, e);

        if (r < 0)
                return r;
        if (!o->signentity || parse_entity(o->signentity, entity) < 0)
                return err_set(e, -EINVAL,
                               "--signentity must be passed: a fingerprint of %d hexadecimal digits, not "
                               "\"%s\"",
                               2 * SIF_ENTITY_SIZE, o->signentity ? o->signentity : "");
        sif_signature_extra(extra, (int32_t) o->signhash, entity);
        *ret_size = SIF_SIGNATURE_EXTRA_SIZE;
        return 0;
}

static int sbom_extra(const struct sif_add_options *o, uint8_t *extra, size_t *ret_size, struct err *e)
{
        int32_t format;

        if (!o->sbomformat)
                return err_set(e, -EINVAL, "with SBOM datatype, --sbomformat must be passed");
        format = sif_sbom_code(o->sbomformat);
        if (!format)
                return err_set(e, -EINVAL, "invalid SBOM format: %s", o->sbomformat);
        sif_sbom_extra(extra, format);
        *ret_size = SIF_SBOM_EXTRA_SIZE;
        return 0;
}

/* The digest of the whole file, which is then to be read once more. */
static int digest_extra(int fd, uint8_t *extra, size_t *ret_size, struct err *e)
{
        _cleanup_digest_ struct digest *computation = digest_new();
        _cleanup_free_ uint8_t *block = text_realloc(NULL, DIGEST_BLOCK);
        uint8_t digest[DIGEST_SIZE];
        char text[DIGEST_TEXT_SIZE];
        ssize_t n;

        if (lseek(fd, 0, SEEK_CUR) < 0)
                return err_errno(e, -errno, "an OCI object must be a file, since it is read twice");
        while ((n = read(fd, block, DIGEST_BLOCK)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno(e, -errno, "cannot read the object");
                digest_add(computation, block, (size_t) n);
        }
        digest_end(computation, digest);
        digest_format(digest, text);
        memcpy(extra, text, SIF_DIGEST_SIZE);
        *ret_size = SIF_DIGEST_SIZE;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return err_errno(e, -errno, "cannot read the object");
        return 0;
}

static int make_extra(const struct sif_add_options *o, int32_t type, int fd, uint8_t *extra, size_t *ret_size,
                      struct err *e)
{
        *ret_size = 0;
        switch (type) {
        case SIF_TYPE_PARTITION:
                return partition_extra(o, extra, ret_size, e);
        case SIF_TYPE_SIGNATURE:
                return signature_extra(o, extra, ret_size, e);
        case SIF_TYPE_SBOM:
                return sbom_extra(o, extra, ret_size, e);
        case SIF_TYPE_OCI_INDEX:
        case SIF_TYPE_OCI_BLOB:
                return digest_extra(fd, extra, ret_size, e);
        default:
                return 0;
        }
}

/* Options of another type of object are more likely a mistake in --datatype than meant. */
static void warn_unused(const struct sif_add_options *o, int32_t type)
{
        const struct {
                const char *name;
                bool given;
                int32_t type;
        } options[] = {
                { "partfs", o->partfs, SIF_TYPE_PARTITION },
                { "parttype", o->parttype, SIF_TYPE_PARTITION },
                { "partarch", o->partarch, SIF_TYPE_PARTITION },
                { "signhash", o->signhash, SIF_TYPE_SIGNATURE },
                { "signentity", o->signentity, SIF_TYPE_SIGNATURE },
                { "sbomformat", o->sbomformat, SIF_TYPE_SBOM },
        };

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (options[i].given && options[i].type != type)
                        log_warning("--%s has no effect on an object of type %s", options[i].name,
                                    sif_type_name(type));
}

static int describe(const struct sif_add_options *o, int fd, uint8_t *extra, struct sif_object *object,
                    struct err *e)
{
        bool is_group = (o->link & LINK_MASK) == LINK_MASK;
        int r;

        *object = (struct sif_object){
                .type = (int32_t) (TYPE_BASE + o->datatype),
                .group = (o->groupid & LINK_MASK) == LINK_MASK ? o->groupid & ~LINK_MASK : o->groupid,
                .link = is_group ? o->link & ~LINK_MASK : o->link,
                .link_is_group = is_group,
                .name = o->filename,
                .extra = extra,
                .alignment = (uint64_t) o->alignment,
        };
        if (o->alignment < 0)
                return err_set(e, -EINVAL, "invalid alignment %lld: it must be a power of two",
                               (long long) o->alignment);
        r = make_extra(o, object->type, fd, extra, &object->extra_size, e);
        if (r == 0)
                warn_unused(o, object->type);
        return r;
}

static int add(const struct sif_add_options *o, const char *path, const char *object_path, struct err *e)
{
        _cleanup_close_ int fd = -EBADF, from = -EBADF;
        uint8_t extra[SIF_SIGNATURE_EXTRA_SIZE]; /* the longest */
        struct sif_object object;
        struct sif s;
        int r = check_range("datatype", o->datatype, TYPE_MAX, e);

        if (r < 0)
                return r;
        from = open(object_path, O_RDONLY | O_CLOEXEC);
        if (from < 0)
                return err_errno(e, -errno, "open %s", object_path);
        r = describe(o, from, extra, &object, e);
        if (r == 0)
                r = sif_open_path(path, true, &s, &fd, e);
        if (r < 0)
                return r;
        r = sif_add(&s, &object, from, e);
        sif_done(&s);
        return r;
}

int cmd_sif_add_run(const struct cli_call *call)
{
        struct err e = ERR_INIT;

        return add(call->options, call->argv[0], call->argv[1], &e) < 0 ? report_usage(call, &e) : EXIT_OK;
}
