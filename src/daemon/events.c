/* See events.h. */
#include "daemon/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "daemon/audit_record.h"
#include "daemon/events_intents.h"
#include "daemon/events_program.h"
#include "daemon/events_queue.h"

static const struct {
    const char *word;
    enum record_kind kind;
} kinds[SERVER_EVENTS] = {
    [SERVER_EVENT_UPLOAD] = {"upload", RECORD_UPLOAD},
    [SERVER_EVENT_LOGIN] = {"login", RECORD_LOGIN},
    [SERVER_EVENT_LOGIN_FAILED] = {"login-failed", RECORD_LOGIN_FAILED},
    [SERVER_EVENT_REMOVE] = {"remove", RECORD_REMOVE},
    [SERVER_EVENT_RENAME] = {"rename", RECORD_RENAME},
    [SERVER_EVENT_QUOTA] = {"quota", RECORD_QUOTA},
};

/* After the nth failure. */
static const uint64_t retry_ms[EVENTS_TRIES] = {2000, 10000, 60000, 300000, 900000, 0};

struct program {
    char **argv; /* owned array of borrowed words; NULL: none configured */
};

struct slot {
    struct event_run run;
    struct queued_event *item; /* NULL: free */
    enum server_event event;
};

struct events {
    struct events_config config;
    struct event_user user;
    struct program programs[SERVER_EVENTS];
    struct spool spool;
    struct intents *intents;
    struct events_queue queue; /* while we are the one that runs programs */
    size_t n_stored;           /* in the queue when it was last looked at, and since */
    struct slot slots[EVENTS_RUNNING_MAX];
    uint64_t scan_ms;
    bool is_retired;
};

/* ---- making ---- */

bool
events_are_wanted(const struct server_list *programs)
{
    for (int i = 0; i < SERVER_EVENTS; i++)
        if (programs[i].n != 0)
            return true;
    return false;
}

enum err
events_check(const struct events_config *config, struct fault *why)
{
    struct event_user user;
    if (!events_are_wanted(config->programs))
        return ERR_NONE;
    if (config->timeout_s < 0 || config->timeout_s > EVENTS_TIMEOUT_MAX_S)
        return fault_set(why, ERR_PROTO, 0, "EventTimeout: at most %d seconds",
                         EVENTS_TIMEOUT_MAX_S);
    enum err err = event_user_find(config->user, &user, why);
    for (int i = 0; err == ERR_NONE && i < SERVER_EVENTS; i++)
        if (config->programs[i].n != 0)
            err = event_program_check(config->programs[i].item[0], why);
    return err;
}

/* execve wants a NULL behind the words. */
static enum err
make_program(struct program *p, const struct server_list *words)
{
    if (words->n == 0)
        return ERR_NONE;
    p->argv = calloc(words->n + 1, sizeof *p->argv);
    if (!p->argv)
        return ERR_NOMEM;
    for (size_t i = 0; i < words->n; i++)
        p->argv[i] = words->item[i];
    return ERR_NONE;
}

enum err
events_new(const struct events_config *config, uint64_t now_ms, struct events **events,
           struct fault *why)
{
    struct events *e = calloc(1, sizeof *e);
    if (!e)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    e->config = *config;
    enum err err = event_user_find(config->user, &e->user, why);
    for (int i = 0; err == ERR_NONE && i < SERVER_EVENTS; i++)
        err = make_program(&e->programs[i], &config->programs[i]);
    if (err == ERR_NONE) {
        err = spool_open(&e->spool, config->state_dir, why);
        if (err == ERR_NONE)
            err = intents_new(&e->spool, now_ms, &e->intents);
    }
    if (err != ERR_NONE) {
        events_free(e);
        return fault_set(why, err, 0, "events: out of memory");
    }
    *events = e;
    return ERR_NONE;
}

void
events_free(struct events *e)
{
    if (!e)
        return;
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (e->slots[i].run.pid != 0 && e->slots[i].run.output >= 0)
            close(e->slots[i].run.output);
    for (int i = 0; i < SERVER_EVENTS; i++)
        free(e->programs[i].argv);
    if (e->intents)
        spool_close(&e->spool);
    intents_free(e->intents);
    events_queue_clear(&e->queue);
    free(e);
}

/* ---- taking records ---- */

