/*
 * Rules of an account. The matrix is generated from the filter's own table of
 * operations (threats P7): every operation, with every right alone missing,
 * is refused and leaves no trace; with the rights of its row alone, it works.
 */
#include "vfs/vfs_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vfs/mem.h"
#include "vfs/policy_rules.h"

static struct policy *
parse(const char *rules, const char *names, bool is_read_only)
{
    struct fault why = {0};
    struct policy *p;
    if (policy_parse(rules, names, is_read_only, &p, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    return p;
}

/* A filter with these rules over a tree that the caller goes on seeing. */
static struct vfs *
filter(struct vfs *inner, const char *rules, const char *names, bool is_read_only)
{
    struct vfs *v;
    assert_int_equal(policy_vfs_new(inner, parse(rules, names, is_read_only), &v), 0);
    return v;
}

static struct vfs *
tree(void)
{
    struct vfs *v;
    assert_int_equal(mem_vfs_new(NULL, &v), 0);
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0755), 0);
    assert_int_equal(v->ops->mkdir(v, P("/d/empty"), 0755), 0);
    assert_int_equal(rig_put(v, "/d/f", "content", VFS_CREATE), 0);
    assert_int_equal(v->ops->symlink(v, "f", P("/d/l")), 0);
    return v;
}

/* ---- the rules ---- */

