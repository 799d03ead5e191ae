/*
 * `ferry probe HOST`: the eight steps between a client and a server, told as
 * they happen, with real values and times. It only watches: the connection is
 * the one that every command makes, save that a host key that is not on record
 * yet is shown instead of asked about, and nothing is recorded. Nothing secret
 * is sent to such a host.
 */
#include <stdio.h>
#include <time.h>

#include "cli/host_key.h"
#include "base/json.h"
#include "cli/operands.h"

struct probe {
    const struct invocation *inv;
    struct session session;
    struct buf out;
    struct timespec last; /* when the step before was told */
    char address[80];
    char methods[256]; /* "methods that can continue", first answer */
    unsigned n_tries;
    enum host_verdict verdict;
    bool has_step7;
    unsigned step;    /* the last one told */
    uint64_t entries; /* of the listing */
};

/* ---- telling: one path for people and for --json ---- */

static double
ms_between(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) * 1000 +
           (double)(to->tv_nsec - from->tv_nsec) / 1e6;
}

static const char *const step_names[] = {
    "",
    "connection and version exchange",
    "algorithm negotiation",
    "key exchange",
    "exchange hash and host key signature",
    "encryption on",
    "authentication",
    "sftp subsystem",
    "file operations",
};

static void
begin_step(struct probe *p, unsigned step)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double ms = ms_between(&p->last, &now);
    p->last = now;
    p->step = step;
    buf_reset(&p->out);
    if (!p->inv->is_json) {
        buf_printf(&p->out, "%u %-40s %8.1f ms\n", step, step_names[step], ms);
        return;
    }
    json_begin(&p->out, "step");
    json_number(&p->out, "step", step);
    json_text(&p->out, "name", bytes_str(step_names[step]));
    json_number(&p->out, "us", (uint64_t)(ms * 1000));
}

static void
tell(struct probe *p, const char *key, struct bytes value)
{
    if (p->inv->is_json) {
        json_text(&p->out, key, value);
        return;
    }
    buf_printf(&p->out, "    %-22s ", key);
    text_escape(&p->out, value, 0);
    buf_put_u8(&p->out, '\n');
}

static void
tell_number(struct probe *p, const char *key, uint64_t value)
{
    if (p->inv->is_json)
        json_number(&p->out, key, value);
    else
        buf_printf(&p->out, "    %-22s %llu\n", key, (unsigned long long)value);
}

static void
tell_yes_no(struct probe *p, const char *key, bool value)
{
    if (p->inv->is_json)
        json_bool(&p->out, key, value);
    else
        tell(p, key, bytes_str(value ? "yes" : "no"));
}

static void
tell_hex(struct probe *p, const char *key, struct bytes value)
{
    char text[2 * 64 + 1] = "";
    value = bytes_first(value, 64);
    for (size_t i = 0; i < value.n; i++)
        snprintf(text + 2 * i, 3, "%02x", value.p[i]);
    tell(p, key, bytes_str(text));
}

/* An explanation for newcomers; machines need none. */
static void
explain(struct probe *p, const char *sentence)
{
    if (!p->inv->is_json)
        buf_printf(&p->out, "    %s\n", sentence);
}

static void
end_step(struct probe *p)
{
    if (p->inv->is_json)
        json_end(&p->out);
    const struct bytes text = buf_bytes(&p->out);
    fwrite(text.p, 1, text.n, stdout);
    fflush(stdout);
}

/* ---- steps 1 to 3 ---- */

static void
on_connected(void *ctx, const char *address)
{
    struct probe *p = ctx;
    snprintf(p->address, sizeof p->address, "%s", address ? address : "ProxyCommand");
}

static void
tell_ident(struct probe *p, struct conn *conn)
{
    begin_step(p, 1);
    tell(p, "address", bytes_str(p->address));
    tell(p, "server", conn_peer_ident(conn));
    end_step(p);
}

static void
tell_negotiation(struct probe *p, const struct conn_kex_info *info)
{
    static const char *const slots[] = {
        "kex", "host key",  "cipher",      "cipher to us",
        "mac", "mac to us", "compression", "compression to us"};
    char key[40];
    begin_step(p, 2);
    explain(p, "each side lists what it can do; the first of ours that the server has "
               "too is taken");
    tell_hex(p, "our cookie", info->local_cookie);
    tell_hex(p, "their cookie", info->peer_cookie);
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        snprintf(key, sizeof key, "our %s", slots[i]);
        tell(p, key, info->local_lists[i]);
        snprintf(key, sizeof key, "their %s", slots[i]);
        tell(p, key, info->peer_lists[i]);
    }
    tell(p, "chosen kex", bytes_str(info->kex));
    tell(p, "chosen host key", bytes_str(info->host_key));
    tell(p, "chosen cipher", bytes_str(info->cipher_c2s));
    tell(p, "chosen mac", bytes_str(info->mac_c2s));
    end_step(p);
}

