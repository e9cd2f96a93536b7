/* Words: quoting and expansions, from text to a list of parts (POSIX Shell Command Language, 2.2, 2.6). */
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "run/env_script_internal.h"

static int parse_dollar(struct parser *p, bool quoted, struct part ***tail);
static int parse_backquote(struct parser *p, bool quoted, struct part ***tail);
static int parse_double(struct parser *p, struct part ***tail);

#define CHUNK_SIZE 16384

struct chunk {
        struct chunk *next;
};

void *arena_take(struct arena *a, size_t size)
{
        size_t need = (size + 15) & ~(size_t) 15;
        char *at;

        if (need > a->room - a->used) {
                size_t room = need + 16 > CHUNK_SIZE ? need + 16 : CHUNK_SIZE;
                struct chunk *chunk = text_alloc(room);

                chunk->next = a->chunks;
                a->chunks = chunk;
                a->room = room;
                a->used = 16;
                a->total += room;
        }
        at = (char *) a->chunks + a->used;
        a->used += need;
        return at;
}

char *arena_text(struct arena *a, const char *bytes, size_t size)
{
        char *copy = arena_take(a, size + 1);

        memcpy(copy, bytes, size);
        return copy;
}

void arena_done(struct arena *a)
{
        struct chunk *chunk = a->chunks;

        while (chunk) {
                struct chunk *next = chunk->next;

                free(chunk);
                chunk = next;
        }
        *a = (struct arena){ .chunks = NULL };
}

static bool more(const struct parser *p)
{
        return p->at < p->end;
}

static char next_char(const struct parser *p)
{
        return more(p) ? *p->at : '\0';
}

static bool at_continuation(const struct parser *p)
{
        return p->end - p->at >= 2 && p->at[0] == '\\' && p->at[1] == '\n';
}

static void skip_continuation(struct parser *p)
{
        p->at += 2;
        p->line++;
}

void parse_blanks(struct parser *p)
{
        while (more(p)) {
                if (at_continuation(p))
                        skip_continuation(p);
                else if (*p->at == ' ' || *p->at == '\t')
                        p->at++;
                else
                        break;
        }
}

bool parse_at_word_end(const struct parser *p)
{
        return !more(p) || strchr(" \t\n;&|<>()", *p->at);
}

static struct part *add_part(struct parser *p, struct part ***tail, enum part_kind kind, bool quoted)
{
        struct part *part = arena_take(p->arena, sizeof(*part));

        part->kind = kind;
        part->quoted = quoted;
        **tail = part;
        *tail = &part->next;
        return part;
}

static void add_text(struct parser *p, struct part ***tail, const char *bytes, size_t size, bool quoted)
{
        struct part *part = add_part(p, tail, PART_TEXT, quoted);

        part->text = arena_text(p->arena, bytes, size);
        part->size = size;
}

static void count_lines(struct parser *p, const char *from, const char *to)
{
        for (; from < to; from++)
                if (*from == '\n')
                        p->line++;
}

/* '...' with the opening quote at hand. */
static int parse_single(struct parser *p, struct part ***tail)
{
        const char *from = p->at + 1, *to = memchr(from, '\'', (size_t) (p->end - from));

        if (!to)
                return parse_broken(p, "a ' without its closing '");
        add_text(p, tail, from, (size_t) (to - from), true);
        count_lines(p, from, to);
        p->at = to + 1;
        return 0;
}

/* A backslash in double quotes, or in an operand there; `special` are the characters that it quotes. */
static void parse_backslash_in_quotes(struct parser *p, const char *special, struct part ***tail)
{
        if (p->end - p->at >= 2 && strchr(special, p->at[1])) {
                add_text(p, tail, p->at + 1, 1, true);
                p->at += 2;
                return;
        }
        add_text(p, tail, p->at, 1, true);
        p->at++;
}

/* Ordinary characters up to one of `stops`. */
static void parse_run(struct parser *p, const char *stops, bool quoted, struct part ***tail)
{
        const char *from = p->at;

        while (more(p) && !strchr(stops, *p->at))
                p->at++;
        count_lines(p, from, p->at);
        add_text(p, tail, from, (size_t) (p->at - from), quoted);
}

