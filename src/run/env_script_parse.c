/* Commands: lists, and-or lists, compound commands (POSIX Shell Command Language, 2.9), and [[ ]] of bash. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "run/env_script_internal.h"

#define RESERVED_SIZE_MAX 8 /* "function" */

static int parse_compound(struct parser *p, const char *word, struct node **ret);

int parse_outside(struct parser *p, const char *reason)
{
        return err_set(p->e, -ENOTSUP, "%s:%u: %s", p->name, p->line, reason);
}

int parse_broken(struct parser *p, const char *reason)
{
        return err_set(p->e, -EBADMSG, "%s:%u: %s", p->name, p->line, reason);
}

int parse_enter(struct parser *p)
{
        if (++p->depth > ENV_SCRIPT_DEPTH_MAX || p->arena->total > ENV_SCRIPT_TREE_MAX)
                return parse_outside(p, "nested too deep or too long");
        return 0;
}

bool parse_at(const struct parser *p, char c)
{
        return p->at < p->end && *p->at == c;
}

bool parse_at_two(const struct parser *p, const char *two)
{
        return p->end - p->at >= 2 && p->at[0] == two[0] && p->at[1] == two[1];
}

static void skip_comment(struct parser *p)
{
        if (parse_at(p, '#'))
                while (p->at < p->end && *p->at != '\n')
                        p->at++;
}

/* Blanks, comments and newlines. */
void parse_lines(struct parser *p)
{
        for (;;) {
                parse_blanks(p);
                skip_comment(p);
                if (!parse_at(p, '\n'))
                        return;
                p->at++;
                p->line++;
        }
}

/* The size of the unquoted word at hand when it can be a reserved one, else 0. */
static size_t reserved_size(const struct parser *p)
{
        struct parser ahead = *p;

        while (!parse_at_word_end(&ahead)) {
                if (strchr("\\'\"$`", *ahead.at) || ahead.at - p->at >= RESERVED_SIZE_MAX)
                        return 0;
                ahead.at++;
        }
        return (size_t) (ahead.at - p->at);
}

bool parse_at_reserved(const struct parser *p, const char *word)
{
        size_t size = reserved_size(p);

        return size == strlen(word) && memcmp(p->at, word, size) == 0;
}

bool parse_take_reserved(struct parser *p, const char *word)
{
        parse_blanks(p);
        if (!parse_at_reserved(p, word))
                return false;
        p->at += strlen(word);
        return true;
}

int parse_need_reserved(struct parser *p, const char *word)
{
        char reason[64];

        if (parse_take_reserved(p, word))
                return 0;
        snprintf(reason, sizeof(reason), "\"%s\" expected", word);
        return parse_broken(p, reason);
}

static bool at_list_end(const struct parser *p)
{
        static const char *const closing[] = { "then", "else", "elif", "fi", "do", "done", "esac", "}" };

        if (p->at >= p->end || *p->at == ')' || parse_at_two(p, ";;"))
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(closing); i++)
                if (parse_at_reserved(p, closing[i]))
                        return true;
        return false;
}

struct node *parse_node(struct parser *p, enum node_kind kind)
{
        struct node *node = arena_take(p->arena, sizeof(*node));

        node->kind = kind;
        node->line = p->line;
        return node;
}

/* --- simple commands --- */

/* The size of the name when the word at hand is NAME=... or NAME+=..., else 0. */
static size_t assignment_size(const struct parser *p, bool *append)
{
        size_t left = (size_t) (p->end - p->at), size = 0;

        while (size < left && variables_name_valid(p->at, size + 1))
                size++;
        *append = size + 1 < left && p->at[size] == '+' && p->at[size + 1] == '=';
        if (size == 0 || (!*append && (size >= left || p->at[size] != '=')))
                return 0;
        return size;
}

static int parse_argument(struct parser *p, bool may_assign, struct word **ret)
{
        bool append;
        size_t size = may_assign ? assignment_size(p, &append) : 0;
        char *name;
        int r;

        if (size == 0)
                return parse_word(p, false, ret);
        name = arena_text(p->arena, p->at, size);
        p->at += size + (append ? 2 : 1);
        if (parse_at(p, '('))
                return parse_outside(p, "an array");
        r = parse_word(p, true, ret);
        if (r == 0) {
                (*ret)->assigned = name;
                (*ret)->append = append;
        }
        return r;
}

