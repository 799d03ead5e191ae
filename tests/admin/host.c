/*
 * A daemon without SSH, for the tests of its administration: the real tables
 * and the real control socket, with sessions that are made up here.
 *
 *     admin_host SOCKET BANS [take-over]
 *
 * Sessions: alice uploads at about 1 MB/s, bob downloads a file whose name is
 * hostile to terminals, carol is idle, one is logging in. Ends on SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/control.h"
#include "daemon/rates.h"
#include "net/clock.h"
#include "vfs/vfs.h"

enum { TURN_MS = 100, UPLOAD_TURN = 100 * 1024, FIRST_PID = 100000 };

struct host {
    struct admission *admission;
    struct rates *rates;
    struct penalties *penalties;
    struct board_page *pages;
    struct control_counts counts;
    const char *bans_path;
    unsigned generation;
};

static volatile sig_atomic_t is_over;

static void
on_signal(int number)
{
    (void)number;
    is_over = 1;
}

/* ---- what the control socket asks ---- */

static void
host_status(void *ctx, struct control_status *out)
{
    const struct host *h = ctx;
    size_t n_refused, n_noted;
    snprintf(out->version, sizeof out->version, "test");
    snprintf(out->listening, sizeof out->listening, "127.0.0.1:22,[::1]:22");
    snprintf(out->walls, sizeof out->walls, "monitor: all\nsession: all but \x1b[2J");
    penalty_count(h->penalties, clock_now_ms(), &n_refused, &n_noted);
    out->pid = (uint32_t)getpid();
    out->generation = h->generation;
    out->started_s = out->reloaded_s = 1700000000;
    out->uptime_ms = 3723000;
    out->n_connections = h->admission->n_used;
    out->n_authenticated = h->admission->n_used - h->admission->n_unauthenticated;
    out->max_connections = h->admission->limits.connections;
    out->n_penalised = n_refused;
    out->n_noted = n_noted;
    out->n_bans = penalties_bans(h->penalties)->n;
    rates_totals(h->rates, &out->octets_in, &out->octets_out);
    out->counts = h->counts;
}

static bool
host_next_session(void *ctx, uint64_t *cursor, struct control_session *out)
{
    const struct host *h = ctx;
    uint32_t next = (uint32_t)*cursor;
    const struct admission_place *p = admission_next(h->admission, &next);
    if (!p)
        return false;
    *cursor = next;
    uint32_t index = admission_index(h->admission, p);
    control_describe(p, index, board_at(h->pages, index), h->rates, clock_now_ms(), out);
    return true;
}

static bool
host_next_ban(void *ctx, uint64_t *cursor, struct control_ban *out)
{
    const struct host *h = ctx;
    return control_next_ban(h->penalties, clock_now_ms(), time(NULL), cursor, out);
}

static enum err
host_kill(void *ctx, uint64_t id, const char *account, uint32_t *n, struct fault *why)
{
    struct host *h = ctx;
    uint32_t cursor = 0;
    *n = 0;
    for (const struct admission_place *p;
         (p = admission_next(h->admission, &cursor)) != NULL;)
        if (id != 0 ? p->id == id : strcmp(p->account, account) == 0) {
            rates_leave(h->rates, h->admission, p, h->pages);
            *n += admission_ended(h->admission, p->pid[ADMISSION_SESSION]);
        }
    return *n != 0 ? ERR_NONE : fault_set(why, ERR_LIMIT, 0, "there is no such session");
}

static enum err
host_throttle(void *ctx, uint64_t id, uint64_t rate, struct fault *why)
{
    struct host *h = ctx;
    const struct admission_place *p = admission_find(h->admission, id);
    if (!p)
        return fault_set(why, ERR_LIMIT, 0, "there is no such session");
    struct board_page *page = board_at(h->pages, admission_index(h->admission, p));
    atomic_store(&page->throttle, rate);
    return ERR_NONE;
}

static enum err
host_ban_add(void *ctx, const struct block *block, uint64_t seconds, const char *reason,
             struct fault *why)
{
    struct host *h = ctx;
    int64_t now = time(NULL);
    struct ban ban = {.block = *block,
                      .since = now,
                      .until = seconds != 0 ? now + (int64_t)seconds : BAN_FOREVER};
    snprintf(ban.reason, sizeof ban.reason, "%s", reason);
    enum err err = bans_add(penalties_bans(h->penalties), &ban, now);
    if (err != ERR_NONE)
        return fault_set(why, err, 0, "there are too many bans");
    return ban_file_save(penalties_bans(h->penalties), h->bans_path, why);
}

static enum err
host_ban_del(void *ctx, const struct block *block, uint32_t *n, struct fault *why)
{
    struct host *h = ctx;
    *n = bans_del(penalties_bans(h->penalties), block);
    *n += (uint32_t)penalty_forgive(h->penalties, block);
    return ban_file_save(penalties_bans(h->penalties), h->bans_path, why);
}

