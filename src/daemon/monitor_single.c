/*
 * What stands behind the monitor of `ferryd serve`: one account from the
 * command line, and all that it may do known from the start. See
 * monitor_impl.h.
 */
#include <stdio.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/announce.h"
#include "daemon/files.h"
#include "daemon/monitor_impl.h"
#include "key/authorized_keys.h"

enum { DEFAULT_UMASK = 022, CHANNELS = 10, UNUSED_MS = 60 * 1000 };

/* ---- loading ---- */

static enum err
load_host_keys(struct keeper *k, struct fault *why)
{
    const struct settings *s = k->process->single->settings;
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
    const struct settings *s = k->process->single->settings;
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

static void
fill_grant(struct keeper *k)
{
    const struct settings *s = k->process->single->settings;
    struct grant *g = &k->grant;
    snprintf(g->user, sizeof g->user, "%s", s->user);
    snprintf(g->root, sizeof g->root, "%s", s->dir);
    snprintf(g->home, sizeof g->home, "/");
    g->is_virtual = g->is_confined = 1;
    g->umask = DEFAULT_UMASK;
    g->is_read_only = s->options->is_read_only;
    g->log_level = (uint32_t)settings_log_level(s->options);
    g->keepalive_ms = s->limits.keepalive_ms;
    g->channels_max = CHANNELS;
    g->unused_ms = UNUSED_MS;
    g->rekey_octets = s->limits.rekey_octets;
}

static enum err
load(struct keeper *k, struct monitor_keys *keys, struct fault *why)
{
    enum err err = load_host_keys(k, why);
    if (err == ERR_NONE)
        err = load_account(k, why);
    for (uint32_t i = 0; err == ERR_NONE && i < k->keys.n; i++)
        err = keeper_add_key(keys, host_keys_blob(&k->keys, i), i, why);
    if (err == ERR_NONE)
        fill_grant(k);
    snprintf(keys->auth_methods, sizeof keys->auth_methods, "%s",
             account_methods(&k->account));
    return err;
}

/* ---- the backend: nothing is counted and nothing written down ---- */

static enum err
verdict_new(void *ctx, struct monitor_conn *c, const struct verdict_peer *peer,
            struct verdict **v)
{
    struct keeper *k = ctx;
    (void)c;
    return verdict_single_new(&k->account, &k->grant, &k->process->log->sink, peer, v);
}

static enum err
charge(void *ctx, struct monitor_conn *c, const struct monitor_charge *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)r, (void)progress;
    reply->verdict = 1;
    return ERR_NONE;
}

static enum err
record(void *ctx, struct monitor_conn *c, const struct record *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)r, (void)progress;
    reply->verdict = 1;
    return ERR_NONE;
}

/* The names of the system's accounts are nobody's business. */
static enum err
name(void *ctx, struct monitor_conn *c, const struct monitor_name_request *r,
     struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)r, (void)reply, (void)progress;
    return ERR_NONE;
}

static void
leave(void *ctx, struct monitor_conn *c)
{
    (void)ctx, (void)c;
}

/* ---- the kind ---- */

/* On standard output, once; the password is nowhere else. */
static enum err
begin(struct keeper *k, const struct monitor_keys *keys)
{
    const struct monitor_single *single = k->process->single;
    const struct announcement a = {
        .settings = single->settings,
        .bound = single->bound,
        .keys = keys,
        .password = k->made_password[0] ? k->made_password : NULL,
    };
    struct buf text;
    buf_init(&text, 16384);
    announcement_put(&a, &text);
    if (write(STDOUT_FILENO, text.p, text.n) < 0)
        log_line(&k->process->log->sink, LOG_LEVEL_WARN,
                 "cannot write to standard output");
    buf_clear(&text);
    mem_wipe(k->made_password, sizeof k->made_password);
    k->backend = (struct monitor_backend){.verdict_new = verdict_new,
                                          .charge = charge,
                                          .record = record,
                                          .name = name,
                                          .leave = leave,
                                          .ctx = k};
    return ERR_NONE;
}

static void
no_fds(const struct keeper *k, struct pollfd fds[KEEPER_FDS_MAX])
{
    (void)k;
    for (int i = 0; i < KEEPER_FDS_MAX; i++)
        fds[i] = (struct pollfd){.fd = -1};
}

static bool
serve(struct keeper *k)
{
    (void)k;
    return true;
}

static uint64_t
deadline(const struct keeper *k)
{
    (void)k;
    return UINT64_MAX;
}

static void
left(struct keeper *k, struct keeper_slot *slot)
{
    (void)k, (void)slot;
}

static void
clear(struct keeper *k)
{
    account_clear(&k->account);
}

const struct keeper_kind keeper_single = {load,     begin, no_fds, serve,
                                          deadline, left,  clear};
