/* Scripts that make a shell ask `PROGRAM __complete WORD...` at every TAB.  The tables stay in one place;
 * asking costs about a millisecond. */
#include "cli/cli_internal.h"

#include <string.h>

#include "base/clean.h"

/* PROGRAM and COMPLETE stand for the program's name and the hidden command. */

static const char bash_script[] =
        "# bash completion for PROGRAM\n"
        "_PROGRAM() {\n"
        "    local line=${COMP_LINE:0:COMP_POINT} words=() answer word i\n"
        "    # bash splits at '=' and ':' too: what has no blank between is one word\n"
        "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
        "        word=${COMP_WORDS[i]}\n"
        "        if ((i == COMP_CWORD)); then word=${line#\"${line%%[![:space:]]*}\"}; fi\n"
        "        if ((i)) && [[ -n $line && $line != [[:space:]]* ]]; then\n"
        "            words[${#words[@]} - 1]+=$word\n"
        "        else\n"
        "            words+=(\"$word\")\n"
        "        fi\n"
        "        line=${line#\"${line%%[![:space:]]*}\"}\n"
        "        line=${line#\"$word\"}\n"
        "    done\n"
        "    answer=$(\"${words[0]/#\\~/$HOME}\" COMPLETE \"${words[@]:1}\" 2>/dev/null) || return\n"
        "    COMPREPLY=()\n"
        "    while IFS=$'\\t' read -r word _; do\n"
        "        case $word in\n"
        "        :0) compopt -o default -o bashdefault ;;\n"
        "        :*) ;;\n"
        "        *) COMPREPLY+=(\"$word\") ;;\n"
        "        esac\n"
        "    done <<<\"$answer\"\n"
        "}\n"
        "complete -F _PROGRAM PROGRAM singularity\n";

static const char zsh_script[] =
        "#compdef PROGRAM singularity\n"
        "_PROGRAM() {\n"
        "    local -a lines candidates\n"
        "    local line tab=$'\\t'\n"
        "    lines=(\"${(@f)$(${(Q)words[1]} COMPLETE \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
        "    for line in \"${(@)lines[1,-2]}\"; do\n"
        "        if [[ $line == *$tab* ]]; then\n"
        "            candidates+=(\"${${line%%$tab*}//:/\\\\:}:${line#*$tab}\")\n"
        "        else\n"
        "            candidates+=(\"${line//:/\\\\:}\")\n"
        "        fi\n"
        "    done\n"
        "    if [[ ${lines[-1]} == :0 ]]; then\n"
        "        compset -P '*[=:]'\n"
        "        _files\n"
        "    elif (( ${#candidates} )); then\n"
        "        _describe 'PROGRAM' candidates\n"
        "    fi\n"
        "}\n"
        "if [[ ${funcstack[1]} == _PROGRAM ]]; then\n"
        "    _PROGRAM \"$@\"\n"
        "else\n"
        "    compdef _PROGRAM PROGRAM singularity\n"
        "fi\n";

static const char fish_script[] =
        "# fish completion for PROGRAM\n"
        "function __PROGRAM_complete\n"
        "    set -l words (commandline -opc)\n"
        "    set -l last (commandline -ct)\n"
        "    set -l lines ($words[1] COMPLETE $words[2..-1] \"$last\" 2>/dev/null)\n"
        "    if test (count $lines) -gt 1\n"
        "        printf '%s\\n' $lines[1..-2]\n"
        "    end\n"
        "    if test \"$lines[-1]\" = :0\n"
        "        __fish_complete_path \"$last\"\n"
        "    end\n"
        "end\n"
        "complete -c PROGRAM -f -a '(__PROGRAM_complete)'\n"
        "complete -c singularity -f -a '(__PROGRAM_complete)'\n";

static void add_script(struct text *out, const char *script, const char *program, const char *command)
{
        while (*script) {
                if (text_starts(script, "PROGRAM")) {
                        text_add(out, program);
                        script += strlen("PROGRAM");
                } else if (text_starts(script, "COMPLETE ")) {
                        text_add(out, command);
                        script += strlen("COMPLETE");
                } else {
                        text_add_char(out, *script++);
                }
        }
}

int cli_completion(const struct cli_command *root, const char *shell, bool descriptions, struct text *out)
{
        static const struct {
                const char *shell, *script;
        } scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
                if (strcmp(scripts[i].shell, shell) == 0) {
                        add_script(out, scripts[i].script, root->name,
                                   descriptions ? "__complete" : "__completeNoDesc");
                        return 0;
                }
        }
        return -EINVAL;
}
