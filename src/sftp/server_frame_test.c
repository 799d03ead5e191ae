/* Frames, the table and back-pressure: threats R2, R6, R8, P6, P7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sftp/server_rig.h"
#include "wire/put.h"

static int
setup(void **state)
{
    struct rig *r = malloc(sizeof *r);
    assert_non_null(r);
    rig_init(r, NULL);
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

/* ---- starting ---- */

static bool
announces(struct reply version, const char *name, const char *value)
{
    /* VERSION has no id: what the rig took for one is the version. */
    assert_int_equal(version.type, SSH_FXP_VERSION);
    assert_int_equal(version.id, 3);
    struct cursor c = cursor_of(version.body);
    while (cursor_left(&c) != 0) {
        struct bytes n = cursor_string(&c), v = cursor_string(&c);
        assert_false(c.failed);
        if (bytes_eq_str(n, name))
            return bytes_eq_str(v, value);
    }
    return false;
}

static void
init_is_answered_with_version_3_and_the_extensions(void **state)
{
    static const char *const pairs[][2] = {{"posix-rename@openssh.com", "1"},
                                           {"statvfs@openssh.com", "2"},
                                           {"fstatvfs@openssh.com", "2"},
                                           {"hardlink@openssh.com", "1"},
                                           {"fsync@openssh.com", "1"},
                                           {"lsetstat@openssh.com", "1"},
                                           {"limits@openssh.com", "1"},
                                           {"expand-path@openssh.com", "1"},
                                           {"copy-data", "1"},
                                           {"home-directory", "1"},
                                           {"users-groups-by-id@openssh.com", "1"}};
    struct rig *r = *state;
    rig_build(r);
    struct reply v = rig_payload(r, bytes_of("\1\0\0\0\6\0\0\0\1a\0\0\0\1b", 15));
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (!announces(v, pairs[i][0], pairs[i][1]))
            fail_msg("%s is not announced", pairs[i][0]);
    assert_false(announces(v, "check-file", "1")); /* no hashes were handed in */
}

static void
what_changes_something_is_not_announced_when_read_only(void **state)
{
    struct rig *r = *state;
    r->config.is_read_only = true;
    rig_build(r);
    struct reply v = rig_payload(r, bytes_of("\1\0\0\0\3", 5));
    assert_false(announces(v, "posix-rename@openssh.com", "1"));
    assert_false(announces(v, "copy-data", "1"));
    assert_true(announces(v, "statvfs@openssh.com", "2"));
}

static void
anything_before_init_closes_the_channel(void **state)
{
    struct rig *r = *state;
    rig_build(r);
    struct reply got = rig_payload(r, bytes_of("\x11\0\0\0\1\0\0\0\1/", 10));
    assert_int_equal(got.type, 0);
    assert_int_equal(r->error, ERR_PROTO);
    assert_non_null(strstr(sftp_server_fault(r->server), "before INIT"));
}

static void
a_second_init_closes_the_channel(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    rig_payload(r, bytes_of("\1\0\0\0\3", 5));
    assert_int_equal(r->error, ERR_PROTO);
}

/* ---- lengths (R2) ---- */

static void
a_length_outside_1_to_262144_closes_the_channel(void **state)
{
    static const uint32_t lengths[] = {0, 262145, 0x7fffffff, 0x80000000, 0xffffffff};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct rig r;
        uint8_t head[4];
        rig_init(&r, NULL);
        rig_start(&r);
        store_u32(head, lengths[i]);
        rig_feed(&r, bytes_of(head, sizeof head));
        if (r.error != ERR_PROTO)
            fail_msg("length %u: %s", lengths[i], err_name(r.error));
        size_t used;
        assert_int_equal(sftp_server_input(r.server, (struct bytes){0}, &used),
                         ERR_PROTO); /* and it stays closed */
        rig_clear(&r);
    }
}

