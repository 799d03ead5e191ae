/* See questions.h. */
#include "steward/questions.h"

#include <stdio.h>
#include <time.h>

#include "account/password.h"
#include "account/totp.h"
#include "crypto/rand.h"
#include "steward/key_check.h"
#include "steward/pam_dialogue.h"
#include "steward/system_account.h"

/* How long a worker may take. */
enum {
    HASH_MS = 20000, /* the worst stored string takes seconds, on a busy machine more */
    SYSTEM_MS = 15000,
    PAM_MS = 120000,
};

static enum question_progress
answer(struct job_reply *reply, enum steward_verdict verdict)
{
    reply->head.verdict = verdict;
    return QUESTION_ANSWERED;
}

static enum question_progress
work(struct job *job, enum job_class class, uint32_t limit_ms)
{
    job->class = class;
    job->limit_ms = limit_ms;
    return QUESTION_WORK;
}

/* ---- the database ---- */

/* ERR_AUTH: no such account. Other failures are told in the log. */
static enum err
find(struct steward *s, const struct steward_who *who, struct account_record *r)
{
    struct fault why = {0};
    if (!s->store)
        return ERR_AUTH;
    enum err err = store_effective(s->store, bytes_str(who->user), r, &why);
    if (err != ERR_NONE && err != ERR_AUTH)
        log_line(s->log, LOG_LEVEL_ERROR, "account database: %s", why.text);
    return err;
}

static void
complain(const struct steward *s, enum err err, const struct fault *why)
{
    if (err != ERR_NONE)
        log_line(s->log, LOG_LEVEL_ERROR, "account database: %s", why->text);
}

/* ---- LOOKUP ---- */

static void
put_group(const struct account_record *r, struct steward_facts *f)
{
    f->n_group_names = r->group[0] != 0;
    snprintf(f->group_names, sizeof f->group_names, "%s", r->group);
}

static void
usage_put(const struct usage_state *state, struct steward_usage *usage)
{
    usage->octets = state->octets;
    usage->files = state->files;
    usage->changes = state->changes;
    usage->needs_recount = state->needs_recount;
}

static struct usage_owner
owner_of(const struct steward_who *who)
{
    struct usage_owner owner = {.kind = who->kind == STEWARD_VIRTUAL ? USAGE_VIRTUAL
                                                                     : USAGE_SYSTEM};
    snprintf(owner.name, sizeof owner.name, "%s", who->user);
    return owner;
}

static void
put_usage(struct steward *s, enum steward_kind kind, const struct steward_who *who,
          struct steward_facts *f)
{
    struct fault why = {0};
    struct usage_state state = {.needs_recount = true};
    struct steward_who of = *who;
    of.kind = kind;
    struct usage_owner owner = owner_of(&of);
    if (s->store)
        complain(s, store_usage(s->store, &owner, &state, &why), &why);
    usage_put(&state, &f->usage);
}

static enum question_progress
begin_lookup(struct steward *s, struct job *job, struct job_reply *reply)
{
    const struct steward_lookup *q = &job->question->lookup;
    struct steward_facts *f = &reply->facts;
    enum err err =
        q->accounts & SERVER_ACCOUNTS_VIRTUAL ? find(s, &q->who, &f->account) : ERR_AUTH;
    if (err == ERR_NONE) {
        f->kind = STEWARD_VIRTUAL;
        put_group(&f->account, f);
        put_usage(s, STEWARD_VIRTUAL, &q->who, f);
        return answer(reply, STEWARD_YES);
    }
    if (err != ERR_AUTH)
        return answer(reply, STEWARD_FAILED);
    if (q->accounts & SERVER_ACCOUNTS_SYSTEM)
        return work(job, JOB_SYSTEM, SYSTEM_MS);
    return answer(reply, STEWARD_NO);
}

static void
work_lookup(const struct job *job, int fd, const struct log_sink *log,
            struct job_reply *reply)
{
    (void)fd;
    system_account_look_up(job->question->lookup.who.user, log, &reply->facts);
}

static void
finish_lookup(struct steward *s, const struct job *job, struct job_reply *reply)
{
    if (reply->head.verdict == STEWARD_YES)
        put_usage(s, STEWARD_SYSTEM, &job->question->lookup.who, &reply->facts);
}

