#include "config/config.h"

#include <fcntl.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "config/config_internal.h"

/* No setting counts things that reach this. */
#define NUMBER_MOST (1ull << 40)

enum directive_type { SET_BOOL, SET_WORD, SET_NUMBER, SET_LIST, SET_MEMORY, SET_NOTHING };

struct directive {
        const char *key;
        enum directive_type type;
        size_t offset;
        const char *const *words; /* SET_WORD: allowed values, their place is the number; ends with NULL */
        int fallback;             /* SET_BOOL, SET_WORD, SET_NUMBER */
};

static const char *const dev_words[] = { "yes", "no", "minimal", NULL };
static const char *const overlay_words[] = { "yes", "no", "try", "driver", NULL };
static const char *const underlay_words[] = { "yes", "no", "preferred", NULL };
static const char *const root_caps_words[] = { "full", "file", "no", NULL };
static const char *const yes_no[] = { "yes", "no", NULL };

#define FIELD(member) .offset = offsetof(struct config, member)
#define YES(key, member)                                                                                     \
        {                                                                                                    \
                key, SET_BOOL, FIELD(member), .words = yes_no, .fallback = true                              \
        }
#define NO(key, member)                                                                                      \
        {                                                                                                    \
                key, SET_BOOL, FIELD(member), .words = yes_no, .fallback = false                             \
        }
#define WORD(key, member, list)                                                                              \
        {                                                                                                    \
                key, SET_WORD, FIELD(member), .words = list                                                  \
        }
#define NUMBER(key, member, default)                                                                         \
        {                                                                                                    \
                key, SET_NUMBER, FIELD(member), .fallback = default                                          \
        }
#define LIST(key, member)                                                                                    \
        {                                                                                                    \
                key, SET_LIST, FIELD(member)                                                                 \
        }
#define NOTHING(key)                                                                                         \
        {                                                                                                    \
                key, SET_NOTHING                                                                             \
        }

static const struct directive directives[] = {
        YES("allow ipc ns", allow_ipc_ns),
        YES("allow pid ns", allow_pid_ns),
        YES("allow uts ns", allow_uts_ns),
        YES("allow user ns", allow_user_ns),
        WORD("root default capabilities", root_caps, root_caps_words),

        YES("config passwd", config_passwd),
        YES("config group", config_group),
        YES("config resolv_conf", config_resolv_conf),
        YES("mount proc", mount_proc),
        YES("mount sys", mount_sys),
        YES("mount devpts", mount_devpts),
        YES("mount home", mount_home),
        YES("mount tmp", mount_tmp),
        NO("mount hostfs", mount_hostfs),
        YES("mount slave", mount_slave),
        YES("user bind control", user_bind_control),
        WORD("mount dev", mount_dev, dev_words),
        YES("enable fusemount", enable_fusemount),
        WORD("enable overlay", enable_overlay, overlay_words),
        WORD("enable underlay", enable_underlay, underlay_words),
        LIST("bind path", bind_paths),
        { "memory fs type", SET_MEMORY, FIELD(memory_fs) },
        NUMBER("sessiondir max size", session_m, 64),
        NUMBER("max loop devices", loop_max, 256),

        YES("allow container sif", allow_sif),
        YES("allow container encrypted", allow_encrypted),
        YES("allow container squashfs", allow_squashfs),
        YES("allow container extfs", allow_extfs),
        YES("allow container dir", allow_dir),
        LIST("limit container owners", limit_owners),
        LIST("limit container groups", limit_groups),
        LIST("limit container paths", limit_paths),

        NUMBER("image linger", image_linger_s, 10),
        NO("unpack without fuse", unpack_without_fuse),

        /* Of the setuid mode, of programs we do not call, or of features that read the file themselves. */
        NOTHING("allow setuid"),
        NOTHING("allow setuid-mount encrypted"),
        NOTHING("allow setuid-mount squashfs"),
        NOTHING("allow setuid-mount extfs"),
        NOTHING("allow net users"),
        NOTHING("allow net groups"),
        NOTHING("allow net networks"),
        NOTHING("allow netns paths"),
        NOTHING("allow monitoring"),
        NOTHING("always use nv"),
        NOTHING("always use rocm"),
        NOTHING("apptheus communication socket path"),
        NOTHING("apptheus socket path"),
        NOTHING("binary path"),
        NOTHING("cni configuration path"),
        NOTHING("cni plugin path"),
        NOTHING("download buffer size"),
        NOTHING("download concurrency"),
        NOTHING("download part size"),
        NOTHING("image driver"),
        NOTHING("mksquashfs mem"),
        NOTHING("mksquashfs procs"),
        NOTHING("shared loop devices"),
        NOTHING("sync writable extfs"),
        NOTHING("systemd cgroups"),
        NOTHING("use nvidia-container-cli"),
};

static void *field(struct config *config, const struct directive *d)
{
        return (char *) config + d->offset;
}

void config_init(struct config *config)
{
        *config = (struct config){ .memory_fs = "tmpfs" };
        for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
                const struct directive *d = &directives[i];

                if (d->type == SET_BOOL)
                        *(bool *) field(config, d) = d->fallback != 0;
                else if (d->type == SET_NUMBER)
                        *(uint64_t *) field(config, d) = (uint64_t) d->fallback;
        }
        text_list_add(&config->bind_paths, "/etc/localtime");
        text_list_add(&config->bind_paths, "/etc/hosts");
}

void config_done(struct config *config)
{
        for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
                if (directives[i].type == SET_LIST)
                        text_list_done(field(config, &directives[i]));
}

static const struct directive *find(const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
                if (strcmp(directives[i].key, key) == 0)
                        return &directives[i];
        return NULL;
}