static enum err
host_reload(void *ctx, struct fault *why)
{
    struct host *h = ctx;
    if (h->generation == 2)
        return fault_set(why, ERR_PROTO, 0, "ferryd.conf:7: unknown keyword \"Prot\"");
    h->generation++;
    return ERR_NONE;
}

static enum err
host_reopen(void *ctx, struct fault *why)
{
    (void)ctx, (void)why;
    return ERR_NONE;
}

/* ---- made up ---- */

static struct board_page *
connect_one(struct host *h, const char *address, const char *account)
{
    const struct admission_time now = {clock_now_ms(), time(NULL)};
    struct net_addr peer;
    if (net_addr_parse(address, 0, &peer) != ERR_NONE)
        exit(2);
    struct admission_place *p = admission_enter(h->admission, &peer, &now);
    admission_started(h->admission, p->id, ADMISSION_SESSION,
                      FIRST_PID + (pid_t)admission_index(h->admission, p));
    admission_identified(h->admission, p->id, BYTES_LIT("OpenSSH_9.2p1"));
    h->counts.accepted++;
    if (!account)
        return NULL;
    admission_authenticated(h->admission, p->id, account, "publickey", &now);
    h->counts.logins_ok++;
    return board_at(h->pages, admission_index(h->admission, p));
}

static struct board_page *
fill(struct host *h)
{
    static const char hostile[] = "/a\x1b[2J\nb\xe2\x80\xae\xff";
    struct address sinner;
    struct board_page *alice = connect_one(h, "192.0.2.1:5001", "alice");
    board_set_file(alice, BYTES_LIT("/reports/2026/november.csv"), VFS_WRITE, 1 << 30);
    struct board_page *bob = connect_one(h, "[2001:db8::b0b]:5002", "bob");
    board_set_file(bob, bytes_str(hostile), VFS_READ, 1000);
    atomic_store(&bob->file_offset, 420);
    (void)connect_one(h, "192.0.2.3:5003", "carol");
    (void)connect_one(h, "192.0.2.4:5004", NULL);
    if (address_parse(BYTES_LIT("203.0.113.1"), &sinner))
        penalty_add(h->penalties, &sinner, PENALTY_CRASH, clock_now_ms());
    return alice;
}

static int
run(struct host *h, struct control *control, struct board_page *alice)
{
    while (!is_over) {
        struct pollfd fds[CONTROL_FDS_MAX];
        nfds_t n = control_poll(control, fds);
        (void)poll(fds, n, TURN_MS);
        uint64_t now = clock_now_ms();
        control_serve(control, fds, n, now);
        atomic_fetch_add(&alice->octets_in, UPLOAD_TURN);
        atomic_fetch_add(&alice->file_offset, UPLOAD_TURN);
        rates_turn(h->rates, h->admission, h->pages, now);
    }
    control_free(control);
    return 0;
}

int
main(int argc, char **argv)
{
    static const struct admission_limits limits = {.connections = 512,
                                                   .begin = 20,
                                                   .rate = 30,
                                                   .full = 200,
                                                   .per_source = 10,
                                                   .bits4 = 32,
                                                   .bits6 = 64};
    static const struct server_penalties costs = {.is_enabled = true,
                                                  .crash = 90,
                                                  .min = 15,
                                                  .max = 600,
                                                  .max_sources4 = 100,
                                                  .max_sources6 = 100};
    static const uint64_t seed[2] = {1, 2};
    struct fault why = {0};
    struct control *control;
    int fd;
    if (argc < 3)
        return 2;
    struct host h = {.bans_path = argv[2], .generation = 1};
    h.admission = calloc(1, sizeof *h.admission);
    h.rates = rates_new();
    h.penalties = penalties_new(seed);
    if (!h.admission || !h.rates || !h.penalties || board_new(64, &fd) != ERR_NONE)
        return 2;
    h.pages = board_map_all(fd, 64);
    admission_init(h.admission, &limits);
    const struct control_host host = {
        &h,          host_status,   host_next_session, host_next_ban,
        host_kill,   host_throttle, host_ban_add,      host_ban_del,
        host_reload, host_reopen};
    if (penalties_configure(h.penalties, &costs, 32, 64, NULL) != ERR_NONE ||
        ban_file_load(penalties_bans(h.penalties), argv[2], time(NULL), &why) ||
        control_open(argv[1], argc > 3 ? CONTROL_TAKE_OVER : CONTROL_FRESH, &host,
                     &control, &why)) {
        fprintf(stderr, "admin_host: %s\n", why.text);
        return 1;
    }
    signal(SIGTERM, on_signal);
    int status = run(&h, control, fill(&h));
    penalties_free(h.penalties);
    rates_free(h.rates);
    free(h.admission);
    return status;
}
