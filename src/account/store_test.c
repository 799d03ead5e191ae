/* The account database: what is stored is there, what is refused changed nothing. */
#include "base/base_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "account/member.h"
#include "account/password.h"
#include "account/store.h"
#include "account/totp.h"

static const char some_hash[] = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
                                "jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2x"
                                "S0ktL3nh/";

/* A directory of its own with an open database in it. */
struct place {
    char dir[64], path[96];
    struct store *store;
    struct fault why;
};

static void
reopen(struct place *p, enum store_mode mode)
{
    store_close(p->store);
    p->store = NULL;
    p->why = (struct fault){0};
    if (store_open(p->path, mode, &p->store, &p->why) != ERR_NONE)
        fail_msg("%s", p->why.text);
}

static int
make_place(void **state)
{
    static struct place place;
    place = (struct place){0};
    snprintf(place.dir, sizeof place.dir, "/tmp/ferry-store-test-XXXXXX");
    if (!mkdtemp(place.dir))
        return -1;
    snprintf(place.path, sizeof place.path, "%s/accounts.db", place.dir);
    reopen(&place, STORE_CREATE);
    *state = &place;
    return 0;
}

static int
remove_place(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    struct place *p = *state;
    char path[128];
    store_close(p->store);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(path, sizeof path, "%s%s", p->path, ends[i]);
        unlink(path);
    }
    return rmdir(p->dir);
}

#define OK(call)                                                    \
    do {                                                            \
        p->why = (struct fault){0};                                 \
        if ((call) != ERR_NONE)                                     \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, p->why.text); \
    } while (0)

#define FAILS(code, call)                 \
    do {                                  \
        p->why = (struct fault){0};       \
        assert_int_equal((call), (code)); \
        assert_true(p->why.text[0] != 0); \
    } while (0)

static int64_t
add(struct place *p, const char *name)
{
    struct account_record r;
    account_record_init(&r, false, name);
    OK(store_add(p->store, &r, 1000, &p->why));
    assert_true(r.id > 0);
    return r.id;
}

/* Each member with a value of its kind, given as text. */
static const char *const values[MEMBER_IDS] = {
    [MEMBER_ID_GROUP] = "staff",
    [MEMBER_ID_ROOT] = "/srv/%u",
    [MEMBER_ID_CHAIN] = "publickey,password keyboard-interactive",
    [MEMBER_ID_EXPIRES] = "2030-12-31",
    [MEMBER_ID_NETWORKS] = "192.0.2.0/24,2001:db8::/32",
    [MEMBER_ID_REFUSED_NAMES] = "*.exe,.*",
    [MEMBER_ID_RIGHTS] = "/ read\n/in dropbox",
    [MEMBER_ID_MAX_SESSIONS] = "3",
    [MEMBER_ID_UPLOAD_RATE] = "10M",
    [MEMBER_ID_DOWNLOAD_RATE] = "none",
    [MEMBER_ID_QUOTA_OCTETS] = "10G",
    [MEMBER_ID_QUOTA_FILES] = "1000",
    [MEMBER_ID_UID] = "1001",
    [MEMBER_ID_GID] = "1002",
    [MEMBER_ID_UMASK] = "027",
    [MEMBER_ID_READ_ONLY] = "no",
    [MEMBER_ID_ATOMIC] = "yes",
    [MEMBER_ID_DURABLE] = "yes",
};

static void
set_all(struct account_record *r)
{
    struct fault why = {0};
    for (size_t i = 0; i < MEMBER_IDS; i++)
        if (account_member_set(&account_members[i], r, values[i], &why) != ERR_NONE)
            fail_msg("%s", why.text);
}

static void
check_all(const struct account_record *r, size_t from)
{
    struct buf text;
    buf_init(&text, 16384);
    for (size_t i = from; i < MEMBER_IDS; i++) {
        buf_reset(&text);
        account_member_put(&account_members[i], r, &text);
        assert_string_equal(buf_cstr(&text), values[i]);
    }
    buf_clear(&text);
}

static void
add_group(struct place *p, const char *name)
{
    struct account_record r;
    account_record_init(&r, true, name);
    OK(store_add(p->store, &r, 1000, &p->why));
}

/* ---- accounts ---- */

