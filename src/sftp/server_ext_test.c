/* Extensions. Threats P12, P13. */
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

/* ---- a made-up hash: the sum of the octets, so that a test can foretell it ---- */

static size_t
sum_len(struct bytes name)
{
    return bytes_eq_str(name, "sum32") ? 4 : 0;
}

static enum err
sum_begin(struct bytes name, void **state)
{
    (void)name;
    *state = calloc(1, sizeof(uint32_t));
    return *state ? ERR_NONE : ERR_NOMEM;
}

static enum err
sum_update(void *state, struct bytes data)
{
    for (size_t i = 0; i < data.n; i++)
        *(uint32_t *)state += data.p[i];
    return ERR_NONE;
}

static enum err
sum_end(void *state, uint8_t *digest)
{
    store_u32(digest, *(uint32_t *)state);
    *(uint32_t *)state = 0;
    return ERR_NONE;
}

static const struct sftp_hashes sums = {
    .digest_len = sum_len,
    .begin = sum_begin,
    .update = sum_update,
    .end = sum_end,
    .free = free,
};

static int
setup(void **state)
{
    struct rig *r = malloc(sizeof *r);
    assert_non_null(r);
    rig_init(r, NULL);
    r->config.hashes = &sums;
    r->config.home = "/home/alice";
    rig_start(r);
    expect_status(rig_path(r, SFTP_MKDIR, "/home"), SSH_FX_OK);
    expect_status(rig_path(r, SFTP_MKDIR, "/home/alice"), SSH_FX_OK);
    rig_make_file(r, "f", "hello world");
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

static struct reply
ask_path(struct rig *r, const char *name, const char *path)
{
    struct sftp_msg_ext_path m = {.path = bytes_str(path)};
    return rig_extended(r, name, SFTP_EXT_PATH, &m);
}

/* Decode an EXTENDED_REPLY by its row, exactly. */
static void
take_reply(struct reply got, enum sftp_msg row, void *out)
{
    assert_int_equal(got.type, SSH_FXP_EXTENDED_REPLY);
    struct cursor c = cursor_of(got.body);
    assert_true(msg_get(&sftp_msgs[row], &c, out));
    assert_true(cursor_is_done(&c));
}

static void
limits_are_openssh_s_own(void **state)
{
    struct rig *r = *state;
    struct sftp_msg_ext_limits_reply l;
    take_reply(rig_extended(r, "limits@openssh.com", SFTP_MSG_COUNT, NULL),
               SFTP_EXT_LIMITS_REPLY, &l);
    assert_int_equal(l.max_packet_length, 262144);
    assert_int_equal(l.max_read_length, 261120);
    assert_int_equal(l.max_write_length, 261120);
    assert_int_equal(l.max_open_handles, 256);
}

static void
statvfs_tells_of_the_file_system(void **state)
{
    struct rig *r = *state;
    struct sftp_msg_ext_statvfs_reply st;
    take_reply(ask_path(r, "statvfs@openssh.com", "."), SFTP_EXT_STATVFS_REPLY, &st);
    assert_int_equal(st.frsize * st.blocks, 64 << 20);
    assert_int_equal(st.namemax, 255);
    struct rig_handle h = rig_must_open(r, "f", READ);
    struct sftp_msg_ext_handle m = {.handle = bytes_of(h.p, h.n)};
    take_reply(rig_extended(r, "fstatvfs@openssh.com", SFTP_EXT_HANDLE, &m),
               SFTP_EXT_STATVFS_REPLY, &st);
    h = rig_must_opendir(r, "/");
    m.handle = bytes_of(h.p, h.n);
    take_reply(rig_extended(r, "fstatvfs@openssh.com", SFTP_EXT_HANDLE, &m),
               SFTP_EXT_STATVFS_REPLY, &st);
    expect_status(ask_path(r, "statvfs@openssh.com", "no"), SSH_FX_NO_SUCH_FILE);
}

static void
homes_are_told_for_the_own_account_and_where_the_host_knows(void **state)
{
    struct rig *r = *state;
    static const char *const homes[][2] = {
        {"", "/home/alice"}, {"alice", "/home/alice"}, {"bob", "/home/bob"}};
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        struct sftp_msg_ext_home_directory m = {.user = bytes_str(homes[i][0])};
        expect_name(rig_extended(r, "home-directory", SFTP_EXT_HOME_DIRECTORY, &m),
                    homes[i][1]);
    }
    struct sftp_msg_ext_home_directory m = {.user = BYTES_LIT("mallory")};
    expect_status(rig_extended(r, "home-directory", SFTP_EXT_HOME_DIRECTORY, &m),
                  SSH_FX_NO_SUCH_FILE);

    static const char *const paths[][2] = {
        {"~", "/home/alice"},   {"~/f", "/home/alice/f"}, {"~/", "/home/alice"},
        {"~alice/..", "/home"}, {"f", "/home/alice/f"},   {"/~", "/~"},
        {"", "/home/alice"}};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        expect_name(ask_path(r, "expand-path@openssh.com", paths[i][0]), paths[i][1]);
    expect_status(ask_path(r, "expand-path@openssh.com", "~mallory/x"),
                  SSH_FX_NO_SUCH_FILE);
}

