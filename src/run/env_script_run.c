/* Execution of the tree. */
#include "run/env_script.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/fd.h"
#include "run/env_script_internal.h"

#define OUTPUT_MAX                                                                                           \
        ((size_t) 1 << 20) /* of a script's echo; more is left to a shell that need not keep it              \
                            */
/* A subshell works on a copy of the variables: some hundred steps' worth. */
#define STEPS_OF_COPY 50

static int run_node(struct env_script *s, const struct node *node, struct err *e);

void env_script_init(struct env_script *s, int root, const char *zero)
{
        *s = (struct env_script){ .root = root, .zero = zero };
}

static void functions_done(struct env_script *s)
{
        for (size_t i = 0; i < s->n_functions; i++) {
                free(s->functions[i].name);
                free(s->functions[i].body);
        }
        free(s->functions);
        s->functions = NULL;
        s->n_functions = 0;
}

void env_script_done(struct env_script *s)
{
        variables_done(&s->variables);
        text_list_done(&s->arguments);
        text_done(&s->out);
        text_done(&s->complaints);
        text_list_done(&s->replacement);
        functions_done(s);
}

/* Everything but output and locals. */
static void copy_state(struct env_script *ret, const struct env_script *from)
{
        *ret = *from;
        variables_copy(&ret->variables, &from->variables);
        ret->arguments = (struct text_list) TEXT_LIST_INIT;
        for (size_t i = 0; i < from->arguments.n; i++)
                text_list_add(&ret->arguments, from->arguments.at[i]);
        ret->out = ret->complaints = (struct text) TEXT_INIT;
        ret->replacement = (struct text_list) TEXT_LIST_INIT;
        ret->functions = text_alloc(from->n_functions * sizeof(ret->functions[0]));
        for (size_t i = 0; i < from->n_functions; i++) {
                ret->functions[i].name = text_dup(from->functions[i].name);
                ret->functions[i].body = text_dup(from->functions[i].body);
        }
        ret->locals = NULL;
}

void env_script_copy(struct env_script *ret, const struct env_script *from)
{
        copy_state(ret, from);
        text_add_bytes(&ret->out, text_get(&from->out), from->out.used);
        text_add_bytes(&ret->complaints, text_get(&from->complaints), from->complaints.used);
}

int run_outside(const char *reason, const char *what, struct err *e)
{
        return err_set(e, -ENOTSUP, "%s%s%.64s", reason, what[0] ? " " : "", what);
}

static int run_step(struct env_script *s, unsigned cost, struct err *e)
{
        s->steps += cost;
        if (s->steps > ENV_SCRIPT_STEPS_MAX)
                return run_outside("too many steps", "", e);
        if (s->out.used > OUTPUT_MAX || s->complaints.used > OUTPUT_MAX)
                return run_outside("too much output", "", e);
        return 0;
}

int run_set(struct env_script *s, const char *name, const char *value, struct err *e)
{
        if (s->variables.bytes + strlen(value) > ENV_SCRIPT_VALUES_MAX ||
            s->variables.n > ENV_SCRIPT_NAMES_MAX)
                return run_outside("too many or too long values", "", e);
        if (variables_set(&s->variables, name, value) < 0) {
                text_printf(&s->complaints, "%s: readonly variable\n", name);
                s->status = 1;
        }
        return 0;
}

int run_assign(struct env_script *s, const struct word *word, struct err *e)
{
        _cleanup_text_ struct text value = TEXT_INIT;
        const char *old = variables_get(&s->variables, word->assigned);
        int r;

        if (word->append && old)
                text_add(&value, old);
        r = expand_one(s, word, &value, e);
        return r < 0 ? r : run_set(s, word->assigned, text_get(&value), e);
}

int run_captured(struct env_script *s, const struct node *list, struct text *ret, struct err *e)
{
        _cleanup_env_script_ struct env_script sub = { .root = -EBADF };
        unsigned cost = STEPS_OF_COPY + (unsigned) s->variables.n / 4 + STEPS_OF_BYTES(s->variables.bytes);
        int r = run_step(s, cost, e);

        if (r < 0)
                return r;
        copy_state(&sub, s);
        sub.inner++;
        sub.loops = 0;
        r = run_list(&sub, list, e);
        s->steps = sub.steps;
        s->status = sub.status;
        s->substituted = true;
        text_add_bytes(&s->complaints, text_get(&sub.complaints), sub.complaints.used);
        text_add_bytes(ret, text_get(&sub.out), sub.out.used);
        return r;
}

/* --- functions --- */

static struct env_script_function *find_function(struct env_script *s, const char *name)
{
        for (size_t i = 0; i < s->n_functions; i++)
                if (strcmp(s->functions[i].name, name) == 0)
                        return &s->functions[i];
        return NULL;
}

