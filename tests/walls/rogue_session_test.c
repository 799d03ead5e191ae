/*
 * A session process that its peer has taken over (threats A1, S2; doc/SECURITY.md):
 * it holds the session's end of the trust line of a login that was accepted, and
 * speaks the monitor's protocol in every order. What it says about itself is not
 * believed, what it charges is its own account's, and what is signed for it is a
 * hash or the monitor's own text.
 */
#include "rogue_rig.h"

#include "daemon/recorder.h"

/* ---- asking ---- */

static bool
ask(struct rogue *c, const void *message, size_t n)
{
    return rogue_ask(c, MONITOR_SESSION, message, n);
}

static bool
ask_op(struct rogue *c, uint32_t op)
{
    return rogue_ask_op(c, MONITOR_SESSION, op);
}

static bool
charge(struct rogue *c, uint32_t op, int64_t octets, int64_t files)
{
    const struct monitor_charge r = {.op = op, .octets = octets, .files = files};
    return ask(c, &r, sizeof r);
}

static void
begin(struct rig *r, struct rogue *c, const char *user)
{
    rogue_enter(r, c);
    rogue_become_session(c, user);
    assert_true(ask_op(c, MONITOR_GRANT));
    assert_string_equal(c->reply.grant.user, user);
}

/* Ended, and said so. */
static void
must_end(struct rogue *c, bool is_answered)
{
    assert_false(is_answered);
    assert_int_equal(c->n_misused, 1);
    assert_int_equal(c->n_accepted, 1);
    rogue_leave(c);
}

/* ---- orders ---- */

/* The honest form of each request of a session. */
static const void *
honest(uint32_t op, size_t *n)
{
    static union monitor_request r;
    memset(&r, 0, sizeof r);
    r.op = op;
    *n = monitor_request_size(op);
    if (op == MONITOR_RECORD)
        r.record.record.kind = RECORD_REMOVE;
    if (op == MONITOR_SIGN) {
        r.sign.n = 32;
        memset(r.sign.hash, 7, 32);
    }
    if (op == MONITOR_SIGN || op == MONITOR_PROVE)
        snprintf(r.sign.algo, sizeof r.sign.algo, "ssh-ed25519");
    return &r;
}

struct model {
    bool was_granted, has_left;
};

static bool
may_come(struct model *m, uint32_t op)
{
    bool is_sessions = op == MONITOR_SIGN || (op >= MONITOR_GRANT && op < MONITOR_OPS);
    bool may = is_sessions && !m->has_left && m->was_granted == (op != MONITOR_GRANT);
    m->was_granted |= op == MONITOR_GRANT;
    m->has_left |= op == MONITOR_LEAVE;
    return may;
}

/* Which of the ops, 0..MONITOR_OPS, the digits of `code` name: where it ends. */
static unsigned
run(struct rig *r, const uint32_t *ops, unsigned n)
{
    struct rogue c;
    struct model m = {0};
    bool is_expected = true;
    unsigned i = 0;
    rogue_enter(r, &c);
    rogue_become_session(&c, "alice");
    while (i < n && is_expected) {
        size_t size;
        const void *message = honest(ops[i], &size);
        is_expected = may_come(&m, ops[i++]);
        bool is_answered = ask(&c, message, size ? size : sizeof(uint32_t));
        if (is_answered != is_expected || c.n_misused == is_expected)
            fail_msg("ops %u %u %u, the %uth: answered %d", ops[0], ops[1], ops[2], i,
                     is_answered);
    }
    assert_int_equal(c.n_accepted, 1);
    rogue_leave(&c);
    return i;
}

static void
every_order(void **state)
{
    enum { LENGTH = 4 };
    uint32_t ops[LENGTH] = {0};
    unsigned n_run = 0;
    for (;;) {
        unsigned at = run(*state, ops, LENGTH) - 1;
        n_run++;
        while (ops[at] == MONITOR_OPS) {
            if (at-- == 0) {
                assert_true(n_run > 500);
                return;
            }
        }
        ops[at]++;
        memset(ops + at + 1, 0, (LENGTH - 1 - at) * sizeof *ops);
    }
}

static void
nothing_is_answered_before_the_grant(void **state)
{
    for (uint32_t op = 0; op <= MONITOR_OPS; op++) {
        struct rogue c;
        size_t n;
        if (op == MONITOR_GRANT)
            continue;
        rogue_enter(*state, &c);
        rogue_become_session(&c, "alice");
        const void *message = honest(op, &n);
        must_end(&c, ask(&c, message, n ? n : sizeof op));
    }
}

