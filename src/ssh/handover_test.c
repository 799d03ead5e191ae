/*
 * A server's connection goes to another process after the login (threats S3):
 * two engines log in, the server's is exported, and another goes on in its
 * place. Whatever an exporter in a peer's hands may write is refused, or gives
 * a connection that at worst fails on that peer.
 */
#include "base/base_test.h"

#include "ssh/pair.h"

static const struct conn_limits no_limits;
static const struct pair_suite usual = {"aes128-gcm@openssh.com",
                                        "hmac-sha2-256-etm@openssh.com", "none"};

static const struct pair_suite suites[] = {
    {"chacha20-poly1305@openssh.com", "hmac-sha2-256", "none"},
    {"aes256-gcm@openssh.com", "hmac-sha2-256", "none"},
    {"aes128-gcm@openssh.com", "hmac-sha2-256", "none"},
    {"aes256-ctr", "hmac-sha2-512-etm@openssh.com", "none"},
    {"aes192-ctr", "hmac-sha2-256-etm@openssh.com", "none"},
    {"aes128-ctr", "hmac-sha2-256-etm@openssh.com", "none"},
    {"aes256-ctr", "hmac-sha2-512", "none"},
    {"aes192-ctr", "hmac-sha2-256", "none"},
    {"aes128-ctr", "hmac-sha2-256", "none"},
};

static void
expect_alive(const struct pair *p)
{
    if (conn_fault(p->client)->code != ERR_NONE ||
        conn_fault(p->server)->code != ERR_NONE)
        fail_msg("%s %s %s: client: %s; server: %s", p->suite.cipher, p->suite.mac,
                 p->suite.compression, conn_fault(p->client)->text,
                 conn_fault(p->server)->text);
}

/* Logged in, and the server waits to be exported. */
static void
pair_to_moment(struct pair *p, const struct pair_suite *suite)
{
    pair_new_suite(p, &no_limits, suite);
    p->hands_over = true;
    pair_login(p);
}

static void
hand_over(struct pair *p)
{
    struct buf state;
    struct fault why = {0};
    buf_init(&state, HANDOVER_MAX);
    pair_export(p, &state);
    if (pair_import(p, buf_bytes(&state), &why) != ERR_NONE)
        fail_msg("%s %s: %s", p->suite.cipher, p->suite.mac, why.text);
    buf_clear(&state);
}

/* Both ways, in packets of odd sizes. */
static void
send_both_ways(struct pair *p)
{
    uint8_t data[7001];
    size_t client_got = p->client_got, server_got = p->server_got;
    memset(data, 'x', sizeof data);
    for (size_t n = 1; n <= sizeof data; n = n * 3 + 1) {
        assert_int_equal(
            stream_write(conn_channel_stream(p->client_chan), bytes_of(data, n)),
            ERR_NONE);
        assert_int_equal(
            stream_write(conn_channel_stream(p->server_chan), bytes_of(data, n)),
            ERR_NONE);
        pair_run(p);
        client_got += n;
        server_got += n;
    }
    expect_alive(p);
    assert_int_equal(p->client_got, client_got);
    assert_int_equal(p->server_got, server_got);
}

static void
rekey_by(struct pair *p, struct conn *who)
{
    uint32_t n_kex = conn_kex_info(p->client)->n_kex;
    conn_rekey(who);
    pair_run(p);
    expect_alive(p);
    assert_int_equal(conn_kex_info(p->client)->n_kex, n_kex + 1);
    assert_int_equal(conn_kex_info(p->server)->n_kex, n_kex + 1);
}

/* ---- what goes on ---- */

static void
check_session_of(const struct pair_suite *suite)
{
    struct pair p;
    pair_to_moment(&p, suite);
    hand_over(&p);
    pair_open(&p);
    send_both_ways(&p);
    rekey_by(&p, p.server);
    send_both_ways(&p);
    rekey_by(&p, p.client);
    send_both_ways(&p);
    pair_free(&p);
}

static void
every_suite_goes_on_and_rekeys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct pair_suite suite = suites[i];
        check_session_of(&suite);
        suite.compression = "zlib@openssh.com";
        check_session_of(&suite);
    }
}

