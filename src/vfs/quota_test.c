/* The quota is exact: after whatever was done, what was charged is what is there. */
#include "vfs/vfs_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vfs/atomic.h"
#include "vfs/mem.h"
#include "vfs/quota.h"

/* A ledger as the monitor keeps it. */
struct book {
    struct quota_state state;
    unsigned n_asked;
    bool is_closed; /* as an account's that was deleted */
};

static int
book_charge(void *ctx, int64_t octets, int64_t files, struct quota_state *state)
{
    struct book *b = ctx;
    struct quota_state *s = &b->state;
    b->n_asked++;
    *state = *s;
    if (b->is_closed)
        return EDQUOT;
    uint64_t used = s->used_octets + (uint64_t)octets;
    uint64_t n = s->used_files + (uint64_t)files;
    if ((octets > 0 && s->limit_octets && used > s->limit_octets) ||
        (files > 0 && s->limit_files && n > s->limit_files))
        return EDQUOT;
    assert_true((int64_t)used >= 0 && (int64_t)n >= 0);
    s->used_octets = used;
    s->used_files = n;
    *state = *s;
    return 0;
}

struct bench {
    struct book book;
    struct vfs *disk, *v;
    char dir[32];
};

static void
begin(struct bench *b, uint64_t octets, uint64_t files)
{
    *b = (struct bench){.book.state = {.limit_octets = octets, .limit_files = files}};
    struct quota_ledger ledger = {book_charge, &b->book};
    assert_int_equal(mem_vfs_new(NULL, &b->disk), 0);
    assert_int_equal(quota_vfs_new(b->disk, &ledger, &b->v), 0);
}

/* All handles are closed: the ledger says what the tree says. */
static void
expect_exact(const struct bench *b)
{
    uint64_t octets, files;
    assert_int_equal(quota_count(b->disk, &octets, &files), 0);
    assert_int_equal(b->book.state.used_octets, octets);
    assert_int_equal(b->book.state.used_files, files);
}

static void
every_way_to_grow_and_shrink_is_counted(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1000, 10);
    struct vfs *v = b.v;
    struct vfs_file *f, *g;
    struct vfs_setattr set = {.set = VFS_SET_SIZE, .size = 300};
    assert_int_equal(rig_put(v, "/f", "0123456789", VFS_CREATE), 0);
    expect_exact(&b);
    assert_int_equal(rig_put(v, "/f", "abc", 0), 0); /* in place */
    expect_exact(&b);
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), 0);
    expect_exact(&b);
    assert_int_equal(rig_put(v, "/f", "xyz", VFS_TRUNCATE), 0);
    expect_exact(&b);
    assert_int_equal(v->ops->open(v, P("/f"), VFS_WRITE | VFS_READ, 0, &f), 0);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("sparse"), 500), 0);
    assert_int_equal(v->ops->fsetattr(v, f, &set), 0);
    uint64_t copied;
    assert_int_equal(v->ops->open(v, P("/c"), VFS_WRITE | VFS_CREATE, 0644, &g), 0);
    assert_int_equal(v->ops->copy(v, f, 0, g, 50, 100, &copied), 0);
    assert_int_equal(v->ops->close(v, g), 0);
    v->ops->abandon(v, f);
    expect_exact(&b);
    assert_int_equal(rig_put(v, "/c", "end", VFS_APPEND), 0);
    expect_exact(&b);
    assert_int_equal(v->ops->symlink(v, "target", P("/l")), 0);
    assert_int_equal(v->ops->link(v, P("/f"), P("/f2")), 0);
    expect_exact(&b);
    assert_int_equal(v->ops->unlink(v, P("/f")), 0); /* the other name keeps it */
    expect_exact(&b);
    assert_int_equal(v->ops->rename_over(v, P("/f2"), P("/c")), 0);
    expect_exact(&b);
    assert_int_equal(v->ops->unlink(v, P("/c")), 0);
    assert_int_equal(v->ops->unlink(v, P("/l")), 0);
    expect_exact(&b);
    assert_int_equal(b.book.state.used_octets, 0);
    vfs_free(v);
}

