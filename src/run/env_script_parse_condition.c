/* [[ ]]: its own little grammar (Bash Reference Manual, 3.2.5.2). */
#include <string.h>

#include "run/env_script_internal.h"

static int parse_test_or(struct parser *p, struct node **ret);

static int parse_test_primary(struct parser *p, struct node **ret)
{
        struct node *node = parse_node(p, NODE_TEST);
        struct word *first = NULL, *second = NULL;
        int r = parse_word(p, false, &first);

        if (r < 0)
                return r;
        if (!first->first)
                return parse_outside(p, "a condition expected");
        parse_blanks(p);
        *ret = node;
        node->words = first;
        if (parse_at_reserved(p, "]]") || parse_at(p, '&') || parse_at(p, '|') || parse_at(p, ')')) {
                node->text = arena_text(p->arena, "-n", 2);
                return 0;
        }
        r = parse_word(p, false, &second);
        if (r < 0)
                return r;
        if (first->bare && condition_is_unary(first->first->text)) {
                node->text = first->first->text;
                node->words = second;
        } else if (second->bare &&
                   (strcmp(second->first->text, "=") == 0 || strcmp(second->first->text, "==") == 0 ||
                    strcmp(second->first->text, "!=") == 0 ||
                    condition_is_number_operator(second->first->text))) {
                node->text = second->first->text;
                parse_blanks(p);
                r = parse_word(p, false, &first->next);
                if (r < 0)
                        return r;
                second = first->next;
        } else {
                return parse_outside(p, "a condition of bash");
        }
        parse_blanks(p);
        return second->first ? 0 : parse_outside(p, "a condition expected");
}

static int parse_test_not(struct parser *p, struct node **ret)
{
        int r = parse_enter(p);

        if (r < 0)
                return r;
        parse_lines(p);
        if (parse_take_reserved(p, "!")) {
                *ret = parse_node(p, NODE_NOT);
                r = parse_test_not(p, &(*ret)->left);
        } else if (parse_at(p, '(')) {
                p->at++;
                r = parse_test_or(p, ret);
                if (r == 0 && !parse_at(p, ')'))
                        r = parse_outside(p, "a ) expected");
                if (r == 0)
                        p->at++;
        } else {
                r = parse_test_primary(p, ret);
        }
        parse_lines(p);
        p->depth--;
        return r;
}

static int parse_test_chain(struct parser *p, const char *operator, enum node_kind kind,
                            int (*operand)(struct parser *, struct node **), struct node **ret)
{
        int r = operand(p, ret);

        while (r == 0 && parse_at_two(p, operator)) {
                struct node *node = parse_node(p, kind);

                p->at += 2;
                node->left = *ret;
                r = operand(p, &node->right);
                *ret = node;
        }
        return r;
}

static int parse_test_and(struct parser *p, struct node **ret)
{
        return parse_test_chain(p, "&&", NODE_AND, parse_test_not, ret);
}

static int parse_test_or(struct parser *p, struct node **ret)
{
        return parse_test_chain(p, "||", NODE_OR, parse_test_and, ret);
}

int parse_condition(struct parser *p, struct node **ret)
{
        int r = parse_test_or(p, ret);

        return r < 0 ? r : parse_need_reserved(p, "]]");
}