static void
a_bad_line_is_named(void **state)
{
    static const struct {
        const char *rules, *names, *says;
    } cases[] = {
        {"relative all", "", "line 1"},
        {"/ all\n\n/a sing", "", "line 3: \"sing\" is no right"},
        {"/a", "", "line 1"},
        {"/a list,", "", "\"\" is no right"},
        {"/a ,list", "", "\"\" is no right"},
        {"/a read\n/a/ all", "", "line 2: that path has a rule already"},
        {"", "*.exe\na/b", "line 2"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fault why = {0};
        struct policy *p;
        if (policy_parse(cases[i].rules, cases[i].names, false, &p, &why) != ERR_PROTO)
            fail_msg("case %zu was taken", i);
        if (!strstr(why.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", why.text, cases[i].says);
    }
    char many[POLICY_RULES_MAX * 16 + 32] = "";
    size_t n = 0;
    for (int i = 0; i <= POLICY_RULES_MAX; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, "/%d all\n", i);
    struct fault why = {0};
    struct policy *p;
    assert_int_equal(policy_parse(many, "", false, &p, &why), ERR_PROTO);
}

static void
the_longest_path_decides_and_is_named(void **state)
{
    static const struct {
        const char *path;
        enum policy_right right;
        bool is_allowed;
        const char *says;
    } cases[] = {
        {"/", POLICY_LIST, true, "rule \"/ read\" allows list"},
        {"/x", POLICY_UPLOAD, false, "refused: rule \"/ read\" allows no upload"},
        {"/in", POLICY_UPLOAD, true, "rule \"/in dropbox\" allows upload"},
        {"/in/x", POLICY_DOWNLOAD, false,
         "refused: rule \"/in dropbox\" allows no download"},
        {"/inn/x", POLICY_UPLOAD, false, "refused: rule \"/ read\" allows no upload"},
        {"/in/a b/c", POLICY_DELETE, true,
         "rule \"/in/a b/ delete,rename\" allows delete"},
        {"/in/a b", POLICY_UPLOAD, false,
         "refused: rule \"/in/a b/ delete,rename\" allows no upload"},
        {"/none/x", POLICY_LIST, false, "refused: rule \"/none\\tnone\" allows no list"},
    };
    (void)state;
    char why[VFS_REFUSAL_MAX];
    struct policy *p = parse(
        "/ read\n/in dropbox\r\n  /in/a b/ delete,rename\n\n/none\tnone\n", "", false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(policy_allows(p, cases[i].right, P(cases[i].path), why),
                         cases[i].is_allowed);
        assert_string_equal(why, cases[i].says);
    }
    policy_free(p);
    p = parse("/only read", "", false);
    assert_false(policy_allows(p, POLICY_LIST, P("/other\x1b"), why));
    assert_string_equal(why, "refused: no rule covers \"/other\\x1b\"");
    policy_free(p);
    p = parse("", "", true);
    assert_false(policy_allows(p, POLICY_MKDIR, P("/"), why));
    assert_string_equal(why, "refused: read-only for this account");
    assert_true(policy_allows(p, POLICY_DOWNLOAD, P("/"), why));
    policy_free(p);
}

static void
sentences_fit_whatever_is_written(void **state)
{
    (void)state;
    char rule[3000], why[VFS_REFUSAL_MAX];
    memset(rule, '\x01', sizeof rule);
    for (size_t i = 0; i < sizeof rule - 10; i += 100)
        rule[i] = '/';
    strcpy(rule + sizeof rule - 10, "   none");
    struct policy *p = parse(rule, "", false);
    struct vfs_path path = rig_path_of("/");
    assert_int_equal(vfs_path_append(&path, bytes_of(rule, sizeof rule - 10)), 0);
    assert_false(policy_allows(p, POLICY_ATTRIBUTES, &path, why));
    assert_true(strlen(why) < VFS_REFUSAL_MAX);
    policy_free(p);
}

static void
no_rule_at_all_is_no_filter(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    struct vfs *v = filter(inner, "", "\n", false);
    assert_ptr_equal(v, inner);
    vfs_free(v);
}

/* ---- the matrix ---- */

/* One try of an operation on a tree that is new each time; its error. */
static int
try_open(struct vfs *v, unsigned flags)
{
    struct vfs_file *f;
    int error = v->ops->open(v, P("/d/f"), flags, 0644, &f);
    return error ? error : v->ops->close(v, f);
}

static int
try_path(struct vfs *v, enum policy_op op)
{
    struct vfs_setattr set = {.set = VFS_SET_TIMES, .mtime = 5};
    struct vfs_stat st;
    struct vfs_statvfs fs;
    struct vfs_path real;
    struct vfs_dir *d;
    char text[VFS_PATH_MAX];
    size_t n;
    int error;
    switch (op) {
    case POLICY_OP_OPENDIR:
        error = v->ops->opendir(v, P("/d"), &d);
        if (error == 0)
            v->ops->closedir(v, d);
        return error;
    case POLICY_OP_STAT:
        return v->ops->stat(v, P("/d"), &st);
    case POLICY_OP_LSTAT:
        return v->ops->lstat(v, P("/d"), &st);
    case POLICY_OP_SETATTR:
        return v->ops->setattr(v, P("/d/f"), &set);
    case POLICY_OP_LSETATTR:
        return v->ops->lsetattr(v, P("/d/l"), &set);
    case POLICY_OP_STATVFS:
        return v->ops->statvfs(v, P("/d"), &fs);
    case POLICY_OP_MKDIR:
        return v->ops->mkdir(v, P("/d/new"), 0755);
    case POLICY_OP_RMDIR:
        return v->ops->rmdir(v, P("/d/empty"));
    case POLICY_OP_UNLINK:
        return v->ops->unlink(v, P("/d/f"));
    case POLICY_OP_RENAME:
        return v->ops->rename(v, P("/d/f"), P("/d/new"));
    case POLICY_OP_RENAME_OVER:
        return v->ops->rename_over(v, P("/d/f"), P("/d/new"));
    case POLICY_OP_LINK:
        return v->ops->link(v, P("/d/f"), P("/d/new"));
    case POLICY_OP_SYMLINK:
        return v->ops->symlink(v, "f", P("/d/new"));
    case POLICY_OP_READLINK:
        return v->ops->readlink(v, P("/d/l"), text, &n);
    case POLICY_OP_REALPATH:
        return v->ops->realpath(v, P("/d"), &real);
    default:
        fail_msg("no try of %s", policy_rows[op].name);
        return 0;
    }
}

/* The rules "/ RIGHTS" for a set of bits. */
static void
rules_of(unsigned rights, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, "/ ");
    if (rights == 0)
        snprintf(out + n, room - n, "none");
    for (unsigned bit = 1; bit <= POLICY_ALL; bit <<= 1)
        if (rights & bit)
            n += (size_t)snprintf(out + n, room - n, "%s%s", n > 2 ? "," : "",
                                  policy_right_word((enum policy_right)bit));
}

static struct vfs *
with_rights(unsigned rights, struct vfs **inner)
{
    char rules[200];
    rules_of(rights, rules, sizeof rules);
    *inner = tree();
    return filter(*inner, rules, "", false);
}

/* Names, contents and times of the little tree, as one number. */
static uint64_t
digest(struct vfs *v)
{
    static const char *const dirs[] = {"/", "/d", "/d/empty"};
    uint64_t sum = 17;
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        struct vfs_dir *d;
        struct vfs_entry e;
        sum = sum * 31 + i;
        if (v->ops->opendir(v, P(dirs[i]), &d) != 0)
            continue;
        while (v->ops->readdir(v, d, &e) == 0 && e.name.n != 0) {
            for (size_t k = 0; k < e.name.n; k++)
                sum = sum * 31 + e.name.p[k];
            sum = sum * 31 + e.stat.size + e.stat.mode * 7 + e.stat.nlink;
            sum = sum * 31 + (uint64_t)e.stat.mtime + e.stat.ino * 3 +
                  (uint64_t)e.stat.changed_ns;
        }
        v->ops->closedir(v, d);
    }
    return sum;
}

static void
check_operand(enum policy_op op, unsigned rights, bool is_allowed)
{
    struct vfs *inner, *v = with_rights(rights, &inner);
    uint64_t before = digest(inner);
    int error = try_path(v, op);
    if (is_allowed != (error == 0))
        fail_msg("%s with rights 0x%x: error %d", policy_rows[op].name, rights, error);
    if (!is_allowed) {
        assert_int_equal(error, VFS_ERR_REFUSED);
        assert_non_null(strstr(v->ops->refusal(v), "rule \"/ "));
        assert_int_equal(digest(inner), before);
    }
    vfs_free(v);
}

static void
every_operation_on_paths_needs_the_rights_of_its_row(void **state)
{
    (void)state;
    unsigned n_tried = 0;
    for (enum policy_op op = 0; op < POLICY_OP_COUNT; op++) {
        const struct policy_row *row = &policy_rows[op];
        bool is_path =
            row->first.use != POLICY_USE_NONE && row->first.use != POLICY_USE_HANDLE;
        if (!is_path || op == POLICY_OP_OPEN)
            continue;
        unsigned needs = row->first.needs | row->second.needs;
        check_operand(op, needs ? needs : POLICY_LIST, true);
        check_operand(op, POLICY_ALL, true);
        check_operand(op, 0, false);
        for (unsigned bit = 1; bit <= POLICY_ALL; bit <<= 1)
            check_operand(op, POLICY_ALL & ~bit, (needs & bit) == 0);
        n_tried++;
    }
    assert_int_equal(n_tried, 15);
}

static void
open_needs_what_its_flags_say(void **state)
{
    static const struct {
        unsigned flags, needs;
    } cases[] = {
        {0, POLICY_DOWNLOAD},
        {VFS_READ, POLICY_DOWNLOAD},
        {VFS_WRITE, POLICY_OVERWRITE},
        {VFS_WRITE | VFS_APPEND, POLICY_OVERWRITE},
        {VFS_WRITE | VFS_TRUNCATE, POLICY_OVERWRITE},
        {VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, POLICY_OVERWRITE},
        {VFS_READ | VFS_WRITE, POLICY_OVERWRITE | POLICY_DOWNLOAD},
        {VFS_READ | VFS_CREATE, POLICY_OVERWRITE | POLICY_DOWNLOAD},
        {VFS_READ | VFS_TRUNCATE, POLICY_OVERWRITE | POLICY_DOWNLOAD},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (unsigned rights = 0; rights <= POLICY_ALL; rights++) {
            struct vfs *inner, *v = with_rights(rights, &inner);
            uint64_t before = digest(inner);
            bool is_allowed = (cases[i].needs & ~rights) == 0;
            int error = try_open(v, cases[i].flags);
            if (is_allowed != (error == 0))
                fail_msg("flags 0x%x, rights 0x%x: %d", cases[i].flags, rights, error);
            if (!is_allowed)
                assert_int_equal(digest(inner), before);
            vfs_free(v);
        }
}

/* What each operation on a handle may do, with the handle's OPEN as it was. */
static void
a_handle_keeps_the_rights_of_its_open(void **state)
{
    (void)state;
    struct vfs *inner, *v = with_rights(POLICY_DOWNLOAD | POLICY_LIST, &inner);
    struct vfs_file *f, *g;
    struct vfs_dir *d;
    struct vfs_setattr set = {.set = VFS_SET_TIMES};
    uint64_t copied, before = digest(inner);
    enum { NO = VFS_ERR_REFUSED };
    assert_int_equal(v->ops->open(v, P("/d/f"), VFS_READ, 0, &f), 0);
    assert_int_equal(v->ops->opendir(v, P("/d"), &d), 0);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("x"), 0), NO);
    assert_int_equal(v->ops->fsetattr(v, f, &set), NO);
    assert_int_equal(v->ops->fsync(v, f), NO);
    assert_int_equal(v->ops->copy(v, f, 0, f, 9, 1, &copied), NO);
    assert_int_equal(v->ops->dir_setattr(v, d, &set), NO);
    assert_int_equal(v->ops->close(v, f), 0);
    v->ops->closedir(v, d);
    assert_int_equal(digest(inner), before);
    vfs_free(v);

    v = with_rights(POLICY_UPLOAD, &inner);
    unsigned flags = VFS_WRITE | VFS_CREATE | VFS_TRUNCATE;
    struct iovec iov = {&copied, 1};
    size_t n;
    assert_int_equal(v->ops->open(v, P("/d/up"), flags, 0644, &g), 0);
    assert_int_equal(v->ops->pwrite(v, g, BYTES_LIT("x"), 0), 0);
    assert_int_equal(v->ops->fsetattr(v, g, &set), 0);
    assert_int_equal(v->ops->fsync(v, g), 0);
    assert_int_equal(v->ops->preadv(v, g, &iov, 1, 0, &n), NO);
    assert_int_equal(v->ops->copy(v, g, 0, g, 9, 1, &copied), NO);
    assert_int_equal(v->ops->close(v, g), 0);
    rig_check(inner, "/d/up", "x");
    vfs_free(v);
}

