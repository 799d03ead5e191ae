/*
 * The server in front of an account's filters, and of a disk that runs out of
 * things: what clients are told, what the audit trail hears, and that the session
 * goes on (threats P7, R5, D2, D6).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sftp/server_rig.h"
#include "vfs/atomic.h"
#include "vfs/policy.h"
#include "vfs/posix.h"
#include "vfs/quota.h"
#include "wire/put.h"

enum { READ = SSH_FXF_READ, WRITE = SSH_FXF_WRITE, CREAT = SSH_FXF_CREAT };
enum { TRUNC = SSH_FXF_TRUNC };

/* ---- a made-up SHA-256: how many octets, and their sum ---- */

struct sum {
    uint32_t n, sum;
};

static size_t
sum_len(struct bytes name)
{
    return bytes_eq_str(name, "sha256") ? SFTP_SHA256_LEN : 0;
}

static enum err
sum_begin(struct bytes name, void **state)
{
    (void)name;
    *state = calloc(1, sizeof(struct sum));
    return *state ? ERR_NONE : ERR_NOMEM;
}

static enum err
sum_update(void *state, struct bytes data)
{
    struct sum *s = state;
    s->n += (uint32_t)data.n;
    for (size_t i = 0; i < data.n; i++)
        s->sum = s->sum * 31 + data.p[i];
    return ERR_NONE;
}

static enum err
sum_end(void *state, uint8_t *digest)
{
    struct sum *s = state;
    memset(digest, 0, SFTP_SHA256_LEN);
    store_u32(digest, s->n);
    store_u32(digest + 4, s->sum);
    *s = (struct sum){0};
    return ERR_NONE;
}

static const struct sftp_hashes sums = {sum_len, sum_begin, sum_update, sum_end, free};

static void
sum_of(struct bytes data, uint8_t digest[SFTP_SHA256_LEN])
{
    struct sum s = {0};
    (void)sum_update(&s, data);
    (void)sum_end(&s, digest);
}

/* ---- an account ---- */

struct account {
    struct rig r;
    struct vfs *disk;
    struct quota_state used;
};

static int
charge(void *ctx, int64_t octets, int64_t files, struct quota_state *state)
{
    struct quota_state *s = &((struct account *)ctx)->used;
    uint64_t n = s->used_octets + (uint64_t)octets;
    *state = *s;
    if (octets > 0 && n > s->limit_octets)
        return EDQUOT;
    s->used_octets = n;
    s->used_files += (uint64_t)files;
    *state = *s;
    return 0;
}

static const char rules[] = "/ all\n/in dropbox\n/pub read\n";

/* Quota, atomic uploads, policy: as a session puts them together. */
static int
setup(void **state)
{
    struct account *a = calloc(1, sizeof *a);
    struct atomic_options options = {.now = NULL};
    struct quota_ledger ledger = {charge, a};
    struct fault why = {0};
    struct policy *policy;
    struct vfs *v;
    a->used.limit_octets = 100000;
    assert_int_equal(mem_vfs_new(NULL, &a->disk), 0);
    assert_int_equal(quota_vfs_new(a->disk, &ledger, &v), 0);
    assert_int_equal(atomic_vfs_new(v, &options, &v), 0);
    assert_int_equal(policy_parse(rules, "*.exe", false, &policy, &why), ERR_NONE);
    assert_int_equal(policy_vfs_new(v, policy, &v), 0);
    rig_init(&a->r, v);
    a->r.config.hashes = &sums;
    a->r.config.hashes_uploads = true;
    rig_start(&a->r);
    struct vfs_path in, pub;
    assert_int_equal(vfs_path_parse(&in, NULL, BYTES_LIT("/in")), 0);
    assert_int_equal(vfs_path_parse(&pub, NULL, BYTES_LIT("/pub")), 0);
    assert_int_equal(a->disk->ops->mkdir(a->disk, &in, 0755), 0);
    assert_int_equal(a->disk->ops->mkdir(a->disk, &pub, 0755), 0);
    a->r.n_audits = 0;
    *state = a;
    return 0;
}

