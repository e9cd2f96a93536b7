/* Layers are written as text, one entry per line, become tar archives, and are merged; the tree is compared
 * as text too.  Each case names the rule of spec image-formats.md, 5.2, that it is about.
 *
 *   d NAME          directory            s NAME > TARGET   symbolic link       c NAME   character device 1:3
 *   f NAME          file                 h NAME > TARGET   hard link           b NAME   block device     p
 * NAME   fifo
 *
 * The type may be followed by a mode ("d0700 x"); otherwise it is 0755 or 0644.  In results every line has
 * its mode, files the layer and ordinal of the entry that brought their content ("f0644 a @1.0"), links their
 * target; further names of an inode are "h NAME > FIRST".
 */
#include "base/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clean.h"
#include "oci/merge.h"
#include "oci/tar_builder.h"

#define LAYERS_MAX 5

struct merge_case {
        const char *rule;
        const char *layers[LAYERS_MAX];
        const char *tree;  /* expected, without the root unless it was changed */
        const char *error; /* expected part of the message, instead of a tree */
};

/* --- text to layers ----------------------------------------------------------------------------------- */

static void put_line(struct text *out, const char *line)
{
        static const char types[][2] = { { 'd', '5' }, { 'f', '0' }, { 's', '2' }, { 'h', '1' },
                                         { 'c', '3' }, { 'b', '4' }, { 'p', '6' } };
        _cleanup_free_ char *copy = text_dup(line);
        char *space = strchr(copy, ' '), *arrow = strstr(copy, " > ");
        struct tar_item item = {
                .mode = copy[0] == 'd' ? 0755 : 0644, .mtime = 1000, .major = 1, .minor = 3
        };

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (types[i][0] == copy[0])
                        item.type = types[i][1];
        *space = '\0';
        if (copy[1])
                item.mode = (uint32_t) strtoul(copy + 1, NULL, 8);
        item.name = space + 1;
        if (arrow) {
                *arrow = '\0';
                item.link = arrow + 3;
        }
        if (item.type == '0' && !text_ends(item.name, "/"))
                item.content = "content";
        tar_put(out, &item);
}

static void put_layer(struct text *out, const char *lines)
{
        _cleanup_free_ char *copy = text_dup(lines);
        char *rest = copy;

        for (char *line; (line = strsep(&rest, "\n"));)
                if (line[0])
                        put_line(out, line);
        tar_end(out);
}

static int merge_bytes(struct tree *t, const struct text *tar_bytes, uint32_t index, struct err *e)
{
        _cleanup_layer_list_ struct layer_list list = LAYER_LIST_INIT;
        _cleanup_tar_ struct tar *tar = NULL;
        int r = tar_open(&tar, stream_of_bytes(tar_bytes->at, tar_bytes->used), "layer", 0, e);

        if (r == 0)
                r = layer_list_read(&list, tar, "layer", e);
        return r < 0 ? r : merge_layer(t, &list, index, "layer", NULL, e);
}

static int merge_text(struct tree *t, const char *const *layers, struct err *e)
{
        int r = 0;

        for (uint32_t i = 0; i < LAYERS_MAX && layers[i] && r == 0; i++) {
                _cleanup_text_ struct text bytes = TEXT_INIT;

                put_layer(&bytes, layers[i]);
                r = merge_bytes(t, &bytes, i, e);
        }
        return r;
}

/* --- tree to text ------------------------------------------------------------------------------------- */

struct printer {
        struct tree *t;
        struct text out;
        struct tree_node *linked[16];
        size_t n_linked;
};

