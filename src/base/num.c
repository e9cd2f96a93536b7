#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int num_u64(const char *text, int base, uint64_t least, uint64_t most, uint64_t *ret)
{
        unsigned long long value;
        char *end;

        if (!isalnum((unsigned char) text[0]))
                return -EINVAL;
        errno = 0;
        value = strtoull(text, &end, base);
        if (end == text || *end)
                return -EINVAL;
        if (errno == ERANGE || value < least || value > most)
                return -ERANGE;
        *ret = value;
        return 0;
}

int num_i64(const char *text, int base, int64_t least, int64_t most, int64_t *ret)
{
        const char *digits = text[0] == '-' ? text + 1 : text;
        long long value;
        char *end;

        if (!isalnum((unsigned char) digits[0]))
                return -EINVAL;
        errno = 0;
        value = strtoll(text, &end, base);
        if (end == text || *end)
                return -EINVAL;
        if (errno == ERANGE || value < least || value > most)
                return -ERANGE;
        *ret = value;
        return 0;
}

int num_size(const char *text, uint64_t *ret)
{
        static const char units[] = "bkmgtp";
        unsigned long long value;
        const char *unit;
        uint64_t size;
        char *end;

        if (!isdigit((unsigned char) text[0]))
                return -EINVAL;
        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno == ERANGE)
                return -ERANGE;
        size = value;
        if (!*end) {
                *ret = size;
                return 0;
        }
        unit = strchr(units, tolower((unsigned char) *end));
        if (!unit || !*unit)
                return -EINVAL;
        if (*end != 'b' && *end != 'B') {
                end++;
                if (strcasecmp(end, "b") != 0 && strcasecmp(end, "ib") != 0 && *end)
                        return -EINVAL;
        } else if (end[1]) {
                return -EINVAL;
        }
        for (const char *u = units; u < unit; u++)
                if (!num_mul(size, 1024, &size))
                        return -ERANGE;
        *ret = size;
        return 0;
}

int num_bool(const char *text, bool *ret)
{
        static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
        static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
                if (strcmp(text, yes[i]) == 0) {
                        *ret = true;
                        return 0;
                }
                if (strcmp(text, no[i]) == 0) {
                        *ret = false;
                        return 0;
                }
        }
        return -EINVAL;
}

char *num_human(uint64_t bytes, char *buffer, size_t size)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double) bytes;
        size_t unit = 0;

        while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
                value /= 1024;
                unit++;
        }
        snprintf(buffer, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
        return buffer;
}