static int
teardown(void **state)
{
    struct account *a = *state;
    rig_clear(&a->r);
    free(a);
    return 0;
}

static bool
is_on_disk(struct account *a, const char *name)
{
    struct vfs_path path;
    struct vfs_stat st;
    assert_int_equal(vfs_path_parse(&path, NULL, bytes_str(name)), 0);
    return a->disk->ops->lstat(a->disk, &path, &st) == 0;
}

/* ---- refusals ---- */

static void
expect_refusal(struct account *a, struct reply got, const char *path, const char *text)
{
    expect_status(got, SSH_FX_PERMISSION_DENIED);
    expect_text(got, text);
    assert_int_equal(a->r.audit.kind, SFTP_AUDIT_REFUSED);
    assert_string_equal(a->r.audit_path, path);
    assert_string_equal(a->r.audit_text, text);
}

static void
a_refusal_names_its_rule_to_client_and_audit(void **state)
{
    struct account *a = *state;
    struct rig *r = &a->r;
    expect_refusal(a, rig_open(r, "/in/x", READ), "/in/x",
                   "refused: rule \"/in dropbox\" allows no download");
    expect_refusal(a, rig_path(r, SFTP_OPENDIR, "in"), "/in",
                   "refused: rule \"/in dropbox\" allows no list");
    expect_refusal(a, rig_path(r, SFTP_REMOVE, "/pub/x"), "/pub/x",
                   "refused: rule \"/pub read\" allows no delete");
    expect_refusal(a, rig_path(r, SFTP_RMDIR, "/pub"), "/pub",
                   "refused: rule \"/pub read\" allows no delete");
    expect_refusal(a, rig_open(r, "/a.exe", WRITE | CREAT | TRUNC), "/a.exe",
                   "refused: names like \"*.exe\" are not accepted");
    expect_refusal(a, rig_rename(r, "/pub/x", "/y"), "/pub/x",
                   "refused: rule \"/pub read\" allows no rename");
    /* The next failure is of another kind, and says so. */
    struct reply got = rig_open(r, "/no", READ);
    expect_status(got, SSH_FX_NO_SUCH_FILE);
    expect_text(got, "No such file");
}

static void
a_full_quota_is_told_once_to_the_audit_and_until_close_to_the_client(void **state)
{
    static const uint8_t block[60000];
    struct account *a = *state;
    struct rig *r = &a->r;
    struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT | TRUNC);
    expect_status(rig_write(r, &h, 0, bytes_of(block, sizeof block)), SSH_FX_OK);
    r->n_audits = 0;
    for (uint64_t i = 1; i < 4; i++) {
        struct reply got =
            rig_write(r, &h, i * sizeof block, bytes_of(block, sizeof block));
        expect_status(got, SSH_FX_FAILURE);
        expect_text(got, "quota: ");
    }
    assert_int_equal(r->n_audits, 1);
    assert_int_equal(r->audit.kind, SFTP_AUDIT_QUOTA);
    struct reply got = rig_handle(r, SFTP_CLOSE, &h);
    expect_status(got, SSH_FX_FAILURE);
    expect_text(got, "KiB used, and ");
    assert_int_equal(r->audit.kind, SFTP_AUDIT_UPLOAD_FAILED);
    assert_int_equal(r->audit.error, EDQUOT);
    assert_false(is_on_disk(a, "/f"));
    assert_int_equal(a->used.used_octets, 0);
    rig_make_file(r, "/small", "fits");
    rig_check_file(r, "/small", "fits");
}

/* ---- the audit ---- */

