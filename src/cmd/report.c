#include "cmd/report.h"

#include <stdio.h>

#include "base/clean.h"
#include "base/text.h"

int report_fatal(const struct err *e)
{
        _cleanup_free_ char *text = text_printable(e->text);
        _cleanup_free_ char *hint = text_printable(e->hint);

        log_print(LOG_FATAL, __func__, "%s", text);
        if (hint[0])
                log_print(LOG_ERROR, __func__, "%s", hint);
        return EXIT_FATAL;
}

static void complain(const struct cli_call *call, const struct err *e, struct text *out)
{
        _cleanup_free_ char *text = text_printable(e->text);
        _cleanup_free_ char *hint = text_printable(e->hint);
        _cleanup_free_ char *message = text_format("%s%s%s", text, hint[0] ? "\n" : "", hint);
        _cleanup_text_ struct text complaint = TEXT_INIT;

        cli_usage_error(call, message, out, &complaint);
        fputs(text_get(&complaint), stderr);
}

int report_usage(const struct cli_call *call, const struct err *e)
{
        _cleanup_text_ struct text out = TEXT_INIT;

        complain(call, e, &out);
        fputs(text_get(&out), stdout);
        fflush(stdout); /* it cannot get worse: the status says that it failed */
        return EXIT_USAGE;
}

int report_failure(const struct cli_call *call, const struct err *e)
{
        _cleanup_text_ struct text out = TEXT_INIT;

        complain(call, e, &out);
        return EXIT_USAGE;
}

static void say(enum log_level level, const char *text, void *user)
{
        _cleanup_free_ char *clean = text_printable(text);

        (void) user;
        log_print(level, "note", "%s", clean);
}

const struct notes report_notes = { .say = say };
