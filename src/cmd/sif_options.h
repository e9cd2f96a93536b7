/* sif_options: what the options of `sif` commands fill, and what their handlers share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "image/sif.h"

/* header, list, info */
struct sif_show_options {
        bool json;
};

struct sif_add_options {
        int64_t datatype;
        int64_t parttype, partfs, partarch;
        int64_t signhash;
        const char *signentity;
        const char *sbomformat;
        uint32_t groupid;
        uint32_t link;
        int64_t alignment;
        const char *filename;
};

/* Opens the image at `path` and loads it; the descriptor goes to *ret_fd, which the caller closes after
 * sif_done(). */
int sif_open_path(const char *path, bool writable, struct sif *s, int *ret_fd, struct err *e);
/* An object ID as typed. */
int sif_parse_id(const char *text, uint32_t *ret, struct err *e);
