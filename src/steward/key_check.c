/* See key_check.h. */
#include "steward/key_check.h"

#include <stdio.h>
#include <time.h>

#include "daemon/files.h"
#include "key/authorized_keys.h"
#include "key/fingerprint.h"
#include "key/krl.h"
#include "ssh/conn.h"
#include "steward/authority.h"
#include "steward/system_keys.h"

struct check {
    const struct steward_key *q;
    const struct log_sink *log;
    struct bytes blob;
    const struct sig_algo *algo;
    struct authorized_key match;
    char where[PATH_MAX + 16]; /* the line or the authority that let it in */
    struct buf revoked, ca_keys, command_keys;
    struct fault why;
};

static int32_t
utc_offset(time_t now)
{
    struct tm tm;
    return localtime_r(&now, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* ---- the algorithm ---- */

static bool
list_has(const char *list, const char *name)
{
    struct bytes rest = bytes_str(list), item;
    while (bytes_next_item(&rest, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

/* Name asked for == allowed == the key's type; the signature's name follows in
 * sig_verify. Before anything else of the key is looked at. */
static enum err
check_algo(struct check *c)
{
    const struct steward_key *q = c->q;
    c->algo = sig_by_name(bytes_str(q->algo));
    if (!c->algo || !list_has(q->rules.pubkey_algos, q->algo))
        return fault_set(&c->why, ERR_AUTH, 0, "the key's algorithm is not allowed");
    if (!bytes_eq_str(key_blob_type(c->blob), c->algo->key_type) ||
        !key_blob_is_whole(c->blob))
        return fault_set(&c->why, ERR_AUTH, 0,
                         "the key is not of the type that its algorithm names");
    if (c->algo->kind == KEY_RSA && key_blob_bits(c->blob) < q->rules.required_rsa_bits)
        return fault_set(&c->why, ERR_AUTH, 0, "RSA key below RequiredRSASize");
    return ERR_NONE;
}

/* ---- files of the administrator ---- */

static bool
is_given(const char *path)
{
    return path[0] && strcmp(path, "none") != 0;
}

/* An unreadable list of revoked keys revokes all, as with sshd. */
static enum err
check_revoked(struct check *c)
{
    const char *path = c->q->rules.revoked_keys;
    if (!is_given(path))
        return ERR_NONE;
    if (file_read(path, FILE_TRUSTED, &c->revoked, &c->why) != ERR_NONE) {
        log_line(c->log, LOG_LEVEL_ERROR,
                 "RevokedKeys cannot be read, no key is "
                 "accepted: %s",
                 c->why.text);
        return ERR_AUTH;
    }
    if (krl_check(buf_bytes(&c->revoked), c->blob, &c->why) != KEY_NOT_REVOKED)
        return ERR_AUTH;
    return ERR_NONE;
}

/* Without its list of authorities none is trusted; the log says why. */
static void
read_ca_keys(struct check *c)
{
    struct fault why = {0};
    const char *path = c->q->rules.ca_keys;
    if (!is_given(path) || !c->algo->is_cert)
        return;
    if (file_read(path, FILE_TRUSTED, &c->ca_keys, &why) != ERR_NONE) {
        log_line(c->log, LOG_LEVEL_ERROR, "TrustedUserCAKeys: %s", why.text);
        buf_reset(&c->ca_keys);
    }
}

/* ---- lines ---- */

/* Does a text of authorized_keys let the key in? */
static bool
is_in_text(struct check *c, struct bytes text, const char *name)
{
    time_t now = time(NULL);
    const struct authorized_query query = {
        .text = text,
        .file = name,
        .blob = c->blob,
        .user = bytes_str(c->q->who.user),
        .address = bytes_str(c->q->who.address),
        .now = (uint64_t)now,
        .utc_offset_s = utc_offset(now),
        .ca_algos = bytes_str(c->q->rules.ca_algos),
        .log = c->log,
    };
    if (text.n == 0 || authorized_keys_find(&query, &c->match) != ERR_NONE)
        return false;
    snprintf(c->where, sizeof c->where, "%s:%u", name, c->match.line);
    return true;
}

/* A certificate whose authority is trusted, for one of the principals. */
static bool
is_by_authority(struct check *c)
{
    struct buf text;
    bool is_in = false;
    if (c->ca_keys.n == 0)
        return false;
    buf_init(&text, AUTHORIZED_KEYS_MAX);
    const char *name = c->q->rules.ca_keys;
    if (authority_lines(c->q, buf_bytes(&c->ca_keys), c->log, &text, &name) == ERR_NONE)
        is_in = is_in_text(c, buf_bytes(&text), name);
    buf_clear(&text);
    return is_in;
}

static bool
on_file(void *ctx, struct bytes text, const char *path)
{
    return is_in_text(ctx, text, path);
}

static enum err
find_virtual(struct check *c, struct bytes lines)
{
    if (is_in_text(c, lines, "account database") || is_by_authority(c))
        return ERR_NONE;
    return fault_set(&c->why, ERR_AUTH, 0, "the key is not one of the account's");
}

/* The command runs before we become the user, who could not start it. */
static enum err
find_system(struct check *c)
{
    struct system_keys keys;
    enum err err = system_keys_begin(&keys, c->q, c->log, &c->why);
    if (err != ERR_NONE)
        return err;
    system_keys_command(&keys, &c->command_keys);
    err = system_keys_become(&keys, &c->why);
    if (err != ERR_NONE)
        return err;
    if (is_by_authority(c) ||
        is_in_text(c, buf_bytes(&c->command_keys), "AuthorizedKeysCommand") ||
        system_keys_files(&keys, on_file, c))
        return ERR_NONE;
    return fault_set(&c->why, ERR_AUTH, 0, "no file and no authority lets the key in");
}

/* ---- the signature ---- */

static enum err
check_attest(struct check *c, const struct sk_attest *attest)
{
    const struct steward_key_rules *r = &c->q->rules;
    bool wants_touch = r->is_touch_required || !c->match.is_touch_waived;
    bool wants_verify = r->is_verify_required || c->match.is_verify_required;
    if (!c->algo->is_sk)
        return ERR_NONE;
    if (wants_touch && !attest->is_user_present)
        return fault_set(&c->why, ERR_AUTH, 0, "the security key was not touched");
    if (wants_verify && !attest->is_user_verified)
        return fault_set(&c->why, ERR_AUTH, 0,
                         "the security key did not verify its user");
    return ERR_NONE;
}

static enum err
verify(struct check *c, const struct pubkey *key)
{
    const struct steward_key *q = c->q;
    struct sk_attest attest = {0};
    struct buf data;
    struct bytes host_key = bytes_of(q->host_key, q->is_hostbound ? q->host_key_len : 0);
    buf_init(&data, 4 * KEY_BLOB_MAX);
    auth_signed_data(bytes_of(q->session_id, q->session_id_len), bytes_str(q->who.user),
                     bytes_str(q->algo), c->blob, host_key, &data);
    enum err err = buf_err(&data);
    if (err == ERR_NONE)
        err = sig_verify(c->algo, key, bytes_of(q->signature, q->signature_len),
                         buf_bytes(&data), &attest);
    buf_clear(&data);
    if (err != ERR_NONE)
        return fault_set(&c->why, ERR_AUTH, 0, "the signature is wrong");
    return check_attest(c, &attest);
}

static enum err
check_signature(struct check *c)
{
    struct buf plain;
    struct pubkey *key = NULL;
    if (!c->q->is_signed)
        return ERR_NONE;
    buf_init(&plain, KEY_BLOB_MAX);
    enum err err = cert_plain_blob(c->blob, &plain);
    if (err == ERR_NONE)
        err = pubkey_parse(buf_bytes(&plain), &key);
    if (err == ERR_NONE)
        err = verify(c, key);
    else
        fault_set(&c->why, ERR_AUTH, 0, "the key is malformed or weak");
    pubkey_free(key);
    buf_clear(&plain);
    return err;
}

/* ---- the answer ---- */

static void
put_key(const struct check *c, char key[128])
{
    struct buf text;
    const struct key_type *type = key_type_of_blob(c->blob);
    buf_init(&text, 127);
    buf_put_str(&text, type ? type->word : "?");
    buf_put_str(&text, " ");
    if (fingerprint_put(FINGERPRINT_SHA256, c->blob, &text) == ERR_NONE &&
        buf_cstr(&text))
        snprintf(key, 128, "%s", (const char *)text.p);
    buf_clear(&text);
}

static enum err
put_command(struct check *c, struct steward_answer *a)
{
    size_t n = c->match.command.n;
    if (!c->match.has_command)
        return ERR_NONE;
    if (n >= sizeof a->command || (n != 0 && memchr(c->match.command.p, 0, n)))
        return fault_set(&c->why, ERR_AUTH, 0, "the key's command is too long");
    a->has_command = 1;
    memcpy(a->command, c->match.command.p, n);
    a->command[n] = 0;
    return ERR_NONE;
}

static enum err
check(struct check *c, struct bytes lines)
{
    enum err err = check_algo(c);
    if (err == ERR_NONE)
        err = check_revoked(c);
    if (err != ERR_NONE)
        return err;
    read_ca_keys(c);
    err = c->q->who.kind == STEWARD_SYSTEM ? find_system(c) : find_virtual(c, lines);
    return err ? err : check_signature(c);
}

bool
key_check_is_quick(const struct steward_key *q)
{
    const struct sig_algo *algo = sig_by_name(bytes_str(q->algo));
    return q->who.kind == STEWARD_VIRTUAL && (!algo || !algo->is_cert) &&
           !is_given(q->rules.revoked_keys);
}

void
key_check(const struct steward_key *q, struct bytes lines, const struct log_sink *log,
          struct job_reply *reply)
{
    struct check c = {.q = q, .log = log, .blob = bytes_of(q->blob, q->blob_len)};
    authorized_key_init(&c.match);
    buf_init(&c.revoked, KRL_MAX);
    buf_init(&c.ca_keys, AUTHORIZED_KEYS_MAX);
    buf_init(&c.command_keys, AUTHORIZED_KEYS_MAX);
    enum err err = check(&c, lines);
    if (err == ERR_NONE)
        err = put_command(&c, &reply->answer);
    put_key(&c, reply->answer.key);
    if (err == ERR_NONE)
        reply_say(reply, STEWARD_YES, "%s by %s", reply->answer.key, c.where);
    else
        reply_say(reply, STEWARD_NO, "%s", c.why.text[0] ? c.why.text : err_name(err));
    authorized_key_clear(&c.match);
    buf_clear(&c.revoked);
    buf_clear(&c.ca_keys);
    buf_clear(&c.command_keys);
}
