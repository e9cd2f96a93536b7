/* What a container is called and whom it can talk to: host name, network namespace, name servers (spec
 * runtime.md, 2.2, 3.10, 8.5). */
#include "run/plan_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sched.h>
#include <string.h>

#include "base/clean.h"

#define HOSTNAME_MAX 64 /* __NEW_UTS_LEN of the kernel */

/* An option with an empty value counts as one that is not there. */
static const char *given(const char *value)
{
        return value && *value ? value : NULL;
}

/* --- host name ------------------------------------------------------------------------------------------ */

/* Labels of letters, digits and '-' between them, separated by dots. */
static bool hostname_is_valid(const char *name)
{
        char before = '.';

        for (const char *c = name; *c; before = *c++) {
                if (isalnum((unsigned char) *c))
                        continue;
                if (*c == '-' && before != '.')
                        continue;
                if (*c == '.' && before != '.' && before != '-')
                        continue;
                return false;
        }
        return isalnum((unsigned char) before) && strlen(name) <= HOSTNAME_MAX;
}

int plan_uts(struct planner *p, struct err *e)
{
        const struct plan_request *r = p->request;
        const char *name = given(r->hostname);
        _cleanup_free_ char *line = NULL;

        if (name && !hostname_is_valid(name))
                return err_set(
                        e, -EINVAL,
                        "--hostname: \"%s\" is not a valid host name: letters, digits and '-', at most %d "
                        "of them, in parts separated by dots",
                        name, HOSTNAME_MAX);
        if (!plan_namespace_allowed(p, r->uts || name, r->config->allow_uts_ns, "UTS"))
                return 0;
        p->plan->namespaces |= CLONE_NEWUTS;
        if (!name)
                return 0;
        line = text_format("%s\n", name);
        p->plan->hostname = text_dup(name);
        plan_add_entry(p->plan, PLAN_ENTRY_FILE, "etc/hostname", 0644, line);
        plan_add_mount(p->plan, PLAN_FILES, PLAN_SESSION, "etc/hostname", "/etc/hostname", 0, NULL);
        return 0;
}

/* --- network -------------------------------------------------------------------------------------------- */

static int refuse_network(const struct plan_request *r, const char *network, struct err *e)
{
        if (r->privileged) {
                err_set(e, -ENOTSUP, "network \"%s\": networks made by CNI plugins are not supported yet",
                        network);
                return err_hint(e, -ENOTSUP,
                                "--network none, or join a network namespace made beforehand: --netns-path");
        }
        err_set(e, -EPERM,
                "network \"%s\" requires root: an ordinary user can neither make interfaces on the host nor join "
                "its network namespaces",
                network);
        return err_hint(e, -EPERM,
                        "without --net the container uses the host's network; --network none gives it "
                        "one of its own with nothing but lo");
}

static int join_network(struct planner *p, struct err *e)
{
        const struct plan_request *r = p->request;

        if (r->identity->user.uid != 0) {
                err_set(e, -EPERM,
                        "--netns-path %s requires root: only root may join network namespaces of the host",
                        r->netns_path);
                return err_hint(e, -EPERM, "to share a network, start the programs in one container");
        }
        if (r->net || given(r->network))
                note(p->notes, LOG_WARNING, "--net is ignored next to --netns-path");
        if (r->network_args && r->network_args->n)
                return err_set(e, -EINVAL,
                               "--network-args: a network that is joined by --netns-path takes none");
        p->plan->netns_path = text_dup(r->netns_path);
        return 0;
}

int plan_network(struct planner *p, struct err *e)
{
        const struct plan_request *r = p->request;
        bool arguments = r->network_args && r->network_args->n;
        const char *network = given(r->network);

        if (given(r->netns_path))
                return join_network(p, e);
        if (!r->net && !network && !arguments)
                return 0;
        if (!r->net)
                note(p->notes, LOG_INFO, "Setting --net (required by --network%s)", network ? "" : "-args");
        if (r->fakeroot && (!network || strcmp(network, "none") != 0)) {
                note(p->notes, LOG_WARNING,
                     "With --fakeroot the network is none: %s requires root of the machine",
                     network ? network : "bridge");
                network = "none";
                arguments = false;
        }
        if (!network || strcmp(network, "none") != 0)
                return refuse_network(r, network ? network : "bridge", e);
        if (arguments)
                return err_set(e, -EINVAL,
                               "--network-args: the network none takes no arguments, \"%s\" was given",
                               r->network_args->at[0]);
        p->plan->namespaces |= CLONE_NEWNET;
        return 0;
}

/* --- name servers --------------------------------------------------------------------------------------- */

static bool is_address(const char *text)
{
        unsigned char address[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

int plan_dns(struct planner *p, struct err *e)
{
        _cleanup_text_ struct text lines = TEXT_INIT;
        const char *dns = given(p->request->dns);
        _cleanup_free_ char *servers = text_dup(dns ? dns : "");
        char *rest = servers, *server;

        if (!dns)
                return 0;
        while ((server = strsep(&rest, ","))) {
                server += strspn(server, " \t");
                server[strcspn(server, " \t")] = '\0';
                if (!is_address(server))
                        return err_set(e, -EINVAL, "--dns: \"%s\" is not an IP address", server);
                text_printf(&lines, "nameserver %s\n", server);
        }
        plan_add_entry(p->plan, PLAN_ENTRY_FILE, "etc/resolv.conf", 0644, text_get(&lines));
        plan_add_mount(p->plan, PLAN_FILES, PLAN_SESSION, "etc/resolv.conf", "/etc/resolv.conf", 0, NULL);
        return 1;
}
