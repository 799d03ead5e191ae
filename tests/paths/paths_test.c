/*
 * 500 hostile paths, 20 operations each, against a shared folder on disk with a
 * tree beside it that nobody may touch (threats P1 to P5, P9): first in peace,
 * then while another process swaps a directory for a symbolic link that leads
 * out, all the time (P2).
 *
 * Checked after every path: the tree beside is the same in names, contents,
 * modes, times and link counts; nothing that was read, listed or told came from
 * there, and no answer names a place of this machine.
 */
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

#include "base/buf.h"
#include "vfs/atomic.h"
#include "vfs/policy.h"
#include "vfs/quota.h"
#include "vfs/vfs_rig.h"

enum {
    N_PATHS = 500,
    TIME_MAX_S = 20,       /* for each of the tests */
    NAME_MAX_SENT = 70000, /* octets of the longest name that is tried */
};

#define CANARY "CANARY"

/* ---- the world ---- */

/* Holds in/root/ and in/outside/: "../.." is still ours, should a wall break. */
static char base[] = "/tmp/ferry-paths-XXXXXX";

static const struct {
    const char *name, *target;
} links[] = {
    {"up", ".."},
    {"upup", "../.."},
    {"esc", "../outside"},
    {"escfile", "../outside/canary-file"},
    {"abs", "/"},
    {"etc", "/etc"},
    {"proc", "/proc/self/root"},
    {"mem", "/proc/self/mem"},
    {"loop1", "loop2"},
    {"loop2", "loop1"},
    {"chain1", "chain2"},
    {"chain2", "a/out"},
    {"a/out", "../../outside"},
    {"dangling", "nothing/here"},
    {"danglingout", "../outside/made"},
    {"inside", "a/b"},
    {"self", "."},
    {"swaplink", "../outside"},
};

/* Whatever an operation took away comes back. */
static void
make_root(int root)
{
    static const char *const dirs[] = {"a", "a/b", "a/b/c", "swap", "swap/deep"};
    static const char *const files[] = {"f", "a/f", "a/b/f", "swap/canary-file"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        (void)mkdirat(root, dirs[i], 0755);
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (symlinkat(links[i].target, root, links[i].name) != 0)
            assert_int_not_equal(errno, ENOSPC); /* it is there, mostly */
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        int fd =
            openat(root, files[i], O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd >= 0)
            close(fd);
    }
    (void)mkfifoat(root, "fifo", 0644);
}

static int
make_outside(int where)
{
    assert_int_equal(mkdirat(where, "outside", 0755), 0);
    int outside = openat(where, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(outside >= 0);
    assert_int_equal(mkdirat(outside, "canary-dir", 0755), 0);
    assert_int_equal(mkdirat(outside, "deep", 0755), 0);
    static const char *const files[] = {"canary-file", "f", "deep/f", "canary-dir/f"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        int fd = openat(outside, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, CANARY, strlen(CANARY)), strlen(CANARY));
        close(fd);
    }
    return outside;
}

/* ---- the canary ---- */

static uint64_t sum;

static void
add(uint64_t x)
{
    sum = (sum ^ x) * 0x100000001b3ULL + 1;
}

/* Of an object: everything that an operation could have changed. */
static void
add_object(int dir, const char *name)
{
    struct stat st = {0};
    char content[64] = "";
    assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    add(st.st_ino);
    add(st.st_mode);
    add(st.st_nlink);
    add(st.st_uid);
    add((uint64_t)st.st_size);
    add((uint64_t)st.st_mtim.tv_sec);
    add((uint64_t)st.st_mtim.tv_nsec);
    add((uint64_t)st.st_ctim.tv_nsec);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && S_ISREG(st.st_mode))
        assert_true(read(fd, content, sizeof content - 1) >= 0);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; content[i]; i++)
        add((uint64_t)content[i]);
}

static uint64_t
canary(int outside)
{
    static const char *const all[] = {
        ".", "canary-dir", "canary-dir/f", "deep", "deep/f", "canary-file", "f"};
    sum = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        add_object(outside, all[i]); /* the directories' times tell of new names */
    return sum;
}

/* ---- the corpus ---- */

static uint32_t seed;

static unsigned
dice(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % n;
}

/*
 * One component, of which paths are put together. Each is tried alone first, in
 * this order: what leads to the canary comes before what leads to the machine's
 * own files, so that a broken wall is seen before it does harm.
 */