static bool
find_kind(uint32_t record_kind, enum server_event *event)
{
    if (record_kind == RECORD_UPLOAD_INTENT)
        record_kind = RECORD_UPLOAD;
    for (int i = 0; i < SERVER_EVENTS; i++)
        if (kinds[i].kind == record_kind) {
            *event = (enum server_event)i;
            return true;
        }
    return false;
}

/* No "." or "..", which a session that is owned could say to lead programs out of the
 * account's root. */
static bool
is_plain(struct bytes path)
{
    if (path.n == 0 || path.p[0] != '/')
        return false;
    while (path.n != 0) {
        path = bytes_skip(path, 1);
        const uint8_t *slash = path.n ? memchr(path.p, '/', path.n) : NULL;
        struct bytes name = bytes_first(path, slash ? (size_t)(slash - path.p) : path.n);
        if (bytes_eq_str(name, ".") || bytes_eq_str(name, ".."))
            return false;
        path = bytes_skip(path, name.n);
    }
    return true;
}

/* Where the file is for programs: beneath the account's root. */
static void
put_place(struct buf *out, const struct record *r)
{
    struct buf file;
    struct bytes root = bytes_str(r->root), path = bytes_of(r->path, r->path_len);
    buf_init(&file, PATH_MAX + RECORD_PATH_MAX);
    while (root.n != 0 && root.p[root.n - 1] == '/')
        root.n--;
    buf_put(&file, root);
    buf_put(&file, path);
    if (is_plain(path))
        json_text(out, "file", buf_bytes(&file));
    json_text(out, "root", bytes_str(r->root));
    json_number(out, "inode", r->inode);
    json_number(out, "device", r->device);
    buf_clear(&file);
}

static void
put_event(struct buf *out, const struct record *r, enum server_event event,
          const char *id, struct timespec now)
{
    json_begin(out, "event");
    json_text(out, "event", bytes_str(kinds[event].word));
    json_text(out, "id", bytes_str(id));
    record_put(out, r, now);
    if (event == SERVER_EVENT_UPLOAD || event == SERVER_EVENT_REMOVE ||
        event == SERVER_EVENT_RENAME)
        put_place(out, r);
    json_end(out);
}

static enum err
enqueue(struct events *e, const char *id)
{
    e->n_stored++;
    return e->spool.has_lock ? events_queue_add(&e->queue, id) : ERR_NONE;
}

static enum err
store(struct events *e, const struct record *r, const char *id, struct bytes event)
{
    if (r->kind == RECORD_UPLOAD_INTENT)
        return intents_add(e->intents, r, id, event);
    if (e->n_stored >= (r->kind == RECORD_UPLOAD ? SPOOL_QUEUE_MAX : SPOOL_OTHERS_MAX))
        return ERR_LIMIT;
    enum err err = spool_put(&e->spool, SPOOL_QUEUE, id, event);
    if (err == ERR_NONE)
        err = enqueue(e, id);
    if (err == ERR_NONE && r->kind == RECORD_UPLOAD)
        intents_remove(e->intents, r);
    return err;
}

static enum err
make_and_store(struct events *e, const struct record *r, enum server_event event,
               struct timespec now)
{
    char id[SPOOL_NAME_MAX];
    struct buf text;
    const char *intended = r->kind == RECORD_UPLOAD ? intents_find(e->intents, r) : NULL;
    if (intended)
        snprintf(id, sizeof id, "%s", intended);
    else
        spool_name(&e->spool, now, id);
    buf_init(&text, SPOOL_FILE_MAX);
    put_event(&text, r, event, id, now);
    enum err err = buf_err(&text);
    if (err == ERR_NONE)
        err = store(e, r, id, buf_bytes(&text));
    buf_clear(&text);
    if (err != ERR_NONE)
        log_line(e->config.log, LOG_LEVEL_ERROR, "event %s: cannot be stored: %s",
                 kinds[event].word,
                 err == ERR_LIMIT ? "too many wait" : "the state directory has no room");
    return err;
}

enum err
events_put(struct events *e, const struct record *r, struct timespec now, uint64_t now_ms)
{
    enum server_event event;
    if (r->kind == RECORD_LOGOUT)
        intents_orphan(e->intents, r->connection, now_ms);
    if (r->kind == RECORD_UPLOAD_FAILED)
        intents_remove(e->intents, r);
    if (!find_kind(r->kind, &event) || !e->programs[event].argv)
        return ERR_NONE;
    return make_and_store(e, r, event, now);
}

