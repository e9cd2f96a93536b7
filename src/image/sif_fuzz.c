/* The bytes as an image: everything that reads it, and the changes, after each of which it must load again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "image/ext3_super.h"
#include "image/image.h"
#include "image/sif.h"

#define SIZE_MAX_HERE (1 << 17) /* header, table and some data */
#define OBJECT_MAX    (1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int file_of(const uint8_t *bytes, size_t size)
{
        int fd = memfd_create("sif_fuzz", MFD_CLOEXEC);

        if (fd < 0 || fd_pwrite_all(fd, bytes, size, 0) < 0)
                abort();
        return fd;
}

static void read_object(const struct sif *s, const struct sif_descriptor *d)
{
        _cleanup_free_ char *content = NULL;
        const struct sif_descriptor *found;
        uint8_t entity[SIF_ENTITY_SIZE];
        char digest[SIF_DIGEST_SIZE];
        struct sif_partition p;
        struct err e = ERR_INIT;
        bool is_group;
        size_t read;

        sif_group(d);
        sif_link(d, &is_group);
        sif_partition(d, &p);
        sif_entity(d, entity);
        sif_digest(d, digest);
        sif_find(s, d->id, &found, &e);
        sif_check(s, d, true, &e);
        if (sif_read(s, d, OBJECT_MAX, &content, &read, &e) == 0)
                assert(read == (size_t) d->size);
}

static void read_all(int fd)
{
        struct err e = ERR_INIT;
        struct sif s;
        const struct sif_descriptor *d;

        if (sif_open(&s, fd, false, &e) < 0)
                return;
        for (size_t i = 0; i < s.n_descriptors; i++)
                if (s.descriptors[i].used)
                        read_object(&s, &s.descriptors[i]);
        sif_find_named(&s, SIF_TYPE_JSON, "inspect-metadata.json");
        sif_primary(&s, &d, &e);
        sif_done(&s);
}

static void open_as_image(int fd, bool need_rootfs)
{
        _cleanup_image_ struct image image = IMAGE_INIT;
        struct err e = ERR_INIT;
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        image_open(&image, path, need_rootfs, &e);
}

static void must_load(int fd)
{
        struct sif s;

        assert(sif_open(&s, fd, false, NULL) == 0);
        sif_done(&s);
}

static void change(int fd)
{
        static const uint8_t data[] = "data";
        _cleanup_close_ int from = file_of(data, sizeof(data));
        const struct sif_object object = { .type = SIF_TYPE_PARTITION, .group = 1, .name = "added" };
        const struct sif_descriptor *d;
        struct err e = ERR_INIT;
        struct sif s;
        uint32_t first = 0;

        if (sif_open(&s, fd, true, &e) < 0)
                return;
        for (size_t i = 0; i < s.n_descriptors && !first; i++)
                if (s.descriptors[i].used)
                        first = s.descriptors[i].id;
        if (sif_set_primary(&s, first, &e) == 0) {
                must_load(fd);
                assert(sif_primary(&s, &d, &e) == 0 && d->id == first);
        }
        if (sif_add(&s, &object, from, &e) == 0) {
                must_load(fd);
                d = sif_find_named(&s, SIF_TYPE_PARTITION, "added");
                assert(d && sif_check(&s, d, false, &e) == 0);
        }
        if (sif_delete(&s, first, &e) == 0)
                must_load(fd);
        sif_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        struct squashfs_super super;
        struct err e = ERR_INIT;

        if (size > SIZE_MAX_HERE)
                return 0;
        fd = file_of(bytes, size);
        read_all(fd);
        open_as_image(fd, false);
        open_as_image(fd, true);
        squashfs_super_read(fd, squashfs_launcher_skip(fd), size, &super, &e);
        ext3_super_check(fd, 0, size, &e);
        change(fd);
        return 0;
}
