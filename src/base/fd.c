#include "base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/path.h"
#include "base/text.h"
#include "sys/sys.h"

#define OPEN_TRIES 16 /* renames elsewhere make openat2 answer EAGAIN */
#define LINKS_MAX  40 /* as the kernel's own limit, path_resolution(7) */

int fd_open_in(int root, const char *path, int flags, mode_t mode)
{
        struct sys_open_how how = { .flags = (uint64_t) (unsigned) flags | O_CLOEXEC,
                                    .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
                                    .resolve = SYS_RESOLVE_IN_ROOT | SYS_RESOLVE_NO_MAGICLINKS };
        int fd = -EAGAIN;

        for (int i = 0; i < OPEN_TRIES && (fd == -EAGAIN || fd == -EINTR); i++)
                fd = sys_openat2(root, path, &how);
        if (fd == -ENOSYS || fd == -EPERM)
                return fd_open_in_walk(root, path, flags, mode);
        return fd;
}

/* The text still to be walked, with `link` in front of it; `tail` begins with the slash behind the link's
 * name, if any. */
static char *rest_after_link(const char *link, const char *tail)
{
        return text_format("%s%s", link, tail);
}

struct walk {
        int root;                /* borrowed */
        int stack[PATH_MAX / 2]; /* owned directories from the root down; ".." pops */
        size_t depth;
};

static void walk_done(struct walk *w)
{
        while (w->depth)
                close(w->stack[--w->depth]);
}

static int walk_here(const struct walk *w)
{
        return w->depth ? w->stack[w->depth - 1] : w->root;
}

static int walk_enter(struct walk *w, const char *name)
{
        int fd;

        if (strcmp(name, "..") == 0) {
                if (w->depth)
                        close(w->stack[--w->depth]);
                return 0;
        }
        if (w->depth == ARRAY_SIZE(w->stack))
                return -ENAMETOOLONG;
        fd = openat(walk_here(w), name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        w->stack[w->depth++] = fd;
        return 0;
}

int fd_open_in_walk(int root, const char *path, int flags, mode_t mode)
{
        _cleanup_free_ char *todo = text_dup(path);
        _cleanup_(walk_done) struct walk w = { .root = root };
        unsigned links = 0;

        for (;;) {
                char link[PATH_MAX], name[NAME_MAX + 1];
                const char *at = todo + strspn(todo, "/");
                size_t size = strcspn(at, "/");
                const char *rest = at + size + strspn(at + size, "/");
                bool last = *rest == '\0';
                ssize_t n = -1;
                int r;

                if (size > NAME_MAX)
                        return -ENAMETOOLONG;
                memcpy(name, at, size);
                name[size] = '\0';
                if (size == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
                        if (size && name[1] == '.')
                                walk_enter(&w, "..");
                        if (last) {
                                r = openat(walk_here(&w), ".", flags | O_CLOEXEC, mode);
                                return r < 0 ? -errno : r;
                        }
                } else {
                        if (!(last && (flags & O_NOFOLLOW) && at[size] != '/'))
                                n = readlinkat(walk_here(&w), name, link, sizeof(link) - 1);
                        if (n >= 0) {
                                char *more;

                                if (++links > LINKS_MAX)
                                        return -ELOOP;
                                link[n] = '\0';
                                if (link[0] == '/')
                                        walk_done(&w);
                                more = rest_after_link(link, at + size);
                                free(todo);
                                todo = more;
                                continue;
                        }
                        if (last) {
                                bool slash = at[size] == '/';

                                r = openat(walk_here(&w), name,
                                           flags | O_CLOEXEC | O_NOFOLLOW | (slash ? O_DIRECTORY : 0), mode);
                                return r < 0 ? -errno : r;
                        }
                        r = walk_enter(&w, name);
                        if (r < 0)
                                return r;
                }
                memmove(todo, rest, strlen(rest) + 1);
        }
}

int fd_mkdir_in(int root, const char *path, mode_t mode)
{
        _cleanup_free_ char *clean = path_clean(path);
        const char *at = clean + strspn(clean, "/");
        struct text done = TEXT_INIT;
        int r = 0;

        while (*at && r >= 0) {
                size_t size = strcspn(at, "/");
                int parent, fd;

                parent = fd_open_in(root, done.used ? done.at : ".", O_PATH | O_DIRECTORY, 0);
                if (parent < 0) {
                        r = parent;
                        break;
                }
                _cleanup_free_ char *name = text_dup_bytes(at, size);
                if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
                        r = -errno;
                close(parent);
                if (done.used)
                        text_add_char(&done, '/');
                text_add(&done, name);
                if (r == 0) {
                        fd = fd_open_in(root, done.at, O_PATH | O_DIRECTORY, 0);
                        r = fd < 0 ? fd : 0;
                        if (fd >= 0)
                                close(fd);
                }
                at += size;
                at += strspn(at, "/");
        }
        text_done(&done);
        return r;
}

int fd_reopen(int fd, int flags)
{
        char link[sizeof("/proc/self/fd/") + 12];
        int fresh;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        fresh = open(link, flags | O_CLOEXEC);
        return fresh < 0 ? -errno : fresh;
}

int fd_read_all(int fd, size_t limit, char **ret, size_t *ret_size)
{
        _cleanup_text_ struct text t = TEXT_INIT;
        struct stat status;
        char block[16384];

        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
            (uint64_t) status.st_size > limit)
                return -E2BIG;
        for (;;) {
                ssize_t n = read(fd, block, sizeof(block));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if ((size_t) n > limit - t.used)
                        return -E2BIG;
                text_add_bytes(&t, block, (size_t) n);
        }
        if (ret_size)
                *ret_size = t.used;
        *ret = text_take(&t);
        return 0;
}

