#include "run/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
        uint32_t fd;
        uint32_t block_size;
        struct loop_info64 info;
        uint64_t __reserved[8];
};
#endif

/* Another process takes the device between our asking for its number and attaching to it: with 64 starts at
 * once each loses 63 times at most. */
#define ATTACH_TRIES 256

/* Before LOOP_CONFIGURE: two calls; on failure of the second the device is given back. */
static int configure_classic(int device, const struct loop_config *config)
{
        if (ioctl(device, LOOP_SET_FD, (int) config->fd) < 0)
                return -errno;
        for (int i = 0; i < ATTACH_TRIES; i++) {
                if (ioctl(device, LOOP_SET_STATUS64, &config->info) == 0)
                        return 0;
                if (errno != EAGAIN)
                        break;
        }
        int r = -errno;

        ioctl(device, LOOP_CLR_FD);
        return r;
}

static int configure(int device, const struct loop_config *config)
{
        if (ioctl(device, LOOP_CONFIGURE, config) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOTTY && errno != ENOSYS)
                return -errno;
        return configure_classic(device, config);
}

static int try_free_device(int control, const struct loop_config *config, unsigned most, struct err *e)
{
        _cleanup_close_ int device = -EBADF;
        char path[32];
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        int r;

        if (number < 0)
                return err_errno(e, -errno, "asking for a free loop device");
        if ((unsigned) number >= most)
                return err_set(e, -ENOSPC, "all %u loop devices that the site allows are in use", most);
        snprintf(path, sizeof(path), "/dev/loop%d", number);
        device = open(path, (config->info.lo_flags & LO_FLAGS_READ_ONLY ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (device < 0)
                return err_errno(e, -errno, "opening %s", path);
        r = configure(device, config);
        if (r < 0)
                return err_errno(e, r, "attaching the image to %s", path);
        return fd_take(&device);
}

int loop_attach(int file, uint64_t offset, uint64_t size, bool writable, unsigned most, struct err *e)
{
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        struct loop_config config = {
                .fd = (uint32_t) file,
                .info = { .lo_offset = offset,
                          .lo_sizelimit = size,
                          .lo_flags = LO_FLAGS_AUTOCLEAR | (writable ? 0u : LO_FLAGS_READ_ONLY) },
        };
        int r = -EBUSY;

        if (control < 0)
                return err_errno(e, -errno, "opening /dev/loop-control");
        for (int i = 0; i < ATTACH_TRIES && (r == -EBUSY || r == -EAGAIN); i++)
                r = try_free_device(control, &config, most, e);
        return r;
}

int loop_mount(int loop, const char *type, const char *options, unsigned flags, struct mount_tree *tree,
               struct err *e)
{
        struct loop_info64 info = { 0 };
        char path[sizeof(tree->device)];
        int r;

        /* Not the descriptor's own name: it was opened in another mount namespace, from where the name that
         * /proc has for it may lead elsewhere. */
        if (ioctl(loop, LOOP_GET_STATUS64, &info) < 0)
                return err_errno(e, -errno, "loop device");
        snprintf(path, sizeof(path), "/dev/loop%u", info.lo_number);
        r = mount_new(tree, type, path, options, flags, e);
        if (r >= 0 && tree->classic) {
                memcpy(tree->device, path, sizeof(path));
                tree->source = NULL;
        }
        return r;
}
