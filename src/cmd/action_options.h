/* action_options: what the commands that start a container (exec, run, shell, test) have in common.
 *
 * The tables fill this struct; the handler settles it (action_options_settle) and hands what it says down to
 * run/.  Fields of options that are still CLI_NOT_YET in action_options.c stay zero: whoever builds one takes
 * that flag away.  Value grammars: spec of each option in its help text and docs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/cli.h"

struct action_options {
        /* mounts */
        struct text_list binds;    /* each "src[:dst[:opts]]", several by commas; environment included */
        struct text_list mounts;   /* each CSV of key=value */
        struct text_list no_mount; /* kinds or absolute targets */
        struct text_list scratch;
        struct text_list overlays;
        struct text_list fusemounts;
        struct text_list containlibs;
        const char *home; /* "src[:dst]"; NULL: the user's own */
        const char *workdir;
        const char *cwd; /* --cwd and --pwd */
        bool no_home;
        bool contain;
        bool containall;
        bool compat;
        bool writable;
        bool writable_tmpfs;
        bool underlay;
        bool unsquash;

        /* environment */
        struct text_list env; /* "key=value" */
        struct text_list env_files;
        struct text_list no_env; /* names of host variables that stay outside */
        bool cleanenv;
        bool no_eval;
        const char *app;
        const char *shell;             /* of the command shell */
        const char *runscript_timeout; /* a duration such as "90s" */

        /* namespaces and identity */
        bool pid;
        bool no_pid;
        bool ipc;
        bool userns;
        bool uts;
        bool net;
        bool sharens;
        bool no_init;
        bool no_umask;
        bool fakeroot;
        bool ignore_fakeroot_command;
        bool ignore_subuid;
        bool ignore_userns;
        const char *hostname;
        const char *network;
        struct text_list network_args;
        const char *netns_path;
        const char *dns;
        const char *add_caps;
        const char *drop_caps;
        bool keep_privs;
        bool no_privs;
        bool allow_setuid;
        struct text_list security;

        /* devices */
        bool nv;
        bool no_nv;
        bool nvccli;
        bool rocm;
        bool no_rocm;
        bool intel_hpu;
        bool compat32;
        struct text_list devices;
        struct text_list cdi_dirs;

        /* limits */
        const char *apply_cgroups;
        int64_t blkio_weight;
        struct text_list blkio_weight_devices;
        int64_t cpu_shares;
        const char *cpus;
        const char *cpuset_cpus;
        const char *cpuset_mems;
        const char *memory;
        const char *memory_reservation;
        const char *memory_swap;
        bool oom_kill_disable;
        int64_t pids_limit;

        /* getting and opening the image */
        bool disable_cache;
        bool no_https;
        bool docker_login;
        bool passphrase;
        const char *authfile;
        const char *docker_host;
        const char *docker_username;
        const char *docker_password;
        const char *pem_path;
        const char *tmpdir;
};

/* The tables of each command. */
extern const struct cli_option_table action_tables_exec[2]; /* exec and test */
extern const struct cli_option_table action_tables_run[3];
extern const struct cli_option_table action_tables_shell[3];

/* Carries out what one option implies for others (--containall: --contain, --pid, --ipc, --cleanenv) and
 * checks values that need nothing but themselves. */
int action_options_settle(struct action_options *options, struct err *e);
