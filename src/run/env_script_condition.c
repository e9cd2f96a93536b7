/* test, [, and single conditions of [[ ]] (POSIX test(1), Bash Reference Manual 6.4). */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/num.h"
#include "run/env_script_internal.h"

static const char *const number_operators[] = { "-eq", "-ne", "-lt", "-le", "-gt", "-ge" };

bool condition_is_number_operator(const char *op)
{
        for (size_t i = 0; i < ARRAY_SIZE(number_operators); i++)
                if (strcmp(op, number_operators[i]) == 0)
                        return true;
        return false;
}

bool condition_is_unary(const char *op)
{
        return op[0] == '-' && op[1] && !op[2] && strchr("nzefdhLsrwxpSbcv", op[1]);
}

static bool is_binary(const char *op)
{
        return strcmp(op, "=") == 0 || strcmp(op, "==") == 0 || strcmp(op, "!=") == 0 ||
               condition_is_number_operator(op);
}

/* Operators that exist but are left to a shell: -nt, <, =~ ... */
static bool is_foreign(const char *op)
{
        static const char *const foreign[] = { "-nt", "-ot", "-ef", "<", ">", "=~" };

        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
                if (strcmp(op, foreign[i]) == 0)
                        return true;
        return false;
}

static int truth(bool value)
{
        return value ? 0 : 1;
}

static int file_mode(mode_t mode, char op)
{
        switch (op) {
        case 'f':
                return truth(S_ISREG(mode));
        case 'd':
                return truth(S_ISDIR(mode));
        case 'h':
        case 'L':
                return truth(S_ISLNK(mode));
        case 'p':
                return truth(S_ISFIFO(mode));
        case 'S':
                return truth(S_ISSOCK(mode));
        case 'b':
                return truth(S_ISBLK(mode));
        case 'c':
                return truth(S_ISCHR(mode));
        default: /* e */
                return 0;
        }
}

static int file_access(int fd, char op)
{
        int mode = op == 'r' ? R_OK : op == 'w' ? W_OK : X_OK;
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0)
                return 0;
        return errno == ENOENT ? -ENOTSUP : 1; /* ENOENT: no /proc here */
}

static int condition_file(struct env_script *s, char op, const char *path, struct err *e)
{
        bool link = op == 'h' || op == 'L';
        int flags = O_PATH | (link ? O_NOFOLLOW : 0);
        _cleanup_close_ int fd = -EBADF;
        struct stat status;
        int r;

        if (path[0] == '\0')
                return 1;
        if (s->root < 0)
                return run_outside("tests a file", path, e);
        fd = path[0] == '/' ? fd_open_in(s->root, path, flags, 0) : openat(AT_FDCWD, path, flags | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return 1;
        if (op == 's')
                return truth(status.st_size > 0);
        if (!strchr("rwx", op))
                return file_mode(status.st_mode, op);
        r = file_access(fd, op);
        return r < 0 ? run_outside("tests access to", path, e) : r;
}

int condition_unary(struct env_script *s, const char *op, const char *operand, struct err *e)
{
        switch (op[1]) {
        case 'n':
                return truth(operand[0] != '\0');
        case 'z':
                return truth(operand[0] == '\0');
        case 'v':
                if (!variables_name_valid(operand, strlen(operand)))
                        return run_outside("-v of", operand, e);
                return truth(variables_get(&s->variables, operand) != NULL);
        default:
                return condition_file(s, op[1], operand, e);
        }
}

int condition_numbers(const char *op, const char *left, const char *right, struct err *e)
{
        int64_t a, b;
        int order;

        if (num_i64(left, 10, INT64_MIN, INT64_MAX, &a) < 0 ||
            num_i64(right, 10, INT64_MIN, INT64_MAX, &b) < 0)
                return run_outside("compares what is not a number", "", e);
        order = a < b ? -1 : a > b;
        switch (op[1] << 8 | op[2]) {
        case 'e' << 8 | 'q':
                return truth(order == 0);
        case 'n' << 8 | 'e':
                return truth(order != 0);
        case 'l' << 8 | 't':
                return truth(order < 0);
        case 'l' << 8 | 'e':
                return truth(order <= 0);
        case 'g' << 8 | 't':
                return truth(order > 0);
        default:
                return truth(order >= 0);
        }
}

static int condition_binary(const char *left, const char *op, const char *right, struct err *e)
{
        if (condition_is_number_operator(op))
                return condition_numbers(op, left, right, e);
        return truth((strcmp(left, right) == 0) == (op[0] == '='));
}

/* --- more words than POSIX gives a meaning to: -o, then -a, then ! and parentheses --- */

struct expression {
        struct env_script *s;
        char *const *words;
        size_t n;
        size_t at;
        struct err *e;
};

static int expression_or(struct expression *x);

static int negate(int r)
{
        return r == 0 || r == 1 ? !r : r;
}

static bool expression_take(struct expression *x, const char *word)
{
        if (x->at >= x->n || strcmp(x->words[x->at], word) != 0)
                return false;
        x->at++;
        return true;
}

static int expression_primary(struct expression *x)
{
        size_t left = x->n - x->at;
        char *const *words = x->words + x->at;

        if (left >= 3 && is_foreign(words[1]))
                return run_outside("the condition", words[1], x->e);
        if (left >= 3 && is_binary(words[1])) {
                x->at += 3;
                return condition_binary(words[0], words[1], words[2], x->e);
        }
        if (left >= 2 && condition_is_unary(words[0])) {
                x->at += 2;
                return condition_unary(x->s, words[0], words[1], x->e);
        }
        if (left == 0)
                return run_outside("a condition that is not whole", "", x->e);
        x->at++;
        return truth(words[0][0] != '\0');
}

static int expression_not(struct expression *x)
{
        int r;

        if (++x->s->depth > ENV_SCRIPT_DEPTH_MAX) {
                r = run_outside("nested too deep", "", x->e);
        } else if (x->n - x->at > 1 && expression_take(x, "!")) {
                r = negate(expression_not(x));
        } else if (x->n - x->at > 2 && expression_take(x, "(")) {
                r = expression_or(x);
                if (r >= 0 && !expression_take(x, ")"))
                        r = run_outside("a condition without its )", "", x->e);
        } else {
                r = expression_primary(x);
        }
        x->s->depth--;
        return r;
}

static int expression_and(struct expression *x)
{
        int r = expression_not(x);

        while (r >= 0 && expression_take(x, "-a")) {
                int right = expression_not(x);

                r = right < 0 ? right : r == 0 ? right : r;
        }
        return r;
}

static int expression_or(struct expression *x)
{
        int r = expression_and(x);

        while (r >= 0 && expression_take(x, "-o")) {
                int right = expression_and(x);

                r = right < 0 ? right : r != 0 ? right : r;
        }
        return r;
}

static int condition_long(struct env_script *s, char *const *words, size_t n, struct err *e)
{
        struct expression x = { .s = s, .words = words, .n = n, .e = e };
        int r = expression_or(&x);

        if (r >= 0 && x.at < n)
                return run_outside("a condition with", words[x.at], e);
        return r;
}

int condition_test(struct env_script *s, char *const *words, size_t n, struct err *e)
{
        if (n == 0)
                return 1;
        if (n == 1)
                return truth(words[0][0] != '\0');
        if (n == 2 && strcmp(words[0], "!") == 0)
                return truth(words[1][0] == '\0');
        if (n == 2 && !condition_is_unary(words[0]))
                return run_outside("the condition", words[0], e);
        if (n == 3 && is_binary(words[1]))
                return condition_binary(words[0], words[1], words[2], e);
        return condition_long(s, words, n, e);
}
