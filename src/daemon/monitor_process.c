/* See monitor_process.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/link.h"
#include "daemon/log_words.h"
#include "daemon/monitor_impl.h"
#include "net/clock.h"

enum {
    EVENTS_PER_TURN = 64,
    TELL_MS = 60 * 1000,
    ORPHAN_MS = 15 * 1000, /* from the listener's end to ours, at the latest */
    /* What an epoll event is about: a connection's end, or one of these. */
    TAG_LINK = UINT32_MAX,
    TAG_KIND = UINT32_MAX - 1,
};

static const struct keeper_kind *
kind_of(const struct keeper *k)
{
    return k->process->single ? &keeper_single : &keeper_book;
}

/* ---- what is said about logins ---- */

void
keeper_speak_of(const struct keeper *k, const struct keeper_slot *slot)
{
    /* Until somebody has vouched for it, a peer's lines are limited. */
    const char *source = slot && !slot->conn.is_authenticated ? slot->conn.address : "";
    daemon_log_set_subject(k->process->log, source, slot ? slot->pid : 0);
}

static void
say(const struct keeper *k, enum log_level level, struct buf *text)
{
    const char *line = buf_cstr(text);
    if (line)
        log_line(&k->process->log->sink, level, "%s", line);
    buf_clear(text);
}

static const char *
method_word(uint32_t method)
{
    switch (method) {
    case LOGIN_PASSWORD:
        return "password";
    case LOGIN_KEY:
        return "publickey";
    default:
        return "keyboard-interactive";
    }
}

static void
log_login(const struct keeper *k, const struct keeper_slot *slot,
          const struct login_request *r, const struct login_reply *reply)
{
    struct buf text;
    const struct log_peer peer = {
        .address = slot->conn.address,
        .port = slot->conn.port,
        .user = bytes_of(r->user, r->user_len <= sizeof r->user ? r->user_len : 0),
        .is_valid_user = reply->is_valid_user != 0,
    };
    const char *method = method_word(r->method);
    if (r->method == LOGIN_NONE || r->method == LOGIN_KEY_QUERY ||
        reply->verdict == LOGIN_PROMPT)
        return;
    buf_init(&text, LOG_TEXT_MAX);
    if (reply->verdict == LOGIN_ACCEPTED)
        log_words_accepted(&text, &peer, method, reply->detail);
    else if (reply->verdict == LOGIN_PARTIAL)
        log_words_partial(&text, &peer, method, reply->detail);
    else
        log_words_failed(&text, &peer, method, reply->detail);
    say(k, LOG_LEVEL_INFO, &text);
    if (reply->verdict != LOGIN_GONE)
        return;
    log_words_too_many_tries(&text, &peer);
    say(k, LOG_LEVEL_ERROR, &text);
}

/* ---- telling the listener ---- */

static void
tell(const struct keeper *k, const struct monitor_notice *notice)
{
    /* A listener may be behind while it loads a configuration, and none of our words
     * may be lost: a login would be. It never waits for us. */
    struct pollfd p = {.fd = k->process->link, .events = POLLOUT};
    while (link_send(k->process->link, notice, sizeof *notice) == ERR_LIMIT)
        if (poll(&p, 1, TELL_MS) == 0)
            return;
}

static void
tell_login(struct keeper *k, const struct keeper_slot *slot,
           const struct login_reply *reply)
{
    struct monitor_notice n = {.id = slot->conn.id};
    const struct verdict *v = slot->conn.verdict;
    if (reply->verdict == LOGIN_DENIED || reply->verdict == LOGIN_GONE) {
        n.type = reply->is_valid_user ? MONITOR_LOGIN_FAILED : MONITOR_BAD_USER;
        tell(k, &n);
        return;
    }
    if (!slot->conn.is_authenticated)
        return;
    const struct grant *grant = v->ops->grant(v);
    n.type = MONITOR_ACCEPTED;
    memcpy(n.account, grant->user, sizeof n.account);
    snprintf(n.how, sizeof n.how, "%s", v->ops->how(v));
    n.max_sessions = grant->max_sessions;
    n.upload_rate = grant->upload_rate;
    n.download_rate = grant->download_rate;
    tell(k, &n);
}