/* One piece of text in double quotes; the caller has handled what ends it. */
static int parse_quoted_piece(struct parser *p, const char *special, const char *stops, struct part ***tail)
{
        if (at_continuation(p)) {
                skip_continuation(p);
                return 0;
        }
        switch (*p->at) {
        case '\\':
                parse_backslash_in_quotes(p, special, tail);
                return 0;
        case '$':
                return parse_dollar(p, true, tail);
        case '`':
                return parse_backquote(p, true, tail);
        default:
                parse_run(p, stops, true, tail);
                return 0;
        }
}

/* "..." with the opening quote at hand. */
static int parse_double(struct parser *p, struct part ***tail)
{
        int r = parse_enter(p);

        if (r < 0)
                return r;
        p->at++;
        if (next_char(p) == '"') /* "" is a field; "$@" need not be */
                add_text(p, tail, "", 0, true);
        while (more(p) && *p->at != '"') {
                r = parse_quoted_piece(p, "$`\"\\", "\\$`\"", tail);
                if (r < 0)
                        return r;
        }
        if (!more(p))
                return parse_broken(p, "a \" without its closing \"");
        p->at++;
        p->depth--;
        return 0;
}

/* The text between backquotes loses one level of backslashes and is a list then. */
static int parse_backquote(struct parser *p, bool quoted, struct part ***tail)
{
        _cleanup_text_ struct text inner = TEXT_INIT;
        struct part *part = add_part(p, tail, PART_COMMAND, quoted);
        struct parser sub = *p;
        int r;

        for (p->at++; more(p) && *p->at != '`'; p->at++) {
                if (*p->at == '\\' && p->end - p->at >= 2 && strchr(quoted ? "$`\\\"" : "$`\\", p->at[1]))
                        p->at++;
                text_add_char(&inner, *p->at);
        }
        if (!more(p))
                return parse_broken(p, "a ` without its closing `");
        p->at++;
        sub.at = text_get(&inner);
        sub.end = sub.at + inner.used;
        r = parse_enter(&sub);
        if (r == 0)
                r = parse_script(&sub, &part->list);
        p->line = sub.line;
        return r;
}

/* $(list), the opening parenthesis at hand. */
static int parse_command(struct parser *p, bool quoted, struct part ***tail)
{
        struct part *part = add_part(p, tail, PART_COMMAND, quoted);
        int r = parse_enter(p);

        if (r < 0)
                return r;
        p->at++;
        r = parse_list(p, &part->list);
        if (r < 0)
                return r;
        if (next_char(p) != ')')
                return parse_broken(p, "a $( without its closing )");
        p->at++;
        p->depth--;
        return 0;
}

/* $((expression)), both parentheses at hand. */
static int parse_arithmetic(struct parser *p, bool quoted, struct part ***tail)
{
        struct part *part = add_part(p, tail, PART_ARITHMETIC, quoted);
        struct part **inner;
        unsigned open = 0;
        int r = parse_enter(p);

        part->operand = arena_take(p->arena, sizeof(*part->operand));
        inner = &part->operand->first;
        for (p->at += 2; r == 0;) {
                if (!more(p))
                        return parse_broken(p, "a $(( without its closing ))");
                if (*p->at == ')' && open == 0)
                        break;
                if (*p->at == '(' || *p->at == ')') {
                        open += *p->at == '(' ? 1 : -1u;
                        add_text(p, &inner, p->at++, 1, true);
                        continue;
                }
                if (strchr("\"'\\", *p->at))
                        return parse_outside(p, "quotes in arithmetic");
                r = parse_quoted_piece(p, "", "\\$`()\"'", &inner);
        }
        if (r < 0)
                return r;
        if (p->end - p->at < 2 || p->at[1] != ')')
                return parse_broken(p, "a $(( without its closing ))");
        p->at += 2;
        p->depth--;
        return 0;
}

