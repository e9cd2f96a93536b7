#include "build/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/text.h"
#include "image/image.h"
#include "image/metadata.h"

void source_free(struct source *s)
{
        if (!s)
                return;
        free(s->oci_config);
        s->ops->free(s);
}

static const char *rootfs_name(enum image_rootfs rootfs)
{
        switch (rootfs) {
        case IMAGE_ROOTFS_EXT3:
                return "an ext3 file system";
        case IMAGE_ROOTFS_ENCRYPTED:
        case IMAGE_ROOTFS_GOCRYPTFS:
                return "encrypted";
        default:
                return "of an unknown kind";
        }
}

int source_open_local(struct source **ret, const struct spec *spec, struct err *e)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        struct stat status;
        int r;

        if (stat(spec->from, &status) < 0)
                return err_errno(e, -errno, "unable to open file %s", spec->from);
        if (S_ISDIR(status.st_mode))
                return source_open_directory(ret, spec->from, e);
        r = image_open(&image, spec->from, false, e);
        if (r == 0 && image.kind == IMAGE_SIF)
                r = image_find_rootfs(&image, e);
        if (r < 0)
                return err_ctx(e, r, "%s", spec->from);
        if (image.rootfs != IMAGE_ROOTFS_SQUASHFS)
                return err_set(e, -ENOTSUP,
                               "%s: its root file system is %s; building from that is not available yet",
                               spec->from, rootfs_name(image.rootfs));
        return source_open_squashfs(ret, &image, e);
}

/* --- a few small files, before everything else -------------------------------------------------------- */

struct fetch {
        size_t n_wanted;
        struct tree_inode *at;
        size_t filled;
};

static int mark(struct tree_inode *file, void *user)
{
        struct fetch *fetch = user;

        if (file->bytes || file->size_bytes == 0 || file->marked)
                return 0;
        file->marked = true;
        fetch->n_wanted++;
        return 0;
}

static int unmark(struct tree_inode *file, void *user)
{
        (void) user;
        file->marked = false;
        return 0;
}

static int fetch_begin(void *user, struct tree_inode *inode, struct err *e)
{
        struct fetch *fetch = user;

        (void) e;
        if (!inode->marked || inode->bytes)
                return CONTENT_SKIP;
        fetch->at = inode;
        fetch->filled = 0;
        inode->bytes = text_alloc((size_t) inode->size_bytes + 1);
        return 0;
}

static int fetch_data(void *user, const void *bytes, size_t size, struct err *e)
{
        struct fetch *fetch = user;

        if (size > fetch->at->size_bytes - fetch->filled)
                return err_set(e, -EBADMSG, "a file is longer than its source says");
        memcpy(fetch->at->bytes + fetch->filled, bytes, size);
        fetch->filled += size;
        return 0;
}

static int fetch_end(void *user, struct err *e)
{
        struct fetch *fetch = user;

        (void) e;
        fetch->at->size_bytes = fetch->filled;
        return --fetch->n_wanted ? 0 : -ECANCELED; /* all there: the rest need not be read */
}

int source_fetch_metadata(struct source *s, struct tree *t, struct err *e)
{
        struct fetch fetch = { 0 };
        struct content_sink sink = { fetch_begin, fetch_data, fetch_end, &fetch };
        int r = 0;

        metadata_each_file(t, mark, &fetch);
        if (fetch.n_wanted)
                r = s->ops->content(s, t, &sink, NULL, e);
        metadata_each_file(t, unmark, NULL);
        if (r == -ECANCELED)
                return 0;
        if (r == 0 && fetch.n_wanted)
                return err_set(e, -EBADMSG, "the source did not bring files that it named");
        return r;
}
