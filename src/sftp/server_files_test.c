/* Open files: data, handles, failures of the disk. Threats R1, R3, R5, D1, D3, D6. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sftp/server_rig.h"
#include "wire/put.h"

enum { READ = SSH_FXF_READ, WRITE = SSH_FXF_WRITE, CREAT = SSH_FXF_CREAT };

static int
setup(void **state)
{
    struct rig *r = malloc(sizeof *r);
    assert_non_null(r);
    rig_init(r, NULL);
    rig_start(r);
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    rig_clear(*state);
    free(*state);
    return 0;
}

/* A file of n octets that tell where they stand. */
static uint8_t *
make_pattern(struct rig *r, const char *path, size_t n)
{
    uint8_t *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 31 >> 3);
    struct rig_handle h = rig_must_open(r, path, WRITE | CREAT);
    for (size_t at = 0; at < n; at += 30000)
        expect_status(
            rig_write(r, &h, at, bytes_of(p + at, n - at < 30000 ? n - at : 30000)),
            SSH_FX_OK);
    rig_must_close(r, &h);
    return p;
}

/* ---- READ ---- */

static void
read_returns_what_was_asked_up_to_the_end(void **state)
{
    static const struct {
        uint64_t offset;
        uint32_t len;
        size_t got; /* 0: EOF */
    } cases[] = {{0, 1, 1},
                 {0, 300000, 261120},
                 {0, 0xffffffff, 261120},
                 {5, 999, 999},
                 {299999, 10, 1},
                 {300000, 10, 0},
                 {0, 0, 0},
                 {261120, 261120, 300000 - 261120},
                 {1ULL << 40, 1, 0},
                 {0, 0x80000000, 261120}};
    struct rig *r = *state;
    uint8_t *pattern = make_pattern(r, "/f", 300000);
    struct rig_handle h = rig_must_open(r, "/f", READ);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reply got = rig_read(r, &h, cases[i].offset, cases[i].len);
        if (cases[i].got == 0) {
            expect_status(got, SSH_FX_EOF);
            continue;
        }
        assert_int_equal(got.type, SSH_FXP_DATA);
        assert_int_equal(got.body.n, cases[i].got);
        assert_memory_equal(got.body.p, pattern + cases[i].offset, got.body.n);
    }
    assert_true(r->stream.most_wanted <= SFTP_DATA_MAX);
    free(pattern);
}

static void
read_fills_holes_of_any_size(void **state)
{
    struct rig *r = *state;
    uint8_t *pattern = make_pattern(r, "/f", 10000);
    struct rig_handle h = rig_must_open(r, "/f", READ);
    for (size_t hole = 40; hole < 11000; hole += 997) {
        r->stream.hole_len = hole;
        struct reply got = rig_read(r, &h, 3, 9000);
        assert_int_equal(got.body.n, 9000);
        assert_memory_equal(got.body.p, pattern + 3, 9000);
    }
    free(pattern);
}

static void
offsets_beyond_what_a_file_can_have_are_refused(void **state)
{
    static const uint64_t offsets[] = {(uint64_t)INT64_MAX, (uint64_t)INT64_MAX + 1,
                                       UINT64_MAX, UINT64_MAX - 5};
    struct rig *r = *state;
    rig_make_file(r, "/f", "x");
    struct rig_handle h = rig_must_open(r, "/f", READ | WRITE);
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        expect_status(rig_read(r, &h, offsets[i], 10), SSH_FX_BAD_MESSAGE);
        expect_status(rig_write(r, &h, offsets[i], BYTES_LIT("0123456789")),
                      SSH_FX_BAD_MESSAGE);
    }
    expect_status(rig_write(r, &h, 1ULL << 62, BYTES_LIT("x")), SSH_FX_FAILURE);
    rig_check_file(r, "/f", "x");
}