static void
ids_become_names_in_order_and_unknown_ones_empty(void **state)
{
    struct rig *r = *state;
    struct sftp_msg_ext_users_groups m = {
        .uids = BYTES_LIT("\0\0\0\0\0\0\0\1\0\0\xff\xff\0\0\0\0"),
        .gids = BYTES_LIT("\0\0\0\1")};
    struct sftp_msg_ext_users_groups_reply names;
    take_reply(
        rig_extended(r, "users-groups-by-id@openssh.com", SFTP_EXT_USERS_GROUPS, &m),
        SFTP_EXT_USERS_GROUPS_REPLY, &names);
    assert_true(bytes_eq(names.usernames,
                         BYTES_LIT("\0\0\0\4root\0\0\0\5staff\0\0\0\0\0\0\0\4root")));
    assert_true(bytes_eq(names.groupnames, BYTES_LIT("\0\0\0\5staff")));
    m.uids = BYTES_LIT("\0\0\0");
    expect_status(
        rig_extended(r, "users-groups-by-id@openssh.com", SFTP_EXT_USERS_GROUPS, &m),
        SSH_FX_BAD_MESSAGE);
}

static void
more_ids_than_fit_a_reply_are_refused(void **state)
{
    struct rig *r = *state;
    uint8_t *ids = calloc(60000, 4);
    assert_non_null(ids);
    struct sftp_msg_ext_users_groups m = {.uids = bytes_of(ids, 240000)};
    expect_status(
        rig_extended(r, "users-groups-by-id@openssh.com", SFTP_EXT_USERS_GROUPS, &m),
        SSH_FX_FAILURE);
    free(ids);
}

/* ---- copy-data ---- */

static struct reply
copy(struct rig *r, const struct rig_handle *from, uint64_t from_offset, uint64_t len,
     const struct rig_handle *to, uint64_t to_offset)
{
    struct sftp_msg_ext_copy_data m = {
        .read_handle = bytes_of(from->p, from->n),
        .read_offset = from_offset,
        .read_len = len,
        .write_handle = bytes_of(to->p, to->n),
        .write_offset = to_offset,
    };
    return rig_extended(r, "copy-data", SFTP_EXT_COPY_DATA, &m);
}

static void
copy_data_copies_ranges(void **state)
{
    static const struct {
        uint64_t from, len, to;
        enum ssh_fx code;
        const char *result;
    } cases[] = {
        {0, 0, 0, SSH_FX_OK, "hello world"}, {6, 0, 0, SSH_FX_OK, "world"},
        {0, 5, 0, SSH_FX_OK, "hello"},       {4, 3, 0, SSH_FX_OK, "o w"},
        {6, 99, 0, SSH_FX_EOF, "world"},     {11, 0, 0, SSH_FX_OK, ""},
        {11, 1, 0, SSH_FX_EOF, ""},
    };
    struct rig *r = *state;
    struct rig_handle in = rig_must_open(r, "f", READ);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig_handle out = rig_must_open(r, "out", WRITE | CREAT | SSH_FXF_TRUNC);
        expect_status(copy(r, &in, cases[i].from, cases[i].len, &out, cases[i].to),
                      cases[i].code);
        rig_must_close(r, &out);
        rig_check_file(r, "out", cases[i].result);
    }
}