/* ---- what is written down about logins ---- */

static void
record_login(struct keeper *k, struct keeper_slot *slot, enum record_kind kind,
             const char *user, const char *text)
{
    struct record r = {.kind = kind, .connection = slot->conn.id};
    const struct verdict *v = slot->conn.verdict;
    const struct grant *grant = slot->conn.is_authenticated ? v->ops->grant(v) : NULL;
    if (!k->recorder)
        return;
    snprintf(r.user, sizeof r.user, "%s", grant ? grant->user : user);
    memcpy(r.address, slot->conn.address, sizeof r.address);
    r.port = slot->conn.port;
    memcpy(r.client, slot->conn.client, sizeof r.client);
    if (grant) {
        snprintf(r.method, sizeof r.method, "%s", v->ops->how(v));
        snprintf(r.key, sizeof r.key, "%s", v->ops->key(v) ? v->ops->key(v) : "");
        r.is_virtual = grant->is_virtual;
        memcpy(r.root, grant->root, sizeof r.root);
    }
    uint64_t now = clock_now_ms();
    r.milliseconds = now - slot->conn.started_ms;
    snprintf(r.text, sizeof r.text, "%s", text);
    if (recorder_client_put(k->recorder, &r, 0, now) != ERR_NONE)
        log_line(&k->process->log->sink, LOG_LEVEL_WARN,
                 "the recorder is behind: a login was not written down");
}

/* A name as a peer gave it, for a record: what no user can be called is left out. */
static void
printable_user(const struct login_request *r, char user[ACCOUNT_NAME_MAX + 1])
{
    uint32_t n = r->user_len <= sizeof r->user ? r->user_len : 0;
    for (uint32_t i = 0; i < n; i++)
        user[i] = r->user[i] > 0x20 && r->user[i] < 0x7f ? r->user[i] : '?';
    user[n] = 0;
}

static void
after_login(struct keeper *k, struct keeper_slot *slot, const struct login_request *r,
            const struct login_reply *reply)
{
    char user[ACCOUNT_NAME_MAX + 1];
    bool is_query = r->method == LOGIN_NONE || r->method == LOGIN_KEY_QUERY;
    log_login(k, slot, r, reply);
    if (is_query)
        return;
    tell_login(k, slot, reply);
    printable_user(r, user);
    if (slot->conn.is_authenticated)
        record_login(k, slot, RECORD_LOGIN, user, "");
    else if (reply->verdict == LOGIN_DENIED || reply->verdict == LOGIN_GONE)
        record_login(k, slot, RECORD_LOGIN_FAILED, user, reply->detail);
}

/* ---- connections ---- */

uint64_t
keeper_mark(const struct monitor_conn *c)
{
    return c->id; /* its lowest bits are the place: daemon/admission.c */
}

struct keeper_slot *
keeper_find(struct keeper *k, uint64_t mark)
{
    struct keeper_slot *slot = k->slots[mark % ADMISSION_PLACES_MAX];
    return slot && slot->conn.id == mark ? slot : NULL;
}

static void
close_end(struct keeper_slot *slot, enum monitor_end end)
{
    if (slot->fd[end] >= 0)
        close(slot->fd[end]);
    slot->fd[end] = -1;
}

void
keeper_drop(struct keeper *k, struct keeper_slot *slot)
{
    const struct monitor_notice notice = {.type = MONITOR_MISUSED, .id = slot->conn.id};
    close_end(slot, MONITOR_PRE_AUTH);
    close_end(slot, MONITOR_SESSION);
    /* A login that was asked before must not be told behind the misuse. */
    slot->is_dropped = true;
    slot->conn.awaited = 0;
    tell(k, &notice);
}

static void
slot_free(struct keeper *k, uint32_t place)
{
    struct keeper_slot *slot = k->slots[place];
    if (!slot)
        return;
    if (slot->conn.is_authenticated)
        record_login(k, slot, RECORD_LOGOUT, "", "");
    kind_of(k)->left(k, slot);
    close_end(slot, MONITOR_PRE_AUTH);
    close_end(slot, MONITOR_SESSION);
    monitor_conn_clear(&slot->conn);
    free(slot->pending);
    free(slot);
    k->slots[place] = NULL;
    k->n_slots--;
}