static void
a_message_of_262144_octets_is_read_to_its_end(void **state)
{
    struct rig *r = *state;
    uint8_t *payload = calloc(1, SFTP_MESSAGE_MAX);
    assert_non_null(payload);
    rig_start(r);
    r->slice = 10000;
    payload[0] = SSH_FXP_STAT;
    store_u32(payload + 1, 7);
    store_u32(payload + 5, SFTP_MESSAGE_MAX - 9);
    expect_status(rig_payload(r, bytes_of(payload, SFTP_MESSAGE_MAX)),
                  SSH_FX_BAD_MESSAGE); /* a path that long */
    expect_attrs(rig_path(r, SFTP_STAT, "/"));
    free(payload);
}

static void
a_request_too_short_for_an_id_closes_the_channel(void **state)
{
    (void)state;
    for (size_t n = 1; n < 5; n++) {
        struct rig r;
        rig_init(&r, NULL);
        rig_start(&r);
        rig_payload(&r, bytes_of("\x11\0\0\0\0", n));
        assert_int_equal(r.error, ERR_PROTO);
        rig_clear(&r);
    }
}

/* ---- every type (R8) ---- */

static void
every_type_is_answered_under_its_id(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    for (unsigned type = 0; type < 256; type++) {
        if (type == SSH_FXP_INIT)
            continue;
        uint8_t payload[5] = {(uint8_t)type};
        store_u32(payload + 1, 1000 + type);
        struct reply got = rig_payload(r, bytes_of(payload, sizeof payload));
        bool is_known =
            (type >= SSH_FXP_OPEN && type <= SSH_FXP_SYMLINK) || type == SSH_FXP_EXTENDED;
        expect_status(got, is_known ? SSH_FX_BAD_MESSAGE : SSH_FX_OP_UNSUPPORTED);
        assert_int_equal(got.id, 1000 + type);
    }
}

static void
every_request_cut_at_every_octet_is_a_bad_message(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    for (int row = SFTP_OPEN; row <= SFTP_SYMLINK; row++) {
        union {
            struct sftp_msg_open open;
            struct sftp_msg_write write;
            struct sftp_msg_rename rename;
        } msg = {0};
        struct buf payload;
        buf_init(&payload, 4096);
        msg_put(&sftp_msgs[row], &payload, &msg);
        for (size_t n = 5; n < payload.n; n++) {
            struct reply got = rig_payload(r, bytes_of(payload.p, n));
            if (got.type != SSH_FXP_STATUS || got.code != SSH_FX_BAD_MESSAGE)
                fail_msg("%s cut at %zu: %u %u", sftp_msgs[row].name, n, got.type,
                         got.code);
        }
        buf_clear(&payload);
    }
}

static void
octets_behind_a_request_are_ignored(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    struct reply got = rig_payload(r, bytes_of("\x11\0\0\0\1\0\0\0\1/extra", 15));
    expect_attrs(got);
}

static void
an_unknown_extension_is_unsupported(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    expect_status(rig_extended(r, "foo@example.com", SFTP_MSG_COUNT, NULL),
                  SSH_FX_OP_UNSUPPORTED);
    expect_status(rig_extended(r, "", SFTP_MSG_COUNT, NULL), SSH_FX_OP_UNSUPPORTED);
    expect_status(rig_extended(r, "check-file-name", SFTP_MSG_COUNT, NULL),
                  SSH_FX_OP_UNSUPPORTED);
}

/* ---- slices ---- */

static void
requests_work_in_slices_of_any_size(void **state)
{
    (void)state;
    for (size_t slice = 1; slice < 40; slice++) {
        struct rig r;
        rig_init(&r, NULL);
        r.slice = slice;
        rig_start(&r);
        rig_make_file(&r, "/f", "the quick brown fox jumps over the lazy dog");
        rig_check_file(&r, "/f", "the quick brown fox jumps over the lazy dog");
        assert_int_equal(expect_attrs(rig_path(&r, SFTP_STAT, "/f")).size, 43);
        assert_true(sftp_server_eof(r.server));
        rig_clear(&r);
    }
}