/* ---- PASSWORD ---- */

/* Nobody's password, and an account's that has none, are checked too (threats A4). */
static void
lay_hash(struct steward *s, struct job *job, const struct steward_who *who)
{
    struct fault why = {0};
    struct account_record r;
    enum err err = who->kind == STEWARD_VIRTUAL ? find(s, who, &r) : ERR_AUTH;
    if (err == ERR_NONE) {
        job->account = r.id;
        err = store_password(s->store, r.id, job->hash, &why);
        complain(s, err, &why);
    }
    job->is_dummy = err != ERR_NONE || !job->hash[0];
    if (job->is_dummy)
        snprintf(job->hash, sizeof job->hash, "%s", password_dummy_hash());
}

static enum question_progress
begin_password(struct steward *s, struct job *job, struct job_reply *reply)
{
    (void)reply;
    if (job->question->password.who.kind != STEWARD_SYSTEM)
        lay_hash(s, job, &job->question->password.who);
    return work(job, JOB_HASH, HASH_MS);
}

static void
work_password(const struct job *job, int fd, const struct log_sink *log,
              struct job_reply *reply)
{
    const struct steward_password *q = &job->question->password;
    struct bytes password = bytes_of(q->password, q->password_len);
    (void)fd;
    if (q->who.kind == STEWARD_SYSTEM) {
        system_account_password(q->who.user, password, log, reply);
        return;
    }
    enum err err = password_verify(password, job->hash);
    if (err == ERR_PROTO && !job->is_dummy)
        log_line(log, LOG_LEVEL_ERROR, "%s: the stored password is not of a known kind",
                 q->who.user);
    if (err != ERR_NONE || job->is_dummy) {
        reply_say(reply, STEWARD_NO, "wrong password");
        return;
    }
    if (password_needs_rehash(job->hash) &&
        password_hash(password, &rand_system, reply->hash) != ERR_NONE)
        reply->hash[0] = 0;
    reply_say(reply, STEWARD_YES, "password");
}

/* Hashed anew at login, unless it was changed meanwhile. */
static void
finish_password(struct steward *s, const struct job *job, struct job_reply *reply)
{
    struct fault why = {0};
    if (reply->head.verdict != STEWARD_YES || !reply->hash[0] || job->account == 0)
        return;
    enum err err =
        store_password_replace(s->store, job->account, job->hash, reply->hash, &why);
    if (err != ERR_AUTH)
        complain(s, err, &why);
}

/* ---- KEY ---- */

static enum question_progress
begin_key(struct steward *s, struct job *job, struct job_reply *reply)
{
    const struct steward_key *q = &job->question->key;
    struct account_record r;
    struct fault why = {0};
    if (q->who.kind == STEWARD_NOBODY) {
        reply_say(reply, STEWARD_NO, "no such account");
        return QUESTION_ANSWERED;
    }
    if (q->who.kind == STEWARD_SYSTEM)
        return work(job, JOB_SYSTEM, SYSTEM_MS);
    enum err err = find(s, &q->who, &r);
    if (err == ERR_NONE) {
        err = store_keys_text(s->store, r.id, &job->keys, &why);
        complain(s, err, &why);
    }
    if (err != ERR_NONE)
        return answer(reply, err == ERR_AUTH ? STEWARD_NO : STEWARD_FAILED);
    if (!key_check_is_quick(q))
        return work(job, JOB_SYSTEM, SYSTEM_MS);
    key_check(q, buf_bytes(&job->keys), s->log, reply);
    return QUESTION_ANSWERED;
}

static void
work_key(const struct job *job, int fd, const struct log_sink *log,
         struct job_reply *reply)
{
    (void)fd;
    key_check(&job->question->key, buf_bytes(&job->keys), log, reply);
}

/* ---- CODE ---- */

/* A step is spent before anybody is let in: a second login with the same code finds
 * it spent, whichever process it comes from. */
static enum err
use_totp(struct steward *s, int64_t account, struct bytes typed, struct fault *why)
{
    struct store_totp totp;
    int64_t step;
    enum err err = store_totp(s->store, account, &totp, why);
    if (err == ERR_NONE && totp.secret_len == 0)
        err = ERR_AUTH;
    if (err == ERR_NONE)
        err = totp_verify(bytes_of(totp.secret, totp.secret_len), typed,
                          (int64_t)time(NULL), totp.last_step, &step);
    mem_wipe(&totp, sizeof totp);
    return err ? err : store_totp_use(s->store, account, step, why);
}

