/*
 * Two engines, one of which misbehaves. Each test is a row of the threat list
 * (doc/SECURITY.md): T2-T8, T11, A5, C1-C5, and deadlines.
 */
#include "base/base_test.h"

#include "crypto/rand.h"
#include "ssh/pair.h"

static const struct conn_limits no_limits;

static void
expect_end(const struct conn *c, enum err code, const char *words)
{
    const struct fault *f = conn_fault(c);
    if (f->code != code || !strstr(f->text, words))
        fail_msg("expected %s with \"%s\", got %s: %s", err_name(code), words,
                 err_name(f->code), f->text);
}

static void
expect_alive(const struct conn *c)
{
    if (conn_fault(c)->code != ERR_NONE)
        fail_msg("ended: %s", conn_fault(c)->text);
}

/* Only the first flight: identification and KEXINIT have crossed. */
static void
pair_until_kex(struct pair *p)
{
    p->client_logs_in = false;
    struct iovec iov[8];
    struct conn_event ev;
    size_t room;
    int n = conn_tx_iov(p->client, iov, 8);
    for (int i = 0; i < n; i++) {
        memcpy(conn_rx_space(p->server, &room), iov[i].iov_base, iov[i].iov_len);
        conn_rx_added(p->server, iov[i].iov_len);
        conn_tx_sent(p->client, iov[i].iov_len);
    }
    while (conn_next_event(p->server, &ev))
        continue;
    assert_int_equal(p->server->phase, PHASE_KEX_INIT);
}

/* ---- T2: what may come when ---- */

static void
a_number_outside_its_phase_ends_the_connection(void **state)
{
    (void)state;
    static const struct {
        enum conn_role role;
        enum phase phase;
        const char *allowed; /* numbers, besides 1-4, with spaces around each */
    } cases[] = {
        {CONN_SERVER, PHASE_KEXINIT, " 20 "},
        {CONN_CLIENT, PHASE_KEXINIT, " 20 "},
        {CONN_SERVER, PHASE_KEX_INIT, " 30 "},
        {CONN_CLIENT, PHASE_KEX_REPLY, " 31 "},
        {CONN_CLIENT, PHASE_GEX_GROUP, " 31 "},
        {CONN_CLIENT, PHASE_GEX_REPLY, " 33 "},
        {CONN_SERVER, PHASE_NEWKEYS, " 21 "},
        {CONN_CLIENT, PHASE_NEWKEYS, " 21 "},
        {CONN_SERVER, PHASE_SERVICE, " 5 7 192 "},
        {CONN_CLIENT, PHASE_SERVICE, " 6 7 53 192 "},
        {CONN_SERVER, PHASE_AUTH, " 5 7 50 192 "},
        {CONN_SERVER, PHASE_AUTH_ANSWER, " 7 50 61 192 "},
        {CONN_CLIENT, PHASE_AUTH, " 7 51 52 53 192 "},
        {CONN_CLIENT, PHASE_AUTH_PASSWORD, " 7 51 52 53 60 192 "},
        {CONN_CLIENT, PHASE_AUTH_QUERY, " 7 51 52 53 60 192 "},
        {CONN_CLIENT, PHASE_AUTH_KBDINT, " 7 51 52 53 60 192 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (unsigned number = 0; number < 256; number++) {
            char word[8];
            snprintf(word, sizeof word, " %u ", number);
            bool is_allowed =
                (number >= 1 && number <= 4) || strstr(cases[i].allowed, word) != NULL;
            struct pair p;
            pair_new(&p, &no_limits);
            struct conn *c = cases[i].role == CONN_CLIENT ? p.client : p.server;
            c->phase = cases[i].phase;
            uint8_t payload = (uint8_t)number;
            enum err e = rules_dispatch(c, bytes_of(&payload, 1));
            bool is_refused =
                e != ERR_NONE && strstr(conn_fault(c)->text, "may not come now") != NULL;
            if (is_refused == is_allowed)
                fail_msg("role %d, phase %d, message %u: %s", cases[i].role,
                         cases[i].phase, number, conn_fault(c)->text);
            pair_free(&p);
        }
}

static void
connection_messages_before_authentication_end_it(void **state)
{
    (void)state;
    static const struct bytes early[] = {
        {(const uint8_t *)"\x5a\0\0\0\7session\0\0\0\0\0\1\0\0\0\0\x80\0", 24},
        {(const uint8_t *)"\x50\0\0\0\1x\1", 7},
        {(const uint8_t *)"\x34", 1}, /* USERAUTH_SUCCESS from a client */
    };
    for (size_t i = 0; i < ARRAY_LEN(early); i++) {
        struct pair p;
        pair_new(&p, &no_limits);
        p.client_logs_in = false;
        pair_run(&p);
        pair_inject(p.client, early[i]);
        pair_run(&p);
        expect_end(p.server, ERR_PROTO, "may not come now");
        pair_free(&p);
    }
}

static void
unknown_numbers_are_answered_with_unimplemented_once_open(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    pair_inject(p.client, BYTES_LIT("\xc8what"));
    pair_run(&p);
    expect_alive(p.server);
    expect_alive(p.client);
    pair_free(&p);
}

static void
trailing_octets_are_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    pair_inject(p.client, BYTES_LIT("\x60\0\0\0\0x"));
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "behind a CHANNEL_EOF");
    pair_free(&p);
}