static void
many_requests_in_one_slice_are_answered_in_order(void **state)
{
    struct rig *r = *state;
    struct buf octets;
    buf_init(&octets, 1 << 16);
    rig_start(r);
    for (uint32_t id = 0; id < 500; id++) {
        struct sftp_msg_stat m = {.id = id,
                                  .path = id % 3 ? BYTES_LIT("/") : BYTES_LIT("/no")};
        size_t mark = put_string_begin(&octets);
        msg_put(&sftp_msgs[SFTP_STAT], &octets, &m);
        put_string_end(&octets, mark);
    }
    rig_feed(r, buf_bytes(&octets));
    for (uint32_t id = 0; id < 500; id++)
        assert_int_equal(rig_next(r).id, id);
    assert_int_equal(rig_next(r).type, 0);
    buf_clear(&octets);
}

static void
eof_tells_whether_a_request_was_cut_off(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    assert_true(sftp_server_eof(r->server));
    rig_feed(r, bytes_of("\0\0\0\x0a\x11\0\0", 7));
    assert_false(sftp_server_eof(r->server));
}

/* ---- a peer that does not read (R6) ---- */

/* Feed until the server takes no more; what it left is returned. */
static struct bytes
push(struct rig *r, struct bytes in)
{
    size_t used;
    do {
        assert_int_equal(sftp_server_input(r->server, in, &used), ERR_NONE);
        in = bytes_skip(in, used);
    } while (used != 0 && in.n != 0);
    return in;
}

static void
reads_of_a_peer_that_never_reads_stop_at_the_budget(void **state)
{
    enum { N_READS = 16384, FILE_LEN = 300000 };
    struct rig *r = *state;
    char *content = malloc(FILE_LEN + 1);
    assert_non_null(content);
    memset(content, 'x', FILE_LEN);
    content[FILE_LEN] = 0;
    rig_start(r);
    struct rig_handle w = rig_must_open(r, "/f", SSH_FXF_WRITE | SSH_FXF_CREAT);
    for (uint64_t at = 0; at < FILE_LEN; at += 100000)
        expect_status(rig_write(r, &w, at, bytes_of(content + at, 100000)), SSH_FX_OK);
    struct rig_handle h = rig_must_open(r, "/f", SSH_FXF_READ);

    struct buf octets;
    buf_init(&octets, 1 << 20);
    for (uint32_t id = 0; id < N_READS; id++) {
        struct sftp_msg_read m = {.id = id, .handle = bytes_of(h.p, h.n), .len = 262144};
        size_t mark = put_string_begin(&octets);
        msg_put(&sftp_msgs[SFTP_READ], &octets, &m);
        put_string_end(&octets, mark);
    }
    struct bytes left = push(r, buf_bytes(&octets));
    assert_true(left.n > octets.n * 9 / 10);
    size_t queued = mem_stream_pending(&r->stream).n;
    assert_true(queued <= r->stream.budget + SFTP_MESSAGE_MAX);
    assert_int_equal(push(r, left).n, left.n); /* still nothing more */

    uint32_t id = 0; /* and when it reads at last, all comes, in order */
    while (id < N_READS) {
        struct reply got = rig_next(r);
        if (got.type == 0) {
            struct bytes rest = push(r, left);
            assert_true(rest.n < left.n);
            left = rest;
            continue;
        }
        assert_int_equal(got.type, SSH_FXP_DATA);
        assert_int_equal(got.id, id++);
        assert_int_equal(got.body.n, SFTP_DATA_MAX);
    }
    buf_clear(&octets);
    free(content);
}