static void
changes_of_names_are_told(void **state)
{
    struct account *a = *state;
    struct rig *r = &a->r;
    expect_status(rig_path(r, SFTP_MKDIR, "/d"), SSH_FX_OK);
    assert_int_equal(r->audit.kind, SFTP_AUDIT_MKDIR);
    rig_make_file(r, "/d/f", "abc");
    assert_int_equal(r->audit.kind, SFTP_AUDIT_UPLOAD);
    assert_int_equal(r->audit.size, 3);
    assert_int_not_equal(r->audit.ino, 0);
    expect_status(rig_rename(r, "/d/f", "/d/g"), SSH_FX_OK);
    assert_int_equal(r->audit.kind, SFTP_AUDIT_RENAME);
    assert_string_equal(r->audit_path, "/d/f");
    rig_check_file(r, "/d/g", "abc");
    assert_int_equal(r->audit.kind, SFTP_AUDIT_DOWNLOAD);
    expect_status(rig_path(r, SFTP_REMOVE, "/d/g"), SSH_FX_OK);
    assert_int_equal(r->audit.kind, SFTP_AUDIT_REMOVE);
    expect_status(rig_path(r, SFTP_RMDIR, "/d"), SSH_FX_OK);
    assert_int_equal(r->audit.kind, SFTP_AUDIT_RMDIR);
    unsigned n = r->n_audits;
    expect_status(rig_path(r, SFTP_REMOVE, "/d/g"), SSH_FX_NO_SUCH_FILE);
    assert_int_equal(r->n_audits, n);
}

static void
an_upload_whose_channel_ends_is_not_taken_for_whole(void **state)
{
    struct account *a = *state;
    struct rig *r = &a->r;
    struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT | TRUNC);
    expect_status(rig_write(r, &h, 0, BYTES_LIT("half of ")), SSH_FX_OK);
    sftp_server_free(r->server);
    assert_int_equal(r->audit.kind, SFTP_AUDIT_UPLOAD_FAILED);
    assert_true(r->audit.was_left_open);
    assert_false(r->audit.has_sha256);
    assert_false(is_on_disk(a, "/f"));
    /* The next channel resumes, as OpenSSH's reput does. */
    rig_start(r);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_STAT, "/f")).size, 8);
    h = rig_must_open(r, "/f", WRITE | CREAT | SSH_FXF_APPEND);
    expect_status(rig_write(r, &h, 8, BYTES_LIT("the file")), SSH_FX_OK);
    rig_must_close(r, &h);
    rig_check_file(r, "/f", "half of the file");
}

/* A drop-box allows no overwriting, but going on with one's own. */
static void
an_upload_to_a_drop_box_is_resumed_in_its_session(void **state)
{
    struct account *a = *state;
    struct rig *r = &a->r;
    struct rig_handle h = rig_must_open(r, "/in/f", WRITE | CREAT | TRUNC);
    expect_status(rig_write(r, &h, 0, BYTES_LIT("half of ")), SSH_FX_OK);
    sftp_server_free(r->server);
    rig_start(r);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_STAT, "/in/f")).size, 8);
    h = rig_must_open(r, "/in/f", WRITE | CREAT | SSH_FXF_APPEND);
    expect_status(rig_write(r, &h, 8, BYTES_LIT("the file")), SSH_FX_OK);
    rig_must_close(r, &h);
    assert_int_equal(expect_attrs(rig_path(r, SFTP_STAT, "/in/f")).size, 16);
    expect_refusal(a, rig_open(r, "/in/f", WRITE | CREAT | TRUNC), "/in/f",
                   "refused: rule \"/in dropbox\" allows no overwrite");
}

/* ---- digests ---- */

static struct reply
check_name(struct rig *r, const char *path)
{
    struct sftp_msg_ext_check_file m = {.file = bytes_str(path),
                                        .hash_list = BYTES_LIT("sha256")};
    return rig_extended(r, "check-file-name", SFTP_EXT_CHECK_FILE, &m);
}

static void
expect_digest(struct reply got, struct bytes data)
{
    struct sftp_msg_ext_check_file_reply fields;
    uint8_t digest[SFTP_SHA256_LEN];
    struct cursor c = cursor_of(got.body);
    sum_of(data, digest);
    assert_int_equal(got.type, SSH_FXP_EXTENDED_REPLY);
    assert_true(msg_get(&sftp_msgs[SFTP_EXT_CHECK_FILE_REPLY], &c, &fields));
    assert_true(bytes_eq(fields.hashes, bytes_of(digest, sizeof digest)));
}