/* ---- T3, T4, T7: key exchange ---- */

static void
strict_exchange_refuses_everything_else(void **state)
{
    (void)state;
    static const struct bytes noise[] = {
        {(const uint8_t *)"\2\0\0\0\1x", 6},            /* IGNORE */
        {(const uint8_t *)"\4\1\0\0\0\1x\0\0\0\0", 11}, /* DEBUG */
        {(const uint8_t *)"\3\0\0\0\0", 5},             /* UNIMPLEMENTED */
        {(const uint8_t *)"\xc0\0\0\0\0", 5},           /* PING */
        {(const uint8_t *)"\7\0\0\0\0", 5},             /* EXT_INFO */
    };
    for (size_t i = 0; i < ARRAY_LEN(noise); i++) {
        struct pair p;
        pair_new(&p, &no_limits);
        pair_until_kex(&p);
        pair_inject_urgent(p.client, noise[i]);
        pair_run(&p);
        expect_end(p.server, ERR_PROTO, "may not come now");
        pair_free(&p);
    }
}

static void
strict_exchange_wants_kexinit_first(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    struct packet *kexinit = packet_queue_take(&p.client->tx.urgent);
    pair_inject_urgent(p.client, BYTES_LIT("\2\0\0\0\1x"));
    packet_queue_put(&p.client->tx.urgent, kexinit);
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "KEXINIT was not the first message");
    pair_free(&p);
}

static void
second_kexinit_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_until_kex(&p);
    pair_inject_urgent(p.client, buf_bytes(&p.client->kex.own_init));
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "message 20 may not come now");
    pair_free(&p);
}

static void
rekeying_before_authentication_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    p.client_logs_in = false;
    pair_run(&p);
    pair_inject(p.client, buf_bytes(&p.client->kex.own_init));
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "message 20 may not come now");
    pair_free(&p);
}

static void
flood_behind_our_kexinit_is_bounded(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    conn_rekey(p.server);
    p.client_is_deaf = true; /* it never sees our KEXINIT and so never answers */
    uint8_t ping[5 + 1000] = {SSH_MSG_PING, 0, 0, 1000 >> 8, 1000 & 255};
    for (int i = 0; i < 1000 && conn_fault(p.server)->code == ERR_NONE; i++) {
        pair_inject(p.client, bytes_of(ping, sizeof ping));
        pair_run(&p);
    }
    expect_end(p.server, ERR_LIMIT, "too much was asked during a key exchange");
    assert_in_range(p.server->pool.n_live, 0, 4);
    pair_free(&p);
}

static void
data_behind_the_peers_kexinit_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    conn_rekey(p.client);
    pair_inject_urgent(p.client, BYTES_LIT("\x5e\0\0\0\0\0\0\0\1x"));
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "message 94 may not come now");
    pair_free(&p);
}

/* Debian 12's asyncssh does so in every rekey. */
static void
data_behind_the_kexinit_of_asyncssh_2_10_is_taken(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    snprintf(p.server->peer_ident.software, sizeof p.server->peer_ident.software,
             "AsyncSSH_2.10.1");
    conn_rekey(p.client);
    pair_inject_urgent(p.client, BYTES_LIT("\x5e\0\0\0\0\0\0\0\1x"));
    pair_run(&p);
    expect_alive(p.server);
    assert_int_equal(p.server_got, 1);
    assert_int_equal(conn_kex_info(p.server)->n_kex, 2);
    pair_free(&p);
}

static void
wrong_guess_is_dropped_once(void **state)
{
    (void)state;
    for (int n_guesses = 1; n_guesses <= 2; n_guesses++) {
        struct pair p;
        pair_new(&p, &no_limits);
        pair_until_kex(&p);
        p.server->kex.skip_guess = true;
        for (int i = 1; i < n_guesses; i++)
            pair_inject_urgent(p.client, BYTES_LIT("\x1f guess"));
        pair_inject_urgent(p.client, BYTES_LIT("\x1e guess"));
        pair_run(&p);
        if (n_guesses == 1)
            expect_alive(p.server);
        else
            expect_end(p.server, ERR_PROTO, "malformed KEX_INIT");
        pair_free(&p);
    }
}

static struct bytes
kexinit_with(struct buf *b, struct bytes kex_list)
{
    uint8_t cookie[16] = {0};
    struct bytes none = BYTES_LIT("none");
    struct ssh_kexinit m = {
        .cookie = bytes_of(cookie, 16),
        .kex_algorithms = kex_list,
        .server_host_key_algorithms = BYTES_LIT("ssh-ed25519"),
        .encryption_client_to_server = BYTES_LIT("aes128-gcm@openssh.com"),
        .encryption_server_to_client = BYTES_LIT("aes128-gcm@openssh.com"),
        .compression_client_to_server = none,
        .compression_server_to_client = none};
    buf_init(b, 100000);
    msg_put(&ssh_msgs[SSH_KEXINIT], b, &m);
    return buf_bytes(b);
}