/* ---- P6 ---- */

static void
read_only_refuses_every_change(void **state)
{
    (void)state;
    for (enum policy_op op = 0; op < POLICY_OP_COUNT; op++) {
        const struct policy_row *row = &policy_rows[op];
        unsigned needs = row->first.needs | row->second.needs;
        bool is_path =
            row->first.use != POLICY_USE_NONE && row->first.use != POLICY_USE_HANDLE;
        if (!is_path || op == POLICY_OP_OPEN)
            continue;
        struct vfs *inner = tree(), *v = filter(inner, "", "", true);
        uint64_t before = digest(inner);
        bool changes = (needs & POLICY_CHANGES) != 0;
        assert_int_equal(try_path(v, op), changes ? VFS_ERR_READ_ONLY : 0);
        if (changes)
            assert_string_equal(v->ops->refusal(v),
                                "refused: read-only for this account");
        assert_int_equal(digest(inner), before);
        vfs_free(v);
    }
    struct vfs *inner = tree(), *v = filter(inner, "", "", true);
    uint64_t before = digest(inner);
    for (unsigned flags = 0; flags < 64; flags++) {
        int wants = flags & ~(unsigned)VFS_READ ? VFS_ERR_READ_ONLY : 0;
        assert_int_equal(try_open(v, flags), wants);
    }
    struct vfs_statvfs fs;
    assert_int_equal(v->ops->statvfs(v, P("/"), &fs), 0);
    assert_true(fs.is_read_only);
    assert_int_equal(digest(inner), before);
    vfs_free(v);
}

