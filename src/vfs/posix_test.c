/*
 * The wall of the tree on disk: hostile paths and links against a canary that
 * lies outside, races, special files. Threats P1 to P5, P8, P13.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vfs/posix.h"

/*
 * top/
 *   outside/secret      the canary: must never be read, changed or joined
 *   outside/dir/
 *   share/              the root of the vfs, with links of every kind
 */
struct world {
    char top[32];
    int outside; /* descriptor of outside/ */
    int share;
    struct vfs *vfs;
};

static const char secret[] = "the canary";

static void
make_file(int dir, const char *name, const char *content)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static int
open_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type;
    return ftw->level == 0 ? 0 : remove(name);
}

/* Put the share into its first state. */
static void
fill_share(struct world *w)
{
    static const char *const links[][2] = {
        {"../outside", "rel"}, {"../outside/secret", "relsecret"},
        {"..", "up"},          {"sub/../../outside", "sly"},
        {"chain2", "chain1"},  {"rel", "chain2"},
        {"loop2", "loop1"},    {"loop1", "loop2"},
        {"sub", "good"},       {"dangling-target", "dangling"},
    };
    char path[64], target[64];
    snprintf(path, sizeof path, "%s/share", w->top);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdirat(w->share, "sub", 0755), 0);
    assert_int_equal(mkdirat(w->share, "sub/deep", 0755), 0);
    make_file(w->share, "f", "inside");
    make_file(w->share, "sub/f", "inside");
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        assert_int_equal(symlinkat(links[i][0], w->share, links[i][1]), 0);
    snprintf(target, sizeof target, "%s/outside", w->top);
    assert_int_equal(symlinkat(target, w->share, "abs"), 0);
    assert_int_equal(symlinkat(target, w->share, "sub/abs"), 0);
    assert_int_equal(symlinkat("/", w->share, "root"), 0);
    assert_int_equal(symlinkat("../../outside", w->share, "sub/rel"), 0);
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    strcpy(w->top, "/tmp/ferry-posix-XXXXXX");
    assert_non_null(mkdtemp(w->top));
    int top = open_dir(AT_FDCWD, w->top);
    assert_int_equal(mkdirat(top, "outside", 0755), 0);
    assert_int_equal(mkdirat(top, "outside/dir", 0755), 0);
    assert_int_equal(mkdirat(top, "share", 0755), 0);
    w->outside = open_dir(top, "outside");
    w->share = open_dir(top, "share");
    make_file(w->outside, "secret", secret);
    close(top);
    fill_share(w);
    struct posix_vfs_options options = {.is_confined = true};
    assert_int_equal(posix_vfs_new(dup(w->share), &options, &w->vfs), 0);
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    vfs_free(w->vfs);
    close(w->outside);
    close(w->share);
    nftw(w->top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    rmdir(w->top);
    free(w);
    return 0;
}

static struct vfs_path
path(const char *text)
{
    struct vfs_path p;
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_str(text)), 0);
    return p;
}

#define P(text) (&(struct vfs_path[]){path(text)}[0])

/* ---- the canary ---- */

struct canary {
    struct stat dir, file, sub;
    ino_t top;
};

static struct canary
canary_look(struct world *w)
{
    struct canary c;
    struct stat top;
    assert_int_equal(fstat(w->outside, &c.dir), 0);
    assert_int_equal(fstatat(w->outside, "secret", &c.file, 0), 0);
    assert_int_equal(fstatat(w->outside, "dir", &c.sub, 0), 0);
    assert_int_equal(fstatat(w->share, "..", &top, 0), 0);
    c.top = top.st_ino;
    return c;
}

