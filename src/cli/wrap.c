#include "cli/cli_internal.h"

#include <string.h>

/* Columns of a UTF-8 text, counting each character as one. */
static size_t columns(const char *at, size_t size)
{
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                if (((unsigned char) at[i] & 0xc0) != 0x80)
                        n++;
        return n;
}

static void new_line(struct text *out, size_t indent)
{
        text_printf(out, "\n%*s", (int) indent, "");
}

/* One line of the source, which has no newline in it. */
static void wrap_line(struct text *out, const char *at, size_t size, size_t column, size_t indent,
                      size_t width)
{
        bool first = true;

        if (size && (at[0] == ' ' || at[0] == '\t')) {
                text_add_bytes(out, at, size);
                return;
        }
        while (size) {
                const char *end = memchr(at, ' ', size);
                size_t word = end ? (size_t) (end - at) : size, wide = columns(at, word);

                if (!first && column + 1 + wide > width) {
                        new_line(out, indent);
                        column = indent;
                } else if (!first) {
                        text_add_char(out, ' ');
                        column++;
                }
                text_add_bytes(out, at, word);
                column += wide;
                first = false;
                at += word;
                size -= word;
                while (size && *at == ' ') {
                        at++;
                        size--;
                }
        }
}

static void trim_blanks(struct text *out)
{
        while (out->used && out->at[out->used - 1] == ' ')
                out->at[--out->used] = '\0';
}

void cli_wrap(struct text *out, const char *string, size_t column, size_t indent, size_t width)
{
        for (;;) {
                size_t size = strcspn(string, "\n");

                wrap_line(out, string, size, column, indent, width);
                trim_blanks(out);
                if (!string[size] || !string[size + 1])
                        break;
                string += size + 1;
                new_line(out, indent);
                column = indent;
        }
        text_add_char(out, '\n');
}