static void
tell_kex(struct probe *p, const struct conn_kex_info *info)
{
    begin_step(p, 3);
    explain(p, "both sides send a public value and arrive at the same secret, which "
               "nobody on the way can compute");
    tell(p, "method", bytes_str(info->kex));
    tell_number(p, "our public value", info->client_public_len);
    tell_number(p, "their public value", info->server_public_len);
    tell_number(p, "shared secret", info->secret_len);
    tell_yes_no(p, "post-quantum", info->is_post_quantum);
    end_step(p);
}

/* ---- step 4 ---- */

static const char *
verdict_word(enum host_verdict verdict)
{
    switch (verdict) {
    case HOST_KEY_KNOWN:
        return "known";
    case HOST_KEY_NEW:
        return "new: no key is on record for this host";
    case HOST_KEY_OTHER_TYPE:
        return "new: only keys of other types are on record for this host";
    case HOST_KEY_CHANGED:
        return "CHANGED: another key is on record for this host";
    case HOST_KEY_REVOKED:
        return "REVOKED";
    case HOST_KEY_REFUSE:
        break;
    }
    return "could not be checked";
}

static void
tell_record(struct probe *p, const struct host_finding *f)
{
    struct buf text;
    buf_init(&text, 8192);
    tell(p, "known_hosts", bytes_str(verdict_word(f->verdict)));
    if (f->file) {
        buf_put_str(&text, f->file);
        if (f->line != 0)
            buf_printf(&text, ":%u", f->line);
        tell(p, "decided by", buf_bytes(&text));
    }
    if (f->verdict == HOST_KEY_CHANGED) {
        buf_reset(&text);
        host_key_put_fingerprint(&p->session.settings, buf_bytes(&f->recorded), &text);
        tell(p, "key on record", buf_bytes(&text));
    }
    if (f->why.text[0] != '\0')
        tell(p, "because", bytes_str(f->why.text));
    buf_clear(&text);
}

static void
tell_host_key(struct probe *p, const struct conn_kex_info *info,
              const struct host_finding *finding)
{
    struct buf fingerprint;
    buf_init(&fingerprint, 256);
    host_key_put_fingerprint(&p->session.settings, info->host_key_blob, &fingerprint);
    begin_step(p, 4);
    explain(p, "the server signs a hash of all that was said so far, which proves that "
               "it has the host key and that nobody changed a word");
    tell_hex(p, "exchange hash", info->exchange_hash);
    tell(p, "host key", bytes_str(host_key_word(info->host_key_blob)));
    tell(p, "fingerprint", buf_bytes(&fingerprint));
    tell_number(p, "signature octets", info->host_key_signature.n);
    tell(p, "signature", bytes_str("verified"));
    tell_record(p, finding);
    end_step(p);
    buf_clear(&fingerprint);
}

static enum observer_verdict
on_host_key(void *ctx, const struct hosts *hosts, struct conn *conn)
{
    struct probe *p = ctx;
    const struct conn_kex_info *info = conn_kex_info(conn);
    struct host_finding finding;
    if (p->step >= 4)
        return OBSERVER_REFUSES; /* a rekey with another key: not in a probe */
    host_finding_init(&finding);
    p->verdict = host_key_judge(hosts, info->host_key_blob, &finding);
    tell_kex(p, info);
    tell_host_key(p, info, &finding);
    host_finding_clear(&finding);
    if (p->verdict == HOST_KEY_KNOWN)
        return OBSERVER_ACCEPTS;
    return host_key_is_to_be_added(p->verdict) ? OBSERVER_ACCEPTS_UNVERIFIED
                                               : OBSERVER_REFUSES;
}

/* ---- steps 5 and 6 ---- */

static void
tell_extensions(struct probe *p, struct bytes list)
{
    struct cursor c = cursor_of(list);
    struct buf names;
    buf_init(&names, 65536);
    while (cursor_left(&c) != 0) {
        struct bytes name = cursor_string(&c), value = cursor_string(&c);
        if (c.failed)
            break;
        if (names.n != 0)
            buf_put_str(&names, ", ");
        buf_put(&names, name);
        if (value.n != 0 && value.n < 80) {
            buf_put_u8(&names, '=');
            buf_put(&names, value);
        }
    }
    tell(p, "extensions", buf_bytes(&names));
    buf_clear(&names);
}

static void
tell_encryption(struct probe *p, const struct conn_kex_info *info)
{
    begin_step(p, 5);
    explain(p, "from here on nobody on the way can read or change anything unnoticed");
    tell(p, "cipher to the server", bytes_str(info->cipher_c2s));
    tell(p, "cipher to us", bytes_str(info->cipher_s2c));
    tell(p, "mac to the server", bytes_str(info->mac_c2s));
    tell(p, "mac to us", bytes_str(info->mac_s2c));
    tell(p, "compression", bytes_str(info->compression_c2s));
    tell_yes_no(p, "strict key exchange", info->is_strict);
    end_step(p);
}

static void
note_methods(struct probe *p, const struct conn_event *ev)
{
    struct buf text;
    if (p->n_tries++ != 0)
        return;
    buf_init(&text, 4096);
    text_escape(&text, ev->failure.methods, 60);
    const char *methods = buf_cstr(&text);
    snprintf(p->methods, sizeof p->methods, "%s", methods ? methods : "");
    buf_clear(&text);
}

