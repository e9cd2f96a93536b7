/* Patterns of case, [[ == ]], ${x#...} and ${x%...} (POSIX Shell Command Language, 2.13), bytewise. */
#include <string.h>

#include "run/env_script_internal.h"

/* Comparisons for one pattern: a few thousand bytes against a few stars.  More is left to a shell. */
#define PATTERN_WORK_MAX 1000000

struct matcher {
        const char *pattern;
        size_t work;
        bool outside;
};

/* Whether `c` is in the bracket expression at `at` (behind the '['); *end is behind its ']'.  NULL there when
 * it is none, so that '[' is an ordinary character. */
static bool bracket_has(struct matcher *m, const char *at, unsigned char c, const char **end)
{
        bool negated = *at == '!' || *at == '^', found = false;
        const char *first;

        if (negated)
                at++;
        for (first = at; *at && (*at != ']' || at == first); at++) {
                unsigned char low, high;

                m->work++;
                if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '='))
                        m->outside = true;
                if (*at == '\\' && at[1])
                        at++;
                low = high = (unsigned char) *at;
                if (at[1] == '-' && at[2] && at[2] != ']') {
                        at += 2;
                        if (*at == '\\' && at[1])
                                at++;
                        high = (unsigned char) *at;
                }
                found |= c >= low && c <= high;
        }
        *end = *at == ']' ? at + 1 : NULL;
        return found != negated;
}

/* Whether the one-character element at `at` takes `c`; *next is the element after it. */
static bool element_takes(struct matcher *m, const char *at, unsigned char c, const char **next)
{
        const char *end = NULL;

        *next = at + 1;
        if (*at == '?')
                return true;
        if (*at == '[') {
                bool found = bracket_has(m, at + 1, c, &end);

                if (end) {
                        *next = end;
                        return found;
                }
        }
        if (*at == '\\' && at[1]) {
                *next = at + 2;
                return (unsigned char) at[1] == c;
        }
        return (unsigned char) *at == c;
}

/* The last star seen is the only one that ever needs to take more. */
static bool matches(struct matcher *m, const char *text, size_t size)
{
        const char *at = m->pattern, *star = NULL, *next;
        size_t i = 0, star_i = 0;

        while (i < size) {
                if (m->work++ > PATTERN_WORK_MAX)
                        m->outside = true;
                if (m->outside)
                        return false;
                if (*at == '*') {
                        star = ++at;
                        star_i = i;
                } else if (*at && element_takes(m, at, (unsigned char) text[i], &next)) {
                        at = next;
                        i++;
                } else if (star) {
                        at = star;
                        i = ++star_i;
                } else {
                        return false;
                }
        }
        while (*at == '*')
                at++;
        return *at == '\0';
}

/* What "?" and "[...]" take depends on the locale when bytes above 127 come in. */
static bool needs_locale(const char *pattern, const char *text, size_t size)
{
        if (!strpbrk(pattern, "?["))
                return false;
        for (size_t i = 0; i < size; i++)
                if ((unsigned char) text[i] >= 0x80)
                        return true;
        return false;
}

int pattern_matches(const char *pattern, const char *text, size_t size, bool *ret, unsigned *steps)
{
        struct matcher m = { .pattern = pattern };
        bool found;

        if (needs_locale(pattern, text, size))
                return -ENOTSUP;
        found = matches(&m, text, size);
        *steps += STEPS_OF_MATCHING(m.work);
        if (m.outside)
                return -ENOTSUP;
        *ret = found;
        return 0;
}

static int pattern_part(const char *pattern, const char *text, bool longest, bool suffix, size_t *ret,
                        unsigned *steps)
{
        struct matcher m = { .pattern = pattern };
        size_t size = strlen(text), found = 0;

        if (needs_locale(pattern, text, size))
                return -ENOTSUP;
        for (size_t i = 0; i <= size && !m.outside; i++) {
                size_t n = longest ? size - i : i;

                m.work++;
                if (matches(&m, suffix ? text + size - n : text, n)) {
                        found = n;
                        break;
                }
        }
        *steps += STEPS_OF_MATCHING(m.work);
        if (m.outside)
                return -ENOTSUP;
        *ret = found;
        return 0;
}

int pattern_prefix(const char *pattern, const char *text, bool longest, size_t *ret, unsigned *steps)
{
        return pattern_part(pattern, text, longest, false, ret, steps);
}

int pattern_suffix(const char *pattern, const char *text, bool longest, size_t *ret, unsigned *steps)
{
        return pattern_part(pattern, text, longest, true, ret, steps);
}
