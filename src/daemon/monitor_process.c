/* See monitor_process.h. */
#include "daemon/monitor_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "account/password_make.h"
#include "crypto/rand.h"
#include "daemon/announce.h"
#include "daemon/files.h"
#include "daemon/link.h"
#include "daemon/monitor.h"
#include "key/authorized_keys.h"

struct keeper_slot {
    uint64_t id; /* 0: free */
    struct monitor_session session;
};

struct keeper {
    const struct monitor_process *process;
    struct host_keys keys;
    struct account account;
    char made_password[PASSWORD_MADE_LEN + 1]; /* "": none was made up */
    /* fds[0] is the link, fds[1 + i] belongs to slots[i]; fd -1: free. */
    struct pollfd fds[1 + LINK_CONNECTIONS];
    struct keeper_slot slots[LINK_CONNECTIONS];
    _Alignas(uint32_t) uint8_t message[MONITOR_MESSAGE_MAX];
    struct monitor_reply reply;
};

/* ---- loading ---- */

static enum err
load_host_keys(struct keeper *k, struct fault *why)
{
    const struct settings *s = k->process->settings;
    const struct option_texts *given = &s->options->host_keys;
    enum err err = ERR_NONE;
    if (given->n == 0)
        return host_keys_load_kept(&k->keys, s->state_dir, &k->process->log->sink, why);
    for (uint32_t i = 0; err == ERR_NONE && i < given->n; i++)
        err = host_keys_load(&k->keys, given->text[i], why);
    return err;
}

