#include "base/test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clean.h"
#include "run/plan.h"

/* Every test runs in a directory of its own, which is also the caller's: home, file and dir are in it. */
struct place {
        char path[64];
        struct config config;
        struct identity identity;
        struct text told; /* notes, one per line */
};

static void tell(enum log_level level, const char *text, void *user)
{
        struct place *place = user;

        if (level != LOG_VERBOSE)
                text_printf(&place->told, "%s\n", text);
}

static int set_up(void **state)
{
        struct place *place = text_alloc(sizeof(*place));

        snprintf(place->path, sizeof(place->path), "/tmp/plan_test.XXXXXX");
        assert_non_null(mkdtemp(place->path));
        assert_int_equal(chdir(place->path), 0);
        assert_int_equal(mkdir("home", 0755), 0);
        assert_int_equal(mkdir("dir", 0755), 0);
        close(open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        setenv("PWD", place->path, 1);
        config_init(&place->config);
        text_list_done(&place->config.bind_paths);
        place->config.config_resolv_conf = false;
        place->identity = (struct identity){
                .user = { .name = text_dup("ann"),
                          .uid = 1000,
                          .gid = 100,
                          .gecos = text_dup(""),
                          .home = text_format("%s/home", place->path),
                          .shell = text_dup("/bin/sh") },
                .known = true,
        };
        *state = place;
        return 0;
}

static int tear_down(void **state)
{
        struct place *place = *state;

        assert_int_equal(chdir("/"), 0);
        _cleanup_free_ char *command = text_format("rm -rf '%s'", place->path);
        assert_int_equal(system(command), 0);
        config_done(&place->config);
        identity_done(&place->identity);
        text_done(&place->told);
        free(place);
        return 0;
}

static struct plan_request request(struct place *place)
{
        return (struct plan_request){ .config = &place->config, .identity = &place->identity };
}

static int make(struct plan *plan, struct place *place, const struct plan_request *r, struct err *e)
{
        const struct notes notes = { .say = tell, .user = place };

        text_done(&place->told);
        return plan_make(plan, r, &notes, e);
}

/* The printed plan with "@" for the test's directory; the caller frees it. */
static char *printed(const struct plan *plan, const struct place *place)
{
        _cleanup_text_ struct text whole = TEXT_INIT;
        struct text with = TEXT_INIT;

        plan_print(plan, &whole);
        for (const char *at = text_get(&whole); *at;) {
                if (text_starts(at, place->path)) {
                        text_add_char(&with, '@');
                        at += strlen(place->path);
                } else {
                        text_add_char(&with, *at++);
                }
        }
        return text_take(&with);
}

static void must_have(const char *plan, const char *line)
{
        if (!strstr(plan, line))
                fail_msg("no \"%s\" in:\n%s", line, plan);
}

static void must_lack(const char *plan, const char *line)
{
        if (strstr(plan, line))
                fail_msg("\"%s\" in:\n%s", line, plan);
}

static void refuses(void **state)
{
        struct place *place = *state;
        static const struct {
                const char *bind, *home, *scratch, *hostname, *network, *netns, *dns, *message;
        } cases[] = {
                { .bind = "/nonexistent", .message = "mount source /nonexistent doesn't exist" },
                { .bind = "dir:relative", .message = "must be an absolute path" },
                { .bind = "dir:/", .message = "cannot be mounted on \"/\"" },
                { .home = "a:b:c", .message = "incorrect number of elements" },
                { .home = "a:", .message = "empty element" },
                { .home = "dir:relative", .message = "must be an absolute path" },
                { .home = "file:/home/x", .message = "Not a directory" },
                { .scratch = "relative", .message = "must be an absolute path" },
                { .hostname = "under_score", .message = "not a valid host name" },
                { .hostname = "a.-b", .message = "not a valid host name" },
                { .network = "bridge", .message = "requires root" },
                { .network = "none,bridge", .message = "requires root" },
                { .netns = "/proc/self/ns/net", .message = "requires root" },
                { .dns = "192.0.2.1,example", .message = "\"example\" is not an IP address" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_list_ struct text_list binds = TEXT_LIST_INIT, scratch = TEXT_LIST_INIT;
                _cleanup_plan_ struct plan plan = PLAN_INIT;
                struct plan_request r = request(place);
                struct err e = ERR_INIT;

                if (cases[i].bind)
                        text_list_add(&binds, cases[i].bind);
                if (cases[i].scratch)
                        text_list_add(&scratch, cases[i].scratch);
                r.binds = &binds;
                r.scratch = &scratch;
                r.home = cases[i].home;
                r.hostname = cases[i].hostname;
                r.network = cases[i].network;
                r.netns_path = cases[i].netns;
                r.dns = cases[i].dns;
                assert_true(make(&plan, place, &r, &e) < 0);
                must_have(e.text, cases[i].message);
        }
}

/* Binds from one image are one image of the plan; another id or mode is another. */
static void images(void **state)
{
        struct place *place = *state;
        _cleanup_text_list_ struct text_list binds = TEXT_LIST_INIT, mounts = TEXT_LIST_INIT;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        _cleanup_text_ struct text text = TEXT_INIT;
        struct plan_request r = request(place);
        struct err e = ERR_INIT;

        text_list_add(&binds, "/i.sif:/a:image-src=/x,/i.sif:/b:image-src=/y,/i.sif:/c:id=3,ro");
        text_list_add(&mounts, "src=/i.sif,dst=/d,id=3,ro");
        r.binds = &binds;
        r.bind_mounts = &mounts;
        assert_int_equal(make(&plan, place, &r, &e), 0);
        assert_int_equal(plan.n_images, 2);
        plan_print(&plan, &text);
        must_have(text_get(&text), "image 0: /i.sif\nimage 1: /i.sif partition 3 (ro)\n");
        must_have(text_get(&text), "mount user binds: image 0:/y on /b (nosuid nodev)\n");
        must_have(text_get(&text), "mount user binds: image 1:/ on /d (nosuid nodev ro)\n");
}

static void site_refuses(void **state)
{
        struct place *place = *state;
        struct plan_request r = request(place);
        struct err e = ERR_INIT;
        struct plan plan;

        place->config.allow_user_ns = false;
        assert_true(make(&plan, place, &r, &e) < 0);
        must_have(e.text, "'allow user ns = no'");
        place->config.allow_user_ns = true;
        place->config.user_bind_control = false;
        r.home = "dir";
        assert_true(make(&plan, place, &r, &e) < 0);
        must_have(e.text, "user bind control is disallowed");
}

static void ordinary_user(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        /* groups vary with who runs the test, so they are not printed */
        assert_string_equal(text, "namespaces: mount user\n"
                                  "session: tmpfs of 67108864 bytes\n"
                                  "make passwd session:/etc/passwd\n"
                                  "make group session:/etc/group\n"
                                  "mount dev: /dev on /dev (recursive)\n"
                                  "mount kernel: /proc on /proc (recursive)\n"
                                  "mount kernel: /sys on /sys (recursive)\n"
                                  "mount home: @/home on @/home (recursive nosuid nodev)\n"
                                  "mount tmp: /tmp on /tmp (recursive nosuid nodev)\n"
                                  "mount tmp: /var/tmp on /var/tmp (recursive nosuid nodev not-twice)\n"
                                  "mount files: session:/etc/passwd on /etc/passwd\n"
                                  "mount files: session:/etc/group on /etc/group\n"
                                  "mount cwd: @ on @ (recursive nosuid nodev unless-there)\n"
                                  "user: ann uid 1000 gid 100 home @/home\n"
                                  "directory: @\n"
                                  "capabilities: 0, no new privileges\n");
        assert_string_equal(text_get(&place->told), "");
}

static void root(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        r.privileged = true;
        place->identity.user.uid = 0;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        must_have(text, "namespaces: mount\nsession: tmpfs\n");
        must_have(text, "mount kernel: /proc on /proc (recursive nosuid nodev)\n");
        must_have(text, "mount kernel: new sysfs on /sys (nosuid nodev)\n");
        must_have(text, "mount home: @/home on /root (");
        must_have(text, "capabilities: ffffffffffffffff\n");
}

static void root_by_site(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        r.privileged = true;
        place->identity.user.uid = 0;
        place->config.root_caps = CONFIG_ROOT_CAPS_NO;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        assert_true(plan.capabilities == 0 && plan.no_new_privs);
}

static void contained(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        r.contain = r.pid = r.ipc = true;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        must_have(text, "namespaces: mount user pid ipc (appinit)\n");
        must_have(text, "make directory session:/dev 0755\nmake directory session:/dev/shm 0755\n"
                        "make directory session:/dev/mqueue 0755\n");
        must_have(text, "mount dev: new tmpfs on session:/dev/shm options mode=1777 (nosuid nodev)\n"
                        "mount dev: new mqueue on session:/dev/mqueue (nosuid nodev)\n");
        must_have(text, "mount dev: /dev/null on session:/dev/null\n"
                        "mount dev: /dev/zero on session:/dev/zero\n"
                        "mount dev: /dev/random on session:/dev/random\n"
                        "mount dev: /dev/urandom on session:/dev/urandom\n"
                        "mount dev: session:/dev on /dev (recursive)\n");
        must_have(text, "mount kernel: new proc on /proc (nosuid nodev)\n");
        must_have(text, "mount home: session:@/home on @/home (recursive nosuid nodev)\n");
        must_have(text, "make directory session:/tmp 1777\nmake directory session:/var/tmp 1777\n");
        must_have(text, "mount tmp: session:/tmp on /tmp (recursive nosuid nodev)\n");
        must_lack(text, "mount cwd");
        must_have(text, "directory: @/home\n");
}

static void contained_with_workdir(void **state)
{
        struct place *place = *state;
        _cleanup_text_list_ struct text_list scratch = TEXT_LIST_INIT;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        text_list_add(&scratch, "/scratch/deep");
        r.contain = true;
        r.workdir = "dir";
        r.scratch = &scratch;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        must_have(text, "make directory @/dir/home 0700\n");
        must_have(text, "mount home: @/dir/home on @/home (");
        must_have(text, "mount tmp: @/dir/tmp on /tmp (");
        must_have(text, "mount tmp: @/dir/var_tmp on /var/tmp (");
        must_have(text, "mount scratch: @/dir/scratch/scratch/deep on /scratch/deep (");
        assert_int_equal(access("dir/home", F_OK), -1); /* a plan changes nothing */
}

static void homes(void **state)
{
        struct place *place = *state;
        static const struct {
                const char *home;
                bool contain, no_home;
                const char *line, *home_inside;
        } cases[] = {
                { "dir", false, false, "mount home: @/dir on @/dir (", "home @/dir\n" },
                { "dir:/home/x", false, false, "mount home: @/dir on /home/x (", "home /home/x\n" },
                { "dir:/home/x", true, false, "mount home: @/dir on /home/x (", "home /home/x\n" },
                { "missing:/home/x", false, false, "mount home: session:/home/x on /home/x (",
                  "home /home/x\n" },
                { "dir:/home/x", false, true, NULL, "home /home/x\n" },
                { NULL, false, true, NULL, "home @/home\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_plan_ struct plan plan = PLAN_INIT;
                struct plan_request r = request(place);

                r.home = cases[i].home;
                r.contain = cases[i].contain;
                r.no_home = cases[i].no_home;
                assert_int_equal(make(&plan, place, &r, NULL), 0);
                _cleanup_free_ char *text = printed(&plan, place);
                if (cases[i].line)
                        must_have(text, cases[i].line);
                else
                        must_lack(text, "mount home");
                must_have(text, cases[i].home_inside);
        }
}

static void home_that_cannot_be(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        free(place->identity.user.home);
        place->identity.user.home = text_dup("/");
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        assert_string_equal(text_get(&place->told), "Skipping impossible home directory mount to '/'\n");
}

static void binds_in_order(void **state)
{
        struct place *place = *state;
        _cleanup_text_list_ struct text_list binds = TEXT_LIST_INIT;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        text_list_add(&binds, "file:/data/sub/file,dir:/data/sub:ro");
        text_list_add(&binds, "dir:/data/,dir:/b//x/../y,file:/data");
        r.binds = &binds;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        must_have(text, "mount user binds: @/dir on /data (recursive nosuid nodev)\n"
                        "mount user binds: @/dir on /b/y (recursive nosuid nodev)\n"
                        "mount user binds: @/dir on /data/sub (recursive nosuid nodev ro)\n"
                        "mount user binds: @/file on /data/sub/file (recursive nosuid nodev)\n"
                        "mount cwd");
        must_have(text_get(&place->told), "file:/data': destination is already in the mount point list\n");
        _cleanup_free_ char *targets = text_list_join(&plan.bind_targets, ",");
        assert_string_equal(targets, "/data/sub/file,/data/sub,/data/,/b//x/../y,/data");
}

static void binds_into_dev(void **state)
{
        struct place *place = *state;
        static const struct {
                const char *bind, *line, *told;
        } cases[] = {
                { "/dev/full", "mount dev: /dev/full on session:/dev/full\n", "" },
                { "/dev/null", NULL, "Skipping /dev/null bind mount: already mounted\n" },
                { "/dev/null:/dev/other", NULL,
                  "Skipping /dev/null bind mount: source and destination must be identical when binding to "
                  "/dev\n" },
                { "/dev/nonexistent", NULL,
                  "Skipping /dev/nonexistent bind mount: No such file or directory\n" },
                { "/dev", "mount dev: /dev on /dev (recursive)\n", "" },
                { "dir:/devices", "mount user binds: @/dir on /devices (", "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_list_ struct text_list binds = TEXT_LIST_INIT;
                _cleanup_plan_ struct plan plan = PLAN_INIT;
                struct plan_request r = request(place);

                text_list_add(&binds, cases[i].bind);
                r.binds = &binds;
                r.contain = true;
                assert_int_equal(make(&plan, place, &r, NULL), 0);
                _cleanup_free_ char *text = printed(&plan, place);
                if (cases[i].line)
                        must_have(text, cases[i].line);
                assert_string_equal(text_get(&place->told), cases[i].told);
                if (strcmp(cases[i].bind, "/dev") == 0)
                        must_lack(text, "session:/dev on");
        }
}

static void without_mounts(void **state)
{
        struct place *place = *state;
        static const struct {
                const char *word, *gone;
        } cases[] = {
                { "proc", "on /proc" },      { "sys", "on /sys" },   { "dev", "mount dev" },
                { "home", "mount home" },    { "tmp", "mount tmp" }, { "cwd", "mount cwd" },
                { "bind-paths", "on /one" }, { "/one", "on /one" },
        };

        text_list_printf(&place->config.bind_paths, "%s/dir:/one", place->path);
        text_list_printf(&place->config.bind_paths, "%s/dir:/two", place->path);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_text_list_ struct text_list words = TEXT_LIST_INIT;
                _cleanup_plan_ struct plan plan = PLAN_INIT, all = PLAN_INIT;
                struct plan_request r = request(place);

                assert_int_equal(make(&all, place, &r, NULL), 0);
                _cleanup_free_ char *before = printed(&all, place);
                text_list_add(&words, cases[i].word);
                r.no_mount = &words;
                assert_int_equal(make(&plan, place, &r, NULL), 0);
                _cleanup_free_ char *text = printed(&plan, place);
                must_have(before, cases[i].gone);
                must_lack(text, cases[i].gone);
                assert_string_equal(text_get(&place->told), "");
                if (cases[i].word[0] == '/')
                        must_have(text, "on /two");
        }
}

static void unknown_mount_words(void **state)
{
        struct place *place = *state;
        _cleanup_text_list_ struct text_list words = TEXT_LIST_INIT;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        text_list_add(&words, "hom");
        r.no_mount = &words;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        assert_string_equal(text_get(&place->told), "Ignoring unknown mount type 'hom'\n");
}

static void site_switches(void **state)
{
        struct place *place = *state;
        _cleanup_text_list_ struct text_list binds = TEXT_LIST_INIT;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        text_list_add(&binds, "dir:/data");
        r.binds = &binds;
        r.pid = r.ipc = true;
        place->config.allow_pid_ns = place->config.allow_ipc_ns = false;
        place->config.user_bind_control = false;
        place->config.mount_home = place->config.mount_tmp = place->config.mount_sys = false;
        place->config.config_passwd = false;
        place->config.mount_dev = CONFIG_DEV_MINIMAL;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        must_have(text, "namespaces: mount user\n");
        must_lack(text, "mount user binds");
        must_lack(text, "mount home");
        must_lack(text, "mount tmp");
        must_lack(text, "/sys");
        must_lack(text, "etc/passwd");
        must_lack(text, "mount cwd");
        must_have(text, "mount dev: session:/dev on /dev (recursive)\n");
        must_have(text_get(&place->told), "Skipping PID namespace creation");
        must_have(text_get(&place->told), "Skipping IPC namespace creation");
        must_have(text_get(&place->told), "/dir bind mount: user bind control disabled");
        must_have(text_get(&place->told), "Not mounting current directory: user bind control is disabled");
}

static void directories_of_the_system(void **state)
{
        struct place *place = *state;
        static const char *const dirs[] = { "/", "/etc", "/usr", "/proc/self", "/dev" };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_plan_ struct plan plan = PLAN_INIT;
                struct plan_request r = request(place);

                assert_int_equal(chdir(dirs[i]), 0);
                setenv("PWD", dirs[i], 1);
                assert_int_equal(make(&plan, place, &r, NULL), 0);
                _cleanup_free_ char *text = printed(&plan, place);
                must_lack(text, "mount cwd");
        }
}

static void working_directories(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan linked = PLAN_INIT, wrong = PLAN_INIT, asked = PLAN_INIT, gone = PLAN_INIT;
        _cleanup_free_ char *link = text_format("%s/link", place->path);
        struct plan_request r = request(place);

        /* $PWD names it as long as it is the same place */
        assert_int_equal(symlink("dir", "link"), 0);
        assert_int_equal(chdir("link"), 0);
        setenv("PWD", link, 1);
        assert_int_equal(make(&linked, place, &r, NULL), 0);
        assert_string_equal(linked.cwd, link);
        setenv("PWD", "/tmp", 1);
        assert_int_equal(make(&wrong, place, &r, NULL), 0);
        assert_string_equal(wrong.cwd + strlen(place->path), "/dir");

        r.cwd = "opt/x";
        assert_int_equal(make(&asked, place, &r, NULL), 0);
        assert_string_equal(asked.cwd, "/opt/x");
        assert_int_equal(asked.cwd_from, PLAN_CWD_ASKED);

        r.cwd = NULL;
        assert_int_equal(rmdir("../dir"), 0);
        assert_int_equal(make(&gone, place, &r, NULL), 0);
        assert_null(gone.cwd);
}

static void network_of_its_own(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT, fallback = PLAN_INIT;
        struct plan_request r = request(place);
        _cleanup_free_ char *text = NULL;

        r.network = "none";
        r.hostname = "a.b-c";
        r.dns = "192.0.2.1, 2001:db8::1";
        r.contain = true;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        text = printed(&plan, place);
        must_have(text, "namespaces: mount user uts net\n");
        must_have(text, "host name: a.b-c\n");
        must_have(text, "mount files: session:/etc/hostname on /etc/hostname\n");
        must_have(text, "mount files: session:/etc/resolv.conf on /etc/resolv.conf\n");
        must_have(text, "mount binds: session:/etc/hosts on /etc/hosts (nosuid nodev)\n");
        must_have(text_get(&place->told), "Setting --net (required by --network)\n");

        place->config.allow_uts_ns = false;
        assert_int_equal(make(&fallback, place, &r, NULL), 0);
        assert_null(fallback.hostname);
        must_have(text_get(&place->told), "UTS namespace");
}

static void layers(void **state)
{
        struct place *place = *state;
        const struct rootfs two[] = { { .path = "/a", .writable = true }, { .path = "/b" } };
        _cleanup_plan_ struct plan memory = PLAN_INIT, overlay = PLAN_INIT, image = PLAN_INIT;
        struct plan_request r = request(place);

        r.writable_tmpfs = true;
        r.writable_tmpfs_bytes = 1 << 20;
        r.underlay = true;
        assert_int_equal(make(&memory, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&memory, place);
        must_have(text, "overlay: in memory, of 1048576 bytes (written)\n");
        assert_false(memory.underlay);

        r.writable = true;
        assert_int_equal(make(&image, place, &r, NULL), 0);
        assert_true(image.image_writable);
        assert_int_equal(image.upper, PLAN_UPPER_NONE);
        must_have(text_get(&place->told), "Disabling --writable-tmpfs");

        r = request(place);
        r.overlays = two;
        r.n_overlays = 2;
        assert_int_equal(make(&overlay, place, &r, NULL), 0);
        _cleanup_free_ char *other = printed(&overlay, place);
        must_have(other, "overlay: /a (written)\noverlay: /b\n");
        assert_int_equal(overlay.upper, PLAN_UPPER_OVERLAY);
}

static void layers_refused(void **state)
{
        struct place *place = *state;
        const struct rootfs two[] = { { .path = "/a", .writable = true },
                                      { .path = "/b", .writable = true } };
        struct plan_request r = request(place);
        struct err e = ERR_INIT;
        struct plan plan;

        r.overlays = two;
        r.n_overlays = 2;
        assert_true(make(&plan, place, &r, &e) < 0);
        must_have(e.text, "/a and /b: only one overlay can be written");
        must_have(e.hint, ":ro");
        r.n_overlays = 1;
        r.writable_tmpfs = true;
        assert_true(make(&plan, place, &r, &e) < 0);
        must_have(e.text, "exclude each other");
        r.writable_tmpfs = false;
        place->config.enable_overlay = CONFIG_OVERLAY_NO;
        assert_true(make(&plan, place, &r, &e) < 0);
        must_have(e.text, "'enable overlay = no'");
}

/* Root's package managers edit these; a home below a directory that may be missing is staged. */
static void writable_leaves_out(void **state)
{
        struct place *place = *state;
        _cleanup_plan_ struct plan plan = PLAN_INIT;
        struct plan_request r = request(place);

        place->identity.user.uid = 0;
        r.writable = true;
        assert_int_equal(make(&plan, place, &r, NULL), 0);
        _cleanup_free_ char *text = printed(&plan, place);
        must_lack(text, "etc/passwd");
        must_lack(text, "etc/group");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(refuses),
                TEST(images),
                TEST(site_refuses),
                TEST(ordinary_user),
                TEST(root),
                TEST(root_by_site),
                TEST(contained),
                TEST(contained_with_workdir),
                TEST(homes),
                TEST(home_that_cannot_be),
                TEST(binds_in_order),
                TEST(binds_into_dev),
                TEST(without_mounts),
                TEST(unknown_mount_words),
                TEST(site_switches),
                TEST(directories_of_the_system),
                TEST(working_directories),
                TEST(network_of_its_own),
                TEST(layers),
                TEST(layers_refused),
                TEST(writable_leaves_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