static int print_node(struct tree_node *node, void *user)
{
        struct printer *p = user;
        const struct tree_inode *inode = node->inode;
        _cleanup_free_ char *path = tree_path(node), *first = NULL;

        for (size_t i = 0; i < p->n_linked; i++)
                if (p->linked[i]->inode == inode)
                        first = tree_path(p->linked[i]);
        if (first) {
                text_printf(&p->out, "h %s > %s\n", path, first);
                return 0;
        }
        if (inode->n_links > 1)
                p->linked[p->n_linked++] = node;
        if (S_ISLNK(inode->mode))
                text_printf(&p->out, "s %s > %s", path, inode->link);
        else
                text_printf(&p->out, "%c%04o %s", "?pc?d?b?f???????"[inode->mode >> 12],
                            inode -> mode & 07777, path);
        if (S_ISREG(inode->mode))
                text_printf(&p->out, " @%u.%llu", inode->source, (unsigned long long) inode->source_entry);
        text_add(&p->out, "\n");
        return S_ISDIR(inode->mode) ? tree_each(p->t, node, print_node, p) : 0;
}

static char *print_tree(struct tree *t)
{
        struct printer p = { .t = t, .out = TEXT_INIT };

        if ((tree_root(t)->inode->mode & 07777) != 0755)
                text_printf(&p.out, "d%04o .\n", tree_root(t)->inode->mode & 07777);
        tree_each(t, tree_root(t), print_node, &p);
        return text_take(&p.out);
}

/* --- the table ---------------------------------------------------------------------------------------- */

