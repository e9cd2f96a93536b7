#include "oci/layer_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/text.h"

#define CHUNK_SIZE ((size_t) 256 << 10)

struct layer_chunk {
        struct layer_chunk *next;
        size_t used, room;
        max_align_t bytes[];
};

/* Memory that lives as long as the list and does not move. */
static void *list_alloc(struct layer_list *list, size_t size)
{
        struct layer_chunk *c = list->chunks;
        uint8_t *place;

        size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
        if (!c || c->room - c->used < size) {
                size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

                c = text_realloc(NULL, sizeof(*c) + room);
                *c = (struct layer_chunk){ .next = list->chunks, .room = room };
                list->chunks = c;
        }
        place = (uint8_t *) c->bytes + c->used;
        c->used += size;
        list->bytes += size;
        return place;
}

static const void *list_copy(struct layer_list *list, const void *bytes, size_t size)
{
        void *copy = list_alloc(list, size);

        if (size > 0)
                memcpy(copy, bytes, size);
        return copy;
}

void layer_list_done(struct layer_list *list)
{
        for (struct layer_chunk *c = list->chunks, *next; c; c = next) {
                next = c->next;
                free(c);
        }
        free(list->at);
        *list = (struct layer_list) LAYER_LIST_INIT;
}

void layer_path_clean(const char *path, char *out)
{
        char *end = out;

        while (*path) {
                size_t size = strcspn(path, "/");

                if (size == 2 && path[0] == '.' && path[1] == '.') {
                        while (end > out && *--end != '/')
                                ;
                } else if (size > 0 && !(size == 1 && path[0] == '.')) {
                        if (end > out)
                                *end++ = '/';
                        memmove(end, path, size);
                        end += size;
                }
                path += size;
                path += strspn(path, "/");
        }
        *end = '\0';
}

static const char *list_path(struct layer_list *list, const char *path)
{
        char *clean = list_alloc(list, strlen(path) + 1);

        layer_path_clean(path, clean);
        return clean;
}

static const struct tar_xattr *list_xattrs(struct layer_list *list, const struct tar_entry *en)
{
        struct tar_xattr *copy;

        if (en->n_xattrs == 0)
                return NULL;
        copy = list_alloc(list, en->n_xattrs * sizeof(*copy));
        for (size_t i = 0; i < en->n_xattrs; i++) {
                const struct tar_xattr *x = &en->xattrs[i];

                copy[i] = (struct tar_xattr){ .name = list_copy(list, x->name, strlen(x->name) + 1),
                                              .value = list_copy(list, x->value, x->value_size),
                                              .value_size = x->value_size };
        }
        return copy;
}

static void list_add(struct layer_list *list, const struct tar_entry *en)
{
        struct layer_record *r;

        if (list->n == list->room) {
                list->room = list->room ? list->room * 2 : 256;
                list->at = text_realloc(list->at, list->room * sizeof(*list->at));
        }
        r = &list->at[list->n++];
        *r = (struct layer_record){ .type = en->type,
                                    .permissions = en->permissions,
                                    .uid = en->uid,
                                    .gid = en->gid,
                                    .mtime = en->mtime,
                                    .size_bytes = en->size_bytes,
                                    .major = en->major,
                                    .minor = en->minor,
                                    .path = list_path(list, en->path),
                                    .xattrs = list_xattrs(list, en),
                                    .n_xattrs = en->n_xattrs };
        if (en->type == TAR_HARDLINK)
                r->link = list_path(list, en->link);
        else if (en->link)
                r->link = list_copy(list, en->link, strlen(en->link) + 1);
}

int layer_list_read(struct layer_list *list, struct tar *tar, const char *what, struct err *e)
{
        const struct tar_entry *entry;
        int r;

        while ((r = tar_next(tar, &entry, e)) > 0) {
                list_add(list, entry);
                if (list->bytes > LAYER_LIST_BYTES_MAX)
                        return err_set(e, -E2BIG, "%s: names and attributes of more than %llu bytes", what,
                                       (unsigned long long) LAYER_LIST_BYTES_MAX);
        }
        return r < 0 ? r : tar_finish(tar, e);
}
