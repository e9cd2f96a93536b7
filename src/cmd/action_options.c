#include "cmd/action_options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

#define FIELD(member) .offset = offsetof(struct action_options, member)

/* Options that only matter for images fetched from elsewhere are taken without complaint also for local ones:
 * job scripts and login environments set them once for everything. */
static const struct cli_option common[] = {
        { 0, "add-caps", "CAPS", CLI_STRING, FIELD(add_caps), .env = { "ADD_CAPS" },
          .help = "capabilities to add, separated by commas" },
        { 0, "allow-setuid", NULL, CLI_BOOL, FIELD(allow_setuid), .env = { "ALLOW_SETUID" },
          .help = "let setuid programs of the image work (root only)" },
        { 0, "app", "NAME", CLI_STRING, FIELD(app), .env = { "APP", "APPNAME" },
          .help = "use this application of the image (SCIF)" },
        { 0, "apply-cgroups", "FILE", CLI_STRING, FIELD(apply_cgroups), .env = { "APPLY_CGROUPS" },
          .flags = CLI_NOT_YET | CLI_PATH, .help = "limits from a TOML file" },
        { 0, "authfile", "FILE", CLI_STRING, FIELD(authfile), .env = { "AUTH_FILE" }, .flags = CLI_PATH,
          .help = "credentials for registries, in Docker's format" },
        { 'B', "bind", "SRC[:DST[:OPTS]]", CLI_ARRAY, FIELD(binds), .env = { "BIND", "BINDPATH" },
          .flags = CLI_APPEND_ENV | CLI_PATH,
          .help = "show a path of the host in the container, at the same place or at DST; options: ro, rw; "
                  "image-src=PATH and id=N show what is at PATH in the image file SRC. Several by commas or by "
                  "repeating" },
        { 0, "blkio-weight", "N", CLI_INT, FIELD(blkio_weight), .env = { "BLKIO_WEIGHT" },
          .flags = CLI_NOT_YET, .help = "share of block I/O, 10 to 1000" },
        { 0, "blkio-weight-device", "DEVICE:N", CLI_LIST, FIELD(blkio_weight_devices),
          .env = { "BLKIO_WEIGHT_DEVICE" }, .flags = CLI_NOT_YET, .help = "share of one device's I/O" },
        { 'e', "cleanenv", NULL, CLI_BOOL, FIELD(cleanenv), .env = { "CLEANENV" },
          .help = "leave the variables of the host outside" },
        { 0, "compat", NULL, CLI_BOOL, FIELD(compat), .env = { "COMPAT" },
          .help = "start the way OCI runtimes do" },
        { 0, "compat32", NULL, CLI_BOOL, FIELD(compat32), .env = { "COMPAT32" }, .flags = CLI_NOT_YET,
          .help = "32-bit GPU libraries too" },
        { 'c', "contain", NULL, CLI_BOOL, FIELD(contain), .env = { "CONTAIN" },
          .help = "small /dev, empty home and temporary directories instead of those of the host" },
        { 'C', "containall", NULL, CLI_BOOL, FIELD(containall), .env = { "CONTAINALL" },
          .help = "--contain, and also --pid, --ipc and --cleanenv" },
        { 0, "containlibs", "FILE", CLI_LIST, FIELD(containlibs), .env = { "CONTAINLIBS" },
          .flags = CLI_NOT_YET | CLI_HIDDEN, .help = "libraries put into /.singularity.d/libs" },
        { 0, "cpu-shares", "N", CLI_INT, FIELD(cpu_shares), .env = { "CPU_SHARES" }, .flags = CLI_NOT_YET,
          .help = "share of processor time" },
        { 0, "cpus", "N", CLI_STRING, FIELD(cpus), .flags = CLI_NOT_YET,
          .help = "number of processors, may be a fraction" },
        { 0, "cpuset-cpus", "LIST", CLI_STRING, FIELD(cpuset_cpus), .env = { "CPUSET_CPUS" },
          .flags = CLI_NOT_YET, .help = "processors to run on" },
        { 0, "cpuset-mems", "LIST", CLI_STRING, FIELD(cpuset_mems), .env = { "CPUSET_MEMS" },
          .flags = CLI_NOT_YET, .help = "memory nodes to use" },
        { 0, "disable-cache", NULL, CLI_BOOL, FIELD(disable_cache), .env = { "DISABLE_CACHE" },
          .help = "neither read nor fill the cache of fetched images" },
        { 0, "dns", "SERVERS", CLI_STRING, FIELD(dns), .env = { "DNS" },
          .help = "addresses of name servers for resolv.conf, separated by commas" },
        { 0, "docker-host", "ADDRESS", CLI_STRING, FIELD(docker_host), .env = { "DOCKER_HOST" },
          .flags = CLI_BARE_ENV, .help = "where the Docker daemon listens" },
        { 0, "docker-login", NULL, CLI_BOOL, FIELD(docker_login), .env = { "DOCKER_LOGIN" },
          .help = "ask for the registry's user and password" },
        { 0, "docker-password", "PASSWORD", CLI_STRING, FIELD(docker_password), .env = { "DOCKER_PASSWORD" },
          .flags = CLI_BARE_ENV | CLI_HIDDEN, .help = "password for the registry" },
        { 0, "docker-username", "NAME", CLI_STRING, FIELD(docker_username), .env = { "DOCKER_USERNAME" },
          .flags = CLI_BARE_ENV | CLI_HIDDEN, .help = "user name for the registry" },
        { 0, "drop-caps", "CAPS", CLI_STRING, FIELD(drop_caps), .env = { "DROP_CAPS" },
          .help = "capabilities to take away" },
        { 0, "env", "NAME=VALUE", CLI_MAP, FIELD(env), .help = "set a variable in the container" },
        { 0, "env-file", "FILE", CLI_LIST, FIELD(env_files), .env = { "ENV_FILE" }, .flags = CLI_PATH,
          .help = "set variables from a file of shell assignments" },
        { 'f', "fakeroot", NULL, CLI_BOOL, FIELD(fakeroot), .env = { "FAKEROOT" },
          .help = "be root in the container" },
        { 0, "fusemount", "SPEC", CLI_LIST, FIELD(fusemounts), .env = { "FUSESPEC" },
          .help = "a FUSE file system: container:PROGRAM ARGS... DIR, or host:, container-daemon:, host-daemon: for where the program runs and whether it goes to the background; implies --pid" },
        { 'H', "home", "SRC[:DST]", CLI_STRING, FIELD(home), .env = { "HOME" }, .flags = CLI_PATH,
          .help = "home directory: a directory of the host, and where it appears" },
        { 0, "hostname", "NAME", CLI_STRING, FIELD(hostname), .env = { "HOSTNAME" },
          .help = "host name in the container; implies --uts" },
        { 0, "ignore-fakeroot-command", NULL, CLI_BOOL, FIELD(ignore_fakeroot_command),
          .env = { "IGNORE_FAKEROOT_COMMAND" }, .flags = CLI_HIDDEN,
          .help = "never use the fakeroot program" },
        { 0, "ignore-subuid", NULL, CLI_BOOL, FIELD(ignore_subuid), .env = { "IGNORE_SUBUID" },
          .flags = CLI_HIDDEN, .help = "act as if the user had no subordinate ids" },
        { 0, "ignore-userns", NULL, CLI_BOOL, FIELD(ignore_userns), .env = { "IGNORE_USERNS" },
          .flags = CLI_HIDDEN, .help = "make no user namespace" },
        { 0, "intel-hpu", NULL, CLI_BOOL, FIELD(intel_hpu), .env = { "INTEL_HPU" }, .flags = CLI_NOT_YET,
          .help = "Gaudi devices in a small /dev" },
        { 'i', "ipc", NULL, CLI_BOOL, FIELD(ipc), .env = { "IPC", "UNSHARE_IPC" },
          .help = "new IPC namespace" },
        { 0, "keep-privs", NULL, CLI_BOOL, FIELD(keep_privs), .env = { "KEEP_PRIVS" },
          .help = "root keeps all capabilities (root only)" },
        { 0, "memory", "SIZE", CLI_STRING, FIELD(memory), .env = { "MEMORY" }, .flags = CLI_NOT_YET,
          .help = "memory limit, such as 512m or 2g" },
        { 0, "memory-reservation", "SIZE", CLI_STRING, FIELD(memory_reservation),
          .env = { "MEMORY_RESERVATION" }, .flags = CLI_NOT_YET, .help = "soft memory limit" },
        { 0, "memory-swap", "SIZE", CLI_STRING, FIELD(memory_swap), .env = { "MEMORY_SWAP" },
          .flags = CLI_NOT_YET, .help = "limit of memory and swap, -1 for none" },
        { 0, "mount", "SPEC", CLI_ARRAY, FIELD(mounts), .env = { "MOUNT" }, .flags = CLI_APPEND_ENV,
          .help = "as --bind, by names: fields type=bind, source=SRC, target=DST, readonly as one record of CSV" },
        { 'n', "net", NULL, CLI_BOOL, FIELD(net), .env = { "NET", "UNSHARE_NET" },
          .help = "new network namespace; --network says what is in it" },
        { 0, "netns-path", "FILE", CLI_STRING, FIELD(netns_path), .env = { "NETNS_PATH" }, .flags = CLI_PATH,
          .help = "network namespace to join (root only)" },
        { 0, "network", "NAMES", CLI_STRING, FIELD(network), .env = { "NETWORK" },
          .help = "networks to attach, implies --net; none: nothing but lo, the only one for ordinary users" },
        { 0, "network-args", "ARGS", CLI_LIST, FIELD(network_args), .env = { "NETWORK_ARGS" },
          .help = "arguments for the network; implies --net" },
        { 0, "no-env", "NAME", CLI_LIST, FIELD(no_env), .env = { "NOENV" },
          .help = "leave these variables of the host outside" },
        { 0, "no-eval", NULL, CLI_BOOL, FIELD(no_eval), .env = { "NO_EVAL" },
          .help = "pass values of variables and arguments of OCI images as they are, without a shell's expansion" },
        { 0, "no-home", NULL, CLI_BOOL, FIELD(no_home), .env = { "NO_HOME" },
          .help = "do not show the home directory, unless it is the working directory" },
        { 0, "no-https", NULL, CLI_BOOL, FIELD(no_https), .env = { "NOHTTPS", "NO_HTTPS" },
          .help = "talk plain http to registries" },
        { 0, "nohttps", NULL, CLI_BOOL, FIELD(no_https), .flags = CLI_DEPRECATED, .note = "use --no-https" },
        { 0, "no-init", NULL, CLI_BOOL, FIELD(no_init), .env = { "NOSHIMINIT" },
          .help = "with --pid: the program itself is process 1" },
        { 0, "no-mount", "KIND", CLI_LIST, FIELD(no_mount), .env = { "NO_MOUNT" },
          .help = "leave out a mount that is there by default: proc, sys, dev, devpts, home, tmp, hostfs, cwd, "
                  "bind-paths, or the path of one" },
        { 0, "no-nv", NULL, CLI_BOOL, FIELD(no_nv), .env = { "NV_OFF", "NO_NV" }, .flags = CLI_HIDDEN,
          .help = "no NVIDIA support even where the site turns it on" },
        { 0, "no-privs", NULL, CLI_BOOL, FIELD(no_privs), .env = { "NO_PRIVS" },
          .help = "root gets no capabilities" },
        { 0, "no-rocm", NULL, CLI_BOOL, FIELD(no_rocm), .env = { "ROCM_OFF", "NO_ROCM" }, .flags = CLI_HIDDEN,
          .help = "no AMD GPU support even where the site turns it on" },
        { 0, "no-umask", NULL, CLI_BOOL, FIELD(no_umask), .env = { "NO_UMASK" },
          .help = "umask 0022 in the container instead of the caller's" },
        { 0, "nv", NULL, CLI_BOOL, FIELD(nv), .env = { "NV" }, .flags = CLI_NOT_YET, .help = "NVIDIA GPUs" },
        { 0, "nvccli", NULL, CLI_BOOL, FIELD(nvccli), .env = { "NVCCLI" }, .flags = CLI_NOT_YET,
          .help = "NVIDIA GPUs by nvidia-container-cli" },
        { 0, "oom-kill-disable", NULL, CLI_BOOL, FIELD(oom_kill_disable), .env = { "OOM_KILL_DISABLE" },
          .flags = CLI_NOT_YET, .help = "stop instead of being killed at the memory limit" },
        { 'o', "overlay", "PATH[:ro]", CLI_LIST, FIELD(overlays), .env = { "OVERLAY", "OVERLAYIMAGE" },
          .flags = CLI_PATH,
          .help = "a layer over the image: a directory, or a squashfs, ext3 or SIF image; written unless :ro. "
                  "The last is on top" },
        { 0, "passphrase", NULL, CLI_BOOL, FIELD(passphrase), .flags = CLI_NOT_YET,
          .help = "ask for the passphrase of an encrypted image" },
        { 0, "pem-path", "FILE", CLI_STRING, FIELD(pem_path), .flags = CLI_NOT_YET | CLI_PATH,
          .help = "key of an encrypted image" },
        { 0, "pids-limit", "N", CLI_INT, FIELD(pids_limit), .env = { "PIDS_LIMIT" }, .flags = CLI_NOT_YET,
          .help = "number of processes, -1 for no limit" },
        { 0, "rocm", NULL, CLI_BOOL, FIELD(rocm), .env = { "ROCM" }, .flags = CLI_NOT_YET,
          .help = "AMD GPUs" },
        { 'S', "scratch", "DIR", CLI_LIST, FIELD(scratch), .env = { "SCRATCH", "SCRATCHDIR" },
          .help = "an empty writable directory at this place" },
        { 0, "security", "FEATURE:VALUE", CLI_LIST, FIELD(security), .env = { "SECURITY" },
          .help = "uid:N, gid:N[:N], seccomp:FILE, apparmor:PROFILE, selinux:LABEL" },
        { 0, "tmpdir", "DIR", CLI_STRING, FIELD(tmpdir), .env = { "TMPDIR" }, .flags = CLI_HIDDEN | CLI_PATH,
          .help = "where unfinished images are kept" },
        { 0, "underlay", NULL, CLI_BOOL, FIELD(underlay), .env = { "UNDERLAY" }, .flags = CLI_DEPRECATED,
          .note = "the overlay does the same", .help = "make mount points without an overlay" },
        { 0, "unsquash", NULL, CLI_BOOL, FIELD(unsquash), .env = { "UNSQUASH" },
          .help = "start from a copy that is unpacked to a temporary directory" },
        { 'u', "userns", NULL, CLI_BOOL, FIELD(userns), .env = { "USERNS", "UNSHARE_USERNS" },
          .help = "new user namespace, for root too" },
        { 0, "uts", NULL, CLI_BOOL, FIELD(uts), .env = { "UTS", "UNSHARE_UTS" },
          .help = "new UTS namespace" },
        { 'W', "workdir", "DIR", CLI_STRING, FIELD(workdir), .env = { "WORKDIR" }, .flags = CLI_PATH,
          .help = "where contained temporary directories are kept" },
        { 'w', "writable", NULL, CLI_BOOL, FIELD(writable), .env = { "WRITABLE" },
          .help = "write into the image itself" },
        { 0, "writable-tmpfs", NULL, CLI_BOOL, FIELD(writable_tmpfs), .env = { "WRITABLE_TMPFS" },
          .help = "a writable layer that goes away afterwards" },
};

