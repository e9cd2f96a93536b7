/* exec, run, shell, test: from options to a program in a container. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "cmd/action_options.h"
#include "cmd/bound_images.h"
#include "cmd/commands.h"
#include "cmd/image_policy.h"
#include "cmd/installation.h"
#include "cmd/overlays.h"
#include "cmd/report.h"
#include "config/config.h"
#include "host/limits.h"
#include "host/scratch.h"
#include "image/image.h"
#include "run/command.h"
#include "run/environment.h"
#include "run/fakeroot.h"
#include "run/launch.h"
#include "run/plan.h"

/* A day; longer is a service, which an instance is for. */
#define LINGER_MOST_S 86400

struct action {
        const struct cli_call *call;
        const struct action_options *options;
        struct config config;
        struct image image;
        struct identity identity;
        bool privileged;       /* uid 0 that may mount, of whatever user namespace */
        bool nested, many_ids; /* it is not the machine's own; it has more ids than the caller's */
        struct rootfs rootfs;
        struct overlays overlays;
        char *server;  /* owned: path of the image server */
        char *scratch; /* owned: where it unpacks the image, if it does */
        struct rootfs_source_settings source_settings;
        struct rootfs_source_settings overlay_settings;
        struct rootfs_source source;
        struct bound_images bound;
        struct data_images data;
        struct fuse_mounts fuses;
        struct plan plan;
        struct environment environment;
};

static void action_done(struct action *a)
{
        environment_done(&a->environment);
        plan_done(&a->plan);
        data_images_done(&a->data);
        fuse_mounts_done(&a->fuses);
        bound_images_done(&a->bound);
        rootfs_source_done(&a->source);
        free(a->server);
        free(a->scratch);
        identity_done(&a->identity);
        overlays_done(&a->overlays);
        image_done(&a->image);
        config_done(&a->config);
}

/* --- site ----------------------------------------------------------------------------------------------- */

static int load_config(struct action *a, struct err *e)
{
        const struct global_options *global = a->call->root_options;
        _cleanup_free_ char *site = global->config ? NULL : installation_setting("apptainer.conf");

        config_init(&a->config);
        return config_load(&a->config, global->config ? global->config : site, !global->config, &report_notes,
                           e);
}

static int linger(const struct action *a, unsigned *ret, struct err *e)
{
        const char *text = getenv("APPTAINER_IMAGE_LINGER");
        uint64_t seconds = a->config.image_linger_s;

        if (text && *text && num_u64(text, 10, 0, LINGER_MOST_S, &seconds) < 0)
                return err_set(e, -EINVAL,
                               "APPTAINER_IMAGE_LINGER: \"%s\" is not a number of seconds up to %d", text,
                               LINGER_MOST_S);
        *ret = (unsigned) (seconds < LINGER_MOST_S ? seconds : LINGER_MOST_S);
        return 0;
}

/* --- image ---------------------------------------------------------------------------------------------- */

