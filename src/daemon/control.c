/*
 * See control.h.
 *
 * A client is either silent, and then one request is waited for, or it is being
 * answered, and then nothing more is read from it until the end record is out.
 * Records are made one by one when there is room for them, from a cursor, so
 * that a long list costs no memory here.
 */
#include "daemon/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/rates.h"

enum {
    BACKLOG = 8,
    RECORDS_PER_TURN = 64, /* of one client, before others get theirs */
    FD_LISTEN = 0,         /* places in the poll set */
    FD_CLIENT = 1,
};

struct control_client {
    int fd; /* -1: free */
    bool is_busy;
    uint64_t moved_ms; /* busy: when it last took something */
    struct control_request request;
    uint64_t cursor;
    bool has_records; /* still to be sent */
    struct control_end end;
};

struct control {
    int fd;
    struct control_host host;
    struct sockaddr_un address;
    dev_t device; /* of the socket's file, to know it again */
    ino_t inode;
    struct control_client clients[CONTROL_CLIENTS_MAX];
    struct control_reply reply; /* the one being made */
};

size_t
control_reply_len(uint32_t kind)
{
    static const size_t lengths[CONTROL_KINDS] = {
        [CONTROL_END] = sizeof(struct control_end),
        [CONTROL_STATUS_RECORD] = sizeof(struct control_status),
        [CONTROL_SESSION_RECORD] = sizeof(struct control_session),
        [CONTROL_BAN_RECORD] = sizeof(struct control_ban),
    };
    if (kind == 0 || kind >= CONTROL_KINDS)
        return 0;
    return offsetof(struct control_reply, end) + lengths[kind];
}

/* ---- the socket's file ---- */

static bool
somebody_answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int rc = connect(fd, (const struct sockaddr *)address, sizeof *address);
    bool answers = rc == 0 || errno == EAGAIN; /* its backlog may be full */
    close(fd);
    return answers;
}

static enum err
check_place(const struct sockaddr_un *address, enum control_start start,
            struct fault *why)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return ERR_NONE;
    if (!S_ISSOCK(st.st_mode))
        return fault_set(why, ERR_IO, 0, "%.108s is there and no socket",
                         address->sun_path);
    if (start == CONTROL_FRESH && somebody_answers(address))
        return fault_set(why, ERR_LIMIT, 0, "another daemon answers at %.108s",
                         address->sun_path);
    return ERR_NONE;
}

static void
make_directory_of(const char *path)
{
    char copy[sizeof((struct sockaddr_un){0}).sun_path];
    snprintf(copy, sizeof copy, "%s", path);
    (void)mkdir(dirname(copy), 0755); /* what is wrong with it shows when we bind */
}

/* Bound beside its name and renamed: never without its mode, never half there, and
 * one that a daemon before us left is replaced at once. */
static enum err
bind_at(struct control *c, struct fault *why)
{
    struct sockaddr_un beside = {.sun_family = AF_UNIX};
    struct stat st;
    int n = snprintf(beside.sun_path, sizeof beside.sun_path, "%s.%ld",
                     c->address.sun_path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof beside.sun_path)
        return fault_set(why, ERR_IO, 0, "%.108s: name too long", c->address.sun_path);
    unlink(beside.sun_path);
    mode_t mask = umask(0177);
    bool is_bound = bind(c->fd, (struct sockaddr *)&beside, sizeof beside) == 0;
    int sys_errno = errno;
    umask(mask);
    is_bound = is_bound && listen(c->fd, BACKLOG) == 0 &&
               stat(beside.sun_path, &st) == 0 &&
               rename(beside.sun_path, c->address.sun_path) == 0;
    if (is_bound) {
        c->device = st.st_dev;
        c->inode = st.st_ino;
        return ERR_NONE;
    }
    unlink(beside.sun_path);
    return fault_errno(why, ERR_IO, sys_errno, "cannot make the control socket %.108s",
                       c->address.sun_path);
}