/* ---- uploads ---- */

static void
who_may_only_upload_never_overwrites(void **state)
{
    (void)state;
    struct vfs *inner, *v = with_rights(POLICY_UPLOAD | POLICY_RENAME, &inner);
    assert_int_equal(rig_put(v, "/d/new", "mine", VFS_CREATE | VFS_TRUNCATE), 0);
    assert_int_equal(rig_put(v, "/d/f", "mine", VFS_CREATE | VFS_TRUNCATE),
                     VFS_ERR_REFUSED);
    assert_string_equal(v->ops->refusal(v),
                        "refused: rule \"/ upload,rename\" allows no overwrite");
    assert_int_equal(rig_put(v, "/d/f", "mine", VFS_CREATE | VFS_EXCLUSIVE), EEXIST);
    assert_int_equal(v->ops->rename_over(v, P("/d/new"), P("/d/f")), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->rename_over(v, P("/d/new"), P("/d/new2")), 0);
    rig_check(inner, "/d/f", "content");
    vfs_free(v);
}

static void
who_may_only_overwrite_makes_no_new_file(void **state)
{
    (void)state;
    struct vfs *inner, *v = with_rights(POLICY_OVERWRITE, &inner);
    assert_int_equal(rig_put(v, "/d/f", "changed", VFS_CREATE | VFS_TRUNCATE), 0);
    assert_int_equal(rig_put(v, "/d/new", "x", VFS_CREATE), VFS_ERR_REFUSED);
    assert_string_equal(v->ops->refusal(v),
                        "refused: rule \"/ overwrite\" allows no upload");
    assert_int_equal(rig_lstat(inner, "/d/new"), ENOENT);
    vfs_free(v);
}