static const struct merge_case cases[] = {
        /* refusals */
        { .rule = "root entry that is a file with a slash: a directory",
          .layers = { "f ./" },
          .tree = "d0644 .\n" },
        { .rule = "root entry that is a link",
          .layers = { "s ./ > x" },
          .error = "type of the root directory" },
        { .rule = "root by way of ..",
          .layers = { "d a\ns a/.. > x" },
          .error = "type of the root directory" },
        { .rule = "link loop among parents", .layers = { "s a > b\ns b > a\nf a/x" }, .error = "never end" },
        { .rule = "link to itself among parents", .layers = { "s a > a", "f a/x" }, .error = "never end" },
        { .rule = "loop below a whiteout", .layers = { "s a > a", "f a/.wh.x" }, .error = "never end" },
        { .rule = "hard link to nothing",
          .layers = { "h a > b" },
          .error = "entry \"a\": hard link to \"b\", which is not there" },
        { .rule = "hard link outside",
          .layers = { "h a > ../../etc/passwd" },
          .error = "etc/passwd\", which" },
        { .rule = "hard link to itself", .layers = { "f a\nh a > a" }, .error = "\"a\", which is not there" },
        { .rule = "hard link to what it replaces", .layers = { "f d/x\nh d > d/x" }, .error = "not there" },
        { .rule = "hard link before its target", .layers = { "h a > b\nf b" }, .error = "not there" },
        { .rule = "hard link to a directory", .layers = { "d d\nh a > d" }, .error = "the directory \"d\"" },
        { .rule = "hard link to the root", .layers = { "h a > /" }, .error = "the directory \"\"" },
        { .rule = "hard link below a file", .layers = { "f d\nh a > d/x" }, .error = "not there" },
        { .rule = ".wh. alone", .layers = { "d d", "f d/.wh." }, .error = "empty name" },
        { .rule = ".wh.. is not a name", .layers = { "d d", "f d/.wh.." }, .error = "invalid whiteout" },
        { .rule = ".wh... is not a name", .layers = { "d d", "f .wh..." }, .error = "invalid whiteout" },

        /* names */
        { .rule = "leading slashes and dots",
          .layers = { "f /a\nf ./b\nf //c/.//d" },
          .tree = "f0644 a @0.0\nf0644 b @0.1\nd0775 c\nf0644 c/d @0.2\n" },
        { .rule = ".. cannot leave the root",
          .layers = { "f ../../x\nf a/../../y\nf b/../z" },
          .tree = "f0644 x @0.0\nf0644 y @0.1\nf0644 z @0.2\n" },
        { .rule = ".. is lexical",
          .layers = { "d d/e\ns l > d/e\nf l/../x" },
          .tree = "d0775 d\nd0755 d/e\ns l > d/e\nf0644 x @0.2\n" },
        { .rule = "trailing slash of a file", .layers = { "f d/" }, .tree = "d0644 d\n" },
        { .rule = "root entry", .layers = { "d0700 ./\nf a" }, .tree = "d0700 .\nf0644 a @0.1\n" },
        { .rule = "root entry of an upper layer",
          .layers = { "d0755 ./\nf a", "d0711 /" },
          .tree = "d0711 .\nf0644 a @0.1\n" },

        /* parents */
        { .rule = "parent is a link of a lower layer",
          .layers = { "d usr\nd usr/lib\ns lib > usr/lib", "f lib/x" },
          .tree = "s lib > usr/lib\nd0755 usr\nd0755 usr/lib\nf0644 usr/lib/x @1.0\n" },
        { .rule = "absolute link",
          .layers = { "d etc2\ns s > /etc2", "f s/q" },
          .tree = "d0755 etc2\nf0644 etc2/q @1.0\ns s > /etc2\n" },
        { .rule = "link to the root", .layers = { "s s > /", "f s/q" }, .tree = "f0644 q @1.0\ns s > /\n" },
        { .rule = ".. of a link stops at the root",
          .layers = { "s s > ../../../..", "f s/q" },
          .tree = "f0644 q @1.0\ns s > ../../../..\n" },
        { .rule = ".. of a link is relative to it",
          .layers = { "d a\nd a/b\ns a/b/l > ../c\nf a/b/l/x" },
          .tree = "d0755 a\nd0755 a/b\ns a/b/l > ../c\nd0775 a/c\nf0644 a/c/x @0.3\n" },
        { .rule = "dangling link: its target is made",
          .layers = { "s dangle > /newdir/sub", "f dangle/q" },
          .tree = "s dangle > /newdir/sub\nd0775 newdir\nd0775 newdir/sub\nf0644 newdir/sub/q @1.0\n" },
        { .rule = ".. behind what is not there",
          .layers = { "s l > none/../d", "f l/q" },
          .tree = "d0775 d\nf0644 d/q @1.0\ns l > none/../d\n" },
        { .rule = "links through links",
          .layers = { "d a\ns b > a\ns c > b/../b\nf c/x" },
          .tree = "d0755 a\nf0644 a/x @0.3\ns b > a\ns c > b/../b\n" },
        { .rule = "link of the same layer",
          .layers = { "d real\ns l > real\nf l/x" },
          .tree = "s l > real\nd0755 real\nf0644 real/x @0.2\n" },
        { .rule = "missing parents",
          .layers = { "f a/b/c" },
          .tree = "d0775 a\nd0775 a/b\nf0644 a/b/c @0.0\n" },
        { .rule = "missing parents corrected",
          .layers = { "f a/b\nd0700 a" },
          .tree = "d0700 a\nf0644 a/b @0.0\n" },
        { .rule = "parent is a file",
          .layers = { "f a", "f a/b/c" },
          .tree = "d0775 a\nd0775 a/b\nf0644 a/b/c @1.0\n" },
        { .rule = "parent is a fifo behind a link",
          .layers = { "p f\ns l > f", "f l/x" },
          .tree = "d0775 f\nf0644 f/x @1.0\ns l > f\n" },

        /* replacing */
        { .rule = "last component is not followed",
          .layers = { "f a\ns l > a", "f l" },
          .tree = "f0644 a @0.0\nf0644 l @1.0\n" },
        { .rule = "file over directory",
          .layers = { "d d\nf d/a\nd d/e\nf d/e/b", "f d" },
          .tree = "f0644 d @1.0\n" },
        { .rule = "directory over file",
          .layers = { "f d", "d0700 d\nf d/x" },
          .tree = "d0700 d\nf0644 d/x @1.1\n" },
        { .rule = "and back",
          .layers = { "d d\nf d/a", "f d", "d d\nf d/b" },
          .tree = "d0755 d\nf0644 d/b @2.1\n" },
        { .rule = "directory over a link to a directory",
          .layers = { "d r\nf r/a\ns l > r", "d l\nf l/x" },
          .tree = "d0755 l\nf0644 l/x @1.1\nd0755 r\nf0644 r/a @0.1\n" },
        { .rule = "directory over directory",
          .layers = { "d0700 d\nf d/a", "d0750 d\nf d/b" },
          .tree = "d0750 d\nf0644 d/a @0.1\nf0644 d/b @1.1\n" },
        { .rule = "link over directory", .layers = { "d d\nf d/a", "s d > x" }, .tree = "s d > x\n" },
        { .rule = "duplicate name: last wins",
          .layers = { "f a\nf0600 a\nf0640 a" },
          .tree = "f0640 a @0.2\n" },
        { .rule = "duplicate of another type",
          .layers = { "f a\nd a\nf a/x\ns a > y" },
          .tree = "s a > y\n" },
        { .rule = "all types",
          .layers = { "c c\nb b\np p\nf4755 s\nd1777 t" },
          .tree = "b0644 b\nc0644 c\np0644 p\nf4755 s @0.3\nd1777 t\n" },
        { .rule = "through a link to what is being replaced",
          .layers = { "d a\ns a/l > /\nf a/l/a" },
          .tree = "f0644 a @0.2\n" },

        /* hard links */
        { .rule = "hard link in one layer", .layers = { "f a\nh b > a" }, .tree = "f0644 a @0.0\nh b > a\n" },
        { .rule = "hard link to a lower layer",
          .layers = { "d d\nf d/a", "h b > /d/./a" },
          .tree = "f0644 b @0.1\nd0755 d\nh d/a > b\n" },
        { .rule = "hard link through a link",
          .layers = { "d usr\nf usr/a\ns l > usr", "h b > l/a" },
          .tree = "f0644 b @0.1\ns l > usr\nd0755 usr\nh usr/a > b\n" },
        { .rule = "hard link to a symbolic link",
          .layers = { "s l > x\nh m > l" },
          .tree = "s l > x\nh m > l\n" },
        { .rule = "target replaced later",
          .layers = { "f a\nh b > a", "f a" },
          .tree = "f0644 a @1.0\nf0644 b @0.0\n" },
        { .rule = "target removed later", .layers = { "f a\nh b > a", "f .wh.a" }, .tree = "f0644 b @0.0\n" },
        { .rule = "hard link over a directory",
          .layers = { "d d\nf d/x\nf a", "h d > a" },
          .tree = "f0644 a @0.2\nh d > a\n" },
        { .rule = "hard link over the name of the same inode",
          .layers = { "f a\nh b > a", "h b > a" },
          .tree = "f0644 a @0.0\nh b > a\n" },
        { .rule = "hard link takes no mode",
          .layers = { "f0600 a\nh0777 b > a" },
          .tree = "f0600 a @0.0\nh b > a\n" },
        { .rule = "hard link is touched",
          .layers = { "f a\nd d", "h d/b > a\nf .wh.d" },
          .tree = "f0644 a @0.0\nd0755 d\nh d/b > a\n" },
        { .rule = "missing parents of a hard link",
          .layers = { "f a\nh x/y > a" },
          .tree = "f0644 a @0.0\nd0775 x\nh x/y > a\n" },

        /* whiteouts */
        { .rule = "file", .layers = { "f a\nf b", "f .wh.a" }, .tree = "f0644 b @0.1\n" },
        { .rule = "directory", .layers = { "d d\nf d/a\nd d/e\nf d/e/f", "f .wh.d" }, .tree = "" },
        { .rule = "any type of entry",
          .layers = { "f a\nf b\nf c", "d .wh.a\ns .wh.b > x\nc .wh.c" },
          .tree = "" },
        { .rule = "missing target", .layers = { "f a", "f .wh.b\nf x/y/.wh.z" }, .tree = "f0644 a @0.0\n" },
        { .rule = "nothing is made",
          .layers = { "f a", "f new/.wh.x\nf new/.wh..wh..opq" },
          .tree = "f0644 a @0.0\n" },
        { .rule = "below a file",
          .layers = { "f a", "f a/.wh.b\nf a/.wh..wh..opq" },
          .tree = "f0644 a @0.0\n" },
        { .rule = "directory through a link",
          .layers = { "d usr\nf usr/a\nf usr/b\ns l > usr", "f l/.wh.a" },
          .tree = "s l > usr\nd0755 usr\nf0644 usr/b @0.2\n" },
        { .rule = "the name is not followed",
          .layers = { "d d\nf d/a\ns l > d", "f .wh.l" },
          .tree = "d0755 d\nf0644 d/a @0.1\n" },
        { .rule = "touched before stays",
          .layers = { "f a\nf b", "f a\nf .wh.a\nf .wh.b" },
          .tree = "f0644 a @1.0\n" },
        { .rule = "touched after is there",
          .layers = { "f0600 a", "f .wh.a\nf a" },
          .tree = "f0644 a @1.1\n" },
        { .rule = "ancestors of touched stay, others go",
          .layers = { "d d\nf d/a\nd d/e\nf d/e/b\nf d/e/c", "f d/e/b\nf .wh.d" },
          .tree = "d0755 d\nd0755 d/e\nf0644 d/e/b @1.0\n" },
        { .rule = "whiteout then re-add",
          .layers = { "d0700 d\nf d/a", "f .wh.d\nf d/z" },
          .tree = "d0775 d\nf0644 d/z @1.1\n" },
        { .rule = "touched through a link",
          .layers = { "d r\nf r/a\nf r/b\ns l > r", "f l/a\nf .wh.l\nf .wh.r" },
          .tree = "d0755 r\nf0644 r/a @1.0\n" },
        { .rule = "within the lowest layer",
          .layers = { "f a\nf .wh.a\nf .wh.b" },
          .tree = "f0644 a @0.0\n" },
        { .rule = "prefix on a directory of the path",
          .layers = { "d x", "f .wh.x/y" },
          .tree = "d0775 .wh.x\nf0644 .wh.x/y @1.0\nd0755 x\n" },
        { .rule = "three layers", .layers = { "f a", "f .wh.a", "f0600 a" }, .tree = "f0600 a @2.0\n" },
        { .rule = "other names of aufs",
          .layers = { "f a", "f .wh..wh.plnk\nf .wh..wh.aufs" },
          .tree = "f0644 a @0.0\n" },

        /* opaque directories */
        { .rule = "opaque",
          .layers = { "d0700 d\nf d/a\nd d/e\nf d/e/b", "f d/.wh..wh..opq" },
          .tree = "d0700 d\n" },
        { .rule = "opaque behind the entries",
          .layers = { "d d\nf d/a\nf d/b", "d d\nf d/b\nf d/c\nf d/.wh..wh..opq" },
          .tree = "d0755 d\nf0644 d/b @1.1\nf0644 d/c @1.2\n" },
        { .rule = "opaque keeps what is touched deep below",
          .layers = { "d d\nd d/e\nf d/e/a\nf d/e/b", "f d/e/b\nf d/.wh..wh..opq" },
          .tree = "d0755 d\nd0755 d/e\nf0644 d/e/b @1.0\n" },
        { .rule = "opaque root",
          .layers = { "f a\nd d\nf d/b", "f new\nf .wh..wh..opq" },
          .tree = "f0644 new @1.0\n" },
        { .rule = "opaque through a link",
          .layers = { "d r\nf r/a\ns l > r", "f l/.wh..wh..opq" },
          .tree = "s l > r\nd0755 r\n" },
        { .rule = "opaque does not reach upper layers",
          .layers = { "d d\nf d/a", "f d/.wh..wh..opq", "f d/c" },
          .tree = "d0755 d\nf0644 d/c @2.0\n" },
};