static void
a_failing_read_says_why_and_the_next_works(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "abc");
    struct rig_handle h = rig_must_open(r, "/f", READ);
    mem_vfs_set_fault(r->vfs, &(struct mem_fault){MEM_OP_READ, 1, EIO, 0});
    struct reply got = rig_read(r, &h, 0, 3);
    expect_status(got, SSH_FX_FAILURE);
    expect_text(got, "disk");
    assert_int_equal(rig_read(r, &h, 0, 3).type, SSH_FXP_DATA);
    rig_must_close(r, &h);
    assert_int_equal(r->audit.error, EIO);
}

/* ---- WRITE ---- */

static void
write_at_any_offset_leaves_zeros_in_between(void **state)
{
    struct rig *r = *state;
    struct rig_handle h = rig_must_open(r, "/f", READ | WRITE | CREAT);
    expect_status(rig_write(r, &h, 5, BYTES_LIT("xyz")), SSH_FX_OK);
    struct reply got = rig_read(r, &h, 0, 100);
    assert_int_equal(got.body.n, 8);
    assert_memory_equal(got.body.p, "\0\0\0\0\0xyz", 8);
}

static void
write_of_the_largest_size_arrives_whole_in_slices(void **state)
{
    struct rig *r = *state;
    uint8_t *p = malloc(SFTP_DATA_MAX);
    assert_non_null(p);
    for (size_t i = 0; i < SFTP_DATA_MAX; i++)
        p[i] = (uint8_t)(i * 7);
    struct rig_handle h = rig_must_open(r, "/f", READ | WRITE | CREAT);
    r->slice = 32768 - 9;
    expect_status(rig_write(r, &h, 0, bytes_of(p, SFTP_DATA_MAX)), SSH_FX_OK);
    struct reply got = rig_read(r, &h, 0, SFTP_DATA_MAX);
    assert_int_equal(got.body.n, SFTP_DATA_MAX);
    assert_memory_equal(got.body.p, p, SFTP_DATA_MAX);
    free(p);
}

static void
a_write_that_fails_half_way_is_not_acknowledged(void **state)
{
    static const struct {
        int error;
        const char *says;
    } cases[] = {{ENOSPC, "space"}, {EDQUOT, "quota"}, {EIO, "disk"}, {EFBIG, "largest"}};
    struct rig *r = *state;
    r->slice = 10;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig_handle h = rig_must_open(r, "/f", READ | WRITE | CREAT);
        mem_vfs_set_fault(r->vfs,
                          &(struct mem_fault){MEM_OP_WRITE, 2, cases[i].error, 3});
        struct reply got =
            rig_write(r, &h, 0, BYTES_LIT("0123456789012345678901234567890123456789"));
        expect_status(got, SSH_FX_FAILURE);
        expect_text(got, cases[i].says);
        /* It sticks: no later success may hide it; the session lives on. */
        got = rig_write(r, &h, 0, BYTES_LIT("again"));
        expect_status(got, SSH_FX_FAILURE);
        expect_text(got, cases[i].says);
        got = rig_handle(r, SFTP_CLOSE, &h);
        expect_status(got, SSH_FX_FAILURE);
        expect_text(got, cases[i].says);
        assert_int_equal(r->audit.kind, SFTP_AUDIT_UPLOAD_FAILED);
        assert_int_equal(r->audit.error, cases[i].error);
        rig_make_file(r, "/next", "fine");
        rig_check_file(r, "/next", "fine");
    }
}

static void
append_ignores_offsets(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "one ");
    struct rig_handle h = rig_must_open(r, "/f", WRITE | SSH_FXF_APPEND);
    expect_status(rig_write(r, &h, 0, BYTES_LIT("two ")), SSH_FX_OK);
    expect_status(rig_write(r, &h, 0, BYTES_LIT("three")), SSH_FX_OK);
    rig_must_close(r, &h);
    rig_check_file(r, "/f", "one two three");
}