static bool
is_text(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

static struct keeper_slot *
slot_new(struct keeper *k, const struct monitor_word *w)
{
    struct keeper_slot *slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    slot_free(k, w->place);
    slot->fd[MONITOR_PRE_AUTH] = slot->fd[MONITOR_SESSION] = -1;
    struct monitor_conn *c = &slot->conn;
    c->id = w->id;
    memcpy(c->address, w->address, sizeof c->address);
    memcpy(c->local_address, w->local_address, sizeof c->local_address);
    c->port = w->port;
    c->local_port = w->local_port;
    c->may_be_proxied = w->may_be_proxied != 0;
    c->started_ms = clock_now_ms();
    k->slots[w->place] = slot;
    k->n_slots++;
    return slot;
}

static bool
watch(const struct keeper *k, int fd, uint32_t place, uint32_t end)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (uint64_t)end << 32 | place};
    return epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static void
enter(struct keeper *k, const struct monitor_word *w, int fd)
{
    struct keeper_slot *slot = k->slots[w->place];
    if (w->end == MONITOR_PRE_AUTH)
        slot = slot_new(k, w);
    else if (slot && slot->conn.id != w->id)
        slot = NULL;
    if (!slot || slot->is_dropped || slot->fd[w->end] >= 0 ||
        !watch(k, fd, w->place, w->end))
        close(fd); /* its process sees the end of the file */
    else
        slot->fd[w->end] = fd;
}

/* False: the listener is gone. */
static bool
take_word(struct keeper *k)
{
    struct monitor_word w;
    int fds[LINK_FDS_MAX];
    size_t n;
    enum err err = link_receive_fds(k->process->link, &w, sizeof w, fds, &n);
    if (err != ERR_NONE)
        return err == ERR_LIMIT;
    bool is_sane = w.place < ADMISSION_PLACES_MAX && w.end < MONITOR_ENDS &&
                   is_text(w.address, sizeof w.address) &&
                   is_text(w.local_address, sizeof w.local_address);
    if (is_sane && w.type == MONITOR_ENTER && n == 1) {
        enter(k, &w, fds[0]);
        return true;
    }
    if (is_sane && w.type == MONITOR_LEFT && k->slots[w.place] &&
        k->slots[w.place]->conn.id == w.id)
        slot_free(k, w.place);
    while (n > 0)
        close(fds[--n]);
    return true;
}

/* ---- answering ---- */

/* What the listener has to know of a request that was answered at once. */
static void
pass_on(struct keeper *k, const struct keeper_slot *slot, uint32_t op)
{
    struct monitor_notice n = {.id = slot->conn.id};
    if (op == MONITOR_PROXIED) {
        n.type = MONITOR_IS_PROXIED;
        memcpy(n.address, slot->conn.address, sizeof n.address);
        n.port = slot->conn.port;
    } else if (op == MONITOR_CLIENT) {
        n.type = MONITOR_IDENTIFIED;
        snprintf(n.client, sizeof n.client, "%s", slot->conn.client);
    }
    if (n.type != 0)
        tell(k, &n);
}

static void
send_reply(struct keeper_slot *slot, enum monitor_end end,
           const struct monitor_reply *reply)
{
    size_t n = monitor_reply_size((enum monitor_op)reply->op);
    if (link_send(slot->fd[end], reply, n) != ERR_NONE)
        close_end(slot, end);
}

void
keeper_reply(struct keeper *k, struct keeper_slot *slot, struct monitor_reply *reply)
{
    struct monitor_conn *c = &slot->conn;
    reply->op = c->awaited;
    c->awaited = 0;
    if (reply->op == MONITOR_LOGIN) {
        monitor_note_login(c, reply);
        after_login(k, slot, slot->pending, &reply->login);
    }
    send_reply(slot, c->awaiting_end, reply);
}

/* A login is answered later: who asked how is needed then, the secrets are not. */
static enum err
keep_request(struct keeper_slot *slot, const struct login_request *r)
{
    if (!slot->pending)
        slot->pending = calloc(1, sizeof *slot->pending);
    if (!slot->pending)
        return ERR_NOMEM;
    slot->pending->method = r->method;
    slot->pending->user_len = r->user_len;
    memcpy(slot->pending->user, r->user, sizeof r->user);
    return ERR_NONE;
}

