/* execve, and the reason when it fails (spec runtime.md 2.3; elf(5), execve(2)). */
#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/command.h"

#define HEADER_SIZE_MAX  65536 /* of a file that is looked at; program headers come first in practice */
#define INTERPRETER_MAX  4096  /* PATH_MAX */
#define HEADERS_SEEN_MAX 128   /* program headers of real files: some ten */

static const struct {
        uint16_t machine;
        uint8_t bits;
        const char *name;
} machines[] = {
        { EM_X86_64, 64, "amd64" },  { EM_386, 32, "386" },       { EM_AARCH64, 64, "arm64" },
        { EM_ARM, 32, "arm" },       { EM_PPC64, 64, "ppc64le" }, { EM_S390, 64, "s390x" },
        { EM_RISCV, 64, "riscv64" }, { EM_MIPS, 64, "mips64" },   { EM_MIPS, 32, "mips" },
};

#if defined(__x86_64__)
#define OWN_MACHINE "amd64"
#elif defined(__aarch64__)
#define OWN_MACHINE "arm64"
#elif defined(__powerpc64__)
#define OWN_MACHINE "ppc64le"
#elif defined(__s390x__)
#define OWN_MACHINE "s390x"
#elif defined(__riscv)
#define OWN_MACHINE "riscv64"
#else
#define OWN_MACHINE "unknown"
#endif

struct header {
        char *bytes; /* owned */
        size_t size;
};

static void header_done(struct header *h)
{
        free(h->bytes);
}

static int open_below(int root, const char *path)
{
        int fd = path[0] == '/' ? fd_open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
                                : openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        return fd < 0 ? -ENOENT : fd;
}

static int header_read(struct header *h, int root, const char *path)
{
        _cleanup_close_ int fd = open_below(root, path);
        ssize_t n;

        if (fd < 0)
                return fd;
        h->bytes = text_alloc(HEADER_SIZE_MAX + 1);
        n = pread(fd, h->bytes, HEADER_SIZE_MAX, 0);
        if (n < 0)
                return -errno;
        h->size = (size_t) n;
        return 0;
}

/* An unsigned number of an ELF file of the given byte order; 0 beyond the bytes that were read. */
static uint64_t field(const struct header *h, uint64_t at, size_t size)
{
        bool big = h->bytes[EI_DATA] == ELFDATA2MSB;
        uint64_t value = 0;

        if (at > h->size || size > h->size - at)
                return 0;
        for (size_t i = 0; i < size; i++)
                value = value << 8 | (unsigned char) h->bytes[at + (big ? i : size - 1 - i)];
        return value;
}

static bool is_elf(const struct header *h)
{
        return h->size >= sizeof(Elf32_Ehdr) && memcmp(h->bytes, ELFMAG, SELFMAG) == 0;
}

static const char *machine_name(const struct header *h)
{
        uint64_t machine = field(h, offsetof(Elf64_Ehdr, e_machine), 2);
        unsigned bits = h->bytes[EI_CLASS] == ELFCLASS64 ? 64 : 32;

        for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
                if (machines[i].machine == machine && machines[i].bits == bits)
                        return machines[i].name;
        return "another architecture";
}

/* The loader that an ELF file names, or NULL.  The caller frees it. */
static char *elf_interpreter(const struct header *h)
{
        bool wide = h->bytes[EI_CLASS] == ELFCLASS64;
        uint64_t table = wide ? field(h, offsetof(Elf64_Ehdr, e_phoff), 8)
                              : field(h, offsetof(Elf32_Ehdr, e_phoff), 4);
        uint64_t n = wide ? field(h, offsetof(Elf64_Ehdr, e_phnum), 2)
                          : field(h, offsetof(Elf32_Ehdr, e_phnum), 2);
        size_t record = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

        for (uint64_t i = 0; i < n && i < HEADERS_SEEN_MAX; i++) {
                uint64_t at, offset, size;

                if (table > h->size)
                        break;
                at = table + i * record;
                if (field(h, at, 4) != PT_INTERP)
                        continue;
                offset = wide ? field(h, at + offsetof(Elf64_Phdr, p_offset), 8)
                              : field(h, at + offsetof(Elf32_Phdr, p_offset), 4);
                size = wide ? field(h, at + offsetof(Elf64_Phdr, p_filesz), 8)
                            : field(h, at + offsetof(Elf32_Phdr, p_filesz), 4);
                if (offset > h->size || size > h->size - offset || size == 0 || size > INTERPRETER_MAX)
                        break;
                return text_dup_bytes(h->bytes + offset, strnlen(h->bytes + offset, size));
        }
        return NULL;
}