static bool
same(const struct stat *a, const struct stat *b)
{
    return a->st_mode == b->st_mode && a->st_size == b->st_size &&
           a->st_nlink == b->st_nlink && a->st_uid == b->st_uid &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
canary_check(struct world *w, const struct canary *before, const char *after_what)
{
    struct canary now = canary_look(w);
    if (!same(&before->dir, &now.dir) || !same(&before->file, &now.file) ||
        !same(&before->sub, &now.sub))
        fail_msg("something outside changed: %s", after_what);
}

static void
stat_is_inside(const struct canary *c, const struct vfs_stat *st, const char *what)
{
    if (st->ino == c->dir.st_ino || st->ino == c->file.st_ino ||
        st->ino == c->sub.st_ino || st->ino == c->top)
        fail_msg("%s is outside", what);
}

/* ---- all operations on one path ---- */

static void
try_reading(struct vfs *v, const struct canary *c, const struct vfs_path *p)
{
    struct vfs_file *f;
    struct vfs_stat st;
    if (v->ops->open(v, p, VFS_READ, 0, &f) == 0) {
        char text[64] = "";
        struct iovec iov = {text, sizeof text - 1};
        size_t n;
        assert_int_equal(v->ops->preadv(v, f, &iov, 1, 0, &n), 0);
        assert_null(strstr(text, "canary"));
        assert_int_equal(v->ops->close(v, f), 0);
    }
    if (v->ops->stat(v, p, &st) == 0)
        stat_is_inside(c, &st, p->text);
    if (v->ops->lstat(v, p, &st) == 0)
        stat_is_inside(c, &st, p->text);
}

static void
try_listing(struct vfs *v, const struct canary *c, const struct vfs_path *p)
{
    struct vfs_dir *d;
    struct vfs_entry e;
    if (v->ops->opendir(v, p, &d) != 0)
        return;
    while (v->ops->readdir(v, d, &e) == 0 && e.name.n != 0)
        stat_is_inside(c, &e.stat, p->text);
    v->ops->closedir(v, d);
}

static void
try_naming(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_path real;
    char text[VFS_PATH_MAX];
    size_t n;
    (void)v->ops->readlink(v, p, text, &n);
    if (v->ops->realpath(v, p, &real) == 0)
        assert_null(strstr(real.text, "outside"));
}

/* Every change there is; most fail, some succeed inside. True: one did. */
static bool
try_changing(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_file *f;
    struct vfs_path below = *p;
    struct vfs_setattr set = {.set = VFS_SET_SIZE | VFS_SET_MODE | VFS_SET_TIMES,
                              .size = 1,
                              .mode = 0777,
                              .mtime = 1};
    unsigned done = 0;
    done += v->ops->setattr(v, p, &set) == 0;
    done += v->ops->lsetattr(v, p, &set) == 0;
    if (v->ops->open(v, p, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, 0666, &f) == 0) {
        done++;
        (void)v->ops->pwrite(v, f, BYTES_LIT("overwritten"), 0);
        (void)v->ops->close(v, f);
    }
    if (vfs_path_append(&below, BYTES_LIT("secret")) == 0) {
        done += v->ops->setattr(v, &below, &set) == 0;
        done += v->ops->link(v, &below, P("/stolen")) == 0;
        done += v->ops->rename(v, &below, P("/stolen2")) == 0;
        done += v->ops->unlink(v, &below) == 0;
    }
    if (vfs_path_append(&below, BYTES_LIT("../dir")) == 0)
        done += v->ops->rmdir(v, &below) == 0;
    if (vfs_path_append(&below, BYTES_LIT("../new")) == 0) {
        done += v->ops->mkdir(v, &below, 0777) == 0;
        done += v->ops->symlink(v, "/etc", &below) == 0;
        done += v->ops->rename_over(v, P("/f"), &below) == 0;
    }
    done += v->ops->link(v, p, P("/linked")) == 0;
    done += v->ops->rename_over(v, P("/sub/f"), p) == 0;
    done += v->ops->rename(v, p, P("/moved")) == 0;
    done += v->ops->unlink(v, p) == 0;
    done += v->ops->rmdir(v, p) == 0;
    return done != 0;
}

static void
no_hostile_path_reaches_outside(void **state)
{
    static const char *const parts[] = {
        "..",     ".",     "",     "sub",  "abs",       "rel",    "up",      "sly",
        "chain1", "loop1", "root", "good", "relsecret", "secret", "dangling"};
    enum { N = ARRAY_LEN(parts), N_PATHS = 4 * N * N };
    struct world *w = *state;
    struct canary before = canary_look(w);
    for (unsigned i = 0; i < N_PATHS; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s%s/%s/%s%s", i % 2 ? "/" : "", parts[i % N],
                 parts[i / N % N], parts[i * 7 / N % N], i % 3 ? "" : "/");
        struct vfs_path p = path(text);
        try_reading(w->vfs, &before, &p);
        try_listing(w->vfs, &before, &p);
        try_naming(w->vfs, &p);
        bool has_changed = try_changing(w->vfs, &p);
        canary_check(w, &before, text);
        if (has_changed)
            fill_share(w);
    }
}

