/* Opens the input as an image and walks all of it: every directory, inode, link, attribute and block, with
 * bounds on the work, since an image may refer to the same things again and again. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/squashfs_reader.h"

#define INPUT_MAX   (1U << 20)
#define INODES_MAX  300
#define ENTRIES_MAX 3000
#define BLOCKS_MAX  8 /* of one file */
#define DEPTH_MAX   12

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct walk {
        struct squashfs_reader *reader;
        unsigned n_inodes, n_entries, depth;
        uint64_t resume; /* a place that an entry claimed to be behind it */
};

static void walk_inode(struct walk *w, uint64_t reference);

static int visit_entry(const struct squashfs_entry *entry, void *user)
{
        struct walk *w = user;

        if (w->n_entries++ >= ENTRIES_MAX || entry->name_size == 0 || entry->name_size > SQUASHFS_NAME_MAX)
                return 1;
        w->resume = entry->next;
        if (w->depth < DEPTH_MAX)
                walk_inode(w, entry->reference);
        return 0;
}

static int stop(const struct squashfs_entry *entry, void *user)
{
        (void) entry;
        (void) user;
        return 1;
}

static int visit_xattr(const char *name, const void *value, size_t size, void *user)
{
        volatile uint8_t sum = (uint8_t) name[0];

        (void) user;
        for (size_t i = 0; i < size; i++)
                sum = (uint8_t) (sum + ((const uint8_t *) value)[i]);
        return 0;
}

static void read_blocks(struct walk *w, struct squashfs_inode *inode)
{
        uint64_t n = squashfs_file_n_blocks(inode);
        static char part[5000];

        for (uint64_t i = 0; i < n; i++) {
                struct squashfs_block block;

                if (i == BLOCKS_MAX)
                        i = n - 1; /* and the last, behind all marks */
                squashfs_file_block(w->reader, inode, i, &block, NULL);
        }
        if (n)
                squashfs_file_read(w->reader, inode, 100, part, sizeof(part), NULL);
}

static void walk_inode(struct walk *w, uint64_t reference)
{
        struct squashfs_inode *inode;
        struct stat status;

        if (w->n_inodes++ >= INODES_MAX || squashfs_inode_read(w->reader, reference, &inode, NULL) < 0)
                return;
        squashfs_inode_stat(inode, &status);
        w->depth++;
        squashfs_xattrs_read(w->reader, inode, visit_xattr, NULL, NULL);
        if (S_ISDIR(status.st_mode)) {
                uint64_t found;

                w->resume = 0;
                squashfs_directory_read(w->reader, inode, 0, visit_entry, w, NULL);
                squashfs_directory_read(w->reader, inode, w->resume, stop, NULL, NULL);
                squashfs_directory_read(w->reader, inode, reference, stop, NULL, NULL);
                squashfs_directory_find(w->reader, inode, "name", 4, &found, NULL);
                squashfs_directory_find(w->reader, inode, "zz", 2, &found, NULL);
        } else if (S_ISREG(status.st_mode)) {
                read_blocks(w, inode);
        }
        w->depth--;
        squashfs_inode_free(inode);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct walk w = { 0 };
        int fd;

        if (size > INPUT_MAX)
                return 0;
        fd = memfd_create("image", MFD_CLOEXEC);
        if (fd < 0 || write(fd, bytes, size) != (ssize_t) size)
                abort();
        if (squashfs_reader_new(&w.reader, fd, 0, size, NULL) == 0) {
                struct squashfs_reader *clone;

                walk_inode(&w, squashfs_reader_super(w.reader)->root_inode);
                if (squashfs_reader_clone(&clone, w.reader, NULL) == 0)
                        squashfs_reader_free(clone);
                squashfs_reader_free(w.reader);
        }
        close(fd);
        return 0;
}