static enum question_progress
begin_code(struct steward *s, struct job *job, struct job_reply *reply)
{
    const struct steward_code *q = &job->question->code;
    struct bytes typed = bytes_of(q->code, q->code_len);
    struct account_record r;
    struct fault why = {0};
    char normal[RECOVERY_CODE_LEN + 1];
    unsigned n_left;
    reply_say(reply, STEWARD_NO, "wrong code");
    if (q->who.kind != STEWARD_VIRTUAL || find(s, &q->who, &r) != ERR_NONE)
        return QUESTION_ANSWERED;
    job->account = r.id;
    enum err err = use_totp(s, r.id, typed, &why);
    if (err == ERR_NONE)
        reply_say(reply, STEWARD_YES, "one-time code");
    if (err != ERR_AUTH) {
        complain(s, err, &why);
        return QUESTION_ANSWERED;
    }
    bool is_recovery =
        recovery_code_normal(typed, normal) &&
        store_recovery_setting(s->store, r.id, job->hash, &n_left, &why) == ERR_NONE &&
        job->hash[0];
    mem_wipe(normal, sizeof normal);
    return is_recovery ? work(job, JOB_HASH, HASH_MS) : QUESTION_ANSWERED;
}

/* The worker says what the code's hash is; whether one is stored, the steward. */
static void
work_code(const struct job *job, int fd, const struct log_sink *log,
          struct job_reply *reply)
{
    const struct steward_code *q = &job->question->code;
    char normal[RECOVERY_CODE_LEN + 1];
    (void)fd, (void)log;
    reply_say(reply, STEWARD_NO, "wrong code");
    if (recovery_code_normal(bytes_of(q->code, q->code_len), normal) &&
        password_hash_like(bytes_str(normal), job->hash, reply->hash) != ERR_NONE)
        reply->hash[0] = 0;
    mem_wipe(normal, sizeof normal);
}

static void
finish_code(struct steward *s, const struct job *job, struct job_reply *reply)
{
    struct fault why = {0};
    reply->head.verdict = STEWARD_NO;
    if (!reply->hash[0])
        return;
    enum err err = store_recovery_use(s->store, job->account, reply->hash, &why);
    if (err == ERR_NONE)
        reply_say(reply, STEWARD_YES, "recovery code");
    else if (err != ERR_AUTH)
        complain(s, err, &why);
}

/* ---- ADMIT ---- */

static enum question_progress
begin_admit(struct steward *s, struct job *job, struct job_reply *reply)
{
    const struct steward_admit *q = &job->question->admit;
    struct account_record r;
    struct fault why = {0};
    if (q->who.kind == STEWARD_SYSTEM)
        return q->has_pam ? work(job, JOB_PAM, SYSTEM_MS) : answer(reply, STEWARD_YES);
    if (q->who.kind != STEWARD_VIRTUAL || find(s, &q->who, &r) != ERR_NONE)
        return answer(reply, STEWARD_NO);
    /* Disabled between the look-up and now: counts at once. */
    if (r.is_disabled) {
        reply_say(reply, STEWARD_NO, "the account is disabled");
        return QUESTION_ANSWERED;
    }
    complain(s, store_note_login(s->store, r.id, (int64_t)time(NULL), &why), &why);
    return answer(reply, STEWARD_YES);
}

static void
work_admit(const struct job *job, int fd, const struct log_sink *log,
           struct job_reply *reply)
{
    (void)fd;
    pam_admit(job->pam_service, &job->question->admit.who, log, reply);
}

/* ---- PAM ---- */

static enum question_progress
begin_pam(struct steward *s, struct job *job, struct job_reply *reply)
{
    (void)s;
    if (job->question->pam_begin.who.kind != STEWARD_SYSTEM)
        return answer(reply, STEWARD_NO);
    return work(job, JOB_PAM, PAM_MS);
}