static void
what_was_agreed_upon_is_known_afterwards(void **state)
{
    (void)state;
    struct pair p;
    pair_to_moment(&p, &suites[3]);
    struct conn_kex_info before = *conn_kex_info(p.server);
    struct conn_counters counted = conn_counters(p.server);
    uint8_t session_id[HASH_MAX_LEN];
    struct bytes id = conn_session_id(p.server);
    memcpy(session_id, id.p, id.n);
    hand_over(&p);
    const struct conn_kex_info *after = conn_kex_info(p.server);
    assert_bytes_equal(conn_session_id(p.server), bytes_of(session_id, id.n));
    assert_string_equal(conn_peer_software(p.server), "FerryPair");
    assert_true(bytes_eq_str(conn_peer_ident(p.server), "SSH-2.0-FerryPair"));
    assert_true(conn_is_authenticated(p.server));
    assert_string_equal(after->kex, before.kex);
    assert_string_equal(after->host_key, before.host_key);
    assert_string_equal(after->cipher_c2s, before.cipher_c2s);
    assert_string_equal(after->mac_s2c, before.mac_s2c);
    assert_int_equal(after->is_strict, before.is_strict);
    assert_int_equal(after->has_ext_info, before.has_ext_info);
    assert_int_equal(after->n_kex, 1);
    assert_bytes_equal(after->host_key_blob, pair_key());
    struct conn_counters goes_on = conn_counters(p.server);
    assert_memory_equal(&goes_on, &counted, sizeof counted);
    pair_free(&p);
}

static void
the_peers_extensions_come_along(void **state)
{
    (void)state;
    struct pair p;
    pair_new(&p, &no_limits);
    p.hands_over = true;
    p.client_logs_in = false;
    pair_run(&p);
    size_t n = conn_peer_extensions(p.server).n;
    conn_auth_password(p.client, BYTES_LIT("secret"));
    pair_login(&p);
    hand_over(&p);
    assert_true(n != 0);
    assert_int_equal(conn_peer_extensions(p.server).n, n);
    pair_free(&p);
}

static void
host_keys_are_announced_once_and_behind_the_login(void **state)
{
    (void)state;
    struct pair p;
    pair_to_moment(&p, &usual);
    assert_int_equal(p.n_hostkeys, 0);
    hand_over(&p);
    pair_run(&p);
    assert_int_equal(p.n_hostkeys, 1);
    assert_int_equal(p.n_proven, 1);
    pair_free(&p);
}

static void
no_event_is_repeated(void **state)
{
    (void)state;
    struct pair p;
    struct conn_event ev;
    pair_to_moment(&p, &usual);
    hand_over(&p);
    assert_false(conn_next_event(p.server, &ev));
    pair_free(&p);
}

/* The exporter is no second speaker with the same keys. */
static void
nothing_comes_out_of_what_was_exported(void **state)
{
    (void)state;
    struct pair p;
    struct buf state_of;
    struct iovec iov[4];
    struct conn_event ev;
    size_t room;
    pair_to_moment(&p, &usual);
    buf_init(&state_of, HANDOVER_MAX);
    pair_export(&p, &state_of);
    conn_rekey(p.server);
    conn_tick(p.server, p.now + 4000 * 1000);
    conn_disconnect(p.server, DISCONNECT_BY_APPLICATION, "twice");
    assert_false(conn_next_event(p.server, &ev));
    assert_int_equal(conn_tx_iov(p.server, iov, 4), 0);
    assert_null(conn_rx_space(p.server, &room));
    assert_true(conn_is_over(p.server));
    assert_int_equal(conn_export(p.server, &state_of), ERR_BUG);
    buf_clear(&state_of);
    pair_free(&p);
}

/* ---- octets behind the login ---- */

/* Move up to n of the client's octets; what is beyond waits. */
static void
carry_octets(struct pair *p, size_t n)
{
    struct iovec iov[2];
    while (n != 0 && conn_tx_iov(p->client, iov, 2) != 0) {
        size_t room = 0;
        uint8_t *space = conn_rx_space(p->server, &room);
        size_t part = iov[0].iov_len < n ? iov[0].iov_len : n;
        part = part < room ? part : room;
        assert_true(space && part != 0);
        memcpy(space, iov[0].iov_base, part);
        conn_rx_added(p->server, part);
        conn_tx_sent(p->client, part);
        n -= part;
    }
}

/* At the moment, and the client has n octets under way that nobody has opened:
 * IGNOREs of 100 octets. */
static void
pair_to_moment_pipelined(struct pair *p, const struct pair_suite *suite, size_t n)
{
    struct ssh_ignore ignore = {.data =
                                    BYTES_LIT("0123456789012345678901234567890123456789"
                                              "01234567890123456789012345678901234567")};
    pair_to_moment(p, suite);
    for (int i = 0; i < 4; i++)
        pair_inject_msg(p->client, SSH_IGNORE, &ignore);
    carry_octets(p, n);
}