static void
copy_data_refuses_what_cannot_end_well(void **state)
{
    struct rig *r = *state;
    struct sftp_msg_ext_hardlink link = {.oldpath = BYTES_LIT("f"),
                                         .newpath = BYTES_LIT("same")};
    expect_status(rig_extended(r, "hardlink@openssh.com", SFTP_EXT_HARDLINK, &link),
                  SSH_FX_OK);
    struct rig_handle in = rig_must_open(r, "f", READ);
    struct rig_handle out = rig_must_open(r, "out", WRITE | CREAT);
    struct rig_handle both = rig_must_open(r, "f", READ | WRITE);
    struct rig_handle same = rig_must_open(r, "same", WRITE);
    struct rig_handle dir = rig_must_opendir(r, "/");
    struct rig_handle none = {.n = 12};
    expect_text(copy(r, &both, 0, 0, &both, 100), "onto itself");
    expect_text(copy(r, &in, 0, 0, &same, 100), "onto itself");
    expect_text(copy(r, &out, 0, 0, &same, 0), "not opened for reading");
    expect_text(copy(r, &in, 0, 0, &in, 0), "not opened for writing");
    expect_status(copy(r, &dir, 0, 0, &out, 0), SSH_FX_FAILURE);
    expect_status(copy(r, &in, 0, 0, &none, 0), SSH_FX_FAILURE);
    expect_status(copy(r, &in, 1ULL << 63, 1, &out, 0), SSH_FX_BAD_MESSAGE);
    expect_status(copy(r, &in, 0, UINT64_MAX, &out, 0), SSH_FX_BAD_MESSAGE);
    mem_vfs_set_fault(r->vfs, &(struct mem_fault){MEM_OP_WRITE, 1, ENOSPC, 0});
    expect_text(copy(r, &in, 0, 0, &out, 0), "space");
}

static void
a_long_copy_runs_in_steps(void **state)
{
    enum { LEN = 5 << 20 };
    struct rig *r = *state;
    struct rig_handle in = rig_must_open(r, "big", READ | WRITE | CREAT);
    struct rig_handle out = rig_must_open(r, "out", WRITE | CREAT);
    expect_status(rig_write(r, &in, LEN - 1, BYTES_LIT("x")), SSH_FX_OK);
    struct sftp_msg_ext_copy_data m = {.read_handle = bytes_of(in.p, in.n),
                                       .write_handle = bytes_of(out.p, out.n)};
    struct buf octets;
    buf_init(&octets, 1024);
    size_t mark = put_string_begin(&octets);
    struct sftp_msg_extended head = {.id = 7, .request = BYTES_LIT("copy-data")};
    msg_put(&sftp_msgs[SFTP_EXTENDED], &octets, &head);
    msg_put(&sftp_msgs[SFTP_EXT_COPY_DATA], &octets, &m);
    put_string_end(&octets, mark);
    buf_put(&octets, bytes_of("\0\0\0\x0a\x11\0\0\0\x08\0\0\0\1/", 14)); /* a STAT */

    struct bytes left = buf_bytes(&octets);
    unsigned calls = 0;
    size_t used;
    do {
        assert_int_equal(sftp_server_input(r->server, left, &used), ERR_NONE);
        left = bytes_skip(left, used);
        calls++;
        assert_true(left.n == 0 || sftp_server_is_busy(r->server));
    } while (left.n != 0);
    assert_true(calls >= 5);
    struct reply first = rig_next(r);
    assert_int_equal(first.id, 7);
    expect_status(first, SSH_FX_OK);
    assert_int_equal(rig_next(r).id, 8);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_STAT, "out")).size, LEN);
    buf_clear(&octets);
}

static void
a_channel_may_end_in_the_middle_of_a_copy(void **state)
{
    struct rig *r = *state;
    struct rig_handle in = rig_must_open(r, "big", READ | WRITE | CREAT);
    struct rig_handle out = rig_must_open(r, "out", WRITE | CREAT);
    expect_status(rig_write(r, &in, 5 << 20, BYTES_LIT("x")), SSH_FX_OK);
    r->stream.budget = 0; /* it cannot even begin */
    copy(r, &in, 0, 0, &out, 0);
    sftp_server_free(r->server);
    r->server = NULL;
}

/* ---- check-file ---- */

static struct reply
check_name(struct rig *r, const char *path, const char *list, uint64_t start,
           uint64_t length, uint32_t block)
{
    struct sftp_msg_ext_check_file m = {
        .file = bytes_str(path),
        .hash_list = bytes_str(list),
        .start = start,
        .length = length,
        .block_size = block,
    };
    return rig_extended(r, "check-file-name", SFTP_EXT_CHECK_FILE, &m);
}