static enum redirection_target same_as(enum redirection_target target, enum redirection_target own)
{
        return target == TO_SAME ? own : target;
}

/* >/dev/null, 2>&1 and their like; anything else is outside. */
static int parse_redirection(struct parser *p, struct node *node)
{
        static const char null_device[] = "/dev/null";
        enum redirection_target *from = &node->to_out;

        if (parse_at(p, '1') || parse_at(p, '2')) {
                if (*p->at == '2')
                        from = &node->to_err;
                p->at++;
        }
        if (!parse_at(p, '>'))
                return parse_outside(p, "a redirection");
        p->at++;
        if (parse_at(p, '&') && p->end - p->at >= 2 && (p->at[1] == '1' || p->at[1] == '2')) {
                *from = p->at[1] == '1' ? same_as(node->to_out, TO_OUT) : same_as(node->to_err, TO_ERR);
                p->at += 2;
        } else {
                parse_blanks(p);
                if ((size_t) (p->end - p->at) < strlen(null_device) ||
                    memcmp(p->at, null_device, strlen(null_device)) != 0)
                        return parse_outside(p, "a redirection to a file");
                p->at += strlen(null_device);
                *from = TO_NULL;
        }
        return parse_at_word_end(p) ? 0 : parse_outside(p, "a redirection");
}

static bool at_redirection(const struct parser *p)
{
        const char *at = p->at;

        while (at < p->end && *at >= '0' && *at <= '9')
                at++;
        return at < p->end && (*at == '<' || *at == '>');
}

static bool declares(const struct word *first)
{
        return first && first->bare && builtin_declares(first->first->text);
}

/* NAME ( ) with the parenthesis at hand. */
static int parse_function(struct parser *p, const char *name, struct node **ret)
{
        struct node *node = parse_node(p, NODE_FUNCTION), *body;
        const char *from;
        size_t size;
        char word[RESERVED_SIZE_MAX + 1];
        int r;

        if (parse_at(p, '(')) {
                p->at++;
                parse_blanks(p);
                if (!parse_at(p, ')'))
                        return parse_outside(p, "an unexpected (");
                p->at++;
        }
        if (!variables_name_valid(name, strlen(name)))
                return parse_outside(p, "the name of a function");
        node->text = arena_text(p->arena, name, strlen(name));
        parse_lines(p);
        from = p->at;
        size = reserved_size(p);
        memcpy(word, p->at, size);
        word[size] = '\0';
        if (strcmp(word, "{") != 0)
                return parse_outside(p, "the body of a function");
        r = parse_compound(p, word, &body);
        if (r < 0)
                return r;
        node->body = arena_text(p->arena, from, (size_t) (p->at - from));
        *ret = node;
        return 0;
}