static void
kexinit_lists_are_bounded_and_must_match(void **state)
{
    (void)state;
    char many[65 * 2], longer[65];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ',' : 'n';
    memset(longer, 'x', sizeof longer);
    const struct {
        struct bytes list;
        const char *words;
    } cases[] = {
        {bytes_of(many, sizeof many - 1), "malformed KEXINIT"},
        {bytes_of(longer, sizeof longer), "malformed KEXINIT"},
        {BYTES_LIT("diffie-hellman-group1-sha1"), "no key exchange method in common"},
        {BYTES_LIT("ext-info-s,kex-strict-s-v00@openssh.com"),
         "no key exchange method in common"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        struct buf b;
        pair_new(&p, &no_limits);
        packet_queue_clear(&p.client->tx.urgent);
        pair_inject_urgent(p.client, kexinit_with(&b, cases[i].list));
        pair_run(&p);
        expect_end(p.server, ERR_PROTO, cases[i].words);
        buf_clear(&b);
        pair_free(&p);
    }
}

static void
peer_may_not_rekey_all_the_time(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    int n = 0;
    while (n < 100 && conn_fault(p.server)->code == ERR_NONE) {
        conn_rekey(p.client);
        pair_run(&p);
        n++;
    }
    assert_in_range(n, 8, 12);
    expect_end(p.server, ERR_LIMIT, "too often");
    pair_free(&p);
}

/* A client with a small RekeyLimit in the middle of a transfer. */
static void
peer_may_rekey_for_data_moved(void **state)
{
    (void)state;
    static uint8_t data[200 * 1024];
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(
            stream_write(conn_channel_stream(p.client_chan), bytes_of(data, sizeof data)),
            ERR_NONE);
        pair_run(&p);
        conn_rekey(p.client);
        pair_run(&p);
    }
    expect_alive(p.server);
    assert_int_equal(conn_kex_info(p.server)->n_kex, 51);
    pair_free(&p);
}

static void
rekeys_by_volume_and_time_keep_the_session_id(void **state)
{
    (void)state;
    struct conn_limits limits = {.rekey_ms = 60000};
    struct pair p;
    pair_new(&p, &limits);
    pair_open(&p);
    uint8_t id[64];
    struct bytes before = conn_session_id(p.client);
    memcpy(id, before.p, before.n);
    pair_tick(&p, 60000);
    pair_tick(&p, 60000);
    assert_int_equal(conn_kex_info(p.client)->n_kex, 3);
    assert_bytes_equal(conn_session_id(p.client), bytes_of(id, before.n));
    assert_bytes_equal(conn_session_id(p.server), bytes_of(id, before.n));
    p.client->tx.key_packets = (uint64_t)1 << 31;
    pair_tick(&p, 2000);
    assert_int_equal(conn_kex_info(p.server)->n_kex, 4);
    expect_alive(p.client);
    pair_free(&p);
}

static void
wrong_host_signature_ends_the_connection(void **state)
{
    (void)state;
    struct pair p;
    struct conn_event ev;
    pair_new(&p, &no_limits);
    pair_until_kex(&p);
    p.server->kex.hash[0] ^= 1; /* what the server will sign differs */
    struct iovec iov[8];
    size_t room;
    bool is_asked = false;
    for (int turn = 0; turn < 10 && !is_asked; turn++) {
        struct conn *ends[2][2] = {{p.client, p.server}, {p.server, p.client}};
        for (size_t k = 0; k < 2; k++) {
            int n = conn_tx_iov(ends[k][0], iov, 8);
            for (int i = 0; i < n; i++) {
                memcpy(conn_rx_space(ends[k][1], &room), iov[i].iov_base, iov[i].iov_len);
                conn_rx_added(ends[k][1], iov[i].iov_len);
                conn_tx_sent(ends[k][0], iov[i].iov_len);
            }
        }
        while (conn_next_event(p.client, &ev))
            assert_int_not_equal(ev.type, CONN_EV_HOST_KEY);
        while (conn_next_event(p.server, &ev))
            if (ev.type == CONN_EV_SIGN) {
                is_asked = true;
                p.server->kex.hash[0] ^= 1;
                /* a well-formed ed25519 signature, of something else */
                uint8_t sig[4 + 11 + 4 + 64] = "\0\0\0\x0bssh-ed25519\0\0\0\x40";
                conn_answer_sign(p.server, ev.sign.token, bytes_of(sig, sizeof sig));
            }
    }
    assert_true(is_asked);
    pair_run(&p);
    expect_end(p.client, ERR_CRYPTO, "signature of the key exchange is wrong");
    assert_false(conn_is_authenticated(p.client));
    pair_free(&p);
}

/* ---- T8: counts ---- */

static void
ext_info_count_is_not_believed(void **state)
{
    (void)state;
    static const struct bytes infos[] = {
        {(const uint8_t *)"\7\xff\xff\xff\xff\0\0\0\1a\0\0\0\1b", 15},
        {(const uint8_t *)"\7\0\0\0\2\0\0\0\1a\0\0\0\1b", 15},
    };
    for (size_t i = 0; i < ARRAY_LEN(infos); i++) {
        struct pair p;
        pair_new(&p, &no_limits);
        p.client_logs_in = false;
        pair_run(&p);
        p.client->await = AWAIT_NOTHING; /* as if a request were under way */
        pair_inject(p.server, infos[i]);
        pair_run(&p);
        assert_int_equal(conn_fault(p.client)->code, ERR_PROTO);
        pair_free(&p);
    }
}

/* ---- A5: authentication ---- */