static void
a_second_grant_is_refused(void **state)
{
    struct rogue c;
    begin(*state, &c, "alice");
    must_end(&c, ask_op(&c, MONITOR_GRANT));
}

static void
two_requests_at_once_end_it(void **state)
{
    struct rig *r = *state;
    struct rogue c;
    const struct monitor_charge q = {.op = MONITOR_CHARGE, .octets = 1};
    if (r->kind == ROGUE_SERVE)
        skip(); /* answers at once: there never are two */
    begin(r, &c, "alice");
    rogue_put(&c, MONITOR_SESSION, &q, sizeof q);
    rogue_put(&c, MONITOR_SESSION, &q, sizeof q);
    while (rogue_await(&c, MONITOR_SESSION))
        ;
    assert_true(c.n_misused <= 1);
    rogue_leave(&c);
}

/* ---- signing ---- */

static void
only_hashes_and_own_texts_are_signed(void **state)
{
    static const struct {
        uint32_t op, key, n;
        const char *algo;
        bool may;
    } cases[] = {
        {MONITOR_SIGN, 0, 32, "ssh-ed25519", true},
        {MONITOR_SIGN, 0, 48, "ssh-ed25519", true},
        {MONITOR_SIGN, 0, 64, "ssh-ed25519", true},
        {MONITOR_SIGN, 0, 0, "ssh-ed25519", false},
        {MONITOR_SIGN, 0, 31, "ssh-ed25519", false},
        {MONITOR_SIGN, 0, 33, "ssh-ed25519", false},
        {MONITOR_SIGN, 0, 65, "ssh-ed25519", false},
        {MONITOR_SIGN, 0, UINT32_MAX, "ssh-ed25519", false},
        {MONITOR_SIGN, 1, 32, "ssh-ed25519", false},
        {MONITOR_SIGN, UINT32_MAX, 32, "ssh-ed25519", false},
        {MONITOR_SIGN, 0, 32, "rsa-sha2-512", false},
        {MONITOR_SIGN, 0, 32, "", false},
        {MONITOR_PROVE, 0, 0, "ssh-ed25519", true},
        {MONITOR_PROVE, 0, 32, "ssh-ed25519", false},
        {MONITOR_PROVE, 31, 0, "ssh-ed25519", false},
        {MONITOR_PROVE, UINT32_MAX, 0, "ssh-ed25519", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rogue c;
        begin(*state, &c, "alice");
        struct monitor_sign_request r = rogue_sign(&c, cases[i].n);
        r.op = cases[i].op;
        r.key = cases[i].key;
        memset(r.algo, 0, sizeof r.algo);
        snprintf(r.algo, sizeof r.algo, "%s", cases[i].algo);
        bool is_answered = ask(&c, &r, sizeof r);
        if (!cases[i].may) {
            must_end(&c, is_answered);
            continue;
        }
        assert_true(is_answered);
        assert_int_equal(c.reply.verdict, 1);
        rogue_leave(&c);
    }
}

/* C5: what proves a host key is built by the monitor, and given once. */
static void
C5_a_host_key_is_proven_once(void **state)
{
    struct rogue c;
    begin(*state, &c, "alice");
    struct monitor_sign_request r = rogue_sign(&c, 0);
    r.op = MONITOR_PROVE;
    assert_true(ask(&c, &r, sizeof r));
    assert_true(c.reply.signature.n > 0);
    assert_true(ask(&c, &r, sizeof r));
    assert_int_equal(c.reply.verdict, 0);
    assert_int_equal(c.reply.signature.n, 0);
    rogue_leave(&c);
}

/* ---- records ---- */

static void
hostile_records_end_it(void **state)
{
    static const struct {
        uint32_t kind, path_len, other_len, has_sha256;
        char end; /* the last octet of text */
    } cases[] = {
        {0, 0, 0, 0, 0},
        {RECORD_LOGIN, 0, 0, 0, 0},
        {RECORD_LOGIN_FAILED, 0, 0, 0, 0},
        {RECORD_LOGOUT, 0, 0, 0, 0},
        {RECORD_REFUSED + 1, 0, 0, 0, 0},
        {UINT32_MAX, 0, 0, 0, 0},
        {RECORD_REMOVE, RECORD_PATH_MAX + 1, 0, 0, 0},
        {RECORD_RENAME, 1, UINT32_MAX, 0, 0},
        {RECORD_UPLOAD, 1, 0, 2, 0},
        {RECORD_REFUSED, 1, 0, 0, 'x'},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rogue c;
        static struct monitor_record r;
        begin(*state, &c, "alice");
        r = (struct monitor_record){.op = MONITOR_RECORD};
        r.record.kind = cases[i].kind;
        r.record.path_len = cases[i].path_len;
        r.record.other_len = cases[i].other_len;
        r.record.has_sha256 = cases[i].has_sha256;
        memset(r.record.text, cases[i].end, sizeof r.record.text);
        must_end(&c, ask(&c, &r, sizeof r));
    }
}

/* The record of a removal that the recorder gets. */
static void
await_removal(struct rig *r, struct record *found)
{
    static struct recorder_request request;
    do
        assert_int_equal(link_await(r->recorder, &request, sizeof request, 10 * 1000),
                         ERR_NONE);
    while (request.record.kind != RECORD_REMOVE);
    *found = request.record;
}

static void
records_in_anothers_name_are_corrected(void **state)
{
    static struct monitor_record r;
    static struct record got;
    struct rogue c;
    begin(*state, &c, "alice");
    r = (struct monitor_record){.op = MONITOR_RECORD};
    r.record = (struct record){
        .kind = RECORD_REMOVE,
        .connection = 7,
        .user = "bob",
        .address = "203.0.113.1",
        .port = 9,
        .client = "SSH-2.0-forged",
        .method = "password",
        .key = "ED25519 SHA256:forged",
        .root = "/home/bob",
        .path_len = 5,
        .path = "/file",
    };
    assert_true(ask(&c, &r, sizeof r));
    await_removal(*state, &got);
    assert_int_equal(got.connection, c.id);
    assert_string_equal(got.user, "alice");
    assert_string_equal(got.address, "192.0.2.7");
    assert_int_equal(got.port, 4000);
    assert_string_equal(got.client, "");
    assert_string_equal(got.method, "publickey");
    assert_memory_equal(got.key, "ED25519 SHA256:", 15);
    assert_null(strstr(got.key, "forged"));
    assert_int_equal(got.is_virtual, 1);
    assert_string_equal(got.root, "/tmp");
    assert_memory_equal(got.path, "/file", 5);
    rogue_leave(&c);
}

/* ---- names ---- */

/* The system's names are nobody's business who is no account of the system. */
static void
names_are_for_system_accounts(void **state)
{
    struct rogue c;
    const struct monitor_name_request user = {.op = MONITOR_NAME, .id = 0};
    const struct monitor_name_request group = {.op = MONITOR_NAME, .is_group = 1};
    const struct monitor_name_request neither = {.op = MONITOR_NAME, .is_group = 2};
    begin(*state, &c, "alice");
    assert_true(ask(&c, &user, sizeof user));
    assert_int_equal(c.reply.verdict, 0);
    assert_string_equal(c.reply.name, "");
    assert_true(ask(&c, &group, sizeof group));
    assert_string_equal(c.reply.name, "");
    must_end(&c, ask(&c, &neither, sizeof neither));
}

/* ---- quota, of `ferryd run` ---- */

static void
read_usage(struct rig *r, const char *user, uint64_t *octets, uint64_t *files)
{
    struct rogue c;
    begin(r, &c, user);
    assert_true(charge(&c, MONITOR_CHARGE, 0, 0));
    *octets = c.reply.quota.used_octets;
    *files = c.reply.quota.used_files;
    assert_true(ask_op(&c, MONITOR_LEAVE));
    rogue_leave(&c);
}

static void
charges_are_the_own_accounts(void **state)
{
    struct rogue c;
    uint64_t octets, files;
    begin(*state, &c, "alice");
    assert_true(charge(&c, MONITOR_CHARGE, 1000, 3));
    assert_int_equal(c.reply.verdict, 1);
    read_usage(*state, "bob", &octets, &files);
    assert_int_equal(octets, 0);
    assert_int_equal(files, 0);
    assert_true(charge(&c, MONITOR_RECOUNTED, 5, 1));
    read_usage(*state, "bob", &octets, &files);
    assert_int_equal(octets, 0);
    rogue_leave(&c);
}

/* Whatever is charged and given back: between 0 and the limit. */
static void
charges_stay_within_the_limits(void **state)
{
    static const int64_t values[] = {
        0,
        1,
        -1,
        1000,
        -1000,
        1 << 20,
        (1 << 20) + 1,
        -(1 << 20),
        INT64_C(1) << 53,
        -(INT64_C(1) << 53),
        INT64_C(1) << 62,
        INT64_MAX,
        INT64_MIN,
        INT64_MIN + 1,
        INT32_MAX,
        UINT32_MAX,
    };
    struct rogue c;
    begin(*state, &c, "alice");
    for (size_t i = 0; i < ARRAY_LEN(values) * ARRAY_LEN(values); i++) {
        int64_t octets = values[i % ARRAY_LEN(values)];
        int64_t files = values[i / ARRAY_LEN(values)];
        assert_true(charge(&c, MONITOR_CHARGE, octets, files));
        assert_true(charge(&c, MONITOR_CHARGE, 0, 0));
        assert_true(c.reply.quota.used_octets <= 1 << 20);
        assert_true(c.reply.quota.used_files <= 10);
        assert_int_equal(c.reply.quota.limit_octets, 1 << 20);
        assert_int_equal(c.reply.quota.limit_files, 10);
    }
    rogue_leave(&c);
}

static void
a_negative_count_ends_it(void **state)
{
    struct rogue c;
    begin(*state, &c, "alice");
    must_end(&c, charge(&c, MONITOR_RECOUNTED, -1, 0));
    begin(*state, &c, "alice");
    must_end(&c, charge(&c, MONITOR_RECOUNTED, 0, INT64_MIN));
}

/* ---- floods ---- */

static long
resident_pages(pid_t pid)
{
    char path[64];
    long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2);
    fclose(f);
    return resident;
}

