/* What may stand at the end of an unfinished command line. */
#include "cli/cli_internal.h"

#include <string.h>

#include "base/clean.h"

/* Where on the line the last word stands; the words before it were followed as the parser would. */
struct place {
        const struct cli_command *command;
        const struct cli_option *wants_value; /* the last word is this option's value */
        bool flags_ended;
        bool root;
};

static const struct cli_option *find_option(const struct cli_command *command, const char *name, size_t size)
{
        for (size_t i = 0; i < cli_option_count(command); i++) {
                const struct cli_option *option = cli_option_at(command, i);

                if (strlen(option->name) == size && memcmp(option->name, name, size) == 0)
                        return option;
        }
        return NULL;
}

static const struct cli_option *find_letter(const struct cli_command *command, char letter)
{
        for (size_t i = 0; i < cli_option_count(command); i++)
                if (cli_option_at(command, i)->letter == letter)
                        return cli_option_at(command, i);
        return NULL;
}

/* The option whose value the next word is, if the word is a flag that needs one. */
static const struct cli_option *value_follows(const struct cli_command *command, const char *word)
{
        const struct cli_option *option = NULL;

        if (word[1] == '-') {
                if (strchr(word, '='))
                        return NULL;
                option = find_option(command, word + 2, strlen(word + 2));
                return option && option->type != CLI_BOOL ? option : NULL;
        }
        for (const char *letter = word + 1; *letter; letter++) {
                option = find_letter(command, *letter);
                if (option && option->type != CLI_BOOL)
                        return letter[1] ? NULL : option;
        }
        return NULL;
}

static void step_positional(struct place *place, const char *word)
{
        const struct cli_command *next = place->command->subcommands ? cli_find(place->command, word) : NULL;

        if (next) {
                *place = (struct place){ .command = next };
                return;
        }
        place->flags_ended = place->flags_ended || !(place->command->flags & CLI_INTERSPERSED);
}

static void step(struct place *place, const char *word)
{
        if (place->wants_value)
                place->wants_value = NULL;
        else if (!place->flags_ended && strcmp(word, "--") == 0)
                place->flags_ended = true;
        else if (!place->flags_ended && word[0] == '-' && word[1])
                place->wants_value = value_follows(place->command, word);
        else
                step_positional(place, word);
}

static void candidate(struct text *out, const char *prefix, const char *name, const char *description)
{
        text_printf(out, "%s%s", prefix, name);
        if (description)
                text_printf(out, "\t%.*s", (int) strcspn(description, "\n"), description);
        text_add_char(out, '\n');
}

static void option_candidates(const struct place *place, const char *word, bool descriptions,
                              struct text *out)
{
        const struct cli_command *command = place->command;

        for (size_t i = 0; i < cli_option_count(command); i++) {
                const struct cli_option *option = cli_option_at(command, i);
                char letter[2] = { option->letter, '\0' };

                if (!cli_option_shown(option))
                        continue;
                if (option->letter && !word[1])
                        candidate(out, "-", letter, descriptions ? option->help : NULL);
                if (text_starts(option->name, word + (word[1] ? 2 : 1)))
                        candidate(out, "--", option->name, descriptions ? option->help : NULL);
        }
        if (text_starts("help", word + (word[1] ? 2 : 1)))
                candidate(out, "--", "help", descriptions ? "explain the command" : NULL);
        if ((command->flags & CLI_ROOT) && text_starts("version", word + (word[1] ? 2 : 1)))
                candidate(out, "--", "version", descriptions ? "print the version" : NULL);
}

static void command_candidates(const struct cli_command *group, const char *word, bool descriptions,
                               struct text *out)
{
        for (const struct cli_command *const *c = group->subcommands; c && *c; c++)
                if (cli_command_shown(*c) && text_starts((*c)->name, word))
                        candidate(out, "", (*c)->name, descriptions ? (*c)->summary : NULL);
}

/* `help sif a`: the last word names a command of the group that the words before it name. */
static void topic_candidates(const struct cli_command *root, char *const *words, size_t n, bool descriptions,
                             struct text *out)
{
        const struct cli_command *group = root;
        size_t first = 0;

        while (first < n && strcmp(words[first], "help") != 0)
                first++;
        for (size_t i = first + 1; group && i + 1 < n; i++)
                group = cli_find(group, words[i]);
        if (group)
                command_candidates(group, words[n - 1], descriptions, out);
}

static bool is_flag_start(const char *word)
{
        return word[0] == '-' && (!word[1] || word[1] == '-') && !strchr(word, '=');
}

void cli_complete(const struct cli_command *root, char *const *words, size_t n, bool descriptions,
                  struct text *out)
{
        struct place place = { .command = root };
        const struct cli_option *valued;
        const char *last = n ? words[n - 1] : "", *equals;
        bool files = false;

        for (size_t i = 0; i + 1 < n; i++)
                step(&place, words[i]);
        equals = text_starts(last, "--") ? strchr(last, '=') : NULL;
        valued = equals && !place.flags_ended
                         ? find_option(place.command, last + 2, (size_t) (equals - last - 2))
                         : place.wants_value;
        if (valued)
                files = (valued->flags & CLI_PATH) != 0;
        else if (!place.flags_ended && is_flag_start(last))
                option_candidates(&place, last, descriptions, out);
        else if (place.command->flags & CLI_TOPICS)
                topic_candidates(root, words, n, descriptions, out);
        else if (place.command->subcommands)
                command_candidates(place.command, last, descriptions, out);
        else
                files = (place.command->flags & CLI_FILES) != 0;
        text_add(out, files ? ":0\n" : ":4\n");
}