/* accepted: NULL: nothing was. */
static void
tell_authentication(struct probe *p, struct conn *conn, const char *accepted)
{
    begin_step(p, 6);
    if (conn)
        tell_extensions(p, conn_peer_extensions(conn));
    tell(p, "methods offered", bytes_str(p->methods));
    /* The first refusal is the answer to asking which methods there are. */
    tell_number(p, "refused tries", p->n_tries != 0 ? p->n_tries - 1 : 0);
    tell(p, "accepted", bytes_str(accepted ? accepted : "none"));
    if (!accepted && p->verdict != HOST_KEY_KNOWN)
        explain(p, "no password is sent to a host whose key is not on record");
    else if (!accepted)
        explain(p, "what is missing: a key, password or answer that the server takes "
                   "for this user");
    end_step(p);
}

static void
on_ssh_event(void *ctx, const struct login *login, const struct conn_event *ev)
{
    struct probe *p = ctx;
    const struct conn_kex_info *info = conn_kex_info(login->conn);
    switch (ev->type) {
    case CONN_EV_IDENT:
        tell_ident(p, login->conn);
        break;
    case CONN_EV_NEGOTIATED:
        if (p->step == 1)
            tell_negotiation(p, info);
        break;
    case CONN_EV_NEWKEYS:
        if (p->step == 4)
            tell_encryption(p, info);
        break;
    case CONN_EV_AUTH_FAILURE:
        note_methods(p, ev);
        break;
    case CONN_EV_AUTH_SUCCESS:
        tell_authentication(p, login->conn, login->accepted);
        break;
    default:
        break;
    }
}

/* ---- steps 7 and 8 ---- */

static void
tell_sftp(struct probe *p)
{
    const struct sftp_client *client = transfer_client(p->session.transfer);
    const struct sftp_limits *limits = sftp_client_limits(client);
    p->has_step7 = true;
    begin_step(p, 7);
    tell_number(p, "version", sftp_client_version(client));
    tell_extensions(p, sftp_client_extensions(client));
    tell_yes_no(p, "limits announced", limits->is_announced);
    tell_number(p, "octets per read", limits->read_len);
    tell_number(p, "octets per write", limits->write_len);
    tell_number(p, "handles", limits->n_handles);
    end_step(p);
}

static void
on_transfer_event(void *ctx, const struct transfer_event *ev)
{
    struct probe *p = ctx;
    if (ev->type == TRANSFER_EV_LIMITS && !p->has_step7)
        tell_sftp(p);
    if (ev->type == TRANSFER_EV_ENTRY)
        p->entries++;
}

/* One job, from asking to its end. */
static double
time_job(struct probe *p, enum transfer_verb verb)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    session_add(&p->session,
                &(struct transfer_spec){.verb = verb, .path = BYTES_LIT(".")});
    session_run(&p->session);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return ms_between(&before, &after);
}

static void
tell_ms(struct probe *p, const char *key, double ms)
{
    char text[32];
    if (p->inv->is_json) {
        json_number(&p->out, key, (uint64_t)(ms * 1000));
        return;
    }
    snprintf(text, sizeof text, "%.2f ms", ms);
    tell(p, key, bytes_str(text));
}

static void
tell_files(struct probe *p)
{
    enum { ROUND_TRIPS = 5 };
    (void)time_job(p, TRANSFER_STAT); /* the first brings VERSION and limits */
    if (!p->has_step7 && p->session.report.n_failed == 0)
        tell_sftp(p);
    double best = time_job(p, TRANSFER_STAT);
    for (int i = 1; i < ROUND_TRIPS; i++) {
        double ms = time_job(p, TRANSFER_STAT);
        best = ms < best ? ms : best;
    }
    p->entries = 0;
    double listing = time_job(p, TRANSFER_LIST);
    if (p->session.report.n_failed != 0)
        return;
    begin_step(p, 8);
    tell_number(p, "entries in .", p->entries);
    tell_ms(p, p->inv->is_json ? "listing_us" : "listing", listing);
    tell_ms(p, p->inv->is_json ? "round_trip_us" : "round trip", best);
    end_step(p);
}

enum exit_status
cmd_probe(const struct invocation *inv)
{
    struct probe p = {.inv = inv};
    struct operands o = {0};
    const struct ssh_observer observer = {on_connected, on_ssh_event, on_host_key, &p};
    enum exit_status status = operands_parse(&o, inv, inv->operands, 1);
    buf_init(&p.out, 1 << 20);
    clock_gettime(CLOCK_MONOTONIC, &p.last);
    if (status == EXIT_OK) {
        const struct session_config config = {.inv = inv,
                                              .target = &o.targets[0],
                                              .sink = {on_transfer_event, &p},
                                              .observer = &observer};
        status = session_open(&p.session, &config);
        if (status == EXIT_OK) {
            tell_files(&p);
            status = session_finish(&p.session);
        } else if (p.step == 5) {
            tell_authentication(&p, NULL, NULL);
        }
    }
    buf_clear(&p.out);
    operands_clear(&o);
    return status;
}