static const struct bytes components[] = {
    BYTES_LIT(".."),
    BYTES_LIT(".."),
    BYTES_LIT(".."),
    BYTES_LIT("."),
    BYTES_LIT(""),
    BYTES_LIT("a"),
    BYTES_LIT("b"),
    BYTES_LIT("f"),
    BYTES_LIT("up"),
    BYTES_LIT("upup"),
    BYTES_LIT("esc"),
    BYTES_LIT("escfile"),
    BYTES_LIT("abs"),
    BYTES_LIT("etc"),
    BYTES_LIT("proc"),
    BYTES_LIT("mem"),
    BYTES_LIT("loop1"),
    BYTES_LIT("chain1"),
    BYTES_LIT("out"),
    BYTES_LIT("dangling"),
    BYTES_LIT("danglingout"),
    BYTES_LIT("inside"),
    BYTES_LIT("self"),
    BYTES_LIT("swap"),
    BYTES_LIT("swap"),
    BYTES_LIT("swaplink"),
    BYTES_LIT("deep"),
    BYTES_LIT("fifo"),
    BYTES_LIT("new"),
    BYTES_LIT("..."),
    BYTES_LIT(".. "),
    BYTES_LIT("..\\..\\x"),
    BYTES_LIT("%2e%2e"),
    BYTES_LIT("\xff\xfe"),
    BYTES_LIT("\xc0\xae."),
    BYTES_LIT("a\nb"),
    BYTES_LIT("\x1b[2J"),
    BYTES_LIT("nul\0inside"),
    BYTES_LIT("~"),
    BYTES_LIT("-rf"),
    BYTES_LIT("canary-file"),
    BYTES_LIT("canary-dir"),
    BYTES_LIT("outside"),
    BYTES_LIT("etc"),
    BYTES_LIT("passwd"),
    BYTES_LIT(".ferry-upload.f.part"),
};

static void
put_components(struct buf *path)
{
    unsigned n = 1 + dice(5);
    if (dice(2))
        buf_put_u8(path, '/');
    for (unsigned i = 0; i < n; i++) {
        buf_put(path, components[dice(ARRAY_LEN(components))]);
        if (i + 1 < n || dice(4) == 0)
            buf_put_str(path, dice(5) ? "/" : "//");
    }
}

/* The lengths around every bound, and far beyond. */
static void
put_long(struct buf *path, unsigned i)
{
    static const size_t lengths[] = {0, 254, 255, 256, 4094, 4095, 4096, 65536};
    size_t n = lengths[i % ARRAY_LEN(lengths)];
    bool is_deep = i >= ARRAY_LEN(lengths);
    for (size_t k = 0; k < n; k++)
        buf_put_u8(path, is_deep ? (k % 3 == 2 ? '/' : '.') : 'n');
}

static void
put_path(struct buf *path, unsigned i)
{
    enum { N_LONG = 16 };
    buf_reset(path);
    if (i < N_LONG)
        put_long(path, i);
    else if (i < N_LONG + ARRAY_LEN(components))
        buf_put(path, components[i - N_LONG]);
    else
        put_components(path);
    assert_int_equal(buf_err(path), ERR_NONE);
}

/* ---- the operations ---- */

static void
expect_ours(struct bytes text)
{
    if (text.n != 0 && (memmem(text.p, text.n, base, strlen(base)) ||
                        memmem(text.p, text.n, CANARY, strlen(CANARY))))
        fail_msg("an answer came from outside: \"%.*s\"", (int)text.n,
                 (const char *)text.p);
}

static void
read_some(struct vfs *v, struct vfs_file *f)
{
    char got[64];
    struct iovec iov = {got, sizeof got};
    size_t n = 0;
    if (v->ops->preadv(v, f, &iov, 1, 0, &n) == 0)
        expect_ours(bytes_of(got, n));
}

static void
try_open(struct vfs *v, const struct vfs_path *p, unsigned flags)
{
    struct vfs_file *f;
    struct vfs_setattr set = {.set = VFS_SET_MODE | VFS_SET_TIMES, .mode = 0600};
    if (v->ops->open(v, p, flags, 0644, &f) != 0)
        return;
    read_some(v, f);
    if (flags & VFS_WRITE) {
        (void)v->ops->pwrite(v, f, BYTES_LIT("ours"), 0);
        (void)v->ops->fsetattr(v, f, &set);
    }
    if (dice(2))
        (void)v->ops->close(v, f);
    else
        v->ops->abandon(v, f);
}