static int define_function(struct env_script *s, const char *name, const char *body, struct err *e)
{
        struct env_script_function *f = find_function(s, name);

        if (!f && s->n_functions >= ENV_SCRIPT_FUNCTIONS_MAX)
                return run_outside("too many functions", "", e);
        if (!f) {
                s->functions = text_realloc(s->functions, (s->n_functions + 1) * sizeof(s->functions[0]));
                f = &s->functions[s->n_functions++];
                *f = (struct env_script_function){ .name = text_dup(name) };
        }
        free(f->body);
        f->body = text_dup(body);
        s->status = 0;
        return 0;
}

/* Gives hidden values of local variables back. */
static void restore_locals(struct env_script *s, struct variables *locals)
{
        for (size_t i = 0; i < locals->n; i++) {
                const struct variable *hidden = &locals->at[i];

                variables_unset(&s->variables, hidden->name);
                if (hidden->value)
                        variables_set(&s->variables, hidden->name, hidden->value);
                if (hidden->value || hidden->exported)
                        variables_mark(&s->variables, hidden->name, hidden->exported, hidden->readonly);
        }
}

static int call_function(struct env_script *s, const char *body, struct text_list *fields, struct err *e)
{
        _cleanup_variables_ struct variables locals = VARIABLES_INIT;
        _cleanup_free_ char *text = text_dup(body);
        struct variables *outer_locals = s->locals;
        struct text_list outer = s->arguments;
        unsigned loops = s->loops;
        int r;

        s->arguments = (struct text_list) TEXT_LIST_INIT;
        for (size_t i = 1; i < fields->n; i++)
                text_list_add(&s->arguments, fields->at[i]);
        s->locals = &locals;
        s->loops = 0;
        s->calls++;
        r = run_text(s, text, strlen(text), fields->at[0], e);
        s->calls--;
        s->loops = loops;
        s->locals = outer_locals;
        restore_locals(s, &locals);
        if (s->flow == FLOW_RETURN)
                s->flow = FLOW_NEXT;
        text_list_done(&s->arguments);
        s->arguments = outer;
        return r;
}

/* --- simple commands --- */

static struct text *output_of(struct env_script *s, enum redirection_target target, struct text *own,
                              struct text *nowhere)
{
        switch (target) {
        case TO_OUT:
                return &s->out;
        case TO_ERR:
                return &s->complaints;
        case TO_NULL:
                return nowhere;
        default:
                return own;
        }
}

static bool redirected(const struct node *node)
{
        return node->to_out != TO_SAME || node->to_err != TO_SAME;
}

static int run_unknown(struct env_script *s, const char *name, struct err *e)
{
        if (!s->host_file)
                return run_outside("runs", name, e);
        if (s->inner == 0)
                return err_set(e, -EPERM, "could not execute \"%s\": execution is disabled", name);
        text_printf(&s->complaints, "could not execute \"%s\": execution is disabled\n", name);
        s->status = 1;
        return 0;
}

static int run_fields(struct env_script *s, const struct node *node, struct text_list *fields, struct err *e)
{
        _cleanup_text_ struct text nowhere = TEXT_INIT;
        struct env_script_function *f = find_function(s, fields->at[0]);
        struct builtin_call call = { .argv = fields->at, .n = fields->n };

        if (f)
                return redirected(node) ? run_outside("a redirection of", fields->at[0], e)
                                        : call_function(s, f->body, fields, e);
        if (!builtin_known(fields->at[0]))
                return run_unknown(s, fields->at[0], e);
        if (node->assignments)
                return run_outside("assignments before", fields->at[0], e);
        call.out = output_of(s, node->to_out, &s->out, &nowhere);
        call.complaints = output_of(s, node->to_err, &s->complaints, &nowhere);
        return builtin_run(s, &call, e);
}

static int run_simple(struct env_script *s, const struct node *node, struct err *e)
{
        _cleanup_text_list_ struct text_list fields = TEXT_LIST_INIT;
        int r = 0;

        s->substituted = false;
        if (node->words) {
                r = expand_fields(s, node->words, &fields, e);
                s->steps += (unsigned) fields.n / 8;
                if (r == 0 && fields.n)
                        return node->assignments ? run_outside("assignments before", fields.at[0], e)
                                                 : run_fields(s, node, &fields, e);
        }
        if (r < 0)
                return r;
        if (!s->substituted)
                s->status = 0;
        for (const struct word *word = node->assignments; word && r == 0; word = word->next)
                r = run_assign(s, word, e);
        return r;
}

/* --- compound commands --- */

