/* What an OCI image config becomes (spec image-formats.md, 2.4, 4.4, 4.5). */
#include <ctype.h>
#include <string.h>

#include "base/clean.h"
#include "image/metadata.h"
#include "image/metadata_internal.h"

/* How often a word may grow by escaping is bounded by JSON_SIZE_MAX, the size of the config itself. */

static bool is_name(const char *at, size_t size)
{
        if (size == 0 || isdigit((unsigned char) at[0]))
                return false;
        for (size_t i = 0; i < size; i++)
                if (!(isascii((unsigned char) at[i]) && isalnum((unsigned char) at[i])) && at[i] != '_')
                        return false;
        return true;
}

/* For inside double quotes. */
static void add_escaped(struct text *out, const char *word)
{
        for (; *word; word++) {
                if (strchr("\\\"`$", *word))
                        text_add_char(out, '\\');
                text_add_char(out, *word);
        }
}

static void environment_line(const char *element, struct text *out)
{
        const char *equals = strchr(element, '=');
        size_t size = equals ? (size_t) (equals - element) : strlen(element);

        if (!is_name(element, size))
                return;
        text_add(out, "export ");
        text_add_bytes(out, element, size);
        if (!equals) {
                text_printf(out, "=\"${%s:-}\"\n", element);
                return;
        }
        text_add(out, "=\"");
        if (size == 4 && strncmp(element, "PATH", 4) == 0) {
                add_escaped(out, equals + 1);
        } else {
                text_printf(out, "${%.*s:-\"", (int) size, element);
                add_escaped(out, equals + 1);
                text_add(out, "\"}");
        }
        text_add(out, "\"\n");
}

void metadata_oci_environment(const json_t *env, struct text *out)
{
        text_add(out, "#!/bin/sh\n");
        for (size_t i = 0; i < json_array_size(env); i++) {
                const char *element = json_string_value(json_array_get(env, i));

                if (element)
                        environment_line(element, out);
        }
}

/* OCI_…='"word" "word"' */
static void add_vector_text(struct text *out, const char *name, const json_t *words)
{
        _cleanup_text_ struct text joined = TEXT_INIT;

        for (size_t i = 0; i < json_array_size(words); i++) {
                const char *word = json_string_value(json_array_get(words, i));

                text_add(&joined, i ? " \"" : "\"");
                add_escaped(&joined, word ? word : "");
                text_add_char(&joined, '"');
        }
        text_printf(out, "%s='", name);
        for (const char *at = text_get(&joined); *at; at++) {
                if (*at == '\'')
                        text_add(out, "'\"'\"'");
                else
                        text_add_char(out, *at);
        }
        text_add(out, "'\n");
}

/* set -- 'word' 'word' TAIL */
static void add_vector_set(struct text *out, const char *indent, const json_t *words, const char *tail)
{
        if (json_array_size(words) == 0)
                return;
        text_printf(out, "%sset --", indent);
        for (size_t i = 0; i < json_array_size(words); i++) {
                const char *word = json_string_value(json_array_get(words, i));

                text_add_char(out, ' ');
                text_add_shell_quoted(out, word ? word : "");
        }
        text_printf(out, "%s\n", tail);
}

void metadata_oci_runscript(const json_t *entrypoint, const json_t *cmd, struct text *out)
{
        text_add(out, "#!/bin/sh\n");
        add_vector_text(out, "OCI_ENTRYPOINT", entrypoint);
        add_vector_text(out, "OCI_CMD", cmd);
        text_add(out, "\n"
                      "# With --no-eval the words are taken as they are, as other OCI runtimes do.\n"
                      "if [ -n \"$SINGULARITY_NO_EVAL\" ]; then\n");
        if (json_array_size(cmd)) {
                text_add(out, "    if [ $# -eq 0 ]; then\n");
                add_vector_set(out, "        ", cmd, "");
                text_add(out, "    fi\n");
        }
        add_vector_set(out, "    ", entrypoint, " \"$@\"");
        text_add(out, "    exec \"$@\"\n"
                      "    exit 0\n"
                      "fi\n"
                      "\n"
                      "# Otherwise the arguments of the user are evaluated once by the shell.\n"
                      "if [ $# -gt 0 ]; then\n"
                      "    SINGULARITY_OCI_RUN=\"${OCI_ENTRYPOINT}\"\n"
                      "    for word in \"$@\"; do\n"
                      "        SINGULARITY_OCI_RUN=\"${SINGULARITY_OCI_RUN} \\\"${word}\\\"\"\n"
                      "    done\n"
                      "else\n"
                      "    SINGULARITY_OCI_RUN=\"${OCI_ENTRYPOINT} ${OCI_CMD}\"\n"
                      "fi\n"
                      /* Runtimes know an OCI runscript by this line. */
                      "eval \"set ${SINGULARITY_OCI_RUN}\"\n"
                      "exec \"$@\"\n");
}

int metadata_put_oci(struct tree *t, const json_t *config, int64_t mtime, struct err *e)
{
        _cleanup_text_ struct text environment = TEXT_INIT, runscript = TEXT_INIT;
        struct tree_node *dir;
        int r = metadata_directory(t, "", true, mtime, &dir, e);

        if (r < 0)
                return r;
        metadata_oci_runscript(json_object_get(config, "Entrypoint"), json_object_get(config, "Cmd"),
                               &runscript);
        metadata_file(t, dir, "runscript", 0755, text_get(&runscript), runscript.used, mtime);
        r = metadata_directory(t, "env", true, mtime, &dir, e);
        if (r < 0)
                return r;
        metadata_oci_environment(json_object_get(config, "Env"), &environment);
        metadata_file(t, dir, "10-docker2singularity.sh", 0755, text_get(&environment), environment.used,
                      mtime);
        return 0;
}