/* The first line, without its end. */
static struct bytes
first_line(struct bytes text)
{
    const uint8_t *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    struct bytes line = end ? bytes_first(text, (size_t)(end - text.p)) : text;
    if (line.n != 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static enum err
load_password(struct keeper *k, const char *path, struct fault *why)
{
    struct buf text;
    buf_init(&text, 4 * SECRET_MAX);
    enum err err = file_read(path, FILE_SECRET, &text, why);
    if (err == ERR_NONE) {
        struct bytes line = first_line(buf_bytes(&text));
        err = account_set_password(&k->account, line, &rand_system);
        if (err == ERR_PROTO)
            fault_set(why, err, 0, "%.160s: the first line must have 1 to %d octets",
                      path, SECRET_MAX);
        else if (err != ERR_NONE)
            fault_set(why, err, 0, "cannot hash the password");
    }
    buf_clear(&text);
    return err;
}

static enum err
load_keys(struct keeper *k, const char *path, struct fault *why)
{
    struct buf text;
    buf_init(&text, AUTHORIZED_KEYS_MAX);
    enum err err = file_read(path, FILE_TRUSTED, &text, why);
    if (err == ERR_NONE)
        err = account_set_keys(&k->account, buf_bytes(&text), path,
                               &k->process->log->sink, why);
    buf_clear(&text);
    return err;
}

static enum err
make_password(struct keeper *k, struct fault *why)
{
    enum err err = password_make(&rand_system, k->made_password);
    if (err == ERR_NONE)
        err =
            account_set_password(&k->account, bytes_str(k->made_password), &rand_system);
    return err ? fault_set(why, err, 0, "cannot make a password") : ERR_NONE;
}

static enum err
load_account(struct keeper *k, struct fault *why)
{
    const struct settings *s = k->process->settings;
    const struct serve_options *o = s->options;
    enum err err = ERR_NONE;
    account_init(
        &k->account, s->user,
        algo_list((enum algo_profile)o->profile, ALGO_SERVER, ALGO_CA_SIGNATURE));
    if (o->password_file)
        err = load_password(k, o->password_file, why);
    if (err == ERR_NONE && o->authorized_keys)
        err = load_keys(k, o->authorized_keys, why);
    if (err == ERR_NONE && !o->password_file && !o->authorized_keys)
        err = make_password(k, why);
    return err;
}

/* ---- the public part ---- */

static enum err
fill_public(const struct keeper *k, struct link_public *public, struct fault *why)
{
    memset(public, 0, sizeof *public);
    snprintf(public->auth_methods, sizeof public->auth_methods, "%s",
             account_methods(&k->account));
    public->n_keys = k->keys.n;
    for (uint32_t i = 0; i < k->keys.n; i++) {
        struct bytes blob = host_keys_blob(&k->keys, i);
        if (blob.n > sizeof public->key[i].p)
            return fault_set(why, ERR_LIMIT, 0, "host key %u is too large", i + 1);
        public->key[i].n = (uint32_t)blob.n;
        memcpy(public->key[i].p, blob.p, blob.n);
    }
    return ERR_NONE;
}

static enum err
load(struct keeper *k, struct link_public *public, struct fault *why)
{
    enum err err = load_host_keys(k, why);
    if (err == ERR_NONE)
        err = load_account(k, why);
    return err ? err : fill_public(k, public, why);
}

static enum err
wall_in(const struct monitor_process *p, struct fault *why)
{
    const struct sandbox_room room = {
        .role = SANDBOX_MONITOR,
        .root = -1,
        .keep = &p->link,
        .n_keep = 1,
        .death_signal = SIGKILL,
    };
    return sandbox_enter(p->plan, &room, why);
}

/* On standard output, once; the password is nowhere else. */
static void
announce(struct keeper *k, const struct link_public *public)
{
    const struct monitor_process *p = k->process;
    const struct announcement a = {
        .settings = p->settings,
        .bound = p->bound,
        .public = public,
        .password = k->made_password[0] ? k->made_password : NULL,
    };
    struct buf text;
    buf_init(&text, 16384);
    announcement_put(&a, &text);
    if (write(STDOUT_FILENO, text.p, text.n) < 0)
        log_line(&p->log->sink, LOG_LEVEL_WARN, "cannot write to standard output");
    buf_clear(&text);
    mem_wipe(k->made_password, sizeof k->made_password);
}

/* ---- answering ---- */

static void
tell(const struct keeper *k, enum link_notice_type type, uint64_t id)
{
    struct link_notice notice = {.type = type, .id = id};
    /* A listener that does not take our words is gone or hangs; the next poll
     * tells which. */
    (void)!link_send(k->process->link, &notice, sizeof notice);
}

static void
slot_free(struct keeper *k, size_t i)
{
    close(k->fds[1 + i].fd);
    k->fds[1 + i].fd = -1;
    mem_wipe(&k->slots[i], sizeof k->slots[i]);
}

/* A new connection. False: the listener is gone. */
static bool
take_connection(struct keeper *k)
{
    struct link_enter enter;
    int fd;
    enum err err = link_receive_fd(k->process->link, &enter, &fd);
    if (err != ERR_NONE)
        return err != ERR_CLOSED;
    for (size_t i = 0; i < LINK_CONNECTIONS; i++) {
        if (k->fds[1 + i].fd >= 0)
            continue;
        k->fds[1 + i] = (struct pollfd){.fd = fd, .events = POLLIN};
        k->slots[i] = (struct keeper_slot){.id = enter.id};
        memcpy(k->slots[i].session.address, enter.address, sizeof enter.address);
        return true;
    }
    close(fd); /* cannot be: the listener admits no more than there are slots */
    return true;
}

static void
answer(struct keeper *k, size_t i)
{
    const struct monitor monitor = {
        .keys = &k->keys, .account = &k->account, .log = &k->process->log->sink};
    struct keeper_slot *slot = &k->slots[i];
    ssize_t n = read(k->fds[1 + i].fd, k->message, sizeof k->message);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        slot_free(k, i);
        return;
    }
    bool was_authenticated = slot->session.is_authenticated;
    enum err err = monitor_answer(&monitor, &slot->session,
                                  bytes_of(k->message, (size_t)n), &k->reply);
    mem_wipe(k->message, (size_t)n); /* it may have been a password */
    if (err == ERR_NONE)
        err = link_send(k->fds[1 + i].fd, &k->reply, sizeof k->reply);
    if (err != ERR_NONE) {
        tell(k, LINK_MISUSED, slot->id);
        slot_free(k, i);
    } else if (slot->session.is_authenticated && !was_authenticated) {
        tell(k, LINK_AUTHENTICATED, slot->id);
    }
}

static void
serve(struct keeper *k)
{
    struct pollfd *fds = k->fds;
    for (size_t i = 0; i < ARRAY_LEN(k->fds); i++)
        fds[i] = (struct pollfd){.fd = i == 0 ? k->process->link : -1, .events = POLLIN};
    for (;;) {
        if (poll(fds, ARRAY_LEN(k->fds), -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents != 0 && !take_connection(k))
            return;
        for (size_t i = 0; i < LINK_CONNECTIONS; i++)
            if (fds[1 + i].fd >= 0 && fds[1 + i].revents != 0)
                answer(k, i);
    }
}

static int
run(struct keeper *k, struct link_public *public)
{
    const struct monitor_process *p = k->process;
    struct fault why = {0};
    enum err err = load(k, public, &why);
    if (err == ERR_NONE)
        err = wall_in(p, &why);
    if (err != ERR_NONE) {
        log_line(&p->log->sink, LOG_LEVEL_ERROR, "%s", why.text);
        tell(k, LINK_FAILED, 0);
        return 1;
    }
    announce(k, public);
    tell(k, LINK_READY, 0);
    if (link_send(p->link, public, sizeof *public) != ERR_NONE)
        return 1;
    serve(k);
    return 0;
}

int
monitor_process_run(const struct monitor_process *p)
{
    struct keeper *k = calloc(1, sizeof *k);
    struct link_public *public = calloc(1, sizeof *public);
    int status = 1;
    if (k && public) {
        k->process = p;
        buf_init(&k->account.authorized_keys, 0);
        status = run(k, public);
        host_keys_clear(&k->keys);
        account_clear(&k->account);
    }
    free(public);
    free(k);
    return status;
}
