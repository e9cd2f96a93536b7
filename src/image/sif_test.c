#include "base/test.h"

#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "image/sif.h"

#define RECORD(n) (4096 + ((n) -1) * SIF_DESCRIPTOR_SIZE)
#define PART_AT   32768

/* 1: definition text, 2: JSON named data.json, 3: primary partition of 8192 bytes at PART_AT, 4: the like,
 * but an ordinary system partition. */
static int sample(void)
{
        int fd = memfd_create("sif_test", MFD_CLOEXEC);
        uint8_t primary[SIF_PARTITION_EXTRA_SIZE], system[SIF_PARTITION_EXTRA_SIZE];
        const struct sif_object objects[] = {
                { .type = SIF_TYPE_DEFFILE, .group = 1 },
                { .type = SIF_TYPE_JSON, .group = 1, .name = "data.json" },
                { .type = SIF_TYPE_PARTITION, .group = 1, .extra = primary, .extra_size = sizeof(primary) },
                { .type = SIF_TYPE_PARTITION,
                  .link = 1,
                  .link_is_group = true,
                  .extra = system,
                  .extra_size = sizeof(system) },
        };
        static const char bytes[8192] = "{\"a\": 1}";
        static const size_t sizes[] = { 35, 8, 8192, 4096 };
        struct sif_writer w;

        assert_true(fd >= 0);
        sif_partition_extra(primary, SIF_FS_SQUASHFS, SIF_PART_PRIMARY, "02");
        sif_partition_extra(system, SIF_FS_EXT3, SIF_PART_SYSTEM, "04");
        assert_int_equal(sif_writer_init(&w, fd, SIF_LAUNCHER, false, NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
                assert_int_equal(sif_writer_add_bytes(&w, &objects[i], bytes, sizes[i], NULL), 0);
        assert_int_equal(sif_writer_finish(&w, NULL), 0);
        sif_writer_done(&w);
        return fd;
}

static void put(int fd, uint64_t offset, const void *bytes, size_t size)
{
        assert_int_equal(fd_pwrite_all(fd, bytes, size, offset), 0);
}

static void put_i64(int fd, uint64_t offset, int64_t value)
{
        uint64_t little = htole64((uint64_t) value);

        put(fd, offset, &little, sizeof(little));
}

static void put_i32(int fd, uint64_t offset, int32_t value)
{
        uint32_t little = htole32((uint32_t) value);

        put(fd, offset, &little, sizeof(little));
}

static void assert_told(const struct err *e, const char *told)
{
        if (!strstr(e->text, told))
                fail_msg("\"%s\" lacks \"%s\"", e->text, told);
}

static void assert_load(int fd, int code, const char *told)
{
        struct err e = ERR_INIT;
        struct sif s;

        assert_int_equal(sif_open(&s, fd, false, &e), code);
        if (code < 0)
                assert_told(&e, told);
        sif_done(&s);
}

/* Fields of the header, each alone out of order. */
static void test_header_refusals(void **state)
{
        static const struct {
                uint64_t offset;
                int64_t value;
                int code;
                const char *told;
        } cases[] = {
                { 88, -1, -EBADMSG, "-1 descriptors" },
                { 88, INT64_C(1) << 40, -E2BIG, "1099511627776 descriptors" },
                { 88, 65536, -E2BIG, "between 0 and 65535" },
                { 88, 49, -EBADMSG, "49 descriptors do not fit in a table of 28080 bytes" },
                { 96, -1, -EBADMSG, "table is said to be at -1" },
                { 96, 127, -EBADMSG, "table is said to be at 127" },
                { 96, 45056 - 28079, -EBADMSG, "truncated image: the descriptor table ends at byte 45057" },
                { 96, INT64_MAX, -EBADMSG, "truncated image" },
                { 104, 28079, -EBADMSG, "do not fit" },
                { 104, -1, -EBADMSG, "do not fit" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = sample();

                put_i64(fd, cases[i].offset, cases[i].value);
                assert_load(fd, cases[i].code, cases[i].told);
        }
}

static void test_magic(void **state)
{
        _cleanup_close_ int magic = sample(), shifted = sample(), open_end = sample(), version = sample();

        (void) state;
        put(magic, 33, "X", 1);
        assert_load(magic, -ENOEXEC, "invalid SIF magic");
        put(shifted, 32, "\0SIF_MAGIC", 10);
        assert_load(shifted, -ENOEXEC, "invalid SIF magic");
        put(open_end, 41, "x", 1);
        assert_load(open_end, -EBADMSG, "invalid SIF magic");
        put(version, 42, "02", 2);
        assert_load(version, -ENOTSUP, "incompatible SIF version: \"02\"");
}

static void test_short_files(void **state)
{
        static const struct {
                off_t size;
                int code;
                const char *told;
        } cases[] = {
                { 0, -ENOEXEC, "has 0 bytes" },
                { 127, -ENOEXEC, "has 127 bytes" },
                { 128, -EBADMSG, "ends at byte 32176, the file has 128 bytes" },
                { 4096, -EBADMSG, "ends at byte 32176, the file has 4096 bytes" },
                { 32175, -EBADMSG, "ends at byte 32176, the file has 32175 bytes" },
                { 32176, 0, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = sample();

                assert_int_equal(ftruncate(fd, cases[i].size), 0);
                assert_load(fd, cases[i].code, cases[i].told);
        }
}

static void test_not_a_file(void **state)
{
        _cleanup_close_ int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void) state;
        assert_load(dir, -EISDIR, "not a regular file");
        assert_load(null, -EINVAL, "not a regular file");
}

/* Lies that harm nobody: hints, and room in the table that is not used. */
static void test_hints_are_hints(void **state)
{
        static const struct {
                uint64_t offset;
                int64_t value;
        } cases[] = { { 80, -1 }, { 80, 48 }, { 104, INT64_MAX }, { 112, 0 }, { 112, -1 }, { 120, -1 } };
        struct sif s;
        const struct sif_descriptor *d;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = sample();

                put_i64(fd, cases[i].offset, cases[i].value);
                assert_int_equal(sif_open(&s, fd, false, NULL), 0);
                assert_int_equal(sif_primary(&s, &d, NULL), 0);
                assert_int_equal(sif_check(&s, d, true, NULL), 0);
                sif_done(&s);
        }
}

static void test_table_elsewhere(void **state)
{
        _cleanup_close_ int fd = sample(), empty = sample();
        uint8_t table[4 * SIF_DESCRIPTOR_SIZE];
        const struct sif_descriptor *d;
        struct sif s;

        (void) state;
        assert_int_equal(fd_pread_all(fd, table, sizeof(table), 4096), 0);
        put(fd, 60000, table, sizeof(table)); /* beyond the first read */
        put_i64(fd, 88, 4);
        put_i64(fd, 96, 60000);
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        assert_int_equal(s.n_descriptors, 4);
        assert_non_null(sif_find_named(&s, SIF_TYPE_JSON, "data.json"));
        sif_done(&s);
        put_i64(empty, 88, 0);
        assert_int_equal(sif_open(&s, empty, false, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, NULL), -ENOENT);
        sif_done(&s);
}

/* Fields of the primary partition's record (3), each alone out of order. */
static void test_object_refusals(void **state)
{
        static const struct {
                uint64_t offset;
                int64_t value;
                const char *told;
        } cases[] = {
                { 17, -1, "object 3 is said to be at -1" },
                { 17, 4096, "object 3, at byte 4096, overlaps the descriptor table" },
                { 17, 32175, "overlaps the descriptor table" },
                { 17, 53248, "truncated image: object 3 (FS) ends at byte 61440, the file has 45056 bytes" },
                { 17, INT64_MAX, "truncated image" },
                { 25, -1, "with -1 bytes" },
                { 25, INT64_MAX, "truncated image" },
                { 25, 12289, "truncated image: object 3 (FS) ends at byte 45057" },
                { 25, 8193, "objects 3 and 4 overlap" },
                { 17, 41000, "objects 3 and 4 overlap" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = sample();
                const struct sif_descriptor *d;
                struct err e = ERR_INIT;
                struct sif s;

                put_i64(fd, RECORD(3) + cases[i].offset, cases[i].value);
                if (i == ARRAY_SIZE(cases) - 1)
                        put_i64(fd, RECORD(3) + 25, 100);
                assert_int_equal(sif_open(&s, fd, false, NULL), 0);
                assert_int_equal(sif_primary(&s, &d, NULL), 0);
                assert_int_equal(sif_check(&s, d, true, &e), -EBADMSG);
                assert_told(&e, cases[i].told);
                sif_done(&s);
        }
}

static void test_truncated_data(void **state)
{
        static const off_t sizes[] = { PART_AT - 1, PART_AT, PART_AT + 8191 };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_close_ int fd = sample();
                const struct sif_descriptor *d;
                struct err e = ERR_INIT;
                struct sif s;

                assert_int_equal(ftruncate(fd, sizes[i]), 0);
                assert_int_equal(sif_open(&s, fd, false, NULL), 0);
                assert_int_equal(sif_primary(&s, &d, NULL), 0);
                assert_int_equal(sif_check(&s, d, false, &e), -EBADMSG);
                assert_told(&e, "truncated image: object 3 (FS) ends at byte 40960");
                sif_done(&s);
        }
}

static void test_primary(void **state)
{
        _cleanup_close_ int two = sample(), none = sample(), oci = sample(), bare = sample();
        const struct sif_descriptor *d;
        struct err e = ERR_INIT;
        struct sif s;

        (void) state;
        put_i32(two, RECORD(4) + 201 + 4, SIF_PART_PRIMARY);
        assert_int_equal(sif_open(&s, two, false, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, &e), -EBADMSG);
        assert_told(&e, "no root filesystem found: there are two primary partitions (IDs 3 and 4)");
        sif_done(&s);
        put_i32(none, RECORD(3) + 201 + 4, SIF_PART_DATA);
        assert_int_equal(sif_open(&s, none, false, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, &e), -ENOENT);
        assert_string_equal(e.text, "no root filesystem found");
        assert_non_null(strstr(e.hint, "sif setprim 4 IMAGE"));
        sif_done(&s);
        put_i32(oci, RECORD(3), SIF_TYPE_OCI_INDEX);
        assert_int_equal(sif_open(&s, oci, false, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, &e), -ENOENT);
        assert_told(&e, "OCI-SIF");
        sif_done(&s);
        put_i32(bare, RECORD(3), 0x4099);
        put_i32(bare, RECORD(4), 0x4099);
        assert_int_equal(sif_open(&s, bare, false, NULL), 0);
        assert_int_equal(sif_primary(&s, &d, &e), -ENOENT);
        assert_string_equal(e.hint, "");
        sif_done(&s);
}

static void test_find(void **state)
{
        _cleanup_close_ int fd = sample();
        const struct sif_descriptor *d;
        struct err e = ERR_INIT;
        struct sif s;

        (void) state;
        put_i32(fd, RECORD(4) + 5, -1);
        put_i32(fd, RECORD(2) + 5, 1);
        put(fd, RECORD(3) + 4, "\xff", 1); /* any nonzero byte means used */
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        assert_int_equal(sif_find(&s, 0, &d, &e), -EINVAL);
        assert_told(&e, "invalid object ID");
        assert_int_equal(sif_find(&s, 1, &d, &e), -EBADMSG);
        assert_told(&e, "multiple objects found");
        assert_int_equal(sif_find(&s, 2, &d, &e), -ENOENT);
        assert_told(&e, "object not found");
        assert_int_equal(sif_find(&s, UINT32_MAX, &d, &e), 0);
        assert_int_equal(sif_find(&s, 3, &d, &e), 0);
        assert_ptr_equal(d, &s.descriptors[2]);
        sif_done(&s);
}

static void test_groups_and_links(void **state)
{
        static const struct {
                uint32_t group_raw, link_raw;
                uint32_t group, link;
                bool is_group;
        } cases[] = {
                { 0xf0000001, 0, 1, 0, false },
                { 0xf0000000, 0xf0000001, 0, 1, true },
                { 1, 7, 1, 7, false },
                { 0x30000005, 0x70000005, 5, 5, false },
        };
        struct sif_descriptor d = { .used = true };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                bool is_group;

                d.group_raw = cases[i].group_raw;
                d.link_raw = cases[i].link_raw;
                assert_int_equal(sif_group(&d), cases[i].group);
                assert_int_equal(sif_link(&d, &is_group), cases[i].link);
                assert_int_equal(is_group, cases[i].is_group);
        }
}

static void test_names(void **state)
{
        _cleanup_close_ int fd = sample();
        char name[128];
        struct sif s;

        (void) state;
        memset(name, 'n', sizeof(name));
        put(fd, RECORD(1) + 73, name, sizeof(name)); /* 128 bytes without an end */
        put(fd, RECORD(2) + 73, "data.json\0x", 11);
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        assert_int_equal(strlen(s.descriptors[0].name), 128);
        assert_null(sif_find_named(&s, SIF_TYPE_JSON, "data.json"));
        assert_string_equal(s.descriptors[1].name, "data.json\001x");
        sif_done(&s);
}

static void test_read(void **state)
{
        _cleanup_close_ int fd = sample();
        _cleanup_free_ char *bytes = NULL;
        const struct sif_descriptor *d;
        struct err e = ERR_INIT;
        struct sif s;
        size_t size;

        (void) state;
        assert_int_equal(sif_open(&s, fd, false, NULL), 0);
        d = sif_find_named(&s, SIF_TYPE_JSON, "data.json");
        assert_non_null(d);
        assert_int_equal(sif_read(&s, d, 7, &bytes, &size, &e), -E2BIG);
        assert_null(bytes);
        assert_int_equal(sif_read(&s, d, 8, &bytes, &size, &e), 0);
        assert_int_equal(size, 8);
        assert_string_equal(bytes, "{\"a\": 1}");
        sif_done(&s);
}

static void test_extras(void **state)
{
        struct sif_descriptor d = { .type = SIF_TYPE_SIGNATURE };
        uint8_t entity[SIF_ENTITY_SIZE] = { 0 }, found[SIF_ENTITY_SIZE];
        char digest[SIF_DIGEST_SIZE];
        struct sif_partition p;

        (void) state;
        sif_signature_extra(d.extra, 3, entity);
        assert_string_equal(sif_hash_name(sif_hash(&d)), "SHA-512");
        assert_false(sif_entity(&d, found));
        entity[19] = 7;
        sif_signature_extra(d.extra, 99, entity);
        assert_string_equal(sif_hash_name(sif_hash(&d)), "Unknown");
        assert_true(sif_entity(&d, found));
        assert_memory_equal(entity, found, sizeof(entity));
        assert_int_equal(sif_partition(&d, &p), -EINVAL);
        d.type = SIF_TYPE_OCI_BLOB;
        assert_false(sif_digest(&d, digest));
        memcpy(d.extra, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", 72);
        assert_true(sif_digest(&d, digest));
        assert_string_equal(digest, (const char *) d.extra);
        d.extra[71] = '0';
        assert_false(sif_digest(&d, digest));
}

static void test_code_names(void **state)
{
        (void) state;
        assert_string_equal(sif_arch_name("13"), "loong64");
        assert_string_equal(sif_arch_name("99"), "unknown");
        assert_string_equal(sif_arch_name("0"), "unknown");
        assert_string_equal(sif_arch_code("amd64"), "02");
        assert_null(sif_arch_code("unknown"));
        assert_non_null(sif_arch_code(sif_arch_native()));
        assert_int_equal(sif_sbom_code("github"), 3);
        assert_int_equal(sif_sbom_code(""), 0);
        assert_string_equal(sif_sbom_name(0), "unknown");
        assert_string_equal(sif_type_name(0x400b), "OCI.Blob");
        assert_string_equal(sif_type_name(0x400c), "Unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_header_refusals),
                cmocka_unit_test(test_magic),
                cmocka_unit_test(test_short_files),
                cmocka_unit_test(test_not_a_file),
                cmocka_unit_test(test_hints_are_hints),
                cmocka_unit_test(test_table_elsewhere),
                cmocka_unit_test(test_object_refusals),
                cmocka_unit_test(test_truncated_data),
                cmocka_unit_test(test_primary),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_groups_and_links),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_extras),
                cmocka_unit_test(test_code_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
