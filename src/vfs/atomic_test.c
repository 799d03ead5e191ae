/* Uploads whole or not at all: D2 to D5 and D8 of the threats, in memory and on
 * disk, with faults where a disk has them. */
#include "vfs/vfs_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vfs/atomic.h"
#include "vfs/mem.h"

struct bench {
    struct vfs *disk; /* behind the filter; borrowed by the tests */
    struct vfs *v;
    int64_t now;
    int intent_error; /* what before_rename returns */
    unsigned n_intents;
    char intent[100];
};

static int64_t
bench_now(void *ctx)
{
    return ((struct bench *)ctx)->now;
}

static int
bench_intent(void *ctx, const struct vfs_path *path, const struct vfs_stat *st)
{
    struct bench *b = ctx;
    b->n_intents++;
    snprintf(b->intent, sizeof b->intent, "%.60s %llu", path->text,
             (unsigned long long)st->size);
    return b->intent_error;
}

static int
setup_with(void **state, bool is_durable)
{
    struct bench *b = calloc(1, sizeof *b);
    b->now = 1700000000;
    struct mem_vfs_options memory = {.now = bench_now, .ctx = b};
    struct atomic_options options = {.is_durable = is_durable,
                                     .now = bench_now,
                                     .before_rename = bench_intent,
                                     .ctx = b};
    assert_int_equal(mem_vfs_new(&memory, &b->disk), 0);
    assert_int_equal(atomic_vfs_new(b->disk, &options, &b->v), 0);
    *state = b;
    return 0;
}

static int
setup(void **state)
{
    return setup_with(state, false);
}

static int
setup_durable(void **state)
{
    return setup_with(state, true);
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    vfs_free(b->v);
    free(b);
    return 0;
}

/* ---- helpers ---- */

enum { FRESH = VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, RESUME = VFS_WRITE | VFS_CREATE };

static struct vfs_file *
must_open(struct vfs *v, const char *name, unsigned flags)
{
    struct vfs_file *f;
    assert_int_equal(v->ops->open(v, P(name), flags, 0644, &f), 0);
    return f;
}

static void
write_at(struct vfs *v, struct vfs_file *f, uint64_t offset, const char *text)
{
    assert_int_equal(v->ops->pwrite(v, f, bytes_str(text), offset), 0);
}

/* An upload that is cut off after its first octets. */
static void
cut_off(struct vfs *v, const char *name, const char *text)
{
    struct vfs_file *f = must_open(v, name, FRESH);
    write_at(v, f, 0, text);
    v->ops->abandon(v, f);
}

static unsigned
hidden(struct bench *b)
{
    return rig_count(b->disk, "/", ATOMIC_PREFIX);
}

/* ---- D2 ---- */

static void
the_old_file_is_intact_until_close(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    assert_int_equal(rig_put(v, "/f", "old", VFS_CREATE), 0);
    struct vfs_file *f = must_open(v, "/f", FRESH);
    write_at(v, f, 0, "new content");
    rig_check(v, "/f", "old");
    assert_int_equal(hidden(b), 1);
    assert_int_equal(rig_count(v, "/", ""), 1);
    assert_int_equal(v->ops->close(v, f), 0);
    rig_check(v, "/f", "new content");
    assert_int_equal(hidden(b), 0);
    assert_string_equal(b->intent, "/f 11");
}

static void
a_new_name_appears_at_close(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f = must_open(b->v, "/f", FRESH);
    assert_int_equal(rig_lstat(b->disk, "/f"), ENOENT);
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/f", "");
}

