#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(void)
{
        fputs("FATAL:   out of memory\n", stderr);
        exit(255);
}

void *text_realloc(void *old, size_t size)
{
        void *fresh = realloc(old, size ? size : 1);

        if (!fresh)
                out_of_memory();
        return fresh;
}

void *text_alloc(size_t size)
{
        void *fresh = calloc(1, size ? size : 1);

        if (!fresh)
                out_of_memory();
        return fresh;
}

char *text_dup_bytes(const char *bytes, size_t size)
{
        char *copy = text_realloc(NULL, size + 1);

        memcpy(copy, bytes, size);
        copy[size] = '\0';
        return copy;
}

char *text_dup(const char *string)
{
        return text_dup_bytes(string, strlen(string));
}

char *text_format(const char *format, ...)
{
        struct text t = TEXT_INIT;
        va_list args;

        va_start(args, format);
        text_vprintf(&t, format, args);
        va_end(args);
        return text_take(&t);
}

void text_done(struct text *t)
{
        free(t->at);
        *t = (struct text) TEXT_INIT;
}

static void text_reserve(struct text *t, size_t more)
{
        size_t need;

        if (__builtin_add_overflow(t->used, more, &need) || need >= SIZE_MAX / 2)
                out_of_memory();
        need++;
        if (need <= t->room)
                return;
        if (need < 2 * t->room)
                need = 2 * t->room;
        if (need < 64)
                need = 64;
        t->at = text_realloc(t->at, need);
        t->room = need;
}

void text_add_bytes(struct text *t, const void *bytes, size_t size)
{
        text_reserve(t, size);
        if (size)
                memcpy(t->at + t->used, bytes, size);
        t->used += size;
        t->at[t->used] = '\0';
}

void text_add(struct text *t, const char *string)
{
        text_add_bytes(t, string, strlen(string));
}

void text_add_char(struct text *t, char c)
{
        text_add_bytes(t, &c, 1);
}

void text_vprintf(struct text *t, const char *format, va_list args)
{
        va_list again;
        int size;

        va_copy(again, args);
        size = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (size < 0)
                return;
        text_reserve(t, (size_t) size);
        vsnprintf(t->at + t->used, (size_t) size + 1, format, args);
        t->used += (size_t) size;
}

void text_printf(struct text *t, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        text_vprintf(t, format, args);
        va_end(args);
}

char *text_take(struct text *t)
{
        char *taken = t->at ? t->at : text_dup("");

        *t = (struct text) TEXT_INIT;
        return taken;
}

const char *text_get(const struct text *t)
{
        return t->at ? t->at : "";
}

void text_list_done(struct text_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->at[i]);
        free(list->at);
        *list = (struct text_list) TEXT_LIST_INIT;
}

void text_list_take(struct text_list *list, char *string)
{
        if (list->n + 2 > list->room) {
                list->room = list->room ? 2 * list->room : 8;
                list->at = text_realloc(list->at, list->room * sizeof(*list->at));
        }
        list->at[list->n++] = string;
        list->at[list->n] = NULL;
}

void text_list_add(struct text_list *list, const char *string)
{
        text_list_take(list, text_dup(string));
}

void text_list_add_bytes(struct text_list *list, const char *bytes, size_t size)
{
        text_list_take(list, text_dup_bytes(bytes, size));
}

void text_list_printf(struct text_list *list, const char *format, ...)
{
        struct text t = TEXT_INIT;
        va_list args;

        va_start(args, format);
        text_vprintf(&t, format, args);
        va_end(args);
        text_list_take(list, text_take(&t));
}

bool text_list_has(const struct text_list *list, const char *string)
{
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->at[i], string) == 0)
                        return true;
        return false;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

void text_list_sort(struct text_list *list)
{
        if (list->n > 1)
                qsort(list->at, list->n, sizeof(*list->at), compare);
}

char *text_list_join(const struct text_list *list, const char *between)
{
        struct text t = TEXT_INIT;

        for (size_t i = 0; i < list->n; i++) {
                if (i)
                        text_add(&t, between);
                text_add(&t, list->at[i]);
        }
        return text_take(&t);
}

bool text_starts(const char *string, const char *prefix)
{
        return strncmp(string, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *string, const char *suffix)
{
        size_t size = strlen(string), tail = strlen(suffix);

        return size >= tail && memcmp(string + size - tail, suffix, tail) == 0;
}

char *text_printable(const char *string)
{
        struct text t = TEXT_INIT;

        for (const char *c = string; *c; c++) {
                unsigned char byte = (unsigned char) *c;

                if (byte < 0x20 || byte == 0x7f)
                        text_printf(&t, "\\x%02x", byte);
                else
                        text_add_char(&t, *c);
        }
        return text_take(&t);
}

void text_add_shell_quoted(struct text *t, const char *string)
{
        text_add_char(t, '\'');
        for (const char *c = string; *c; c++) {
                if (*c == '\'')
                        text_add(t, "'\\''");
                else
                        text_add_char(t, *c);
        }
        text_add_char(t, '\'');
}
