/* Expansion: from words to text, fields or patterns (POSIX Shell Command Language, 2.6). */
#include <string.h>
#include <unistd.h>

#include "base/clean.h"
#include "run/env_script_internal.h"

#define DEFAULT_IFS " \t\n"
#define SPLIT_SIZE_MAX                                                                                       \
        ((size_t) 256 << 10) /* each blank in it may begin a field, which costs some 30 bytes */

enum expansion_kind { EXPAND_ONE, EXPAND_PATTERN, EXPAND_FIELDS };

struct expansion {
        enum expansion_kind kind;
        struct text *one;         /* ONE, PATTERN: what it becomes */
        struct text_list *fields; /* FIELDS: those that are whole */
        struct text present;      /* FIELDS: the one at hand */
        bool started;             /* the one at hand exists, empty or not */
        bool star, bracket, glob; /* unquoted pattern characters in the one at hand */
        bool split_text;          /* unquoted text stands in an expansion and is split too */
};

static int expand_parts(struct env_script *s, const struct part *part, struct expansion *x, struct err *e);

static int finish_field(struct expansion *x, struct err *e)
{
        if (!x->started && x->present.used == 0)
                return 0;
        if (x->glob)
                return run_outside("a glob", text_get(&x->present), e);
        text_list_take(x->fields, text_take(&x->present));
        x->started = x->star = x->bracket = x->glob = false;
        return 0;
}

static void add_quoted(struct expansion *x, const char *text, size_t size)
{
        struct text *to = x->kind == EXPAND_FIELDS ? &x->present : x->one;

        x->started = true;
        for (size_t i = 0; i < size; i++) {
                if (x->kind == EXPAND_PATTERN && strchr("*?[]\\-!^", text[i]))
                        text_add_char(to, '\\');
                text_add_char(to, text[i]);
        }
}

static void add_unquoted_char(struct expansion *x, char c)
{
        if (c == '*' || c == '?')
                x->glob = true;
        if (c == '[')
                x->bracket = true;
        if (c == ']' && x->bracket)
                x->glob = true;
        text_add_char(&x->present, c);
}

static int add_unquoted(struct env_script *s, struct expansion *x, const char *text, size_t size, bool split,
                        struct err *e)
{
        const char *ifs = variables_get(&s->variables, "IFS");

        if (x->kind != EXPAND_FIELDS) {
                text_add_bytes(x->one, text, size);
                return 0;
        }
        if (size > SPLIT_SIZE_MAX)
                return run_outside("a value too long to be split", "", e);
        if (split && ifs && strcmp(ifs, DEFAULT_IFS) != 0)
                return run_outside("field splitting by another IFS", "", e);
        for (size_t i = 0; i < size; i++) {
                if (split && strchr(DEFAULT_IFS, text[i])) {
                        int r = finish_field(x, e);

                        if (r < 0)
                                return r;
                        continue;
                }
                add_unquoted_char(x, text[i]);
        }
        return 0;
}

static int add_value(struct env_script *s, struct expansion *x, const char *value, bool quoted, struct err *e)
{
        size_t size = strlen(value);

        if (size > ENV_SCRIPT_VALUES_MAX || (x->one && x->one->used > ENV_SCRIPT_VALUES_MAX) ||
            x->present.used > ENV_SCRIPT_VALUES_MAX)
                return run_outside("a value too long", "", e);
        s->steps += STEPS_OF_BYTES(size);
        if (quoted) {
                add_quoted(x, value, size);
                return 0;
        }
        return add_unquoted(s, x, value, size, true, e);
}

/* "$@" is one field per argument, "$*" and everything that does not make fields one text. */
static int add_arguments(struct env_script *s, struct expansion *x, bool star, bool quoted, struct err *e)
{
        bool fields = x->kind == EXPAND_FIELDS && !(star && quoted);

        if (!fields && variables_get(&s->variables, "IFS"))
                return run_outside("$* with IFS set", "", e);
        for (size_t i = 0; i < s->arguments.n; i++) {
                int r = 0;

                if (i > 0 && fields)
                        r = finish_field(x, e);
                else if (i > 0)
                        r = add_value(s, x, " ", true, e);
                if (r == 0)
                        r = add_value(s, x, s->arguments.at[i], quoted, e);
                if (r < 0)
                        return r;
        }
        if (star && quoted)
                x->started = true;
        return 0;
}