static void
a_full_quota_says_so_with_numbers(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 10 * 1024, 3);
    struct vfs *v = b.v;
    struct vfs_file *f;
    char block[1024];
    memset(block, 'x', sizeof block);
    assert_int_equal(v->ops->open(v, P("/f"), VFS_WRITE | VFS_CREATE, 0644, &f), 0);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(v->ops->pwrite(v, f, bytes_of(block, sizeof block), i * 1024),
                         0);
    assert_int_equal(v->ops->pwrite(v, f, bytes_of(block, 512), 10 * 1024), EDQUOT);
    assert_string_equal(v->ops->refusal(v),
                        "quota: 10.0 of 10.0 KiB used, and 512.0 B more wanted");
    assert_int_equal(v->ops->pwrite(v, f, bytes_of(block, 512), 0), 0);
    assert_int_equal(v->ops->close(v, f), 0);
    assert_int_equal(v->ops->symlink(v, "a", P("/a")), EDQUOT);
    assert_int_equal(rig_put(v, "/b", "", VFS_CREATE), 0);
    assert_int_equal(rig_put(v, "/c", "", VFS_CREATE), 0);
    assert_int_equal(rig_put(v, "/d", "", VFS_CREATE), EDQUOT);
    assert_string_equal(v->ops->refusal(v), "quota: 3 of 3 files used");
    assert_int_equal(rig_lstat(v, "/d"), ENOENT);
    expect_exact(&b);
    struct vfs_statvfs st;
    assert_int_equal(v->ops->statvfs(v, P("/"), &st), 0);
    assert_int_equal(st.bavail, 0);
    assert_int_equal(st.favail, 0);
    vfs_free(v);
}

static void
a_refusal_without_a_limit_that_is_passed_gives_no_numbers(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 10 * 1024, 3);
    b.book.is_closed = true;
    assert_int_equal(rig_put(b.v, "/f", "x", VFS_CREATE), EDQUOT);
    assert_string_equal(b.v->ops->refusal(b.v),
                        "quota: no more is granted to this account");
    vfs_free(b.v);
}

static void
a_failed_write_is_charged_for_what_it_left(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1000, 0);
    for (size_t partial = 0; partial <= 8; partial += 4) {
        mem_vfs_set_fault(b.disk, &(struct mem_fault){MEM_OP_WRITE, 1, EIO, partial});
        assert_int_equal(rig_put(b.v, "/f", "0123456789", VFS_CREATE | VFS_TRUNCATE),
                         EIO);
        expect_exact(&b);
    }
    mem_vfs_set_fault(b.disk, &(struct mem_fault){MEM_OP_OPEN, 2, EIO, 0});
    assert_int_equal(rig_put(b.v, "/g", "x", VFS_CREATE), EIO);
    expect_exact(&b);
    vfs_free(b.v);
}

/* Otherwise: fill a file, remove its name, keep the handle, and so on. */
static void
a_file_without_a_name_counts_until_it_is_closed(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 100, 0);
    struct vfs *v = b.v;
    struct vfs_file *f, *g;
    assert_int_equal(v->ops->open(v, P("/f"), VFS_WRITE | VFS_CREATE, 0644, &f), 0);
    assert_int_equal(v->ops->open(v, P("/f"), VFS_READ, 0, &g), 0);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("0123456789"), 0), 0);
    assert_int_equal(v->ops->unlink(v, P("/f")), 0);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("0123456789"), 70), 0);
    assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("0123456789"), 100), EDQUOT);
    assert_int_equal(v->ops->close(v, f), 0);
    assert_int_equal(rig_put(v, "/g", "0123456789 0123456789 0123456789", VFS_CREATE),
                     EDQUOT);
    assert_int_equal(v->ops->close(v, g), 0);
    assert_int_equal(rig_put(v, "/g", "0123456789 0123456789 0123456789", VFS_CREATE), 0);
    expect_exact(&b);
    vfs_free(v);
}

static void
the_ledger_is_asked_once_in_megabytes(void **state)
{
    (void)state;
    enum { BLOCK = 32 << 10, N = 256 };
    static uint8_t block[BLOCK];
    struct bench b;
    begin(&b, 1 << 30, 0);
    struct vfs_file *f;
    assert_int_equal(b.v->ops->open(b.v, P("/f"), VFS_WRITE | VFS_CREATE, 0644, &f), 0);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(b.v->ops->pwrite(b.v, f, bytes_of(block, BLOCK), i * BLOCK), 0);
    assert_true(b.book.n_asked < 12);
    assert_true(b.book.state.used_octets <= BLOCK * N + QUOTA_AHEAD);
    assert_int_equal(b.v->ops->close(b.v, f), 0);
    expect_exact(&b);
    vfs_free(b.v);
}