static void
work_pam(const struct job *job, int fd, const struct log_sink *log,
         struct job_reply *reply)
{
    pam_dialogue_run(job->pam_service, &job->question->pam_begin, fd, log, reply);
}

static enum question_progress
begin_pam_answer(struct steward *s, struct job *job, struct job_reply *reply)
{
    if (workers_answer_dialogue(&s->workers, &job->question->pam_answer))
        return QUESTION_TAKEN;
    reply_say(reply, STEWARD_NO, "the PAM dialogue has ended");
    return QUESTION_ANSWERED;
}

static enum question_progress
begin_pam_end(struct steward *s, struct job *job, struct job_reply *reply)
{
    const struct steward_pam_end *q = &job->question->pam_end;
    workers_end_dialogue(&s->workers, q->head.mark, q->dialogue);
    return answer(reply, STEWARD_YES);
}

/* ---- NAMES ---- */

static enum question_progress
begin_names(struct steward *s, struct job *job, struct job_reply *reply)
{
    (void)s, (void)reply;
    return work(job, JOB_SYSTEM, SYSTEM_MS);
}

static void
work_names(const struct job *job, int fd, const struct log_sink *log,
           struct job_reply *reply)
{
    (void)fd, (void)log;
    system_account_names(&job->question->names, &reply->names);
}

/* ---- QUOTA ---- */

static enum err
act_on_quota(struct store *store, const struct steward_quota *q,
             struct usage_state *state, struct fault *why)
{
    struct usage_owner owner = owner_of(&q->who);
    struct usage_session session = {q->instance, q->connection};
    const struct usage_charge charge = {
        .owner = owner,
        .session = session,
        .limits = {q->limit_octets, q->limit_files},
        .octets = q->octets,
        .files = q->files,
    };
    const struct usage_count count = {
        .octets = (uint64_t)q->octets,
        .files = (uint64_t)q->files,
        .begun = {.octets = q->begun.octets,
                  .files = q->begun.files,
                  .changes = q->begun.changes,
                  .needs_recount = q->begun.needs_recount != 0},
    };
    switch (q->act) {
    case STEWARD_QUOTA_STATE:
        return store_usage(store, &owner, state, why);
    case STEWARD_QUOTA_CHARGE:
        return store_usage_charge(store, &charge, state, why);
    case STEWARD_QUOTA_COUNTED:
        return store_usage_set(store, &owner, &count, state, why);
    case STEWARD_QUOTA_END:
        return store_usage_end(store, &session, why);
    default:
        return store_usage_abandon(store, &session, why);
    }
}

static enum question_progress
begin_quota(struct steward *s, struct job *job, struct job_reply *reply)
{
    struct usage_state state = {0};
    struct fault why = {0};
    if (!s->store)
        return answer(reply, STEWARD_FAILED);
    enum err err = act_on_quota(s->store, &job->question->quota, &state, &why);
    usage_put(&state, &reply->quota.usage);
    reply->quota.is_over_files = state.is_over_files;
    if (err == ERR_LIMIT)
        return answer(reply, STEWARD_NO);
    complain(s, err, &why);
    return answer(reply, err == ERR_NONE ? STEWARD_YES : STEWARD_FAILED);
}

/* ---- soundness: every length and terminator, before anything is read ---- */

#define IS_TEXT(a) (memchr((a), 0, sizeof(a)) != NULL)

static bool
is_who_sound(const struct steward_who *who)
{
    return who->kind <= STEWARD_VIRTUAL && IS_TEXT(who->user) && IS_TEXT(who->address);
}

static bool
is_lookup_sound(const union job_question *q)
{
    return is_who_sound(&q->lookup.who);
}

static bool
is_password_sound(const union job_question *q)
{
    return is_who_sound(&q->password.who) &&
           q->password.password_len <= sizeof q->password.password;
}

static bool
is_key_sound(const union job_question *u)
{
    const struct steward_key *q = &u->key;
    const struct steward_key_rules *r = &q->rules;
    return is_who_sound(&q->who) && IS_TEXT(r->pubkey_algos) && IS_TEXT(r->ca_algos) &&
           IS_TEXT(r->keys_files) && IS_TEXT(r->keys_command) &&
           IS_TEXT(r->keys_command_user) && IS_TEXT(r->principals_file) &&
           IS_TEXT(r->ca_keys) && IS_TEXT(r->revoked_keys) && IS_TEXT(q->algo) &&
           q->session_id_len <= sizeof q->session_id &&
           q->host_key_len <= sizeof q->host_key && q->blob_len <= sizeof q->blob &&
           q->signature_len <= sizeof q->signature &&
           (!q->is_signed || q->session_id_len != 0) &&
           (!q->is_hostbound || q->host_key_len != 0);
}

