#include "imagefs/server_warm.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clean.h"

#define LINKS_MAX 16

/* %s: the machine's name, as uname(2) has it.  Source: file system hierarchies of the distributions. */
static const char *const needed_first[] = {
        /* What the start itself reads; small files share a block. */
        "etc/passwd",
        "etc/group",
        ".singularity.d/env/90-environment.sh",
        ".singularity.d/env/99-base.sh",
        /* What the program reads. */
        "lib64/ld-linux-x86-64.so.2",
        "lib/ld-linux-aarch64.so.1",
        "lib/%s-linux-gnu/libc.so.6", /* Debian and what comes from it */
        "lib64/libc.so.6",            /* Fedora, SUSE and what comes from them */
        "lib/ld-musl-%s.so.1",        /* Alpine: the C library is the linker */
        "bin/sh",
};

struct warm {
        struct data *data;
        const struct squashfs_reader *reader;
};

/* Puts `target` in place of the first `n` bytes of `path`, which name a link below the directory in the first
 * `parent` bytes. */
static int replace_link(char *path, size_t parent, size_t n, const char *target)
{
        char rest[PATH_MAX];
        int length;

        memcpy(rest, path + n, strlen(path + n) + 1);
        if (*target == '/')
                parent = 0;
        length = snprintf(path + parent, PATH_MAX - parent, "/%s%s", target, rest);
        return length < 0 || (size_t) length >= PATH_MAX - parent ? -ENAMETOOLONG : 0;
}

/* Takes ".." of a walked path away: `at` is where the name begins, ret where the walk goes on. */
static size_t step_up(char *path, size_t at, size_t name_size)
{
        size_t parent = at;

        while (parent && path[parent - 1] == '/')
                parent--;
        while (parent && path[parent - 1] != '/')
                parent--;
        memmove(path + parent, path + at + name_size, strlen(path + at + name_size) + 1);
        return parent;
}

int warm_find(struct squashfs_reader *reader, const char *path, uint64_t *ret_reference)
{
        char rest[PATH_MAX];
        size_t at = 0;

        if (snprintf(rest, sizeof(rest), "%s", path) >= (int) sizeof(rest))
                return -ENAMETOOLONG;
        for (unsigned n_links = 0; n_links < LINKS_MAX;) {
                struct squashfs_inode *inode;
                size_t end, start;
                uint64_t reference;
                char after;
                int r;

                start = at + strspn(rest + at, "/");
                end = start + strcspn(rest + start, "/");
                if (start == end)
                        return squashfs_path_find(reader, rest, ret_reference, NULL);
                if (end - start == 2 && memcmp(rest + start, "..", 2) == 0) {
                        at = step_up(rest, start, 2);
                        continue;
                }
                after = rest[end];
                rest[end] = '\0';
                r = squashfs_path_find(reader, rest, &reference, NULL);
                rest[end] = after;
                if (r == 0)
                        r = squashfs_inode_read(reader, reference, &inode, NULL);
                if (r != 0)
                        return r;
                if (squashfs_inode_link(inode)) {
                        n_links++;
                        r = replace_link(rest, at, end, squashfs_inode_link(inode));
                        at = squashfs_inode_link(inode)[0] == '/' ? 0 : at;
                } else {
                        at = end;
                }
                squashfs_inode_free(inode);
                if (r < 0)
                        return r;
        }
        return -ELOOP;
}

static void *warm_run(void *user)
{
        struct warm *w = user;
        struct squashfs_reader *reader;
        struct utsname machine;
        char path[256];

        if (uname(&machine) == 0 && squashfs_reader_clone(&reader, w->reader, NULL) == 0) {
                for (size_t i = 0; i < ARRAY_SIZE(needed_first); i++) {
                        uint64_t reference;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                        snprintf(path, sizeof(path), needed_first[i], machine.machine);
#pragma GCC diagnostic pop
                        if (warm_find(reader, path, &reference) == 0)
                                data_load(w->data, reader, reference);
                }
                squashfs_reader_free(reader);
        }
        free(w);
        return NULL;
}

void warm_start(struct data *data, const struct squashfs_reader *reader, unsigned n_processors)
{
        struct warm *w = n_processors > 1 ? malloc(sizeof(*w)) : NULL;
        pthread_attr_t attributes;
        pthread_t thread;

        if (!w)
                return;
        *w = (struct warm){ .data = data, .reader = reader };
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, DATA_STACK_BYTES);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attributes, warm_run, w) != 0)
                free(w);
        pthread_attr_destroy(&attributes);
}
