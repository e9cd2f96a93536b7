/* config global: apptainer.conf, asked and changed. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/output.h"
#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/installation.h"
#include "cmd/report.h"
#include "config/config.h"
#include "config/config_edit.h"

struct file {
        char *path; /* owned: links followed, so that a link stays one */
        char *text; /* owned; NULL: there is no file, and defaults hold */
        size_t size;
        mode_t mode;
};

static void file_done(struct file *file)
{
        free(file->path);
        free(file->text);
}

#define _cleanup_file_ __attribute__((cleanup(file_done)))

static int file_read(struct file *file, const struct global_options *global, struct err *e)
{
        _cleanup_free_ char *named =
                global->config ? text_dup(global->config) : installation_setting("apptainer.conf");
        struct stat status;
        int r;

        file->mode = 0644;
        file->path = realpath(named, NULL);
        if (!file->path)
                file->path = text_dup(named);
        r = fd_read_file(AT_FDCWD, file->path, CONFIG_SIZE_MAX, &file->text, &file->size);
        if (r == -ENOENT && !global->config)
                return 0;
        if (r < 0)
                return err_errno(e, r, "reading the configuration file %s", file->path);
        if (stat(file->path, &status) == 0)
                file->mode = status.st_mode & 07777;
        return 0;
}

static int write_out(const struct text *out, struct err *e)
{
        int r = fd_write_all(STDOUT_FILENO, text_get(out), out->used);

        return r < 0 ? err_errno(e, r, "write /dev/stdout") : 0;
}

static int file_replace(const struct file *file, const struct text *out, struct err *e)
{
        _cleanup_output_ struct output output = OUTPUT_INIT;
        int r = output_open(&output, file->path, file->mode, e);

        if (r < 0)
                return r == -EACCES || r == -EROFS
                               ? err_hint(
                                         e, r,
                                         "The administrator of the installation can, or name another file by --config.")
                               : r;
        r = fd_write_all(output.fd, text_get(out), out->used);
        if (r < 0)
                return err_errno(e, r, "writing %s", file->path);
        return output_commit(&output, true, e);
}

static int get(const struct file *file, const char *directive, struct err *e)
{
        _cleanup_text_ struct text out = TEXT_INIT;
        int r = config_get(file->text, file->size, directive, &out, e);

        if (r < 0 || !out.used)
                return r;
        text_add_char(&out, '\n');
        return write_out(&out, e);
}

static int change(const struct file *file, const struct cli_call *call, enum config_edit edit, struct err *e)
{
        const struct config_global_options *o = call->options;
        _cleanup_text_ struct text out = TEXT_INIT;
        const char *value = call->argc > 1 ? call->argv[1] : NULL;
        int r = config_change(file->text ? file->text : "", file->size, edit, call->argv[0], value, &out, e);

        if (r < 0)
                return r;
        return o->dry_run ? write_out(&out, e) : file_replace(file, &out, e);
}

int cmd_config_global_run(const struct cli_call *call)
{
        const struct config_global_options *o = call->options;
        _cleanup_file_ struct file file = { .path = NULL };
        struct err e = ERR_INIT;
        int r;

        if (!o->set && !o->unset && !o->reset && !o->get) {
                err_set(&e, -EINVAL, "you must specify an option (eg: --set/--unset)");
                return report_usage(call, &e);
        }
        r = file_read(&file, call->root_options, &e);
        if (r < 0)
                return report_fatal(&e);
        if (o->set)
                r = change(&file, call, CONFIG_SET, &e);
        else if (o->unset)
                r = change(&file, call, CONFIG_UNSET, &e);
        else if (o->reset)
                r = change(&file, call, CONFIG_RESET, &e);
        else
                r = get(&file, call->argv[0], &e);
        return r < 0 ? report_fatal(&e) : EXIT_OK;
}
