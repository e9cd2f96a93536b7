#include "cmd/sif_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clean.h"
#include "base/json.h"

static void add(struct sif_fields *f, const char *label, const char *key, char *text, json_t *value)
{
        assert(f->n < SIF_FIELDS_MAX);
        f->at[f->n++] = (struct sif_field){ label, key, text, value };
}

static void add_text(struct sif_fields *f, const char *label, const char *key, const char *value)
{
        add(f, label, key, text_printable(value), json_string_lossy(value, strlen(value)));
}

static void add_number(struct sif_fields *f, const char *label, const char *key, int64_t value)
{
        add(f, label, key, text_format("%" PRId64, value), json_integer(value));
}

/* Rounded to a whole unit, as the original prints the sizes of the header. */
static void add_size(struct sif_fields *f, const char *label, const char *key, int64_t value)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double rounded = (double) value;
        size_t unit = 0;

        for (uint64_t left = value > 0 ? (uint64_t) value : 0; left >= 1024; left /= 1024) {
                rounded /= 1024;
                unit++;
        }
        add(f, label, key, text_format("%.0f %s", rounded, units[unit]), json_integer(value));
}

static void add_time(struct sif_fields *f, const char *label, const char *key, int64_t seconds)
{
        time_t t = (time_t) seconds;
        char people[64], machine[64];
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(people, sizeof(people), "%Y-%m-%d %H:%M:%S +0000 UTC", &tm) == 0 ||
            strftime(machine, sizeof(machine), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
                snprintf(people, sizeof(people), "@%" PRId64, seconds); /* no such year */
                memcpy(machine, people, sizeof(machine));
        }
        add(f, label, key, text_dup(people), json_string(machine));
}

void sif_fields_of_header(const struct sif *s, struct sif_fields *ret)
{
        static const uint8_t no_id[sizeof(s->id)];
        const char *arch = sif_arch_name(s->arch);
        char id[SIF_ID_TEXT_SIZE], launch[sizeof(s->launch)];
        size_t size;

        ret->n = 0;
        memcpy(launch, s->launch, sizeof(launch));
        size = strlen(launch);
        if (size && launch[size - 1] == '\n')
                launch[size - 1] = '\0';
        if (launch[0])
                add_text(ret, "Launch Script", "launchScript", launch);
        add_text(ret, "Version", "version", "01");
        if (strcmp(arch, "unknown") != 0)
                add_text(ret, "Primary Architecture", "primaryArchitecture", arch);
        if (memcmp(s->id, no_id, sizeof(no_id)) != 0) {
                sif_id_format(s->id, id);
                add_text(ret, "ID", "id", id);
        }
        if (s->created != SIF_TIME_NONE)
                add_time(ret, "Created At", "createdAt", s->created);
        if (s->modified != SIF_TIME_NONE)
                add_time(ret, "Modified At", "modifiedAt", s->modified);
        add_number(ret, "Descriptors Free", "descriptorsFree", (int64_t) s->descriptors_free_hint);
        add_number(ret, "Descriptors Total", "descriptorsTotal", (int64_t) s->n_descriptors);
        add_number(ret, "Descriptors Offset", "descriptorsOffset", (int64_t) s->table_offset);
        add_size(ret, "Descriptors Size", "descriptorsSize", (int64_t) s->table_size);
        add_number(ret, "Data Offset", "dataOffset", (int64_t) s->data_offset);
        add_size(ret, "Data Size", "dataSize", (int64_t) s->data_size);
}

static void add_group(struct sif_fields *f, const struct sif_descriptor *d)
{
        uint32_t group = sif_group(d);

        if (group)
                add_number(f, "Group ID", "groupId", group);
        else
                add(f, "Group ID", "groupId", text_dup("NONE"), NULL);
}