/* Each is answered before the next is taken: a flood is as fast as its answers,
 * grows no more than the records that wait for a recorder which hangs, and others
 * are served meanwhile. */
static void
a_flood_is_bounded(void **state)
{
    enum { REQUESTS = 100 * 1000, GROWTH_PAGES = 2048 };
    struct rig *r = *state;
    struct rogue c, other;
    size_t n;
    begin(r, &c, "alice");
    begin(r, &other, "bob");
    long before = resident_pages(r->monitor);
    for (int i = 0; i < REQUESTS; i++) {
        const void *message = honest(i % 2 ? MONITOR_RECORD : MONITOR_NAME, &n);
        assert_true(ask(&c, message, n));
        if (i % 10000 == 0)
            assert_true(charge(&other, MONITOR_CHARGE, 1, 0));
    }
    assert_true(resident_pages(r->monitor) - before < GROWTH_PAGES);
    rogue_leave(&c);
    rogue_leave(&other);
}

/* ---- running ---- */

static int
set_up_serve(void **state)
{
    *state = rig_start(ROGUE_SERVE);
    return 0;
}

static int
set_up_run(void **state)
{
    *state = rig_start(ROGUE_RUN);
    return 0;
}

static int
tear_down(void **state)
{
    rig_stop(*state);
    return 0;
}

