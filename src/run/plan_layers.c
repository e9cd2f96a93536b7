/* What lies over the image (spec runtime.md, 4.2; cli.md, 2.3). */
#include "run/plan_internal.h"

#include <errno.h>

static const struct rootfs *writable_overlay(const struct plan_request *r, const struct rootfs *but)
{
        for (size_t i = 0; i < r->n_overlays; i++)
                if (r->overlays[i].writable && &r->overlays[i] != but)
                        return &r->overlays[i];
        return NULL;
}

static int check(const struct plan_request *r, bool memory, struct err *e)
{
        const struct rootfs *first = writable_overlay(r, NULL);
        const struct rootfs *second = first ? writable_overlay(r, first) : NULL;

        if (!memory && r->n_overlays == 0)
                return 0;
        if (r->config->enable_overlay == CONFIG_OVERLAY_NO) {
                err_set(e, -EPERM, "%s: overlays are switched off by the site: 'enable overlay = no'",
                        memory ? "--writable-tmpfs" : "--overlay");
                return err_hint(e, -EPERM, "to write into a directory image itself, use --writable");
        }
        if (second) {
                err_set(e, -EINVAL, "%s and %s: only one overlay can be written", first->path, second->path);
                return err_hint(e, -EINVAL, "make the others read-only: --overlay %s:ro", first->path);
        }
        if (first && memory) {
                err_set(e, -EINVAL, "--writable-tmpfs and the writable overlay %s exclude each other",
                        first->path);
                return err_hint(e, -EINVAL, "leave out --writable-tmpfs, or use --overlay %s:ro",
                                first->path);
        }
        return 0;
}

int plan_layers(struct planner *p, struct err *e)
{
        const struct plan_request *r = p->request;
        struct plan *plan = p->plan;
        bool memory = r->writable_tmpfs;
        int failed;

        if (r->writable && memory) {
                note(p->notes, LOG_WARNING,
                     "Disabling --writable-tmpfs as it can't be used in conjunction with --writable");
                memory = false;
        }
        failed = check(r, memory, e);
        if (failed < 0)
                return failed;
        plan->overlays = r->overlays;
        plan->n_overlays = r->n_overlays;
        plan->image_writable = r->writable;
        plan->underlay = r->underlay || r->config->enable_underlay == CONFIG_UNDERLAY_PREFERRED;
        if (memory) {
                plan->upper = PLAN_UPPER_MEMORY;
                plan->upper_bytes = r->writable_tmpfs_bytes;
        } else if (writable_overlay(r, NULL)) {
                plan->upper = PLAN_UPPER_OVERLAY;
        }
        if (plan->upper != PLAN_UPPER_NONE || plan->n_overlays || plan->image_writable)
                plan->underlay = false;
        return 0;
}

bool plan_is_writable(const struct plan *plan)
{
        return plan->image_writable || plan->upper != PLAN_UPPER_NONE;
}
