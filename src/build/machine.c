#include "build/machine.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clean.h"
#include "base/text.h"
#include "build/walk.h"

/* Not in every elf.h. */
#define MACHINE_486       6
#define MACHINE_RISCV     243
#define MACHINE_LOONGARCH 258

struct machine_program {
        const struct tree_inode *file;
        const char *name;
};

struct machine_kind {
        uint16_t number;
        uint8_t class, order;
        const char *name;
};

static const struct machine_kind machines[] = {
        { EM_386, ELFCLASS32, ELFDATA2LSB, "386" },
        { MACHINE_486, ELFCLASS32, ELFDATA2LSB, "386" },
        { EM_X86_64, ELFCLASS64, ELFDATA2LSB, "amd64" },
        { EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm" },
        { EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "arm64" },
        { EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64le" },
        { EM_PPC64, ELFCLASS64, ELFDATA2MSB, "ppc64" },
        { EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x" },
        { EM_MIPS, ELFCLASS32, ELFDATA2MSB, "mips" },
        { EM_MIPS, ELFCLASS32, ELFDATA2LSB, "mipsle" },
        { EM_MIPS, ELFCLASS64, ELFDATA2MSB, "mips64" },
        { EM_MIPS, ELFCLASS64, ELFDATA2LSB, "mips64le" },
        { MACHINE_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64" },
        { MACHINE_LOONGARCH, ELFCLASS64, ELFDATA2LSB, "loong64" },
};

const char *machine_of_head(const uint8_t *head, size_t size)
{
        uint16_t number;

        if (size < MACHINE_HEAD_SIZE || memcmp(head, ELFMAG, SELFMAG) != 0)
                return NULL;
        number = head[EI_DATA] == ELFDATA2MSB ? (uint16_t) (head[18] << 8 | head[19])
                                              : (uint16_t) (head[19] << 8 | head[18]);
        for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
                if (machines[i].number == number && machines[i].class == head[EI_CLASS] &&
                    machines[i].order == head[EI_DATA])
                        return machines[i].name;
        return NULL;
}

void machine_init(struct machine *m, struct tree *t)
{
        struct tree_node *shell = tree_resolve(t, "/bin/sh", true, NULL);

        *m = (struct machine){ .tree = t,
                               .shell = shell && S_ISREG(shell->inode->mode) ? shell->inode : NULL };
}

void machine_done(struct machine *m)
{
        free(m->programs);
        *m = (struct machine){ 0 };
}

void machine_see(struct machine *m, const struct tree_inode *file, const uint8_t *head, size_t size)
{
        const char *name = machine_of_head(head, size);

        if (file == m->shell)
                m->of_shell = name;
        if (!name || !(file->mode & 0111))
                return;
        if (m->n == m->room) {
                m->room = m->room ? m->room * 2 : 64;
                m->programs = text_realloc(m->programs, m->room * sizeof(*m->programs));
        }
        m->programs[m->n++] = (struct machine_program){ .file = file, .name = name };
}

static int compare_programs(const void *x, const void *y)
{
        const struct machine_program *a = x, *b = y;

        return (a->file > b->file) - (a->file < b->file);
}

struct first_program {
        const struct machine *m;
        const char *name;
};

static int find_first(struct tree_node *node, void *user)
{
        struct first_program *first = user;
        struct machine_program key = { .file = node->inode }, *found;

        found = bsearch(&key, first->m->programs, first->m->n, sizeof(key), compare_programs);
        first->name = found ? found->name : NULL;
        return found ? 1 : 0;
}

const char *machine_name(struct machine *m)
{
        struct first_program first = { .m = m };
        struct walk walk = { .enter = find_first, .user = &first };

        if (m->of_shell || m->n == 0)
                return m->of_shell;
        qsort(m->programs, m->n, sizeof(*m->programs), compare_programs);
        walk_tree(m->tree, &walk);
        return first.name;
}