/* What stands behind "#!", or NULL.  The caller frees it. */
static char *script_interpreter(const struct header *h)
{
        const char *at = h->bytes + 2;

        if (h->size < 3 || h->bytes[0] != '#' || h->bytes[1] != '!')
                return NULL;
        at += strspn(at, " \t");
        return text_dup_bytes(at, strcspn(at, " \t\r\n"));
}

static int missing_interpreter(const char *file, const char *interpreter, bool elf, struct err *e)
{
        if (elf) {
                err_set(e, -ENOENT,
                        "exec %s failed: a shared library is likely missing in the image: its loader %s is not there",
                        file, interpreter);
                return err_hint(
                        e, -ENOENT,
                        "the program was built for another C library (glibc or musl) than the image has");
        }
        return err_set(e, -ENOENT, "exec %s failed: its interpreter %s is not in the image", file,
                       interpreter);
}

/* ENOENT although the file is there: what it needs is not. */
static int explain_missing(const char *file, int root, struct err *e)
{
        _cleanup_(header_done) struct header h = { .bytes = NULL };
        _cleanup_free_ char *interpreter = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = header_read(&h, root, file);

        if (r < 0)
                return err_set(e, -ENOENT, "stat %s: no such file or directory", file);
        interpreter = is_elf(&h) ? elf_interpreter(&h) : script_interpreter(&h);
        if (interpreter)
                fd = open_below(root, interpreter);
        if (interpreter && fd < 0)
                return missing_interpreter(file, interpreter, is_elf(&h), e);
        if (interpreter && !is_elf(&h))
                return err_set(e, -ENOENT,
                               "exec %s failed: what its interpreter %s needs is not in the image", file,
                               interpreter);
        return err_set(e, -ENOENT, "exec %s failed: a shared library is likely missing in the image", file);
}

/* ENOEXEC: an ELF file of another architecture, or text without "#!", which /bin/sh takes. */
static int execute_text(const struct command *command, int root, struct err *e)
{
        _cleanup_(header_done) struct header h = { .bytes = NULL };
        _cleanup_text_list_ struct text_list argv = TEXT_LIST_INIT;
        int r = header_read(&h, root, command->file);

        if (r < 0)
                return err_errno(e, r, "exec %s failed", command->file);
        if (is_elf(&h) && strcmp(machine_name(&h), OWN_MACHINE) != 0)
                return err_set(e, -ENOEXEC, "exec %s failed: it is for %s, this machine is %s", command->file,
                               machine_name(&h), OWN_MACHINE);
        if (is_elf(&h))
                return err_set(e, -ENOEXEC, "exec %s failed: the kernel does not take this program",
                               command->file);
        text_list_add(&argv, "/bin/sh");
        text_list_add(&argv, command->file);
        for (size_t i = 1; i < command->argv.n; i++)
                text_list_add(&argv, command->argv.at[i]);
        execve("/bin/sh", argv.at, command->env.at);
        if (errno == ENOENT)
                return err_set(e, -ENOENT,
                               "exec %s failed: it has no \"#!\" line, and there is no /bin/sh in the image",
                               command->file);
        return err_errno(e, -errno, "exec /bin/sh for %s failed", command->file);
}

int command_execute(const struct command *command, int root, struct err *e)
{
        char *none[] = { NULL };

        execve(command->file, command->argv.at, command->env.at ? command->env.at : none);
        switch (errno) {
        case ENOENT:
                return explain_missing(command->file, root, e);
        case ENOEXEC:
                return execute_text(command, root, e);
        case E2BIG:
                return err_set(e, -E2BIG,
                               "exec %s failed: arguments and environment are too long for the kernel",
                               command->file);
        case EACCES:
                return err_set(e, -EACCES, "%s: permission denied", command->file);
        default:
                return err_errno(e, -errno, "exec %s failed", command->file);
        }
}