static void
a_gathered_request_waits_for_room_and_says_so(void **state)
{
    struct rig *r = *state;
    rig_start(r);
    r->stream.budget = 0;
    size_t used;
    struct bytes whole = bytes_of("\0\0\0\x0a\x11\0\0\0\1\0\0\0\1/", 14);
    for (size_t i = 0; i < whole.n; i++) {
        assert_int_equal(sftp_server_input(r->server, bytes_of(whole.p + i, 1), &used),
                         ERR_NONE);
        assert_int_equal(used, 1);
    }
    assert_true(sftp_server_is_busy(r->server));
    assert_int_equal(rig_next(r).type, 0);
    r->stream.budget = 1 << 20;
    assert_int_equal(sftp_server_input(r->server, (struct bytes){0}, &used), ERR_NONE);
    assert_false(sftp_server_is_busy(r->server));
    assert_int_equal(rig_next(r).type, SSH_FXP_ATTRS);
}

/* ---- policy (P6, P7) ---- */

static void
a_denied_request_is_refused_by_name(void **state)
{
    struct rig *r = *state;
    struct bytes unknown;
    assert_true(
        sftp_requests_of(BYTES_LIT("mkdir,statvfs,write"), &r->config.denied, &unknown));
    rig_start(r);
    struct reply got = rig_path(r, SFTP_MKDIR, "/d");
    expect_status(got, SSH_FX_PERMISSION_DENIED);
    expect_text(got, "mkdir");
    struct sftp_msg_ext_path m = {.path = BYTES_LIT("/")};
    expect_status(rig_extended(r, "statvfs@openssh.com", SFTP_EXT_PATH, &m),
                  SSH_FX_PERMISSION_DENIED);
    struct rig_handle h = rig_must_open(r, "/f", SSH_FXF_WRITE | SSH_FXF_CREAT);
    expect_status(rig_write(r, &h, 0, BYTES_LIT("data that is skipped")),
                  SSH_FX_PERMISSION_DENIED);
    expect_attrs(rig_path(r, SFTP_STAT, "/"));
}

static void
an_unknown_name_in_a_set_of_requests_is_told(void **state)
{
    (void)state;
    struct sftp_request_set set;
    struct bytes unknown;
    assert_false(sftp_requests_of(BYTES_LIT("read,reed,write"), &set, &unknown));
    assert_true(bytes_eq_str(unknown, "reed"));
}

