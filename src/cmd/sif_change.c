/* sif new, del, setprim. */
#include "base/clean.h"
#include "base/output.h"
#include "cmd/commands.h"
#include "cmd/report.h"
#include "cmd/sif_options.h"

static int create(const char *path, struct err *e)
{
        _cleanup_output_ struct output output = OUTPUT_INIT;
        _cleanup_sif_writer_ struct sif_writer writer = { .fd = -EBADF };
        int r = output_open(&output, path, 0755, e);

        if (r == 0)
                r = sif_writer_init(&writer, output.fd, NULL, false, e);
        if (r == 0)
                r = sif_writer_finish(&writer, e);
        if (r == 0)
                r = output_commit(&output, true, e);
        return r;
}

int cmd_sif_new_run(const struct cli_call *call)
{
        struct err e = ERR_INIT;

        return create(call->argv[0], &e) < 0 ? report_usage(call, &e) : EXIT_OK;
}

typedef int (*change)(struct sif *s, uint32_t id, struct err *e);

static int change_object(const struct cli_call *call, change apply)
{
        _cleanup_close_ int fd = -EBADF;
        struct err e = ERR_INIT;
        struct sif s;
        uint32_t id;
        int r = sif_parse_id(call->argv[0], &id, &e);

        if (r == 0)
                r = sif_open_path(call->argv[1], true, &s, &fd, &e);
        if (r < 0)
                return report_usage(call, &e);
        r = apply(&s, id, &e);
        sif_done(&s);
        return r < 0 ? report_usage(call, &e) : EXIT_OK;
}

int cmd_sif_del_run(const struct cli_call *call)
{
        return change_object(call, sif_delete);
}

int cmd_sif_setprim_run(const struct cli_call *call)
{
        return change_object(call, sif_set_primary);
}
