/* Prints a file tree as text, one line per name, so that trees can be compared with diff:
 *
 *   tree-text oci REFERENCE    the merged layers of an image, as the program under test sees them
 *   tree-text dir DIRECTORY    a directory on disk, for instance what umoci has unpacked
 *
 *   PATH TYPE MODE UID:GID SIZE MTIME [-> TARGET] [= FIRST NAME] [XATTR=HEX…] [sha256:…]
 *
 * "= NAME" marks a hard link by the first name of its inode.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/text.h"
#include "image/tree.h"
#include "oci/convert.h"

#define XATTRS_MAX 65536

/* --- a directory on disk as a tree --------------------------------------------------------------------- */

struct seen { /* an inode with several names */
        dev_t device;
        ino_t inode;
        struct tree_node *node;
};

static struct seen *seen;
static size_t n_seen;

static void die(const char *what)
{
        perror(what);
        exit(1);
}

static void scan_xattrs(const char *path, struct tree_inode *inode)
{
        char *names = text_alloc(XATTRS_MAX), *value = text_alloc(XATTRS_MAX);
        ssize_t size = llistxattr(path, names, XATTRS_MAX);

        for (char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
                ssize_t n = lgetxattr(path, name, value, XATTRS_MAX);

                if (n >= 0)
                        tree_xattr_set(inode, name, value, (size_t) n);
        }
        free(names);
        free(value);
}

static void fill_inode(const char *path, const struct stat *st, struct tree_inode *inode)
{
        inode->mode = st->st_mode;
        inode->uid = st->st_uid;
        inode->gid = st->st_gid;
        inode->mtime = st->st_mtime;
        inode->rdev = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? st->st_rdev : 0;
        inode->size_bytes = S_ISREG(st->st_mode) ? (uint64_t) st->st_size : 0;
        if (S_ISLNK(st->st_mode)) {
                char target[4096];
                ssize_t n = readlink(path, target, sizeof(target) - 1);

                if (n < 0)
                        die(path);
                target[n] = '\0';
                inode->link = text_dup(target);
        }
        scan_xattrs(path, inode);
}

static void hash_file(const char *path, struct tree_inode *inode)
{
        struct digest *d = digest_new();
        uint8_t buffer[65536], *result = text_alloc(DIGEST_SIZE);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                die(path);
        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                digest_add(d, buffer, (size_t) n);
        close(fd);
        digest_end(d, result);
        digest_free(d);
        inode->bytes = result;
}

static void scan(struct tree *t, struct tree_node *node, const char *path);

static void scan_child(struct tree *t, struct tree_node *dir, const char *parent, const char *name)
{
        char *path = text_format("%s/%s", parent, name);
        struct tree_node *node = NULL;
        struct stat st;

        if (lstat(path, &st) < 0)
                die(path);
        for (size_t i = 0; i < n_seen && st.st_nlink > 1 && !S_ISDIR(st.st_mode); i++)
                if (seen[i].device == st.st_dev && seen[i].inode == st.st_ino)
                        node = tree_add_link(t, dir, name, strlen(name), seen[i].node);
        if (!node) {
                node = tree_add(t, dir, name, strlen(name), st.st_mode);
                fill_inode(path, &st, node->inode);
                if (S_ISREG(st.st_mode) && st.st_size > 0)
                        hash_file(path, node->inode);
                seen = text_realloc(seen, (n_seen + 1) * sizeof(*seen));
                if (st.st_nlink > 1 && !S_ISDIR(st.st_mode))
                        seen[n_seen++] = (struct seen){ st.st_dev, st.st_ino, node };
        }
        if (S_ISDIR(st.st_mode))
                scan(t, node, path);
        free(path);
}

static void scan(struct tree *t, struct tree_node *node, const char *path)
{
        DIR *dir = opendir(path);

        if (!dir)
                die(path);
        for (struct dirent *entry; (entry = readdir(dir));)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        scan_child(t, node, path, entry->d_name);
        closedir(dir);
}

/* --- an image as a tree --------------------------------------------------------------------------------- */

/* Content ends as its digest in inode->bytes. */
static struct digest *running;
static struct tree_inode *running_inode;

static int begin(void *user, struct tree_inode *inode, struct err *e)
{
        (void) user;
        (void) e;
        running = digest_new();
        running_inode = inode;
        return 0;
}

static int data(void *user, const void *bytes, size_t size, struct err *e)
{
        (void) user;
        (void) e;
        digest_add(running, bytes, size);
        return 0;
}

static int end(void *user, struct err *e)
{
        (void) user;
        (void) e;
        running_inode->bytes = text_alloc(DIGEST_SIZE);
        digest_end(running, running_inode->bytes);
        digest_free(running);
        return 0;
}