int fd_read_file(int dir, const char *path, size_t limit, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        return fd_read_all(fd, limit, ret, ret_size);
}

int fd_write_all(int fd, const void *bytes, size_t size)
{
        const char *at = bytes;

        while (size) {
                ssize_t n = write(fd, at, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                at += n;
                size -= (size_t) n;
        }
        return 0;
}

int fd_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset)
{
        const char *at = bytes;

        while (size) {
                ssize_t n = pwrite(fd, at, size, (off_t) offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                at += n;
                offset += (uint64_t) n;
                size -= (size_t) n;
        }
        return 0;
}

int fd_pread_all(int fd, void *bytes, size_t size, uint64_t offset)
{
        char *at = bytes;

        if (offset > INT64_MAX || size > INT64_MAX - offset)
                return -EBADMSG;
        while (size) {
                ssize_t n = pread(fd, at, size, (off_t) offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EBADMSG;
                at += n;
                offset += (uint64_t) n;
                size -= (size_t) n;
        }
        return 0;
}

static int copy_by_hand(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t size)
{
        size_t block = 1 << 20;
        _cleanup_free_ char *bytes = text_realloc(NULL, block);

        while (size) {
                size_t n = size < block ? (size_t) size : block;
                int r = fd_pread_all(from, bytes, n, from_offset);

                if (r < 0)
                        return r;
                r = fd_pwrite_all(to, bytes, n, to_offset);
                if (r < 0)
                        return r;
                from_offset += n;
                to_offset += n;
                size -= n;
        }
        return 0;
}

int fd_copy(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t size)
{
        if (from_offset > INT64_MAX || to_offset > INT64_MAX || size > INT64_MAX - from_offset ||
            size > INT64_MAX - to_offset)
                return -EBADMSG;
        while (size) {
                off_t in = (off_t) from_offset, out = (off_t) to_offset;
                ssize_t n = copy_file_range(from, &in, to, &out, size, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return copy_by_hand(from, from_offset, to, to_offset, size);
                if (n == 0)
                        return copy_by_hand(from, from_offset, to, to_offset, size);
                from_offset += (uint64_t) n;
                to_offset += (uint64_t) n;
                size -= (uint64_t) n;
        }
        return 0;
}

int fd_dup_high(int fd)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        return copy < 0 ? -errno : copy;
}

int fd_fill_standard(void)
{
        int fd;

        do {
                fd = open("/dev/null", O_RDWR); /* these three are meant to survive exec */
                if (fd < 0)
                        return -errno;
        } while (fd <= 2);
        close(fd);
        return 0;
}

ssize_t fd_send(int socket, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
        union {
                char room[CMSG_SPACE(FD_SEND_MAX * sizeof(int))];
                struct cmsghdr header;
        } control = { 0 };
        struct iovec part = { .iov_base = (void *) (uintptr_t) bytes, .iov_len = size };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n;

        if (n_fds > FD_SEND_MAX)
                return -EINVAL;
        if (n_fds) {
                struct cmsghdr *header;

                message.msg_control = control.room;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
        }
        do {
                n = sendmsg(socket, &message, MSG_NOSIGNAL);
        } while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

ssize_t fd_receive(int socket, void *bytes, size_t size, int *fds, size_t *n_fds)
{
        union {
                char room[CMSG_SPACE(FD_SEND_MAX * sizeof(int))];
                struct cmsghdr header;
        } control = { 0 };
        struct iovec part = { .iov_base = bytes, .iov_len = size };
        struct msghdr message = { .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = control.room,
                                  .msg_controllen = sizeof(control.room) };
        ssize_t n;

        *n_fds = 0;
        do {
                n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
                size_t count;

                if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
                        continue;
                count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                if (count > FD_SEND_MAX)
                        count = FD_SEND_MAX;
                memcpy(fds, CMSG_DATA(h), count * sizeof(int));
                *n_fds = count;
        }
        return n;
}