enum err
control_open(const char *path, enum control_start start, const struct control_host *host,
             struct control **control, struct fault *why)
{
    *control = NULL;
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return fault_set(why, ERR_NOMEM, 0, "no memory for the control socket");
    c->host = *host;
    c->address.sun_family = AF_UNIX;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    int n = snprintf(c->address.sun_path, sizeof c->address.sun_path, "%s", path);
    c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    enum err err = ERR_NONE;
    if (n < 0 || (size_t)n >= sizeof c->address.sun_path)
        err =
            fault_set(why, ERR_IO, 0, "%.160s: longer than a socket's name can be", path);
    else if (c->fd < 0)
        err = fault_errno(why, ERR_IO, errno, "cannot make the control socket");
    if (err == ERR_NONE)
        err = check_place(&c->address, start, why);
    if (err == ERR_NONE) {
        make_directory_of(path);
        err = bind_at(c, why);
    }
    if (err == ERR_NONE)
        *control = c;
    else
        control_free(c);
    return err;
}

static void
remove_file(const struct control *c)
{
    struct stat st;
    if (c->inode != 0 && lstat(c->address.sun_path, &st) == 0 && st.st_dev == c->device &&
        st.st_ino == c->inode)
        unlink(c->address.sun_path);
}

static void
drop(struct control_client *client)
{
    close(client->fd);
    *client = (struct control_client){.fd = -1};
}

void
control_free(struct control *c)
{
    if (!c)
        return;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].fd >= 0)
            drop(&c->clients[i]);
    remove_file(c);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

/* ---- requests ---- */

static bool
is_text(const char *p, size_t room)
{
    return memchr(p, 0, room) != NULL;
}

static bool
is_well_formed(const struct control_request *q)
{
    return q->version == CONTROL_VERSION && q->op >= CONTROL_STATUS &&
           q->op < CONTROL_OPS && is_text(q->account, sizeof q->account) &&
           is_text(q->block, sizeof q->block) && is_text(q->reason, sizeof q->reason);
}

static enum err
do_kill(struct control *c, const struct control_request *q, uint32_t *n,
        struct fault *why)
{
    if ((q->id == 0) == (q->account[0] == 0))
        return fault_set(why, ERR_PROTO, 0, "either a session or an account");
    return c->host.kill(c->host.ctx, q->id, q->account, n, why);
}

static enum err
do_ban(struct control *c, const struct control_request *q, uint32_t *n, struct fault *why)
{
    struct block block;
    if (!block_parse(bytes_str(q->block), &block))
        return fault_set(why, ERR_PROTO, 0, "no address or network");
    if (q->op == CONTROL_BAN_DEL)
        return c->host.ban_del(c->host.ctx, &block, n, why);
    *n = 1;
    return c->host.ban_add(c->host.ctx, &block, q->seconds, q->reason, why);
}

static enum err
act(struct control *c, const struct control_request *q, uint32_t *n, struct fault *why)
{
    const struct control_host *h = &c->host;
    switch (q->op) {
    case CONTROL_KILL:
        return do_kill(c, q, n, why);
    case CONTROL_THROTTLE:
        *n = 1;
        return h->throttle(h->ctx, q->id, q->rate, why);
    case CONTROL_BAN_ADD:
    case CONTROL_BAN_DEL:
        return do_ban(c, q, n, why);
    case CONTROL_RELOAD:
        return h->reload(h->ctx, why);
    case CONTROL_REOPEN:
        return h->reopen(h->ctx, why);
    default: /* those that only list */
        return ERR_NONE;
    }
}

static void
begin_answer(struct control *c, struct control_client *client, uint64_t now_ms)
{
    struct fault why = {0};
    uint32_t n = 0;
    uint32_t op = client->request.op;
    enum err err = act(c, &client->request, &n, &why);
    client->end = (struct control_end){.error = err, .n = err == ERR_NONE ? n : 0};
    snprintf(client->end.text, sizeof client->end.text, "%s", why.text);
    client->cursor = 0;
    client->has_records =
        op == CONTROL_STATUS || op == CONTROL_SESSIONS || op == CONTROL_BANS;
    client->is_busy = true;
    client->moved_ms = now_ms;
}

