/* What the handlers of `sif` commands share. */
#include "cmd/sif_options.h"

#include <fcntl.h>
#include <string.h>

#include "base/clean.h"
#include "base/num.h"

int sif_open_path(const char *path, bool writable, struct sif *s, int *ret_fd, struct err *e)
{
        /* Without blocking, should it be a pipe; nothing but a regular file is accepted. */
        _cleanup_close_ int fd =
                open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        int r;

        if (fd < 0)
                return err_errno(e, -errno, "open %s", path);
        r = sif_open(s, fd, writable, e);
        if (r < 0)
                return err_ctx(e, r, "%s", path);
        *ret_fd = fd_take(&fd);
        return 0;
}

int sif_parse_id(const char *text, uint32_t *ret, struct err *e)
{
        uint64_t id;
        int r = num_u64(text, 10, 0, UINT32_MAX, &id);

        if (r < 0)
                return err_set(e, r, "while converting id: \"%s\" is not a number from 1 to %u", text,
                               UINT32_MAX);
        *ret = (uint32_t) id;
        return 0;
}