static void
try_passwords(struct pair *p, int times)
{
    p->answers_auth = false;
    p->client_logs_in = false;
    pair_run(p);
    for (int i = 0; i < times && conn_fault(p->server)->code == ERR_NONE; i++) {
        conn_auth_password(p->client, BYTES_LIT("guess"));
        pair_run(p);
        pair_tick(p, 10);
    }
}

static void
failures_are_counted(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    try_passwords(&p, 10000);
    assert_int_equal(p.n_auth_requests, 6);
    expect_end(p.server, ERR_AUTH, "too many authentication failures");
    pair_free(&p);
}

static void
all_requests_are_counted(void **state)
{
    (void)state;
    struct conn_limits limits = {.auth_failures = 1000, .auth_requests = 20};
    struct pair p;
    pair_new(&p, &limits);
    p.client->limits.auth_requests = 1000;
    try_passwords(&p, 10000);
    assert_int_equal(p.n_auth_requests, 20);
    expect_end(p.server, ERR_LIMIT, "too many authentication requests");
    pair_free(&p);
}

static void
failure_comes_no_sooner_than_its_delay(void **state)
{
    (void)state;
    struct conn_limits limits = {.auth_delay_ms = 50};
    struct pair p;
    pair_new(&p, &limits);
    p.answers_auth = false;
    p.client_logs_in = false;
    pair_run(&p);
    conn_auth_password(p.client, BYTES_LIT("guess"));
    pair_run(&p);
    assert_int_equal(p.n_auth_requests, 1);
    pair_tick(&p, 49);
    assert_int_equal(p.n_auth_failures, 0);
    pair_tick(&p, 1);
    assert_int_equal(p.n_auth_failures, 1);
    pair_free(&p);
}

static void
postpone_by_500_ms(struct pair *p, const struct conn_auth_request *request)
{
    (void)request;
    conn_auth_delay(p->server, 500);
}

/* A4: what the monitor wants, but never less than the engine's own delay. */
static void
a_refusal_can_be_postponed(void **state)
{
    (void)state;
    static const struct {
        uint32_t auth_delay_ms, due_ms;
    } cases[] = {{50, 500}, {800, 800}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conn_limits limits = {.auth_delay_ms = cases[i].auth_delay_ms};
        struct pair p;
        pair_new(&p, &limits);
        p.answers_auth = p.client_logs_in = false;
        p.on_auth = postpone_by_500_ms;
        pair_run(&p);
        conn_auth_password(p.client, BYTES_LIT("guess"));
        pair_run(&p);
        pair_tick(&p, cases[i].due_ms - 1);
        assert_int_equal(p.n_auth_failures, 0);
        pair_tick(&p, 1);
        assert_int_equal(p.n_auth_failures, 1);
        pair_free(&p);
    }
}

static void
the_next_refusal_is_not_postponed(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    p.answers_auth = p.client_logs_in = false;
    p.on_auth = postpone_by_500_ms;
    pair_run(&p);
    conn_auth_password(p.client, BYTES_LIT("guess"));
    pair_run(&p);
    pair_tick(&p, 500);
    p.on_auth = NULL;
    conn_auth_password(p.client, BYTES_LIT("guess"));
    pair_run(&p);
    pair_tick(&p, 5);
    assert_int_equal(p.n_auth_failures, 2);
    pair_free(&p);
}

static void
expect_rebuilt(struct pair *p, const struct conn_auth_request *r)
{
    struct buf data;
    buf_init(&data, 4096);
    auth_signed_data(conn_session_id(p->server), r->user, bytes_str(r->algo->name),
                     r->key, r->is_hostbound ? pair_key() : (struct bytes){0}, &data);
    assert_int_equal(r->method, AUTH_PUBLICKEY);
    assert_int_equal(r->is_hostbound, p->client->auth.hostbound);
    assert_true(bytes_eq(buf_bytes(&data), r->signed_data));
    buf_clear(&data);
}

static void
what_a_key_signed_can_be_rebuilt_from_the_request(void **state)
{
    (void)state;
    for (int is_hostbound = 0; is_hostbound <= 1; is_hostbound++) {
        struct pair p;
        pair_new(&p, &no_limits);
        p.client_logs_in = false;
        p.on_auth = expect_rebuilt;
        pair_run(&p);
        p.client->auth.hostbound = is_hostbound;
        conn_auth_publickey(p.client, sig_by_name(BYTES_LIT("ssh-ed25519")), pair_key());
        pair_login(&p);
        assert_int_equal(p.n_auth_requests, 1);
        pair_free(&p);
    }
}

static void
user_name_may_not_change(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    try_passwords(&p, 1);
    conn_auth_user(p.client, "somebody-else");
    conn_auth_password(p.client, BYTES_LIT("guess"));
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "user name changed");
    pair_free(&p);
}

static void
send_auth_fields(struct pair *p, const char *user, const char *method,
                 struct bytes fields)
{
    struct ssh_userauth_request m = {.user_name = bytes_str(user),
                                     .service_name = BYTES_LIT("ssh-connection"),
                                     .method_name = bytes_str(method),
                                     .method_fields = fields};
    p->client->await = AWAIT_NOTHING; /* the reply is wanted */
    pair_inject_msg(p->client, SSH_USERAUTH_REQUEST, &m);
    pair_run(p);
    pair_tick(p, 20);
}