static const struct cli_option foreground[] = {
        { 0, "cdi-dirs", "DIR", CLI_LIST, FIELD(cdi_dirs), .flags = CLI_NOT_YET | CLI_PATH,
          .help = "where device descriptions (CDI) are" },
        { 0, "cwd", "DIR", CLI_STRING, FIELD(cwd), .env = { "CWD", "TARGET_CWD" },
          .help = "working directory in the container" },
        { 0, "device", "NAME", CLI_LIST, FIELD(devices), .flags = CLI_NOT_YET,
          .help = "devices by CDI name" },
        { 0, "no-pid", NULL, CLI_BOOL, FIELD(no_pid), .env = { "NO_PID" },
          .help = "no new PID namespace; without effect next to options that need one" },
        { 'p', "pid", NULL, CLI_BOOL, FIELD(pid), .env = { "PID", "UNSHARE_PID" },
          .help = "new PID namespace" },
        { 0, "pwd", "DIR", CLI_STRING, FIELD(cwd), .env = { "PWD", "TARGET_PWD" }, .flags = CLI_HIDDEN,
          .help = "older name of --cwd" },
        { 0, "sharens", NULL, CLI_BOOL, FIELD(sharens), .env = { "SHARENS" }, .flags = CLI_NOT_YET,
          .help = "one container for all processes of the same parent" },
};