static void say(enum log_level level, const char *text, void *user)
{
        (void) user;
        fprintf(stderr, "note %d: %s\n", (int) level, text);
}

static int read_image(struct tree *t, const char *text)
{
        _cleanup_oci_reference_ struct oci_reference reference = OCI_REFERENCE_INIT;
        _cleanup_oci_image_ struct oci_image *image = NULL;
        const struct content_sink sink = { .begin = begin, .data = data, .end = end };
        const struct notes notes = { .say = say };
        const struct oci_platform platform = oci_platform_host();
        struct err e = ERR_INIT;

        if (oci_reference_parse(&reference, text, &e) < 0 ||
            oci_image_open(&image, &reference, &platform, &notes, &e) < 0 ||
            oci_image_merge(image, t, &notes, NULL, &e) < 0 ||
            oci_image_content(image, t, &sink, NULL, &e) < 0) {
                fprintf(stderr, "%s\n%s\n", e.text, e.hint);
                return 1;
        }
        return 0;
}

/* --- printing ------------------------------------------------------------------------------------------- */

struct named {
        const struct tree_inode *inode;
        char *path;
};

static struct named *named;
static size_t n_named;
static struct tree *printed;

static void print_text(const char *text)
{
        for (const char *at = text; *at; at++) {
                if (*at <= ' ' || *at == '\\' || *at >= 127)
                        printf("\\%03o", (unsigned char) *at);
                else
                        putchar(*at);
        }
}

static void print_xattrs(const struct tree_inode *inode)
{
        char *lines[256];
        size_t n = 0;

        for (const struct tree_xattr *x = inode->xattrs; x && n < ARRAY_SIZE(lines); x = x->next) {
                struct text line = TEXT_INIT;

                text_printf(&line, " %s=", x->name);
                for (size_t i = 0; i < x->value_size; i++)
                        text_printf(&line, "%02x", x->value[i]);
                lines[n++] = text_take(&line);
        }
        for (size_t i = 0; i < n; i++)
                for (size_t k = i + 1; k < n; k++)
                        if (strcmp(lines[i], lines[k]) > 0) {
                                char *swap = lines[i];

                                lines[i] = lines[k];
                                lines[k] = swap;
                        }
        for (size_t i = 0; i < n; i++) {
                fputs(lines[i], stdout);
                free(lines[i]);
        }
}

static void print_inode(const struct tree_inode *inode)
{
        static const char types[16] = "?pc?d?b?-?l?s???";

        printf(" %c %04o %u:%u", types[inode->mode >> 12 & 15], inode->mode & 07777, inode->uid, inode->gid);
        if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
                printf(" %u,%u", major(inode->rdev), minor(inode->rdev));
        else
                printf(" %llu", (unsigned long long) inode->size_bytes);
        printf(" %lld", (long long) inode->mtime);
        if (inode->link) {
                printf(" -> ");
                print_text(inode->link);
        }
}

static int print_node(struct tree_node *node, void *user)
{
        struct tree_inode *inode = node->inode;
        char *path = tree_path(node);
        char digest[DIGEST_TEXT_SIZE];

        (void) user;
        putchar('/');
        print_text(path);
        print_inode(inode);
        for (size_t i = 0; i < n_named; i++)
                if (named[i].inode == inode) {
                        printf(" = /");
                        print_text(named[i].path);
                        break;
                }
        print_xattrs(inode);
        if (inode->bytes) {
                digest_format(inode->bytes, digest);
                printf(" %s", digest);
        }
        putchar('\n');
        if (inode->n_links > 1 && !S_ISDIR(inode->mode)) {
                named = text_realloc(named, (n_named + 1) * sizeof(*named));
                named[n_named++] = (struct named){ inode, path };
        } else {
                free(path);
        }
        return S_ISDIR(inode->mode) ? tree_each(printed, node, print_node, NULL) : 0;
}

int main(int argc, char **argv)
{
        struct tree *t = tree_new();
        struct stat st;

        if (argc != 3 || (strcmp(argv[1], "oci") != 0 && strcmp(argv[1], "dir") != 0)) {
                fprintf(stderr, "usage: tree-text oci REFERENCE | dir DIRECTORY\n");
                return 2;
        }
        if (strcmp(argv[1], "oci") == 0) {
                if (read_image(t, argv[2]) != 0)
                        return 1;
        } else {
                if (stat(argv[2], &st) < 0)
                        die(argv[2]);
                fill_inode(argv[2], &st, tree_root(t)->inode);
                scan(t, tree_root(t), argv[2]);
        }
        printed = t;
        print_node(tree_root(t), NULL);
        tree_free(t);
        return 0;
}
