/* sif header, list, info, dump. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/report.h"
#include "cmd/sif_fields.h"
#include "cmd/sif_options.h"

#define COPY_BLOCK ((size_t) 1 << 20)
#define RULE       "------------------------------------------------------------------------------\n"

static int print(const struct text *t, struct err *e)
{
        int r = fd_write_all(STDOUT_FILENO, text_get(t), t->used);

        return r < 0 ? err_errno(e, r, "write /dev/stdout") : 0;
}

static void add_json(json_t *value, struct text *out)
{
        json_write(value, "\t", false, out);
        text_add_char(out, '\n');
}

static void add_fields(const struct sif_fields *f, const char *indent, size_t padding, bool as_json,
                       struct text *out)
{
        _cleanup_json_ json_t *object = NULL;

        if (!as_json) {
                sif_fields_print(f, indent, padding, out);
                return;
        }
        object = sif_fields_json(f);
        add_json(object, out);
}

static int show_header(const struct sif *s, const struct cli_call *call, struct text *out, struct err *e)
{
        const struct sif_show_options *o = call->options;
        _cleanup_sif_fields_ struct sif_fields fields = { .n = 0 };

        (void) e;
        sif_fields_of_header(s, &fields);
        add_fields(&fields, "", 1, o->json, out);
        return 0;
}

static int show_object(const struct sif *s, const struct cli_call *call, struct text *out, struct err *e)
{
        const struct sif_show_options *o = call->options;
        _cleanup_sif_fields_ struct sif_fields fields = { .n = 0 };
        const struct sif_descriptor *d = NULL;
        uint32_t id;
        int r = sif_parse_id(call->argv[0], &id, e);

        if (r == 0)
                r = sif_find(s, id, &d, e);
        if (r < 0)
                return r;
        sif_fields_of_object(d, &fields);
        add_fields(&fields, "  ", 2, o->json, out);
        return 0;
}

static void type_add(const struct sif_descriptor *d, struct text *out)
{
        struct sif_partition p;

        text_add(out, sif_type_name(d->type));
        if (sif_partition(d, &p) == 0)
                text_printf(out, " (%s/%s/%s)", sif_fs_name(p.fs), sif_part_name(p.part),
                            sif_arch_name(p.arch));
        else if (d->type == SIF_TYPE_SIGNATURE)
                text_printf(out, " (%s)", sif_hash_name(sif_hash(d)));
        else if (d->type == SIF_TYPE_CRYPTO)
                text_printf(out, " (%s/%s)", sif_format_name(sif_format(d)),
                            sif_message_name(sif_message(d)));
        else if (d->type == SIF_TYPE_SBOM)
                text_printf(out, " (%s)", sif_sbom_name(sif_sbom(d)));
}

static void row_add(const struct sif_descriptor *d, struct text *out)
{
        /* A wrong place is shown as it is: what is beyond the largest number wraps. */
        int64_t end = (int64_t) ((uint64_t) d->offset + (uint64_t) d->size);
        char place[64];
        bool is_group;
        uint32_t link = sif_link(d, &is_group);

        text_printf(out, "%-4u ", d->id);
        if (sif_group(d))
                text_printf(out, "|%-7u ", sif_group(d));
        else
                text_printf(out, "|%-7s ", "NONE");
        if (!link)
                text_printf(out, "|%-7s ", "NONE");
        else if (is_group)
                text_printf(out, "|%-3u (G) ", link);
        else
                text_printf(out, "|%-7u ", link);
        snprintf(place, sizeof(place), "|%" PRId64 "-%" PRId64 " ", d->offset, end);
        text_printf(out, "%-26s |", place);
        type_add(d, out);
        text_add_char(out, '\n');
}

static void list_as_json(const struct sif *s, struct text *out)
{
        _cleanup_json_ json_t *root = json_object();
        json_t *objects = json_array();

        json_object_set_new(root, "objects", objects);
        for (size_t i = 0; i < s->n_descriptors; i++) {
                _cleanup_sif_fields_ struct sif_fields fields = { .n = 0 };

                if (!s->descriptors[i].used)
                        continue;
                sif_fields_of_object(&s->descriptors[i], &fields);
                json_array_append_new(objects, sif_fields_json(&fields));
        }
        add_json(root, out);
}

static int show_list(const struct sif *s, const struct cli_call *call, struct text *out, struct err *e)
{
        const struct sif_show_options *o = call->options;

        (void) e;
        if (o->json) {
                list_as_json(s, out);
                return 0;
        }
        text_add(out, RULE "ID   |GROUP   |LINK    |SIF POSITION (start-end)  |TYPE\n" RULE);
        for (size_t i = 0; i < s->n_descriptors; i++)
                if (s->descriptors[i].used)
                        row_add(&s->descriptors[i], out);
        return 0;
}

typedef int (*shower)(const struct sif *s, const struct cli_call *call, struct text *out, struct err *e);

/* The image is the last argument. */
static int show(const struct cli_call *call, shower shows)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_sif_ struct sif s = { .fd = -EBADF };
        struct err e = ERR_INIT;
        int r = sif_open_path(call->argv[call->argc - 1], false, &s, &fd, &e);

        if (r == 0)
                r = shows(&s, call, &out, &e);
        if (r == 0)
                r = print(&out, &e);
        return r < 0 ? report_usage(call, &e) : EXIT_OK;
}

int cmd_sif_header_run(const struct cli_call *call)
{
        return show(call, show_header);
}

int cmd_sif_list_run(const struct cli_call *call)
{
        return show(call, show_list);
}

int cmd_sif_info_run(const struct cli_call *call)
{
        return show(call, show_object);
}

/* Within the kernel where it can, which into a file may share the blocks; else through a buffer. */
static int copy_out(int from, uint64_t offset, uint64_t size, struct err *e)
{
        _cleanup_free_ char *block = NULL;

        while (size) {
                off_t at = (off_t) offset;
                size_t n = size < COPY_BLOCK ? (size_t) size : COPY_BLOCK;
                ssize_t copied = block ? -1 : copy_file_range(from, &at, STDOUT_FILENO, NULL, size, 0);
                int r;

                if (copied <= 0) {
                        if (!block)
                                block = text_realloc(NULL, COPY_BLOCK);
                        r = fd_pread_all(from, block, n, offset);
                        if (r < 0)
                                return err_errno(e, r, "cannot read the object");
                        r = fd_write_all(STDOUT_FILENO, block, n);
                        if (r < 0)
                                return err_errno(e, r, "write /dev/stdout");
                        copied = (ssize_t) n;
                }
                offset += (uint64_t) copied;
                size -= (uint64_t) copied;
        }
        return 0;
}

static int dump(const struct cli_call *call, struct err *e)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_sif_ struct sif s = { .fd = -EBADF };
        const struct sif_descriptor *d = NULL;
        uint32_t id;
        int r = sif_parse_id(call->argv[0], &id, e);

        if (r == 0)
                r = sif_open_path(call->argv[1], false, &s, &fd, e);
        if (r == 0)
                r = sif_find(&s, id, &d, e);
        if (r == 0)
                r = sif_check(&s, d, false, e);
        if (r == 0)
                r = copy_out(fd, (uint64_t) d->offset, (uint64_t) d->size, e);
        return r;
}

/* No usage text behind the object's bytes. */
int cmd_sif_dump_run(const struct cli_call *call)
{
        struct err e = ERR_INIT;

        return dump(call, &e) < 0 ? report_failure(call, &e) : EXIT_OK;
}