static void
an_exclusive_upload_never_replaces(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    struct vfs_file *f = must_open(v, "/f", FRESH | VFS_EXCLUSIVE);
    write_at(v, f, 0, "mine");
    assert_int_equal(rig_put(b->disk, "/f", "theirs", VFS_CREATE), 0);
    assert_int_equal(v->ops->close(v, f), EEXIST);
    rig_check(v, "/f", "theirs");
    assert_int_equal(hidden(b), 0);
    assert_int_equal(v->ops->open(v, P("/f"), FRESH | VFS_EXCLUSIVE, 0644, &f), EEXIST);
    assert_int_equal(v->ops->symlink(v, "nowhere", P("/l")), 0);
    assert_int_equal(v->ops->open(v, P("/l"), FRESH | VFS_EXCLUSIVE, 0644, &f), EEXIST);
}

static void
an_upload_through_a_link_replaces_what_it_leads_to(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    struct vfs_stat st;
    assert_int_equal(v->ops->mkdir(v, P("/d"), 0755), 0);
    assert_int_equal(rig_put(v, "/d/f", "old", VFS_CREATE), 0);
    assert_int_equal(v->ops->symlink(v, "d/f", P("/l")), 0);
    assert_int_equal(rig_put(v, "/l", "new", VFS_CREATE | VFS_TRUNCATE), 0);
    rig_check(v, "/d/f", "new");
    assert_int_equal(v->ops->lstat(v, P("/l"), &st), 0);
    assert_true(S_ISLNK(st.mode));
}

static void
what_cannot_be_written_is_refused_at_open(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f;
    assert_int_equal(b->v->ops->mkdir(b->v, P("/d"), 0755), 0);
    assert_int_equal(b->v->ops->open(b->v, P("/d"), FRESH, 0644, &f), EISDIR);
    assert_int_equal(b->v->ops->open(b->v, P("/no/f"), FRESH, 0644, &f), ENOENT);
    assert_int_equal(b->v->ops->open(b->v, P("/f"), VFS_WRITE, 0644, &f), ENOENT);
    assert_int_equal(hidden(b), 0);
}

static void
a_failed_write_keeps_the_old_file_and_leaves_nothing(void **state)
{
    static const int errors[] = {ENOSPC, EDQUOT, EIO, EFBIG};
    struct bench *b = *state;
    struct vfs *v = b->v;
    assert_int_equal(rig_put(v, "/f", "old", VFS_CREATE), 0);
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct vfs_file *f = must_open(v, "/f", FRESH);
        mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_WRITE, 1, errors[i], 2});
        assert_int_equal(v->ops->pwrite(v, f, BYTES_LIT("abc"), 0), errors[i]);
        write_at(v, f, 3, "later success hides nothing");
        assert_int_equal(v->ops->close(v, f), errors[i]);
        rig_check(v, "/f", "old");
        assert_int_equal(hidden(b), 0);
    }
}

static void
a_failed_close_or_intent_keeps_the_old_file(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    assert_int_equal(rig_put(v, "/f", "old", VFS_CREATE), 0);
    struct vfs_file *f = must_open(v, "/f", FRESH);
    mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_CLOSE, 1, EIO, 0});
    assert_int_equal(v->ops->close(v, f), EIO);
    b->intent_error = ENOSPC;
    assert_int_equal(rig_put(v, "/f", "new", VFS_TRUNCATE), ENOSPC);
    rig_check(v, "/f", "old");
    assert_int_equal(hidden(b), 0);
}

static void
mode_and_times_belong_to_the_upload(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    struct vfs_setattr set = {.set = VFS_SET_MODE, .mode = 0640};
    assert_int_equal(rig_put(v, "/f", "old", VFS_CREATE), 0);
    assert_int_equal(v->ops->setattr(v, P("/f"), &set), 0);
    assert_int_equal(rig_put(v, "/f", "kept", VFS_TRUNCATE), 0);
    assert_int_equal(rig_stat(v, "/f").mode, S_IFREG | 0640);
    struct vfs_file *f = must_open(v, "/f", FRESH);
    set = (struct vfs_setattr){
        .set = VFS_SET_MODE | VFS_SET_TIMES, .mode = 0600, .mtime = 77};
    assert_int_equal(v->ops->fsetattr(v, f, &set), 0);
    assert_int_equal(rig_stat(b->disk, "/f").mode, S_IFREG | 0640);
    assert_int_equal(v->ops->close(v, f), 0);
    assert_int_equal(rig_stat(v, "/f").mode, S_IFREG | 0600);
    assert_int_equal(rig_stat(v, "/f").mtime, 77);
}

