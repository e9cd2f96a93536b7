#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static int current_level = LOG_INFO;
static bool color_allowed = true;

void log_set_level(int level)
{
        current_level = level;
}

int log_get_level(void)
{
        return current_level;
}

void log_set_color(bool allowed)
{
        color_allowed = allowed;
}

bool log_get_color(void)
{
        return color_allowed;
}

static const char *level_name(enum log_level level)
{
        switch (level) {
        case LOG_FATAL:
                return "FATAL";
        case LOG_ERROR:
                return "ERROR";
        case LOG_WARNING:
                return "WARNING";
        case LOG_LOG:
                return "LOG";
        case LOG_INFO:
                return "INFO";
        case LOG_VERBOSE:
                return "VERBOSE";
        case LOG_DEBUG:
                return "DEBUG";
        }
        return "LOG";
}

static const char *level_color(enum log_level level)
{
        if (!color_allowed || !isatty(STDERR_FILENO))
                return "";
        switch (level) {
        case LOG_FATAL:
        case LOG_ERROR:
                return "\033[31m";
        case LOG_WARNING:
                return "\033[33m";
        case LOG_INFO:
                return "\033[34m";
        default:
                return "";
        }
}

static void prefix_add(struct text *line, enum log_level level, const char *function)
{
        const char *color = level_color(level);
        const char *reset = color[0] ? "\033[0m" : "";
        char label[32], ids[48], name[64];

        if (current_level >= LOG_DEBUG) {
                snprintf(ids, sizeof(ids), "[U=%u,P=%d]", (unsigned) geteuid(), (int) getpid());
                snprintf(name, sizeof(name), "%s()", function);
                text_printf(line, "%s%-8s%s%-19s%-30s", color, level_name(level), reset, ids, name);
                return;
        }
        snprintf(label, sizeof(label), "%s:", level_name(level));
        text_printf(line, "%s%-8s%s ", color, label, reset);
}

void log_print(enum log_level level, const char *function, const char *format, ...)
{
        _cleanup_text_ struct text line = TEXT_INIT;
        va_list args;

        if ((int) level > current_level)
                return;
        prefix_add(&line, level, function);
        va_start(args, format);
        text_vprintf(&line, format, args);
        va_end(args);
        while (line.used && line.at[line.used - 1] == '\n')
                line.at[--line.used] = '\0';
        text_add_char(&line, '\n');
        /* One write, so that the lines of many ranks do not mix. */
        fflush(stdout);
        if (write(STDERR_FILENO, line.at, line.used) < 0)
                return;
}