static void
op_read(struct vfs *v, const struct vfs_path *p)
{
    try_open(v, p, VFS_READ);
}

static void
op_create(struct vfs *v, const struct vfs_path *p)
{
    try_open(v, p, VFS_WRITE | VFS_CREATE);
}

static void
op_truncate(struct vfs *v, const struct vfs_path *p)
{
    try_open(v, p, VFS_READ | VFS_WRITE | VFS_CREATE | VFS_TRUNCATE);
}

static void
op_append(struct vfs *v, const struct vfs_path *p)
{
    try_open(v, p, VFS_WRITE | VFS_APPEND);
}

static void
op_exclusive(struct vfs *v, const struct vfs_path *p)
{
    try_open(v, p, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE);
}

static void
op_list(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_dir *d;
    struct vfs_entry e = {0};
    struct vfs_setattr set = {.set = VFS_SET_TIMES, .mtime = 1};
    if (v->ops->opendir(v, p, &d) != 0)
        return;
    (void)v->ops->dir_setattr(v, d, &set);
    while (v->ops->readdir(v, d, &e) == 0 && e.name.n != 0)
        if (bytes_eq_str(e.name, "canary-dir"))
            fail_msg("listed what lies outside, as \"%s\"", p->text);
    v->ops->closedir(v, d);
}

static void
op_stat(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_stat st;
    if (v->ops->stat(v, p, &st) == 0 && S_ISREG(st.mode))
        assert_int_not_equal(st.size, strlen(CANARY));
}

static void
op_lstat(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_stat st;
    if (v->ops->lstat(v, p, &st) == 0 && S_ISREG(st.mode))
        assert_int_not_equal(st.size, strlen(CANARY));
}

static void
op_setattr(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_setattr set = {.set = VFS_SET_MODE | VFS_SET_TIMES, .mode = 0777};
    (void)v->ops->setattr(v, p, &set);
}

static void
op_set_size(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_setattr set = {.set = VFS_SET_SIZE, .size = 3};
    (void)v->ops->setattr(v, p, &set);
}

static void
op_lsetattr(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_setattr set = {.set = VFS_SET_MODE | VFS_SET_TIMES, .mode = 0777};
    (void)v->ops->lsetattr(v, p, &set);
}

static void
op_statvfs(struct vfs *v, const struct vfs_path *p)
{
    struct vfs_statvfs st;
    (void)v->ops->statvfs(v, p, &st);
}

static void
op_mkdir(struct vfs *v, const struct vfs_path *p)
{
    (void)v->ops->mkdir(v, p, 0755);
}

static void
op_rmdir(struct vfs *v, const struct vfs_path *p)
{
    (void)v->ops->rmdir(v, p);
}

static void
op_unlink(struct vfs *v, const struct vfs_path *p)
{
    (void)v->ops->unlink(v, p);
}

static void
op_rename(struct vfs *v, const struct vfs_path *p)
{
    if (v->ops->rename(v, p, P("/a/moved")) == 0)
        (void)v->ops->rename(v, P("/a/moved"), p);
    (void)v->ops->rename(v, P("/a/f"), p);
}

static void
op_rename_over(struct vfs *v, const struct vfs_path *p)
{
    (void)v->ops->rename_over(v, P("/a/f"), p);
    if (v->ops->rename_over(v, p, P("/a/moved")) == 0)
        (void)v->ops->rename_over(v, P("/a/moved"), p);
}

static void
op_link(struct vfs *v, const struct vfs_path *p)
{
    if (v->ops->link(v, p, P("/a/second")) == 0) {
        try_open(v, P("/a/second"), VFS_READ);
        (void)v->ops->unlink(v, P("/a/second"));
    }
    (void)v->ops->link(v, P("/a/b/f"), p);
}

static void
op_symlink(struct vfs *v, const struct vfs_path *p)
{
    char text[VFS_PATH_MAX + 20];
    snprintf(text, sizeof text, "../%.*s", VFS_PATH_MAX - 10, p->text);
    if (v->ops->symlink(v, text, P("/a/made")) == 0) {
        try_open(v, P("/a/made"), VFS_READ);
        try_open(v, P("/a/made"), VFS_WRITE | VFS_CREATE);
        op_list(v, P("/a/made"));
        (void)v->ops->unlink(v, P("/a/made"));
    }
    (void)v->ops->symlink(v, "../../outside", p);
}

