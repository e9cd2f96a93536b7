/* config: what the site has set, apptainer.conf.
 *
 * Grammar (spec runtime.md, 9.1): "key = value" lines, blanks trimmed, "#" starts a comment line, an empty
 * value unsets.  List keys repeat and take commas.  A scalar that is missing keeps its default; a list that
 * is missing from an existing file is empty.  Where there is no file at all, the defaults of an untouched
 * installation hold, its `bind path` list included.
 *
 * Keys of the original that have no meaning for us are accepted in silence; unknown ones are told at verbose
 * level.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
#include "base/text.h"

/* Reasons: a file of comments and lists, written by people. */
#define CONFIG_SIZE_MAX (1u << 20)

enum config_dev { CONFIG_DEV_YES, CONFIG_DEV_NO, CONFIG_DEV_MINIMAL };
enum config_overlay { CONFIG_OVERLAY_YES, CONFIG_OVERLAY_NO, CONFIG_OVERLAY_TRY, CONFIG_OVERLAY_DRIVER };
enum config_underlay { CONFIG_UNDERLAY_YES, CONFIG_UNDERLAY_NO, CONFIG_UNDERLAY_PREFERRED };
enum config_root_caps { CONFIG_ROOT_CAPS_FULL, CONFIG_ROOT_CAPS_FILE, CONFIG_ROOT_CAPS_NO };

struct config {
        /* namespaces and privileges */
        bool allow_ipc_ns;
        bool allow_pid_ns;
        bool allow_uts_ns;
        bool allow_user_ns;
        int root_caps; /* enum config_root_caps: "root default capabilities" */

        /* mounts */
        bool config_passwd;
        bool config_group;
        bool config_resolv_conf;
        bool mount_proc;
        bool mount_sys;
        bool mount_devpts;
        bool mount_home;
        bool mount_tmp;
        bool mount_hostfs;
        bool mount_slave;
        bool user_bind_control;
        bool enable_fusemount;
        int mount_dev;               /* enum config_dev */
        int enable_overlay;          /* enum config_overlay */
        int enable_underlay;         /* enum config_underlay */
        struct text_list bind_paths; /* "src[:dst]" */
        const char *memory_fs;       /* "tmpfs" or "ramfs" */
        uint64_t session_m;          /* "sessiondir max size", MiB */
        uint64_t loop_max;           /* "max loop devices" */

        /* which images may be started */
        bool allow_sif;
        bool allow_encrypted;
        bool allow_squashfs;
        bool allow_extfs;
        bool allow_dir;
        struct text_list limit_owners;
        struct text_list limit_groups;
        struct text_list limit_paths;

        /* ours */
        uint64_t image_linger_s;  /* "image linger": how long an image server stays when idle */
        bool unpack_without_fuse; /* "unpack without fuse": run from an unpacked copy instead */
};

/* The defaults of an installation without a file. */
void config_init(struct config *config);
void config_done(struct config *config);
#define _cleanup_config_ __attribute__((cleanup(config_done)))

/* Reads a file's text into an initialised `config`; `name` is for messages. */
int config_parse(struct config *config, const char *name, const char *text, size_t size,
                 const struct notes *notes, struct err *e);

/* may_lack: a missing file leaves the defaults. */
int config_load(struct config *config, const char *path, bool may_lack, const struct notes *notes,
                struct err *e);
