#include "build/pack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/output.h"
#include "build/machine.h"
#include "build/interrupt.h"
#include "build/part_directory.h"
#include "image/sif.h"
#include "image/squashfs_writer.h"

#define GROUP 1

/* --- content on its way into the squashfs ------------------------------------------------------------- */

struct packing {
        struct squashfs_writer *writer;
        struct machine *machine;
        struct tree_inode *inode; /* the file that is passing by */
        uint8_t head[MACHINE_HEAD_SIZE];
        size_t head_size;
};

static int packing_begin(void *user, struct tree_inode *inode, struct err *e)
{
        struct packing *p = user;

        p->inode = inode;
        p->head_size = 0;
        return squashfs_writer_file_begin(p->writer, inode, e);
}

static int packing_data(void *user, const void *bytes, size_t size, struct err *e)
{
        struct packing *p = user;
        size_t wanted = sizeof(p->head) - p->head_size;

        if (interrupt_pending())
                return err_set(e, -EINTR, "stopped by a signal");
        if (wanted > 0) {
                wanted = wanted < size ? wanted : size;
                memcpy(p->head + p->head_size, bytes, wanted);
                p->head_size += wanted;
        }
        return squashfs_writer_file_data(p->writer, bytes, size, e);
}

static int packing_end(void *user, struct err *e)
{
        struct packing *p = user;

        machine_see(p->machine, p->inode, p->head, p->head_size);
        return squashfs_writer_file_end(p->writer, e);
}

static int write_squashfs(const struct pack *p, struct source *source, struct tree *tree,
                          struct machine *machine, int fd, uint64_t offset, uint64_t *ret_size, struct err *e)
{
        struct packing packing = { .machine = machine };
        struct content_sink sink = { packing_begin, packing_data, packing_end, &packing };
        int r = squashfs_writer_new(&packing.writer, fd, offset, &p->options, e);

        if (r == 0)
                r = source->ops->content(source, tree, &sink, "Creating SIF file", e);
        if (r == 0)
                r = squashfs_writer_finish(packing.writer, tree, ret_size, e);
        squashfs_writer_free(packing.writer);
        if (r == 0 && interrupt_pending())
                r = err_set(e, -EINTR, "stopped by a signal");
        return r;
}

/* --- the objects of the SIF --------------------------------------------------------------------------- */

static int add_text(struct sif_writer *w, int32_t type, const char *name, const char *text, struct err *e)
{
        struct sif_object object = { .type = type, .group = GROUP, .name = name };

        return sif_writer_add_bytes(w, &object, text, strlen(text), e);
}

static int add_texts(const struct pack *p, struct sif_writer *w, struct err *e)
{
        int r = add_text(w, SIF_TYPE_DEFFILE, NULL, p->definition, e);

        if (r == 0 && p->inspect[0])
                r = add_text(w, SIF_TYPE_JSON, "inspect-metadata.json", p->inspect, e);
        if (r == 0 && p->oci_config && p->oci_config[0])
                r = add_text(w, SIF_TYPE_JSON, "oci-config.json", p->oci_config, e);
        return r;
}

/* The architecture is known only when the content has passed by. */
static void tell_architecture(const struct pack *p, struct sif_writer *w, const char *name,
                              const struct notes *notes)
{
        uint8_t *extra = w->descriptors[w->n - 1].extra;

        if (!name || !sif_arch_code(name)) {
                note(notes, LOG_INFO, "Architecture not recognized, use native");
                name = sif_arch_native();
        } else if (strcmp(name, p->build_architecture) != 0) {
                note(notes, LOG_WARNING, "Architecture %s does not match build arch %s", name,
                     p->build_architecture);
        }
        sif_partition_extra(extra, SIF_FS_SQUASHFS, SIF_PART_PRIMARY, sif_arch_code(name));
}

static int write_rootfs(const struct pack *p, struct sif_writer *w, struct source *source, struct tree *tree,
                        const struct notes *notes, struct err *e)
{
        _cleanup_machine_ struct machine machine = { 0 };
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        struct sif_object object = {
                .type = SIF_TYPE_PARTITION, .group = GROUP, .extra = extra, .extra_size = sizeof(extra)
        };
        uint64_t offset, size;
        int r;

        machine_init(&machine, tree);
        sif_partition_extra(extra, SIF_FS_SQUASHFS, SIF_PART_PRIMARY, sif_arch_code(sif_arch_native()));
        r = sif_writer_begin(w, &object, &offset, e);
        if (r == 0)
                r = write_squashfs(p, source, tree, &machine, w->fd, offset, &size, e);
        if (r == 0)
                r = sif_writer_end(w, size, e);
        if (r == 0)
                tell_architecture(p, w, machine_name(&machine), notes);
        return r;
}

