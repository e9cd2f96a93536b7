#include "run/account.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"

#define PASSWD_FIELDS 7
#define GROUP_FIELDS  4

struct field {
        const char *at;
        size_t size;
};

/* Splits the line at colons; false unless it has exactly `n` fields. */
static bool split(const char *line, size_t size, struct field *fields, size_t n)
{
        const char *end = line + size;

        for (size_t i = 0; i < n; i++) {
                const char *colon = memchr(line, ':', (size_t) (end - line));

                if ((i == n - 1) != (colon == NULL))
                        return false;
                fields[i] = (struct field){ line, (size_t) ((colon ? colon : end) - line) };
                line += fields[i].size + 1;
        }
        return true;
}

static bool number(const struct field *field, uint32_t *ret)
{
        uint64_t value = 0;

        if (field->size == 0 || field->size > 10)
                return false;
        for (size_t i = 0; i < field->size; i++) {
                if (field->at[i] < '0' || field->at[i] > '9')
                        return false;
                value = value * 10 + (uint64_t) (field->at[i] - '0');
        }
        if (value > UINT32_MAX)
                return false;
        *ret = (uint32_t) value;
        return true;
}

/* Goes to the next line of *at: its start and size; *at moves behind it.  False at the end. */
static bool next_line(const char **at, struct field *ret)
{
        const char *line = *at;
        size_t size = strcspn(line, "\n");

        if (*line == '\0')
                return false;
        *ret = (struct field){ line, size };
        *at = line + size + (line[size] == '\n' ? 1 : 0);
        return true;
}

static char *dup_field(const struct field *field)
{
        return text_dup_bytes(field->at, field->size);
}

void account_user_done(struct account_user *user)
{
        free(user->name);
        free(user->gecos);
        free(user->home);
        free(user->shell);
        *user = (struct account_user){ .name = NULL };
}

bool account_find_uid(const char *passwd, uid_t uid, struct account_user *ret)
{
        struct field line, f[PASSWD_FIELDS];
        uint32_t found, gid;

        while (next_line(&passwd, &line)) {
                if (!split(line.at, line.size, f, PASSWD_FIELDS) || !number(&f[2], &found) || found != uid ||
                    !number(&f[3], &gid))
                        continue;
                *ret = (struct account_user){
                        .name = dup_field(&f[0]),
                        .uid = uid,
                        .gid = gid,
                        .gecos = dup_field(&f[4]),
                        .home = dup_field(&f[5]),
                        .shell = dup_field(&f[6]),
                };
                return true;
        }
        return false;
}

char *account_find_gid(const char *group, gid_t gid)
{
        struct field line, f[GROUP_FIELDS];
        uint32_t found;

        while (next_line(&group, &line))
                if (split(line.at, line.size, f, GROUP_FIELDS) && number(&f[2], &found) && found == gid)
                        return dup_field(&f[0]);
        return NULL;
}

bool account_find_group(const char *group, const char *name, gid_t *ret)
{
        struct field line, f[GROUP_FIELDS];
        size_t size = strlen(name);

        while (next_line(&group, &line))
                if (split(line.at, line.size, f, GROUP_FIELDS) && f[0].size == size &&
                    memcmp(f[0].at, name, size) == 0 && number(&f[2], ret))
                        return true;
        return false;
}

static void add_line(struct text *out, const struct field *line)
{
        text_add_bytes(out, line->at, line->size);
        text_add_char(out, '\n');
}

static void add_replaced(struct text *out, const struct field *f, const struct account_user *user,
                         const char *home)
{
        bool root = user->uid == 0;

        text_add_bytes(out, root ? f[0].at : user->name, root ? f[0].size : strlen(user->name));
        text_printf(out, ":x:%u:%.*s:", user->uid, (int) f[3].size, f[3].at);
        text_add_bytes(out, root ? f[4].at : user->gecos, root ? f[4].size : strlen(user->gecos));
        text_printf(out, ":%s:%.*s\n", home, (int) f[6].size, f[6].at);
}

void account_passwd(const char *image_text, const struct account_user *user, const char *home,
                    struct text *out)
{
        struct field line, f[PASSWD_FIELDS];
        bool done = false;
        uint32_t uid;

        while (next_line(&image_text, &line)) {
                if (!done && split(line.at, line.size, f, PASSWD_FIELDS) && number(&f[2], &uid) &&
                    uid == user->uid) {
                        add_replaced(out, f, user, home);
                        done = true;
                } else {
                        add_line(out, &line);
                }
        }
        if (!done)
                text_printf(out, "%s:x:%u:%u:%s:%s:%s\n", user->name, user->uid, user->gid, user->gecos, home,
                            user->shell);
}

void account_group(const char *image_text, const char *user, const struct account_group *groups, size_t n,
                   struct text *out)
{
        struct field line;

        while (next_line(&image_text, &line))
                add_line(out, &line);
        for (size_t i = 0; i < n; i++) {
                bool seen = false;

                for (size_t k = 0; k < i; k++)
                        seen = seen || groups[k].gid == groups[i].gid;
                if (groups[i].name && !seen)
                        text_printf(out, "%s:x:%u:%s\n", groups[i].name, groups[i].gid, user);
        }
}
