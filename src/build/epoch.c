#include "build/epoch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

/* Four-digit years: what RFC 3339 can say. */
#define EPOCH_MAX 253402300799ll

int epoch_init(struct epoch *ret, struct err *e)
{
        const char *value = getenv("SOURCE_DATE_EPOCH");

        if (!value || !value[0]) {
                *ret = (struct epoch){ .fixed = false, .seconds = (int64_t) time(NULL) };
                return 0;
        }
        if (num_i64(value, 10, 0, EPOCH_MAX, &ret->seconds) < 0)
                return err_set(e, -EINVAL, "could not parse SOURCE_DATE_EPOCH \"%s\" as seconds since 1970",
                               value);
        ret->fixed = true;
        return 0;
}

static int parse_two_digits(const char *text, int most, int *ret)
{
        if (!isdigit((unsigned char) text[0]) || !isdigit((unsigned char) text[1]))
                return -EINVAL;
        *ret = (text[0] - '0') * 10 + text[1] - '0';
        return *ret <= most ? 0 : -EINVAL;
}

/* "Z" or "+HH:MM" as seconds east of Greenwich. */
static int parse_zone(const char *text, int64_t *ret)
{
        int hours, minutes;

        if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
                *ret = 0;
                return 0;
        }
        if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
            parse_two_digits(text + 1, 23, &hours) < 0 || parse_two_digits(text + 4, 59, &minutes) < 0)
                return -EINVAL;
        *ret = (int64_t) (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
        return 0;
}

int epoch_parse(const char *text, int64_t *ret)
{
        struct tm tm = { 0 };
        int64_t zone;
        const char *rest;

        if (strlen(text) < 20 || (text[10] != 'T' && text[10] != 't' && text[10] != ' '))
                return -EINVAL;
        rest = strptime(text, "%Y-%m-%d", &tm);
        if (rest != text + 10)
                return -EINVAL;
        rest = strptime(text + 11, "%H:%M:%S", &tm);
        if (rest != text + 19)
                return -EINVAL;
        if (*rest == '.')
                do
                        rest++;
                while (isdigit((unsigned char) *rest));
        if (parse_zone(rest, &zone) < 0)
                return -EINVAL;
        *ret = (int64_t) timegm(&tm) - zone;
        return 0;
}