void
events_on_monitor_gone(struct events *e, uint64_t now_ms)
{
    intents_orphan(e->intents, 0, now_ms);
}

/* ---- running ---- */

/* Which program an event in the queue is for. */
static bool
event_of(struct events *e, const char *name, enum server_event *event)
{
    struct buf text, word;
    bool is_known = false;
    buf_init(&text, SPOOL_FILE_MAX);
    buf_init(&word, 64);
    if (spool_get(&e->spool, SPOOL_QUEUE, name, &text) == ERR_NONE && text.n != 0 &&
        json_get_text(bytes_first(buf_bytes(&text), text.n - 1), "event", &word))
        for (int i = 0; i < SERVER_EVENTS && !is_known; i++)
            if (bytes_eq_str(buf_bytes(&word), kinds[i].word)) {
                *event = (enum server_event)i;
                is_known = e->programs[i].argv != NULL;
            }
    buf_clear(&text);
    buf_clear(&word);
    return is_known;
}

struct tally {
    size_t n;
};

static bool
count_one(void *ctx, const char *name)
{
    struct tally *tally = ctx;
    (void)name;
    tally->n++;
    return true;
}

static void
drop(struct events *e, struct queued_event *item)
{
    if (e->n_stored != 0)
        e->n_stored--;
    events_queue_remove(&e->queue, item);
}

static void
give_up(struct events *e, struct queued_event *item, const char *why)
{
    struct tally tally = {0};
    spool_each(&e->spool, SPOOL_FAILED, count_one, &tally);
    bool is_kept =
        tally.n < SPOOL_FAILED_MAX && spool_move(&e->spool, SPOOL_QUEUE, item->name,
                                                 SPOOL_FAILED, item->name) == ERR_NONE;
    if (!is_kept)
        spool_remove(&e->spool, SPOOL_QUEUE, item->name);
    log_line(e->config.log, LOG_LEVEL_ERROR, "event %s: given up (%s)%s", item->name, why,
             is_kept ? "; it is kept in events/failed" : "; events/failed is full");
    drop(e, item);
}

static uint64_t
time_limit_ms(const struct events *e)
{
    int seconds = e->config.timeout_s ? e->config.timeout_s : EVENTS_TIMEOUT_S;
    return (uint64_t)seconds * 1000;
}

static void
retry(struct queued_event *item, uint64_t now_ms)
{
    item->due_ms = now_ms + retry_ms[item->n_tries - 1];
    item->is_running = false;
}

static void
start_one(struct events *e, struct slot *slot, struct queued_event *item, uint64_t now_ms)
{
    int input = spool_open_file(&e->spool, SPOOL_QUEUE, item->name);
    if (input < 0) { /* somebody took it away */
        drop(e, item);
        return;
    }
    if (!event_of(e, item->name, &slot->event)) {
        give_up(e, item, "no program is configured for it");
    } else {
        const struct program *p = &e->programs[slot->event];
        item->n_tries++;
        item->is_running = true;
        slot->item = item;
        if (event_run_start(&slot->run, p->argv, kinds[slot->event].word, input, &e->user,
                            now_ms + time_limit_ms(e)) != ERR_NONE) {
            slot->item = NULL;
            item->n_tries--; /* our own trouble, not the program's */
            item->due_ms = now_ms + retry_ms[0];
            item->is_running = false;
        }
    }
    close(input);
}

static struct slot *
free_slot(struct events *e)
{
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (!e->slots[i].item)
            return &e->slots[i];
    return NULL;
}

static void
start_due(struct events *e, uint64_t now_ms)
{
    uint64_t next_ms;
    struct slot *slot;
    struct queued_event *item;
    while (e->spool.has_lock && !e->is_retired && (slot = free_slot(e)) != NULL &&
           (item = events_queue_due(&e->queue, now_ms, &next_ms)) != NULL)
        start_one(e, slot, item, now_ms);
}

/* ---- ending ---- */