/* K6, A2: mismatched names, empty and path-like keys are refused unseen. */
static void
odd_publickey_requests_are_refused_without_asking(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm;
        struct bytes key;
    } cases[] = {
        {"ssh-ed25519", BYTES_LIT("")},
        {"ssh-ed25519", BYTES_LIT("/etc/passwd")},
        {"ssh-ed25519", BYTES_LIT("\0\0\0\x0bssh-ed25518")},
        {"ssh-ed25519", BYTES_LIT("\0\0\0\7ssh-rsa")},
        {"ssh-rsa", BYTES_LIT("\0\0\0\7ssh-rsa")},
        {"rsa-sha2-256", BYTES_LIT("\0\0\0\7ssh-rsa")}, /* not on this server's list */
        {"", BYTES_LIT("\0\0\0\0")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        struct buf fields;
        pair_new(&p, &no_limits);
        p.client_logs_in = false;
        pair_run(&p);
        buf_init(&fields, 1000);
        struct ssh_auth_publickey m = {.algorithm = bytes_str(cases[i].algorithm),
                                       .key = cases[i].key};
        msg_put(&ssh_msgs[SSH_AUTH_PUBLICKEY], &fields, &m);
        send_auth_fields(&p, "tester", "publickey", buf_bytes(&fields));
        expect_alive(p.server);
        assert_int_equal(p.n_auth_requests, 0);
        assert_int_equal(p.n_auth_failures, 1);
        buf_clear(&fields);
        pair_free(&p);
    }
}

static void
malformed_requests_end_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *user, *method;
        struct bytes fields;
    } cases[] = {
        {"tester", "password", BYTES_LIT("")},
        {"tester", "password", BYTES_LIT("\0\0\0\0\5abc")},
        {"tester", "password", BYTES_LIT("\0\0\0\0\1a\0")},
        {"tester", "publickey", BYTES_LIT("\1\0\0\0\1")},
        {"tester", "keyboard-interactive", BYTES_LIT("\0\0\0\1")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        pair_new(&p, &no_limits);
        p.client_logs_in = false;
        pair_run(&p);
        send_auth_fields(&p, cases[i].user, cases[i].method, cases[i].fields);
        expect_end(p.server, ERR_PROTO, "malformed");
        pair_free(&p);
    }
}

/* ---- C1, C2: windows and channel states ---- */

static void
send_data(struct conn *c, uint32_t recipient, uint32_t len, uint32_t real_len)
{
    struct buf b;
    buf_init(&b, PACKET_MAX);
    struct ssh_channel_data m = {.recipient_channel = recipient, .data = len};
    msg_put(&ssh_msgs[SSH_CHANNEL_DATA], &b, &m);
    memset(buf_extend(&b, real_len), 'x', real_len);
    pair_inject(c, buf_bytes(&b));
    buf_clear(&b);
}

static void
data_beyond_what_was_granted_ends_it(void **state)
{
    (void)state;
    static const struct {
        uint32_t window, max_packet, len, real_len;
        const char *words; /* NULL: fine */
    } cases[] = {
        {4000, 2000, 2000, 2000, NULL},
        {4000, 2000, 2001, 2001, "octets of channel data"},
        {1500, 2000, 1501, 1501, "octets of channel data"},
        {4000, 2000, 100, 99, "in a message with"},
        {4000, 2000, 100, 101, "in a message with"},
        {4000, 2000, UINT32_MAX, 100, "in a message with"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conn_limits limits = {.window = cases[i].window,
                                     .max_packet = cases[i].max_packet};
        struct pair p;
        pair_new(&p, &limits);
        pair_open(&p);
        send_data(p.client, p.server_chan->local_id, cases[i].len, cases[i].real_len);
        pair_run(&p);
        if (cases[i].words)
            expect_end(p.server, ERR_PROTO, cases[i].words);
        else
            expect_alive(p.server);
        pair_free(&p);
    }
}

static void
window_beyond_32_bits_ends_it(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    struct ssh_channel_window_adjust m = {.recipient_channel = p.server_chan->local_id,
                                          .bytes_to_add = UINT32_MAX};
    pair_inject_msg(p.client, SSH_CHANNEL_WINDOW_ADJUST, &m);
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "beyond 2^32-1");
    pair_free(&p);
}

static void
messages_for_channels_that_are_not_open_end_it(void **state)
{
    (void)state;
    static const uint32_t ids[] = {1, 9, 63, 64, 65, 1U << 31, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct pair p;
        pair_new(&p, &no_limits);
        pair_open(&p);
        send_data(p.client, ids[i], 1, 1);
        pair_run(&p);
        expect_end(p.server, ERR_PROTO, "not open");
        pair_free(&p);
    }
}

static void
data_behind_eof_ends_it(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    struct ssh_channel_eof m = {.recipient_channel = p.server_chan->local_id};
    pair_inject_msg(p.client, SSH_CHANNEL_EOF, &m);
    send_data(p.client, p.server_chan->local_id, 1, 1);
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "behind its end");
    pair_free(&p);
}

static void
second_close_ends_it(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    struct ssh_channel_close m = {.recipient_channel = p.server_chan->local_id};
    pair_inject_msg(p.client, SSH_CHANNEL_CLOSE, &m);
    pair_inject_msg(p.client, SSH_CHANNEL_CLOSE, &m);
    pair_run(&p);
    expect_end(p.server, ERR_PROTO, "CLOSE for channel");
    pair_free(&p);
}