static void
changes_in_place_are_direct(void **state)
{
    static const unsigned flags[] = {VFS_WRITE, VFS_READ | VFS_WRITE,
                                     VFS_WRITE | VFS_CREATE};
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        assert_int_equal(rig_put(b->v, "/f", "abc", VFS_CREATE | VFS_TRUNCATE), 0);
        struct vfs_file *f = must_open(b->v, "/f", flags[i]);
        write_at(b->v, f, 1, "X");
        rig_check(b->disk, "/f", "aXc");
        b->v->ops->abandon(b->v, f);
        assert_int_equal(hidden(b), 0);
    }
    assert_int_equal(rig_put(b->v, "/f", "more", VFS_APPEND), 0);
    rig_check(b->disk, "/f", "aXcmore");
}

/* ---- hidden names ---- */

static void
hidden_names_are_nobodys(void **state)
{
    static const char *const names[] = {"/.ferry-upload.f.part",
                                        "/.ferry-upload.f.0123456789abcdef.new"};
    struct bench *b = *state;
    struct vfs *v = b->v;
    assert_int_equal(rig_put(v, "/g", "g", VFS_CREATE), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct vfs_stat st;
        struct vfs_file *f;
        struct vfs_dir *d;
        struct vfs_setattr set = {.set = VFS_SET_MODE};
        const struct vfs_path path = rig_path_of(names[i]);
        assert_int_equal(rig_put(b->disk, names[i], "x", VFS_CREATE), 0);
        assert_int_equal(v->ops->open(v, &path, VFS_READ, 0, &f), ENOENT);
        assert_int_equal(v->ops->open(v, &path, FRESH, 0, &f), VFS_ERR_REFUSED);
        assert_string_not_equal(v->ops->refusal(v), "");
        assert_int_equal(v->ops->stat(v, &path, &st), ENOENT);
        assert_int_equal(v->ops->lstat(v, &path, &st), ENOENT);
        assert_int_equal(v->ops->setattr(v, &path, &set), ENOENT);
        assert_int_equal(v->ops->unlink(v, &path), ENOENT);
        assert_int_equal(v->ops->rename(v, &path, P("/h")), ENOENT);
        assert_int_equal(v->ops->rename(v, P("/g"), &path), VFS_ERR_REFUSED);
        assert_int_equal(v->ops->rename_over(v, P("/g"), &path), VFS_ERR_REFUSED);
        assert_int_equal(v->ops->link(v, &path, P("/h")), ENOENT);
        assert_int_equal(v->ops->link(v, P("/g"), &path), VFS_ERR_REFUSED);
        assert_int_equal(v->ops->symlink(v, "x", &path), VFS_ERR_REFUSED);
        assert_int_equal(v->ops->symlink(v, names[i] + 1, P("/h")), VFS_ERR_REFUSED);
        assert_int_equal(v->ops->mkdir(v, &path, 0755), VFS_ERR_REFUSED);
        assert_int_equal(v->ops->opendir(v, &path, &d), ENOTDIR);
    }
    assert_int_equal(rig_count(v, "/", ""), 1);
}

static void
hidden_names_are_never_too_long(void **state)
{
    struct bench *b = *state;
    char name[VFS_COMPONENT_MAX + 2] = "/";
    memset(name + 1, 'n', VFS_COMPONENT_MAX);
    for (size_t n = 180; n <= VFS_COMPONENT_MAX; n++) {
        name[n + 1] = 0;
        cut_off(b->v, name, "half");
        assert_int_equal(rig_put(b->v, name, "whole", VFS_CREATE | VFS_TRUNCATE), 0);
        rig_check(b->v, name, "whole");
        name[n + 1] = 'n';
    }
    assert_int_equal(hidden(b), 0);
}

