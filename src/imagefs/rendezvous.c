#include "imagefs/rendezvous.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "imagefs/protocol.h"

/* /proc/self/cgroup: at most a dozen lines of version 1; a longer file is cut, which only costs sharing less
 * exactly. */
#define CGROUP_FILE_MAX 4096

/* FNV-1a, 64 bits.  Not against adversaries: the name is only met by processes of the same user. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
        const unsigned char *at = bytes;

        for (size_t i = 0; i < size; i++)
                // NOLINTNEXTLINE(*UndefinedBinaryOperatorResult): numbers are bytes, too
                hash = (hash ^ at[i]) * 0x100000001b3U;
        return hash;
}

size_t rendezvous_cgroup_size(const char *line, size_t size)
{
        const char *task = memmem(line, size, "/task_", 6);

        return task ? (size_t) (task - line) : size;
}

static uint64_t cgroup_hash(void)
{
        uint64_t hash = 0xcbf29ce484222325U;
        char text[CGROUP_FILE_MAX];
        ssize_t size;
        _cleanup_close_ int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return hash;
        size = read(fd, text, sizeof(text));
        for (ssize_t at = 0; at < size;) {
                char *end = memchr(text + at, '\n', (size_t) (size - at));
                size_t line = end ? (size_t) (end - text) - (size_t) at : (size_t) (size - at);

                hash = hash_bytes(hash, text + at, rendezvous_cgroup_size(text + at, line));
                hash = hash_bytes(hash, "\n", 1);
                at += (ssize_t) line + 1;
        }
        return hash;
}

/* Appends "-" and the number in base 36, which fits 64 bits into 13 digits: the name has 107 bytes. */
static void add_number(char **at, uint64_t number)
{
        char digits[16];
        int n = 0;

        do {
                digits[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
                number /= 36;
        } while (number);
        *(*at)++ = '-';
        while (n)
                *(*at)++ = digits[--n];
}

static uint64_t nanoseconds(const struct timespec *t)
{
        return (uint64_t) t->tv_sec * 1000000000U + (uint64_t) t->tv_nsec;
}

int rendezvous_name(const struct imagefs_request *request, struct sockaddr_un *ret, socklen_t *ret_size,
                    struct err *e)
{
        struct stat image, userns;
        char name[256], *at = name;
        size_t size;

        if (fstat(request->image_fd, &image) < 0)
                return err_errno(e, -errno, "stat of the image");
        if (stat("/proc/self/ns/user", &userns) < 0)
                memset(&userns, 0, sizeof(userns)); /* no user namespaces: the server will say so */
        at += snprintf(at, 32, "imagefs%d", IMAGEFS_PROTOCOL);
        add_number(&at, geteuid());
        add_number(&at, image.st_dev);
        add_number(&at, image.st_ino);
        add_number(&at, (uint64_t) image.st_size);
        add_number(&at, nanoseconds(&image.st_mtim));
        add_number(&at, request->offset);
        /* What differs seldom goes into one number, to leave room for the rest. */
        uint64_t rest[] = { nanoseconds(&image.st_ctim),
                            request->size,
                            request->ids,
                            userns.st_dev,
                            userns.st_ino,
                            cgroup_hash(),
                            request->unpack_in ? hash_bytes(0, request->unpack_in, strlen(request->unpack_in))
                                               : 0 };
        add_number(&at, hash_bytes(0xcbf29ce484222325U, rest, sizeof(rest)));
        size = (size_t) (at - name);
        if (size > sizeof(ret->sun_path) - 1)
                return err_set(e, -ENAMETOOLONG, "the image server's socket name is too long");
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path + 1, name, size);
        *ret_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + size);
        return 0;
}
