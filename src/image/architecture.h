/* architecture: whether programs of one architecture run on a machine of another.
 *
 * Names are those of Go's GOARCH, as images carry them: "amd64", "arm64" …
 * Source: spec image-formats.md, 3.4; kernel Documentation/admin-guide/binfmt-misc.rst.
 */
#pragma once

#include <stdbool.h>

#define ARCHITECTURE_BINFMT "/proc/sys/fs/binfmt_misc"

/* True for "unknown", for the same, for what the processor runs anyway (386 on amd64), and for what an
 * emulator registered in the directory `binfmt` runs, provided that the kernel opens the emulator at
 * registration (flag F): otherwise it would be looked for inside the container. */
bool architecture_runs(const char *image, const char *host, const char *binfmt);