static void run_case(const struct merge_case *c)
{
        _cleanup_tree_ struct tree *t = tree_new();
        _cleanup_free_ char *found = NULL;
        struct err e = ERR_INIT;
        int r = merge_text(t, c->layers, &e);

        if (c->error) {
                if (r >= 0 || r != e.code || !strstr(e.text, c->error))
                        fail_msg("%s: expected an error with \"%s\", got %d \"%s\"", c->rule, c->error, r,
                                 e.text);
                return;
        }
        if (r < 0)
                fail_msg("%s: %s", c->rule, e.text);
        found = print_tree(t);
        if (strcmp(found, c->tree) != 0)
                fail_msg("%s: expected\n%s\ngot\n%s", c->rule, c->tree, found);
}

static void test_rules(void **state)
{
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                run_case(&cases[i]);
}

/* --- metadata ----------------------------------------------------------------------------------------- */

static const struct tree_inode *inode_at(struct tree *t, const char *path)
{
        struct tree_node *node = tree_resolve(t, path, false, NULL);

        assert_non_null(node);
        return node->inode;
}

static const struct tree_xattr *xattr_of(const struct tree_inode *inode, const char *name)
{
        for (const struct tree_xattr *x = inode->xattrs; x; x = x->next)
                if (strcmp(x->name, name) == 0)
                        return x;
        return NULL;
}