static void
put_ending(struct buf *out, const struct event_run *run, int status)
{
    if (run->n_signals != 0)
        buf_put_str(out, "took too long");
    else if (WIFSIGNALED(status))
        buf_printf(out, "ended by signal %d", WTERMSIG(status));
    else
        buf_printf(out, "ended with status %d", WEXITSTATUS(status));
    if (run->n_printed == 0)
        return;
    buf_put_str(out, ": ");
    text_escape(out, bytes_of(run->printed, run->n_printed), EVENT_OUTPUT_MAX);
}

static void
on_failure(struct events *e, struct slot *slot, int status, uint64_t now_ms)
{
    struct buf text;
    struct queued_event *item = slot->item;
    buf_init(&text, 2048);
    put_ending(&text, &slot->run, status);
    const char *ending = buf_cstr(&text);
    log_line(e->config.log, LOG_LEVEL_WARN, "event %s %s: try %u of %d: %s",
             kinds[slot->event].word, item->name, item->n_tries, EVENTS_TRIES,
             ending ? ending : "failed");
    if (item->n_tries >= EVENTS_TRIES)
        give_up(e, item, "too many tries");
    else
        retry(item, now_ms);
    buf_clear(&text);
}

static void
on_end(struct events *e, struct slot *slot, int status, uint64_t now_ms)
{
    bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (is_done && slot->run.n_signals == 0) {
        spool_remove(&e->spool, SPOOL_QUEUE, slot->item->name);
        drop(e, slot->item);
    } else {
        on_failure(e, slot, status, now_ms);
    }
    slot->item = NULL;
}

void
events_on_child(struct events *e, uint64_t now_ms)
{
    int status;
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (e->slots[i].item && event_run_reap(&e->slots[i].run, &status))
            on_end(e, &e->slots[i], status, now_ms);
    if (e->is_retired && !events_are_running(e))
        spool_unlock(&e->spool);
    start_due(e, now_ms);
}

/* ---- time ---- */

static bool
add_found(void *ctx, const char *name)
{
    struct events *e = ctx;
    e->n_stored++;
    return !e->spool.has_lock || events_queue_add(&e->queue, name) == ERR_NONE;
}

static void
scan(struct events *e)
{
    if (!e->is_retired)
        spool_lock(&e->spool);
    e->n_stored = 0;
    spool_each(&e->spool, SPOOL_QUEUE, add_found, e);
}

static void
look_after_intents(struct events *e, uint64_t now_ms)
{
    char id[SPOOL_NAME_MAX];
    while (intents_next(e->intents, now_ms, id)) {
        log_line(e->config.log, LOG_LEVEL_INFO,
                 "event upload %s: its session ended before it could say so", id);
        (void)!enqueue(e, id); /* it is in the spool: the next scan finds it */
    }
}

void
events_tick(struct events *e, uint64_t now_ms)
{
    if (now_ms >= e->scan_ms) {
        scan(e);
        e->scan_ms = now_ms + EVENTS_SCAN_MS;
    }
    look_after_intents(e, now_ms);
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (e->slots[i].item)
            event_run_expire(&e->slots[i].run, now_ms);
    start_due(e, now_ms);
}

uint64_t
events_deadline(const struct events *e)
{
    uint64_t deadline = e->scan_ms, looks = intents_deadline(e->intents);
    if (looks < deadline)
        deadline = looks;
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (e->slots[i].item && e->slots[i].run.deadline_ms < deadline)
            deadline = e->slots[i].run.deadline_ms;
    return deadline; /* what is due again is found by the scan */
}

size_t
events_poll(const struct events *e, struct pollfd *fds)
{
    size_t n = 0;
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (e->slots[i].item && e->slots[i].run.output >= 0)
            fds[n++] = (struct pollfd){.fd = e->slots[i].run.output, .events = POLLIN};
    return n;
}

void
events_on_poll(struct events *e, const struct pollfd *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; fds[i].revents && k < EVENTS_RUNNING_MAX; k++)
            if (e->slots[k].item && e->slots[k].run.output == fds[i].fd)
                event_run_read(&e->slots[k].run);
}

void
events_retire(struct events *e)
{
    e->is_retired = true;
    if (!events_are_running(e))
        spool_unlock(&e->spool);
}

bool
events_are_running(const struct events *e)
{
    for (int i = 0; i < EVENTS_RUNNING_MAX; i++)
        if (e->slots[i].item)
            return true;
    return false;
}