/* False: it is to be dropped. */
static bool
take_request(struct control *c, struct control_client *client, uint64_t now_ms)
{
    struct control_request *q = &client->request;
    ssize_t n = recv(client->fd, q, sizeof *q, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if ((size_t)n != sizeof *q || !is_well_formed(q))
        return false;
    begin_answer(c, client, now_ms);
    return true;
}

/* ---- answers ---- */

static bool
next_record(struct control *c, struct control_client *client)
{
    struct control_reply *r = &c->reply;
    const struct control_host *h = &c->host;
    memset(r, 0, sizeof *r);
    r->version = CONTROL_VERSION;
    switch (client->request.op) {
    case CONTROL_STATUS:
        r->kind = CONTROL_STATUS_RECORD;
        h->status(h->ctx, &r->status);
        return client->cursor++ == 0;
    case CONTROL_SESSIONS:
        r->kind = CONTROL_SESSION_RECORD;
        return h->next_session(h->ctx, &client->cursor, &r->session);
    case CONTROL_BANS:
        r->kind = CONTROL_BAN_RECORD;
        return h->next_ban(h->ctx, &client->cursor, &r->ban);
    default:
        return false;
    }
}

static void
make_end(struct control *c, const struct control_client *client)
{
    memset(&c->reply, 0, sizeof c->reply);
    c->reply.version = CONTROL_VERSION;
    c->reply.kind = CONTROL_END;
    c->reply.end = client->end;
}

static ssize_t
send_reply(const struct control *c, const struct control_client *client)
{
    return send(client->fd, &c->reply, control_reply_len(c->reply.kind),
                MSG_DONTWAIT | MSG_NOSIGNAL);
}

enum sent { SENT, SENT_NOT_YET, SENT_FAILED };

/* One record or the end. */
static enum sent
send_next(struct control *c, struct control_client *client)
{
    uint64_t cursor = client->cursor;
    bool is_record = client->has_records && next_record(c, client);
    if (!is_record)
        make_end(c, client);
    if (send_reply(c, client) < 0) {
        client->cursor = cursor; /* made again when there is room */
        return errno == EAGAIN || errno == EINTR ? SENT_NOT_YET : SENT_FAILED;
    }
    client->has_records = is_record;
    client->end.n += is_record;
    client->is_busy = is_record;
    return SENT;
}

/* False: it is to be dropped. */
static bool
answer(struct control *c, struct control_client *client, uint64_t now_ms)
{
    for (int i = 0; i < RECORDS_PER_TURN && client->is_busy; i++) {
        enum sent sent = send_next(c, client);
        if (sent == SENT_FAILED)
            return false;
        if (sent == SENT_NOT_YET)
            return now_ms - client->moved_ms < CONTROL_STALL_MS;
        client->moved_ms = now_ms;
    }
    return true;
}

static bool
serve_client(struct control *c, struct control_client *client, short events,
             uint64_t now_ms)
{
    if (!client->is_busy && (events & (POLLIN | POLLHUP | POLLERR)) &&
        !take_request(c, client, now_ms))
        return false;
    return !client->is_busy || answer(c, client, now_ms);
}

/* ---- the listener's loop ---- */

static bool
is_trusted(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void
accept_client(struct control *c)
{
    int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (int i = 0; i < CONTROL_CLIENTS_MAX && is_trusted(fd); i++)
        if (c->clients[i].fd < 0) {
            c->clients[i] = (struct control_client){.fd = fd};
            return;
        }
    close(fd);
}

nfds_t
control_poll(const struct control *c, struct pollfd fds[CONTROL_FDS_MAX])
{
    fds[FD_LISTEN] = (struct pollfd){.fd = c->fd, .events = POLLIN};
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_client *client = &c->clients[i];
        fds[FD_CLIENT + i] = (struct pollfd){
            .fd = client->fd, .events = client->is_busy ? POLLOUT : POLLIN};
    }
    return CONTROL_FDS_MAX;
}

void
control_serve(struct control *c, const struct pollfd *fds, nfds_t n, uint64_t now_ms)
{
    for (nfds_t i = FD_CLIENT; i < n && i < CONTROL_FDS_MAX; i++) {
        struct control_client *client = &c->clients[i - FD_CLIENT];
        bool is_due = fds[i].revents != 0 || client->is_busy;
        if (client->fd >= 0 && client->fd == fds[i].fd && is_due &&
            !serve_client(c, client, fds[i].revents, now_ms))
            drop(client);
    }
    /* Last: a place that was just freed must not be taken for its successor's. */
    if (n > FD_LISTEN && fds[FD_LISTEN].revents)
        accept_client(c);
}

uint64_t
control_deadline(const struct control *c)
{
    uint64_t deadline = UINT64_MAX;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_client *client = &c->clients[i];
        if (client->is_busy && client->moved_ms + CONTROL_STALL_MS < deadline)
            deadline = client->moved_ms + CONTROL_STALL_MS;
    }
    return deadline;
}

