/* spawn: starts an image server that is nobody's child. */
#pragma once

#include "imagefs/imagefs.h"

/* Starts request->server_path with `socket` (listening, or with `is_private` connected to this start) and the
 * image as its only descriptors, an empty environment, all signals as by default.  It is re-parented to init,
 * so that the program which the caller becomes never meets a child that it did not make.  Returns when the
 * program has been loaded. */
int server_spawn(const struct imagefs_request *request, int socket, bool is_private, struct err *e);
