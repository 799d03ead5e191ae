/* See session.h. */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/direct_carrier.h"
#include "cli/interrupt.h"
#include "config/ssh_options.h"
#include "crypto/rand.h"
#include "net/clock.h"

enum { CANCEL_MS = 3000 /* after a signal: for the server's last answers */ };

/* Of the jobs at hand. */
static struct transfer_totals
totals_now(const struct session *s)
{
    struct transfer_totals t =
        s->transfer ? *transfer_totals(s->transfer) : s->totals_before;
    const struct transfer_totals *before = &s->totals_before;
    t.files -= before->files;
    t.files_done -= before->files_done;
    t.files_failed -= before->files_failed;
    t.dirs -= before->dirs;
    t.dirs_failed -= before->dirs_failed;
    t.bytes -= before->bytes;
    t.bytes_done -= before->bytes_done;
    t.bytes_moved -= before->bytes_moved;
    t.skipped -= before->skipped;
    t.warnings -= before->warnings;
    return t;
}

static void
on_event(void *ctx, const struct transfer_event *ev)
{
    struct session *s = ctx;
    const struct transfer_totals totals = totals_now(s);
    s->is_over = s->is_over || ev->type == TRANSFER_EV_FAILED;
    report_event(&s->report, ev, &totals, clock_now_ms());
    if (s->config.sink.event)
        s->config.sink.event(s->config.sink.ctx, ev);
}

/* ---- options of a session ---- */

/* "-l KBIT" or "--limit-rate 500K". False: not a rate. */
static bool
read_rate(const struct invocation *inv, uint64_t *octets_per_second)
{
    int64_t rate = 0;
    if (inv->limit_rate)
        rate = config_size(inv->limit_rate);
    else if (inv->limit_kbit)
        rate = config_size(inv->limit_kbit);
    bool is_ok = rate >= 0 && rate <= INT64_MAX / 1024;
    if (is_ok && !inv->limit_rate)
        rate = rate * 1024 / 8;
    *octets_per_second = is_ok ? (uint64_t)rate : 0;
    return is_ok && (rate > 0 || (!inv->limit_rate && !inv->limit_kbit));
}

/* A whole number from 1 to most; NULL: 0. False: not one. */
static bool
read_count(const char *text, uint32_t most, uint32_t *count)
{
    *count = 0;
    if (!text)
        return true;
    int64_t x = config_size(text);
    if (x < 1 || x > most)
        return false;
    *count = (uint32_t)x;
    return true;
}

static enum exit_status
configure(struct session *s, struct transfer_config *config)
{
    const struct invocation *inv = s->config.inv;
    *config = (struct transfer_config){
        .rand = &rand_system, .log = &s->console.log, .sink = {on_event, s}};
    const char *wrong = NULL;
    if (!read_count(inv->chunk, SFTP_CHUNK_MAX, &config->chunk_max))
        wrong = "-B: not a number of octets from 1 to 261120";
    else if (!read_count(inv->requests, SFTP_CLIENT_REQUESTS_MAX, &config->requests_max))
        wrong = "-R: not a number from 1 to 1024";
    if (wrong)
        console_error(&s->console, "%s", wrong);
    return wrong ? EXIT_USAGE : EXIT_OK;
}

/* ---- opening ---- */

static enum exit_status
open_direct(struct session *s)
{
    enum err e = direct_carrier_open(s->config.inv->direct, &s->carrier);
    if (e == ERR_NONE)
        return EXIT_OK;
    console_error(&s->console, "-D: %s", e == ERR_IO ? strerror(errno) : "not a command");
    return e == ERR_IO ? EXIT_LOCAL : EXIT_USAGE;
}

/* LogLevel, as far as -q and -v say the same thing. */
static void
apply_log_level(struct console *c, const char *level)
{
    static const struct {
        const char *word;
        bool is_quiet;
        int verbose;
    } rows[] = {{"QUIET", true, 0},  {"FATAL", true, 0},   {"VERBOSE", false, 1},
                {"DEBUG", false, 2}, {"DEBUG1", false, 2}, {"DEBUG2", false, 2},
                {"DEBUG3", false, 2}};
    for (size_t i = 0; level && i < ARRAY_LEN(rows); i++) {
        if (strcasecmp(level, rows[i].word) != 0)
            continue;
        c->is_quiet = c->is_quiet || rows[i].is_quiet;
        c->verbose = c->verbose > rows[i].verbose ? c->verbose : rows[i].verbose;
    }
}

static enum exit_status
open_ssh(struct session *s)
{
    struct fault fault = {0};
    if (s->config.target->host[0] == '\0') {
        console_error(&s->console, "no host is named");
        return EXIT_USAGE;
    }
    if (settings_load(&s->settings, s->config.inv, s->config.target, &fault) !=
        ERR_NONE) {
        console_error(&s->console, "%s", fault.text);
        return EXIT_USAGE;
    }
    apply_log_level(&s->console, s->settings.o.log_level);
    const struct ssh_carrier_config config = {.settings = &s->settings,
                                              .console = &s->console,
                                              .password_file =
                                                  s->config.inv->password_file,
                                              .observer = s->config.observer};
    return ssh_carrier_open(&config, &s->carrier);
}