static void
octets_behind_the_login_survive_wherever_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++)
        for (size_t n = 0; n < 300; n += n < 40 ? 1 : 37) {
            struct pair p;
            pair_to_moment_pipelined(&p, &suites[i], n);
            uint64_t packets = conn_counters(p.server).rx_packets;
            hand_over(&p);
            pair_run(&p);
            expect_alive(&p);
            /* and one for the proof of the host keys */
            assert_int_equal(conn_counters(p.server).rx_packets, packets + 5);
            assert_int_equal(conn_counters(p.server).rx_octets,
                             conn_counters(p.client).tx_octets +
                                 strlen("SSH-2.0-FerryPair\r\n"));
            pair_free(&p);
        }
}

static void
octets_received_before_the_login_is_over_are_bounded(void **state)
{
    (void)state;
    struct pair p;
    struct buf ignored;
    pair_to_moment(&p, &usual);
    buf_init(&ignored, 40000);
    memset(buf_extend(&ignored, 30000), 'i', 30000);
    for (int i = 0; i < 8; i++)
        pair_inject_msg(p.client, SSH_IGNORE,
                        &(struct ssh_ignore){.data = buf_bytes(&ignored)});
    struct iovec iov[2];
    size_t held = 0, room = 0;
    while (conn_rx_space(p.server, &room) && room != 0) {
        assert_true(conn_tx_iov(p.client, iov, 2) != 0);
        size_t n = iov[0].iov_len < room ? iov[0].iov_len : room;
        carry_octets(&p, n);
        held += n;
    }
    assert_int_equal(held, PACKET_RX_BEFORE_AUTH);
    hand_over(&p);
    pair_open(&p);
    send_both_ways(&p);
    buf_clear(&ignored);
    pair_free(&p);
}

/* ---- time ---- */

static void
keepalives_and_rekeys_by_time_go_on(void **state)
{
    (void)state;
    const struct conn_limits limits = {.keepalive_ms = 10000, .rekey_ms = 60000};
    struct pair p;
    pair_new(&p, &limits);
    p.hands_over = true;
    pair_login(&p);
    p.now += 30000;
    conn_tick(p.server, p.now); /* nothing is queued, or it could not be exported */
    conn_rekey(p.server);
    hand_over(&p);
    pair_run(&p);
    uint64_t packets = conn_counters(p.server).rx_packets;
    pair_tick(&p, 10000);
    assert_true(conn_counters(p.server).rx_packets > packets);
    assert_int_equal(conn_kex_info(p.server)->n_kex, 1);
    pair_tick(&p, 20000); /* 60 s after the key exchange, not after the hand-over */
    assert_int_equal(conn_kex_info(p.server)->n_kex, 2);
    expect_alive(&p);
    pair_free(&p);
}

/* ---- when not ---- */

static void
only_the_moment_behind_the_login_can_be_exported(void **state)
{
    (void)state;
    struct buf out;
    struct pair p;
    struct conn_event ev;
    buf_init(&out, HANDOVER_MAX);
    pair_new(&p, &no_limits);
    assert_int_equal(conn_export(p.server, &out), ERR_BUG); /* nothing was said yet */
    p.client_logs_in = false;
    pair_run(&p);
    assert_int_equal(conn_export(p.server, &out), ERR_BUG); /* no login */
    conn_auth_password(p.client, BYTES_LIT("secret"));
    pair_login(&p);
    assert_int_equal(conn_export(p.server, &out), ERR_BUG); /* events went on */
    assert_int_equal(conn_export(p.client, &out), ERR_BUG);
    pair_free(&p);
    pair_new(&p, &no_limits);
    p.client_logs_in = false;
    p.hands_over = true;
    pair_run(&p);
    p.client_is_deaf = true;
    conn_auth_password(p.client, BYTES_LIT("secret"));
    pair_run(&p);
    assert_true(conn_is_authenticated(p.server));
    assert_int_equal(conn_export(p.server, &out), ERR_BUG); /* SUCCESS was not sent */
    pair_free(&p);
    pair_to_moment(&p, &usual);
    assert_false(conn_next_event(p.server, &ev));
    assert_int_equal(conn_export(p.server, &out), ERR_BUG); /* too late */
    assert_int_equal(out.n, 0);
    pair_free(&p);
    buf_clear(&out);
}

/* ---- states that somebody has changed ---- */

static void
get_state(struct pair *p, const struct pair_suite *suite, struct buf *state)
{
    pair_to_moment_pipelined(p, suite, 150);
    buf_reset(state);
    pair_export(p, state);
}