/* ---- what hosts share ---- */

static void
describe_page(const struct board_page *page, struct control_session *out)
{
    struct board_view view;
    (void)board_read(page, &view); /* without texts if they are just being written */
    out->octets_in = view.octets_in;
    out->octets_out = view.octets_out;
    out->n_requests = view.n_requests;
    out->n_files = view.n_files;
    out->file_flags = view.file_flags;
    out->file_offset = view.file_offset;
    out->file_size = view.file_size;
    out->path_len = view.path_len;
    memcpy(out->path, view.path, sizeof out->path);
    out->throttle = atomic_load_explicit(&page->throttle, memory_order_relaxed);
}

void
control_describe(const struct admission_place *place, uint32_t index,
                 const struct board_page *page, const struct rates *rates,
                 uint64_t now_ms, struct control_session *out)
{
    bool is_in = place->is_authenticated;
    uint64_t since_ms = is_in ? place->authenticated_ms : place->connected_ms;
    pid_t pid = place->pid[ADMISSION_SESSION];
    *out = (struct control_session){
        .id = place->id,
        .pid = (uint32_t)(pid != 0 ? pid : place->pid[ADMISSION_PRE_AUTH]),
        .is_authenticated = is_in,
        .port = place->port,
        .since_s = is_in ? place->authenticated_s : place->connected_s,
        .age_ms = now_ms - since_ms,
        .idle_ms = rates_idle_ms(rates, index, place->id, now_ms),
        .rate_in = rates_in(rates, index, place->id),
        .rate_out = rates_out(rates, index, place->id),
    };
    memcpy(out->account, place->account, sizeof out->account);
    memcpy(out->host, place->host, sizeof out->host);
    memcpy(out->client, place->client, sizeof out->client);
    memcpy(out->method, place->method, sizeof out->method);
    if (is_in)
        describe_page(page, out);
}

static void
describe_ban(const struct ban *ban, struct control_ban *out)
{
    out->kind = CONTROL_BAN_ADMIN;
    out->is_refused = true;
    block_text(&ban->block, out->block);
    out->since_s = ban->since;
    out->until_s = ban->until;
    memcpy(out->reason, ban->reason, sizeof out->reason);
}

bool
control_next_ban(struct penalties *p, uint64_t now_ms, int64_t wall_s, uint64_t *cursor,
                 struct control_ban *out)
{
    const struct bans *bans = penalties_bans(p);
    /* Bans count from 0; penalties from BANS_MAX on, which no ban's number reaches. */
    for (; *cursor < bans->n; ++*cursor)
        if (bans->sorted[*cursor].until > wall_s) {
            describe_ban(&bans->sorted[(*cursor)++], out);
            return true;
        }
    struct penalty_view view;
    size_t next = *cursor < BANS_MAX ? 0 : (size_t)(*cursor - BANS_MAX);
    if (!penalty_next(p, now_ms, &next, &view))
        return false;
    *cursor = BANS_MAX + next;
    out->kind = CONTROL_BAN_PENALTY;
    out->is_refused = view.is_refused;
    block_text(&view.source, out->block);
    out->until_s = wall_s + (int64_t)((view.left_ms + 999) / 1000);
    snprintf(out->reason, sizeof out->reason, "%s", penalty_name(view.kind));
    return true;
}