static void
every_member_is_stored_and_read_back(void **state)
{
    struct place *p = *state;
    struct account_record r, back;
    add_group(p, "staff");
    account_record_init(&r, false, "alice");
    set_all(&r);
    OK(store_add(p->store, &r, 1234, &p->why));
    reopen(p, STORE_WRITE);
    OK(store_get(p->store, STORE_ACCOUNT, BYTES_LIT("alice"), &back, &p->why));
    check_all(&back, 0);
    assert_int_equal(back.created, 1234);
    assert_int_equal(back.changed, 1234);
    assert_int_equal(back.last_login, ACCOUNT_UNSET);
    assert_false(back.is_disabled || back.has_password || back.has_totp);
}

static void
what_an_account_does_not_set_comes_from_its_group(void **state)
{
    struct place *p = *state;
    struct account_record group, r;
    account_record_init(&group, true, "staff");
    set_all(&group);
    account_member_unset(&account_members[MEMBER_ID_GROUP], &group);
    OK(store_add(p->store, &group, 1, &p->why));
    account_record_init(&r, false, "bob");
    snprintf(r.group, sizeof r.group, "staff");
    snprintf(r.root, sizeof r.root, "/home/bob");
    r.quota_octets = 0;
    OK(store_add(p->store, &r, 1, &p->why));

    OK(store_effective(p->store, BYTES_LIT("bob"), &r, &p->why));
    assert_string_equal(r.root, "/home/bob");
    assert_int_equal(r.quota_octets, 0); /* its own "none" stands */
    assert_int_equal(r.umask, 027);
    assert_string_equal(r.rights, values[MEMBER_ID_RIGHTS]);

    group.is_disabled = true;
    OK(store_update(p->store, &group, MEMBER_BIT_DISABLED, 2, &p->why));
    OK(store_effective(p->store, BYTES_LIT("bob"), &r, &p->why));
    assert_true(r.is_disabled);
    FAILS(ERR_LIMIT, store_delete(p->store, STORE_GROUP, BYTES_LIT("staff"), &p->why));
}

static void
an_update_writes_the_named_members_alone(void **state)
{
    struct place *p = *state;
    struct account_record r, back;
    account_record_init(&r, false, "carol");
    snprintf(r.root, sizeof r.root, "/one");
    r.umask = 022;
    OK(store_add(p->store, &r, 1, &p->why));
    snprintf(r.root, sizeof r.root, "/two");
    r.umask = 077;
    OK(store_update(p->store, &r, MEMBER_BIT(MEMBER_ID_UMASK), 9, &p->why));
    OK(store_get(p->store, STORE_ACCOUNT, BYTES_LIT("carol"), &back, &p->why));
    assert_string_equal(back.root, "/one");
    assert_int_equal(back.umask, 077);
    assert_int_equal(back.changed, 9);
}

static void
names_are_unique_and_groups_must_exist(void **state)
{
    struct place *p = *state;
    struct account_record r;
    add(p, "dora");
    account_record_init(&r, false, "dora");
    FAILS(ERR_LIMIT, store_add(p->store, &r, 1, &p->why));
    account_record_init(&r, false, "emil");
    snprintf(r.group, sizeof r.group, "nobody");
    FAILS(ERR_AUTH, store_add(p->store, &r, 1, &p->why));
    account_record_init(&r, true, "dora"); /* a group may share a name */
    OK(store_add(p->store, &r, 1, &p->why));
    FAILS(ERR_AUTH, store_get(p->store, STORE_ACCOUNT, BYTES_LIT("emil"), &r, &p->why));
}

static void
hostile_names_reach_no_statement(void **state)
{
    static const char *const names[] = {"", "-x", "a'b", "a/../b", "x y", "\xff"};
    struct place *p = *state;
    struct account_record r;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        account_record_init(&r, false, names[i]);
        FAILS(ERR_PROTO, store_add(p->store, &r, 1, &p->why));
        FAILS(ERR_AUTH,
              store_get(p->store, STORE_ACCOUNT, bytes_str(names[i]), &r, &p->why));
    }
    FAILS(ERR_AUTH, store_get(p->store, STORE_ACCOUNT, BYTES_LIT("a\0b"), &r, &p->why));
}

static enum err
collect(void *ctx, const struct account_record *r)
{
    buf_printf(ctx, "%s ", r->name);
    return ERR_NONE;
}

static void
a_list_is_in_the_order_of_names(void **state)
{
    struct place *p = *state;
    struct buf names;
    buf_init(&names, 256);
    add(p, "zoe");
    add(p, "adam");
    add_group(p, "staff");
    OK(store_list(p->store, STORE_ACCOUNT, collect, &names, &p->why));
    assert_string_equal(buf_cstr(&names), "adam zoe ");
    buf_clear(&names);
}