static void merge_items(struct tree *t, uint32_t index, const struct tar_item *items, size_t n)
{
        _cleanup_text_ struct text bytes = TEXT_INIT;
        struct err e = ERR_INIT;

        for (size_t i = 0; i < n; i++)
                tar_put(&bytes, &items[i]);
        tar_end(&bytes);
        if (merge_bytes(t, &bytes, index, &e) < 0)
                fail_msg("%s", e.text);
}

static void test_metadata_is_exact(void **state)
{
        static const struct tar_item lower[] = {
                { .type = '5',
                  .name = "d",
                  .mode = 02750,
                  .uid = 5,
                  .gid = 6,
                  .mtime = 77,
                  .pax = "SCHILY.xattr.user.old=1" },
                { .type = '0', .name = "big", .mode = 04711, .uid = 4000000000u, .gid = 3000000, .mtime = 0 },
                { .type = '3', .name = "null", .mode = 0666, .major = 4095, .minor = 1048575, .mtime = 5 },
                { .type = '2', .name = "link", .link = "d", .mode = 0600, .uid = 9, .mtime = 6 },
                { .type = '0', .name = "old", .mode = 0600, .mtime = -5 },
        };
        static const struct tar_item upper[] = {
                { .type = '0', .name = "d/new/x", .mode = 0600, .mtime = 99 },
                { .type = '5', .name = "e", .mode = 0700, .pax = "mtime=-1.5" },
        };
        _cleanup_tree_ struct tree *t = tree_new();

        (void) state;
        merge_items(t, 0, lower, ARRAY_SIZE(lower));
        merge_items(t, 1, upper, ARRAY_SIZE(upper));
        /* a directory keeps its own when children come and go */
        assert_int_equal(inode_at(t, "d")->mode, S_IFDIR | 02750);
        assert_int_equal(inode_at(t, "d")->uid, 5);
        assert_int_equal(inode_at(t, "d")->gid, 6);
        assert_int_equal(inode_at(t, "d")->mtime, 77);
        assert_non_null(xattr_of(inode_at(t, "d"), "user.old"));
        assert_int_equal(inode_at(t, "big")->uid, 4000000000u);
        assert_int_equal(inode_at(t, "big")->gid, 3000000);
        assert_int_equal(inode_at(t, "big")->mtime, 0);
        assert_int_equal(inode_at(t, "null")->rdev, makedev(4095, 1048575));
        assert_int_equal(inode_at(t, "link")->mode, S_IFLNK | 0777);
        assert_int_equal(inode_at(t, "link")->uid, 9);
        assert_int_equal(inode_at(t, "link")->mtime, 6);
        assert_int_equal(inode_at(t, "old")->mtime, -5);
        assert_int_equal(inode_at(t, "e")->mtime, -2);
        /* a parent that no entry describes */
        assert_int_equal(inode_at(t, "d/new")->mode, S_IFDIR | 0775);
        assert_int_equal(inode_at(t, "d/new")->uid, 0);
        assert_int_equal(inode_at(t, "d/new")->mtime, 99);
}