/* Who sent it, by the kernel's word: lines about a connection carry its process's
 * number, which is what fail2ban puts them together by. */
static ssize_t
receive(struct keeper *k, struct keeper_slot *slot, enum monitor_end end)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control = {0};
    struct iovec iov = {&k->message, sizeof k->message};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.room,
                            .msg_controllen = sizeof control.room};
    /* TRUNC: its whole length; one that is too long must not pass for a whole one. */
    ssize_t n = recvmsg(slot->fd[end], &header, MSG_CMSG_CLOEXEC | MSG_TRUNC);
    struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    struct ucred sender;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_CREDENTIALS &&
        head->cmsg_len == CMSG_LEN(sizeof sender)) {
        memcpy(&sender, CMSG_DATA(head), sizeof sender);
        slot->pid = (uint32_t)sender.pid;
    }
    return n;
}

static void
answer(struct keeper *k, struct keeper_slot *slot, enum monitor_end end)
{
    enum monitor_progress progress;
    ssize_t n = receive(k, slot, end);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_end(slot, end);
        return;
    }
    if ((size_t)n > sizeof k->message) {
        mem_wipe(&k->message, sizeof k->message);
        keeper_drop(k, slot);
        return;
    }
    enum err err =
        monitor_answer(&k->monitor, &slot->conn, end,
                       bytes_of((uint8_t *)&k->message, (size_t)n), &k->reply, &progress);
    if (err == ERR_NONE && k->message.op == MONITOR_LOGIN) {
        if (progress == MONITOR_LATER)
            err = keep_request(slot, &k->message.login.login);
        else
            after_login(k, slot, &k->message.login.login, &k->reply.login);
    }
    if (err != ERR_NONE) {
        keeper_drop(k, slot);
    } else {
        pass_on(k, slot, k->message.op);
        if (progress == MONITOR_NOW)
            send_reply(slot, end, &k->reply);
    }
    keeper_speak_of(k, NULL);
    mem_wipe(&k->message, (size_t)n); /* it may have been a password */
}

/* ---- the loop ---- */

static void
on_event(struct keeper *k, const struct epoll_event *ev, bool *is_alive)
{
    uint32_t place = (uint32_t)ev->data.u64, end = (uint32_t)(ev->data.u64 >> 32);
    if (place == TAG_LINK) {
        if (take_word(k))
            return;
        k->is_orphan = true;
        epoll_ctl(k->epoll, EPOLL_CTL_DEL, k->process->link, NULL);
    } else if (place == TAG_KIND) {
        *is_alive = kind_of(k)->serve(k);
    } else if (k->slots[place] && k->slots[place]->fd[end] >= 0) {
        answer(k, k->slots[place], (enum monitor_end)end);
    }
}

/* Nobody tells any more that a connection has left: its ends do. */
static void
forget_closed(struct keeper *k)
{
    for (uint32_t i = 0; i < ADMISSION_PLACES_MAX; i++)
        if (k->slots[i] && k->slots[i]->fd[MONITOR_PRE_AUTH] < 0 &&
            k->slots[i]->fd[MONITOR_SESSION] < 0)
            slot_free(k, i);
}

/* Questions that wait to be sent want to know when there is room. */
static void
update_watches(struct keeper *k)
{
    struct pollfd now[KEEPER_FDS_MAX];
    kind_of(k)->fds(k, now);
    for (int i = 0; i < KEEPER_FDS_MAX; i++) {
        struct epoll_event ev = {.events = (uint32_t)now[i].events, .data.u64 = TAG_KIND};
        if (now[i].fd >= 0 && now[i].events != k->watched[i].events &&
            epoll_ctl(k->epoll, EPOLL_CTL_MOD, now[i].fd, &ev) == 0)
            k->watched[i] = now[i];
    }
}