/* ---- random operations, two sessions, one ledger ---- */

enum { N_SESSIONS = 2, N_HANDLES = 4, N_NAMES = 8, N_STEPS = 6000 };

struct session {
    struct vfs *v;
    struct vfs_file *open[N_HANDLES];
};

struct world {
    struct book book;
    struct vfs *disks[N_SESSIONS]; /* the same tree, when it is on disk */
    struct session session[N_SESSIONS];
    uint32_t seed;
};

static unsigned
dice(struct world *w, unsigned n)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return (w->seed >> 16) % n;
}

static struct vfs_path
some_name(struct world *w)
{
    static const char *const names[N_NAMES] = {"/a",   "/b",   "/c",   "/link",
                                               "/d/a", "/d/b", "/d/c", "/d/link"};
    return rig_path_of(names[dice(w, N_NAMES)]);
}

static bool
is_same(struct vfs *v, struct vfs_file *f, struct vfs_file *g)
{
    struct vfs_stat a, b;
    assert_int_equal(v->ops->fstat(v, f, &a), 0);
    assert_int_equal(v->ops->fstat(v, g, &b), 0);
    return a.dev == b.dev && a.ino == b.ino;
}

static void
step_handle(struct world *w, struct session *s, unsigned i)
{
    static const char data[3000];
    struct vfs *v = s->v;
    struct vfs_file *f = s->open[i], *other = s->open[dice(w, N_HANDLES)];
    struct vfs_setattr set = {.set = VFS_SET_SIZE, .size = dice(w, 9000)};
    uint64_t copied;
    switch (dice(w, 6)) {
    case 0:
        (void)v->ops->close(v, f);
        s->open[i] = NULL;
        return;
    case 1:
        v->ops->abandon(v, f);
        s->open[i] = NULL;
        return;
    case 2:
        (void)v->ops->fsetattr(v, f, &set);
        return;
    case 3:
        if (other && !is_same(v, f, other)) /* vfs.h: the caller sees to that */
            (void)v->ops->copy(v, other, dice(w, 4000), f, dice(w, 4000), 3000, &copied);
        return;
    default:
        (void)v->ops->pwrite(v, f, bytes_of(data, dice(w, sizeof data)), dice(w, 8000));
        return;
    }
}

static void
step_name(struct world *w, struct session *s)
{
    struct vfs *v = s->v;
    struct vfs_path a = some_name(w), b = some_name(w);
    struct vfs_setattr set = {.set = VFS_SET_SIZE | VFS_SET_TIMES, .size = dice(w, 9000)};
    switch (dice(w, 7)) {
    case 0:
        (void)v->ops->unlink(v, &a);
        return;
    case 1:
        (void)v->ops->rename(v, &a, &b);
        return;
    case 2:
        (void)v->ops->rename_over(v, &a, &b);
        return;
    case 3:
        (void)v->ops->link(v, &a, &b);
        return;
    case 4:
        (void)v->ops->symlink(v, dice(w, 2) ? "a" : "nowhere", &a);
        return;
    default:
        (void)v->ops->setattr(v, &a, &set);
        return;
    }
}

static void
step(struct world *w)
{
    static const unsigned flags[] = {VFS_READ,
                                     VFS_READ | VFS_WRITE,
                                     VFS_WRITE | VFS_CREATE,
                                     VFS_READ | VFS_WRITE | VFS_CREATE | VFS_TRUNCATE,
                                     VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE,
                                     VFS_WRITE | VFS_APPEND};
    struct session *s = &w->session[dice(w, N_SESSIONS)];
    unsigned i = dice(w, N_HANDLES);
    struct vfs_path name = some_name(w);
    if (dice(w, 3) == 0)
        step_name(w, s);
    else if (s->open[i])
        step_handle(w, s, i);
    else if (s->v->ops->open(s->v, &name, flags[dice(w, ARRAY_LEN(flags))], 0644,
                             &s->open[i]) != 0)
        s->open[i] = NULL;
}

static void
close_all(struct world *w)
{
    for (size_t k = 0; k < N_SESSIONS; k++)
        for (size_t i = 0; i < N_HANDLES; i++) {
            struct session *s = &w->session[k];
            if (s->open[i])
                s->v->ops->abandon(s->v, s->open[i]);
            s->open[i] = NULL;
        }
}