/* ---- races (P2) ---- */

static uint64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Swap a directory with a link to outside as fast as it goes, until killed. */
static _Noreturn void
flip(int share)
{
    alarm(30); /* in case nobody is left to kill us */
    for (;;)
        renameat2(share, "flip", share, "flop", RENAME_EXCHANGE);
}

static void
a_directory_that_turns_into_a_link_leads_nowhere(void **state)
{
    struct world *w = *state;
    assert_int_equal(mkdirat(w->share, "flip", 0755), 0);
    make_file(w->share, "flip/secret", "inside");
    assert_int_equal(symlinkat("../outside", w->share, "flop"), 0);
    struct canary before = canary_look(w);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        flip(w->share);
    unsigned rounds = 0, n_inside = 0;
    for (uint64_t end = now_ms() + 1500; now_ms() < end; rounds++) {
        struct vfs_stat st;
        struct vfs_setattr set = {.set = VFS_SET_MODE | VFS_SET_SIZE, .mode = 0600};
        try_reading(w->vfs, &before, P("/flip/secret"));
        try_listing(w->vfs, &before, P("/flip"));
        try_naming(w->vfs, P("/flip/secret"));
        n_inside += w->vfs->ops->stat(w->vfs, P("/flip/secret"), &st) == 0;
        (void)w->vfs->ops->setattr(w->vfs, P("/flip/secret"), &set);
        (void)w->vfs->ops->mkdir(w->vfs, P("/flip/made"), 0755);
        (void)w->vfs->ops->rmdir(w->vfs, P("/flip/made"));
        (void)w->vfs->ops->symlink(w->vfs, "x", P("/flip/made"));
        (void)w->vfs->ops->unlink(w->vfs, P("/flip/made"));
        (void)w->vfs->ops->link(w->vfs, P("/flip/secret"), P("/flip/linked"));
        (void)w->vfs->ops->rename(w->vfs, P("/flip/secret"), P("/flip/moved"));
        (void)w->vfs->ops->rename_over(w->vfs, P("/flip/moved"), P("/flip/secret"));
        (void)w->vfs->ops->unlink(w->vfs, P("/flip/linked"));
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    canary_check(w, &before, "flipping");
    assert_true(rounds > 100);
    assert_true(n_inside > 0); /* the race was run, not lost from the start */
}

/* ---- special files (P4, P5) ---- */

static void
special_files_are_refused_at_once(void **state)
{
    struct world *w = *state;
    struct vfs *v = w->vfs;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    static const unsigned flags[] = {VFS_READ, VFS_WRITE, VFS_READ | VFS_WRITE,
                                     VFS_WRITE | VFS_CREATE | VFS_TRUNCATE};
    assert_int_equal(mkfifoat(w->share, "fifo", 0666), 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/share/socket", w->top);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&addr, sizeof addr), 0);
    uint64_t start = now_ms();
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct vfs_file *f;
        assert_int_equal(v->ops->open(v, P("/fifo"), flags[i], 0600, &f),
                         VFS_ERR_SPECIAL);
        assert_int_equal(v->ops->open(v, P("/socket"), flags[i], 0600, &f),
                         VFS_ERR_SPECIAL);
    }
    struct vfs_setattr set = {.set = VFS_SET_SIZE};
    assert_int_equal(v->ops->setattr(v, P("/fifo"), &set), VFS_ERR_SPECIAL);
    struct vfs_stat st;
    assert_int_equal(v->ops->stat(v, P("/fifo"), &st), 0);
    assert_true(now_ms() - start < 2000);
    close(s);
}

static struct vfs *
whole_system(void)
{
    struct vfs *v;
    struct posix_vfs_options options = {.may_set_id_bits = true, .may_chown = true};
    assert_int_equal(
        posix_vfs_new(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), &options, &v), 0);
    return v;
}

