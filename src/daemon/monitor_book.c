/*
 * What stands behind the monitor of `ferryd run`: the steward, who knows the
 * accounts, and the recorder. See monitor_impl.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/files.h"
#include "daemon/monitor_impl.h"
#include "key/cert.h"
#include "key/pubkey_line.h"
#include "net/clock.h"

enum { STEWARD_START_MS = 20 * 1000, CERTIFICATE_FILE_MAX = 64 * 1024 };

/* ---- loading ---- */

static enum err
load_host_keys(struct keeper *k, struct fault *why)
{
    const struct monitor_book *b = k->process->book;
    const struct server_list *given = &b->options->host_keys;
    enum err err = ERR_NONE;
    if (given->n == 0)
        return host_keys_load_kept(&k->keys, b->state_dir, &k->process->log->sink, why);
    for (size_t i = 0; err == ERR_NONE && i < given->n; i++)
        err = host_keys_load(&k->keys, given->item[i], why);
    return err;
}

/* Whose certificate is it? */
static enum err
add_certificate(struct keeper *k, struct monitor_keys *keys, const char *path,
                struct bytes blob, struct fault *why)
{
    struct buf plain;
    uint32_t i = k->keys.n;
    buf_init(&plain, KEY_BLOB_MAX);
    if (cert_plain_blob(blob, &plain) == ERR_NONE)
        for (i = 0; i < k->keys.n; i++)
            if (bytes_eq(buf_bytes(&plain), host_keys_blob(&k->keys, i)))
                break;
    buf_clear(&plain);
    if (i == k->keys.n)
        return fault_set(why, ERR_PROTO, 0,
                         "HostCertificate %.160s: belongs to none of the host keys",
                         path);
    return keeper_add_key(keys, blob, i, why);
}