static int parse_simple(struct parser *p, struct node **ret)
{
        struct node *node = parse_node(p, NODE_SIMPLE);
        struct word **words = &node->words, **assignments = &node->assignments;
        size_t n = 0;

        for (;; n++) {
                struct word *word = NULL;
                int r;

                parse_blanks(p);
                if (at_redirection(p)) {
                        r = parse_redirection(p, node);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (parse_at_word_end(p) || (parse_at(p, '#')))
                        break;
                r = parse_argument(p, !node->words || declares(node->words), &word);
                if (r < 0 || !word)
                        return r;
                if (word->assigned && !node->words) {
                        *assignments = word;
                        assignments = &word->next;
                } else {
                        *words = word;
                        words = &word->next;
                }
                parse_blanks(p);
                if (parse_at(p, '(')) {
                        if (node->assignments || node->words != word || !word->bare)
                                return parse_outside(p, "an unexpected (");
                        return parse_function(p, word->first->text, ret);
                }
        }
        if (n == 0)
                return parse_broken(p, "a command expected");
        *ret = node;
        return 0;
}

/* --- compound commands --- */

/* A list that may not be empty. */
static int parse_commands(struct parser *p, struct node **ret)
{
        int r = parse_list(p, ret);

        return r == 0 && !*ret ? parse_broken(p, "a command expected") : r;
}

static int parse_body(struct parser *p, const char *close, struct node **ret)
{
        int r = parse_commands(p, ret);

        return r < 0 ? r : parse_need_reserved(p, close);
}

/* Behind "if" or "elif". */
static int parse_if(struct parser *p, struct node **ret)
{
        struct node *node = parse_node(p, NODE_IF);
        int r = parse_enter(p);

        if (r == 0)
                r = parse_body(p, "then", &node->left);
        if (r == 0)
                r = parse_commands(p, &node->right);
        if (r < 0)
                return r;
        if (parse_take_reserved(p, "elif"))
                r = parse_if(p, &node->other);
        else if (parse_take_reserved(p, "else"))
                r = parse_body(p, "fi", &node->other);
        else
                r = parse_need_reserved(p, "fi");
        p->depth--;
        *ret = node;
        return r;
}

static int parse_loop(struct parser *p, enum node_kind kind, struct node **ret)
{
        struct node *node = parse_node(p, kind);
        int r = parse_body(p, "do", &node->left);

        if (r == 0)
                r = parse_body(p, "done", &node->right);
        *ret = node;
        return r;
}

static int parse_words_of_for(struct parser *p, struct node *node)
{
        struct word **words = &node->words;

        node->has_words = true;
        for (;;) {
                int r;

                parse_blanks(p);
                if (parse_at_word_end(p))
                        return 0;
                r = parse_word(p, false, words);
                if (r < 0)
                        return r;
                words = &(*words)->next;
        }
}

static int parse_for(struct parser *p, struct node **ret)
{
        struct node *node = parse_node(p, NODE_FOR);
        struct word *name;
        int r;

        parse_blanks(p);
        r = parse_word(p, false, &name);
        if (r < 0)
                return r;
        if (!name->bare || !variables_name_valid(name->first->text, name->first->size))
                return parse_outside(p, "the variable of a for loop");
        node->text = name->first->text;
        parse_lines(p);
        if (parse_take_reserved(p, "in")) {
                r = parse_words_of_for(p, node);
                if (r < 0)
                        return r;
        }
        parse_blanks(p);
        if (parse_at(p, ';') && !parse_at_two(p, ";;"))
                p->at++;
        parse_lines(p);
        r = parse_need_reserved(p, "do");
        if (r == 0)
                r = parse_body(p, "done", &node->right);
        *ret = node;
        return r;
}

static int parse_patterns(struct parser *p, struct case_arm *arm)
{
        struct word **patterns = &arm->patterns;

        for (;;) {
                int r;

                parse_blanks(p);
                r = parse_word(p, false, patterns);
                if (r < 0)
                        return r;
                if (!(*patterns)->first)
                        return parse_broken(p, "a pattern expected");
                patterns = &(*patterns)->next;
                parse_blanks(p);
                if (parse_at(p, ')'))
                        return 0;
                if (!parse_at(p, '|') || parse_at_two(p, "||"))
                        return parse_broken(p, "a pattern expected");
                p->at++;
        }
}

static int parse_case_arm(struct parser *p, struct case_arm **ret)
{
        struct case_arm *arm = arena_take(p->arena, sizeof(*arm));
        int r;

        if (parse_at(p, '('))
                p->at++;
        r = parse_patterns(p, arm);
        if (r < 0)
                return r;
        p->at++;
        r = parse_list(p, &arm->body);
        if (r < 0)
                return r;
        *ret = arm;
        if (parse_at_two(p, ";;")) {
                p->at += 2;
                return parse_at(p, '&') ? parse_outside(p, ";;& of bash") : 0;
        }
        return parse_at_reserved(p, "esac") ? 0 : parse_broken(p, "\"esac\" expected");
}

static int parse_case(struct parser *p, struct node **ret)
{
        struct node *node = parse_node(p, NODE_CASE);
        struct case_arm **arms = &node->arms;
        int r;

        parse_blanks(p);
        r = parse_word(p, false, &node->words);
        if (r < 0)
                return r;
        parse_lines(p);
        r = parse_need_reserved(p, "in");
        while (r == 0) {
                parse_lines(p);
                if (parse_take_reserved(p, "esac"))
                        break;
                r = parse_case_arm(p, arms);
                if (r == 0)
                        arms = &(*arms)->next;
        }
        *ret = node;
        return r;
}

/* --- lists --- */

static int parse_group(struct parser *p, struct node **ret)
{
        *ret = parse_node(p, NODE_GROUP);
        return parse_body(p, "}", &(*ret)->left);
}

static int parse_named_function(struct parser *p, struct node **ret)
{
        struct word *name;
        int r;

        parse_blanks(p);
        r = parse_word(p, false, &name);
        if (r < 0)
                return r;
        parse_blanks(p);
        return name->bare ? parse_function(p, name->first->text, ret) : parse_outside(p, "a function's name");
}

static int parse_compound(struct parser *p, const char *word, struct node **ret)
{
        int r = parse_enter(p);

        if (r < 0)
                return r;
        p->at += strlen(word);
        if (strcmp(word, "if") == 0)
                r = parse_if(p, ret);
        else if (strcmp(word, "case") == 0)
                r = parse_case(p, ret);
        else if (strcmp(word, "for") == 0)
                r = parse_for(p, ret);
        else if (strcmp(word, "while") == 0)
                r = parse_loop(p, NODE_WHILE, ret);
        else if (strcmp(word, "until") == 0)
                r = parse_loop(p, NODE_UNTIL, ret);
        else if (strcmp(word, "[[") == 0)
                r = parse_condition(p, ret);
        else if (strcmp(word, "function") == 0)
                r = parse_named_function(p, ret);
        else
                r = parse_group(p, ret);
        p->depth--;
        if (r < 0)
                return r;
        parse_blanks(p);
        return at_redirection(p) ? parse_outside(p, "a redirection of a compound command") : 0;
}

static int parse_one(struct parser *p, struct node **ret)
{
        static const char *const opening[] = { "if", "case", "for", "while", "until", "{", "[[", "function" };

        for (size_t i = 0; i < ARRAY_SIZE(opening); i++)
                if (parse_at_reserved(p, opening[i]))
                        return parse_compound(p, opening[i], ret);
        if (parse_at_reserved(p, "select") || parse_at_reserved(p, "time") ||
            parse_at_reserved(p, "coproc") || parse_at(p, '('))
                return parse_outside(p, "a subshell or a command of bash");
        return parse_simple(p, ret);
}

static int parse_pipeline(struct parser *p, struct node **ret)
{
        int r;

        parse_blanks(p);
        if (parse_take_reserved(p, "!")) {
                *ret = parse_node(p, NODE_NOT);
                parse_blanks(p);
                r = parse_one(p, &(*ret)->left);
        } else {
                r = parse_one(p, ret);
        }
        if (r < 0)
                return r;
        parse_blanks(p);
        if (parse_at(p, '|') && !parse_at_two(p, "||"))
                return parse_outside(p, "a pipe");
        if (parse_at(p, '&') && !parse_at_two(p, "&&"))
                return parse_outside(p, "a command in the background");
        return 0;
}

static int parse_and_or(struct parser *p, struct node **ret)
{
        int r = parse_pipeline(p, ret);

        while (r == 0 && (parse_at_two(p, "&&") || parse_at_two(p, "||"))) {
                struct node *node = parse_node(p, *p->at == '&' ? NODE_AND : NODE_OR);

                p->at += 2;
                parse_lines(p);
                node->left = *ret;
                r = parse_pipeline(p, &node->right);
                *ret = node;
        }
        return r;
}

int parse_list(struct parser *p, struct node **ret)
{
        struct node **tail = ret;
        int r = parse_enter(p);

        *ret = NULL;
        parse_lines(p);
        while (r == 0 && !at_list_end(p)) {
                r = parse_and_or(p, tail);
                if (r < 0)
                        break;
                tail = &(*tail)->next;
                parse_blanks(p);
                skip_comment(p);
                if (parse_at(p, ';') && !parse_at_two(p, ";;"))
                        p->at++;
                else if (p->at < p->end && !parse_at(p, '\n') && !parse_at(p, ')') && !parse_at_two(p, ";;"))
                        r = parse_broken(p, "the end of a command expected");
                parse_lines(p);
        }
        p->depth--;
        return r;
}

int parse_script(struct parser *p, struct node **ret)
{
        int r = parse_list(p, ret);

        if (r == 0 && p->at < p->end)
                return parse_broken(p, "an unexpected word or sign");
        return r;
}
