/* Packs a directory into a squashfs through the tree and the writer, for the interop tests and the bench.
 *
 *   squashfs_pack DIRECTORY TARGET [OFFSET [MKSQUASHFS-ARGS]]
 *
 * Content goes in by the order of names.  What was asked for and what it cost is told on standard output. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/num.h"
#include "base/text.h"
#include "image/squashfs_writer.h"

#define READ_SIZE  (256 * 1024)
#define LINKS_ROOM 4096

/* A node by the file it came from, so that further links to it are found. */
struct seen {
        dev_t dev;
        ino_t ino;
        struct tree_node *node;
        struct seen *next;
};

struct pack {
        struct tree *tree;
        struct squashfs_writer *writer;
        struct seen *seen[LINKS_ROOM];
        char *buffer;
        struct err e;
};

static void die(const char *what, const char *path)
{
        fprintf(stderr, "squashfs_pack: %s %s: %s\n", what, path, strerror(errno));
        exit(1);
}

static void die_err(const struct err *e)
{
        fprintf(stderr, "squashfs_pack: %s\n", e->text);
        exit(1);
}

static void add_xattrs(struct tree_inode *inode, const char *path)
{
        char names[65536], value[65536];
        ssize_t size = llistxattr(path, names, sizeof(names));

        for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
                ssize_t n = lgetxattr(path, name, value, sizeof(value));

                if (n < 0)
                        die("lgetxattr", path);
                tree_xattr_set(inode, name, value, (size_t) n);
        }
}

static void fill_inode(struct tree_inode *inode, const struct stat *st, const char *path)
{
        inode->uid = st->st_uid;
        inode->gid = st->st_gid;
        inode->mtime = st->st_mtime;
        inode->rdev = st->st_rdev;
        if (S_ISREG(st->st_mode))
                inode->size_bytes = (uint64_t) st->st_size;
        if (S_ISLNK(st->st_mode)) {
                inode->link = text_alloc((size_t) st->st_size + 1);
                if (readlink(path, inode->link, (size_t) st->st_size) != st->st_size)
                        die("readlink", path);
        }
        add_xattrs(inode, path);
}

static struct tree_node *find_seen(struct pack *p, const struct stat *st)
{
        struct seen *s = p->seen[st->st_ino % LINKS_ROOM];

        while (s && (s->dev != st->st_dev || s->ino != st->st_ino))
                s = s->next;
        return s ? s->node : NULL;
}

static void remember(struct pack *p, const struct stat *st, struct tree_node *node)
{
        struct seen *s = text_alloc(sizeof(*s));

        *s = (struct seen){ st->st_dev, st->st_ino, node, p->seen[st->st_ino % LINKS_ROOM] };
        p->seen[st->st_ino % LINKS_ROOM] = s;
}

static void scan(struct pack *p, struct tree_node *dir, const char *path)
{
        _cleanup_closedir_ DIR *stream = opendir(path);

        if (!stream)
                die("opendir", path);
        for (struct dirent *entry; (entry = readdir(stream));) {
                _cleanup_free_ char *child = text_format("%s/%s", path, entry->d_name);
                struct tree_node *node;
                struct stat st;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (lstat(child, &st) < 0)
                        die("lstat", child);
                node = st.st_nlink > 1 && !S_ISDIR(st.st_mode) ? find_seen(p, &st) : NULL;
                if (node) {
                        tree_add_link(p->tree, dir, entry->d_name, strlen(entry->d_name), node);
                        continue;
                }
                node = tree_add(p->tree, dir, entry->d_name, strlen(entry->d_name), st.st_mode);
                fill_inode(node->inode, &st, child);
                if (S_ISDIR(st.st_mode))
                        scan(p, node, child);
                else if (st.st_nlink > 1)
                        remember(p, &st, node);
        }
}

static void write_content(struct pack *p, struct tree_node *node)
{
        _cleanup_free_ char *path = tree_path(node);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;
        int r;

        if (fd < 0)
                die("open", path);
        r = squashfs_writer_file_begin(p->writer, node->inode, &p->e);
        while (r == 0 && (n = read(fd, p->buffer, READ_SIZE)) != 0) {
                if (n < 0)
                        die("read", path);
                r = squashfs_writer_file_data(p->writer, p->buffer, (size_t) n, &p->e);
        }
        if (r == 0)
                r = squashfs_writer_file_end(p->writer, &p->e);
        if (r < 0)
                die_err(&p->e);
}

static int visit(struct tree_node *node, void *user)
{
        struct pack *p = user;

        if (S_ISDIR(node->inode->mode))
                return tree_each(p->tree, node, visit, p);
        if (S_ISREG(node->inode->mode) && node->inode->size_bytes > 0 && !node->inode->marked) {
                node->inode->marked = true;
                write_content(p, node);
        }
        return 0;
}

static void free_seen(struct pack *p)
{
        for (size_t i = 0; i < LINKS_ROOM; i++) {
                for (struct seen *s = p->seen[i], *next; s; s = next) {
                        next = s->next;
                        free(s);
                }
        }
}

static double seconds_since(const struct timespec *start)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) (now.tv_sec - start->tv_sec) + (double) (now.tv_nsec - start->tv_nsec) / 1e9;
}

static void tell(uint64_t size, const struct timespec *start)
{
        struct rusage use;

        getrusage(RUSAGE_SELF, &use);
        printf("%llu bytes, %.2f s wall, %.2f s user, %.2f s system, %ld KiB of memory at most\n",
               (unsigned long long) size, seconds_since(start),
               (double) use.ru_utime.tv_sec + (double) use.ru_utime.tv_usec / 1e6,
               (double) use.ru_stime.tv_sec + (double) use.ru_stime.tv_usec / 1e6, use.ru_maxrss);
}

int main(int argc, char **argv)
{
        struct squashfs_options options = SQUASHFS_OPTIONS_INIT;
        struct pack p = { .e = ERR_INIT, .tree = tree_new(), .buffer = text_alloc(READ_SIZE) };
        struct timespec start;
        struct stat st;
        uint64_t offset = 0, size = 0;
        int fd;

        if (argc < 3 || (argc > 3 && num_u64(argv[3], 10, 0, INT64_MAX, &offset) < 0)) {
                fprintf(stderr, "usage: squashfs_pack DIRECTORY TARGET [OFFSET [MKSQUASHFS-ARGS]]\n");
                return 2;
        }
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (argc > 4 && squashfs_options_parse(&options, argv[4], &p.e) < 0)
                die_err(&p.e);
        fd = open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
                die("open", argv[2]);
        if (chdir(argv[1]) < 0 || lstat(".", &st) < 0)
                die("chdir", argv[1]);
        tree_root(p.tree)->inode->mode = st.st_mode;
        fill_inode(tree_root(p.tree)->inode, &st, ".");
        scan(&p, tree_root(p.tree), ".");
        if (squashfs_writer_new(&p.writer, fd, offset, &options, &p.e) < 0)
                die_err(&p.e);
        tree_each(p.tree, tree_root(p.tree), visit, &p);
        if (squashfs_writer_finish(p.writer, p.tree, &size, &p.e) < 0)
                die_err(&p.e);
        tell(size, &start);
        squashfs_writer_free(p.writer);
        tree_free(p.tree);
        free_seen(&p);
        free(p.buffer);
        close(fd);
        return 0;
}