int
main(void)
{
    static const struct CMUnitTest serve[] = {
        cmocka_unit_test(every_order),
        cmocka_unit_test(nothing_is_answered_before_the_grant),
        cmocka_unit_test(a_second_grant_is_refused),
        cmocka_unit_test(only_hashes_and_own_texts_are_signed),
        cmocka_unit_test(C5_a_host_key_is_proven_once),
        cmocka_unit_test(hostile_records_end_it),
        cmocka_unit_test(names_are_for_system_accounts),
        cmocka_unit_test(a_negative_count_ends_it),
    };
    static const struct CMUnitTest book[] = {
        /* The first one, while there is room for records: nobody takes them. */
        cmocka_unit_test(records_in_anothers_name_are_corrected),
        cmocka_unit_test(every_order),
        cmocka_unit_test(nothing_is_answered_before_the_grant),
        cmocka_unit_test(a_second_grant_is_refused),
        cmocka_unit_test(two_requests_at_once_end_it),
        cmocka_unit_test(only_hashes_and_own_texts_are_signed),
        cmocka_unit_test(C5_a_host_key_is_proven_once),
        cmocka_unit_test(hostile_records_end_it),
        cmocka_unit_test(names_are_for_system_accounts),
        cmocka_unit_test(charges_are_the_own_accounts),
        cmocka_unit_test(charges_stay_within_the_limits),
        cmocka_unit_test(a_negative_count_ends_it),
        cmocka_unit_test(a_flood_is_bounded),
    };
    alarm(600);
    return cmocka_run_group_tests_name("ferryd serve", serve, set_up_serve, tear_down) +
           cmocka_run_group_tests_name("ferryd run", book, set_up_run, tear_down);
}