/* ---- resuming (D5) ---- */

static void
an_upload_cut_off_is_resumed(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    cut_off(v, "/f", "0123");
    assert_int_equal(rig_lstat(b->disk, "/f"), ENOENT);
    assert_int_equal(rig_stat(v, "/f").size, 4);
    assert_int_equal(rig_count(v, "/", ""), 0);
    struct vfs_file *f = must_open(v, "/f", RESUME);
    write_at(v, f, 4, "4567");
    assert_int_equal(v->ops->close(v, f), 0);
    rig_check(v, "/f", "01234567");
    assert_int_equal(hidden(b), 0);
}

/* Clients with several WRITEs in hand send them in any order. */
static void
pieces_ahead_of_a_gap_count_once_it_is_filled(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    struct vfs_file *f = must_open(v, "/f", VFS_WRITE | VFS_CREATE | VFS_TRUNCATE);
    write_at(v, f, 4, "4567");
    write_at(v, f, 10, "ab");
    write_at(v, f, 8, "89");
    write_at(v, f, 14, "ef"); /* behind a gap that stays */
    write_at(v, f, 0, "0123");
    v->ops->abandon(v, f);
    assert_int_equal(rig_stat(v, "/f").size, 12);
}

static void
more_pieces_than_are_remembered_are_forgotten(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    struct vfs_file *f = must_open(v, "/f", VFS_WRITE | VFS_CREATE | VFS_TRUNCATE);
    for (uint64_t i = 1; i < 300; i++)
        write_at(v, f, 2 * i, "x"); /* each behind a gap of one */
    write_at(v, f, 0, "01");
    v->ops->abandon(v, f);
    assert_int_equal(rig_stat(v, "/f").size, 3);
}

/* OpenSSH's reput opens with APPEND. */
static void
an_upload_is_resumed_by_appending(void **state)
{
    struct bench *b = *state;
    cut_off(b->v, "/f", "0123");
    struct vfs_file *f = must_open(b->v, "/f", RESUME | VFS_APPEND);
    write_at(b->v, f, 4, "45");
    b->v->ops->abandon(b->v, f);
    assert_int_equal(rig_stat(b->v, "/f").size, 6);
    f = must_open(b->v, "/f", VFS_WRITE | VFS_APPEND);
    write_at(b->v, f, 6, "67");
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/f", "01234567");
}

static void
a_cut_off_replacement_is_resumed_and_not_mixed_into_the_old_file(void **state)
{
    struct bench *b = *state;
    assert_int_equal(rig_put(b->v, "/f", "OLD-FILE", VFS_CREATE), 0);
    b->now += 5;
    cut_off(b->v, "/f", "new-");
    rig_check(b->v, "/f", "OLD-FILE");
    assert_int_equal(rig_stat(b->v, "/f").size, 4);
    struct vfs_file *f = must_open(b->v, "/f", RESUME);
    write_at(b->v, f, 4, "content");
    rig_check(b->v, "/f", "OLD-FILE");
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/f", "new-content");
}

/* By whom may upload but not overwrite. */
static void
new_only_resumes_but_never_replaces(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f;
    cut_off(b->v, "/f", "0123");
    f = must_open(b->v, "/f", RESUME | VFS_NEW);
    write_at(b->v, f, 4, "4567");
    assert_int_equal(rig_put(b->disk, "/f", "theirs", VFS_CREATE), 0);
    assert_int_equal(b->v->ops->close(b->v, f), EEXIST);
    rig_check(b->v, "/f", "theirs");
    assert_int_equal(b->v->ops->open(b->v, P("/f"), RESUME | VFS_NEW, 0644, &f), EEXIST);
    assert_int_equal(b->v->ops->unlink(b->v, P("/f")), 0);
    cut_off(b->v, "/f", "0123");
    f = must_open(b->v, "/f",
                  RESUME | VFS_EXCLUSIVE); /* the client's own: from nothing */
    write_at(b->v, f, 0, "ab");
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/f", "ab");
}