static void
serve(struct keeper *k)
{
    struct epoll_event events[EVENTS_PER_TURN];
    uint64_t end_ms = UINT64_MAX;
    bool is_alive = true;
    while (is_alive) {
        uint64_t now = clock_now_ms();
        if (k->is_orphan) {
            forget_closed(k);
            end_ms = end_ms == UINT64_MAX ? now + ORPHAN_MS : end_ms;
            if (k->n_slots == 0 || now >= end_ms)
                break;
        }
        uint64_t deadline = kind_of(k)->deadline(k);
        deadline = deadline < end_ms ? deadline : end_ms;
        update_watches(k);
        int n = epoll_wait(k->epoll, events, EVENTS_PER_TURN,
                           clock_poll_timeout(deadline, now));
        if (n < 0 && errno != EINTR)
            break;
        for (int i = 0; i < n && is_alive; i++)
            on_event(k, &events[i], &is_alive);
        if (n == 0)
            is_alive = kind_of(k)->serve(k);
    }
    for (uint32_t i = 0; i < ADMISSION_PLACES_MAX; i++)
        slot_free(k, i);
}

/* ---- the life ---- */

enum err
keeper_add_key(struct monitor_keys *keys, struct bytes blob, uint32_t signer,
               struct fault *why)
{
    if (keys->n == PUBLIC_KEYS_MAX || blob.n > sizeof keys->key[0].p)
        return fault_set(why, ERR_LIMIT, 0, "too many host keys, or one is too large");
    struct public_key *key = &keys->key[keys->n++];
    key->n = (uint32_t)blob.n;
    key->signer = signer;
    memcpy(key->p, blob.p, blob.n);
    return ERR_NONE;
}

static enum err
wall_in(struct keeper *k, struct fault *why)
{
    const int keep[] = {k->process->link, k->epoll, k->watched[0].fd, k->watched[1].fd,
                        k->process->log->recorder};
    const struct sandbox_room room = {
        .role = SANDBOX_MONITOR,
        .root = -1,
        .keep = keep,
        .n_keep = ARRAY_LEN(keep),
        .death_signal = 0,
    };
    return sandbox_enter(k->process->plan, &room, why);
}

static enum err
watch_all(struct keeper *k, struct fault *why)
{
    kind_of(k)->fds(k, k->watched);
    bool is_ok = watch(k, k->process->link, TAG_LINK, 0);
    for (int i = 0; is_ok && i < KEEPER_FDS_MAX; i++)
        if (k->watched[i].fd >= 0)
            is_ok = watch(k, k->watched[i].fd, TAG_KIND, 0);
    return is_ok ? ERR_NONE : fault_errno(why, ERR_IO, errno, "epoll");
}

static enum err
set_up(struct keeper *k, struct monitor_keys *keys, struct fault *why)
{
    enum err err = kind_of(k)->load(k, keys, why);
    if (err != ERR_NONE)
        return err;
    k->public.n_keys = keys->n;
    memcpy(k->public.key, keys->key, sizeof keys->key);
    k->monitor =
        (struct monitor){&k->keys, &k->public, &k->backend, &k->process->log->sink};
    k->backend.ctx = k;
    k->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (k->epoll < 0)
        return fault_errno(why, ERR_IO, errno, "epoll");
    err = watch_all(k, why);
    return err ? err : wall_in(k, why);
}

static int
run(struct keeper *k, struct monitor_keys *keys)
{
    struct monitor_notice notice = {.type = MONITOR_READY};
    struct fault why = {0};
    if (set_up(k, keys, &why) != ERR_NONE) {
        log_line(&k->process->log->sink, LOG_LEVEL_ERROR, "%s", why.text);
        notice.type = MONITOR_FAILED;
        tell(k, &notice);
        return 1;
    }
    if (kind_of(k)->begin(k, keys) != ERR_NONE)
        return 1;
    tell(k, &notice);
    if (link_send(k->process->link, keys, sizeof *keys) != ERR_NONE)
        return 1;
    serve(k);
    return 0;
}

int
monitor_process_run(const struct monitor_process *p)
{
    struct keeper *k = calloc(1, sizeof *k);
    struct monitor_keys *keys = calloc(1, sizeof *keys);
    int status = 1;
    if (k && keys) {
        k->process = p;
        k->epoll = -1;
        buf_init(&k->account.authorized_keys, 0);
        status = run(k, keys);
        kind_of(k)->clear(k);
        host_keys_clear(&k->keys);
    }
    free(keys);
    free(k);
    return status;
}