static void
run(struct world *w)
{
    uint64_t octets, files;
    assert_int_equal(w->session[0].v->ops->mkdir(w->session[0].v, P("/d"), 0755), 0);
    for (int i = 0; i < N_STEPS; i++) {
        step(w);
        if (i % 300 != 299)
            continue;
        close_all(w);
        assert_int_equal(quota_count(w->disks[0], &octets, &files), 0);
        if (w->book.state.used_octets != octets || w->book.state.used_files != files)
            fail_msg("step %d: charged %llu in %llu files, there are %llu in %llu", i,
                     (unsigned long long)w->book.state.used_octets,
                     (unsigned long long)w->book.state.used_files,
                     (unsigned long long)octets, (unsigned long long)files);
    }
}

static void
put_filters(struct world *w, size_t k, struct vfs *disk, bool is_atomic)
{
    struct quota_ledger ledger = {book_charge, &w->book};
    struct atomic_options options = {.now = NULL};
    w->disks[k] = disk;
    assert_int_equal(quota_vfs_new(disk, &ledger, &w->session[k].v), 0);
    if (is_atomic)
        assert_int_equal(atomic_vfs_new(w->session[k].v, &options, &w->session[k].v), 0);
}

static void
random_operations_in_memory_are_charged_exactly(void **state)
{
    (void)state;
    struct world w = {.seed = 1, .book.state = {.limit_octets = 30000, .limit_files = 6}};
    struct vfs *disk;
    assert_int_equal(mem_vfs_new(NULL, &disk), 0);
    put_filters(&w, 0, disk, false);
    w.session[1].v = w.session[0].v; /* two users of one filter */
    run(&w);
    vfs_free(w.session[0].v);
}

static void
run_on_disk(bool is_atomic)
{
    struct world w = {.seed = 7, .book.state = {.limit_octets = 30000, .limit_files = 6}};
    char dir[] = "/tmp/ferry-quota-XXXXXX";
    struct vfs *disk = rig_disk(dir, false);
    put_filters(&w, 0, disk, is_atomic);
    put_filters(&w, 1, rig_disk_again(dir, false), is_atomic);
    run(&w);
    vfs_free(w.session[0].v);
    vfs_free(w.session[1].v);
    rig_remove_tree(dir);
}

static void
random_operations_of_two_sessions_are_charged_exactly(void **state)
{
    (void)state;
    run_on_disk(false);
}

static void
atomic_uploads_of_two_sessions_are_charged_exactly(void **state)
{
    (void)state;
    run_on_disk(true);
}

static void
counting_goes_deep_and_counts_an_inode_once(void **state)
{
    (void)state;
    struct vfs *v;
    struct vfs_path path;
    uint64_t octets, files;
    assert_int_equal(mem_vfs_new(NULL, &v), 0);
    vfs_path_root(&path);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(vfs_path_append(&path, BYTES_LIT("d")), 0);
        assert_int_equal(v->ops->mkdir(v, &path, 0755), 0);
    }
    assert_int_equal(rig_put(v, "/d/d/f", "12345", VFS_CREATE), 0);
    char name[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "/d/%d", i);
        assert_int_equal(rig_put(v, name, "1", VFS_CREATE), 0);
        snprintf(name, sizeof name, "/d/%d-too", i);
        struct vfs_path second = rig_path_of(name);
        snprintf(name, sizeof name, "/d/%d", i);
        assert_int_equal(v->ops->link(v, P(name), &second), 0);
    }
    assert_int_equal(quota_count(v, &octets, &files), 0);
    assert_int_equal(octets, 2005);
    assert_int_equal(files, 2001);
    vfs_free(v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_grow_and_shrink_is_counted),
        cmocka_unit_test(a_full_quota_says_so_with_numbers),
        cmocka_unit_test(a_refusal_without_a_limit_that_is_passed_gives_no_numbers),
        cmocka_unit_test(a_failed_write_is_charged_for_what_it_left),
        cmocka_unit_test(a_file_without_a_name_counts_until_it_is_closed),
        cmocka_unit_test(the_ledger_is_asked_once_in_megabytes),
        cmocka_unit_test(random_operations_in_memory_are_charged_exactly),
        cmocka_unit_test(random_operations_of_two_sessions_are_charged_exactly),
        cmocka_unit_test(atomic_uploads_of_two_sessions_are_charged_exactly),
        cmocka_unit_test(counting_goes_deep_and_counts_an_inode_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
