/*
 * sshd's words, octet for octet, and what fail2ban's own filter makes of them:
 * failed logins with their address and user, and nothing else.
 */
#include "base/base_test.h"

#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/log_format.h"
#include "daemon/log_words.h"

#define FILTER "/etc/fail2ban/filter.d/sshd.conf"

static const struct log_peer alice = {.address = "192.0.2.1",
                                      .port = 4711,
                                      .user = BYTES_LIT("alice"),
                                      .is_valid_user = true};
static const struct log_peer bob = {
    .address = "2001:db8::7", .port = 22, .user = BYTES_LIT("bob")};
static const struct log_peer nobody = {.address = "192.0.2.3", .port = 1};
/* Names that try to go on as our sentence. */
static const struct log_peer forger = {
    .address = "192.0.2.4",
    .port = 2,
    .user = BYTES_LIT("x from 203.0.113.9 port 1 ssh2\nFailed password for y")};

enum call {
    ACCEPTED,
    PARTIAL,
    FAILED,
    INVALID,
    TOO_MANY,
    NOT_ALLOWED,
    CONNECTION,
    CLOSED,
    RESET,
    TIMEOUT,
    NO_MATCH,
    BAD_IDENT,
    PEER_DISCONNECT,
    PEER_DISCONNECT_PREAUTH,
    DISCONNECTED,
    DISCONNECTED_PREAUTH,
    DISCONNECTING,
};

struct row {
    enum call call;
    const struct log_peer *peer;
    const char *a, *b; /* its texts */
    const char *line;
    const char *banned; /* "address user" as fail2ban sees a failure; NULL: none */
};

static const struct row rows[] = {
    {ACCEPTED, &alice, "publickey", "ED25519 SHA256:abc",
     "Accepted publickey for alice from 192.0.2.1 port 4711 ssh2: ED25519 SHA256:abc",
     NULL},
    {ACCEPTED, &alice, "password", NULL,
     "Accepted password for alice from 192.0.2.1 port 4711 ssh2", NULL},
    {PARTIAL, &alice, "publickey", "ED25519 SHA256:abc",
     "Partial publickey for alice from 192.0.2.1 port 4711 ssh2: ED25519 SHA256:abc",
     NULL},
    {FAILED, &alice, "password", "",
     "Failed password for alice from 192.0.2.1 port 4711 ssh2", "192.0.2.1 alice"},
    {FAILED, &alice, "publickey", "ED25519 SHA256:abc",
     "Failed publickey for alice from 192.0.2.1 port 4711 ssh2: ED25519 SHA256:abc",
     NULL},
    {FAILED, &bob, "password", NULL,
     "Failed password for invalid user bob from 2001:db8::7 port 22 ssh2",
     "2001:db8::7 bob"},
    {FAILED, &bob, "keyboard-interactive/pam", NULL,
     "Failed keyboard-interactive/pam for invalid user bob from 2001:db8::7 port 22 ssh2",
     "2001:db8::7 bob"},
    {FAILED, &forger, "password", NULL,
     "Failed password for invalid user x\\x20from\\x20203.0.113.9\\x20port\\x201\\x20ssh2"
     "\\nFailed\\x20password\\x20for\\x20y from 192.0.2.4 port 2 ssh2",
     "192.0.2.4 x\\x20from\\x20203.0.113.9\\x20port\\x201\\x20ssh2"
     "\\nFailed\\x20password\\x20for\\x20y"},
    {INVALID, &bob, NULL, NULL, "Invalid user bob from 2001:db8::7 port 22",
     "2001:db8::7 bob"},
    {TOO_MANY, &alice, NULL, NULL,
     "maximum authentication attempts exceeded for alice from 192.0.2.1 port 4711 ssh2 "
     "[preauth]",
     "192.0.2.1 alice"},
    {TOO_MANY, &bob, NULL, NULL,
     "maximum authentication attempts exceeded for invalid user bob from 2001:db8::7 "
     "port "
     "22 ssh2 [preauth]",
     "2001:db8::7 invalid user bob"},
    {NOT_ALLOWED, &alice, "listed in DenyUsers", NULL,
     "User alice from 192.0.2.1 not allowed because listed in DenyUsers",
     "192.0.2.1 alice"},
    {NOT_ALLOWED, &alice, "not listed in AllowUsers", NULL,
     "User alice from 192.0.2.1 not allowed because not listed in AllowUsers",
     "192.0.2.1 alice"},
    {CONNECTION, &nobody, "198.51.100.1", NULL,
     "Connection from 192.0.2.3 port 1 on 198.51.100.1 port 2222", NULL},
    {CLOSED, &alice, NULL, NULL,
     "Connection closed by authenticating user alice 192.0.2.1 port 4711 [preauth]",
     NULL},
    {CLOSED, &bob, NULL, NULL,
     "Connection closed by invalid user bob 2001:db8::7 port 22 [preauth]", NULL},
    {CLOSED, &nobody, NULL, NULL, "Connection closed by 192.0.2.3 port 1 [preauth]",
     NULL},
    {RESET, &nobody, NULL, NULL, "Connection reset by 192.0.2.3 port 1 [preauth]", NULL},
    {TIMEOUT, &nobody, NULL, NULL, "Timeout before authentication for 192.0.2.3 port 1",
     NULL},
    {NO_MATCH, &nobody, "cipher", "aes128-cbc,des",
     "Unable to negotiate with 192.0.2.3 port 1: no matching cipher found. Their offer: "
     "aes128-cbc,des [preauth]",
     NULL},
    {BAD_IDENT, &nobody, NULL, NULL,
     "banner exchange: Connection from 192.0.2.3 port 1: invalid format", NULL},
    {PEER_DISCONNECT, &alice, "disconnected by user", NULL,
     "Received disconnect from 192.0.2.1 port 4711:11: disconnected by user", NULL},
    {PEER_DISCONNECT_PREAUTH, &alice, "bye\x1b[0m", NULL,
     "Received disconnect from 192.0.2.1 port 4711:11: bye\\x1b[0m [preauth]", NULL},
    {DISCONNECTED, &alice, NULL, NULL, "Disconnected from user alice 192.0.2.1 port 4711",
     NULL},
    {DISCONNECTED_PREAUTH, &bob, NULL, NULL,
     "Disconnected from invalid user bob 2001:db8::7 port 22 [preauth]", NULL},
    {DISCONNECTING, &alice, "Too many authentication failures", NULL,
     "Disconnecting authenticating user alice 192.0.2.1 port 4711: Too many "
     "authentication "
     "failures [preauth]",
     NULL},
};