/* A fault that a READ of the file would meet. */
static void
forbid_reading(struct account *a, int error)
{
    mem_vfs_set_fault(a->disk,
                      error ? &(struct mem_fault){MEM_OP_READ, 1, error, 0} : NULL);
}

static void
an_upload_is_hashed_as_it_comes_and_not_read_again(void **state)
{
    static uint8_t data[50000];
    struct account *a = *state;
    struct rig *r = &a->r;
    uint8_t digest[SFTP_SHA256_LEN];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    sum_of(bytes_of(data, sizeof data), digest);
    r->slice = 777;
    struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT | TRUNC);
    for (size_t at = 0; at < sizeof data; at += 10000)
        expect_status(rig_write(r, &h, at, bytes_of(data + at, 10000)), SSH_FX_OK);
    forbid_reading(a, EIO);
    struct sftp_msg_ext_check_file m = {.file = bytes_of(h.p, h.n),
                                        .hash_list = BYTES_LIT("sha256")};
    expect_digest(rig_extended(r, "check-file-handle", SFTP_EXT_CHECK_FILE, &m),
                  bytes_of(data, sizeof data));
    rig_must_close(r, &h);
    assert_true(r->audit.has_sha256);
    assert_memory_equal(r->audit.sha256, digest, sizeof digest);
    expect_digest(check_name(r, "/f"), bytes_of(data, sizeof data));
    /* In the same place with the same size, but changed: it is read. */
    h = rig_must_open(r, "/f", WRITE);
    expect_status(rig_write(r, &h, 0, BYTES_LIT("X")), SSH_FX_OK);
    rig_must_close(r, &h);
    assert_false(r->audit.has_sha256);
    expect_status(check_name(r, "/f"), SSH_FX_FAILURE);
    data[0] = 'X';
    expect_digest(check_name(r, "/f"), bytes_of(data, sizeof data));
}

static void
what_does_not_come_in_order_is_not_hashed(void **state)
{
    static const struct {
        uint64_t first, second; /* offsets of two writes of three octets */
        uint32_t flags;
    } cases[] = {{3, 0, 0}, {0, 4, 0}, {0, 2, 0}, {0, 0, 0}, {0, 3, SSH_FXF_APPEND}};
    struct account *a = *state;
    struct rig *r = &a->r;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rig_make_file(r, "/f", "something");
        uint32_t flags = cases[i].flags ? cases[i].flags : TRUNC;
        struct rig_handle h = rig_must_open(r, "/f", WRITE | CREAT | flags);
        expect_status(rig_write(r, &h, cases[i].first, BYTES_LIT("abc")), SSH_FX_OK);
        expect_status(rig_write(r, &h, cases[i].second, BYTES_LIT("def")), SSH_FX_OK);
        rig_must_close(r, &h);
        assert_false(r->audit.has_sha256);
    }
    r->config.hashes_uploads = false;
    sftp_server_free(r->server);
    rig_start(r);
    rig_make_file(r, "/f", "abc");
    assert_false(r->audit.has_sha256);
}

/* ---- what a server is doing ---- */

static void
what_it_is_doing_can_be_asked(void **state)
{
    struct account *a = *state;
    struct rig *r = &a->r;
    struct sftp_current now;
    sftp_server_current(r->server, &now);
    assert_int_equal(now.path.n, 0);
    rig_make_file(r, "/f", "0123456789");
    struct rig_handle h = rig_must_open(r, "/f", READ);
    rig_read(r, &h, 2, 3);
    sftp_server_current(r->server, &now);
    assert_true(bytes_eq_str(now.path, "/f"));
    assert_int_equal(now.flags, READ);
    assert_int_equal(now.offset, 5);
    assert_int_equal(now.size, 10);
    assert_int_equal(now.octets_in, 10);
    assert_int_equal(now.octets_out, 3);
    assert_int_equal(now.n_files, 2);
    uint64_t n = now.n_requests;
    rig_must_close(r, &h);
    sftp_server_current(r->server, &now);
    assert_int_equal(now.path.n, 0);
    assert_int_equal(now.n_requests, n + 1);
}

/* ---- a real disk ---- */