/* ---- C3: what a file server does not have ---- */

static void
nothing_but_sessions_can_be_opened(void **state)
{
    (void)state;
    static const char *const types[] = {"direct-tcpip",
                                        "forwarded-tcpip",
                                        "x11",
                                        "auth-agent@openssh.com",
                                        "direct-streamlocal@openssh.com",
                                        "tun@openssh.com",
                                        ""};
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct ssh_channel_open m = {.channel_type = bytes_str(types[i]),
                                     .sender_channel = 7,
                                     .initial_window_size = 1000,
                                     .maximum_packet_size = 32768};
        conn_send(p.client, SSH_CHANNEL_OPEN, &m);
        struct conn_event ev;
        struct iovec iov[4];
        size_t room;
        int n = conn_tx_iov(p.client, iov, 4);
        assert_int_equal(n, 1);
        memcpy(conn_rx_space(p.server, &room), iov[0].iov_base, iov[0].iov_len);
        conn_rx_added(p.server, iov[0].iov_len);
        conn_tx_sent(p.client, iov[0].iov_len);
        assert_false(conn_next_event(p.server, &ev));
        assert_int_equal(p.server->n_chans, 1);
        packet_queue_clear(&p.server->tx.queue);
        expect_alive(p.server);
    }
    pair_free(&p);
}

static void
channel_with_a_tiny_packet_size_is_refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 1023};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct pair p;
        pair_new(&p, &no_limits);
        pair_login(&p);
        struct ssh_channel_open m = {.channel_type = BYTES_LIT("session"),
                                     .initial_window_size = 1000,
                                     .maximum_packet_size = sizes[i]};
        conn_send(p.client, SSH_CHANNEL_OPEN, &m);
        pair_run(&p);
        assert_int_equal(p.server->n_chans, 0);
        pair_free(&p);
    }
}

static void
requests_for_other_things_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    static const char *const types[] = {
        "pty-req", "env",   "x11-req", "auth-agent-req@openssh.com",
        "signal",  "break", "",        "winadj@putty.projects.tartarus.org"};
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct ssh_channel_request m = {.recipient_channel = p.server_chan->local_id,
                                        .request_type = bytes_str(types[i]),
                                        .want_reply = true};
        p.client_chan->n_awaited_replies++;
        pair_inject_msg(p.client, SSH_CHANNEL_REQUEST, &m);
        pair_run(&p);
        assert_int_equal(p.client_chan->n_awaited_replies, 0);
        expect_alive(p.server);
    }
    pair_free(&p);
}

static void
a_channel_runs_one_program(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_open(&p);
    conn_channel_subsystem(p.client_chan, "sftp");
    pair_run(&p);
    expect_alive(p.server);
    assert_int_equal(p.client_chan->n_awaited_replies, 0);
    pair_free(&p);
}

/* ---- C4, C5 ---- */

static void
channels_are_capped_and_their_memory_comes_back(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_login(&p);
    for (int round = 0; round < 2000; round++) {
        assert_int_equal(conn_open_session(p.client, &p.client_chan), ERR_NONE);
        pair_run(&p);
        conn_channel_close(p.client_chan, 0);
        pair_run(&p);
        assert_int_equal(p.server->n_chans, 0);
        assert_int_equal(p.client->n_chans, 0);
    }
    p.client->limits.channels = 64;
    for (int i = 0; i < 12; i++)
        assert_int_equal(conn_open_session(p.client, &p.client_chan), ERR_NONE);
    pair_run(&p);
    assert_int_equal(p.server->n_chans, 10);
    expect_alive(p.server);
    pair_free(&p);
}

static void
host_keys_are_proved_once(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_login(&p);
    assert_int_equal(p.n_hostkeys, 1);
    assert_int_equal(p.n_proven, 1);
    p.client->has_proved = false;
    struct buf list;
    buf_init(&list, 1000);
    buf_put(&list, buf_bytes(&p.server->host_keys));
    conn_hostkeys_prove(p.client, buf_bytes(&list));
    pair_run(&p);
    assert_int_equal(p.n_proven, 1);
    expect_alive(p.server);
    buf_clear(&list);
    pair_free(&p);
}

static void
unknown_global_requests_are_refused_in_order(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_login(&p);
    for (int i = 0; i < 1000; i++) {
        p.client->globals[0] = GLOBAL_KEEPALIVE;
        p.client->n_globals = 1;
        struct ssh_global_request m = {.request_name = BYTES_LIT("tcpip-forward"),
                                       .want_reply = true};
        pair_inject_msg(p.client, SSH_GLOBAL_REQUEST, &m);
        pair_run(&p);
        assert_int_equal(p.client->n_globals, 0);
    }
    expect_alive(p.server);
    pair_free(&p);
}

static void
unasked_reply_ends_it(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    pair_login(&p);
    pair_inject(p.server, BYTES_LIT("\x51"));
    pair_run(&p);
    expect_end(p.client, ERR_PROTO, "was not made");
    pair_free(&p);
}

/* ---- R6: slow consumers ---- */

