/* overlay create: a new ext3 image, or an overlay partition for a SIF image. */
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/output.h"
#include "build/ext3_image.h"
#include "cmd/commands.h"
#include "cmd/overlay_options.h"
#include "cmd/report.h"
#include "cmd/sif_options.h"
#include "host/scratch.h"
#include "image/sif.h"

#define SIZE_LEAST_M 64
#define SIZE_MOST_M  (16 << 20) /* 16 TiB, ext3's own limit with blocks of 4 KiB */
#define GROUP        1
#define SUBUID_MAX   (16u << 20)

struct creation {
        const struct overlay_create_options *options;
        const char *path;
        struct ext3_image_request request;
        char *scratch; /* owned */
};

/* --- hints ------------------------------------------------------------------------------------------------
 */

static bool has_subordinate_ids(void)
{
        const struct passwd *user = getpwuid(getuid());
        _cleanup_free_ char *text = NULL, *uid = text_format("%u:", getuid());
        _cleanup_free_ char *name = user ? text_format("%s:", user->pw_name) : NULL;
        char *save = NULL;

        if (fd_read_file(AT_FDCWD, "/etc/subuid", SUBUID_MAX, &text, NULL) < 0)
                return false;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (text_starts(line, uid) || (name && text_starts(line, name)))
                        return true;
        return false;
}

static void hint_at_fakeroot(const struct creation *c)
{
        if (getuid() == 0 || c->options->fakeroot || has_subordinate_ids())
                return;
        log_info("Creating overlay image for use without fakeroot.");
        log_info("Consider re-creating with --fakeroot if it is to be used with --fakeroot.");
}

/* --- kinds ------------------------------------------------------------------------------------------------
 */

static int create_file(const struct creation *c, struct err *e)
{
        _cleanup_output_ struct output output = OUTPUT_INIT;
        int r = output_open(&output, c->path, 0600, e);

        if (r >= 0)
                r = ext3_image_make(output.fd, &c->request, e);
        return r < 0 ? r : output_commit(&output, false, e);
}

/* What a SIF image must not have. */
static int check_sif(const struct creation *c, const struct sif *s, struct err *e)
{
        for (uint64_t i = 0; i < s->n_descriptors; i++) {
                const struct sif_descriptor *d = &s->descriptors[i];
                struct sif_partition p = { .fs = 0 };

                if (!d->used)
                        continue;
                if (d->type == SIF_TYPE_SIGNATURE)
                        return err_set(
                                e, -EPERM,
                                "SIF image %s is signed: could not add writable overlay, sign it after that",
                                c->path);
                if (d->type != SIF_TYPE_PARTITION || sif_partition(d, &p) < 0)
                        continue;
                if (p.fs == SIF_FS_ENCRYPTED)
                        return err_set(e, -EPERM, "encrypted SIF image %s cannot have a writable overlay",
                                       c->path);
                if (p.fs == SIF_FS_EXT3 && p.part == SIF_PART_OVERLAY) {
                        err_set(e, -EEXIST, "a writable overlay partition already exists in %s (ID: %u)",
                                c->path, d->id);
                        return err_hint(e, -EEXIST, "delete it first: apptainer sif del %u %s", d->id,
                                        c->path);
                }
        }
        return 0;
}

static int add_partition(const struct creation *c, struct sif *s, struct err *e)
{
        _cleanup_output_ struct output file = OUTPUT_INIT;
        _cleanup_free_ char *beside = text_format("%s.ext3", c->path);
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        const struct sif_object object = {
                .type = SIF_TYPE_PARTITION, .group = GROUP, .extra = extra, .extra_size = sizeof(extra)
        };
        const char *arch = strcmp(s->arch, "00") == 0 ? sif_arch_code(sif_arch_native()) : s->arch;
        int r = check_sif(c, s, e);

        if (r >= 0)
                r = output_open(&file, beside, 0600, e);
        if (r >= 0)
                r = ext3_image_make(file.fd, &c->request, e);
        if (r < 0)
                return r;
        sif_partition_extra(extra, SIF_FS_EXT3, SIF_PART_OVERLAY, arch ? arch : "00");
        if (lseek(file.fd, 0, SEEK_SET) < 0)
                return err_errno(e, -errno, "%s", beside);
        return sif_add(s, &object, file.fd, e);
}

static int extend_sif(const struct creation *c, struct err *e)
{
        _cleanup_close_ int fd = -EBADF;
        struct sif s;
        int r = sif_open_path(c->path, true, &s, &fd, e);

        if (r == -ENOEXEC) {
                err_set(e, -EEXIST, "destination image %s exists and is not a SIF image", c->path);
                return err_hint(e, -EEXIST, "name a file that does not exist yet, or remove this one");
        }
        if (r < 0)
                return r;
        r = add_partition(c, &s, e);
        sif_done(&s);
        return r;
}

/* --- all --------------------------------------------------------------------------------------------------
 */

static int create(struct creation *c, struct err *e)
{
        const struct overlay_create_options *o = c->options;
        struct stat status;
        int r;

        if (o->size < SIZE_LEAST_M)
                return err_set(e, -EINVAL, "image size must be equal or greater than %d MiB", SIZE_LEAST_M);
        if (o->size > SIZE_MOST_M)
                return err_set(e, -EINVAL, "image size must be at most %d MiB", SIZE_MOST_M);
        r = scratch_directory(o->tmpdir, &c->scratch, e);
        if (r < 0)
                return r;
        c->request = (struct ext3_image_request){
                .size_bytes = (uint64_t) o->size << 20,
                .sparse = o->sparse,
                .as_root = o->fakeroot,
                .scratch = c->scratch,
                .directories = &o->directories,
        };
        hint_at_fakeroot(c);
        if (stat(c->path, &status) < 0)
                return errno == ENOENT ? create_file(c, e) : err_errno(e, -errno, "%s", c->path);
        if (!S_ISREG(status.st_mode))
                return err_set(e, -EEXIST, "destination image %s exists and is no file", c->path);
        return extend_sif(c, e);
}

int cmd_overlay_create_run(const struct cli_call *call)
{
        struct creation c = { .options = call->options, .path = call->argv[0] };
        struct err e = ERR_INIT;
        int r = create(&c, &e);

        free(c.scratch);
        return r < 0 ? report_fatal(&e) : EXIT_OK;
}
