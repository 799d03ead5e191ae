/* See serve.h. */
#include "daemon/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "crypto/rand.h"
#include "daemon/listener.h"

enum { DRAIN_MS = 10 * 1000 }; /* a connection bounds itself to less */

/* Everything that is made before the first connection. Big: on the heap. */
struct serve {
    struct settings settings;
    struct daemon_log log;
    struct sandbox_plan plan;
    struct daemon_public public;
    struct generation generation;
    struct listener listener;
};

static enum err
listen_all(struct serve *s, struct fault *why)
{
    struct listener *l = &s->listener;
    enum err err = ERR_NONE;
    for (uint32_t i = 0; err == ERR_NONE && i < s->settings.n_listen; i++)
        err = socket_listen(&s->settings.listen[i], &l->listen[i], &l->bound[i], why);
    l->n_listen = s->settings.n_listen;
    return err;
}

static enum err
fill_public(struct serve *s, const char *trace, struct fault *why)
{
    struct daemon_public *p = &s->public;
    for (int i = 0; i < ALGO_SLOTS; i++) {
        const char *list = (const char *)s->settings.lists[i].p;
        if (strlen(list) >= sizeof p->lists[i])
            return fault_set(why, ERR_PROTO, 0, "a list of algorithms is too long");
        memcpy(p->lists[i], list, strlen(list) + 1);
    }
    p->limits = s->settings.limits;
    p->sandbox = s->settings.options->sandbox;
    p->log_level = (uint32_t)s->log.level;
    snprintf(p->trace, sizeof p->trace, "%s", trace ? trace : "");
    p->n_shielded = s->settings.n_shielded;
    for (uint32_t i = 0; i < p->n_shielded; i++)
        snprintf(p->shielded[i], sizeof p->shielded[i], "%s", s->settings.shielded[i]);
    return ERR_NONE;
}

static enum err
prepare(struct serve *s, const struct serve_options *o, const struct environment *env,
        struct fault *why)
{
    tzset(); /* reads its file now: later there are no files (threats P11) */
    if (crypto_init() != ERR_NONE)
        return fault_set(why, ERR_CRYPTO, 0, "%s cannot be used", crypto_version());
    enum err err = settings_make(&s->settings, o, env, why);
    if (err == ERR_NONE)
        err = sandbox_prepare(&s->plan, (enum sandbox_policy)o->sandbox, why);
    if (err == ERR_NONE)
        err = fill_public(s, settings_trace(o, env), why);
    return err ? err : listen_all(s, why);
}

/* The monitor comes before any other process, so that nobody but it has ever seen a
 * key. */
static enum err
start(struct serve *s, struct fault *why)
{
    static const struct listener_hooks hooks = {0};
    const struct admission_limits limits = {
        .connections = 512,
        .begin = 20,
        .rate = 30,
        .full = 200,
        .per_source = 10,
        .bits4 = 32,
        .bits6 = 64,
    };
    const struct monitor_single single = {&s->settings, s->listener.bound};
    struct monitor_process process = {
        .single = &single, .plan = &s->plan, .log = &s->log};
    enum err err = generation_start(&s->generation, &process, &s->public, why);
    if (err != ERR_NONE)
        return err;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    s->listener.log = &s->log;
    s->listener.hooks = &hooks;
    s->listener.drain_ms = DRAIN_MS;
    s->listener.login_ms = s->public.limits.login_ms;
    s->listener.notify.fd = -1;
    s->listener.generations[0] = &s->generation;
    s->generation.log = s->generation.log_pre_auth = -1;
    err = listener_init(&s->listener, &limits, &s->generation, why);
    if (err == ERR_NONE)
        sandbox_log(&s->plan, &s->log.sink);
    return err;
}

int
serve_run(const struct serve_options *options, const struct environment *env)
{
    struct serve *s = calloc(1, sizeof *s);
    struct fault why = {0};
    if (!s)
        return 1;
    daemon_log_init(&s->log, settings_log_level(options), NULL);
    listener_block_signals();
    enum err err = prepare(s, options, env, &why);
    if (err == ERR_NONE)
        err = start(s, &why);
    int status = 1;
    if (err == ERR_NONE)
        status = listener_run(&s->listener);
    else
        log_line(&s->log.sink, LOG_LEVEL_ERROR, "%s", why.text);
    listener_clear(&s->listener);
    settings_clear(&s->settings);
    sandbox_plan_clear(&s->plan);
    free(s);
    return err == ERR_PROTO ? 2 : status;
}