static void
backlog_is_bounded_by_the_window(void **state)
{
    (void)state;
    struct conn_limits limits = {.window = 100000, .window_max = 100000};
    struct pair p;
    static uint8_t data[400000];
    pair_new(&p, &limits);
    pair_open(&p);
    p.consumes = false;
    assert_int_equal(
        stream_write(conn_channel_stream(p.client_chan), bytes_of(data, 400000)),
        ERR_NONE);
    p.client_chan->is_stuck = true;
    for (int i = 0; i < 20; i++) {
        struct conn_event ev;
        struct iovec iov[16];
        int n = conn_tx_iov(p.client, iov, 16);
        for (int k = 0; k < n; k++) {
            size_t room;
            uint8_t *to = conn_rx_space(p.server, &room);
            size_t m = iov[k].iov_len < room ? iov[k].iov_len : room;
            memcpy(to, iov[k].iov_base, m);
            conn_rx_added(p.server, m);
            conn_tx_sent(p.client, m);
            if (m < iov[k].iov_len)
                break;
        }
        for (int k = 0; k < 4 && conn_next_event(p.server, &ev); k++)
            continue;
    }
    expect_alive(p.server);
    assert_in_range(p.server_chan->backlog.n, 1, 100000);
    assert_int_equal(p.server_chan->window_left, 0);
    pair_free(&p);
}

/* A program may read more from the socket before it asks for the next event:
 * what it did not consume must not be lost to the octets that come. */
static void
data_left_over_survives_reading_on(void **state)
{
    (void)state;
    static uint8_t data[100000];
    struct pair p;
    size_t got = 0;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    pair_new(&p, &no_limits);
    pair_open(&p);
    for (size_t at = 0; at < sizeof data; at += 500)
        assert_int_equal(
            stream_write(conn_channel_stream(p.client_chan), bytes_of(data + at, 500)),
            ERR_NONE);
    for (int i = 0; i < 20000 && got < sizeof data; i++) {
        struct conn_event ev;
        struct iovec iov[1];
        size_t room;
        if (conn_tx_iov(p.client, iov, 1) != 0) {
            uint8_t *to = conn_rx_space(p.server, &room);
            size_t n = iov[0].iov_len < 3000 ? iov[0].iov_len : 3000;
            n = n < room ? n : room;
            if (n != 0)
                memcpy(to, iov[0].iov_base, n);
            conn_rx_added(p.server, n);
            conn_tx_sent(p.client, n);
        }
        if (!conn_next_event(p.server, &ev) || ev.type != CONN_EV_CHANNEL_DATA)
            continue;
        size_t n = 1 + ev.channel.data.n * 2 / 3;
        assert_memory_equal(ev.channel.data.p, data + got, n);
        conn_channel_consumed(ev.chan, n);
        got += n;
    }
    assert_int_equal(got, sizeof data);
    pair_free(&p);
}

static void
committing_nothing_sends_nothing(void **state)
{
    (void)state;
    struct pair p;
    struct iovec holes[STREAM_HOLES_MAX];
    int n_holes = STREAM_HOLES_MAX;
    pair_new(&p, &no_limits);
    pair_open(&p);
    struct stream *st = conn_channel_stream(p.server_chan);
    assert_int_equal(stream_reserve(st, 0, 1000, holes, &n_holes), ERR_NONE);
    assert_int_equal(stream_commit(st, (struct bytes){0}, 0), ERR_NONE);
    assert_null(p.server_chan->queue.head);
    assert_int_equal(stream_write(st, BYTES_LIT("next")), ERR_NONE);
    pair_run(&p);
    assert_int_equal(p.client_got, 4);
    pair_free(&p);
}

/* ---- T5, T6: deadlines ---- */

static void
silence_is_ended_by_deadlines(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    assert_int_equal(conn_deadline(p.server), 1000 + 2000); /* give memory back first */
    conn_tick(p.server, 1000 + 9999);
    expect_alive(p.server);
    conn_tick(p.server, 1000 + 10000);
    expect_end(p.server, ERR_LIMIT, "no SSH identification");
    pair_free(&p);

    pair_new(&p, &no_limits);
    pair_until_kex(&p);
    conn_tick(p.server, 1000 + 20000);
    expect_end(p.server, ERR_LIMIT, "key exchange took too long");
    pair_free(&p);

    pair_new(&p, &no_limits);
    p.client_logs_in = false;
    pair_run(&p);
    conn_tick(p.server, 1000 + 59999);
    expect_alive(p.server);
    conn_tick(p.server, 1000 + 60000);
    expect_end(p.server, ERR_LIMIT, "authentication took too long");
    pair_free(&p);
}

static void
unanswered_keepalives_end_it(void **state)
{
    (void)state;
    struct conn_limits limits = {.keepalive_ms = 1000};
    struct pair p;
    pair_new(&p, &limits);
    pair_open(&p);
    for (int i = 0; i < 20; i++)
        pair_tick(&p, 1000);
    expect_alive(p.client);
    expect_alive(p.server);
    p.client_is_deaf = true;
    p.server_is_deaf = true;
    for (int i = 0; i < 5; i++)
        pair_tick(&p, 1000);
    expect_end(p.server, ERR_CLOSED, "does not answer");
    pair_free(&p);
}