/* The value of a variable or of $0-$9, $#, $?, $$; NULL when unset.  `buffer` holds those made here. */
static const char *parameter_value(struct env_script *s, const char *name, char buffer[32])
{
        if (name[0] == '#')
                snprintf(buffer, 32, "%zu", s->arguments.n);
        else if (name[0] == '?')
                snprintf(buffer, 32, "%d", s->status);
        else if (name[0] == '$')
                snprintf(buffer, 32, "%ld", (long) getpid());
        else if (strcmp(name, "0") == 0)
                return s->zero;
        else if (name[0] >= '0' && name[0] <= '9') {
                size_t index = 0;

                for (const char *at = name; *at && index <= s->arguments.n; at++)
                        index = index * 10 + (size_t) (*at - '0');
                return index >= 1 && index <= s->arguments.n ? s->arguments.at[index - 1] : NULL;
        } else
                return variables_get(&s->variables, name);
        return buffer;
}

static int expand_operand(struct env_script *s, const struct part *part, struct expansion *x, struct err *e)
{
        bool split_text = x->split_text;
        int r;

        x->split_text = true;
        r = expand_parts(s, part->operand->first, x, e);
        x->split_text = split_text;
        x->started |= part->quoted;
        return r;
}

static int expand_assign(struct env_script *s, const struct part *part, struct expansion *x, struct err *e)
{
        _cleanup_text_ struct text value = TEXT_INIT;
        int r = expand_one(s, part->operand, &value, e);

        if (r < 0)
                return r;
        if (!variables_name_valid(part->text, strlen(part->text)))
                return run_outside("an assignment to a parameter", part->text, e);
        r = run_set(s, part->text, text_get(&value), e);
        return r < 0 ? r : add_value(s, x, text_get(&value), part->quoted, e);
}

static int expand_length(struct env_script *s, const char *value, struct expansion *x, bool quoted,
                         struct err *e)
{
        char number[32];

        for (const char *at = value; *at; at++)
                if ((unsigned char) *at >= 0x80)
                        return run_outside("the length of text that is not ASCII", "", e);
        snprintf(number, sizeof(number), "%zu", strlen(value));
        return add_value(s, x, number, quoted, e);
}

static int expand_trimmed(struct env_script *s, const struct part *part, const char *value,
                          struct expansion *x, struct err *e)
{
        _cleanup_text_ struct text pattern = TEXT_INIT;
        _cleanup_free_ char *copy = text_dup(value);
        bool longest = part->operator== OPERATOR_PREFIX_LONG || part->operator== OPERATOR_SUFFIX_LONG;
        bool suffix = part->operator== OPERATOR_SUFFIX || part->operator== OPERATOR_SUFFIX_LONG;
        size_t size = 0;
        int r = expand_pattern(s, part->operand, &pattern, e);

        if (r < 0)
                return r;
        r = suffix ? pattern_suffix(text_get(&pattern), copy, longest, &size, &s->steps)
                   : pattern_prefix(text_get(&pattern), copy, longest, &size, &s->steps);
        if (r < 0)
                return run_outside("a pattern", text_get(&pattern), e);
        if (suffix)
                copy[strlen(copy) - size] = '\0';
        return add_value(s, x, suffix ? copy : copy + size, part->quoted, e);
}

static int expand_parameter(struct env_script *s, const struct part *part, struct expansion *x, struct err *e)
{
        char buffer[32];
        const char *value;
        bool empty;

        if (strcmp(part->text, "@") == 0 || strcmp(part->text, "*") == 0) {
                if (part->operator!= OPERATOR_NONE)
                        return run_outside("an operator on all arguments", "", e);
                return add_arguments(s, x, part->text[0] == '*', part->quoted, e);
        }
        value = parameter_value(s, part->text, buffer);
        empty = !value || (part->colon && value[0] == '\0');
        switch (part->operator) {
        case OPERATOR_DEFAULT:
                return empty ? expand_operand(s, part, x, e) : add_value(s, x, value, part->quoted, e);
        case OPERATOR_ASSIGN:
                return empty ? expand_assign(s, part, x, e) : add_value(s, x, value, part->quoted, e);
        case OPERATOR_ERROR:
                return empty ? run_outside("an expansion that fails", part->text, e)
                             : add_value(s, x, value, part->quoted, e);
        case OPERATOR_OTHER:
                if (!empty)
                        return expand_operand(s, part, x, e);
                break;
        case OPERATOR_LENGTH:
                return expand_length(s, value ? value : "", x, part->quoted, e);
        case OPERATOR_NONE:
                return add_value(s, x, value ? value : "", part->quoted, e);
        default:
                return expand_trimmed(s, part, value ? value : "", x, e);
        }
        return add_value(s, x, "", part->quoted, e);
}