static void
what_lies_behind_a_gap_is_cut_off(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f = must_open(b->v, "/f", FRESH);
    write_at(b->v, f, 0, "0123");
    write_at(b->v, f, 8, "89");
    b->v->ops->abandon(b->v, f);
    assert_int_equal(rig_stat(b->v, "/f").size, 4);
}

static void
nothing_is_kept_of_an_upload_that_failed_or_did_not_begin(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f = must_open(b->v, "/f", FRESH);
    b->v->ops->abandon(b->v, f);
    f = must_open(b->v, "/f", FRESH);
    write_at(b->v, f, 0, "0123");
    mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_WRITE, 1, ENOSPC, 0});
    assert_int_equal(b->v->ops->pwrite(b->v, f, BYTES_LIT("x"), 4), ENOSPC);
    b->v->ops->abandon(b->v, f);
    assert_int_equal(hidden(b), 0);
}

static void
one_handle_resumes_at_a_time(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f, *g;
    cut_off(b->v, "/f", "0123");
    f = must_open(b->v, "/f", RESUME);
    assert_int_equal(b->v->ops->open(b->v, P("/f"), RESUME, 0644, &g),
                     VFS_ERR_BEING_WRITTEN);
    b->v->ops->abandon(b->v, f);
}

static void
one_session_resumes_at_a_time(void **state)
{
    (void)state;
    char dir[] = "/tmp/ferry-atomic-XXXXXX";
    struct atomic_options options = {.now = NULL};
    struct vfs *one, *two, *disk = rig_disk(dir, false);
    struct vfs_file *f, *g;
    assert_int_equal(atomic_vfs_new(rig_disk_again(dir, false), &options, &one), 0);
    assert_int_equal(atomic_vfs_new(rig_disk_again(dir, false), &options, &two), 0);
    cut_off(one, "/f", "0123");
    assert_int_equal(rig_stat(one, "/f").size, 4);
    assert_int_equal(rig_stat(two, "/f").size, 4);
    f = must_open(two, "/f", RESUME);
    /* This one would go on at 4, of a file that would begin with a gap. */
    assert_int_equal(one->ops->open(one, P("/f"), RESUME, 0644, &g),
                     VFS_ERR_BEING_WRITTEN);
    write_at(two, f, 4, "4567");
    assert_int_equal(rig_put(one, "/f", "anew", VFS_CREATE | VFS_TRUNCATE), 0);
    assert_int_equal(two->ops->close(two, f), 0);
    rig_check(disk, "/f", "01234567");
    assert_int_equal(rig_count(disk, "/", ""), 1);
    vfs_free(one);
    vfs_free(two);
    vfs_free(disk);
    rig_remove_tree(dir);
}

static void
a_fresh_upload_drops_what_was_abandoned(void **state)
{
    struct bench *b = *state;
    cut_off(b->v, "/f", "0123");
    assert_int_equal(rig_put(b->v, "/f", "ab", VFS_CREATE | VFS_TRUNCATE), 0);
    rig_check(b->v, "/f", "ab");
    assert_int_equal(hidden(b), 0);
    assert_int_equal(rig_stat(b->v, "/f").size, 2);
}

static void
removing_drops_what_was_abandoned(void **state)
{
    struct bench *b = *state;
    cut_off(b->v, "/f", "0123");
    assert_int_equal(b->v->ops->unlink(b->v, P("/f")), 0);
    assert_int_equal(rig_lstat(b->v, "/f"), ENOENT);
    assert_int_equal(b->v->ops->unlink(b->v, P("/f")), ENOENT);
    assert_int_equal(b->v->ops->mkdir(b->v, P("/d"), 0755), 0);
    cut_off(b->v, "/d/f", "0123");
    assert_int_equal(b->v->ops->rmdir(b->v, P("/d")), 0);
}