static void
what_belongs_to_an_account_goes_with_it(void **state)
{
    struct place *p = *state;
    struct account_record r;
    char hash[ACCOUNT_HASH_MAX + 1];
    int64_t id = add(p, "frida");
    OK(store_key_add(p->store, id, BYTES_LIT("ssh-ed25519 AAAA"), "SHA256:x", 1,
                     &p->why));
    OK(store_password_set(p->store, id, some_hash, 1, &p->why));
    OK(store_delete(p->store, STORE_ACCOUNT, BYTES_LIT("frida"), &p->why));
    FAILS(ERR_AUTH, store_password(p->store, id, hash, &p->why));
    FAILS(ERR_AUTH, store_get(p->store, STORE_ACCOUNT, BYTES_LIT("frida"), &r, &p->why));
    FAILS(ERR_AUTH, store_delete(p->store, STORE_ACCOUNT, BYTES_LIT("frida"), &p->why));
    assert_int_not_equal(add(p, "frida"), id); /* an id never comes back */
}

static void
a_transaction_is_in_or_out_as_a_whole(void **state)
{
    struct place *p = *state;
    struct account_record r;
    OK(store_begin(p->store, &p->why));
    add(p, "gina");
    store_rollback(p->store);
    FAILS(ERR_AUTH, store_get(p->store, STORE_ACCOUNT, BYTES_LIT("gina"), &r, &p->why));
    OK(store_begin(p->store, &p->why));
    add(p, "gina");
    add(p, "hans");
    OK(store_commit(p->store, &p->why));
    reopen(p, STORE_READ);
    OK(store_get(p->store, STORE_ACCOUNT, BYTES_LIT("hans"), &r, &p->why));
}

/* ---- keys ---- */

static enum err
collect_key(void *ctx, const struct store_key *key)
{
    buf_printf(ctx, "%u=%s ", key->index, key->fingerprint);
    return ERR_NONE;
}

static void
keys_are_added_once_and_deleted_by_index_or_fingerprint(void **state)
{
    struct place *p = *state;
    struct buf text;
    int64_t id = add(p, "ida");
    buf_init(&text, 4096);
    OK(store_key_add(p->store, id, BYTES_LIT("one"), "SHA256:1", 1, &p->why));
    OK(store_key_add(p->store, id, BYTES_LIT("two"), "SHA256:2", 1, &p->why));
    OK(store_key_add(p->store, id, BYTES_LIT("three"), "SHA256:3", 1, &p->why));
    FAILS(ERR_LIMIT, store_key_add(p->store, id, BYTES_LIT("x"), "SHA256:2", 1, &p->why));
    FAILS(ERR_PROTO,
          store_key_add(p->store, id, BYTES_LIT("a\nb"), "SHA256:4", 1, &p->why));
    OK(store_key_delete(p->store, id, "2", 1, &p->why));
    OK(store_key_delete(p->store, id, "SHA256:1", 1, &p->why));
    FAILS(ERR_AUTH, store_key_delete(p->store, id, "2", 1, &p->why));
    OK(store_key_list(p->store, id, collect_key, &text, &p->why));
    assert_string_equal(buf_cstr(&text), "1=SHA256:3 ");
    buf_clear(&text);
}

static void
an_account_logs_in_with_its_groups_keys_too(void **state)
{
    struct place *p = *state;
    struct account_record group, r;
    struct buf text;
    account_record_init(&group, true, "staff");
    OK(store_add(p->store, &group, 1, &p->why));
    account_record_init(&r, false, "jan");
    snprintf(r.group, sizeof r.group, "staff");
    OK(store_add(p->store, &r, 1, &p->why));
    OK(store_key_add(p->store, group.id, BYTES_LIT("shared"), "SHA256:g", 1, &p->why));
    OK(store_key_add(p->store, r.id, BYTES_LIT("own"), "SHA256:o", 1, &p->why));
    buf_init(&text, 4096);
    OK(store_keys_text(p->store, r.id, &text, &p->why));
    assert_string_equal(buf_cstr(&text), "own\nshared\n");
    buf_clear(&text);
}

static void
keys_of_one_account_are_bounded(void **state)
{
    struct place *p = *state;
    int64_t id = add(p, "karl");
    char fingerprint[32];
    for (int i = 0; i < ACCOUNT_KEYS_MAX; i++) {
        snprintf(fingerprint, sizeof fingerprint, "SHA256:%d", i);
        OK(store_key_add(p->store, id, BYTES_LIT("k"), fingerprint, 1, &p->why));
    }
    FAILS(ERR_LIMIT, store_key_add(p->store, id, BYTES_LIT("k"), "SHA256:n", 1, &p->why));
}