/* The head of a WRITE that promises more or less than the frame holds. */
static void
a_write_whose_lengths_do_not_fit_is_a_bad_message(void **state)
{
    static const struct {
        uint32_t handle_len, data_len;
        enum ssh_fx code;
    } cases[] = {{12, 11, SSH_FX_BAD_MESSAGE},
                 {12, 0xffffffff, SSH_FX_BAD_MESSAGE},
                 {0xffffffff, 10, SSH_FX_BAD_MESSAGE},
                 {257, 10, SSH_FX_BAD_MESSAGE},
                 {26, 10, SSH_FX_BAD_MESSAGE},
                 {12, 9, SSH_FX_OK},
                 {12, 10, SSH_FX_OK}};
    struct rig *r = *state;
    for (size_t slice = 0; slice < 12; slice++) {
        struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT);
        r->slice = slice;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct buf b;
            buf_init(&b, 4096);
            buf_put_u8(&b, SSH_FXP_WRITE);
            put_u32(&b, 77);
            put_u32(&b, cases[i].handle_len);
            buf_put(&b, bytes_of(h.p, h.n));
            put_u64(&b, 0);
            put_u32(&b, cases[i].data_len);
            buf_put_str(&b, "0123456789");
            struct reply got = rig_payload(r, buf_bytes(&b));
            expect_status(got, cases[i].code);
            assert_int_equal(got.id, 77);
            buf_clear(&b);
        }
        expect_attrs(rig_path(r, SFTP_STAT, "/f")); /* in step with the frames */
        rig_must_close(r, &h);
    }
}

static void
a_write_to_a_bad_handle_skips_its_data(void **state)
{
    struct rig *r = *state;
    struct rig_handle none = {.n = 12};
    r->slice = 7;
    expect_status(rig_write(r, &none, 0, BYTES_LIT("0123456789012345678901234")),
                  SSH_FX_FAILURE);
    expect_attrs(rig_path(r, SFTP_STAT, "/"));
}

/* ---- rights of a handle ---- */

static void
a_handle_keeps_the_rights_granted_at_open(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "abc");
    struct rig_handle in = rig_must_open(r, "/f", READ);
    struct rig_handle out = rig_must_open(r, "/f", WRITE);
    expect_status(rig_write(r, &in, 0, BYTES_LIT("x")), SSH_FX_PERMISSION_DENIED);
    expect_status(rig_read(r, &out, 0, 1), SSH_FX_PERMISSION_DENIED);
    struct sftp_msg_fsetstat m = {.handle = bytes_of(in.p, in.n),
                                  .attrs = {.flags = SFTP_ATTR_SIZE, .size = 1}};
    expect_status(rig_ask(r, SFTP_FSETSTAT, &m), SSH_FX_PERMISSION_DENIED);
    rig_check_file(r, "/f", "abc");
}

static void
open_follows_its_flags(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "abc");
    expect_status(rig_open(r, "/new", READ), SSH_FX_NO_SUCH_FILE);
    expect_status(rig_open(r, "/new", WRITE), SSH_FX_NO_SUCH_FILE);
    expect_status(rig_open(r, "/no/new", WRITE | CREAT), SSH_FX_NO_SUCH_FILE);
    expect_status(rig_open(r, "/f/new", WRITE | CREAT), SSH_FX_NO_SUCH_FILE);
    expect_status(rig_open(r, "/f", WRITE | CREAT | SSH_FXF_EXCL), SSH_FX_FAILURE);
    expect_text(rig_open(r, "/", READ), "directory");
    struct rig_handle h = rig_must_open(r, "/f", 0); /* neither: as READ */
    assert_int_equal(rig_read(r, &h, 0, 10).body.n, 3);
    h = rig_must_open(r, "/f", WRITE | CREAT | SSH_FXF_TRUNC);
    assert_int_equal(expect_attrs(rig_handle(r, SFTP_FSTAT, &h)).size, 0);
}