static int expand_command(struct env_script *s, const struct part *part, struct expansion *x, struct err *e)
{
        _cleanup_text_ struct text output = TEXT_INIT;
        int r = run_captured(s, part->list, &output, e);

        if (r < 0)
                return r;
        while (output.used && output.at[output.used - 1] == '\n')
                output.at[--output.used] = '\0';
        return add_value(s, x, text_get(&output), part->quoted, e);
}

static int expand_arithmetic(struct env_script *s, const struct part *part, struct expansion *x,
                             struct err *e)
{
        _cleanup_text_ struct text expression = TEXT_INIT, value = TEXT_INIT;
        int r = expand_one(s, part->operand, &expression, e);

        if (r == 0)
                r = arithmetic_evaluate(s, text_get(&expression), &value, e);
        return r < 0 ? r : add_value(s, x, text_get(&value), part->quoted, e);
}

static int expand_home(struct env_script *s, struct expansion *x, struct err *e)
{
        const char *home = variables_get(&s->variables, "HOME");

        if (!home)
                return run_outside("~ without HOME", "", e);
        return add_value(s, x, home, true, e);
}

static int expand_parts(struct env_script *s, const struct part *part, struct expansion *x, struct err *e)
{
        int r = 0;

        for (; part && r == 0; part = part->next) {
                switch (part->kind) {
                case PART_TEXT:
                        if (part->quoted)
                                add_quoted(x, part->text, part->size);
                        else
                                r = add_unquoted(s, x, part->text, part->size, x->split_text, e);
                        break;
                case PART_PARAMETER:
                        r = expand_parameter(s, part, x, e);
                        break;
                case PART_COMMAND:
                        r = expand_command(s, part, x, e);
                        break;
                case PART_ARITHMETIC:
                        r = expand_arithmetic(s, part, x, e);
                        break;
                case PART_HOME:
                        r = expand_home(s, x, e);
                        break;
                }
        }
        return r;
}

int expand_one(struct env_script *s, const struct word *word, struct text *ret, struct err *e)
{
        struct expansion x = { .kind = EXPAND_ONE, .one = ret };

        return expand_parts(s, word->first, &x, e);
}

int expand_pattern(struct env_script *s, const struct word *word, struct text *ret, struct err *e)
{
        struct expansion x = { .kind = EXPAND_PATTERN, .one = ret };

        return expand_parts(s, word->first, &x, e);
}

static int expand_declared(struct env_script *s, const struct word *word, struct text_list *ret,
                           struct err *e)
{
        _cleanup_text_ struct text value = TEXT_INIT;
        int r = expand_one(s, word, &value, e);

        if (r < 0)
                return r;
        text_list_printf(ret, "%s%s=%s", word->assigned, word->append ? "+" : "", text_get(&value));
        return 0;
}

int expand_fields(struct env_script *s, const struct word *words, struct text_list *ret, struct err *e)
{
        struct expansion x = { .kind = EXPAND_FIELDS, .fields = ret };
        int r = 0;

        for (const struct word *word = words; word && r == 0; word = word->next) {
                if (word->assigned) {
                        r = expand_declared(s, word, ret, e);
                        continue;
                }
                r = expand_parts(s, word->first, &x, e);
                if (r == 0)
                        r = finish_field(&x, e);
        }
        text_done(&x.present);
        return r;
}

void env_script_add_quoted(struct text *ret, const char *text)
{
        text_add_char(ret, '"');
        for (; *text; text++) {
                if (*text == '"')
                        text_add(ret, "\\\"");
                else if (*text == '\\' && (text[1] == '"' || text[1] == '\0'))
                        text_add(ret, "\\\\");
                else
                        text_add_char(ret, *text);
                if (*text == '\\' && text[1] && text[1] != '"')
                        text_add_char(ret, *++text);
        }
        text_add_char(ret, '"');
}

int env_script_expand_quoted(struct env_script *s, const char *text, const char *name, char **ret,
                             struct err *e)
{
        _cleanup_arena_ struct arena arena = { .chunks = NULL };
        _cleanup_text_ struct text quoted = TEXT_INIT, value = TEXT_INIT;
        struct parser p = { .name = name, .line = 1, .arena = &arena, .e = e };
        struct word *word;
        int r;

        env_script_add_quoted(&quoted, text);
        p.at = text_get(&quoted);
        p.end = p.at + quoted.used;
        r = parse_word(&p, false, &word);
        if (r == 0 && p.at < p.end)
                r = parse_broken(&p, "more than one word");
        if (r == 0)
                r = expand_one(s, word, &value, e);
        if (r < 0)
                return r;
        *ret = text_take(&value);
        return 0;
}