bool config_directive(const char *key, bool *ret_is_list)
{
        const struct directive *d = find(key);

        *ret_is_list = d && d->type == SET_LIST;
        return d;
}

void config_value(const struct config *config, const char *key, struct text *out)
{
        const struct directive *d = find(key);
        const void *at = d ? (const char *) config + d->offset : NULL;
        _cleanup_free_ char *joined = NULL;

        if (!d)
                return;
        switch (d->type) {
        case SET_BOOL:
                text_add(out, *(const bool *) at ? "yes" : "no");
                return;
        case SET_WORD:
                text_add(out, d->words[*(const int *) at]);
                return;
        case SET_NUMBER:
                text_printf(out, "%llu", (unsigned long long) *(const uint64_t *) at);
                return;
        case SET_LIST:
                joined = text_list_join(at, ",");
                text_add(out, joined);
                return;
        case SET_MEMORY:
                text_add(out, config->memory_fs);
                return;
        case SET_NOTHING:
                return;
        }
}

static char *trimmed(const char *bytes, size_t size)
{
        while (size && (*bytes == ' ' || *bytes == '\t')) {
                bytes++;
                size--;
        }
        while (size && strchr(" \t\r", bytes[size - 1]))
                size--;
        return text_dup_bytes(bytes, size);
}

static int word_index(const char *const *words, const char *value)
{
        for (int i = 0; words[i]; i++)
                if (strcmp(words[i], value) == 0)
                        return i;
        return -1;
}

void config_items(struct text_list *list, const char *value)
{
        while (*value) {
                size_t size = strcspn(value, ",");
                _cleanup_free_ char *item = trimmed(value, size);

                if (*item)
                        text_list_add(list, item);
                value += size;
                value += strspn(value, ",");
        }
}

static int refuse(const struct directive *d, const char *value, struct err *e)
{
        _cleanup_text_ struct text allowed = TEXT_INIT;

        for (int i = 0; d->words && d->words[i]; i++)
                text_printf(&allowed, "%s%s", i ? ", " : "", d->words[i]);
        if (d->words)
                return err_set(e, -EINVAL, "\"%s\" is no value for '%s', allowed: %s", value, d->key,
                               text_get(&allowed));
        return err_set(e, -EINVAL, "\"%s\" is no value for '%s'", value, d->key);
}

static int set(struct config *config, const struct directive *d, const char *value, struct err *e)
{
        uint64_t number;
        int word;

        if (*value == '\0' || d->type == SET_NOTHING)
                return 0;
        switch (d->type) {
        case SET_BOOL:
        case SET_WORD:
                word = word_index(d->words, value);
                if (word < 0)
                        return refuse(d, value, e);
                if (d->type == SET_BOOL)
                        *(bool *) field(config, d) = word == 0;
                else
                        *(int *) field(config, d) = word;
                return 0;
        case SET_NUMBER:
                if (num_u64(value, 10, 0, NUMBER_MOST, &number) < 0)
                        return refuse(d, value, e);
                *(uint64_t *) field(config, d) = number;
                return 0;
        case SET_MEMORY:
                if (strcmp(value, "tmpfs") == 0)
                        config->memory_fs = "tmpfs";
                else if (strcmp(value, "ramfs") == 0)
                        config->memory_fs = "ramfs";
                else
                        return refuse(d, value, e);
                return 0;
        case SET_LIST:
                config_items(field(config, d), value);
                return 0;
        case SET_NOTHING:
                break;
        }
        return 0;
}

bool config_line(const char *line, size_t size, char **ret_key, char **ret_value)
{
        _cleanup_free_ char *whole = trimmed(line, size);
        const char *equals = *whole == '#' ? NULL : strchr(whole, '=');

        if (!equals)
                return false;
        *ret_key = trimmed(whole, (size_t) (equals - whole));
        *ret_value = trimmed(equals + 1, strlen(equals + 1));
        return true;
}

static int parse_line(struct config *config, const char *line, size_t size, const struct notes *notes,
                      struct err *e)
{
        _cleanup_free_ char *key = NULL, *value = NULL;
        const struct directive *d;

        if (!config_line(line, size, &key, &value)) {
                _cleanup_free_ char *whole = trimmed(line, size);

                if (*whole != '\0' && *whole != '#')
                        note(notes, LOG_VERBOSE, "not a setting in apptainer.conf: \"%s\"", whole);
                return 0;
        }
        d = find(key);

        if (!d) {
                note(notes, LOG_VERBOSE, "unknown setting in apptainer.conf: '%s'", key);
                return 0;
        }
        return set(config, d, value, e);
}

int config_parse(struct config *config, const char *name, const char *text, size_t size,
                 const struct notes *notes, struct err *e)
{
        unsigned number = 1;

        text_list_done(&config->bind_paths);
        for (const char *end = text + size; text < end; number++) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                size_t length = (size_t) ((newline ? newline : end) - text);
                int r;

                if (memchr(text, '\0', length))
                        return err_set(e, -EBADMSG, "%s: line %u has a NUL byte", name, number);
                r = parse_line(config, text, length, notes, e);
                if (r < 0)
                        return err_ctx(e, r, "%s: line %u", name, number);
                if (!newline)
                        break;
                text = newline + 1;
        }
        return 0;
}

int config_load(struct config *config, const char *path, bool may_lack, const struct notes *notes,
                struct err *e)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = fd_read_file(AT_FDCWD, path, CONFIG_SIZE_MAX, &text, &size);

        if (r == -ENOENT && may_lack)
                return 0;
        if (r == -E2BIG)
                return err_set(e, r, "%s: larger than %u bytes", path, CONFIG_SIZE_MAX);
        if (r < 0)
                return err_errno(e, r, "reading the configuration file %s", path);
        return config_parse(config, path, text, size, notes, e);
}