static void
a_directory_with_an_upload_under_way_is_not_removed(void **state)
{
    struct bench *b = *state;
    assert_int_equal(b->v->ops->mkdir(b->v, P("/d"), 0755), 0);
    struct vfs_file *f = must_open(b->v, "/d/f", FRESH);
    cut_off(b->v, "/d/g", "0123");
    assert_int_equal(b->v->ops->rmdir(b->v, P("/d")), ENOTEMPTY);
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/d/f", "");
}

/* sshfs asks for a file's attributes by name right behind OPEN. */
static void
an_upload_under_way_is_seen_by_its_own_session(void **state)
{
    struct bench *b = *state;
    struct vfs_setattr set = {.set = VFS_SET_TIMES, .mtime = 5};
    struct vfs_file *f = must_open(b->v, "/f", FRESH);
    write_at(b->v, f, 0, "012");
    assert_int_equal(rig_stat(b->v, "/f").size, 3);
    assert_int_equal(rig_lstat(b->v, "/f"), 0);
    assert_int_equal(b->v->ops->setattr(b->v, P("/f"), &set), 0);
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    assert_int_equal(rig_stat(b->v, "/f").mtime, 5);
}

/* ---- D8 ---- */

static void
of_two_writers_the_last_close_wins_whole(void **state)
{
    struct bench *b = *state;
    struct vfs_file *f = must_open(b->v, "/f", FRESH), *g = must_open(b->v, "/f", FRESH);
    write_at(b->v, f, 0, "ffffffff");
    write_at(b->v, g, 0, "gggg");
    write_at(b->v, f, 8, "ffff");
    assert_int_equal(b->v->ops->close(b->v, g), 0);
    rig_check(b->v, "/f", "gggg");
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/f", "ffffffffffff");
    assert_int_equal(hidden(b), 0);
}

/* ---- reaping ---- */

static void
stale_ones_are_reaped_where_somebody_looks(void **state)
{
    enum { WEEK = 7 * 24 * 3600 };
    struct bench *b = *state;
    char name[40];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "/.ferry-upload.%d.0.new", i);
        assert_int_equal(rig_put(b->disk, name, "left by a crash", VFS_CREATE), 0);
    }
    b->now += WEEK;
    assert_int_equal(rig_count(b->v, "/", ""), 0);
    assert_int_equal(hidden(b), 20);
    b->now++;
    assert_int_equal(rig_count(b->v, "/", ""), 0);
    assert_int_equal(hidden(b), 4); /* bounded: 16 a listing */
    assert_int_equal(rig_put(b->v, "/f", "x", VFS_CREATE), 0);
    assert_int_equal(hidden(b), 0); /* and where something is uploaded */
}

/* Clients set the times of what they upload: that must not make it old. */
static void
an_upload_with_old_times_is_not_reaped(void **state)
{
    struct bench *b = *state;
    struct vfs_setattr set = {.set = VFS_SET_TIMES, .mtime = 1};
    struct vfs_file *f = must_open(b->v, "/f", FRESH);
    assert_int_equal(b->v->ops->fsetattr(b->v, f, &set), 0);
    (void)rig_count(b->v, "/", "");
    assert_int_equal(b->v->ops->close(b->v, f), 0);
    rig_check(b->v, "/f", "");
}

/* ---- D3, D4 ---- */

static void
a_failed_fsync_fails_the_upload_for_good(void **state)
{
    struct bench *b = *state;
    struct vfs *v = b->v;
    mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_SYNC, 1, EIO, 0});
    assert_int_equal(rig_put(v, "/f", "new", VFS_CREATE), EIO);
    assert_int_equal(rig_lstat(v, "/f"), ENOENT);
    struct vfs_file *f = must_open(v, "/f", FRESH);
    mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_SYNC, 1, EIO, 0});
    assert_int_equal(v->ops->fsync(v, f), EIO);
    assert_int_equal(v->ops->close(v, f), EIO); /* though a second one would succeed */
    assert_int_equal(rig_lstat(v, "/f"), ENOENT);
    assert_int_equal(hidden(b), 0);
}