static void
set_id_bits_of_an_upload_are_dropped(void **state)
{
    struct rig *r = *state;
    struct sftp_msg_open m = {
        .filename = BYTES_LIT("/f"),
        .pflags = WRITE | CREAT,
        .attrs = {.flags = SFTP_ATTR_PERMISSIONS, .permissions = 0106755}};
    assert_int_equal(rig_ask(r, SFTP_OPEN, &m).type, SSH_FXP_HANDLE);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_STAT, "/f")).permissions, 0100755);
}

/* ---- handles (R3) ---- */

static void
stale_foreign_and_made_up_handles_are_refused(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "abc");
    struct rig_handle stale = rig_must_open(r, "/f", READ);
    rig_must_close(r, &stale);
    struct rig_handle h = rig_must_open(r, "/f", READ); /* the same slot again */
    assert_memory_equal(stale.p, h.p, 4);
    expect_status(rig_read(r, &stale, 0, 1), SSH_FX_FAILURE);
    expect_status(rig_handle(r, SFTP_CLOSE, &stale), SSH_FX_FAILURE);

    for (size_t n = 0; n < 20; n++) {
        struct rig_handle cut = h;
        cut.n = n;
        if (n != h.n)
            expect_status(rig_read(r, &cut, 0, 1), SSH_FX_FAILURE);
    }
    static const uint32_t slots[] = {1, 255, 256, 257, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        struct rig_handle foreign = h;
        store_u32(foreign.p, slots[i]);
        expect_status(rig_read(r, &foreign, 0, 1), SSH_FX_FAILURE);
    }
    assert_int_equal(rig_read(r, &h, 0, 1).type, SSH_FXP_DATA);
}

static void
handles_have_a_type(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "abc");
    struct rig_handle f = rig_must_open(r, "/f", READ | WRITE);
    struct rig_handle d = rig_must_opendir(r, "/");
    expect_status(rig_read(r, &d, 0, 1), SSH_FX_FAILURE);
    expect_status(rig_write(r, &d, 0, BYTES_LIT("x")), SSH_FX_FAILURE);
    expect_status(rig_handle(r, SFTP_READDIR, &f), SSH_FX_FAILURE);
    assert_int_equal(expect_attrs(rig_handle(r, SFTP_FSTAT, &d)).permissions, 040755);
    rig_must_close(r, &d);
    rig_must_close(r, &f);
}

static void
handles_are_capped_and_come_back(void **state)
{
    enum { ROUNDS = 1000 };
    struct rig *r = *state;
    struct rig_handle h[SFTP_HANDLES_MAX];
    rig_make_file(r, "/f", "abc");
    for (size_t i = 0; i < SFTP_HANDLES_MAX; i++)
        h[i] = rig_must_open(r, "/f", READ);
    for (int round = 0; round < ROUNDS; round++) {
        struct reply got = rig_open(r, "/f", READ);
        expect_status(got, SSH_FX_FAILURE);
        expect_text(got, "open");
    }
    expect_status(rig_path(r, SFTP_OPENDIR, "/"), SSH_FX_FAILURE);
    rig_must_close(r, &h[100]);
    h[100] = rig_must_open(r, "/f", READ);
    assert_int_equal(rig_read(r, &h[100], 0, 3).body.n, 3);
}

static void
what_is_left_open_is_closed_and_told_with_the_channel(void **state)
{
    struct rig *r = *state;
    rig_make_file(r, "/f", "abc");
    struct rig_handle h = rig_must_open(r, "/f", READ);
    rig_read(r, &h, 0, 2);
    r->n_audits = 0;
    r->now += 5;
    sftp_server_free(r->server);
    r->server = NULL;
    assert_int_equal(r->n_audits, 1);
    assert_true(r->audit.was_left_open);
    assert_string_equal(r->audit_path, "/f");
    assert_int_equal(r->audit.n_read, 2);
    assert_int_equal(r->audit.seconds, 5);
    assert_int_equal(r->audit.flags, READ);
}

