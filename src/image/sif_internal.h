/* sif_internal: header and descriptor records as bytes; shared by the files of the sif module only.
 *
 * Offsets are those of the format's tables (spec image-formats.md, 1.2 and 1.3); all integers are
 * little-endian.
 */
#pragma once

#include "image/sif.h"

#define SIF_MAGIC        "SIF_MAGIC" /* and its terminator */
#define SIF_MAGIC_SIZE   10
#define SIF_VERSION      "01"
#define SIF_LAUNCH_SIZE  32
#define SIF_TABLE_OFFSET 4096 /* of new images */
#define SIF_TABLE_SIZE   (SIF_DESCRIPTORS_DEFAULT * SIF_DESCRIPTOR_SIZE)
#define SIF_DATA_OFFSET  (SIF_TABLE_OFFSET + SIF_TABLE_SIZE)
#define SIF_NAME_SIZE    128
#define SIF_EXTRA_SIZE   384
#define SIF_GROUP_MASK   0xf0000000u
#define SIF_ARCH_NONE    "00"

enum sif_header_at {
        SIF_AT_LAUNCH = 0,
        SIF_AT_MAGIC = 32,
        SIF_AT_VERSION = 42,
        SIF_AT_ARCH = 45,
        SIF_AT_ID = 48,
        SIF_AT_CREATED = 64,
        SIF_AT_MODIFIED = 72,
        SIF_AT_DESCRIPTORS_FREE = 80,
        SIF_AT_DESCRIPTORS_TOTAL = 88,
        SIF_AT_TABLE_OFFSET = 96,
        SIF_AT_TABLE_SIZE = 104,
        SIF_AT_DATA_OFFSET = 112,
        SIF_AT_DATA_SIZE = 120,
};

enum sif_record_at { SIF_AT_RECORD_MODIFIED = 49, SIF_AT_RECORD_EXTRA = 201 };

enum sif_extra_at {
        SIF_AT_PARTITION_FS = 0,
        SIF_AT_PARTITION_PART = 4,
        SIF_AT_PARTITION_ARCH = 8,
        SIF_AT_SIGNATURE_HASH = 0,
        SIF_AT_SIGNATURE_ENTITY = 4,
        SIF_AT_MESSAGE_FORMAT = 0,
        SIF_AT_MESSAGE_TYPE = 4,
        SIF_AT_SBOM_FORMAT = 0,
};

int32_t sif_get_i32(const uint8_t *at);
int64_t sif_get_i64(const uint8_t *at);
void sif_put_u32(uint8_t *at, uint32_t value);
void sif_put_u64(uint8_t *at, uint64_t value);

void sif_record_decode(const uint8_t record[SIF_DESCRIPTOR_SIZE], struct sif_descriptor *ret);
void sif_record_encode(const struct sif_descriptor *d, uint8_t record[SIF_DESCRIPTOR_SIZE]);

/* Whether an object can be described by a record; -EINVAL or -E2BIG with what is wrong. */
int sif_object_check(const struct sif_object *object, struct err *e);
/* The record of a new object, without ID, place and times. */
void sif_object_record(const struct sif_object *object, struct sif_descriptor *ret);
/* Where an object lands whose data may begin at `end`; -EOVERFLOW when alignment leads out of range. */
int sif_object_place(const struct sif_object *object, uint64_t end, uint64_t *ret_offset, struct err *e);

/* End of the table of a loaded image, inside the file. */
uint64_t sif_table_end(const struct sif *s);
/* Whether it is a used record, a partition, and the primary one. */
bool sif_is_primary(const struct sif_descriptor *d);
