/* doctor: what the table of the command and its handler share. */
#pragma once

#include <stdbool.h>

struct doctor_options {
        bool json;
};