/* ---- secrets ---- */

static void
a_password_hash_is_stored_only_when_it_could_be_verified(void **state)
{
    struct place *p = *state;
    char hash[ACCOUNT_HASH_MAX + 1];
    int64_t id = add(p, "lena");
    FAILS(ERR_PROTO, store_password_set(p->store, id, "plain text", 1, &p->why));
    FAILS(ERR_PROTO, store_password_set(p->store, id, "$1$salt$abc", 1, &p->why));
    OK(store_password_set(p->store, id, some_hash, 1, &p->why));
    FAILS(ERR_AUTH, store_password_replace(p->store, id, "other", some_hash, &p->why));
    OK(store_password_replace(p->store, id, some_hash, password_dummy_hash(), &p->why));
    OK(store_password(p->store, id, hash, &p->why));
    assert_string_equal(hash, password_dummy_hash());
    OK(store_password_set(p->store, id, "", 1, &p->why));
    OK(store_password(p->store, id, hash, &p->why));
    assert_string_equal(hash, "");
}

static void
a_totp_step_is_spent_once_and_never_backwards(void **state)
{
    struct place *p = *state;
    struct store_totp totp;
    int64_t id = add(p, "mona");
    FAILS(ERR_AUTH, store_totp_use(p->store, id, 5, &p->why));
    OK(store_totp_set(p->store, id, BYTES_LIT("12345678901234567890"), 1, &p->why));
    OK(store_totp_use(p->store, id, 100, &p->why));
    FAILS(ERR_AUTH, store_totp_use(p->store, id, 100, &p->why));
    FAILS(ERR_AUTH, store_totp_use(p->store, id, 99, &p->why));
    OK(store_totp_use(p->store, id, 101, &p->why));
    OK(store_totp(p->store, id, &totp, &p->why));
    assert_int_equal(totp.last_step, 101);
    assert_bytes_equal(bytes_of(totp.secret, totp.secret_len),
                       BYTES_LIT("12345678901234567890"));
    OK(store_totp_clear(p->store, id, 1, &p->why));
    OK(store_totp(p->store, id, &totp, &p->why));
    assert_int_equal(totp.secret_len, 0);
}

static void
a_recovery_code_is_spent_once(void **state)
{
    struct place *p = *state;
    char hash[ACCOUNT_HASH_MAX + 1];
    const char *const codes[] = {some_hash, password_dummy_hash()};
    unsigned n_left;
    int64_t id = add(p, "nils");
    OK(store_recovery_set(p->store, id, codes, 2, &p->why));
    OK(store_recovery_use(p->store, id, some_hash, &p->why));
    FAILS(ERR_AUTH, store_recovery_use(p->store, id, some_hash, &p->why));
    OK(store_recovery_setting(p->store, id, hash, &n_left, &p->why));
    assert_int_equal(n_left, 1);
    assert_string_equal(hash, password_dummy_hash());
}

/* ---- usage ---- */

static struct usage_charge
charge_of(int64_t octets, int64_t files)
{
    return (struct usage_charge){
        .owner = {USAGE_SYSTEM, "olga"},
        .session = {7, 1},
        .limits = {.octets = 1000, .files = 3},
        .octets = octets,
        .files = files,
    };
}

static void
charges_stop_at_the_limit_exactly(void **state)
{
    struct place *p = *state;
    struct usage_state u;
    struct usage_charge c = charge_of(999, 2);
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    c = charge_of(2, 0);
    FAILS(ERR_LIMIT, store_usage_charge(p->store, &c, &u, &p->why));
    assert_int_equal(u.octets, 999);
    assert_false(u.is_over_files);
    c = charge_of(1, 1);
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    assert_int_equal(u.octets, 1000);
    c = charge_of(0, 1);
    FAILS(ERR_LIMIT, store_usage_charge(p->store, &c, &u, &p->why));
    assert_true(u.is_over_files);
    c = charge_of(-2000, -1);
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    assert_int_equal(u.octets, 0);
    assert_int_equal(u.files, 2);
    c = charge_of(USAGE_CHARGE_MAX + 1, 0);
    FAILS(ERR_PROTO, store_usage_charge(p->store, &c, &u, &p->why));
}