static void
a_drop_box_takes_and_tells_nothing(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    struct vfs *v = filter(inner, "/d dropbox", "", false);
    struct vfs_stat st;
    struct vfs_file *f;
    struct vfs_dir *d;
    struct vfs_setattr set = {.set = VFS_SET_TIMES, .mtime = 5};
    /* The walk there. */
    assert_int_equal(v->ops->stat(v, P("/"), &st), 0);
    assert_int_equal(v->ops->stat(v, P("/d"), &st), 0);
    assert_int_equal(v->ops->opendir(v, P("/d"), &d), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->opendir(v, P("/"), &d), VFS_ERR_REFUSED);
    /* What others left. */
    assert_int_equal(v->ops->stat(v, P("/d/f"), &st), VFS_ERR_REFUSED);
    assert_string_equal(v->ops->refusal(v),
                        "refused: rule \"/d dropbox\" allows no list");
    assert_int_equal(v->ops->lstat(v, P("/d/l"), &st), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->open(v, P("/d/f"), VFS_READ, 0, &f), VFS_ERR_REFUSED);
    /* A client's put: stat before, upload, stat and set times after. */
    assert_int_equal(v->ops->stat(v, P("/d/new"), &st), ENOENT);
    assert_int_equal(rig_put(v, "/d/new", "mine", VFS_CREATE | VFS_TRUNCATE), 0);
    assert_int_equal(v->ops->stat(v, P("/d/new"), &st), 0);
    assert_int_equal(st.size, 4);
    assert_int_equal(v->ops->setattr(v, P("/d/new"), &set), 0);
    assert_int_equal(v->ops->setattr(v, P("/d/f"), &set), VFS_ERR_REFUSED);
    set.set = VFS_SET_SIZE;
    assert_int_equal(v->ops->setattr(v, P("/d/new"), &set), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->open(v, P("/d/new"), VFS_READ, 0, &f), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->mkdir(v, P("/d/sub"), 0755), 0);
    assert_int_equal(rig_put(v, "/d/sub/f", "mine", VFS_CREATE), 0);
    vfs_free(v);
}

/* ---- names ---- */

