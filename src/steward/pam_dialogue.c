/* See pam_dialogue.h. */
#include "steward/pam_dialogue.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "steward/system_account.h"

enum { ROUNDS_MAX = 16 }; /* of prompts in one dialogue */

struct dialogue {
    const struct steward_pam_begin *q; /* NULL: nothing may be asked */
    int fd;
    const struct log_sink *log;
    const char *user;
    unsigned n_rounds;
    bool is_password_spent;
    bool is_broken; /* a question went unanswered: no module may say yes after that */
    char instruction[LOGIN_PROMPT_MAX]; /* texts since the last prompt */
};

/* ---- the conversation ---- */

static bool
is_prompt(const struct pam_message *m)
{
    return m->msg_style == PAM_PROMPT_ECHO_OFF || m->msg_style == PAM_PROMPT_ECHO_ON;
}

/* A module's words go to the peer: printable, and no more than fits. */
static void
put_words(char to[LOGIN_PROMPT_MAX], const char *words)
{
    struct buf text;
    buf_init(&text, 4096);
    text_escape(&text, bytes_str(words), LOGIN_PROMPT_MAX / 4 - 4);
    const char *escaped = buf_cstr(&text);
    size_t n = strlen(to);
    snprintf(to + n, LOGIN_PROMPT_MAX - n, "%s%s", n ? " " : "", escaped ? escaped : "");
    buf_clear(&text);
}

static void
note_words(struct dialogue *d, const struct pam_message *m)
{
    if (!m->msg || !m->msg[0])
        return;
    if (m->msg_style == PAM_ERROR_MSG)
        log_line(d->log, LOG_LEVEL_VERBOSE, "%s: a PAM module said an error", d->user);
    put_words(d->instruction, m->msg);
}

/* NULL: no memory, or a NUL inside, where PAM would see the end of it. */
static char *
text_of(const uint8_t *p, uint32_t n)
{
    return n != 0 && memchr(p, 0, n) ? NULL : strndup((const char *)p, n);
}

/* The method "password": what was sent is the answer to the one hidden question. */
static int
answer_by_password(struct dialogue *d, int n, const struct pam_message **messages,
                   struct pam_response *responses)
{
    for (int i = 0; i < n; i++) {
        if (!is_prompt(messages[i]))
            continue;
        if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF || d->is_password_spent)
            return PAM_CONV_ERR;
        d->is_password_spent = true;
        responses[i].resp = text_of(d->q->password, d->q->password_len);
        if (!responses[i].resp)
            return PAM_BUF_ERR;
    }
    return PAM_SUCCESS;
}

/* A whole round to the peer and back; false: there is nobody any more. */
static bool
ask_peer(struct dialogue *d, struct job_reply *out, struct steward_pam_answer *in)
{
    memcpy(out->answer.instruction, d->instruction, sizeof d->instruction);
    out->head.verdict = STEWARD_PROMPT;
    if (send(d->fd, out, sizeof *out, MSG_NOSIGNAL) != sizeof *out)
        return false;
    d->instruction[0] = 0;
    return recv(d->fd, in, sizeof *in, 0) == sizeof *in &&
           in->n_answers == out->answer.n_prompts;
}

static void
put_prompt(struct job_reply *out, const struct pam_message *m)
{
    uint32_t i = out->answer.n_prompts++;
    put_words(out->answer.prompt[i].text, m->msg ? m->msg : "");
    out->answer.prompt[i].is_echoed = m->msg_style == PAM_PROMPT_ECHO_ON;
}

static int
take_answers(const struct steward_pam_answer *in, int n,
             const struct pam_message **messages, struct pam_response *responses)
{
    uint32_t next = 0;
    for (int i = 0; i < n; i++) {
        if (!is_prompt(messages[i]))
            continue;
        uint32_t len = in->answer[next].len;
        if (len > LOGIN_ANSWER_MAX)
            return PAM_CONV_ERR;
        responses[i].resp = text_of(in->answer[next].text, len);
        if (!responses[i].resp)
            return PAM_BUF_ERR;
        next++;
    }
    return PAM_SUCCESS;
}

static int
answer_by_peer(struct dialogue *d, int n, const struct pam_message **messages,
               struct pam_response *responses)
{
    struct job_reply *out = calloc(1, sizeof *out);
    struct steward_pam_answer *in = calloc(1, sizeof *in);
    int status = out && in ? PAM_SUCCESS : PAM_BUF_ERR;
    for (int i = 0; status == PAM_SUCCESS && i < n; i++) {
        if (is_prompt(messages[i]) && out->answer.n_prompts == LOGIN_PROMPTS_MAX)
            status = PAM_CONV_ERR;
        else if (is_prompt(messages[i]))
            put_prompt(out, messages[i]);
    }
    if (status == PAM_SUCCESS && out->answer.n_prompts != 0) {
        bool is_answered = d->n_rounds++ < ROUNDS_MAX && ask_peer(d, out, in);
        status = is_answered ? take_answers(in, n, messages, responses) : PAM_CONV_ERR;
    }
    if (in)
        mem_wipe(in, sizeof *in);
    free(in);
    free(out);
    return status;
}