static void
request_names_begin_as_openssh_lists_them(void **state)
{
    static const char *const names[] = {"open",
                                        "close",
                                        "read",
                                        "write",
                                        "lstat",
                                        "fstat",
                                        "setstat",
                                        "fsetstat",
                                        "opendir",
                                        "readdir",
                                        "remove",
                                        "mkdir",
                                        "rmdir",
                                        "realpath",
                                        "stat",
                                        "rename",
                                        "readlink",
                                        "symlink",
                                        "posix-rename",
                                        "statvfs",
                                        "fstatvfs",
                                        "hardlink",
                                        "fsync",
                                        "lsetstat",
                                        "limits",
                                        "expand-path",
                                        "copy-data",
                                        "home-directory",
                                        "users-groups-by-id"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(sftp_request_name(i), names[i]);
}

/* Each request that changes something, tried when read-only: refused, and the
 * tree stays as it was. */
static void
read_only_refuses_every_change(void **state)
{
    (void)state;
    static const enum sftp_msg by_path[] = {SFTP_SETSTAT, SFTP_REMOVE, SFTP_MKDIR,
                                            SFTP_RMDIR};
    static const uint32_t pflags[] = {SSH_FXF_WRITE, SSH_FXF_READ | SSH_FXF_CREAT,
                                      SSH_FXF_READ | SSH_FXF_TRUNC,
                                      SSH_FXF_READ | SSH_FXF_APPEND, SSH_FXF_EXCL};
    struct rig w, r;
    rig_init(&w, NULL);
    rig_start(&w);
    rig_make_file(&w, "/f", "content");
    expect_status(rig_path(&w, SFTP_MKDIR, "/d"), SSH_FX_OK);
    struct vfs *tree = w.vfs;
    w.vfs = NULL;
    rig_clear(&w);

    rig_init(&r, tree);
    r.config.is_read_only = true;
    rig_start(&r);
    for (size_t i = 0; i < ARRAY_LEN(by_path); i++)
        expect_status(rig_path(&r, by_path[i], "/f"), SSH_FX_PERMISSION_DENIED);
    for (size_t i = 0; i < ARRAY_LEN(pflags); i++)
        expect_status(rig_open(&r, "/f", pflags[i]), SSH_FX_PERMISSION_DENIED);
    expect_status(rig_rename(&r, "/f", "/g"), SSH_FX_PERMISSION_DENIED);
    struct sftp_msg_symlink link = {.first = BYTES_LIT("x"), .second = BYTES_LIT("/l")};
    expect_status(rig_ask(&r, SFTP_SYMLINK, &link), SSH_FX_PERMISSION_DENIED);
    struct sftp_msg_ext_posix_rename two = {.oldpath = BYTES_LIT("/f"),
                                            .newpath = BYTES_LIT("/g")};
    expect_status(
        rig_extended(&r, "posix-rename@openssh.com", SFTP_EXT_POSIX_RENAME, &two),
        SSH_FX_PERMISSION_DENIED);
    expect_status(rig_extended(&r, "hardlink@openssh.com", SFTP_EXT_HARDLINK, &two),
                  SSH_FX_PERMISSION_DENIED);
    struct sftp_msg_ext_lsetstat set = {.path = BYTES_LIT("/f")};
    expect_status(rig_extended(&r, "lsetstat@openssh.com", SFTP_EXT_LSETSTAT, &set),
                  SSH_FX_PERMISSION_DENIED);
    struct rig_handle h = rig_must_open(&r, "/f", SSH_FXF_READ);
    struct sftp_msg_fsetstat fset = {.handle = bytes_of(h.p, h.n)};
    expect_status(rig_ask(&r, SFTP_FSETSTAT, &fset), SSH_FX_PERMISSION_DENIED);
    expect_status(rig_write(&r, &h, 0, BYTES_LIT("x")), SSH_FX_PERMISSION_DENIED);
    struct sftp_msg_ext_copy_data copy = {.read_handle = bytes_of(h.p, h.n),
                                          .write_handle = bytes_of(h.p, h.n)};
    expect_status(rig_extended(&r, "copy-data", SFTP_EXT_COPY_DATA, &copy),
                  SSH_FX_PERMISSION_DENIED);
    rig_check_file(&r, "/f", "content");
    expect_attrs(rig_path(&r, SFTP_STAT, "/d"));
    expect_status(rig_path(&r, SFTP_STAT, "/g"), SSH_FX_NO_SUCH_FILE);
    rig_clear(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(init_is_answered_with_version_3_and_the_extensions),
        T(what_changes_something_is_not_announced_when_read_only),
        T(anything_before_init_closes_the_channel),
        T(a_second_init_closes_the_channel),
        cmocka_unit_test(a_length_outside_1_to_262144_closes_the_channel),
        T(a_message_of_262144_octets_is_read_to_its_end),
        cmocka_unit_test(a_request_too_short_for_an_id_closes_the_channel),
        T(every_type_is_answered_under_its_id),
        T(every_request_cut_at_every_octet_is_a_bad_message),
        T(octets_behind_a_request_are_ignored),
        T(an_unknown_extension_is_unsupported),
        cmocka_unit_test(requests_work_in_slices_of_any_size),
        T(many_requests_in_one_slice_are_answered_in_order),
        T(eof_tells_whether_a_request_was_cut_off),
        T(reads_of_a_peer_that_never_reads_stop_at_the_budget),
        T(a_gathered_request_waits_for_room_and_says_so),
        T(a_denied_request_is_refused_by_name),
        cmocka_unit_test(an_unknown_name_in_a_set_of_requests_is_told),
        cmocka_unit_test(request_names_begin_as_openssh_lists_them),
        cmocka_unit_test(read_only_refuses_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
