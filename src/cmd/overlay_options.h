/* What the options of `overlay create` fill. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct overlay_create_options {
        int64_t size; /* MiB */
        struct text_list directories;
        bool sparse;
        bool fakeroot;
        const char *tmpdir;
};