static int run_arms(struct env_script *s, const struct node *node, struct err *e)
{
        _cleanup_text_ struct text subject = TEXT_INIT;
        int r = expand_one(s, node->words, &subject, e);

        for (const struct case_arm *arm = node->arms; arm && r == 0; arm = arm->next)
                for (const struct word *word = arm->patterns; word; word = word->next) {
                        _cleanup_text_ struct text pattern = TEXT_INIT;
                        bool found = false;

                        r = expand_pattern(s, word, &pattern, e);
                        if (r == 0 && pattern_matches(text_get(&pattern), text_get(&subject), subject.used,
                                                      &found, &s->steps) < 0)
                                r = run_outside("a pattern", text_get(&pattern), e);
                        if (r < 0)
                                return r;
                        if (found) {
                                s->status = 0;
                                return run_list(s, arm->body, e);
                        }
                }
        if (r == 0)
                s->status = 0;
        return r;
}

/* After a turn of a loop: whether to leave it. */
static bool leaves_loop(struct env_script *s)
{
        if (s->flow != FLOW_BREAK && s->flow != FLOW_CONTINUE)
                return s->flow != FLOW_NEXT;
        if (--s->levels > 0)
                return true;
        if (s->flow == FLOW_CONTINUE) {
                s->flow = FLOW_NEXT;
                return false;
        }
        s->flow = FLOW_NEXT;
        return true;
}

static int run_for(struct env_script *s, const struct node *node, struct err *e)
{
        _cleanup_text_list_ struct text_list fields = TEXT_LIST_INIT;
        int r = 0;

        if (node->has_words)
                r = expand_fields(s, node->words, &fields, e);
        else
                for (size_t i = 0; i < s->arguments.n; i++)
                        text_list_add(&fields, s->arguments.at[i]);
        s->status = r == 0 ? 0 : s->status;
        s->loops++;
        for (size_t i = 0; i < fields.n && r == 0; i++) {
                r = run_step(s, 1, e);
                if (r == 0)
                        r = run_set(s, node->text, fields.at[i], e);
                if (r == 0)
                        r = run_list(s, node->right, e);
                if (r == 0 && leaves_loop(s))
                        break;
        }
        s->loops--;
        return r;
}

static int run_while(struct env_script *s, const struct node *node, struct err *e)
{
        int status = 0, r = 0;

        s->loops++;
        while (r == 0) {
                r = run_step(s, 1, e);
                if (r == 0)
                        r = run_list(s, node->left, e);
                if (r < 0)
                        break;
                if (s->flow != FLOW_NEXT) {
                        if (leaves_loop(s))
                                break;
                        continue;
                }
                if ((s->status == 0) != (node->kind == NODE_WHILE)) {
                        s->status = status;
                        break;
                }
                r = run_list(s, node->right, e);
                status = s->status;
                if (r == 0 && leaves_loop(s))
                        break;
        }
        s->loops--;
        return r;
}

static int run_if(struct env_script *s, const struct node *node, struct err *e)
{
        int r = run_list(s, node->left, e);

        if (r < 0 || s->flow != FLOW_NEXT)
                return r;
        if (s->status == 0)
                return run_list(s, node->right, e);
        s->status = 0;
        return node->other ? run_list(s, node->other, e) : 0;
}

static int run_equal(struct env_script *s, const struct node *node, struct err *e)
{
        _cleanup_text_ struct text left = TEXT_INIT, pattern = TEXT_INIT;
        bool found = false;
        int r = expand_one(s, node->words, &left, e);

        if (r == 0)
                r = expand_pattern(s, node->words->next, &pattern, e);
        if (r < 0)
                return r;
        if (pattern_matches(text_get(&pattern), text_get(&left), left.used, &found, &s->steps) < 0)
                return run_outside("a pattern", text_get(&pattern), e);
        s->status = found != (node->text[0] == '!') ? 0 : 1;
        return 0;
}

/* One condition of [[ ]]. */
static int run_test(struct env_script *s, const struct node *node, struct err *e)
{
        _cleanup_text_ struct text left = TEXT_INIT, right = TEXT_INIT;
        int r;

        if (!node->words->next) {
                r = expand_one(s, node->words, &left, e);
                if (r == 0)
                        r = condition_unary(s, node->text, text_get(&left), e);
        } else if (node->text[0] != '-') {
                return run_equal(s, node, e);
        } else {
                r = expand_one(s, node->words, &left, e);
                if (r == 0)
                        r = expand_one(s, node->words->next, &right, e);
                if (r == 0)
                        r = condition_numbers(node->text, text_get(&left), text_get(&right), e);
        }
        if (r >= 0)
                s->status = r;
        return r < 0 ? r : 0;
}

static int run_chain(struct env_script *s, const struct node *node, struct err *e)
{
        int r = run_node(s, node->left, e);

        if (r < 0 || s->flow != FLOW_NEXT || (s->status == 0) != (node->kind == NODE_AND))
                return r;
        return run_node(s, node->right, e);
}

