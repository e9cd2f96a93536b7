/* build_options: what the options of the build command fill. */
#pragma once

#include <stdbool.h>

#include "base/text.h"

struct build_options {
        const char *arch, *arch_variant;
        const char *mksquashfs_args;
        bool data, fix_perms, force, reproducible, sandbox;
        bool remote;

        /* Taken, since job scripts and the environment have them, and without effect on the sources there
         * are. */
        bool disable_cache, fakeroot, ignored, json, no_cleanup, no_https, notest, userns, writable_tmpfs,
                nvccli;
        const char *authfile, *docker_host, *docker_user, *docker_password, *library, *tmpdir, *ignored_text;
        bool docker_login;
        struct text_list ignored_array, ignored_list;
};
