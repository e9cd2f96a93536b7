/* config_options: what the table of `config global` and its handler share. */
#pragma once

#include <stdbool.h>

struct config_global_options {
        bool set, unset, get, reset; /* the first that is given counts, in this order, reset before get */
        bool dry_run;
};