static void
refused_names_are_not_made_in_any_way(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    struct vfs *v = filter(inner, "", "*.exe\n.ht*", false);
    enum { NO = VFS_ERR_REFUSED };
    assert_int_equal(rig_put(inner, "/d/old.exe", "old", VFS_CREATE), 0);
    assert_int_equal(v->ops->symlink(v, "dangling.exe", P("/d/s")), 0);
    assert_int_equal(rig_put(v, "/d/a.exe", "x", VFS_CREATE), NO);
    assert_string_equal(v->ops->refusal(v),
                        "refused: names like \"*.exe\" are not accepted");
    assert_int_equal(rig_put(v, "/d/A.EXE", "x", VFS_CREATE), NO);
    assert_int_equal(rig_put(v, "/d/a.exe", "x", VFS_CREATE | VFS_EXCLUSIVE), NO);
    assert_int_equal(rig_put(v, "/d/s", "through a link", VFS_CREATE), NO);
    assert_int_equal(v->ops->mkdir(v, P("/d/.htdocs"), 0755), NO);
    assert_int_equal(v->ops->rename(v, P("/d/f"), P("/d/f.exe")), NO);
    assert_int_equal(v->ops->rename_over(v, P("/d/f"), P("/d/f.exe")), NO);
    assert_int_equal(v->ops->link(v, P("/d/f"), P("/d/f.exe")), NO);
    assert_int_equal(v->ops->symlink(v, "f", P("/d/f.exe")), NO);
    assert_int_equal(rig_put(v, "/d/old.exe", "new", VFS_CREATE | VFS_TRUNCATE), 0);
    assert_int_equal(v->ops->rename(v, P("/d/old.exe"), P("/d/harmless")), 0);
    assert_int_equal(rig_count(inner, "/d", ""), 5);
    vfs_free(v);
}

static void
a_link_is_no_way_around_a_rule(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    assert_int_equal(inner->ops->mkdir(inner, P("/mine"), 0755), 0);
    struct vfs *v = filter(inner, "/ read\n/d none\n/mine all", "", false);
    struct vfs_stat st;
    struct vfs_path real;
    assert_int_equal(v->ops->symlink(v, "../d", P("/mine/way")), 0);
    assert_int_equal(v->ops->symlink(v, "../d/f", P("/mine/file")), 0);
    assert_int_equal(rig_put(v, "/mine/way/new", "x", VFS_CREATE), VFS_ERR_REFUSED);
    assert_int_equal(rig_put(v, "/mine/file", "x", VFS_TRUNCATE), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->unlink(v, P("/mine/way/f")), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->stat(v, P("/mine/file"), &st), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->realpath(v, P("/mine/file"), &real), VFS_ERR_REFUSED);
    /* Neither the error nor the time tells what exists. */
    assert_int_equal(v->ops->stat(v, P("/d/f"), &st), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->stat(v, P("/d/no"), &st), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->stat(v, P("/d/no/deep/er"), &st), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->unlink(v, P("/mine/file")), 0);
    rig_check(inner, "/d/f", "content");
    vfs_free(v);
}

static void
moving_gains_no_rights(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    struct vfs *v =
        filter(inner, "/ all\n/d upload,rename,list\n/w all\n/w/secret none", "", false);
    assert_int_equal(inner->ops->mkdir(inner, P("/w"), 0755), 0);
    assert_int_equal(inner->ops->mkdir(inner, P("/w/secret"), 0755), 0);
    assert_int_equal(rig_put(inner, "/w/f", "w", VFS_CREATE), 0);
    assert_int_equal(v->ops->rename(v, P("/d/f"), P("/d/g")), 0);
    assert_int_equal(v->ops->rename(v, P("/d/g"), P("/w/g")), VFS_ERR_REFUSED);
    assert_string_equal(v->ops->refusal(v),
                        "refused: rule \"/d upload,rename,list\" allows no download");
    assert_int_equal(v->ops->rename(v, P("/w/f"), P("/d/h")), 0);
    assert_int_equal(v->ops->rename(v, P("/w"), P("/x")), VFS_ERR_REFUSED);
    assert_string_equal(v->ops->refusal(v),
                        "refused: rule \"/w all\" holds this name in its place");
    assert_int_equal(v->ops->rename(v, P("/w/secret"), P("/w/open")), VFS_ERR_REFUSED);
    vfs_free(v);
}