static void
serve_directory(struct rig *r, const char *dir)
{
    struct posix_vfs_options options = {.is_confined = true};
    struct vfs *v;
    int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    assert_int_equal(posix_vfs_new(root, &options, &v), 0);
    rig_init(r, v);
    rig_start(r);
}

/* Write until it is refused; the sentence must hold, also at CLOSE. */
static void
fill(struct rig *r, const char *path, const char *says)
{
    static const uint8_t block[128 << 10];
    struct rig_handle h = rig_must_open(r, path, WRITE | CREAT | TRUNC);
    struct reply got;
    uint64_t at = 0;
    do {
        got = rig_write(r, &h, at, bytes_of(block, sizeof block));
        at += sizeof block;
    } while (got.code == SSH_FX_OK && at < 64 << 20);
    expect_status(got, SSH_FX_FAILURE);
    expect_text(got, says);
    expect_text(rig_write(r, &h, 0, BYTES_LIT("x")), says);
    expect_text(rig_handle(r, SFTP_CLOSE, &h), says);
    expect_status(rig_path(r, SFTP_REMOVE, path), SSH_FX_OK);
    rig_make_file(r, path, "the session lives on");
    rig_check_file(r, path, "the session lives on");
    expect_status(rig_path(r, SFTP_REMOVE, path), SSH_FX_OK);
}

static void
a_limit_on_file_sizes_is_told(void **state)
{
    (void)state;
    char dir[] = "/tmp/ferry-fsize-XXXXXX";
    struct rig r;
    struct rlimit was, less = {1 << 20, RLIM_INFINITY};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    less.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN); /* as ferryd does */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    serve_directory(&r, dir);
    fill(&r, "/f", "largest size");
    rig_clear(&r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    rmdir(dir);
}

enum { CANNOT_MOUNT = 77 };

/* In a process and a mount namespace of its own: nothing is left behind. */
static void
fill_a_small_disk(const char *dir)
{
    struct rig r;
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("ferry-test", dir, "tmpfs", 0, "size=8m,nr_inodes=40,mode=0755") != 0)
        _exit(CANNOT_MOUNT);
    serve_directory(&r, dir);
    fill(&r, "/f", "No space left");
    char name[32];
    struct reply got = {0};
    for (int i = 0; i < 100 && got.type != SSH_FXP_STATUS; i++) {
        snprintf(name, sizeof name, "/file-%d", i);
        got = rig_open(&r, name, WRITE | CREAT | TRUNC);
        struct rig_handle h = {.n = got.body.n};
        memcpy(h.p, got.body.p, got.type == SSH_FXP_HANDLE ? got.body.n : 0);
        if (got.type == SSH_FXP_HANDLE)
            rig_must_close(&r, &h);
    }
    expect_status(got, SSH_FX_FAILURE);
    expect_text(got, "no free inodes");
    expect_text(rig_path(&r, SFTP_MKDIR, "/d"), "no free inodes");
    rig_check_file(&r, "/file-0", "");
    rig_clear(&r);
    _exit(0);
}

static void
a_small_disk_that_is_full_is_told_and_so_are_its_inodes(void **state)
{
    (void)state;
    char dir[] = "/tmp/ferry-small-XXXXXX";
    int status;
    assert_non_null(mkdtemp(dir));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        fill_a_small_disk(dir);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rmdir(dir);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_MOUNT) {
        print_message("skipped: mounting a tmpfs needs root\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refusal_names_its_rule_to_client_and_audit),
        T(a_full_quota_is_told_once_to_the_audit_and_until_close_to_the_client),
        T(changes_of_names_are_told),
        T(an_upload_whose_channel_ends_is_not_taken_for_whole),
        T(an_upload_to_a_drop_box_is_resumed_in_its_session),
        T(an_upload_is_hashed_as_it_comes_and_not_read_again),
        T(what_does_not_come_in_order_is_not_hashed),
        T(what_it_is_doing_can_be_asked),
        cmocka_unit_test(a_limit_on_file_sizes_is_told),
        cmocka_unit_test(a_small_disk_that_is_full_is_told_and_so_are_its_inodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