static void test_xattrs(void **state)
{
        static const struct tar_item lower[] = {
                { .type = '0',
                  .name = "f",
                  .mode = 0600,
                  .pax = "SCHILY.xattr.user.a=1\nSCHILY.xattr.user.b=2" },
                { .type = '5', .name = "d", .mode = 0700, .pax = "SCHILY.xattr.user.a=1" },
                { .type = '0',
                  .name = "s",
                  .mode = 0600,
                  .pax = "SCHILY.xattr.security.selinux=x\nSCHILY.xattr.system.nfs4_acl=y\nSCHILY.xattr.user.c=3\n"
                         "SCHILY.xattr.user.rootlesscontainers=z" },
        };
        static const struct tar_item upper[] = {
                { .type = '5', .name = "d", .mode = 0700, .pax = "SCHILY.xattr.trusted.n=2" },
        };
        _cleanup_tree_ struct tree *t = tree_new();

        (void) state;
        merge_items(t, 0, lower, ARRAY_SIZE(lower));
        assert_non_null(xattr_of(inode_at(t, "f"), "user.a"));
        assert_memory_equal(xattr_of(inode_at(t, "f"), "user.b")->value, "2", 1);
        assert_null(xattr_of(inode_at(t, "s"), "security.selinux"));
        assert_null(xattr_of(inode_at(t, "s"), "system.nfs4_acl"));
        assert_non_null(xattr_of(inode_at(t, "s"), "user.c"));
        assert_non_null(xattr_of(inode_at(t, "s"), "user.rootlesscontainers"));
        /* the old ones are cleared first */
        merge_items(t, 1, upper, ARRAY_SIZE(upper));
        assert_null(xattr_of(inode_at(t, "d"), "user.a"));
        assert_non_null(xattr_of(inode_at(t, "d"), "trusted.n"));
}