enum member_kind { STRING, BOOLEAN, STRINGS, STRING_MAP, SET, NUMBER, HEALTH };

struct member {
        const char *name;
        enum member_kind kind;
};

/* In the order of the original's structures. */
static const struct member config_members[] = {
        { "AttachStderr", BOOLEAN }, { "AttachStdin", BOOLEAN }, { "AttachStdout", BOOLEAN },
        { "Cmd", STRINGS },          { "Healthcheck", HEALTH },  { "Domainname", STRING },
        { "Entrypoint", STRINGS },   { "Env", STRINGS },         { "Hostname", STRING },
        { "Image", STRING },         { "Labels", STRING_MAP },   { "OnBuild", STRINGS },
        { "OpenStdin", BOOLEAN },    { "StdinOnce", BOOLEAN },   { "Tty", BOOLEAN },
        { "User", STRING },          { "Volumes", SET },         { "WorkingDir", STRING },
        { "ExposedPorts", SET },     { "ArgsEscaped", BOOLEAN }, { "NetworkDisabled", BOOLEAN },
        { "MacAddress", STRING },    { "StopSignal", STRING },   { "Shell", STRINGS },
};

static const struct member health_members[] = {
        { "Test", STRINGS },       { "Interval", NUMBER }, { "Timeout", NUMBER },
        { "StartPeriod", NUMBER }, { "Retries", NUMBER },
};

static int members_copy(const json_t *from, const struct member *members, size_t n, json_t *to,
                        struct err *e);

/* An object's keys in byte order, its values as strings ("" for null) or as empty objects. */
static json_t *map_copy(const json_t *from, bool values)
{
        _cleanup_text_list_ struct text_list keys = TEXT_LIST_INIT;
        const char *key;
        json_t *value, *to = json_object();

        json_object_foreach((json_t *) (uintptr_t) from, key, value)
        {
                if (values && !json_is_string(value) && !json_is_null(value)) {
                        json_decref(to);
                        return NULL;
                }
                text_list_add(&keys, key);
        }
        text_list_sort(&keys);
        for (size_t i = 0; i < keys.n; i++) {
                const char *string = json_member(from, keys.at[i]);

                json_object_set_new(to, keys.at[i],
                                    !values ? json_object() : json_string(string ? string : ""));
        }
        return to;
}

static bool all_strings(const json_t *array)
{
        for (size_t i = 0; i < json_array_size(array); i++)
                if (!json_is_string(json_array_get(array, i)))
                        return false;
        return json_is_array(array);
}

/* Whether Go's encoder would leave the member out. */
static bool is_empty(const json_t *value)
{
        return !value || json_is_null(value) || json_is_false(value) ||
               (json_is_string(value) && json_string_length(value) == 0) ||
               (json_is_array(value) && json_array_size(value) == 0) ||
               (json_is_integer(value) && json_integer_value(value) == 0);
}

static json_t *health_copy(const json_t *value, struct err *e)
{
        json_t *to = json_object();

        if (json_is_object(value) &&
            members_copy(value, health_members, ARRAY_SIZE(health_members), to, e) == 0)
                return to;
        json_decref(to);
        return NULL;
}

/* A new reference, NULL when the value has another type than it must have. */
static json_t *member_copy(json_t *value, enum member_kind kind, struct err *e)
{
        switch (kind) {
        case STRING:
                return json_is_string(value) ? json_incref(value) : NULL;
        case BOOLEAN:
                return json_is_boolean(value) ? json_incref(value) : NULL;
        case NUMBER:
                return json_is_integer(value) ? json_incref(value) : NULL;
        case STRINGS:
                return all_strings(value) ? json_incref(value) : NULL;
        case STRING_MAP:
                return json_is_object(value) ? map_copy(value, true) : NULL;
        case SET:
                return json_is_object(value) ? map_copy(value, false) : NULL;
        case HEALTH:
                return health_copy(value, e);
        }
        return NULL;
}

static int members_copy(const json_t *from, const struct member *members, size_t n, json_t *to, struct err *e)
{
        for (size_t i = 0; i < n; i++) {
                json_t *value = json_object_get(from, members[i].name), *copy;

                if (is_empty(value))
                        continue;
                copy = member_copy(value, members[i].kind, e);
                if (!copy)
                        return err_set(e, -EBADMSG, "OCI config: \"%s\" is not of the type it must have",
                                       members[i].name);
                if (json_object_size(copy) || !json_is_object(copy))
                        json_object_set_new(to, members[i].name, copy);
                else
                        json_decref(copy);
        }
        return 0;
}

int metadata_oci_config(const json_t *config, struct text *out, struct err *e)
{
        _cleanup_json_ json_t *copy = json_object();
        int r;

        if (config && !json_is_null(config) && !json_is_object(config))
                return err_set(e, -EBADMSG, "OCI config: \"config\" is not an object");
        r = members_copy(config, config_members, ARRAY_SIZE(config_members), copy, e);
        if (r < 0)
                return r;
        json_write(copy, NULL, false, out);
        return 0;
}