static int run_kind(struct env_script *s, const struct node *node, struct err *e)
{
        int r;

        switch (node->kind) {
        case NODE_SIMPLE:
                return run_simple(s, node, e);
        case NODE_AND:
        case NODE_OR:
                return run_chain(s, node, e);
        case NODE_NOT:
                r = run_node(s, node->left, e);
                if (r == 0 && s->flow == FLOW_NEXT)
                        s->status = s->status == 0;
                return r;
        case NODE_GROUP:
                return run_list(s, node->left, e);
        case NODE_IF:
                return run_if(s, node, e);
        case NODE_CASE:
                return run_arms(s, node, e);
        case NODE_FOR:
                return run_for(s, node, e);
        case NODE_WHILE:
        case NODE_UNTIL:
                return run_while(s, node, e);
        case NODE_FUNCTION:
                if (builtin_known(node->text))
                        return run_outside("a function with the name of a builtin:", node->text, e);
                return define_function(s, node->text, node->body, e);
        case NODE_TEST:
                return run_test(s, node, e);
        }
        return run_outside("an unknown command", "", e);
}

static int run_node(struct env_script *s, const struct node *node, struct err *e)
{
        int r = run_step(s, 1, e);

        if (r == 0 && ++s->depth > ENV_SCRIPT_DEPTH_MAX)
                r = run_outside("nested too deep", "", e);
        if (r == 0)
                r = run_kind(s, node, e);
        s->depth--;
        return r;
}

int run_list(struct env_script *s, const struct node *list, struct err *e)
{
        int r = 0;

        for (const struct node *node = list; node && r == 0 && s->flow == FLOW_NEXT; node = node->next)
                r = run_node(s, node, e);
        return r;
}

static int parse_text(struct arena *arena, unsigned depth, const char *text, size_t size, const char *name,
                      struct node **ret, struct err *e)
{
        struct parser p = { .at = text,
                            .end = text + size,
                            .name = name,
                            .line = 1,
                            .depth = depth,
                            .arena = arena,
                            .e = e };

        if (size > ENV_SCRIPT_SIZE_MAX)
                return err_set(e, -ENOTSUP, "%s: longer than %zu bytes", name, ENV_SCRIPT_SIZE_MAX);
        if (memchr(text, '\0', size))
                return err_set(e, -ENOTSUP, "%s: has NUL bytes", name);
        return parse_script(&p, ret);
}

int run_text(struct env_script *s, const char *text, size_t size, const char *name, struct err *e)
{
        _cleanup_arena_ struct arena arena = { .chunks = NULL };
        struct node *list = NULL;
        int r = run_step(s, STEPS_OF_PARSING(size), e);

        if (r == 0)
                r = parse_text(&arena, s->depth, text, size, name, &list, e);
        return r < 0 ? r : run_list(s, list, e);
}

int env_script_check(const char *text, size_t size, const char *name, struct err *e)
{
        _cleanup_arena_ struct arena arena = { .chunks = NULL };
        struct node *list = NULL;

        return parse_text(&arena, 0, text, size, name, &list, e);
}

/* A file is parsed whole before any of it runs, so its own syntax error leaves the state as it was. */
int env_script_source(struct env_script *s, const char *text, size_t size, const char *name, struct err *e)
{
        _cleanup_arena_ struct arena arena = { .chunks = NULL };
        struct node *list = NULL;
        int r = run_step(s, STEPS_OF_PARSING(size), e);

        if (r == 0)
                r = parse_text(&arena, s->depth, text, size, name, &list, e);
        if (r < 0)
                return r;
        s->files++;
        r = run_list(s, list, e);
        s->files--;
        if (r < 0) /* the state is half way: a syntax error of an inner file is no better */
                return err_ctx(e, -ENOTSUP, "%s", name);
        if (s->flow == FLOW_RETURN || s->files == 0)
                s->flow = s->exited ? FLOW_EXIT : FLOW_NEXT;
        return 0;
}

int env_script_source_file(struct env_script *s, const char *path, struct err *e)
{
        _cleanup_close_ int fd =
                s->root < 0 ? -EBADF : fd_open_in(s->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        _cleanup_free_ char *text = NULL;
        struct stat status;
        size_t size;
        int r;

        if (fd < 0)
                return err_errno(e, fd == -ENOENT ? fd : -ENOTSUP, "%s", path);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return err_set(e, -ENOTSUP, "%s: not a regular file", path);
        r = fd_read_all(fd, ENV_SCRIPT_SIZE_MAX, &text, &size);
        if (r < 0)
                return err_errno(e, -ENOTSUP, "%s", path);
        return env_script_source(s, text, size, path, e);
}