static bool
is_code_sound(const union job_question *q)
{
    return is_who_sound(&q->code.who) && q->code.code_len <= sizeof q->code.code;
}

static bool
is_pam_begin_sound(const union job_question *q)
{
    return is_who_sound(&q->pam_begin.who) &&
           q->pam_begin.password_len <= sizeof q->pam_begin.password;
}

static bool
is_pam_answer_sound(const union job_question *q)
{
    if (q->pam_answer.n_answers > LOGIN_PROMPTS_MAX)
        return false;
    for (uint32_t i = 0; i < q->pam_answer.n_answers; i++)
        if (q->pam_answer.answer[i].len > LOGIN_ANSWER_MAX)
            return false;
    return true;
}

static bool
is_always_sound(const union job_question *q)
{
    (void)q;
    return true;
}

static bool
is_admit_sound(const union job_question *q)
{
    return is_who_sound(&q->admit.who);
}

static bool
is_names_sound(const union job_question *q)
{
    return q->names.n <= STEWARD_NAMES_MAX;
}

static bool
is_quota_sound(const union job_question *q)
{
    const struct steward_quota *u = &q->quota;
    return is_who_sound(&u->who) && u->act >= STEWARD_QUOTA_STATE &&
           u->act <= STEWARD_QUOTA_ABANDON &&
           (u->act != STEWARD_QUOTA_COUNTED || (u->octets >= 0 && u->files >= 0));
}

/* ---- the table ---- */

static const struct {
    bool (*is_sound)(const union job_question *q);
    enum question_progress (*begin)(struct steward *s, struct job *job,
                                    struct job_reply *reply);
    worker_main *work; /* NULL: answered in the steward */
    void (*finish)(struct steward *s, const struct job *job, struct job_reply *reply);
} rows[STEWARD_OPS] = {
    [STEWARD_LOOKUP] = {is_lookup_sound, begin_lookup, work_lookup, finish_lookup},
    [STEWARD_PASSWORD] = {is_password_sound, begin_password, work_password,
                          finish_password},
    [STEWARD_KEY] = {is_key_sound, begin_key, work_key, NULL},
    [STEWARD_CODE] = {is_code_sound, begin_code, work_code, finish_code},
    [STEWARD_PAM_BEGIN] = {is_pam_begin_sound, begin_pam, work_pam, NULL},
    [STEWARD_PAM_ANSWER] = {is_pam_answer_sound, begin_pam_answer, NULL, NULL},
    [STEWARD_PAM_END] = {is_always_sound, begin_pam_end, NULL, NULL},
    [STEWARD_ADMIT] = {is_admit_sound, begin_admit, work_admit, NULL},
    [STEWARD_NAMES] = {is_names_sound, begin_names, work_names, NULL},
    [STEWARD_QUOTA] = {is_quota_sound, begin_quota, NULL, NULL},
};

bool
question_is_sound(const void *message, size_t n)
{
    struct steward_head head;
    if (n < sizeof head)
        return false;
    memcpy(&head, message, sizeof head);
    return head.op < STEWARD_OPS && rows[head.op].begin &&
           n == steward_question_size(head.op) && rows[head.op].is_sound(message);
}

enum question_progress
question_begin(struct steward *s, struct job *job, struct job_reply *reply)
{
    job->pam_service = s->pam_service;
    return rows[job->head.op].begin(s, job, reply);
}

void
question_work(const struct job *job, int fd, const struct log_sink *log,
              struct job_reply *reply)
{
    rows[job->question->head.op].work(job, fd, log, reply);
}

void
question_finish(struct steward *s, const struct job *job, struct job_reply *reply)
{
    if (reply->head.verdict != STEWARD_FAILED && rows[job->question->head.op].finish)
        rows[job->question->head.op].finish(s, job, reply);
}
