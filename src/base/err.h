/* err: what failed, told once.
 *
 * Functions that can fail return a negative errno and take a caller-owned `struct err *` last.  The place
 * of failure calls err_set(); a layer above calls err_ctx() only where it knows something the one below
 * did not.  Nobody logs and returns.  The struct holds no pointers, so it works when memory is gone,
 * after clone(), and crosses from one process to another as one datagram.
 *
 * Errno values that we choose ourselves mean one thing each:
 *   -EBADMSG  corrupt or malformed bytes        -E2BIG    over a limit that the message states
 *   -ENOTSUP  valid, but not supported          -ENOSYS   the kernel is too old for it
 *   -ENOEXEC  not an image of a known format    -EUSERS   user namespaces are not to be had here
 */
#pragma once

#include <errno.h>
#include <stdarg.h>

struct err {
        int code;       /* negative errno of the first failure, 0 while nothing failed */
        char text[768]; /* outermost context first, "a: b: c"; always terminated */
        char hint[256]; /* what the user can do next; empty when there is nothing to say */
};

#define ERR_INIT                                                                                             \
        {                                                                                                    \
                .code = 0, .text = "", .hint = ""                                                            \
        }

/* Records a failure: the text replaces what was there.  Returns `code`.  `e` may be NULL. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set() with ": " and the message of `code` (strerror) behind the text. */
int err_errno(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts one frame, "context: ", in front of the text.  Returns `code`.  `e` may be NULL. */
int err_ctx(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds what the user can do next; the innermost hint stays.  Returns `code`.  `e` may be NULL. */
int err_hint(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Empties `e` for another try. */
void err_clear(struct err *e);

#ifdef __clang_analyzer__
/* It cannot know that the code of a failure is negative. */
static inline int err_negative(int code)
{
        if (code >= 0)
                __builtin_unreachable();
        return code;
}
#define err_set(...)   err_negative(err_set(__VA_ARGS__))
#define err_errno(...) err_negative(err_errno(__VA_ARGS__))
#define err_ctx(...)   err_negative(err_ctx(__VA_ARGS__))
#define err_hint(...)  err_negative(err_hint(__VA_ARGS__))
#endif
