/* One to three layers, from storage to tree.  The first byte says how many, the next ones how many blocks of
 * 512 bytes each layer but the last one has.  Checksums of what looks like a tar header are made right first,
 * or nothing would get past them. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "oci/merge.h"

#define BLOCK      512
#define SIZE_MAX_  ((size_t) 64 << 10)
#define LAYERS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void mend_checksums(uint8_t *bytes, size_t size)
{
        for (; size >= BLOCK; bytes += BLOCK, size -= BLOCK) {
                unsigned sum = 0;
                char digits[8];

                if (memcmp(bytes + 257, "ustar", 5) != 0)
                        continue;
                memset(bytes + 148, ' ', 8);
                for (size_t i = 0; i < BLOCK; i++)
                        sum += bytes[i];
                snprintf(digits, sizeof(digits), "%06o", sum & 0777777);
                memcpy(bytes + 148, digits, 7);
        }
}

/* What must hold whatever the layers were. */
static int check_node(struct tree_node *node, void *user)
{
        const struct tree_inode *inode = node->inode;

        assert(node->name_size > 0 && node->name_size <= TAR_NAME_MAX);
        assert(!memchr(node->name, '/', node->name_size) && !memchr(node->name, '\0', node->name_size));
        assert(strcmp(node->name, ".") != 0 && strcmp(node->name, "..") != 0);
        assert(S_ISDIR(node->parent->inode->mode));
        assert(S_ISDIR(inode->mode) || strncmp(node->name, ".wh.", 4) != 0);
        assert(S_ISLNK(inode->mode) == (inode->link != NULL));
        assert(S_ISREG(inode->mode) || inode->size_bytes == 0);
        assert(inode->n_links >= 1 && (!S_ISDIR(inode->mode) || inode->n_links == 1));
        return S_ISDIR(inode->mode) ? tree_each(user, node, check_node, user) : 0;
}

static int read_data(const uint8_t *bytes, size_t size)
{
        _cleanup_tar_ struct tar *tar = NULL;
        const struct tar_entry *entry;
        const void *data;
        uint64_t offset;
        size_t n;
        int r = tar_open(&tar, stream_of_bytes(bytes, size), "layer", 0, NULL);

        while (r >= 0 && (r = tar_next(tar, &entry, NULL)) > 0) {
                uint64_t end = 0;

                while ((r = tar_data(tar, &data, &n, &offset, NULL)) > 0) {
                        assert(offset >= end && offset + n <= entry->size_bytes);
                        end = offset + n;
                }
        }
        return r;
}

static int apply(struct tree *t, const uint8_t *bytes, size_t size, uint32_t index)
{
        _cleanup_layer_list_ struct layer_list list = LAYER_LIST_INIT;
        _cleanup_tar_ struct tar *tar = NULL;
        struct err e = ERR_INIT;
        int r = tar_open(&tar, stream_of_bytes(bytes, size), "layer", 0, &e);

        if (r == 0)
                r = layer_list_read(&list, tar, "layer", &e);
        if (r == 0)
                r = merge_layer(t, &list, index, "layer", NULL, &e);
        assert(r == e.code && (r == 0) == (e.text[0] == '\0'));
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        _cleanup_tree_ struct tree *t = tree_new();
        uint8_t *copy = NULL;
        size_t n_layers, at;

        if (size == 0 || size > SIZE_MAX_)
                return 0;
        n_layers = bytes[0] % LAYERS_MAX + 1;
        if (size < n_layers)
                return 0;
        at = n_layers;
        for (uint32_t i = 0; i < n_layers; i++) {
                size_t n = size - at;

                if (i + 1 < n_layers && bytes[i + 1] * (size_t) BLOCK < n)
                        n = bytes[i + 1] * (size_t) BLOCK;
                free(copy);
                copy = malloc(n ? n : 1); /* its own allocation, so that reads beyond it are seen */
                if (n > 0)
                        memcpy(copy, bytes + at, n);
                mend_checksums(copy, n);
                read_data(copy, n);
                if (apply(t, copy, n, i) < 0)
                        break;
                at += n;
        }
        free(copy);
        tree_each(t, tree_root(t), check_node, t);
        return 0;
}