static void
devices_and_procfs_are_not_opened_even_unconfined(void **state)
{
    static const struct {
        const char *path;
        int error;
    } cases[] = {
        {"/dev/null", VFS_ERR_SPECIAL},    {"/dev/zero", VFS_ERR_SPECIAL},
        {"/proc/version", VFS_ERR_PSEUDO}, {"/proc/self/mem", VFS_ERR_PSEUDO},
        {"/proc/self/exe", ELOOP},         {"/proc/self/root/etc/passwd", ELOOP},
        {"/proc/self/fd/0", ELOOP},        {"/proc/self/cwd/x", ELOOP},
    };
    (void)state;
    struct vfs *v = whole_system();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vfs_file *f;
        int error = v->ops->open(v, P(cases[i].path), VFS_READ, 0, &f);
        if (error != cases[i].error)
            fail_msg("%s: %d, not %d", cases[i].path, error, cases[i].error);
    }
    vfs_free(v);
}

static void
unconfined_follows_links_anywhere(void **state)
{
    struct world *w = *state;
    struct vfs *v = whole_system();
    char name[64], target[64];
    struct vfs_path real;
    struct vfs_stat st;
    snprintf(name, sizeof name, "%s/share/chain1/secret", w->top);
    assert_int_equal(v->ops->stat(v, P(name), &st), 0);
    assert_int_equal(v->ops->realpath(v, P(name), &real), 0);
    snprintf(target, sizeof target, "%s/outside/secret", w->top);
    assert_string_equal(real.text, target);
    snprintf(name, sizeof name, "%s/share/sub/abs/dir", w->top);
    assert_int_equal(v->ops->realpath(v, P(name), &real), 0);
    snprintf(target, sizeof target, "%s/outside/dir", w->top);
    assert_string_equal(real.text, target);
    vfs_free(v);
}

/* ---- modes (P8), and what is above (P13) ---- */

static void
uploads_have_no_set_id_bits_and_keep_them_when_unchanged(void **state)
{
    struct world *w = *state;
    struct vfs *v = w->vfs;
    struct vfs_file *f;
    struct stat st;
    assert_int_equal(v->ops->open(v, P("/new"), VFS_WRITE | VFS_CREATE, 06777, &f), 0);
    assert_int_equal(v->ops->close(v, f), 0);
    assert_int_equal(fstatat(w->share, "new", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0755);
    assert_int_equal(v->ops->mkdir(v, P("/newdir"), 07777), 0);
    assert_int_equal(fstatat(w->share, "newdir", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0755);

    assert_int_equal(fchmodat(w->share, "newdir", 01777, 0), 0);
    struct vfs_setattr set = {.set = VFS_SET_MODE, .mode = 01755};
    assert_int_equal(v->ops->setattr(v, P("/newdir"), &set), 0);
    set.mode = 03755;
    assert_int_equal(v->ops->setattr(v, P("/newdir"), &set), VFS_ERR_MODE_BITS);
    assert_int_equal(fstatat(w->share, "newdir", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 01755);
}

static void
a_mode_without_read_permission_can_be_changed_back(void **state)
{
    struct world *w = *state;
    struct vfs *v = w->vfs;
    struct vfs_setattr set = {.set = VFS_SET_MODE, .mode = 0};
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), 0);
    set.mode = 0644;
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), 0);
}

