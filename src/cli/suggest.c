/* Which command may have been meant: at most two edits away, or beginning with what was typed. */
#include "cli/cli_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NEAR      2
#define NAME_MOST 32 /* longer words are nobody's slip of the finger; keeps the row on the stack */

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Levenshtein's distance, letters compared without case. */
static size_t distance(const char *a, const char *b)
{
        size_t row[NAME_MOST + 1], size = strlen(b);

        for (size_t j = 0; j <= size; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= size; j++) {
                        bool same = tolower((unsigned char) a[i - 1]) == tolower((unsigned char) b[j - 1]);
                        size_t replaced = diagonal + (same ? 0 : 1);

                        diagonal = row[j];
                        row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
                }
        }
        return row[size];
}

static bool near(const char *typed, const char *name)
{
        if (strlen(typed) > NAME_MOST || strlen(name) > NAME_MOST)
                return false;
        return strncasecmp(name, typed, strlen(typed)) == 0 || distance(typed, name) <= NEAR;
}

void cli_suggest(const struct cli_command *group, const char *typed, struct text *out)
{
        for (const struct cli_command *const *c = group->subcommands; c && *c; c++)
                if (cli_command_shown(*c) && near(typed, (*c)->name))
                        text_printf(out, "\t%s\n", (*c)->name);
}
