/*
 * Questions to the steward, as a monitor that an attacker owns, or one that passes
 * on too much, could send them (threats S2): soundness, and behind it whatever the
 * steward does in its own process.
 *
 * Input: an octet op, an octet that says which defaults stand in the struct, then
 * patches: uint24 offset, uint8 length, that many octets. A rest that is too short
 * for a patch is sent as the message itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/algos.h"
#include "crypto/rand.h"
#include "key/pubkey_line.h"
#include "steward/key_check.h"
#include "steward/questions.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_KEY = 1, WITH_CERTIFICATE = 2, SIGNED = 4 };

static const char own_line[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGfld9nXbI5Uc6eAc2uDcZ3PkTbbTazNvzG8yDPqVO1f";

/* An account's keys: this one, and it as an authority. */
static void
put_lines(struct buf *lines)
{
    buf_put_str(lines, "command=\"internal-sftp -R\" ");
    buf_put_str(lines, own_line);
    buf_put_str(lines, "\ncert-authority,principals=\"alice\" ");
    buf_put_str(lines, own_line);
    buf_put_str(lines, "\n");
}

static void
put_key(struct steward_key *q, unsigned defaults)
{
    struct buf blob;
    struct bytes comment;
    buf_init(&blob, KEY_BLOB_MAX);
    if (pubkey_line_parse(bytes_str(own_line), &blob, &comment) != ERR_NONE)
        abort();
    q->who.kind = STEWARD_VIRTUAL;
    snprintf(q->who.user, sizeof q->who.user, "alice");
    snprintf(q->who.address, sizeof q->who.address, "192.0.2.7");
    snprintf(q->rules.pubkey_algos, sizeof q->rules.pubkey_algos, "%s",
             algo_list(PROFILE_COMPAT, ALGO_SERVER, ALGO_USER_KEY));
    snprintf(q->rules.ca_algos, sizeof q->rules.ca_algos, "%s",
             algo_list(PROFILE_COMPAT, ALGO_SERVER, ALGO_CA_SIGNATURE));
    bool is_cert = (defaults & WITH_CERTIFICATE) != 0;
    snprintf(q->algo, sizeof q->algo, "%s",
             is_cert ? "ssh-ed25519-cert-v01@openssh.com" : "ssh-ed25519");
    q->blob_len = (uint32_t)blob.n;
    memcpy(q->blob, blob.p, blob.n);
    q->is_signed = (defaults & SIGNED) != 0;
    q->session_id_len = 32;
    q->signature_len = 83;
    buf_clear(&blob);
}

static size_t
make(struct cursor *c, uint8_t room[STEWARD_MESSAGE_MAX])
{
    uint32_t op = cursor_u8(c);
    unsigned defaults = cursor_u8(c);
    size_t n = steward_question_size(op);
    if (c->failed || n == 0) {
        struct bytes rest = cursor_raw(c, cursor_left(c));
        if (rest.n > STEWARD_MESSAGE_MAX)
            rest.n = STEWARD_MESSAGE_MAX;
        if (rest.n != 0)
            memcpy(room, rest.p, rest.n);
        return rest.n;
    }
    memset(room, 0, n);
    memcpy(room, &op, sizeof op);
    if (op == STEWARD_KEY && (defaults & WITH_KEY))
        put_key((struct steward_key *)room, defaults);
    while (cursor_left(c) > 4) {
        size_t at = cursor_u8(c);
        at = at << 8 | cursor_u8(c);
        at = at << 8 | cursor_u8(c);
        struct bytes patch = cursor_raw(c, cursor_u8(c));
        at %= n;
        if (patch.n <= n - at && patch.n != 0)
            memcpy(room + at, patch.p, patch.n);
    }
    return n;
}

/* Nothing was signed with the key: whoever is let in, is let in without it. */
static void
check_key(const struct steward_key *q)
{
    static struct job_reply reply;
    struct buf lines;
    if (!key_check_is_quick(q) && q->rules.revoked_keys[0])
        return; /* would open files */
    if (q->who.kind != STEWARD_VIRTUAL || q->rules.ca_keys[0])
        return;
    memset(&reply, 0, sizeof reply);
    buf_init(&lines, 4096);
    put_lines(&lines);
    key_check(q, buf_bytes(&lines), NULL, &reply);
    if (reply.head.verdict != STEWARD_NO && (q->is_signed || reply.head.verdict > 1))
        abort();
    buf_clear(&lines);
}

static void
unexpected(void *ctx, struct job *job, struct job_reply *reply)
{
    (void)ctx, (void)job, (void)reply;
    abort();
}

/* Without a database nobody is virtual: no answer may say yes to a proof. */
static void
begin(const uint8_t *room, size_t n)
{
    static struct steward steward;
    static struct job_reply reply;
    struct job *job = job_new(room, n);
    if (!job)
        return;
    workers_init(&steward.workers);
    steward.workers.answered = unexpected;
    memset(&reply, 0, sizeof reply);
    reply.head = job->head;
    reply.head.verdict = STEWARD_NO;
    bool is_proof = job->head.op == STEWARD_PASSWORD || job->head.op == STEWARD_KEY ||
                    job->head.op == STEWARD_CODE;
    if (question_begin(&steward, job, &reply) == QUESTION_ANSWERED && is_proof &&
        reply.head.verdict == STEWARD_YES)
        abort();
    job_free(job);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(uint64_t) uint8_t room[STEWARD_MESSAGE_MAX];
    static bool is_ready;
    struct cursor c = cursor_of(bytes_of(data, size));
    if (!is_ready && crypto_init() != ERR_NONE)
        abort();
    is_ready = true;
    size_t n = make(&c, room);
    if (!question_is_sound(room, n))
        return 0;
    uint32_t op;
    memcpy(&op, room, sizeof op);
    if (op == STEWARD_KEY)
        check_key((const struct steward_key *)room);
    begin(room, n);
    return 0;
}