static void
put_row(struct buf *out, const struct row *r)
{
    switch (r->call) {
    case ACCEPTED:
        log_words_accepted(out, r->peer, r->a, r->b);
        return;
    case PARTIAL:
        log_words_partial(out, r->peer, r->a, r->b);
        return;
    case FAILED:
        log_words_failed(out, r->peer, r->a, r->b);
        return;
    case INVALID:
        log_words_invalid_user(out, r->peer);
        return;
    case TOO_MANY:
        log_words_too_many_tries(out, r->peer);
        return;
    case NOT_ALLOWED:
        log_words_not_allowed(out, r->peer, r->a);
        return;
    case CONNECTION:
        log_words_connection(out, r->peer, r->a, 2222);
        return;
    case CLOSED:
        log_words_closed_preauth(out, r->peer);
        return;
    case RESET:
        log_words_reset_preauth(out, r->peer);
        return;
    case TIMEOUT:
        log_words_login_timeout(out, r->peer);
        return;
    case NO_MATCH:
        log_words_no_match(out, r->peer, r->a, bytes_str(r->b));
        return;
    case BAD_IDENT:
        log_words_bad_ident(out, r->peer);
        return;
    case PEER_DISCONNECT:
    case PEER_DISCONNECT_PREAUTH:
        log_words_peer_disconnect(out, r->peer, 11, bytes_str(r->a),
                                  r->call == PEER_DISCONNECT_PREAUTH);
        return;
    case DISCONNECTED:
    case DISCONNECTED_PREAUTH:
        log_words_disconnected(out, r->peer, r->call == DISCONNECTED_PREAUTH);
        return;
    case DISCONNECTING:
        log_words_disconnecting(out, r->peer, r->a, true);
        return;
    }
}

static void
words_are_those_of_sshd(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf line;
        buf_init(&line, 4096);
        put_row(&line, &rows[i]);
        assert_string_equal(buf_cstr(&line), rows[i].line);
        buf_clear(&line);
    }
}

/* The longest names and texts leave a line that the log takes whole. */
static void
longest_words_fit_into_a_line(void **state)
{
    (void)state;
    static char noise[4096];
    memset(noise, 0x1b, sizeof noise - 1);
    struct log_peer peer = {.address = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                            .port = 65535,
                            .user = bytes_of(noise, sizeof noise)};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf line;
        struct row row = rows[i];
        buf_init(&line, 1 << 20);
        row.peer = &peer;
        row.a = row.call == PEER_DISCONNECT_PREAUTH || row.call == FAILED ? noise : row.a;
        row.b = row.call == NO_MATCH ? noise : row.b;
        put_row(&line, &row);
        assert_in_range(line.n, 1, LOG_TEXT_MAX - 1);
        buf_clear(&line);
    }
}

/* What the filter says about one line in openssh's style: "address user" or "". */
static void
ask_fail2ban(const char *text, char *answer, size_t max)
{
    char path[] = "/tmp/ferry-words-XXXXXX", command[256];
    struct log_entry entry = {.level = LOG_LEVEL_INFO, .pid = 4711, .host = "host"};
    struct buf line;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    buf_init(&line, LOG_LINE_OCTETS);
    entry.text = text;
    if (strstr(text, "maximum authentication"))
        entry.level = LOG_LEVEL_ERROR;
    clock_gettime(CLOCK_REALTIME, &entry.time);
    log_put_line(&line, SERVER_LOG_OPENSSH, &entry);
    assert_int_equal(write(fd, line.p, line.n), (ssize_t)line.n);
    close(fd);
    buf_clear(&line);
    snprintf(command, sizeof command,
             "timeout 60 fail2ban-regex --out '<ip> <F-USER>' %s " FILTER, path);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    size_t n = fread(answer, 1, max - 1, out);
    answer[n] = 0;
    answer[strcspn(answer, "\n")] = 0;
    pclose(out);
    unlink(path);
}

/* About half a second a line: what differs for the filter, and no more. */
static void
filter_of_fail2ban_sees_failed_logins_only(void **state)
{
    (void)state;
    char answer[4096];
    if (access(FILTER, R_OK) != 0 || system("command -v fail2ban-regex >/dev/null") != 0)
        skip();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask_fail2ban(rows[i].line, answer, sizeof answer);
        const char *wanted = rows[i].banned ? rows[i].banned : "";
        if (strcmp(answer, wanted) != 0)
            print_error("%s\n", rows[i].line);
        assert_string_equal(answer, wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_sshd),
        cmocka_unit_test(longest_words_fit_into_a_line),
        cmocka_unit_test(filter_of_fail2ban_sees_failed_logins_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
