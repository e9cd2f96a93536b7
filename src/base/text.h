/* text: growable strings and lists of strings.
 *
 * Memory that runs out is fatal for these two (a message, exit 255): no caller could do better,
 * and every limit on input sizes is checked before text is built.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
        char *at;    /* owned, terminated once anything was added; NULL while empty */
        size_t used; /* bytes without the terminator */
        size_t room;
};

#define TEXT_INIT                                                                                            \
        {                                                                                                    \
                .at = NULL, .used = 0, .room = 0                                                             \
        }

void text_done(struct text *t);
void text_add(struct text *t, const char *string);
void text_add_bytes(struct text *t, const void *bytes, size_t size);
void text_add_char(struct text *t, char c);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Gives the string away ("" when empty); the caller frees it. */
char *text_take(struct text *t);
/* The string as it is now, never NULL; borrowed. */
const char *text_get(const struct text *t);

#define _cleanup_text_ __attribute__((cleanup(text_done)))

/* A list of owned strings, always terminated by NULL so that `at` can be an argv. */
struct text_list {
        char **at; /* NULL while empty */
        size_t n;
        size_t room;
};

#define TEXT_LIST_INIT                                                                                       \
        {                                                                                                    \
                .at = NULL, .n = 0, .room = 0                                                                \
        }

void text_list_done(struct text_list *list);
void text_list_add(struct text_list *list, const char *string);
void text_list_add_bytes(struct text_list *list, const char *bytes, size_t size);
void text_list_take(struct text_list *list, char *string); /* takes ownership */
void text_list_printf(struct text_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool text_list_has(const struct text_list *list, const char *string);
void text_list_sort(struct text_list *list); /* bytewise */
/* "a,b,c" */
char *text_list_join(const struct text_list *list, const char *between);

#define _cleanup_text_list_ __attribute__((cleanup(text_list_done)))

/* Allocation that cannot fail; see the head of this file. */
void *text_alloc(size_t size); /* zeroed */
void *text_realloc(void *old, size_t size);
char *text_dup(const char *string);
char *text_dup_bytes(const char *bytes, size_t size);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool text_starts(const char *string, const char *prefix);
bool text_ends(const char *string, const char *suffix);

/* Makes text from outside safe for a terminal: control characters and DEL become "\xNN", invalid UTF-8 stays
 * as it is. The caller frees the result. */
char *text_printable(const char *string);

/* Appends `string` in single quotes for a POSIX shell. */
void text_add_shell_quoted(struct text *t, const char *string);