static void
the_root_s_parent_is_told_as_the_root(void **state)
{
    struct world *w = *state;
    struct stat root;
    struct vfs_dir *d;
    struct vfs_entry e;
    assert_int_equal(fstat(w->share, &root), 0);
    assert_int_equal(w->vfs->ops->opendir(w->vfs, P("/"), &d), 0);
    do
        assert_int_equal(w->vfs->ops->readdir(w->vfs, d, &e), 0);
    while (!bytes_eq_str(e.name, ".."));
    assert_int_equal(e.stat.ino, root.st_ino);
    w->vfs->ops->closedir(w->vfs, d);
}

static void
a_root_must_be_a_directory(void **state)
{
    struct world *w = *state;
    struct vfs *v;
    struct posix_vfs_options options = {.is_confined = true};
    int fd = openat(w->share, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(posix_vfs_new(fd, &options, &v), ENOTDIR);
}

/* For a filter that has resolved the path and judged the result. */
static void
a_literal_tree_follows_no_link_and_still_resolves(void **state)
{
    struct world *w = *state;
    struct vfs *v;
    struct vfs_file *f;
    struct vfs_dir *d;
    struct vfs_stat st;
    struct vfs_path real, good = path("/good"), through = path("/good/f");
    struct posix_vfs_options options = {.is_confined = true, .is_literal = true};
    assert_int_equal(posix_vfs_new(dup(w->share), &options, &v), 0);
    assert_int_equal(v->ops->open(v, &through, VFS_READ, 0, &f), ELOOP);
    assert_int_equal(v->ops->opendir(v, &good, &d), ELOOP);
    assert_int_equal(v->ops->stat(v, &good, &st), ELOOP);
    assert_int_equal(v->ops->unlink(v, &through), ELOOP);
    assert_int_equal(v->ops->lstat(v, &good, &st), 0);
    assert_true(S_ISLNK(st.mode));
    assert_int_equal(v->ops->realpath(v, &through, &real), 0);
    assert_string_equal(real.text, "/sub/f");
    assert_int_equal(v->ops->open(v, &real, VFS_READ, 0, &f), 0);
    assert_int_equal(v->ops->close(v, f), 0);
    vfs_free(v);
}

static void
the_directory_of_a_name_is_forced_to_the_disk(void **state)
{
    struct world *w = *state;
    struct vfs *v = w->vfs;
    static const struct {
        const char *path;
        int error;
    } cases[] = {{"/f", 0},
                 {"/sub/f", 0},
                 {"/", 0},
                 {"/sub/missing", 0},
                 {"/no/f", ENOENT},
                 {"/f/x", ENOTDIR},
                 {"/rel/secret", VFS_ERR_ESCAPES}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vfs_path name = path(cases[i].path);
        assert_int_equal(v->ops->sync_parent(v, &name), cases[i].error);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(no_hostile_path_reaches_outside),
        T(a_directory_that_turns_into_a_link_leads_nowhere),
        T(special_files_are_refused_at_once),
        cmocka_unit_test(devices_and_procfs_are_not_opened_even_unconfined),
        T(unconfined_follows_links_anywhere),
        T(uploads_have_no_set_id_bits_and_keep_them_when_unchanged),
        T(a_mode_without_read_permission_can_be_changed_back),
        T(the_root_s_parent_is_told_as_the_root),
        T(a_root_must_be_a_directory),
        T(a_literal_tree_follows_no_link_and_still_resolves),
        T(the_directory_of_a_name_is_forced_to_the_disk),
    };
    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
