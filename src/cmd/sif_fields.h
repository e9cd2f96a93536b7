/* sif_fields: what a SIF image says, as labelled values; the same list becomes lines of text or JSON. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/text.h"
#include "image/sif.h"

struct sif_field {
        const char *label; /* "Group ID" */
        const char *key;   /* "groupId" */
        char *text;        /* owned */
        json_t *value;     /* owned; NULL: not in JSON */
};

#define SIF_FIELDS_MAX 16

struct sif_fields {
        size_t n;
        struct sif_field at[SIF_FIELDS_MAX];
};

void sif_fields_of_header(const struct sif *s, struct sif_fields *ret);
void sif_fields_of_object(const struct sif_descriptor *d, struct sif_fields *ret);
void sif_fields_done(struct sif_fields *f);

/* Lines of "INDENTlabel: value", values in one column `padding` blanks behind the longest label. */
void sif_fields_print(const struct sif_fields *f, const char *indent, size_t padding, struct text *out);
json_t *sif_fields_json(const struct sif_fields *f);

#define _cleanup_sif_fields_ __attribute__((cleanup(sif_fields_done)))
