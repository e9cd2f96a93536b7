#include "base/err.h"

#undef err_set
#undef err_errno
#undef err_ctx
#undef err_hint

#include <stdio.h>
#include <string.h>

static void text_put(char *text, size_t size, const char *format, va_list args)
{
        if (vsnprintf(text, size, format, args) < 0)
                text[0] = '\0';
}

int err_set(struct err *e, int code, const char *format, ...)
{
        va_list args;

        if (!e)
                return code;
        e->code = code;
        e->hint[0] = '\0';
        va_start(args, format);
        text_put(e->text, sizeof(e->text), format, args);
        va_end(args);
        return code;
}

int err_errno(struct err *e, int code, const char *format, ...)
{
        va_list args;
        size_t used;

        if (!e)
                return code;
        e->code = code;
        e->hint[0] = '\0';
        va_start(args, format);
        text_put(e->text, sizeof(e->text), format, args);
        va_end(args);
        used = strlen(e->text);
        snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror(-code));
        return code;
}

int err_ctx(struct err *e, int code, const char *format, ...)
{
        char inner[sizeof(e->text)];
        va_list args;
        size_t used;

        if (!e)
                return code;
        memcpy(inner, e->text, sizeof(inner));
        va_start(args, format);
        text_put(e->text, sizeof(e->text), format, args);
        va_end(args);
        used = strlen(e->text);
        if (inner[0])
                snprintf(e->text + used, sizeof(e->text) - used, ": %s", inner);
        if (!e->code)
                e->code = code;
        return code;
}

int err_hint(struct err *e, int code, const char *format, ...)
{
        va_list args;

        if (!e || e->hint[0])
                return code;
        va_start(args, format);
        text_put(e->hint, sizeof(e->hint), format, args);
        va_end(args);
        return code;
}

void err_clear(struct err *e)
{
        if (!e)
                return;
        e->code = 0;
        e->text[0] = '\0';
        e->hint[0] = '\0';
}