static void
a_second_name_gains_no_rights(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    struct vfs *v = filter(inner, "/ all\n/d read\n/up upload", "", false);
    assert_int_equal(inner->ops->mkdir(inner, P("/up"), 0755), 0);
    assert_int_equal(v->ops->link(v, P("/d/f"), P("/f")), VFS_ERR_REFUSED);
    assert_string_equal(v->ops->refusal(v),
                        "refused: rule \"/d read\" allows no overwrite");
    assert_int_equal(v->ops->link(v, P("/d/f"), P("/up/f")), 0);
    vfs_free(v);
}

static void
a_refusal_is_of_the_last_operation(void **state)
{
    (void)state;
    struct vfs *inner = tree();
    struct vfs *v = filter(inner, "/ read\n/d all", "*.exe", false);
    struct vfs_file *f;
    assert_int_equal(v->ops->mkdir(v, P("/x"), 0755), VFS_ERR_REFUSED);
    assert_string_not_equal(v->ops->refusal(v), "");
    assert_int_equal(v->ops->mkdir(v, P("/d/x"), 0755), 0);
    assert_string_equal(v->ops->refusal(v), "");
    assert_int_equal(v->ops->open(v, P("/d/f"), VFS_WRITE, 0, &f), 0);
    assert_int_equal(v->ops->mkdir(v, P("/y"), 0755), VFS_ERR_REFUSED);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("x"), 0), 0);
    assert_string_equal(v->ops->refusal(v), "");
    assert_int_equal(v->ops->close(v, f), 0);
    vfs_free(v);
}

/* R9: nothing that a name or an administrator's pattern holds makes this slow. */
static void
hostile_patterns_cost_little(void **state)
{
    (void)state;
    char patterns[POLICY_PATTERNS_MAX * 60] = "", name[VFS_COMPONENT_MAX + 1];
    size_t n = 0;
    for (int i = 0; i < POLICY_PATTERNS_MAX; i++) {
        for (int k = 0; k < 28; k++)
            n += (size_t)snprintf(patterns + n, sizeof patterns - n, "*a");
        n += (size_t)snprintf(patterns + n, sizeof patterns - n, "b\n");
    }
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    struct policy *p = parse("", patterns, false);
    clock_t begin = clock();
    for (int i = 0; i < 10; i++)
        assert_null(policy_refusing_pattern(p, bytes_str(name)));
    assert_true((clock() - begin) / CLOCKS_PER_SEC < 5);
    policy_free(p);
}

/* ---- P2: on disk, while somebody swaps a directory for a link ---- */

enum { FLIPPED_TRIES = 3000 };

static pid_t
start_flipping(int root)
{
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        (void)renameat2(root, "mine/x", root, "mine/link", RENAME_EXCHANGE);
    _exit(0);
}

static void
use_flipped(struct vfs *v)
{
    struct vfs_file *f;
    struct vfs_dir *d;
    struct vfs_entry e;
    char got[8] = "";
    struct iovec iov = {got, sizeof got - 1};
    size_t n;
    if (v->ops->open(v, P("/mine/x/f"), VFS_READ, 0, &f) == 0) {
        assert_int_equal(v->ops->preadv(v, f, &iov, 1, 0, &n), 0);
        assert_string_not_equal(got, "secret");
        assert_int_equal(v->ops->close(v, f), 0);
    }
    if (v->ops->opendir(v, P("/mine/x"), &d) == 0) {
        while (v->ops->readdir(v, d, &e) == 0 && e.name.n != 0)
            assert_false(bytes_eq_str(e.name, "hidden"));
        v->ops->closedir(v, d);
    }
    (void)rig_put(v, "/mine/x/made", "x", VFS_CREATE);
    (void)v->ops->unlink(v, P("/mine/x/hidden"));
    (void)v->ops->rename(v, P("/mine/x/f"), P("/mine/taken"));
    (void)v->ops->rename(v, P("/mine/taken"), P("/mine/x/f"));
}