static void
op_tell(struct vfs *v, const struct vfs_path *p)
{
    char text[VFS_PATH_MAX];
    struct vfs_path real;
    size_t n;
    if (v->ops->readlink(v, p, text, &n) == 0)
        expect_ours(bytes_of(text, n));
    if (v->ops->realpath(v, p, &real) == 0)
        expect_ours(vfs_path_bytes(&real));
}

typedef void op_fn(struct vfs *v, const struct vfs_path *p);

/* Those that take things away come last. */
static op_fn *const ops[] = {
    op_tell,     op_stat,     op_lstat,       op_statvfs,   op_list,
    op_read,     op_append,   op_create,      op_exclusive, op_setattr,
    op_set_size, op_lsetattr, op_link,        op_symlink,   op_truncate,
    op_mkdir,    op_rename,   op_rename_over, op_rmdir,     op_unlink,
};
_Static_assert(ARRAY_LEN(ops) == 20, "twenty operations");

/* ---- the runs ---- */

static int
free_of_charge(void *ctx, int64_t octets, int64_t files, struct quota_state *state)
{
    (void)ctx, (void)octets, (void)files;
    *state = (struct quota_state){0};
    return 0;
}

/* As a session has it; without a policy, links are followed, inside. */
static struct vfs *
all_filters(bool has_policy)
{
    struct quota_ledger ledger = {.charge = free_of_charge};
    struct atomic_options options = {.now = NULL};
    struct fault why = {0};
    struct policy *policy;
    char dir[sizeof base + 8];
    snprintf(dir, sizeof dir, "%s/in/root", base);
    struct vfs *v = rig_disk_again(dir, has_policy);
    assert_int_equal(quota_vfs_new(v, &ledger, &v), 0);
    assert_int_equal(atomic_vfs_new(v, &options, &v), 0);
    if (!has_policy)
        return v;
    assert_int_equal(policy_parse("/ all", "*.refused", false, &policy, &why), ERR_NONE);
    assert_int_equal(policy_vfs_new(v, policy, &v), 0);
    return v;
}

static void
run(struct vfs *v, int root, int outside, uint64_t untouched)
{
    struct timespec begin, now;
    struct buf name;
    unsigned n_taken = 0;
    buf_init(&name, NAME_MAX_SENT);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned i = 0; i < N_PATHS; i++) {
        struct vfs_path path;
        put_path(&name, i);
        if (vfs_path_parse(&path, NULL, buf_bytes(&name)) != 0)
            continue; /* refused for its form: NUL, lengths */
        n_taken++;
        for (size_t k = 0; k < ARRAY_LEN(ops); k++)
            ops[k](v, &path);
        make_root(root);
        if (canary(outside) != untouched)
            fail_msg("\"%s\" changed what lies outside", path.text);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(now.tv_sec - begin.tv_sec <= TIME_MAX_S);
    assert_true(n_taken > N_PATHS * 3 / 4);
    buf_clear(&name);
}

/* Another process of the same account: swap is a directory, and then a way out. */
static pid_t
start_flipping(int root)
{
    pid_t parent = getpid(), pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        (void)renameat2(root, "swap", root, "swaplink", RENAME_EXCHANGE);
    _exit(0);
}

static void
run_both(bool is_flipping)
{
    strcpy(base + sizeof base - 7, "XXXXXX");
    assert_non_null(mkdtemp(base));
    char in[sizeof base + 3];
    snprintf(in, sizeof in, "%s/in", base);
    assert_int_equal(mkdir(in, 0755), 0);
    int where = open(in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(where, "root", 0755), 0);
    int outside = make_outside(where);
    int root = openat(where, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_root(root);
    uint64_t untouched = canary(outside);
    pid_t pid = is_flipping ? start_flipping(root) : 0;
    seed = 1;
    for (int has_policy = 0; has_policy < 2; has_policy++) {
        struct vfs *v = all_filters(has_policy);
        run(v, root, outside, untouched);
        vfs_free(v);
    }
    if (pid != 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(root);
    close(outside);
    close(where);
    rig_remove_tree(base);
}

static void
no_path_leads_out(void **state)
{
    (void)state;
    run_both(false);
}

static void
no_path_leads_out_while_links_come_and_go(void **state)
{
    (void)state;
    run_both(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_path_leads_out),
        cmocka_unit_test(no_path_leads_out_while_links_come_and_go),
    };
    alarm(5 * TIME_MAX_S); /* nothing hangs */
    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