static void
the_identification_has_comments_that_fit_a_line(void **state)
{
    (void)state;
    enum { MOST = IDENT_MAX - sizeof "SSH-2.0-Ferry_0.1 \r\n" + 1 };
    char longest[MOST + 1] = {0}, too_long[MOST + 2] = {0};
    memset(longest, 'c', MOST);
    memset(too_long, 'c', MOST + 1);
    const struct {
        const char *software, *comments, *line; /* NULL: whatever was asked for */
        enum err e;
    } cases[] = {
        {"Ferry_0.1", NULL, "SSH-2.0-Ferry_0.1", ERR_NONE},
        {"Ferry_0.1", "", "SSH-2.0-Ferry_0.1", ERR_NONE},
        {"Ferry_0.1", "mail me", "SSH-2.0-Ferry_0.1 mail me", ERR_NONE},
        {"Ferry_0.1", longest, NULL, ERR_NONE},
        {"Ferry_0.1", too_long, NULL, ERR_LIMIT},
        {"Ferry_0.1", "two\nlines", NULL, ERR_BUG},
        {"Ferry_0.1", "caf\xc3\xa9", NULL, ERR_BUG},
        {"Ferry 0.1", NULL, NULL, ERR_BUG},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conn_config config = {.role = CONN_CLIENT,
                                     .software = cases[i].software,
                                     .comments = cases[i].comments,
                                     .rand = &rand_system};
        struct conn *c = NULL;
        assert_int_equal(conn_new(&config, 0, &c), cases[i].e);
        if (c && cases[i].line)
            assert_true(
                bytes_eq_str(bytes_of(c->own_ident, c->own_ident_len), cases[i].line));
        conn_free(c);
    }
}

static void
answers_for_nothing_are_ignored(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    conn_answer_host_key(p.client, true);
    conn_answer_sign(p.server, 0, BYTES_LIT("x"));
    conn_answer_auth(p.server, AUTH_ACCEPTED, NULL);
    assert_false(conn_is_authenticated(p.server));
    pair_open(&p);
    expect_alive(p.server);
    pair_free(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_outside_its_phase_ends_the_connection),
        cmocka_unit_test(connection_messages_before_authentication_end_it),
        cmocka_unit_test(unknown_numbers_are_answered_with_unimplemented_once_open),
        cmocka_unit_test(trailing_octets_are_refused),
        cmocka_unit_test(strict_exchange_refuses_everything_else),
        cmocka_unit_test(strict_exchange_wants_kexinit_first),
        cmocka_unit_test(second_kexinit_is_refused),
        cmocka_unit_test(rekeying_before_authentication_is_refused),
        cmocka_unit_test(flood_behind_our_kexinit_is_bounded),
        cmocka_unit_test(data_behind_the_peers_kexinit_is_refused),
        cmocka_unit_test(data_behind_the_kexinit_of_asyncssh_2_10_is_taken),
        cmocka_unit_test(wrong_guess_is_dropped_once),
        cmocka_unit_test(kexinit_lists_are_bounded_and_must_match),
        cmocka_unit_test(peer_may_not_rekey_all_the_time),
        cmocka_unit_test(peer_may_rekey_for_data_moved),
        cmocka_unit_test(rekeys_by_volume_and_time_keep_the_session_id),
        cmocka_unit_test(wrong_host_signature_ends_the_connection),
        cmocka_unit_test(ext_info_count_is_not_believed),
        cmocka_unit_test(failures_are_counted),
        cmocka_unit_test(all_requests_are_counted),
        cmocka_unit_test(failure_comes_no_sooner_than_its_delay),
        cmocka_unit_test(a_refusal_can_be_postponed),
        cmocka_unit_test(the_next_refusal_is_not_postponed),
        cmocka_unit_test(what_a_key_signed_can_be_rebuilt_from_the_request),
        cmocka_unit_test(user_name_may_not_change),
        cmocka_unit_test(odd_publickey_requests_are_refused_without_asking),
        cmocka_unit_test(malformed_requests_end_the_connection),
        cmocka_unit_test(data_beyond_what_was_granted_ends_it),
        cmocka_unit_test(window_beyond_32_bits_ends_it),
        cmocka_unit_test(messages_for_channels_that_are_not_open_end_it),
        cmocka_unit_test(data_behind_eof_ends_it),
        cmocka_unit_test(second_close_ends_it),
        cmocka_unit_test(nothing_but_sessions_can_be_opened),
        cmocka_unit_test(channel_with_a_tiny_packet_size_is_refused),
        cmocka_unit_test(requests_for_other_things_are_refused_and_leave_nothing),
        cmocka_unit_test(a_channel_runs_one_program),
        cmocka_unit_test(channels_are_capped_and_their_memory_comes_back),
        cmocka_unit_test(host_keys_are_proved_once),
        cmocka_unit_test(unknown_global_requests_are_refused_in_order),
        cmocka_unit_test(unasked_reply_ends_it),
        cmocka_unit_test(backlog_is_bounded_by_the_window),
        cmocka_unit_test(data_left_over_survives_reading_on),
        cmocka_unit_test(committing_nothing_sends_nothing),
        cmocka_unit_test(silence_is_ended_by_deadlines),
        cmocka_unit_test(unanswered_keepalives_end_it),
        cmocka_unit_test(the_identification_has_comments_that_fit_a_line),
        cmocka_unit_test(answers_for_nothing_are_ignored),
    };
    pair_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    pair_exit();
    return rc;
}
