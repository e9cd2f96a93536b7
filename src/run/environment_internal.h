/* environment_internal: between environment.c and environment_file.c only. */
#pragma once

#include "run/env_script_variables.h"
#include "run/environment.h"

/* The variables that the files of --env-file set or change, later files first. */
int environment_read_files(struct variables *ret, const struct environment_request *request,
                           const struct notes *notes, struct err *e);
