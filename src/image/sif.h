/* sif: the Singularity Image Format, version 01: header, descriptors, data objects.
 *
 * Reading: sif_open() decodes and checks everything that is needed to find data safely; hints of the header
 * (DescriptorsFree, DataOffset, DataSize) are never trusted.  Changing: the functions named sif_add,
 * sif_delete, sif_set_primary work on an image opened for writing, under an exclusive lock, and order their
 * writes (data, table, header, each flushed) so that an old descriptor table still describes a valid image
 * after a crash.  New images: sif_writer, which appends objects to an empty file and writes table and header
 * last.
 *
 * The lock is an open-file-description write lock (fcntl(2), F_OFD_SETLKW) on the 128 bytes of the header:
 * sif_open() for writing waits for it before it reads, sif_done() gives it back.  It cannot meet the locks
 * that a run takes on the bytes of an ext3 partition.  Where a file system has no locks the work goes on
 * without.
 *
 * Format facts: spec image-formats.md, section 1 (regions 1.1, header 1.2, descriptor 1.3, codes 1.4,
 * extra 1.5, groups and links 1.6, placement 1.7, time 1.8, operations 1.9, checks 1.10, locking 1.12).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SIF_HEADER_SIZE         128
#define SIF_DESCRIPTOR_SIZE     585
#define SIF_DESCRIPTORS_DEFAULT 48
#define SIF_DESCRIPTORS_MAX     65535 /* far above any real image; the original crashes on absurd counts */
#define SIF_TIME_NONE           (-62135596800LL) /* 0001-01-01: "deterministic" */
#define SIF_GROUP_NONE          0xf0000000u
#define SIF_LAUNCHER            "#!/usr/bin/env run-singularity\n"

enum sif_type {
        SIF_TYPE_DEFFILE = 0x4001,
        SIF_TYPE_ENV = 0x4002,
        SIF_TYPE_LABELS = 0x4003,
        SIF_TYPE_PARTITION = 0x4004,
        SIF_TYPE_SIGNATURE = 0x4005,
        SIF_TYPE_JSON = 0x4006,
        SIF_TYPE_GENERIC = 0x4007,
        SIF_TYPE_CRYPTO = 0x4008,
        SIF_TYPE_SBOM = 0x4009,
        SIF_TYPE_OCI_INDEX = 0x400a,
        SIF_TYPE_OCI_BLOB = 0x400b,
};

enum sif_fs {
        SIF_FS_SQUASHFS = 1,
        SIF_FS_EXT3,
        SIF_FS_ARCHIVE,
        SIF_FS_RAW,
        SIF_FS_ENCRYPTED,
        SIF_FS_GOCRYPTFS
};
enum sif_part { SIF_PART_SYSTEM = 1, SIF_PART_PRIMARY, SIF_PART_DATA, SIF_PART_OVERLAY };

struct sif_descriptor {
        int32_t type;
        bool used;
        uint32_t id;
        uint32_t group_raw; /* with the mask bits, as stored: the key for relative ids */
        uint32_t link_raw;
        int64_t offset, size, size_with_padding;
        int64_t created, modified; /* Unix seconds */
        int64_t uid, gid;
        char name[129]; /* terminated; a NUL inside reads as \001, so that it never passes for a shorter one
                         */
        uint8_t extra[384]; /* meaning by type, see the accessors */
};

struct sif {
        int fd; /* borrowed */
        bool writable;
        char launch[33]; /* launch script, terminated */
        char arch[3];    /* code of the primary partition, "02"; "00" none */
        uint8_t id[16];
        int64_t created, modified;
        uint64_t n_descriptors; /* records in the table */
        uint64_t descriptors_free_hint;
        uint64_t table_offset, table_size, data_offset, data_size; /* as stored: hints for printing */
        uint64_t file_size;
        struct sif_descriptor *descriptors; /* owned: n_descriptors records, unused ones included */
};

/* Loads from a descriptor of a regular file, for `writable` one open for reading and writing; header and
 * table of usual images take one read.  -ENOEXEC: no SIF magic at offset 32 (try another format); -EBADMSG,
 * -E2BIG: broken, with what is wrong; -ENOTSUP: another version. */
int sif_open(struct sif *s, int fd, bool writable, struct err *e);
void sif_done(struct sif *s);

/* Group number without mask, 0 for none; link number, *ret_is_group true for a group link. */
uint32_t sif_group(const struct sif_descriptor *d);
uint32_t sif_link(const struct sif_descriptor *d, bool *ret_is_group);

/* Partition extra.  arch is the two-digit code, terminated. */
struct sif_partition {
        int32_t fs, part;
        char arch[3];
};
int sif_partition(const struct sif_descriptor *d, struct sif_partition *ret); /* -EINVAL: not a partition */

/* Other extras.  A code that is not there reads as 0. */
int32_t sif_hash(const struct sif_descriptor *d);    /* signature: hash type */
int32_t sif_format(const struct sif_descriptor *d);  /* cryptographic message: format */
int32_t sif_message(const struct sif_descriptor *d); /* cryptographic message: message type */
int32_t sif_sbom(const struct sif_descriptor *d);    /* SBOM: format */
#define SIF_ENTITY_SIZE 20
/* Signer's fingerprint; false when there is none. */
bool sif_entity(const struct sif_descriptor *d, uint8_t ret[SIF_ENTITY_SIZE]);
#define SIF_DIGEST_SIZE 72
/* "sha256:<64 hex digits>" of an OCI object; false when it is malformed. */
bool sif_digest(const struct sif_descriptor *d, char ret[SIF_DIGEST_SIZE]);

