#include "run/bind.h"

#include <string.h>

#include "base/clean.h"
#include "base/text.h"

enum place { AT_SOURCE, BEHIND_SOURCE, BEHIND_TARGET };

/* One item while its tokens arrive. */
struct item {
        enum place place;
        struct text source;
        struct text target;
        struct bind made;
        bool colon; /* the last token had a colon behind it */
        bool has_source;
        bool has_option;
        char escaped;    /* "," or ":" that the source ended in, 0 for none */
        const char *at;  /* the last token of it: where a mistake is */
        const char *end; /* behind that */
};

struct token {
        const char *at;
        size_t size; /* without blanks around it, nor its colon */
        bool colon;
};

static void item_done(struct item *item)
{
        text_done(&item->source);
        text_done(&item->target);
        bind_done(&item->made);
        *item = (struct item){ .place = AT_SOURCE, .at = item->at, .end = item->end };
}

void bind_done(struct bind *bind)
{
        free(bind->source);
        free(bind->target);
        free(bind->image_source);
        free(bind->image_id);
        *bind = (struct bind){ .source = NULL };
}

void bind_list_done(struct bind_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                bind_done(&list->at[i]);
        free(list->at);
        *list = (struct bind_list) BIND_LIST_INIT;
}

int bind_list_take(struct bind_list *list, struct bind *bind, struct err *e)
{
        if (list->n == BIND_MAX)
                return err_set(e, -E2BIG, "more than %d bind mounts", BIND_MAX);
        if (list->n == list->room) {
                list->room = list->room ? list->room * 2 : 8;
                list->at = text_realloc(list->at, list->room * sizeof(*list->at));
        }
        list->at[list->n++] = *bind;
        *bind = (struct bind){ .source = NULL };
        return 0;
}

/* Turns the item into a bind, if it has anything in it, and empties it. */
static int item_finish(struct item *item, struct bind_list *list, struct err *e)
{
        const char *source = text_get(&item->source);
        const char *target = item->place == BEHIND_TARGET ? text_get(&item->target) : source;
        int r;

        if (!item->has_source)
                return 0;
        if (item->place != AT_SOURCE && item->colon) {
                item->at = item->end;
                if (item->place == BEHIND_SOURCE)
                        return err_set(e, -EINVAL, "\"%s:\": nothing behind the colon", source);
                return err_set(e, -EINVAL, "\"%s:%s:\": \"\" is not a valid bind option", source, target);
        }
        if (target[0] != '/')
                return err_set(e, -EINVAL, "\"%s\": the destination must be an absolute path", target);
        item->made.source = text_dup(source);
        item->made.target = text_dup(target);
        r = bind_list_take(list, &item->made, e);
        item_done(item);
        return r;
}

static void take_source(struct item *item, const struct token *t)
{
        bool backslash = t->size && t->at[t->size - 1] == '\\';
        bool was_escaped = item->escaped != 0;

        item->has_source = true;
        item->colon = t->colon;
        if (was_escaped) {
                text_add_bytes(&item->source, t->at, t->size);
                item->escaped = 0;
                item->place = BEHIND_SOURCE;
        } else if (backslash) {
                text_add_bytes(&item->source, t->at, t->size - 1);
                item->escaped = t->colon ? ':' : ',';
                text_add_char(&item->source, item->escaped);
                item->colon = false;
        } else {
                text_add_bytes(&item->source, t->at, t->size);
                if (t->colon)
                        item->place = BEHIND_SOURCE;
        }
}

static bool starts_with(const struct token *t, const char *prefix)
{
        size_t size = strlen(prefix);

        return t->size >= size && memcmp(t->at, prefix, size) == 0;
}

static bool is_word(const struct token *t, const char *word)
{
        return !t->colon && t->size == strlen(word) && memcmp(t->at, word, t->size) == 0;
}

static bool is_option(const struct token *t)
{
        return is_word(t, "ro") || is_word(t, "rw") || starts_with(t, "image-src=") || starts_with(t, "id=");
}

static void set_value(char **place, const struct token *t, const char *prefix)
{
        size_t skip = strlen(prefix);

        free(*place);
        *place = text_dup_bytes(t->at + skip, t->size - skip);
}

static int take_option(struct item *item, const struct token *t, struct err *e)
{
        if (!item->colon && !item->has_option) { /* "source:target,ro" */
                text_printf(&item->target, ",%.*s", (int) t->size, t->at);
                return 0;
        }
        if (t->colon)
                return err_set(e, -EINVAL,
                               "\"%s:%s:%.*s:\": too many parts, should be source:destination:options",
                               text_get(&item->source), text_get(&item->target), (int) t->size, t->at);
        item->colon = false;
        item->has_option = true;
        if (is_word(t, "ro"))
                item->made.readonly = true;
        else if (starts_with(t, "image-src="))
                set_value(&item->made.image_source, t, "image-src=");
        else if (starts_with(t, "id="))
                set_value(&item->made.image_id, t, "id=");
        return 0;
}

static int take_token(struct item *item, const struct token *t, struct bind_list *list, struct err *e)
{
        if (item->place == BEHIND_TARGET && (is_option(t) || item->colon)) {
                item->at = t->at;
                item->end = t->at + t->size;
                if (is_option(t))
                        return take_option(item, t, e);
                return err_set(e, -EINVAL, "\"%s:%s:%.*s\": %.*s is not a valid bind option",
                               text_get(&item->source), text_get(&item->target), (int) t->size, t->at,
                               (int) t->size, t->at);
        }
        if (item->place == BEHIND_TARGET) {
                int r = item_finish(item, list, e);

                if (r < 0)
                        return r;
        }
        if (item->place == BEHIND_SOURCE &&
            !item->colon) /* escaped: this token is lost, as in the original */
                return item_finish(item, list, e);
        item->at = t->at;
        item->end = t->at + t->size;
        if (item->place == BEHIND_SOURCE) {
                text_add_bytes(&item->target, t->at, t->size);
                item->colon = t->colon;
                item->place = BEHIND_TARGET;
                return 0;
        }
        take_source(item, t);
        if (item->place == AT_SOURCE && !item->escaped)
                return item_finish(item, list, e);
        return 0;
}

/* The next token at *at, which moves behind it; false at the end. */
static bool next_token(const char **at, struct token *ret)
{
        const char *from = *at + strspn(*at, ",:^");
        size_t size = strcspn(from, ",:^");
        bool colon = from[size] == ':';

        if (size == 0)
                return false;
        *at = from + size + (colon ? 1 : 0);
        while (size && strchr(" \t\r\n", *from)) {
                from++;
                size--;
        }
        while (!colon && size && strchr(" \t\r\n", from[size - 1]))
                size--;
        *ret = (struct token){ .at = from, .size = size, .colon = colon };
        return true;
}

int bind_parse(struct bind_list *list, const char *argument, struct err *e)
{
        _cleanup_(item_done) struct item item = { .place = AT_SOURCE, .at = argument };
        const char *at = argument;
        struct token t;
        int r = 0;

        while (r >= 0 && next_token(&at, &t))
                if (t.size) /* else only blanks */
                        r = take_token(&item, &t, list, e);
        if (r >= 0)
                r = item_finish(&item, list, e);
        return r < 0 ? err_ctx(e, r, "while parsing a bind path, at character %zu",
                               (size_t) (item.at - argument) + 1)
                     : 0;
}