/* ---- CLOSE and fsync (D1, D3, D6) ---- */

static void
close_reports_what_the_system_says(void **state)
{
    struct rig *r = *state;
    struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT);
    mem_vfs_set_fault(r->vfs, &(struct mem_fault){MEM_OP_CLOSE, 1, EDQUOT, 0});
    struct reply got = rig_handle(r, SFTP_CLOSE, &h);
    expect_status(got, SSH_FX_FAILURE);
    expect_text(got, "quota");
    assert_int_equal(r->audit.error, EDQUOT);
    expect_status(rig_handle(r, SFTP_CLOSE, &h), SSH_FX_FAILURE); /* it is gone */
}

static struct reply
ask_fsync(struct rig *r, const struct rig_handle *h)
{
    struct sftp_msg_ext_handle m = {.handle = bytes_of(h->p, h->n)};
    return rig_extended(r, "fsync@openssh.com", SFTP_EXT_HANDLE, &m);
}

static void
a_failed_fsync_fails_the_file_for_good(void **state)
{
    struct rig *r = *state;
    struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT);
    expect_status(ask_fsync(r, &h), SSH_FX_OK);
    mem_vfs_set_fault(r->vfs, &(struct mem_fault){MEM_OP_SYNC, 1, EIO, 0});
    expect_status(ask_fsync(r, &h), SSH_FX_FAILURE);
    expect_status(ask_fsync(r, &h), SSH_FX_FAILURE);
    expect_status(rig_handle(r, SFTP_CLOSE, &h), SSH_FX_FAILURE);
    struct rig_handle d = rig_must_opendir(r, "/");
    expect_status(ask_fsync(r, &d), SSH_FX_OP_UNSUPPORTED);
}

static void
a_full_disk_is_told_and_nothing_before_is_lost(void **state)
{
    (void)state;
    struct vfs *small;
    struct rig r;
    struct mem_vfs_options options = {.capacity = 100000};
    assert_int_equal(mem_vfs_new(&options, &small), 0);
    rig_init(&r, small);
    rig_start(&r);
    uint8_t block[10000];
    memset(block, 'z', sizeof block);
    struct rig_handle h = rig_must_open(&r, "/f", WRITE | CREAT);
    uint64_t at = 0;
    struct reply got;
    while ((got = rig_write(&r, &h, at, bytes_of(block, sizeof block))).code == SSH_FX_OK)
        at += sizeof block;
    expect_text(got, "space");
    assert_int_equal(at, 100000);
    expect_text(rig_handle(&r, SFTP_CLOSE, &h), "space");
    assert_int_equal(expect_attrs(rig_path(&r, SFTP_STAT, "/f")).size, 100000);
    rig_clear(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(read_returns_what_was_asked_up_to_the_end),
        T(read_fills_holes_of_any_size),
        T(offsets_beyond_what_a_file_can_have_are_refused),
        T(a_failing_read_says_why_and_the_next_works),
        T(write_at_any_offset_leaves_zeros_in_between),
        T(write_of_the_largest_size_arrives_whole_in_slices),
        T(a_write_that_fails_half_way_is_not_acknowledged),
        T(append_ignores_offsets),
        T(a_write_whose_lengths_do_not_fit_is_a_bad_message),
        T(a_write_to_a_bad_handle_skips_its_data),
        T(a_handle_keeps_the_rights_granted_at_open),
        T(open_follows_its_flags),
        T(set_id_bits_of_an_upload_are_dropped),
        T(stale_foreign_and_made_up_handles_are_refused),
        T(handles_have_a_type),
        T(handles_are_capped_and_come_back),
        T(what_is_left_open_is_closed_and_told_with_the_channel),
        T(close_reports_what_the_system_says),
        T(a_failed_fsync_fails_the_file_for_good),
        T(a_full_disk_is_told_and_nothing_before_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