static int write_data(struct sif_writer *w, int fd, uint64_t from, uint64_t size, struct err *e)
{
        uint8_t extra[SIF_PARTITION_EXTRA_SIZE];
        struct sif_object object = {
                .type = SIF_TYPE_PARTITION, .group = GROUP, .extra = extra, .extra_size = sizeof(extra)
        };
        uint64_t offset;
        int r;

        sif_partition_extra(extra, SIF_FS_SQUASHFS, SIF_PART_DATA, sif_arch_code(sif_arch_native()));
        r = sif_writer_begin(w, &object, &offset, e);
        if (r < 0)
                return r;
        r = fd_copy(fd, from, w->fd, offset, size);
        if (r < 0)
                return err_errno(e, r, "cannot copy the squashfs into the image");
        return sif_writer_end(w, size, e);
}

/* --- the file ----------------------------------------------------------------------------------------- */

/* Under sudo the image belongs to who called sudo. */
static int give_to_caller(int fd, struct err *e)
{
        const char *command = getenv("SUDO_COMMAND"), *user = getenv("SUDO_USER");
        const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
        uint64_t uid, gid;

        if (geteuid() != 0 || !command || !strstr(command, "apptainer") || !user || !user[0] || !uid_text ||
            !gid_text)
                return 0;
        if (num_u64(uid_text, 10, 0, UINT32_MAX - 1, &uid) < 0 ||
            num_u64(gid_text, 10, 0, UINT32_MAX - 1, &gid) < 0)
                return err_set(e, -EINVAL, "SUDO_UID \"%s\" and SUDO_GID \"%s\" are not ids", uid_text,
                               gid_text);
        if (fchown(fd, (uid_t) uid, (gid_t) gid) < 0)
                return err_errno(e, -errno, "cannot give the image to %s, who called sudo", user);
        return 0;
}

/* Directories cannot be replaced by a rename. */
static int commit(struct output *o, const struct pack *p, struct err *e)
{
        _cleanup_part_directory_ struct part_directory old = PART_DIRECTORY_INIT;
        int r = 0;

        if (p->replace)
                r = part_directory_set_aside(&old, p->path, e);
        if (r == 0)
                r = output_commit(o, p->replace, e);
        if (r < 0) {
                part_directory_put_back(&old);
                return r;
        }
        return p->replace ? part_directory_discard(&old, e) : 0;
}

struct writing {
        struct output output;
        struct sif_writer sif;
};

static int writing_open(struct writing *w, const struct pack *p, struct err *e)
{
        int r = output_open(&w->output, p->path, 0755, e);

        if (r < 0)
                return r;
        if (w->output.temporary)
                interrupt_watch();
        r = sif_writer_init(&w->sif, w->output.fd, SIF_LAUNCHER, p->epoch.fixed, e);
        return r == 0 ? add_texts(p, &w->sif, e) : r;
}

static int writing_close(struct writing *w, const struct pack *p, struct err *e)
{
        int r = sif_writer_finish(&w->sif, e);

        if (r == 0)
                r = give_to_caller(w->output.fd, e);
        if (r == 0 && interrupt_pending())
                r = err_set(e, -EINTR, "stopped by a signal");
        return r == 0 ? commit(&w->output, p, e) : r;
}

static void writing_done(struct writing *w)
{
        sif_writer_done(&w->sif);
        output_done(&w->output);
        interrupt_release();
}

int pack_sif(const struct pack *p, struct source *source, struct tree *tree, const struct notes *notes,
             struct err *e)
{
        struct writing w = { .output = OUTPUT_INIT };
        int r;

        note(notes, LOG_INFO, "Creating SIF file...");
        r = writing_open(&w, p, e);
        if (r == 0)
                r = write_rootfs(p, &w.sif, source, tree, notes, e);
        if (r == 0)
                r = writing_close(&w, p, e);
        writing_done(&w);
        return r;
}

int pack_data(const struct pack *p, int fd, uint64_t offset, uint64_t size, struct err *e)
{
        struct writing w = { .output = OUTPUT_INIT };
        int r = writing_open(&w, p, e);

        if (r == 0)
                r = write_data(&w.sif, fd, offset, size, e);
        if (r == 0)
                r = writing_close(&w, p, e);
        writing_done(&w);
        return r;
}