static enum exit_status
start_transfer(struct session *s, struct transfer_config *config)
{
    config->out = s->carrier->ops->stream(s->carrier);
    config->symlink_order = s->carrier->symlink_order;
    config->is_in_order = s->carrier->is_in_order;
    config->files_max = s->carrier->files_max;
    report_init(&s->report, &s->console, s->config.direction, clock_now_ms());
    enum err e = transfer_new(config, clock_now_ms(), &s->transfer);
    if (e == ERR_NONE)
        return EXIT_OK;
    console_error(&s->console, "SFTP cannot be started (%s)", err_name(e));
    return EXIT_LOST;
}

static void
close_all(struct session *s)
{
    transfer_free(s->transfer);
    s->transfer = NULL;
    if (s->carrier)
        s->carrier->ops->close(s->carrier);
    s->carrier = NULL;
    report_clear(&s->report);
    settings_clear(&s->settings);
}

enum exit_status
session_open(struct session *s, const struct session_config *config)
{
    struct transfer_config transfer;
    uint64_t rate = 0;
    *s = (struct session){.config = *config};
    if (console_init(&s->console, config->inv) != ERR_NONE) {
        console_error(&s->console, "--color takes auto, always or never");
        return EXIT_USAGE;
    }
    if (!read_rate(config->inv, &rate)) {
        console_error(&s->console, "the rate limit is not a number above zero");
        return EXIT_USAGE;
    }
    enum exit_status status = configure(s, &transfer);
    if (status == EXIT_OK)
        status = config->inv->direct ? open_direct(s) : open_ssh(s);
    if (status == EXIT_OK) {
        s->carrier->octets_per_second = rate;
        status = start_transfer(s, &transfer);
    }
    if (status != EXIT_OK) {
        close_all(s);
        (void)console_finish(&s->console);
    }
    return status;
}

/* ---- running ---- */

void
session_add(struct session *s, const struct transfer_spec *spec)
{
    uint32_t job;
    enum err e = transfer_add(s->transfer, spec, &job);
    if (e == ERR_NOMEM)
        report_failure(&s->report, TRANSFER_LOCAL, "out of memory");
    else if (e != ERR_NONE)
        report_failure(&s->report, TRANSFER_LOST, "the connection is gone");
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first signal stops the jobs, keeping what can be resumed; the second, or a
 * server that does not answer any more, stops the waiting. False: enough. */
static bool
mind_signals(struct session *s, int *n_seen, uint64_t *give_up_ms)
{
    int n = interrupt_count();
    if (n > *n_seen) {
        interrupt_drain();
        if (*n_seen == s->signals_before) {
            *give_up_ms = clock_now_ms() + CANCEL_MS;
            transfer_cancel_all(s->transfer);
        } else {
            return false;
        }
        *n_seen = n;
    }
    return clock_now_ms() < *give_up_ms;
}

void
session_run(struct session *s)
{
    uint64_t give_up_ms = UINT64_MAX;
    int n_seen = s->signals_before;
    if (transfer_run(s->transfer, clock_now_ms()) != ERR_NONE)
        return; /* the sink was told */
    while (!transfer_is_idle(s->transfer)) {
        if (!mind_signals(s, &n_seen, &give_up_ms)) {
            report_failure(&s->report, TRANSFER_CANCELLED, NULL);
            return;
        }
        const struct transfer_totals totals = totals_now(s);
        uint64_t redraw = report_tick(&s->report, &totals, clock_now_ms());
        uint64_t deadline =
            earlier(earlier(redraw, give_up_ms), transfer_deadline(s->transfer));
        s->carrier->ops->turn(s->carrier, s->transfer, deadline);
        if (transfer_run(s->transfer, clock_now_ms()) != ERR_NONE)
            return;
    }
    if (n_seen != s->signals_before)
        report_failure(&s->report, TRANSFER_CANCELLED, NULL);
}

enum exit_status
session_conclude(struct session *s)
{
    const struct transfer_totals totals = totals_now(s);
    return report_finish(&s->report, &totals, clock_now_ms());
}

void
session_renew(struct session *s, enum report_direction direction)
{
    report_clear(&s->report);
    report_init(&s->report, &s->console, direction, clock_now_ms());
    s->totals_before = *transfer_totals(s->transfer);
    s->signals_before = interrupt_count();
    interrupt_drain();
}

void
session_breathe(struct session *s)
{
    if (s->is_over)
        return;
    s->carrier->ops->turn(s->carrier, s->transfer, clock_now_ms());
    s->is_over = transfer_run(s->transfer, clock_now_ms()) != ERR_NONE || s->is_over;
}

enum exit_status
session_finish(struct session *s)
{
    enum exit_status status = session_conclude(s);
    close_all(s);
    /* A closed pipe is the reader's wish; it gets the status, but no words. */
    if (!console_finish(&s->console) && interrupt_count() == 0) {
        if (s->console.out_errno != EPIPE)
            console_error(&s->console, "standard output: %s",
                          strerror(s->console.out_errno));
        status = EXIT_LOCAL;
    }
    return status;
}