/* Count with nothing going on: exact from now on. */
static void
count_now(struct place *p, uint64_t octets, uint64_t files)
{
    struct usage_charge c = charge_of(0, 0);
    struct usage_count count = {.octets = octets, .files = files};
    struct usage_state u;
    OK(store_usage(p->store, &c.owner, &count.begun, &p->why));
    OK(store_usage_set(p->store, &c.owner, &count, &u, &p->why));
    assert_int_equal(u.octets, octets);
    assert_false(u.needs_recount);
}

static bool
needs_recount(struct place *p)
{
    struct usage_charge c = charge_of(0, 0);
    struct usage_state u;
    OK(store_usage(p->store, &c.owner, &u, &p->why));
    return u.needs_recount;
}

static void
a_session_that_ends_well_leaves_an_exact_sum(void **state)
{
    struct place *p = *state;
    struct usage_charge c = charge_of(500, 1);
    struct usage_state u;
    assert_true(needs_recount(p)); /* never counted */
    count_now(p, 100, 1);
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    OK(store_usage_end(p->store, &c.session, &p->why));
    assert_false(needs_recount(p));
    const uint64_t alive = 8;
    OK(store_usage_recover(p->store, &alive, 1, &p->why));
    assert_false(needs_recount(p));
}

static void
a_session_that_dies_asks_for_a_count(void **state)
{
    struct place *p = *state;
    struct usage_charge c = charge_of(500, 1);
    struct usage_state u;
    const uint64_t alive[] = {7, 8};
    count_now(p, 0, 0);
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    OK(store_usage_abandon(p->store, &c.session, &p->why));
    assert_true(needs_recount(p));
    count_now(p, 400, 1);
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    assert_int_equal(u.octets, 900);
    OK(store_usage_recover(p->store, alive, 2, &p->why)); /* 7 still serves it */
    assert_false(needs_recount(p));
    reopen(p, STORE_WRITE);
    OK(store_usage_recover(p->store, alive + 1, 1, &p->why));
    assert_true(needs_recount(p));
}

static void
a_count_during_a_charge_is_taken_forward_and_repeated_later(void **state)
{
    struct place *p = *state;
    struct usage_charge c = charge_of(50, 1);
    struct usage_count count = {.octets = 300, .files = 2};
    struct usage_state u;
    OK(store_usage(p->store, &c.owner, &count.begun, &p->why));
    OK(store_usage_charge(p->store, &c, &u, &p->why));
    OK(store_usage_set(p->store, &c.owner, &count, &u, &p->why));
    assert_int_equal(u.octets, 350);
    assert_int_equal(u.files, 3);
    assert_true(u.needs_recount);
}

/* ---- the file ---- */