/* The one primary partition.  -ENOENT none, -EBADMSG two or more, with IDs; hint where one can help. */
int sif_primary(const struct sif *s, const struct sif_descriptor **ret, struct err *e);
/* By ID: -EINVAL for 0, -ENOENT, or -EBADMSG when several carry it. */
int sif_find(const struct sif *s, uint32_t id, const struct sif_descriptor **ret, struct err *e);
/* First object of that type and name, or NULL. */
const struct sif_descriptor *sif_find_named(const struct sif *s, int32_t type, const char *name);

/* Checks that the object's bytes are inside the file, behind the table and, when `alone`, overlap no other
 * object.  Called before any data is touched; messages give expected and actual size. */
int sif_check(const struct sif *s, const struct sif_descriptor *d, bool alone, struct err *e);
/* Reads a whole object of at most `limit` bytes (terminated behind the end); the caller frees it. */
int sif_read(const struct sif *s, const struct sif_descriptor *d, size_t limit, char **ret, size_t *ret_size,
             struct err *e);

/* What a new object is.  Zero means default everywhere. */
struct sif_object {
        int32_t type;
        uint32_t group; /* 0: none */
        uint32_t link;  /* object ID, 0: none */
        bool link_is_group;
        const char *name;     /* at most 128 bytes; NULL: empty */
        const uint8_t *extra; /* extra_size bytes, at most 384 */
        size_t extra_size;
        uint64_t alignment; /* 0: 4096 for partitions, else none; a power of two otherwise */
};

/* Fill `extra` for a partition, a signature, a cryptographic message, an SBOM.  The extra of OCI objects is
 * the text of their digest. */
#define SIF_PARTITION_EXTRA_SIZE 11
void sif_partition_extra(uint8_t extra[SIF_PARTITION_EXTRA_SIZE], int32_t fs, int32_t part,
                         const char *arch_code);
#define SIF_SIGNATURE_EXTRA_SIZE 260
void sif_signature_extra(uint8_t extra[SIF_SIGNATURE_EXTRA_SIZE], int32_t hash,
                         const uint8_t entity[SIF_ENTITY_SIZE]);
#define SIF_MESSAGE_EXTRA_SIZE 8
void sif_message_extra(uint8_t extra[SIF_MESSAGE_EXTRA_SIZE], int32_t format, int32_t message);
#define SIF_SBOM_EXTRA_SIZE 4
void sif_sbom_extra(uint8_t extra[SIF_SBOM_EXTRA_SIZE], int32_t format);

/* Adds the bytes of `from_fd` from its current position to its end as an object. -EEXIST: a second primary
 * partition; -ENOSPC: no record or no space left; -EINVAL: an object that cannot be described. */
int sif_add(struct sif *s, const struct sif_object *object, int from_fd, struct err *e);
/* Frees the record; the bytes stay where they are, the file keeps its length. */
int sif_delete(struct sif *s, uint32_t id, struct err *e);
/* Makes a system partition the primary one and the former primary one a system partition. */
int sif_set_primary(struct sif *s, uint32_t id, struct err *e);

/* A new image.  The file is empty and open read-write; the caller makes it appear (base/output.h).
 * Order: init; per object: add_bytes, or begin, write at *ret_offset yourself, end; then finish. */
struct sif_writer {
        int fd;         /* borrowed */
        uint64_t at;    /* end of the data so far */
        uint64_t n;     /* objects so far */
        int64_t time;   /* of creation, or SIF_TIME_NONE */
        uint8_t id[16]; /* random, or zero when deterministic */
        char launch[33];
        struct sif_descriptor *descriptors; /* owned: SIF_DESCRIPTORS_DEFAULT records, n of them used */
};
/* launch: NULL for none, at most 31 bytes.  deterministic: zero ID, times SIF_TIME_NONE. */
int sif_writer_init(struct sif_writer *w, int fd, const char *launch, bool deterministic, struct err *e);
void sif_writer_done(struct sif_writer *w);
int sif_writer_add_bytes(struct sif_writer *w, const struct sif_object *object, const void *bytes,
                         size_t size, struct err *e);
int sif_writer_begin(struct sif_writer *w, const struct sif_object *object, uint64_t *ret_offset,
                     struct err *e);
int sif_writer_end(struct sif_writer *w, uint64_t size_bytes, struct err *e);
int sif_writer_finish(struct sif_writer *w, struct err *e);

/* "3fa802cc-358b-45e3-bcc0-69dc7a45f9f8" */
#define SIF_ID_TEXT_SIZE 37
void sif_id_format(const uint8_t id[16], char ret[SIF_ID_TEXT_SIZE]);

/* Names for listings: "FS", "Squashfs", "*System", "amd64" …; "Unknown" / "unknown" for other codes. */
const char *sif_type_name(int32_t type);
const char *sif_fs_name(int32_t fs);
const char *sif_part_name(int32_t part);
const char *sif_hash_name(int32_t hash);
const char *sif_format_name(int32_t format);
const char *sif_message_name(int32_t message);
const char *sif_sbom_name(int32_t format);
int32_t sif_sbom_code(const char *name);     /* "spdx-json" -> 4, "github" as "github-json"; 0 for others */
const char *sif_arch_name(const char *code); /* "02" -> "amd64", else "unknown" */
const char *sif_arch_code(const char *name); /* "amd64" -> "02", NULL for others */
const char *sif_arch_native(void);           /* Go name of the architecture this program was built for */

#define _cleanup_sif_        __attribute__((cleanup(sif_done)))
#define _cleanup_sif_writer_ __attribute__((cleanup(sif_writer_done)))