static void
a_swapped_link_is_no_way_around_a_rule(void **state)
{
    (void)state;
    char dir[] = "/tmp/ferry-policy-XXXXXX";
    struct vfs *plain = rig_disk(dir, false);
    assert_int_equal(plain->ops->mkdir(plain, P("/closed"), 0755), 0);
    assert_int_equal(plain->ops->mkdir(plain, P("/mine"), 0755), 0);
    assert_int_equal(plain->ops->mkdir(plain, P("/mine/x"), 0755), 0);
    assert_int_equal(plain->ops->symlink(plain, "../closed", P("/mine/link")), 0);
    assert_int_equal(rig_put(plain, "/closed/f", "secret", VFS_CREATE), 0);
    assert_int_equal(rig_put(plain, "/closed/hidden", "secret", VFS_CREATE), 0);
    assert_int_equal(rig_put(plain, "/mine/x/f", "mine", VFS_CREATE), 0);
    struct vfs *v =
        filter(rig_disk_again(dir, true), "/mine all\n/closed none", "", false);
    int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pid_t pid = start_flipping(root);
    for (int i = 0; i < FLIPPED_TRIES; i++)
        use_flipped(v);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(root);
    assert_int_equal(rig_count(plain, "/closed", ""), 2);
    rig_check(plain, "/closed/f", "secret");
    vfs_free(v);
    vfs_free(plain);
    rig_remove_tree(dir);
}

/* ---- words ---- */

static void
words_and_bits_agree(void **state)
{
    (void)state;
    unsigned rights;
    struct bytes unknown;
    for (unsigned bit = 1; bit <= POLICY_ALL; bit <<= 1) {
        const char *word = policy_right_word((enum policy_right)bit);
        assert_true(policy_rights_of(bytes_str(word), &rights, &unknown));
        assert_int_equal(rights, bit);
    }
    assert_true(policy_rights_of(BYTES_LIT("all"), &rights, &unknown));
    assert_int_equal(rights, POLICY_ALL);
    assert_true(policy_rights_of(BYTES_LIT("read,mkdir"), &rights, &unknown));
    assert_int_equal(rights, POLICY_LIST | POLICY_DOWNLOAD | POLICY_MKDIR);
    assert_false(policy_rights_of(BYTES_LIT("read,fly"), &rights, &unknown));
    assert_true(bytes_eq_str(unknown, "fly"));
    assert_false(policy_rights_of(BYTES_LIT(""), &rights, &unknown));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(the_longest_path_decides_and_is_named),
        cmocka_unit_test(sentences_fit_whatever_is_written),
        cmocka_unit_test(no_rule_at_all_is_no_filter),
        cmocka_unit_test(every_operation_on_paths_needs_the_rights_of_its_row),
        cmocka_unit_test(open_needs_what_its_flags_say),
        cmocka_unit_test(a_handle_keeps_the_rights_of_its_open),
        cmocka_unit_test(read_only_refuses_every_change),
        cmocka_unit_test(who_may_only_upload_never_overwrites),
        cmocka_unit_test(who_may_only_overwrite_makes_no_new_file),
        cmocka_unit_test(a_drop_box_takes_and_tells_nothing),
        cmocka_unit_test(refused_names_are_not_made_in_any_way),
        cmocka_unit_test(a_link_is_no_way_around_a_rule),
        cmocka_unit_test(moving_gains_no_rights),
        cmocka_unit_test(a_second_name_gains_no_rights),
        cmocka_unit_test(a_refusal_is_of_the_last_operation),
        cmocka_unit_test(hostile_patterns_cost_little),
        cmocka_unit_test(a_swapped_link_is_no_way_around_a_rule),
        cmocka_unit_test(words_and_bits_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
