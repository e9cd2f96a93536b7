#include "base/note.h"

#include <stdarg.h>

#include "base/text.h"

void note(const struct notes *n, enum log_level level, const char *format, ...)
{
        _cleanup_text_ struct text t = TEXT_INIT;
        va_list args;

        if (!n || !n->say)
                return;
        va_start(args, format);
        text_vprintf(&t, format, args);
        va_end(args);
        n->say(level, text_get(&t), n->user);
}
