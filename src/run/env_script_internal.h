/* env_script_internal: the syntax tree, shared by the files env_script_*.c only.
 *
 * A tree lives in an arena and borrows nothing from the text that it was parsed from.
 */
#pragma once

#include "run/env_script.h"

struct arena {
        void *chunks; /* linked list of malloc'ed blocks */
        size_t used;  /* in the first */
        size_t room;
        size_t total;
};

void *arena_take(struct arena *a, size_t size); /* zeroed, never NULL */
char *arena_text(struct arena *a, const char *bytes, size_t size);
void arena_done(struct arena *a);
#define _cleanup_arena_ __attribute__((cleanup(arena_done)))

enum part_kind {
        PART_TEXT,       /* text */
        PART_PARAMETER,  /* $text, with an operator perhaps */
        PART_COMMAND,    /* $(list) */
        PART_ARITHMETIC, /* $((operand)) */
        PART_HOME,       /* ~ */
};

enum parameter_operator {
        OPERATOR_NONE,
        OPERATOR_LENGTH,      /* ${#x} */
        OPERATOR_DEFAULT,     /* - */
        OPERATOR_ASSIGN,      /* = */
        OPERATOR_ERROR,       /* ? */
        OPERATOR_OTHER,       /* + */
        OPERATOR_PREFIX,      /* # */
        OPERATOR_PREFIX_LONG, /* ## */
        OPERATOR_SUFFIX,      /* % */
        OPERATOR_SUFFIX_LONG, /* %% */
};

/* Bytes that are copied, compared or parsed cost as many steps as commands that take as long. */
#define STEPS_OF_BYTES(size)    ((unsigned) ((size) / 256))
#define STEPS_OF_PARSING(size)  ((unsigned) ((size) / 64))
#define STEPS_OF_MATCHING(work) ((unsigned) ((work) / 64))

struct word;
struct node;

struct part {
        struct part *next;
        enum part_kind kind;
        bool quoted; /* neither split nor a pattern */
        enum parameter_operator operator;
        bool colon; /* ":-": an empty value counts as unset */
        char *text;
        size_t size; /* of text */
        struct word *operand;
        struct node *list;
};

struct word {
        struct word *next;
        struct part *first;
        char *assigned; /* NAME of NAME=word, or NULL */
        bool append;    /* NAME+=word */
        bool bare;      /* one part of unquoted text */
};

enum redirection_target { TO_SAME, TO_OUT, TO_ERR, TO_NULL };

struct case_arm {
        struct case_arm *next;
        struct word *patterns;
        struct node *body;
};

enum node_kind {
        NODE_SIMPLE,   /* assignments, words */
        NODE_AND,      /* left && right */
        NODE_OR,       /* left || right */
        NODE_NOT,      /* ! left */
        NODE_GROUP,    /* { left; } */
        NODE_IF,       /* left, right, other */
        NODE_CASE,     /* words, arms */
        NODE_FOR,      /* text, words (has_words), right */
        NODE_WHILE,    /* left, right */
        NODE_UNTIL,    /* left, right */
        NODE_FUNCTION, /* text, body */
        NODE_TEST,     /* [[ words[0] text words[1] ]] or [[ text words[0] ]] */
};

struct node {
        struct node *next; /* the following command of a list */
        enum node_kind kind;
        unsigned line;
        struct node *left, *right, *other;
        struct word *assignments;
        struct word *words;
        bool has_words;
        enum redirection_target to_out, to_err; /* where the simple command's output goes */
        struct case_arm *arms;
        char *text;
        char *body;
};

struct parser {
        const char *at, *end;
        const char *name; /* of the file */
        unsigned line;
        unsigned depth;
        struct arena *arena;
        struct err *e;
};

/* env_script_parse.c: a list up to the end, or up to a closing word or ")". */
int parse_list(struct parser *p, struct node **ret);
int parse_script(struct parser *p, struct node **ret);
/* -ENOTSUP with "name:line: reason": a shell may know what this is. */
int parse_outside(struct parser *p, const char *reason);
/* -EBADMSG: no shell does. */
int parse_broken(struct parser *p, const char *reason);
bool parse_at(const struct parser *p, char c);
bool parse_at_two(const struct parser *p, const char *two);
bool parse_at_reserved(const struct parser *p, const char *word);
void parse_lines(struct parser *p); /* blanks, comments and newlines */
bool parse_take_reserved(struct parser *p, const char *word);
int parse_need_reserved(struct parser *p, const char *word);
struct node *parse_node(struct parser *p, enum node_kind kind);
int parse_enter(struct parser *p); /* one level deeper, or -ENOTSUP; leave by p->depth-- */

/* env_script_parse_condition.c: behind "[[". */
int parse_condition(struct parser *p, struct node **ret);

/* env_script_word.c */
void parse_blanks(struct parser *p); /* blanks and continued lines */
bool parse_at_word_end(const struct parser *p);
/* assigned: the value of an assignment, where ~ counts behind ':' too. */
int parse_word(struct parser *p, bool assigned, struct word **ret);

/* env_script_expand.c */
int expand_one(struct env_script *s, const struct word *word, struct text *ret, struct err *e);
int expand_pattern(struct env_script *s, const struct word *word, struct text *ret, struct err *e);
int expand_fields(struct env_script *s, const struct word *words, struct text_list *ret, struct err *e);

/* env_script_run.c */
int run_list(struct env_script *s, const struct node *list, struct err *e);
int run_outside(const char *reason, const char *what, struct err *e);
int run_text(struct env_script *s, const char *text, size_t size, const char *name, struct err *e);
int run_assign(struct env_script *s, const struct word *word, struct err *e);
/* The value of a list's output, for $(...). */
int run_captured(struct env_script *s, const struct node *list, struct text *ret, struct err *e);
int run_set(struct env_script *s, const char *name, const char *value, struct err *e);

/* env_script_builtin.c: false when there is no such builtin. */
struct builtin_call {
        char **argv;
        size_t n;
        struct text *out, *complaints;
};
bool builtin_known(const char *name);
bool builtin_declares(const char *name); /* takes assignments as arguments: export, readonly, local … */
int builtin_run(struct env_script *s, const struct builtin_call *call, struct err *e);

/* env_script_condition.c: 0 true, 1 false, 2 misuse; -ENOTSUP outside. */
int condition_test(struct env_script *s, char *const *words, size_t n, struct err *e);
int condition_unary(struct env_script *s, const char *op, const char *operand, struct err *e);
int condition_numbers(const char *op, const char *left, const char *right, struct err *e);
bool condition_is_unary(const char *op);
bool condition_is_number_operator(const char *op);

/* env_script_pattern.c: `*`, `?`, `[...]`, and `\` before a literal.  -ENOTSUP when it would take too long or
 * needs a locale.  steps: what it cost is added there. */
int pattern_matches(const char *pattern, const char *text, size_t size, bool *ret, unsigned *steps);
/* How many bytes of `text` the pattern takes from its start (or end). */
int pattern_prefix(const char *pattern, const char *text, bool longest, size_t *ret, unsigned *steps);
int pattern_suffix(const char *pattern, const char *text, bool longest, size_t *ret, unsigned *steps);

/* env_script_arithmetic.c */
int arithmetic_evaluate(struct env_script *s, const char *expression, struct text *ret, struct err *e);
