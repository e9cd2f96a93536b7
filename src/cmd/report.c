#include "cmd/report.h"

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

static void say(enum log_level level, const char *text, void *user)
{
        _cleanup_free_ char *clean = text_printable(text);

        (void) user;
        log_print(level, "note", "%s", clean);
}

const struct notes report_notes = { .say = say };