static enum err
load_certificate(struct keeper *k, struct monitor_keys *keys, const char *path,
                 struct fault *why)
{
    struct buf text, blob;
    struct bytes comment;
    buf_init(&text, CERTIFICATE_FILE_MAX);
    buf_init(&blob, KEY_BLOB_MAX);
    enum err err = file_read(path, FILE_TRUSTED, &text, why);
    struct bytes line = buf_bytes(&text);
    while (line.n != 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (err == ERR_NONE && pubkey_line_parse(line, &blob, &comment) != ERR_NONE)
        err = fault_set(why, ERR_PROTO, 0, "HostCertificate %.160s: not a certificate",
                        path);
    if (err == ERR_NONE)
        err = add_certificate(k, keys, path, buf_bytes(&blob), why);
    buf_clear(&blob);
    buf_clear(&text);
    return err;
}

static enum err
load_keys(struct keeper *k, struct monitor_keys *keys, struct fault *why)
{
    const struct server_list *certificates =
        &k->process->book->options->host_certificates;
    enum err err = load_host_keys(k, why);
    for (uint32_t i = 0; err == ERR_NONE && i < k->keys.n; i++)
        err = keeper_add_key(keys, host_keys_blob(&k->keys, i), i, why);
    for (size_t i = 0; err == ERR_NONE && i < certificates->n; i++)
        err = load_certificate(k, keys, certificates->item[i], why);
    return err;
}

static enum err
await_steward(struct keeper *k, struct fault *why)
{
    uint64_t deadline = clock_now_ms() + STEWARD_START_MS;
    for (;;) {
        const struct steward_head *answer;
        struct pollfd p = {.fd = k->process->book->steward, .events = POLLIN};
        enum err err = steward_client_next(k->steward, &answer);
        if (err == ERR_NONE && answer->op == STEWARD_READY) {
            const struct steward_answer *a = (const struct steward_answer *)answer;
            return answer->verdict == STEWARD_YES
                       ? ERR_NONE
                       : fault_set(why, ERR_IO, 0, "%.200s", a->text);
        }
        uint64_t now = clock_now_ms();
        if ((err != ERR_LIMIT && err != ERR_NONE) || now >= deadline)
            return fault_set(why, ERR_IO, 0, "the steward did not start");
        (void)!poll(&p, 1, clock_poll_timeout(deadline, now));
    }
}

static enum err
make_world(struct keeper *k, struct fault *why)
{
    const struct monitor_book *b = k->process->book;
    enum err err = steward_client_new(b->steward, &k->process->log->sink, &k->steward);
    if (err == ERR_NONE && b->recorder >= 0)
        err = recorder_client_new(b->recorder, &k->recorder);
    if (err != ERR_NONE)
        return fault_set(why, err, 0, "out of memory");
    k->world = (struct verdict_book_world){
        .config = b->config,
        .steward = k->steward,
        .pubkey_algos = b->pubkey_algos,
        .ca_algos = b->ca_algos,
        .banners = b->banners,
        .n_banners = b->n_banners,
        .is_root = b->is_root,
        .virtual_uid = b->virtual_uid,
        .virtual_gid = b->virtual_gid,
        .log = &k->process->log->sink,
    };
    err = rand_fill(&rand_system, k->world.delay_key, sizeof k->world.delay_key);
    return err ? fault_set(why, err, 0, "no random octets") : await_steward(k, why);
}

static enum err
load(struct keeper *k, struct monitor_keys *keys, struct fault *why)
{
    enum err err = load_keys(k, keys, why);
    return err ? err : make_world(k, why);
}

/* ---- the backend ---- */

static struct keeper_slot *
slot_of(struct keeper *k, const struct monitor_conn *c)
{
    return keeper_find(k, keeper_mark(c));
}

static enum err
verdict_new(void *ctx, struct monitor_conn *c, const struct verdict_peer *peer,
            struct verdict **v)
{
    struct keeper *k = ctx;
    return verdict_book_new(&k->world, peer, keeper_mark(c), v);
}

/* Who is it, whose usage is counted? */
static void
name_owner(const struct monitor_conn *c, struct steward_who *who)
{
    const struct grant *grant = c->verdict->ops->grant(c->verdict);
    who->kind = grant->is_virtual ? STEWARD_VIRTUAL : STEWARD_SYSTEM;
    memcpy(who->user, grant->user, sizeof who->user);
    memcpy(who->address, c->address, sizeof who->address);
}

static enum err
ask_quota(struct keeper *k, struct keeper_slot *slot, struct steward_quota *q)
{
    const struct monitor_conn *c = &slot->conn;
    const struct grant *grant = c->verdict->ops->grant(c->verdict);
    q->head.op = STEWARD_QUOTA;
    name_owner(c, &q->who);
    q->instance = k->process->book->instance;
    q->connection = c->id;
    q->limit_octets = grant->quota_octets;
    q->limit_files = grant->quota_files;
    slot->has_quota = true;
    return steward_client_ask(k->steward, &q->head, keeper_mark(c), &slot->question);
}

/* A charge of nothing asks how much is used: before a tree is counted. */
static enum err
charge(void *ctx, struct monitor_conn *c, const struct monitor_charge *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    struct keeper *k = ctx;
    struct keeper_slot *slot = slot_of(k, c);
    struct steward_quota q = {.octets = r->octets, .files = r->files};
    (void)reply;
    q.act = r->op == MONITOR_RECOUNTED        ? STEWARD_QUOTA_COUNTED
            : r->octets == 0 && r->files == 0 ? STEWARD_QUOTA_STATE
                                              : STEWARD_QUOTA_CHARGE;
    if (q.act == STEWARD_QUOTA_COUNTED)
        q.begun = slot->begun;
    *progress = MONITOR_LATER;
    return ask_quota(k, slot, &q);
}

/* What has to be safe before the client is told so. */
static bool
is_awaited(enum record_kind kind)
{
    return kind == RECORD_UPLOAD_INTENT || kind == RECORD_UPLOAD;
}

static enum err
record(void *ctx, struct monitor_conn *c, const struct record *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    struct keeper *k = ctx;
    bool waits = is_awaited((enum record_kind)r->kind) &&
                 c->verdict->ops->grant(c->verdict)->wants_intents;
    reply->verdict = 1;
    if (!k->recorder)
        return ERR_NONE;
    enum err err =
        recorder_client_put(k->recorder, r, waits ? keeper_mark(c) : 0, clock_now_ms());
    if (waits)
        *progress = MONITOR_LATER;
    if (err != ERR_LIMIT)
        return err;
    /* The recorder is behind. What nobody waits for is lost, and said so. */
    log_line(&k->process->log->sink, LOG_LEVEL_WARN,
             "the recorder is behind: a record was lost");
    *progress = MONITOR_NOW;
    reply->verdict = waits ? 0 : 1;
    return ERR_NONE;
}

static enum err
name(void *ctx, struct monitor_conn *c, const struct monitor_name_request *r,
     struct monitor_reply *reply, enum monitor_progress *progress)
{
    struct keeper *k = ctx;
    struct steward_names q = {.head.op = STEWARD_NAMES, .is_groups = r->is_group, .n = 1};
    (void)reply;
    if (c->verdict->ops->grant(c->verdict)->is_virtual)
        return ERR_NONE; /* the names of the system's accounts are not its business */
    q.ids[0] = r->id;
    *progress = MONITOR_LATER;
    return steward_client_ask(k->steward, &q.head, keeper_mark(c),
                              &slot_of(k, c)->question);
}

static void
leave(void *ctx, struct monitor_conn *c)
{
    struct keeper *k = ctx;
    struct keeper_slot *slot = slot_of(k, c);
    struct steward_quota q = {.act = STEWARD_QUOTA_END};
    if (slot->has_quota && ask_quota(k, slot, &q) == ERR_NONE)
        slot->has_quota = false;
}

/* Gone without a word: what it had charged may or may not have been used. */
static void
left(struct keeper *k, struct keeper_slot *slot)
{
    struct steward_quota q = {.act = STEWARD_QUOTA_ABANDON};
    if (slot->has_quota)
        (void)!ask_quota(k, slot, &q); /* a steward that is gone counts at its start */
}

/* ---- answers ---- */

static void
on_quota(struct keeper *k, struct keeper_slot *slot, const struct steward_quota_answer *a)
{
    struct monitor_reply *reply = &k->reply;
    const struct grant *grant = slot->conn.verdict->ops->grant(slot->conn.verdict);
    memset(reply, 0, sizeof *reply);
    reply->verdict = a->head.verdict == STEWARD_YES;
    reply->quota.used_octets = a->usage.octets;
    reply->quota.used_files = a->usage.files;
    reply->quota.limit_octets = grant->quota_octets;
    reply->quota.limit_files = grant->quota_files;
    reply->is_failed = a->head.verdict == STEWARD_FAILED;
    slot->begun = a->usage;
    keeper_reply(k, slot, reply);
}

static void
on_names(struct keeper *k, struct keeper_slot *slot, const struct steward_names_answer *a)
{
    struct monitor_reply *reply = &k->reply;
    memset(reply, 0, sizeof *reply);
    reply->verdict = a->head.verdict == STEWARD_YES && a->n == 1;
    if (reply->verdict)
        snprintf(reply->name, sizeof reply->name, "%.*s", STEWARD_NAME_MAX - 1,
                 a->names[0]);
    keeper_reply(k, slot, reply);
}

static void
on_login(struct keeper *k, struct keeper_slot *slot, const struct steward_head *answer)
{
    struct monitor_reply *reply = &k->reply;
    enum verdict_progress progress = VERDICT_NOW;
    memset(reply, 0, sizeof *reply);
    reply->verdict = 1;
    enum err err =
        verdict_book_on_answer(slot->conn.verdict, answer, &reply->login, &progress);
    if (err != ERR_NONE)
        keeper_drop(k, slot);
    else if (progress == VERDICT_NOW)
        keeper_reply(k, slot, reply);
    keeper_speak_of(k, NULL);
}

static void
on_answer(struct keeper *k, const struct steward_head *answer)
{
    struct keeper_slot *slot = keeper_find(k, answer->mark);
    uint32_t awaited = slot ? slot->conn.awaited : 0;
    if (awaited == MONITOR_LOGIN)
        on_login(k, slot, answer);
    else if (awaited == 0 || answer->id != slot->question)
        return; /* nobody waits for it any more */
    else if (answer->op == STEWARD_QUOTA)
        on_quota(k, slot, (const struct steward_quota_answer *)answer);
    else if (answer->op == STEWARD_NAMES)
        on_names(k, slot, (const struct steward_names_answer *)answer);
}

static void
on_receipt(struct keeper *k, uint64_t token, enum recorder_result result)
{
    struct keeper_slot *slot = keeper_find(k, token);
    struct monitor_reply *reply = &k->reply;
    if (!slot || slot->conn.awaited != MONITOR_RECORD)
        return;
    memset(reply, 0, sizeof *reply);
    reply->verdict = result != RECORDER_FAILED;
    keeper_reply(k, slot, reply);
}

static bool
serve(struct keeper *k)
{
    const struct steward_head *answer;
    enum recorder_result result;
    uint64_t token;
    enum err err = steward_client_flush(k->steward);
    while (err == ERR_NONE &&
           (err = steward_client_next(k->steward, &answer)) == ERR_NONE)
        on_answer(k, answer);
    if (k->recorder) {
        recorder_client_tick(k->recorder, clock_now_ms());
        while (recorder_client_take(k->recorder, &token, &result))
            on_receipt(k, token, result);
    }
    if (err != ERR_CLOSED && err != ERR_PROTO)
        return true;
    log_line(&k->process->log->sink, LOG_LEVEL_ERROR, "the steward is gone");
    return false;
}

/* ---- the kind ---- */

static enum err
begin(struct keeper *k, const struct monitor_keys *keys)
{
    (void)keys;
    k->backend = (struct monitor_backend){.verdict_new = verdict_new,
                                          .charge = charge,
                                          .record = record,
                                          .name = name,
                                          .leave = leave,
                                          .ctx = k};
    return ERR_NONE;
}

static void
fds_of(const struct keeper *k, struct pollfd fds[KEEPER_FDS_MAX])
{
    const struct monitor_book *b = k->process->book;
    fds[0] =
        (struct pollfd){.fd = b->steward, .events = steward_client_events(k->steward)};
    fds[1] = (struct pollfd){.fd = k->recorder ? b->recorder : -1, .events = POLLIN};
    if (k->recorder && recorder_client_wants_out(k->recorder))
        fds[1].events |= POLLOUT;
}

static uint64_t
deadline(const struct keeper *k)
{
    return k->recorder ? recorder_client_deadline(k->recorder) : UINT64_MAX;
}

static void
clear(struct keeper *k)
{
    steward_client_free(k->steward);
    recorder_client_free(k->recorder);
}

const struct keeper_kind keeper_book = {load,     begin, fds_of, serve,
                                        deadline, left,  clear};