static int merge_capability(const void *value, size_t size, struct err *e)
{
        static const struct tar_item item = { .type = '0', .name = "dir/ping", .mode = 0755 };
        _cleanup_text_ struct text bytes = TEXT_INIT, pax = TEXT_INIT;
        _cleanup_tree_ struct tree *t = tree_new();

        pax_put(&pax, "SCHILY.xattr.security.capability", value, size);
        tar_put_special(&bytes, 'x', pax.at, pax.used);
        tar_put(&bytes, &item);
        return merge_bytes(t, &bytes, 0, e);
}

static void test_capabilities_are_checked(void **state)
{
        struct err e = ERR_INIT;

        (void) state;
        assert_int_equal(merge_capability("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, &e), 0);
        assert_int_equal(merge_capability("\1\0\0\3\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, &e), 0);
        assert_int_equal(merge_capability("\1\0\0\3\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, &e), -EBADMSG);
        assert_non_null(strstr(e.text, "dir/ping"));
        assert_int_equal(merge_capability("\1\0\0\2", 4, &e), -EBADMSG);
        assert_int_equal(merge_capability("", 0, &e), -EBADMSG);
}

static void test_names_are_bytes(void **state)
{
        static const char *const names[] = { "new\nline", "back\\slash", "\xff\xfe",
                                             "e\xcc\x81", "\xc3\xa9",    "\xe2\x84\xaa",
                                             "tab\t",     " ",           "\x01\x7f" };
        _cleanup_text_ struct text bytes = TEXT_INIT;
        _cleanup_tree_ struct tree *t = tree_new();
        struct err e = ERR_INIT;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *in_pax = text_format("pax-%s", names[i]);
                _cleanup_text_ struct text pax = TEXT_INIT;

                tar_put(&bytes, &(struct tar_item){ .type = '2', .name = names[i], .link = names[i] });
                pax_put(&pax, "path", in_pax, strlen(in_pax));
                pax_put(&pax, "linkpath", names[i], strlen(names[i]));
                tar_put_special(&bytes, 'x', pax.at, pax.used);
                tar_put(&bytes, &(struct tar_item){ .type = '2', .name = "short", .link = "short" });
        }
        tar_end(&bytes);
        if (merge_bytes(t, &bytes, 0, &e) < 0)
                fail_msg("%s", e.text);
        assert_int_equal(tree_count(t), 1 + 2 * ARRAY_SIZE(names));
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *in_pax = text_format("pax-%s", names[i]);

                assert_string_equal(inode_at(t, names[i])->link, names[i]);
                assert_string_equal(inode_at(t, in_pax)->link, names[i]);
        }
}

static void test_deep_paths_end(void **state)
{
        _cleanup_text_ struct text bytes = TEXT_INIT, deep = TEXT_INIT;
        _cleanup_tree_ struct tree *t = tree_new();
        struct err e = ERR_INIT;

        (void) state;
        for (unsigned i = 0; i < 1000; i++)
                text_add(&deep, "d/");
        tar_put(&bytes, &(struct tar_item){ .type = '5', .name = text_get(&deep), .mode = 0755 });
        tar_put(&bytes, &(struct tar_item){ .type = '2', .name = "l0", .link = text_get(&deep) });
        assert_int_equal(merge_bytes(t, &bytes, 0, &e), 0);
        assert_int_equal(tree_count(t), 1002);
        for (unsigned i = 0; i < 3; i++) { /* each link leads below the one before */
                _cleanup_free_ char *name = text_format("l%u", i + 1),
                                    *below = text_format("l%u/%s", i, deep.at);

                text_done(&bytes);
                tar_put(&bytes, &(struct tar_item){ .type = '5', .name = below, .mode = 0755 });
                tar_put(&bytes, &(struct tar_item){ .type = '2', .name = name, .link = below });
                if (merge_bytes(t, &bytes, i + 1, &e) < 0)
                        break;
        }
        assert_int_equal(e.code, -E2BIG);
        assert_non_null(strstr(e.text, "4095"));
}

static void test_many_links_end(void **state)
{
        _cleanup_text_ struct text bytes = TEXT_INIT;
        _cleanup_tree_ struct tree *t = tree_new();
        struct err e = ERR_INIT;

        (void) state;
        tar_put(&bytes, &(struct tar_item){ .type = '2', .name = "l0", .link = "." });
        for (unsigned i = 1; i < 40; i++) { /* 2^39 ways to go nowhere */
                _cleanup_free_ char *name = text_format("l%u", i),
                                    *link = text_format("l%u/l%u", i - 1, i - 1);

                tar_put(&bytes, &(struct tar_item){ .type = '2', .name = name, .link = link });
        }
        tar_put(&bytes, &(struct tar_item){ .type = '0', .name = "l39/x" });
        assert_true(merge_bytes(t, &bytes, 0, &e) < 0);
        assert_int_equal(e.code, -ELOOP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),           cmocka_unit_test(test_metadata_is_exact),
                cmocka_unit_test(test_xattrs),          cmocka_unit_test(test_capabilities_are_checked),
                cmocka_unit_test(test_names_are_bytes), cmocka_unit_test(test_deep_paths_end),
                cmocka_unit_test(test_many_links_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