/* ${x:-operand} and its like in double quotes; up to the closing brace. */
static int parse_quoted_operand(struct parser *p, struct part ***tail)
{
        while (more(p) && *p->at != '}') {
                int r = *p->at == '"' ? parse_double(p, tail)
                                      : parse_quoted_piece(p, "$`\"\\}", "\\$`\"}", tail);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Operands outside of double quotes, and patterns everywhere. */
static int parse_plain_operand(struct parser *p, struct part ***tail)
{
        int r = 0;

        if (next_char(p) == '~')
                return parse_outside(p, "~ in an expansion");
        while (r == 0 && more(p) && *p->at != '}') {
                if (at_continuation(p)) {
                        skip_continuation(p);
                        continue;
                }
                switch (*p->at) {
                case '\\':
                        if (p->end - p->at < 2)
                                return parse_outside(p, "a backslash at the end");
                        add_text(p, tail, p->at + 1, 1, true);
                        p->at += 2;
                        break;
                case '\'':
                        r = parse_single(p, tail);
                        break;
                case '"':
                        r = parse_double(p, tail);
                        break;
                case '$':
                        r = parse_dollar(p, false, tail);
                        break;
                case '`':
                        r = parse_backquote(p, false, tail);
                        break;
                default:
                        parse_run(p, "\\'\"$`}", false, tail);
                }
        }
        return r;
}

static enum parameter_operator parse_operator(struct parser *p, bool *colon)
{
        static const struct {
                const char *text;
                enum parameter_operator operator;
        } known[] = {
                { "-", OPERATOR_DEFAULT },      { "=", OPERATOR_ASSIGN },       { "?", OPERATOR_ERROR },
                { "+", OPERATOR_OTHER },        { "##", OPERATOR_PREFIX_LONG }, { "#", OPERATOR_PREFIX },
                { "%%", OPERATOR_SUFFIX_LONG }, { "%", OPERATOR_SUFFIX },
        };
        size_t left;

        *colon = next_char(p) == ':';
        if (*colon)
                p->at++;
        left = (size_t) (p->end - p->at);
        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                size_t size = strlen(known[i].text);

                if (*colon && i > 3)
                        break;
                if (left < size || memcmp(p->at, known[i].text, size) != 0)
                        continue;
                p->at += size;
                return known[i].operator;
        }
        return OPERATOR_NONE;
}

/* The name of a parameter; its size, 0 when there is none. */
static size_t parameter_size(const struct parser *p, bool braced)
{
        size_t left = (size_t) (p->end - p->at), size = 0;

        if (left == 0)
                return 0;
        if (strchr("@*#?$", *p->at))
                return 1;
        if (*p->at >= '0' && *p->at <= '9') {
                do
                        size++;
                while (braced && size < left && p->at[size] >= '0' && p->at[size] <= '9');
                return size;
        }
        while (size < left && variables_name_valid(p->at, size + 1))
                size++;
        return size;
}

/* ${...}, the opening brace at hand. */
static int parse_braced(struct parser *p, bool quoted, struct part ***tail)
{
        struct part *part = add_part(p, tail, PART_PARAMETER, quoted);
        struct part **inner;
        size_t size;
        bool pattern;
        int r = parse_enter(p);

        if (r < 0)
                return r;
        p->at++;
        if (next_char(p) == '#' && p->end - p->at >= 2 && p->at[1] != '}') {
                part->operator= OPERATOR_LENGTH;
                p->at++;
        }
        size = parameter_size(p, true);
        part->text = arena_text(p->arena, p->at, size);
        p->at += size;
        if (!more(p) || *p->at == '"')
                return parse_broken(p, "a ${ without its closing }");
        if (size == 0)
                return parse_outside(p, "an expansion that is not of POSIX");
        if (next_char(p) != '}') {
                if (part->operator!= OPERATOR_NONE)
                        return parse_outside(p, "an expansion that is not of POSIX");
                part->operator= parse_operator(p, &part->colon);
                if (part->operator== OPERATOR_NONE)
                        return parse_outside(p, "an expansion that is not of POSIX");
                pattern = part->operator>= OPERATOR_PREFIX;
                part->operand = arena_take(p->arena, sizeof(*part->operand));
                inner = &part->operand->first;
                r = quoted && !pattern ? parse_quoted_operand(p, &inner) : parse_plain_operand(p, &inner);
                if (r < 0)
                        return r;
        }
        if (next_char(p) != '}')
                return parse_broken(p, "a ${ without its closing }");
        p->at++;
        p->depth--;
        return 0;
}

static int parse_dollar(struct parser *p, bool quoted, struct part ***tail)
{
        struct part *part;
        size_t size;

        p->at++;
        if (next_char(p) == '{')
                return parse_braced(p, quoted, tail);
        if (next_char(p) == '(')
                return p->end - p->at >= 2 && p->at[1] == '(' ? parse_arithmetic(p, quoted, tail)
                                                              : parse_command(p, quoted, tail);
        size = parameter_size(p, false);
        if (size) {
                part = add_part(p, tail, PART_PARAMETER, quoted);
                part->text = arena_text(p->arena, p->at, size);
                p->at += size;
                return 0;
        }
        if (more(p) && strchr(quoted ? "!-" : "!-'\"", *p->at))
                return parse_outside(p, "$!, $-, $'...' or $\"...\"");
        add_text(p, tail, "$", 1, true);
        return 0;
}

/* ~ alone or before a slash is the home directory; with a name it would be somebody's. */
static int parse_tilde(struct parser *p, bool assigned, struct part ***tail)
{
        const char *after = p->at + 1;

        if (after < p->end && !strchr(assigned ? "/: \t\n;&|<>()" : "/ \t\n;&|<>()", *after))
                return parse_outside(p, "~ with a name");
        p->at++;
        add_part(p, tail, PART_HOME, true);
        return 0;
}

/* Ordinary unquoted text; stops behind a ':' of an assignment, where ~ counts again. */
static void parse_literal(struct parser *p, bool assigned, bool *brace, bool *comma, struct part ***tail)
{
        const char *from = p->at;

        while (!parse_at_word_end(p) && !strchr("\\'\"$`", *p->at)) {
                *brace |= *p->at == '{';
                *comma |= *p->at == ',' || (*p->at == '.' && p->end - p->at >= 2 && p->at[1] == '.');
                if (*p->at++ == ':' && assigned && next_char(p) == '~')
                        break;
        }
        add_text(p, tail, from, (size_t) (p->at - from), false);
}

static int parse_piece(struct parser *p, struct part ***tail)
{
        switch (*p->at) {
        case '\'':
                return parse_single(p, tail);
        case '"':
                return parse_double(p, tail);
        case '$':
                return parse_dollar(p, false, tail);
        case '`':
                return parse_backquote(p, false, tail);
        default: /* a backslash */
                if (p->end - p->at < 2)
                        return parse_outside(p, "a backslash at the end");
                add_text(p, tail, p->at + 1, 1, true);
                p->at += 2;
                return 0;
        }
}

int parse_word(struct parser *p, bool assigned, struct word **ret)
{
        struct word *word = arena_take(p->arena, sizeof(*word));
        struct part **tail = &word->first;
        bool brace = false, comma = false, start = true;
        int r = 0;

        while (r == 0) {
                if (at_continuation(p))
                        skip_continuation(p);
                else if (parse_at_word_end(p))
                        break;
                else if (*p->at == '~' && (start || (assigned && p->at[-1] == ':')))
                        r = parse_tilde(p, assigned, &tail);
                else if (strchr("\\'\"$`", *p->at))
                        r = parse_piece(p, &tail);
                else
                        parse_literal(p, assigned, &brace, &comma, &tail);
                start = false;
        }
        if (r < 0)
                return r;
        if (brace && comma)
                return parse_outside(p, "a brace expansion");
        word->bare =
                word->first && !word->first->next && word->first->kind == PART_TEXT && !word->first->quoted;
        *ret = word;
        return 0;
}
