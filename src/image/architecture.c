#include "image/architecture.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"

#define ENTRY_MAX       4096 /* an entry is a few short lines, the kernel's own limit is a page */
#define ELF_HEADER_SIZE 20   /* identification, type and machine */

static bool same_processor(const char *image, const char *host)
{
        static const char *const pairs[][2] = {
                { "386", "amd64" }, { "arm", "arm64" }, { "mips", "mips64" }, { "mipsle", "mips64le" }
        };

        if (strcmp(image, "unknown") == 0 || strcmp(image, host) == 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
                if (strcmp(image, pairs[i][0]) == 0 && strcmp(host, pairs[i][1]) == 0)
                        return true;
        return false;
}

/* What the header of an ELF program of that architecture says (elf.h: EI_CLASS, EI_DATA, e_machine). */
static const struct elf {
        const char *name;
        bool is_64, is_big_endian;
        uint8_t machine;
} elves[] = {
        { "386", false, false, 3 },     { "amd64", true, false, 62 },  { "arm", false, false, 40 },
        { "arm64", true, false, 183 },  { "ppc64", true, true, 21 },   { "ppc64le", true, false, 21 },
        { "mips", false, true, 8 },     { "mipsle", false, false, 8 }, { "mips64", true, true, 8 },
        { "mips64le", true, false, 8 }, { "s390x", true, true, 22 },   { "riscv64", true, false, 243 },
        { "loong64", true, false, 2 },
};
#define ELF_MACHINE_HIGH_LOONG 1 /* 258, the only one above a byte */

/* The first bytes of a program of that architecture, as a binfmt entry writes them: in hexadecimal. */
static bool elf_magic(const char *name, char ret[2 * ELF_HEADER_SIZE + 1])
{
        uint8_t bytes[ELF_HEADER_SIZE] = { 0x7f, 'E', 'L', 'F' };

        for (size_t i = 0; i < ARRAY_SIZE(elves); i++) {
                const struct elf *elf = &elves[i];
                size_t low = elf->is_big_endian ? 1 : 0;

                if (strcmp(elf->name, name) != 0)
                        continue;
                bytes[4] = elf->is_64 ? 2 : 1;
                bytes[5] = elf->is_big_endian ? 2 : 1;
                bytes[6] = 1;        /* version */
                bytes[16 + low] = 2; /* an executable */
                bytes[18 + low] = elf->machine;
                if (strcmp(name, "loong64") == 0)
                        bytes[19] = ELF_MACHINE_HIGH_LOONG;
                for (size_t b = 0; b < sizeof(bytes); b++)
                        snprintf(ret + 2 * b, 3, "%02x", bytes[b]);
                return true;
        }
        return false;
}

/* The value of the line that starts with `key`, NULL when there is none; `line_size` without its end. */
static const char *entry_value(const char *entry, const char *key, size_t *ret_size)
{
        size_t key_size = strlen(key);

        for (const char *line = entry; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, key_size) != 0)
                        continue;
                *ret_size = strcspn(line + key_size, "\n");
                return line + key_size;
        }
        return NULL;
}

static bool entry_runs(int dir, const char *name, const char *magic)
{
        _cleanup_free_ char *entry = NULL;
        const char *value;
        size_t size;

        if (fd_read_file(dir, name, ENTRY_MAX, &entry, NULL) < 0 || strncmp(entry, "enabled\n", 8) != 0)
                return false;
        value = entry_value(entry, "flags: ", &size);
        if (!value || !memchr(value, 'F', size))
                return false;
        value = entry_value(entry, "offset ", &size);
        if (!value || size != 1 || *value != '0')
                return false;
        value = entry_value(entry, "magic ", &size);
        return value && size >= strlen(magic) && strncmp(value, magic, strlen(magic)) == 0;
}

static bool emulated(const char *image, const char *binfmt)
{
        _cleanup_closedir_ DIR *dir = NULL;
        _cleanup_free_ char *status = NULL;
        char magic[2 * ELF_HEADER_SIZE + 1];

        if (!elf_magic(image, magic))
                return false;
        dir = opendir(binfmt);
        if (!dir || fd_read_file(dirfd(dir), "status", ENTRY_MAX, &status, NULL) < 0 ||
            strcmp(status, "enabled\n") != 0)
                return false;
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.' || strcmp(entry->d_name, "status") == 0 ||
                    strcmp(entry->d_name, "register") == 0)
                        continue;
                if (entry_runs(dirfd(dir), entry->d_name, magic))
                        return true;
        }
        return false;
}

bool architecture_runs(const char *image, const char *host, const char *binfmt)
{
        return same_processor(image, host) || emulated(image, binfmt);
}