static void
the_file_is_its_owners_alone(void **state)
{
    struct place *p = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[128];
    struct stat st;
    add(p, "paul");
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(path, sizeof path, "%s%s", p->path, ends[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void
a_file_that_others_may_touch_is_refused(void **state)
{
    struct place *p = *state;
    struct store *s = NULL;
    assert_int_equal(chmod(p->path, 0640), 0);
    FAILS(ERR_AUTH, store_open(p->path, STORE_WRITE, &s, &p->why));
    assert_int_equal(chmod(p->path, 0600), 0);
    assert_int_equal(chmod(p->dir, 0777), 0);
    FAILS(ERR_AUTH, store_open(p->path, STORE_WRITE, &s, &p->why));
    assert_int_equal(chmod(p->dir, 0700), 0);
}

static void
a_link_or_nothing_in_its_place_is_refused(void **state)
{
    struct place *p = *state;
    struct store *s = NULL;
    char name[128];
    snprintf(name, sizeof name, "%s/link", p->dir);
    FAILS(ERR_IO, store_open(name, STORE_WRITE, &s, &p->why));
    assert_int_equal(p->why.sys_errno, ENOENT);
    assert_int_equal(symlink(p->path, name), 0);
    FAILS(ERR_AUTH, store_open(name, STORE_CREATE, &s, &p->why));
    unlink(name);
}

static void
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void
a_file_that_is_no_account_database_is_refused_and_left_alone(void **state)
{
    struct place *p = *state;
    struct store *s = NULL;
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/other", p->dir);
    write_file(path, "This is a text that is longer than a header of a database, "
                     "and then some more, so that it is read as one.");
    FAILS(ERR_PROTO, store_open(path, STORE_CREATE, &s, &p->why));
    unlink(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(chmod(path, 0600), 0);
    FAILS(ERR_PROTO, store_open(path, STORE_CREATE, &s, &p->why));
    unlink(path);
}

static void
a_file_of_a_newer_version_is_refused(void **state)
{
    struct place *p = *state;
    struct store *s = NULL;
    sqlite3 *db;
    store_close(p->store);
    p->store = NULL;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    FAILS(ERR_PROTO, store_open(p->path, STORE_WRITE, &s, &p->why));
    assert_non_null(strstr(p->why.text, "newer"));
}

/* Whoever wrote it there: what is read is checked as what is written. */
static void
values_planted_in_the_file_are_not_believed(void **state)
{
    static const char *const plants[] = {
        "UPDATE account SET root = 'relative'",
        "UPDATE account SET uid = 0",
        "UPDATE account SET name = '../../etc'",
        "UPDATE account SET networks = CAST(x'000102' AS TEXT)",
        "UPDATE account SET rights = printf('%.*c', 9000, 'x')",
    };
    struct place *p = *state;
    struct account_record r;
    sqlite3 *db;
    char sql[256];
    add(p, "rosa");
    for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
        assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
        snprintf(sql, sizeof sql, "%s WHERE is_group = 0", plants[i]);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        p->why = (struct fault){0};
        struct buf names;
        buf_init(&names, 256);
        assert_int_equal(store_list(p->store, STORE_ACCOUNT, collect, &names, &p->why),
                         ERR_PROTO);
        buf_clear(&names);
        assert_int_equal(sqlite3_exec(db,
                                      "UPDATE account SET name = 'rosa', root = NULL, "
                                      "uid = NULL, networks = NULL, rights = NULL",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite3_close(db);
    }
    OK(store_get(p->store, STORE_ACCOUNT, BYTES_LIT("rosa"), &r, &p->why));
}

static void
a_reader_cannot_write(void **state)
{
    struct place *p = *state;
    struct account_record r;
    reopen(p, STORE_READ);
    account_record_init(&r, false, "sven");
    FAILS(ERR_IO, store_add(p->store, &r, 1, &p->why));
}

static void
waiting_for_another_writer_has_an_end(void **state)
{
    struct place *p = *state;
    struct store *other = NULL;
    struct account_record r;
    OK(store_open(p->path, STORE_WRITE, &other, &p->why));
    OK(store_begin(other, &p->why));
    account_record_init(&r, false, "tina");
    FAILS(ERR_IO, store_add(p->store, &r, 1, &p->why));
    assert_non_null(strstr(p->why.text, "locked"));
    store_rollback(other);
    store_close(other);
    OK(store_add(p->store, &r, 1, &p->why));
    OK(store_check(p->store, &p->why));
}

#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        PLACED(every_member_is_stored_and_read_back),
        PLACED(what_an_account_does_not_set_comes_from_its_group),
        PLACED(an_update_writes_the_named_members_alone),
        PLACED(names_are_unique_and_groups_must_exist),
        PLACED(hostile_names_reach_no_statement),
        PLACED(a_list_is_in_the_order_of_names),
        PLACED(what_belongs_to_an_account_goes_with_it),
        PLACED(a_transaction_is_in_or_out_as_a_whole),
        PLACED(keys_are_added_once_and_deleted_by_index_or_fingerprint),
        PLACED(an_account_logs_in_with_its_groups_keys_too),
        PLACED(keys_of_one_account_are_bounded),
        PLACED(a_password_hash_is_stored_only_when_it_could_be_verified),
        PLACED(a_totp_step_is_spent_once_and_never_backwards),
        PLACED(a_recovery_code_is_spent_once),
        PLACED(charges_stop_at_the_limit_exactly),
        PLACED(a_session_that_ends_well_leaves_an_exact_sum),
        PLACED(a_session_that_dies_asks_for_a_count),
        PLACED(a_count_during_a_charge_is_taken_forward_and_repeated_later),
        PLACED(the_file_is_its_owners_alone),
        PLACED(a_file_that_others_may_touch_is_refused),
        PLACED(a_link_or_nothing_in_its_place_is_refused),
        PLACED(a_file_that_is_no_account_database_is_refused_and_left_alone),
        PLACED(a_file_of_a_newer_version_is_refused),
        PLACED(values_planted_in_the_file_are_not_believed),
        PLACED(a_reader_cannot_write),
        PLACED(waiting_for_another_writer_has_an_end),
    };
    return cmocka_run_group_tests_name("account/store", tests, NULL, NULL);
}