static void
responses_free(struct pam_response *responses, int n)
{
    for (int i = 0; i < n; i++) {
        if (responses[i].resp)
            mem_wipe(responses[i].resp, strlen(responses[i].resp));
        free(responses[i].resp);
    }
    free(responses);
}

static int
converse(int n, const struct pam_message **messages, struct pam_response **responses,
         void *ctx)
{
    struct dialogue *d = ctx;
    *responses = NULL;
    if (n <= 0 || n > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    struct pam_response *all = calloc((size_t)n, sizeof *all);
    if (!all)
        return PAM_BUF_ERR;
    for (int i = 0; i < n; i++)
        if (!is_prompt(messages[i]))
            note_words(d, messages[i]);
    int status = PAM_CONV_ERR;
    if (d->q && d->q->has_password)
        status = answer_by_password(d, n, messages, all);
    else if (d->q)
        status = answer_by_peer(d, n, messages, all);
    if (status == PAM_SUCCESS)
        *responses = all;
    else
        responses_free(all, n);
    d->is_broken = d->is_broken || status != PAM_SUCCESS;
    return status;
}

/* ---- the stages ---- */

/* How long a refusal takes is the monitor's business, not a module's sleep. */
static void
no_delay(int status, unsigned microseconds, void *ctx)
{
    (void)status, (void)microseconds, (void)ctx;
}

static int
start(const char *service, const char *address, struct dialogue *d, pam_handle_t **pam)
{
    const struct pam_conv conversation = {.conv = converse, .appdata_ptr = d};
    void (*delay)(int, unsigned, void *) = no_delay;
    const void *fail_delay;
    memcpy(&fail_delay, &delay, sizeof fail_delay);
    int status = pam_start(service, d->user, &conversation, pam);
    if (status == PAM_SUCCESS)
        status = pam_set_item(*pam, PAM_RHOST, address);
    if (status == PAM_SUCCESS)
        status = pam_set_item(*pam, PAM_TTY, "ssh");
    if (status == PAM_SUCCESS)
        status = pam_set_item(*pam, PAM_FAIL_DELAY, fail_delay);
    return status;
}

/* Modules may rename the user; then it is another one than was looked up, and whose
 * rights would be granted (threats A11). */
static int
check_user(pam_handle_t *pam, const char *user)
{
    const void *now = NULL;
    int status = pam_get_item(pam, PAM_USER, &now);
    if (status != PAM_SUCCESS)
        return status;
    return now && strcmp(now, user) == 0 ? PAM_SUCCESS : PAM_USER_UNKNOWN;
}

static int
authenticate(pam_handle_t *pam, const char *user)
{
    int status = pam_authenticate(pam, PAM_DISALLOW_NULL_AUTHTOK);
    return status == PAM_SUCCESS ? check_user(pam, user) : status;
}

static int
account_stage(pam_handle_t *pam, const char *user)
{
    int status = pam_acct_mgmt(pam, PAM_DISALLOW_NULL_AUTHTOK);
    return status == PAM_SUCCESS ? check_user(pam, user) : status;
}

static void
conclude(pam_handle_t *pam, const char *stage, int status, struct job_reply *reply)
{
    /* Exactly one value lets in. */
    if (status == PAM_SUCCESS)
        reply_say(reply, STEWARD_YES, "PAM");
    else
        reply_say(reply, STEWARD_NO, "PAM, %s: %s", stage, pam_strerror(pam, status));
}

void
pam_dialogue_run(const char *service, const struct steward_pam_begin *q, int fd,
                 const struct log_sink *log, struct job_reply *reply)
{
    struct dialogue d = {.q = q, .fd = fd, .log = log, .user = q->who.user};
    struct identity identity;
    pam_handle_t *pam = NULL;
    const char *stage = "start";
    if (!service || !system_account_find(q->who.user, &identity)) {
        reply_say(reply, STEWARD_NO, "PAM: no such account");
        return;
    }
    int status = start(service, q->who.address, &d, &pam);
    if (status == PAM_SUCCESS) {
        stage = "authentication";
        status = authenticate(pam, q->who.user);
    }
    if (status == PAM_SUCCESS) {
        stage = "account";
        status = account_stage(pam, q->who.user);
    }
    if (status == PAM_SUCCESS && d.is_broken)
        status = PAM_CONV_ERR;
    conclude(pam, stage, status, reply);
    if (pam)
        pam_end(pam, status);
}

void
pam_admit(const char *service, const struct steward_who *who, const struct log_sink *log,
          struct job_reply *reply)
{
    struct dialogue d = {.fd = -1, .log = log, .user = who->user};
    struct identity identity;
    pam_handle_t *pam = NULL;
    if (!service || !system_account_find(who->user, &identity)) {
        reply_say(reply, STEWARD_NO, "PAM: no such account");
        return;
    }
    int status = start(service, who->address, &d, &pam);
    if (status == PAM_SUCCESS)
        status = account_stage(pam, who->user);
    conclude(pam, "account", status, reply);
    if (pam)
        pam_end(pam, status);
}

bool
pam_is_there(void)
{
    return true;
}