static void add_link(struct sif_fields *f, const struct sif_descriptor *d)
{
        bool is_group;
        uint32_t link = sif_link(d, &is_group);

        if (!link)
                add(f, "Linked ID", "linkedId", text_dup("NONE"), NULL);
        else if (is_group)
                add(f, "Linked ID", "linkedGroupId", text_format("%u (G)", link), json_integer(link));
        else
                add_number(f, "Linked ID", "linkedId", link);
}

static void add_partition(struct sif_fields *f, const struct sif_descriptor *d)
{
        struct sif_partition p = { .fs = 0 };

        sif_partition(d, &p);
        add_text(f, "Filesystem Type", "filesystemType", sif_fs_name(p.fs));
        add_text(f, "Partition Type", "partitionType", sif_part_name(p.part));
        add_text(f, "Architecture", "architecture", sif_arch_name(p.arch));
}

static void add_signature(struct sif_fields *f, const struct sif_descriptor *d)
{
        uint8_t entity[SIF_ENTITY_SIZE];
        char hex[2 * SIF_ENTITY_SIZE + 1];

        add_text(f, "Hash Type", "hashType", sif_hash_name(sif_hash(d)));
        if (!sif_entity(d, entity))
                return;
        for (size_t i = 0; i < SIF_ENTITY_SIZE; i++)
                snprintf(hex + 2 * i, 3, "%02X", entity[i]);
        add_text(f, "Entity", "entity", hex);
}

static void add_extra(struct sif_fields *f, const struct sif_descriptor *d)
{
        char digest[SIF_DIGEST_SIZE];

        switch (d->type) {
        case SIF_TYPE_PARTITION:
                add_partition(f, d);
                break;
        case SIF_TYPE_SIGNATURE:
                add_signature(f, d);
                break;
        case SIF_TYPE_CRYPTO:
                add_text(f, "Format Type", "formatType", sif_format_name(sif_format(d)));
                add_text(f, "Message Type", "messageType", sif_message_name(sif_message(d)));
                break;
        case SIF_TYPE_SBOM:
                add_text(f, "Format", "format", sif_sbom_name(sif_sbom(d)));
                break;
        case SIF_TYPE_OCI_INDEX:
        case SIF_TYPE_OCI_BLOB:
                add_text(f, "Digest", "digest", sif_digest(d, digest) ? digest : "Unknown");
                break;
        default:
                break;
        }
}

void sif_fields_of_object(const struct sif_descriptor *d, struct sif_fields *ret)
{
        ret->n = 0;
        add_text(ret, "Data Type", "dataType", sif_type_name(d->type));
        add_number(ret, "ID", "id", d->id);
        add_group(ret, d);
        add_link(ret, d);
        add_number(ret, "Offset", "offset", d->offset);
        add_number(ret, "Size", "size", d->size);
        if (d->created != SIF_TIME_NONE)
                add_time(ret, "Created At", "createdAt", d->created);
        if (d->modified != SIF_TIME_NONE)
                add_time(ret, "Modified At", "modifiedAt", d->modified);
        if (d->name[0])
                add_text(ret, "Name", "name", d->name);
        add_extra(ret, d);
}

void sif_fields_done(struct sif_fields *f)
{
        for (size_t i = 0; i < f->n; i++) {
                free(f->at[i].text);
                json_decref(f->at[i].value);
        }
        f->n = 0;
}

void sif_fields_print(const struct sif_fields *f, const char *indent, size_t padding, struct text *out)
{
        size_t widest = 0;

        for (size_t i = 0; i < f->n; i++)
                if (strlen(f->at[i].label) > widest)
                        widest = strlen(f->at[i].label);
        for (size_t i = 0; i < f->n; i++) {
                int blanks = (int) (widest - strlen(f->at[i].label) + padding);

                text_printf(out, "%s%s:%*s%s\n", indent, f->at[i].label, blanks, "", f->at[i].text);
        }
}

json_t *sif_fields_json(const struct sif_fields *f)
{
        json_t *object = json_object();

        for (size_t i = 0; i < f->n; i++)
                if (f->at[i].value)
                        json_object_set(object, f->at[i].key, f->at[i].value);
        return object;
}
