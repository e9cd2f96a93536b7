#include "build/labels.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"

static struct tm broken_down(const struct epoch *epoch)
{
        time_t seconds = (time_t) epoch->seconds;
        struct tm tm = { 0 };

        if (epoch->fixed)
                gmtime_r(&seconds, &tm);
        else
                localtime_r(&seconds, &tm);
        return tm;
}

void labels_format_date(const struct epoch *epoch, struct text *out)
{
        /* Not strftime(): the names are English whatever the locale. */
        static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday" };
        static const char *const months[] = { "January",   "February", "March",    "April",
                                              "May",       "June",     "July",     "August",
                                              "September", "October",  "November", "December" };
        struct tm tm = broken_down(epoch);

        text_printf(out, "%s_%d_%s_%d_%d:%d:%d_%s", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, epoch->fixed ? "UTC" : tm.tm_zone);
}

void labels_format_created(const struct epoch *epoch, struct text *out)
{
        struct tm tm = broken_down(epoch);
        long minutes = tm.tm_gmtoff / 60;

        text_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                    tm.tm_hour, tm.tm_min, tm.tm_sec);
        if (minutes == 0)
                text_add(out, "Z");
        else
                text_printf(out, "%c%02ld:%02ld", minutes < 0 ? '-' : '+', labs(minutes) / 60,
                            labs(minutes) % 60);
}

static void set(json_t *labels, const char *key, const char *value)
{
        json_object_set_new(labels, key, json_string_lossy(value, strlen(value)));
}

void labels_generate(json_t *labels, const struct spec *spec, const struct epoch *epoch,
                     const char *architecture, const char *variant)
{
        _cleanup_text_ struct text date = TEXT_INIT, created = TEXT_INIT;

        labels_format_date(epoch, &date);
        labels_format_created(epoch, &created);
        set(labels, "org.label-schema.schema-version", "1.0");
        set(labels, "org.label-schema.build-date", text_get(&date));
        set(labels, "org.label-schema.build-arch", architecture);
        set(labels, "org.label-schema.usage.apptainer.version", PACKAGE_VERSION);
        set(labels, "org.label-schema.usage.singularity.deffile.bootstrap", spec->bootstrap);
        set(labels, "org.label-schema.usage.singularity.deffile.from", spec->from);
        set(labels, "org.opencontainers.image.created", text_get(&created));
        set(labels, "org.opencontainers.image.architecture", architecture);
        if (variant && variant[0])
                set(labels, "org.opencontainers.image.variant", variant);
}
