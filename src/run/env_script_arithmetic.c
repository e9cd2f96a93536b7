/* $((...)): signed 64-bit integers with the operators of C, without side effects but =. */
#include <stdint.h>
#include <string.h>

#include "base/clean.h"
#include "run/env_script_internal.h"

struct arithmetic {
        struct env_script *s;
        const char *at;
        unsigned depth;
        struct err *e;
};

static int sum_of_levels(struct arithmetic *a, int level, int64_t *ret);

static int bad(struct arithmetic *a)
{
        return run_outside("arithmetic such as", a->at, a->e);
}

static void skip_blanks(struct arithmetic *a)
{
        a->at += strspn(a->at, " \t\n");
}

/* Digits in the bases of C, for literals and for values of variables. */
static int number(const char *text, const char **end, int64_t *ret)
{
        uint64_t base = 10;
        uint64_t value = 0;
        const char *at = text;

        if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
                base = 16;
                at += 2;
        } else if (at[0] == '0') {
                base = 8;
        }
        for (;; at++) {
                static const char digits[] = "0123456789abcdef";
                const char *digit = *at ? strchr(digits, *at >= 'A' && *at <= 'F' ? *at + 32 : *at) : NULL;

                if (!digit)
                        break;
                if ((uint64_t) (digit - digits) >= base || value > (INT64_MAX - 15) / base)
                        return -EINVAL;
                value = value * base + (uint64_t) (digit - digits);
        }
        *end = at;
        *ret = (int64_t) value;
        return at == text ? -EINVAL : 0;
}

/* An unset or empty variable is 0; anything but a number is left to a shell. */
static int variable(struct arithmetic *a, int64_t *ret)
{
        size_t size = 0;
        _cleanup_free_ char *name = NULL;
        const char *value, *end;
        bool negative;

        while (variables_name_valid(a->at, size + 1))
                size++;
        name = text_dup_bytes(a->at, size);
        value = variables_get(&a->s->variables, name);
        a->at += size;
        *ret = 0;
        if (!value || !*value)
                return 0;
        negative = *value == '-';
        if (number(value + negative, &end, ret) < 0 || *end)
                return bad(a);
        if (negative)
                *ret = -*ret;
        return 0;
}

static int primary(struct arithmetic *a, int64_t *ret)
{
        char sign;
        int r;

        skip_blanks(a);
        if (++a->depth > ENV_SCRIPT_DEPTH_MAX)
                return bad(a);
        sign = *a->at;
        if (sign == '(') {
                a->at++;
                r = sum_of_levels(a, 0, ret);
                if (r == 0 && *a->at++ != ')')
                        return bad(a);
        } else if (sign && strchr("+-!~", sign)) {
                if (a->at[1] == sign && sign != '!' && sign != '~')
                        return bad(a);
                a->at++;
                r = primary(a, ret);
                if (r == 0 && sign == '-')
                        *ret = (int64_t) (0 - (uint64_t) *ret);
                if (r == 0 && sign == '!')
                        *ret = !*ret;
                if (r == 0 && sign == '~')
                        *ret = ~*ret;
        } else if (variables_name_valid(a->at, 1)) {
                r = variable(a, ret);
        } else {
                r = number(a->at, &a->at, ret) < 0 ? bad(a) : 0;
        }
        a->depth--;
        skip_blanks(a);
        return r;
}

/* From loosest to tightest; longer ones first within a level. */
static const struct {
        const char *text;
        int level;
} operators[] = {
        { "||", 0 }, { "&&", 1 }, { "|", 2 },  { "^", 3 },  { "&", 4 },  { "==", 5 },
        { "!=", 5 }, { "<=", 6 }, { ">=", 6 }, { "<<", 7 }, { ">>", 7 }, { "<", 6 },
        { ">", 6 },  { "+", 8 },  { "-", 8 },  { "*", 9 },  { "/", 9 },  { "%", 9 },
};
#define LEVEL_PRIMARY 10

static const char *operator_at(struct arithmetic *a, int level)
{
        for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
                size_t size = strlen(operators[i].text);

                if (strncmp(a->at, operators[i].text, size) != 0)
                        continue;
                if (operators[i].level != level || a->at[size] == '=')
                        return NULL;
                a->at += size;
                return operators[i].text;
        }
        return NULL;
}

static int shift(struct arithmetic *a, int64_t left, int64_t right, bool to_left, int64_t *ret)
{
        if (right < 0 || right > 63)
                return bad(a);
        *ret = to_left ? (int64_t) ((uint64_t) left << right) : left >> right;
        return 0;
}

static int divide(struct arithmetic *a, int64_t left, int64_t right, bool remainder, int64_t *ret)
{
        if (right == 0 || (left == INT64_MIN && right == -1))
                return bad(a);
        *ret = remainder ? left % right : left / right;
        return 0;
}

static int apply(struct arithmetic *a, const char *op, int64_t left, int64_t right, int64_t *ret)
{
        switch (op[0]) {
        case '|':
                *ret = op[1] ? left || right : left | right;
                return 0;
        case '&':
                *ret = op[1] ? left && right : left & right;
                return 0;
        case '^':
                *ret = left ^ right;
                return 0;
        case '=':
                *ret = left == right;
                return 0;
        case '!':
                *ret = left != right;
                return 0;
        case '<':
                if (op[1] == '<')
                        return shift(a, left, right, true, ret);
                *ret = op[1] ? left <= right : left < right;
                return 0;
        case '>':
                if (op[1] == '>')
                        return shift(a, left, right, false, ret);
                *ret = op[1] ? left >= right : left > right;
                return 0;
        case '+':
                *ret = (int64_t) ((uint64_t) left + (uint64_t) right);
                return 0;
        case '-':
                *ret = (int64_t) ((uint64_t) left - (uint64_t) right);
                return 0;
        case '*':
                *ret = (int64_t) ((uint64_t) left * (uint64_t) right);
                return 0;
        default:
                return divide(a, left, right, op[0] == '%', ret);
        }
}

static int sum_of_levels(struct arithmetic *a, int level, int64_t *ret)
{
        const char *op;
        int r = level + 1 == LEVEL_PRIMARY ? primary(a, ret) : sum_of_levels(a, level + 1, ret);

        while (r == 0 && (op = operator_at(a, level))) {
                int64_t right;

                r = level + 1 == LEVEL_PRIMARY ? primary(a, &right) : sum_of_levels(a, level + 1, &right);
                if (r == 0)
                        r = apply(a, op, *ret, right, ret);
        }
        return r;
}

int arithmetic_evaluate(struct env_script *s, const char *expression, struct text *ret, struct err *e)
{
        struct arithmetic a = { .s = s, .at = expression, .e = e };
        int64_t value;
        int r = sum_of_levels(&a, 0, &value);

        if (r < 0)
                return r;
        if (*a.at)
                return bad(&a);
        text_printf(ret, "%lld", (long long) value);
        return 0;
}
