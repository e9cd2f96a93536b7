/* machine: which machine a root file system is for, from the ELF heads of its programs
 * (spec image-formats.md, 5.4).
 *
 * /bin/sh decides; without it the first program in the order of the tree.  Heads are kept while content
 * passes by, so that nothing is read twice.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "image/tree.h"

#define MACHINE_HEAD_SIZE 20 /* e_ident, e_type, e_machine: elf(5) */

/* Go's name for the machine of an ELF file, or NULL for no ELF or an unknown machine. */
const char *machine_of_head(const uint8_t *head, size_t size);

struct machine_program;

struct machine {
        struct tree *tree;
        const struct tree_inode *shell; /* what /bin/sh is in the tree; NULL: not there */
        const char *of_shell;
        struct machine_program *programs; /* owned: those seen */
        size_t n, room;
};

/* Looks /bin/sh up in the finished tree. */
void machine_init(struct machine *m, struct tree *t);
void machine_done(struct machine *m);

/* The first bytes of a file, any order of files. */
void machine_see(struct machine *m, const struct tree_inode *file, const uint8_t *head, size_t size);
/* NULL: not recognised. */
const char *machine_name(struct machine *m);

#define _cleanup_machine_ __attribute__((cleanup(machine_done)))
