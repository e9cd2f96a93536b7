/* --fusemount (spec runtime.md, 3.15). */
#include "run/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "base/path.h"

#define BLANKS " \t\r\n"

static const struct {
        const char *word;
        bool host, daemon;
} kinds[] = {
        { "container", false, false },
        { "host", true, false },
        { "container-daemon", false, true },
        { "host-daemon", true, true },
};

static void split(const char *text, struct text_list *words)
{
        for (;;) {
                size_t size;

                text += strspn(text, BLANKS);
                size = strcspn(text, BLANKS);
                if (!size)
                        return;
                text_list_add_bytes(words, text, size);
                text += size;
        }
}

/* Takes the kind off the front; NULL: there is none. */
static const char *take_kind(const char *spec, struct plan_fuse *fuse)
{
        const char *colon = strchr(spec, ':');

        for (size_t i = 0; colon && i < ARRAY_SIZE(kinds); i++) {
                size_t size = (size_t) (colon - spec);

                if (strlen(kinds[i].word) == size && strncmp(kinds[i].word, spec, size) == 0) {
                        fuse->host = kinds[i].host;
                        fuse->daemon = kinds[i].daemon;
                        return colon + 1;
                }
        }
        return NULL;
}

static int parse(const char *spec, struct plan_fuse *fuse, struct err *e)
{
        const char *command = take_kind(spec, fuse);

        if (!command)
                return err_set(e, -EINVAL,
                               "\"%s\": begins with an unknown prefix, should be container:, host:, "
                               "container-daemon: or host-daemon:",
                               spec);
        split(command, &fuse->command);
        if (fuse->command.n < 2)
                return err_set(e, -EINVAL, "\"%s\": a program and a mount point are needed", spec);
        fuse->target = fuse->command.at[--fuse->command.n];
        fuse->command.at[fuse->command.n] = NULL;
        if (fuse->target[0] != '/')
                return err_set(e, -EINVAL, "\"%s\": the mount point \"%s\" must be an absolute path", spec,
                               fuse->target);
        return 0;
}

static int add(struct planner *p, const char *spec, struct err *e)
{
        struct plan *plan = p->plan;
        struct plan_fuse *fuse = plan_add_fuse(plan);
        int r = parse(spec, fuse, e);

        if (r < 0)
                return r;
        char *target = path_clean(fuse->target);

        free(fuse->target);
        fuse->target = target;
        if (strcmp(target, "/") == 0)
                return err_set(e, -EINVAL, "\"%s\": nothing can be mounted on \"/\": that is the image",
                               spec);
        if (!plan_add_mount(plan, PLAN_USER_BINDS, PLAN_FUSE, path_base(fuse->command.at[0]), target,
                            PLAN_NOSUID | PLAN_NODEV | PLAN_DIRECTORY, NULL))
                return err_set(e, -EINVAL, "\"%s\": something is mounted on %s already", spec, target);
        plan->mounts[plan->n_mounts - 1].number = plan->n_fuses - 1;
        return 0;
}

int plan_fuses(struct planner *p, struct err *e)
{
        const struct text_list *specs = p->request->fusemounts;
        int r = 0;

        if (!specs || specs->n == 0)
                return 0;
        if (!p->request->config->enable_fusemount)
                return err_set(e, -EPERM, "--fusemount is switched off by the site: 'enable fusemount = no'");
        for (size_t i = 0; i < specs->n && r >= 0; i++)
                r = add(p, specs->at[i], e);
        return r < 0 ? err_ctx(e, r, "--fusemount") : 0;
}
