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
        char escaped; /* "," or ":" that the source ended in, 0 for none */
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
        free(item->made.image_source);
        free(item->made.image_id);
        *item = (struct item){ .place = AT_SOURCE };
}

void bind_list_done(struct bind_list *list)
{
        for (size_t i = 0; i < list->n; i++) {
                free(list->at[i].source);
                free(list->at[i].target);
                free(list->at[i].image_source);
                free(list->at[i].image_id);
        }
        free(list->at);
        *list = (struct bind_list) BIND_LIST_INIT;
}

static struct bind *list_add(struct bind_list *list)
{
        if (list->n == list->room) {
                list->room = list->room ? list->room * 2 : 8;
                list->at = text_realloc(list->at, list->room * sizeof(*list->at));
        }
        list->at[list->n] = (struct bind){ .source = NULL };
        return &list->at[list->n++];
}

/* Turns the item into a bind, if it has anything in it, and empties it. */
static int item_finish(struct item *item, struct bind_list *list, struct err *e)
{
        const char *source = text_get(&item->source);
        struct bind *bind;

        if (!item->has_source)
                return 0;
        if (item->place == BEHIND_SOURCE && item->colon)
                return err_set(e, -EINVAL, "\"%s:\": nothing behind the colon", source);
        if (item->place == BEHIND_TARGET && item->colon)
                return err_set(e, -EINVAL, "\"%s:%s:\": \"\" is not a valid bind option", source,
                               text_get(&item->target));
        if (list->n == BIND_MAX)
                return err_set(e, -E2BIG, "more than %d bind mounts", BIND_MAX);
        bind = list_add(list);
        *bind = item->made;
        item->made = (struct bind){ .source = NULL };
        bind->target = item->place == BEHIND_TARGET ? text_take(&item->target) : text_dup(source);
        bind->source = text_take(&item->source);
        item_done(item);
        if (bind->target[0] != '/')
                return err_set(e, -EINVAL, "\"%s\": the destination must be an absolute path", bind->target);
        return 0;
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
        int r;

        if (item->place == BEHIND_TARGET) {
                if (is_option(t))
                        return take_option(item, t, e);
                if (item->colon)
                        return err_set(e, -EINVAL, "\"%s:%s:%.*s\": %.*s is not a valid bind option",
                                       text_get(&item->source), text_get(&item->target), (int) t->size, t->at,
                                       (int) t->size, t->at);
                r = item_finish(item, list, e);
                if (r < 0)
                        return r;
        }
        if (item->place == BEHIND_SOURCE) {
                if (!item->colon) /* behind an escaped source: this token is lost, as in the original */
                        return item_finish(item, list, e);
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
        _cleanup_(item_done) struct item item = { .place = AT_SOURCE };
        struct token t;

        while (next_token(&argument, &t)) {
                int r;

                if (t.size == 0) /* only blanks */
                        continue;
                r = take_token(&item, &t, list, e);
                if (r < 0)
                        return err_ctx(e, r, "while parsing a bind path");
        }
        int r = item_finish(&item, list, e);

        return r < 0 ? err_ctx(e, r, "while parsing a bind path") : 0;
}
