/* See account.h. */
#include "daemon/account.h"

#include <stdio.h>
#include <time.h>

#include "key/authorized_keys.h"

void
account_init(struct account *a, const char *name, const char *ca_algos)
{
    memset(a, 0, sizeof *a);
    snprintf(a->user, sizeof a->user, "%s", name);
    snprintf(a->ca_algos, sizeof a->ca_algos, "%s", ca_algos);
    buf_init(&a->authorized_keys, AUTHORIZED_KEYS_MAX);
}

void
account_clear(struct account *a)
{
    buf_clear(&a->authorized_keys);
    mem_wipe(a, sizeof *a);
}

static enum err
verifier_of(const struct account *a, struct bytes password, uint8_t out[HASH_MAX_LEN])
{
    return hmac_digest(HASH_SHA512, bytes_of(a->salt, sizeof a->salt), password, out);
}

enum err
account_set_password(struct account *a, struct bytes password,
                     const struct rand_source *rand)
{
    if (password.n == 0 || password.n > SECRET_MAX)
        return ERR_PROTO;
    enum err err = rand_fill(rand, a->salt, sizeof a->salt);
    if (err == ERR_NONE)
        err = verifier_of(a, password, a->verifier);
    a->has_password = err == ERR_NONE;
    return err;
}

/* Seconds that local time is ahead of UTC. */
static int32_t
utc_offset(int64_t now)
{
    struct tm tm;
    time_t t = (time_t)now;
    return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

enum err
account_set_keys(struct account *a, struct bytes text, const char *file,
                 const struct log_sink *log, struct fault *why)
{
    struct authorized_keys it;
    struct authorized_key key;
    enum authorized_step step;
    unsigned n = 0;
    authorized_keys_start(&it, text, utc_offset(time(NULL)));
    authorized_key_init(&key);
    do {
        struct fault ignored = {0};
        step = authorized_keys_next(&it, &key, &ignored);
        n += step == AUTHORIZED_KEY;
        if (step == AUTHORIZED_IGNORED)
            log_line(log, LOG_LEVEL_WARN, "%s:%u: line ignored: %s", file, key.line,
                     ignored.text);
    } while (step != AUTHORIZED_END);
    authorized_key_clear(&key);
    if (n == 0)
        return fault_set(why, ERR_PROTO, 0, "%.120s: holds no key that may log in", file);
    buf_put(&a->authorized_keys, text);
    snprintf(a->keys_file, sizeof a->keys_file, "%s", file);
    a->has_keys = buf_err(&a->authorized_keys) == ERR_NONE;
    return a->has_keys ? ERR_NONE : fault_set(why, ERR_NOMEM, 0, "out of memory");
}

const char *
account_methods(const struct account *a)
{
    /* Many clients know only one of password and keyboard-interactive: both
     * are offered and ask for the same. */
    if (a->has_password && a->has_keys)
        return "publickey,password,keyboard-interactive";
    return a->has_password ? "password,keyboard-interactive" : "publickey";
}

/* Every step is taken for every request; only then are the findings joined. */
enum account_verdict
account_check_password(const struct account *a, struct bytes user, struct bytes password)
{
    uint8_t candidate[HASH_MAX_LEN] = {0};
    bool is_user = bytes_eq_str(user, a->user);
    bool is_sane = password.n != 0 && password.n <= SECRET_MAX;
    bool is_hashed = verifier_of(a, password, candidate) == ERR_NONE;
    bool is_right = mem_equal_ct(candidate, a->verifier, sizeof candidate);
    mem_wipe(candidate, sizeof candidate);
    if (a->has_password && is_user && is_sane && is_hashed && is_right)
        return ACCOUNT_ACCEPTED;
    return ACCOUNT_DENIED;
}

/* A key tied to a command logs in only when that command is what we do anyway. */
static bool
is_command_ours(const struct authorized_key *key)
{
    return !key->has_command || bytes_eq_str(buf_bytes(&key->command), "internal-sftp");
}

enum account_verdict
account_check_key(const struct account *a, const struct account_key_query *query,
                  uint32_t *flags)
{
    struct authorized_query find = {
        .text = buf_bytes(&a->authorized_keys),
        .file = a->keys_file,
        .blob = query->blob,
        .user = query->user,
        .address = query->address,
        .now = (uint64_t)query->now,
        .utc_offset_s = utc_offset(query->now),
        .ca_algos = bytes_str(a->ca_algos),
        .log = query->log,
    };
    struct authorized_key key;
    authorized_key_init(&key);
    bool is_user = bytes_eq_str(query->user, a->user);
    bool is_found = query->blob.n != 0 && authorized_keys_find(&find, &key) == ERR_NONE;
    enum account_verdict verdict = ACCOUNT_DENIED;
    *flags = 0;
    if (a->has_keys && is_user && is_found && is_command_ours(&key)) {
        *flags = (key.is_touch_waived ? ACCOUNT_TOUCH_WAIVED : 0U) |
                 (key.is_verify_required ? ACCOUNT_VERIFY_REQUIRED : 0U);
        verdict = ACCOUNT_ACCEPTED;
    }
    authorized_key_clear(&key);
    return verdict;
}