static const struct cli_option run[] = {
        { 0, "runscript-timeout", "DURATION", CLI_STRING, FIELD(runscript_timeout),
          .env = { "RUNSCRIPT_TIMEOUT" }, .help = "checked, but without effect: starting has no time limit" },
};

static const struct cli_option shell[] = {
        { 's', "shell", "PROGRAM", CLI_STRING, FIELD(shell), .env = { "SHELL" },
          .help = "program to use as the shell" },
};

#define TABLE(options)                                                                                       \
        {                                                                                                    \
                options, ARRAY_SIZE(options)                                                                 \
        }

const struct cli_option_table action_tables_exec[2] = { TABLE(common), TABLE(foreground) };
const struct cli_option_table action_tables_run[3] = { TABLE(common), TABLE(foreground), TABLE(run) };
const struct cli_option_table action_tables_shell[3] = { TABLE(common), TABLE(foreground), TABLE(shell) };

/* "1h30m", "90s", "1.5s", "0": numbers each with a unit (Go, package time, ParseDuration). */
static bool is_duration(const char *text)
{
        static const char *const units[] = { "ns", "us", "ms", "h", "m", "s" };

        if (*text == '-' || *text == '+')
                text++;
        if (strcmp(text, "0") == 0)
                return true;
        if (!*text)
                return false;
        while (*text) {
                size_t digits = strspn(text, "0123456789"), unit = 0;

                text += digits;
                if (*text == '.') {
                        size_t more = strspn(text + 1, "0123456789");

                        digits += more;
                        text += 1 + more;
                }
                while (unit < ARRAY_SIZE(units) && !text_starts(text, units[unit]))
                        unit++;
                if (!digits || unit == ARRAY_SIZE(units))
                        return false;
                text += strlen(units[unit]);
        }
        return true;
}

int action_options_settle(struct action_options *o, struct err *e)
{
        if (o->runscript_timeout && !is_duration(o->runscript_timeout))
                return err_set(e, -EINVAL,
                               "--runscript-timeout: \"%s\" is not a duration such as 90s or 1m30s",
                               o->runscript_timeout);
        if (o->compat)
                o->containall = o->writable_tmpfs = o->no_init = o->no_umask = o->no_eval = true;
        if (o->ignore_userns)
                o->userns = false;
        if (o->fusemounts.n)
                o->pid = true;
        if (o->containall)
                o->contain = o->pid = o->ipc = o->cleanenv = true;
        return 0;
}