static void
durable_is_file_then_rename_then_directory(void **state)
{
    struct bench *b = *state;
    /* The second fsync is the directory's: the file has its name by then. */
    mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_SYNC, 2, EIO, 0});
    assert_int_equal(rig_put(b->v, "/f", "new", VFS_CREATE), EIO);
    rig_check(b->v, "/f", "new");
    mem_vfs_set_fault(b->disk, &(struct mem_fault){MEM_OP_SYNC, 1, EIO, 0});
    assert_int_equal(b->v->ops->rename(b->v, P("/f"), P("/g")), EIO);
}

static void
the_durable_filter_forces_what_was_written(void **state)
{
    (void)state;
    struct vfs *disk, *v;
    assert_int_equal(mem_vfs_new(NULL, &disk), 0);
    assert_int_equal(durable_vfs_new(disk, &v), 0);
    for (unsigned nth = 1; nth <= 2; nth++) {
        mem_vfs_set_fault(disk, &(struct mem_fault){MEM_OP_SYNC, nth, EIO, 0});
        assert_int_equal(rig_put(v, "/f", "x", VFS_CREATE | VFS_TRUNCATE), EIO);
    }
    mem_vfs_set_fault(disk, &(struct mem_fault){MEM_OP_SYNC, 1, EIO, 0});
    struct vfs_file *f = must_open(v, "/f", VFS_READ);
    assert_int_equal(v->ops->close(v, f), 0); /* nothing was changed */
    assert_int_equal(v->ops->rename(v, P("/f"), P("/g")), EIO);
    f = must_open(v, "/g", VFS_WRITE);
    mem_vfs_set_fault(disk, &(struct mem_fault){MEM_OP_SYNC, 1, EIO, 0});
    assert_int_equal(v->ops->fsync(v, f), EIO);
    assert_int_equal(v->ops->fsync(v, f), EIO);
    assert_int_equal(v->ops->close(v, f), EIO);
    vfs_free(v);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define D(name) cmocka_unit_test_setup_teardown(name, setup_durable, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_old_file_is_intact_until_close),
        T(a_new_name_appears_at_close),
        T(an_exclusive_upload_never_replaces),
        T(an_upload_through_a_link_replaces_what_it_leads_to),
        T(what_cannot_be_written_is_refused_at_open),
        T(a_failed_write_keeps_the_old_file_and_leaves_nothing),
        T(a_failed_close_or_intent_keeps_the_old_file),
        T(mode_and_times_belong_to_the_upload),
        T(changes_in_place_are_direct),
        T(hidden_names_are_nobodys),
        T(hidden_names_are_never_too_long),
        T(an_upload_cut_off_is_resumed),
        T(pieces_ahead_of_a_gap_count_once_it_is_filled),
        T(more_pieces_than_are_remembered_are_forgotten),
        T(an_upload_is_resumed_by_appending),
        T(a_cut_off_replacement_is_resumed_and_not_mixed_into_the_old_file),
        T(new_only_resumes_but_never_replaces),
        T(what_lies_behind_a_gap_is_cut_off),
        T(nothing_is_kept_of_an_upload_that_failed_or_did_not_begin),
        T(one_handle_resumes_at_a_time),
        cmocka_unit_test(one_session_resumes_at_a_time),
        T(a_fresh_upload_drops_what_was_abandoned),
        T(removing_drops_what_was_abandoned),
        T(a_directory_with_an_upload_under_way_is_not_removed),
        T(an_upload_under_way_is_seen_by_its_own_session),
        T(of_two_writers_the_last_close_wins_whole),
        T(stale_ones_are_reaped_where_somebody_looks),
        T(an_upload_with_old_times_is_not_reaped),
        D(a_failed_fsync_fails_the_upload_for_good),
        D(durable_is_file_then_rename_then_directory),
        cmocka_unit_test(the_durable_filter_forces_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