/* Spec cli.md, 2.1: what is a reference to an image elsewhere, not a path. */
static bool is_reference(const char *image)
{
        static const char *const transports[] = { "library",       "shub", "docker",      "docker-archive",
                                                  "docker-daemon", "oci",  "oci-archive", "http",
                                                  "https",         "oras", "buildkit",    "dockerfile",
                                                  "ipfs" };
        const char *colon = strchr(image, ':');
        size_t size = colon ? (size_t) (colon - image) : 0;

        if (!colon)
                return false;
        if (strncmp(colon, "://", 3) == 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
                if (strlen(transports[i]) == size && strncmp(transports[i], image, size) == 0)
                        return true;
        return false;
}

static int refuse_reference(const char *image, struct err *e)
{
        if (text_starts(image, "instance://"))
                return err_set(e, -ENOTSUP, "%s: instances are not supported yet", image);
        err_set(e, -ENOTSUP, "%s: an image that is elsewhere cannot be started directly yet", image);
        return err_hint(e, -ENOTSUP, "make an image file of it first: apptainer build image.sif %s", image);
}

static int set_rootfs(struct action *a, struct err *e)
{
        const struct image *image = &a->image;

        a->rootfs = (struct rootfs){
                .fd = image->fd, .offset = image->offset, .size = image->size, .path = image->path
        };
        switch (image->rootfs) {
        case IMAGE_ROOTFS_DIRECTORY:
                a->rootfs.kind = ROOTFS_DIRECTORY;
                return 0;
        case IMAGE_ROOTFS_SQUASHFS:
                a->rootfs.kind = ROOTFS_SQUASHFS;
                return 0;
        case IMAGE_ROOTFS_EXT3:
                a->rootfs.kind = ROOTFS_EXT3;
                return 0;
        case IMAGE_ROOTFS_ENCRYPTED:
        case IMAGE_ROOTFS_GOCRYPTFS:
                return err_set(e, -ENOTSUP, "%s: it is encrypted, which is not supported yet", image->path);
        }
        return -EINVAL;
}

/* -w: the image itself is written, or a SIF's overlay partition. */
static int set_writable(struct action *a, struct err *e)
{
        const struct image *image = &a->image;

        if (image->kind == IMAGE_SIF && image->rootfs != IMAGE_ROOTFS_EXT3)
                return 0;
        switch (image->kind) {
        case IMAGE_SQUASHFS:
                err_set(e, -EROFS, "could not use %s for writing: squashfs is a read-only file system",
                        image->path);
                return err_hint(e, -EROFS, "write beside it: --overlay DIRECTORY or --writable-tmpfs");
        default:
                if (faccessat(AT_FDCWD, image->path, W_OK, AT_EACCESS) < 0)
                        return err_set(e, -EACCES,
                                       "could not use %s for writing, you don't have write permissions",
                                       image->path);
                a->rootfs.writable = true;
                return 0;
        }
}

static int open_overlays(struct action *a, struct err *e)
{
        const struct action_options *o = a->options;
        int r = 0;

        if (o->writable && o->overlays.n)
                return err_set(e, -EINVAL, "cannot use --overlay in conjunction with --writable");
        if (o->writable)
                r = set_writable(a, e);
        if (r >= 0 && a->rootfs.kind == ROOTFS_EXT3)
                r = overlays_open_root(&a->overlays, &a->image, &a->rootfs, e);
        if (r >= 0)
                r = overlays_add_image(&a->overlays, &a->image, o->writable && !a->rootfs.writable, e);
        for (size_t i = 0; i < o->overlays.n && r >= 0; i++)
                r = overlays_add(&a->overlays, o->overlays.at[i], &a->config, &report_notes, e);
        return r;
}

static int open_image(struct action *a, struct err *e)
{
        const char *path = a->call->argv[0];
        int r;

        if (is_reference(path))
                return refuse_reference(path, e);
        r = image_open(&a->image, path, true, e);
        if (r >= 0)
                r = image_policy_check(&a->image, &a->config, e);
        if (r >= 0)
                r = set_rootfs(a, e);
        return r < 0 ? r : open_overlays(a, e);
}

/* --unsquash, or a machine without FUSE whose site allows it. */
static int choose_unpacking(struct action *a, bool privileged, struct err *e)
{
        bool asked = a->options->unsquash;
        bool instead = a->config.unpack_without_fuse && !privileged && access("/dev/fuse", R_OK | W_OK) < 0;
        int r;

        if (a->rootfs.kind != ROOTFS_SQUASHFS || !(asked || instead))
                return 0;
        r = scratch_directory(a->options->tmpdir, &a->scratch, e);
        if (r < 0)
                return r;
        log_info("Converting SIF file to temporary sandbox...");
        log_verbose("%s, so the image is unpacked below %s",
                    asked ? "--unsquash" : "/dev/fuse cannot be used", a->scratch);
        a->source_settings.unpack_in = a->scratch;
        return 0;
}

static int source_settings(struct action *a, struct err *e)
{
        bool privileged = a->privileged && !a->nested;
        int r;

        a->rootfs.allow_setuid = privileged && a->options->allow_setuid;
        a->source_settings = (struct rootfs_source_settings){
                .privileged = privileged,
                .many_ids = a->privileged && a->many_ids,
                .loop_max = a->config.loop_max > UINT16_MAX ? UINT16_MAX : (unsigned) a->config.loop_max,
        };
        if (a->rootfs.kind == ROOTFS_SQUASHFS || a->overlays.n_layers)
                a->server = installation_helper("imagefs");
        a->source_settings.server_path = a->server;
        r = linger(a, &a->source_settings.linger_s, e);
        if (a->options->fakeroot)
                a->source_settings.linger_s = 0; /* nobody else can come into this namespace */
        a->overlay_settings = a->source_settings;
        a->overlay_settings.beside = true;
        return r < 0 ? r : choose_unpacking(a, privileged, e);
}

/* --- plan ----------------------------------------------------------------------------------------------- */

static void log_plan(const struct plan *plan)
{
        _cleanup_text_ struct text text = TEXT_INIT;
        char *save = NULL;

        if (log_get_level() < LOG_DEBUG)
                return;
        plan_print(plan, &text);
        for (char *line = strtok_r(text.at, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                log_debug("%s", line);
}

/* Half of what may still be taken: the other is for the program.  Not less than the site gives a session. */
static uint64_t writable_tmpfs_bytes(const struct action *a)
{
        uint64_t memory = limits_memory(), least = a->config.session_m << 20;
        uint64_t size = memory / 2 > least ? memory / 2 : least;

        if (memory == UINT64_MAX)
                return 0;
        log_verbose("the writable layer in memory takes up to %llu MiB", (unsigned long long) (size >> 20));
        return size;
}

static int make_plan(struct action *a, struct err *e)
{
        const struct action_options *o = a->options;
        const struct plan_request request = {
                .config = &a->config,
                .identity = &a->identity,
                .privileged = a->privileged,
                .nested = a->nested,
                .binds = &o->binds,
                .bind_mounts = &o->mounts,
                .fusemounts = &o->fusemounts,
                .no_mount = &o->no_mount,
                .scratch = &o->scratch,
                .home = o->home,
                .workdir = o->workdir,
                .cwd = o->cwd,
                .hostname = o->hostname,
                .network = o->network,
                .network_args = &o->network_args,
                .netns_path = o->netns_path,
                .dns = o->dns,
                .add_caps = o->add_caps,
                .drop_caps = o->drop_caps,
                .security = &o->security,
                .no_home = o->no_home,
                .contain = o->contain,
                .pid = o->pid,
                .ipc = o->ipc,
                .uts = o->uts,
                .net = o->net,
                .userns = o->userns,
                .ignore_userns = o->ignore_userns,
                .no_init = o->no_init,
                .no_umask = o->no_umask,
                .no_privs = o->no_privs,
                .keep_privs = o->keep_privs,
                .allow_setuid = o->allow_setuid,
                .fakeroot = o->fakeroot,
                .underlay = o->underlay,
                .writable = a->rootfs.writable,
                .writable_tmpfs = o->writable_tmpfs,
                .writable_tmpfs_bytes = o->writable_tmpfs ? writable_tmpfs_bytes(a) : 0,
                .overlays = a->overlays.layers,
                .n_overlays = a->overlays.n_layers,
        };
        int r = plan_make(&a->plan, &request, &report_notes, e);

        if (r >= 0)
                log_plan(&a->plan);
        return r;
}

static int open_data(struct action *a, struct err *e)
{
        struct rootfs_source_settings settings = a->source_settings;
        int r = bound_images_open(&a->bound, &a->plan, &report_notes, e);

        if (r < 0 || a->bound.n == 0)
                return r;
        if (!a->server)
                a->server = installation_helper("imagefs");
        settings.server_path = a->server;
        settings.unpack_in = NULL;
        settings.beside = true;
        return data_images_open(&a->data, a->bound.files, a->bound.n, &settings, &report_notes, e);
}

static int make_environment(struct action *a, struct err *e)
{
        const struct action_options *o = a->options;
        const struct environment_request request = {
                .host = environ,
                .action = a->call->command->name,
                .image = a->image.path,
                .home = a->plan.home,
                .arguments = a->call->argv + 1,
                .set = &o->env,
                .files = &o->env_files,
                .withheld = &o->no_env,
                .bind_targets = &a->plan.bind_targets,
                .app = o->app,
                .shell = o->shell,
                .clean = o->cleanenv,
                .no_eval = o->no_eval,
        };

        return environment_make(&a->environment, &request, &report_notes, e);
}

/* --- launch --------------------------------------------------------------------------------------------- */

static int become(void *user, const char *cwd, struct err *e)
{
        struct action *a = user;
        _cleanup_command_ struct command command = COMMAND_INIT;
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const struct command_request request = {
                .root = root,
                .action = a->call->command->name,
                .arguments = a->call->argv + 1,
                .cwd = cwd,
                .environment = &a->environment,
        };
        int r;

        if (root < 0)
                return err_errno(e, -errno, "opening the container's root");
        r = command_resolve(&command, &request, &report_notes, e);
        if (r < 0)
                return r;
        if (!command.file)
                return command.status;
        return command_execute(&command, root, e);
}

static int enter_fakeroot(struct action *a, struct err *e)
{
        struct fakeroot fakeroot;
        int r;

        if (!a->config.allow_user_ns)
                return err_set(e, -EPERM,
                               "--fakeroot needs user namespaces, which the site has switched off: "
                               "'allow user ns = no'");
        identity_load_uid(&a->identity, getuid(), &report_notes);
        r = fakeroot_enter(&fakeroot, &a->identity.user, a->options->ignore_subuid, &report_notes, e);
        if (r >= 0)
                identity_become_root(&a->identity);
        return r;
}

/* Who starts: --fakeroot makes this process root of a user namespace; that, or one that was there before, is
 * told apart from the machine's root. */
static int load_caller(struct action *a, struct err *e)
{
        uid_t outside = getuid();
        int r = a->options->fakeroot ? enter_fakeroot(a, e) : 0;

        if (r < 0)
                return r;
        a->privileged = plan_privileged() && !a->options->userns;
        if (a->privileged)
                a->nested = fakeroot_is_nested(&a->many_ids, &outside);
        /* With one id there is nothing that a namespace of the image server's would take away. */
        if (a->nested && !a->many_ids)
                a->privileged = false;
        if (a->options->fakeroot)
                return 0;
        identity_load_uid(&a->identity, outside, &report_notes);
        if (a->nested)
                identity_become_root(&a->identity);
        return 0;
}

static int start(struct action *a, struct err *e)
{
        struct launch_request request = {
                .plan = &a->plan,
                .source = &a->source,
                .overlay_settings = &a->overlay_settings,
                .data = &a->data,
                .fuses = &a->fuses,
                .become = become,
                .user = a,
        };
        int r = load_config(a, e);

        if (r >= 0)
                r = open_image(a, e);
        if (r >= 0)
                r = load_caller(a, e);
        if (r >= 0)
                r = source_settings(a, e);
        if (r >= 0) {
                rootfs_source_begin(&a->source, &a->rootfs, &a->source_settings);
                r = make_plan(a, e);
        }
        if (r >= 0)
                r = open_data(a, e);
        if (r >= 0)
                r = make_environment(a, e);
        if (r >= 0)
                r = rootfs_source_open(&a->source, &a->rootfs, &a->source_settings, &report_notes, e);
        return r < 0 ? r : launch(&request, &report_notes, e);
}

int cmd_action_run(const struct cli_call *call)
{
        struct action a = {
                .call = call,
                .options = call->options,
                .image = IMAGE_INIT,
                .source = ROOTFS_SOURCE_INIT,
                .bound = BOUND_IMAGES_INIT,
                .data = DATA_IMAGES_INIT,
                .fuses = FUSE_MOUNTS_INIT,
                .plan = PLAN_INIT,
                .environment = ENVIRONMENT_INIT,
        };
        struct err e = ERR_INIT;
        int r = action_options_settle(call->options, &e);

        if (strcmp(call->command->name, "shell") == 0 && call->argc > 1)
                log_warning("Parameters to shell command are ignored");
        if (r >= 0)
                r = start(&a, &e);
        action_done(&a);
        return r < 0 ? report_fatal(&e) : r;
}
