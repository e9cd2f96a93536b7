/* log: diagnostics on stderr, in the form that clients of the original parse.
 *
 * Only src/cmd and main speak to the user; rooms below return errors, fill note lists, or call log_debug()
 * and log_verbose().  Format (spec cli.md, 1.4): label and colon padded to 8 columns, a blank, the text; at
 * debug level also uid, pid and function.  Colour only on a terminal and unless log_set_color(false).
 */
#pragma once

#include <stdbool.h>

enum log_level {
        LOG_FATAL = -4,
        LOG_ERROR = -3,
        LOG_WARNING = -2,
        LOG_LOG = -1,
        LOG_INFO = 1,
        LOG_VERBOSE = 2,
        LOG_DEBUG = 5,
};

/* Messages above `level` are not printed.  Default LOG_INFO. */
void log_set_level(int level);
int log_get_level(void);
void log_set_color(bool allowed);
bool log_get_color(void);

void log_print(enum log_level level, const char *function, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#define log_error(...)   log_print(LOG_ERROR, __func__, __VA_ARGS__)
#define log_warning(...) log_print(LOG_WARNING, __func__, __VA_ARGS__)
#define log_info(...)    log_print(LOG_INFO, __func__, __VA_ARGS__)
#define log_verbose(...)                                                                                     \
        do {                                                                                                 \
                if (log_get_level() >= LOG_VERBOSE)                                                          \
                        log_print(LOG_VERBOSE, __func__, __VA_ARGS__);                                       \
        } while (0)
#define log_debug(...)                                                                                       \
        do {                                                                                                 \
                if (log_get_level() >= LOG_DEBUG)                                                            \
                        log_print(LOG_DEBUG, __func__, __VA_ARGS__);                                         \
        } while (0)
