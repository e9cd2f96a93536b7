/* doctor: findings as text or JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clean.h"
#include "base/fd.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/doctor.h"
#include "cmd/report.h"
#include "host/doctor.h"

/* Scripts can ask: 0 when containers start here, 1 when something that they need is missing. */
#define EXIT_UNFIT 1

static void print_text(const struct findings *findings, struct text *out)
{
        for (size_t i = 0; i < findings->n; i++) {
                const struct finding *f = &findings->at[i];

                text_printf(out, "%-8s %-10s %s: %s\n", finding_state_name(f->state), f->code, f->what,
                            f->found);
                if (*f->consequence)
                        text_printf(out, "%20s%s\n", "", f->consequence);
                if (*f->remedy)
                        text_printf(out, "%20s-> %s\n", "", f->remedy);
        }
}

static json_t *finding_json(const struct finding *f)
{
        return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s}", "code", f->code, "state",
                         finding_state_name(f->state), "essential", f->essential, "what", f->what, "found",
                         f->found, "consequence", f->consequence, "remedy", f->remedy);
}

static void print_json(const struct findings *findings, struct text *out)
{
        _cleanup_json_ json_t *all = json_object();
        json_t *list = json_array();

        json_object_set_new(all, "state", json_string(finding_state_name(findings_state(findings))));
        for (size_t i = 0; i < findings->n; i++)
                json_array_append_new(list, finding_json(&findings->at[i]));
        json_object_set_new(all, "findings", list);
        json_write(all, "\t", false, out);
        text_add_char(out, '\n');
}

static char *cache_directory(void)
{
        const char *set = getenv("APPTAINER_CACHEDIR"), *home = getenv("HOME");

        if (set && *set)
                return text_dup(set);
        return home && *home ? text_format("%s/.apptainer/cache", home) : NULL;
}

int cmd_doctor_run(const struct cli_call *call)
{
        const struct doctor_options *o = call->options;
        const char *temporary = getenv("APPTAINER_TMPDIR");
        _cleanup_findings_ struct findings findings = FINDINGS_INIT;
        _cleanup_free_ char *cache = cache_directory(), *current = getcwd(NULL, 0);
        _cleanup_text_ struct text out = TEXT_INIT;
        struct doctor_places places = { .cache = cache, .home = getenv("HOME"), .current = current };
        struct err e = ERR_INIT;
        int r;

        if (!temporary || !*temporary)
                temporary = getenv("TMPDIR");
        places.temporary = temporary && *temporary ? temporary : "/tmp";
        doctor_examine(&findings, &places);
        if (o->json)
                print_json(&findings, &out);
        else
                print_text(&findings, &out);
        r = fd_write_all(STDOUT_FILENO, text_get(&out), out.used);
        if (r < 0) {
                err_errno(&e, r, "write /dev/stdout");
                return report_fatal(&e);
        }
        return findings_state(&findings) == FINDING_MISSING ? EXIT_UNFIT : EXIT_OK;
}