static void
expect_sums(struct reply got, const uint32_t *sum, size_t n)
{
    struct sftp_msg_ext_check_file_reply fields;
    take_reply(got, SFTP_EXT_CHECK_FILE_REPLY, &fields);
    assert_true(bytes_eq_str(fields.hash_algo_used, "sum32"));
    struct cursor c = cursor_of(fields.hashes);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(cursor_u32(&c), sum[i]);
    assert_true(cursor_is_done(&c));
}

static void
check_file_hashes_ranges_and_blocks(void **state)
{
    struct rig *r = *state;
    uint8_t ones[1000];
    memset(ones, 1, sizeof ones);
    struct rig_handle h = rig_must_open(r, "ones", READ | WRITE | CREAT);
    expect_status(rig_write(r, &h, 0, bytes_of(ones, sizeof ones)), SSH_FX_OK);
    expect_sums(check_name(r, "ones", "sha0,sum32", 0, 0, 0), (uint32_t[]){1000}, 1);
    expect_sums(check_name(r, "ones", "sum32", 0, 0, 256),
                (uint32_t[]){256, 256, 256, 232}, 4);
    expect_sums(check_name(r, "ones", "sum32", 10, 600, 300), (uint32_t[]){300, 300}, 2);
    expect_sums(check_name(r, "ones", "sum32", 990, 100, 0), (uint32_t[]){10}, 1);
    expect_sums(check_name(r, "ones", "sum32", 1000, 0, 0), (uint32_t[]){0}, 1);

    struct sftp_msg_ext_check_file m = {.file = bytes_of(h.p, h.n),
                                        .hash_list = BYTES_LIT("sum32")};
    expect_sums(rig_extended(r, "check-file-handle", SFTP_EXT_CHECK_FILE, &m),
                (uint32_t[]){1000}, 1);
    rig_must_close(r, &h); /* it was not closed by the check */
}

static void
check_file_refuses_what_it_cannot_do(void **state)
{
    struct rig *r = *state;
    expect_text(check_name(r, "f", "sum32", 0, 0, 255), "256");
    expect_text(check_name(r, "f", "md4,crc", 0, 0, 0), "None of the hash");
    expect_text(check_name(r, "f", "sum32", 12, 0, 0), "behind the end");
    expect_text(check_name(r, "/", "sum32", 0, 0, 0), "directory");
    expect_status(check_name(r, "no", "sum32", 0, 0, 0), SSH_FX_NO_SUCH_FILE);
    struct rig_handle h = rig_must_open(r, "big", WRITE | CREAT);
    expect_status(rig_write(r, &h, 40 << 20, BYTES_LIT("x")), SSH_FX_OK);
    expect_text(check_name(r, "big", "sum32", 0, 0, 256), "larger ones");
    struct sftp_msg_ext_check_file m = {.file = bytes_of(h.p, h.n),
                                        .hash_list = BYTES_LIT("sum32")};
    expect_status(rig_extended(r, "check-file-handle", SFTP_EXT_CHECK_FILE, &m),
                  SSH_FX_PERMISSION_DENIED);
    expect_sums(check_name(r, "big", "sum32", 0, 0, 0), (uint32_t[]){'x'}, 1);
    rig_must_close(r, &h);
}

static void
check_file_has_an_extra_string_for_paramiko(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, NULL);
    r.config.hashes = &sums;
    r.config.peer_software = "paramiko_2.12.0";
    rig_start(&r);
    rig_make_file(&r, "/f", "\1\1\1");
    struct reply got = check_name(&r, "/f", "sum32", 0, 0, 0);
    assert_int_equal(got.type, SSH_FXP_EXTENDED_REPLY);
    assert_true(bytes_eq(got.body, BYTES_LIT("\0\0\0\x0a"
                                             "check-file\0\0\0\5sum32\0\0\0\3")));
    rig_clear(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(limits_are_openssh_s_own),
        T(statvfs_tells_of_the_file_system),
        T(homes_are_told_for_the_own_account_and_where_the_host_knows),
        T(ids_become_names_in_order_and_unknown_ones_empty),
        T(more_ids_than_fit_a_reply_are_refused),
        T(copy_data_copies_ranges),
        T(copy_data_refuses_what_cannot_end_well),
        T(a_long_copy_runs_in_steps),
        T(a_channel_may_end_in_the_middle_of_a_copy),
        T(check_file_hashes_ranges_and_blocks),
        T(check_file_refuses_what_it_cannot_do),
        cmocka_unit_test(check_file_has_an_extra_string_for_paramiko),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