static void
every_truncation_is_refused(void **state)
{
    (void)state;
    struct pair p;
    struct buf octets;
    buf_init(&octets, HANDOVER_MAX);
    get_state(&p, &suites[3], &octets);
    for (size_t n = 0; n < octets.n; n++) {
        struct fault why = {0};
        uint8_t *exact = malloc(n + 1); /* so that reading beyond is noticed */
        memcpy(exact, octets.p, n);
        if (pair_import(&p, bytes_of(exact, n), &why) != ERR_PROTO)
            fail_msg("%zu of %zu octets were taken", n, octets.n);
        assert_true(why.text[0] != '\0');
        free(exact);
    }
    buf_put_u8(&octets, 0);
    struct fault why = {0};
    assert_int_equal(pair_import(&p, buf_bytes(&octets), &why), ERR_PROTO);
    buf_clear(&octets);
    pair_free(&p);
}

/* The client opens a session and sends, or hears why not. */
static void
try_session(struct pair *p)
{
    if (conn_open_session(p->client, &p->client_chan) == ERR_NONE)
        pair_run(p);
    conn_rekey(p->server);
    pair_run(p);
    pair_tick(p, 5000);
}

static void
no_single_octet_makes_it_crash(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    struct buf octets;
    unsigned n_refused = 0, n_taken = 0;
    buf_init(&octets, HANDOVER_MAX);
    for (size_t i = 0, n = 1; i < n; i++) {
        struct pair p;
        struct fault why = {0};
        get_state(&p, &suites[i % ARRAY_LEN(suites)], &octets);
        n = octets.n;
        octets.p[i] ^= flips[i % ARRAY_LEN(flips)];
        enum err e = pair_import(&p, buf_bytes(&octets), &why);
        if (e == ERR_NONE)
            try_session(&p);
        else
            assert_int_equal(e, ERR_PROTO);
        n_refused += e != ERR_NONE;
        n_taken += e == ERR_NONE;
        pair_free(&p);
    }
    assert_true(n_refused > 100 && n_taken > 50);
    buf_clear(&octets);
}

/* Replace the first `what` in a state; lengths around it are the caller's concern. */
static void
replace(struct buf *state, const char *what, const char *by)
{
    uint8_t *at = memmem(state->p, state->n, what, strlen(what));
    assert_non_null(at);
    assert_int_equal(strlen(what), strlen(by));
    memcpy(at, by, strlen(by));
}

static void
names_that_are_not_ours_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *by, *words;
    } cases[] = {
        {"aes256-ctr", "aes256-cbc", "unknown cipher"},
        {"aes256-ctr", "aes128-ctr", "a key has not its algorithm's length"},
        {"hmac-sha2-512-etm@openssh.com", "hmac-sha1-512-etm@openssh.com", "unknown MAC"},
        {"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
         "a key has not its algorithm's length"},
        {"curve25519-sha256", "curve25519-sha255", "unknown key exchange"},
        {"ssh-ed25519", "ssh-ed25518", "unknown key exchange"},
        {"SSH-2.0-FerryPair", "SSH-1.5-FerryPair", "bad identification"},
        {"SSH-2.0-FerryPair", "SSH-2.0-Ferry\nair", "bad identification"},
        {"FRH1", "FRH2", "another format or version"},
    };
    struct buf octets;
    buf_init(&octets, HANDOVER_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        struct fault why = {0};
        get_state(&p, &suites[3], &octets);
        replace(&octets, cases[i].what, cases[i].by);
        assert_int_equal(pair_import(&p, buf_bytes(&octets), &why), ERR_PROTO);
        if (!strstr(why.text, cases[i].words))
            fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].by, cases[i].words,
                     why.text);
        pair_free(&p);
    }
    buf_clear(&octets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_goes_on_and_rekeys),
        cmocka_unit_test(what_was_agreed_upon_is_known_afterwards),
        cmocka_unit_test(the_peers_extensions_come_along),
        cmocka_unit_test(host_keys_are_announced_once_and_behind_the_login),
        cmocka_unit_test(no_event_is_repeated),
        cmocka_unit_test(nothing_comes_out_of_what_was_exported),
        cmocka_unit_test(octets_behind_the_login_survive_wherever_they_are_cut),
        cmocka_unit_test(octets_received_before_the_login_is_over_are_bounded),
        cmocka_unit_test(keepalives_and_rekeys_by_time_go_on),
        cmocka_unit_test(only_the_moment_behind_the_login_can_be_exported),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(no_single_octet_makes_it_crash),
        cmocka_unit_test(names_that_are_not_ours_are_refused),
    };
    pair_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    pair_exit();
    return rc;
}
