#include "oci/test_pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/digest.h"
#include "oci/tar_builder.h"

static la_ssize_t append(struct archive *a, void *user, const void *bytes, size_t size)
{
        (void) a;
        text_add_bytes(user, bytes, size);
        return (la_ssize_t) size;
}

void pack_bytes(int filter, const void *bytes, size_t size, struct text *out)
{
        struct archive *a = archive_write_new();
        struct archive_entry *entry = archive_entry_new();

        archive_write_add_filter(a, filter);
        archive_write_set_format_raw(a);
        archive_write_set_bytes_per_block(a, 0);
        archive_write_open(a, out, NULL, append, NULL);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_write_header(a, entry);
        if (size > 0 && archive_write_data(a, bytes, size) != (la_ssize_t) size)
                abort();
        archive_entry_free(entry);
        archive_write_close(a);
        archive_write_free(a);
}

void pack_sample(size_t size, unsigned seed, struct text *out)
{
        uint64_t state = seed + 1;

        while (size-- > 0) {
                uint64_t mixed = (state += 0x9e3779b97f4a7c15u); /* splitmix64 */

                mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
                mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
                text_add_char(out, (char) (mixed % 3 ? 'a' + (mixed >> 20) % 5 : mixed >> 40));
        }
}

/* --- files -------------------------------------------------------------------------------------------- */

void pack_done(struct pack *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->files[i].name);
                free(p->files[i].link);
                text_done(&p->files[i].bytes);
        }
        free(p->files);
        *p = (struct pack){ .n = 0 };
}

void pack_add(struct pack *p, const char *name, const void *bytes, size_t size)
{
        p->files = text_realloc(p->files, (p->n + 1) * sizeof(*p->files));
        p->files[p->n] = (struct pack_file){ .name = text_dup(name), .bytes = TEXT_INIT };
        text_add_bytes(&p->files[p->n].bytes, bytes, size);
        p->n++;
}

void pack_add_text(struct pack *p, const char *name, const char *string)
{
        pack_add(p, name, string, strlen(string));
}

void pack_add_link(struct pack *p, const char *name, const char *target)
{
        pack_add(p, name, "", 0);
        p->files[p->n - 1].link = text_dup(target);
}

struct pack_file *pack_find(struct pack *p, const char *name)
{
        for (size_t i = 0; i < p->n; i++)
                if (strcmp(p->files[i].name, name) == 0)
                        return &p->files[i];
        return NULL;
}

void pack_digest(const void *bytes, size_t size, char ret[72])
{
        uint8_t digest[DIGEST_SIZE];

        digest_of(bytes, size, digest);
        digest_format(digest, ret);
}

char *pack_add_blob(struct pack *p, const char *media_type, const void *bytes, size_t size,
                    const char *members)
{
        char digest[DIGEST_TEXT_SIZE];
        _cleanup_free_ char *name = NULL;

        pack_digest(bytes, size, digest);
        name = text_format("blobs/sha256/%s", digest + 7);
        if (!pack_find(p, name))
                pack_add(p, name, bytes, size);
        return text_format("{%s\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}", members, media_type,
                           digest, size);
}

/* --- on disk ------------------------------------------------------------------------------------------ */

static void must(int r, const char *what)
{
        if (r < 0) {
                perror(what);
                abort();
        }
}

static void write_file(const char *path, const struct text *bytes)
{
        FILE *file = fopen(path, "wb");

        if (!file || fwrite(text_get(bytes), 1, bytes->used, file) != bytes->used || fclose(file) != 0)
                must(-1, path);
}

void pack_write_directory(const struct pack *p, const char *path)
{
        for (size_t i = 0; i < p->n; i++) {
                _cleanup_free_ char *whole = text_format("%s/%s", path, p->files[i].name);

                for (char *slash = whole + strlen(path); (slash = strchr(slash + 1, '/'));) {
                        *slash = '\0';
                        mkdir(whole, 0755);
                        *slash = '/';
                }
                write_file(whole, &p->files[i].bytes);
        }
}

void pack_write_archive(const struct pack *p, const char *path, int filter)
{
        _cleanup_text_ struct text tar = TEXT_INIT, packed = TEXT_INIT;

        tar_put(&tar, &(struct tar_item){ .type = '5', .name = "./", .mode = 0755 });
        for (size_t i = 0; i < p->n; i++) {
                const struct pack_file *f = &p->files[i];

                tar_put(&tar, &(struct tar_item){ .type = f->link ? '2' : '0',
                                                  .name = f->name,
                                                  .link = f->link,
                                                  .mode = 0644,
                                                  .content = text_get(&f->bytes),
                                                  .content_size = f->bytes.used });
        }
        tar_end(&tar);
        pack_bytes(filter, tar.at, tar.used, &packed);
        write_file(path, &packed);
}

char *pack_directory(void)
{
        const char *parent = getenv("TMPDIR");
        char *path = text_format("%s/oci-test.XXXXXX", parent ? parent : "/tmp");

        if (!mkdtemp(path))
                must(-1, path);
        return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

void pack_remove(char *path)
{
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(path);
}
