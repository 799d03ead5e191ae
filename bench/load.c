/*
 * The load generator of script/bench: many sessions in one process against one
 * server on 127.0.0.1, the same whoever serves.
 *
 *     load logins PORT USER KEY CONCURRENCY SECONDS
 *         Logins for so long, CONCURRENCY at a time: connect, key exchange, a key,
 *         SFTP's INIT and VERSION, goodbye. A time is from connect() to VERSION.
 *     load stats PORT USER KEY SESSIONS PERIOD_MS SECONDS
 *         SESSIONS log in; then for SECONDS each asks STAT once in PERIOD_MS, spread
 *         evenly. A time is from the request to its answer.
 *     load idle PORT USER KEY SESSIONS
 *         SESSIONS log in and stay silent until standard input ends.
 *     load silent PORT CONNECTIONS
 *         CONNECTIONS that read the identification and say nothing, likewise.
 *
 * logins and stats print one line of JSON; idle and silent print "ready" when all
 * are there. Whatever fails ends the run. Everything has an end: RUN_SECONDS_MAX.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "key/private_file.h"
#include "load_session.h"
#include "net/clock.h"

enum {
    SESSIONS_MAX = 2000,
    SAMPLES_MAX = 200000,
    RUN_SECONDS_MAX = 180,
    LOGINS_AT_ONCE = 4, /* while the sessions of stats and idle begin */
    STDIN_POLL = 1,     /* entries of the poll table before the sessions' */
    WAIT_MS = 1000,     /* at most, so that engines' clocks go on */
};

struct load {
    struct load_target target;
    struct load_session sessions[SESSIONS_MAX];
    struct pollfd fds[STDIN_POLL + SESSIONS_MAX];
    uint32_t n;         /* sessions in use */
    bool watches_stdin; /* its end is the end of the run */
    uint64_t samples[SAMPLES_MAX];
    size_t n_samples;
};

_Noreturn static void
die(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

/* ---- numbers ---- */

static void
add_sample(struct load *l, uint64_t us)
{
    if (l->n_samples < SAMPLES_MAX)
        l->samples[l->n_samples++] = us;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double
percentile_ms(const struct load *l, unsigned percent)
{
    size_t at = l->n_samples * percent / 100;
    if (l->n_samples == 0)
        return 0;
    return (double)l->samples[at < l->n_samples ? at : l->n_samples - 1] / 1000;
}

static void
print_samples(struct load *l, uint64_t took_us)
{
    qsort(l->samples, l->n_samples, sizeof *l->samples, compare);
    double seconds = (double)took_us / 1e6;
    printf("{\"count\": %zu, \"seconds\": %.6f, \"rate\": %.3f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           l->n_samples, seconds, (double)l->n_samples / seconds, percentile_ms(l, 50),
           percentile_ms(l, 99), percentile_ms(l, 100));
}

/* ---- waiting for all ---- */

/* One turn: wait for any session, standard input or until_us, and let those run
 * that have something. True: standard input has ended. */
static bool
turn(struct load *l, uint64_t until_us)
{
    uint64_t now = load_now_us();
    uint64_t ms = until_us > now ? (until_us - now) / 1000 + 1 : 0;
    l->fds[0] =
        (struct pollfd){.fd = l->watches_stdin ? STDIN_FILENO : -1, .events = POLLIN};
    for (uint32_t i = 0; i < l->n; i++) {
        struct load_session *s = &l->sessions[i];
        bool is_live = s->state != LOAD_OVER;
        l->fds[STDIN_POLL + i] =
            (struct pollfd){.fd = is_live ? s->fd : -1,
                            .events = is_live ? pump_wanted(&s->pump) : (short)0};
    }
    if (poll(l->fds, STDIN_POLL + l->n, ms < WAIT_MS ? (int)ms : WAIT_MS) < 0 &&
        errno != EINTR)
        die("poll", strerror(errno));
    for (uint32_t i = 0; i < l->n; i++)
        if (l->fds[STDIN_POLL + i].revents != 0)
            load_session_run(&l->sessions[i], l->fds[STDIN_POLL + i].revents);
    char c;
    return (l->fds[0].revents & (POLLIN | POLLHUP)) != 0 &&
           read(STDIN_FILENO, &c, 1) == 0;
}

static void
check_session(const struct load_session *s)
{
    if (s->state == LOAD_OVER && s->why.code != ERR_NONE)
        die("a session failed", s->why.text);
}

/* ---- logins ---- */

/* Say goodbye once logged in, and begin anew until end_us. 1: this one was the
 * last of its kind; else 0. */
static uint32_t
advance_login(struct load *l, struct load_session *s, uint64_t end_us)
{
    check_session(s);
    if (s->state == LOAD_READY) {
        add_sample(l, s->took_us);
        load_session_end(s);
    }
    if (s->state != LOAD_OVER || !s->target)
        return 0;
    load_session_clear(s);
    s->target = NULL;
    if (load_now_us() >= end_us)
        return 1;
    load_session_start(s, &l->target);
    return 0;
}

static void
run_logins(struct load *l, uint32_t concurrency, uint32_t seconds)
{
    uint64_t begin = load_now_us(), end = begin + (uint64_t)seconds * 1000000;
    uint32_t n_live = concurrency;
    l->n = concurrency;
    for (uint32_t i = 0; i < l->n; i++)
        load_session_start(&l->sessions[i], &l->target);
    while (n_live != 0) {
        turn(l, UINT64_MAX);
        for (uint32_t i = 0; i < l->n; i++)
            n_live -= advance_login(l, &l->sessions[i], end);
    }
    print_samples(l, load_now_us() - begin);
}

/* ---- sessions that stay ---- */

static void
log_all_in(struct load *l, uint32_t n)
{
    uint32_t n_ready = 0;
    while (n_ready < n) {
        for (; l->n < n && l->n - n_ready < LOGINS_AT_ONCE; l->n++)
            load_session_start(&l->sessions[l->n], &l->target);
        turn(l, UINT64_MAX);
        n_ready = 0;
        for (uint32_t i = 0; i < l->n; i++) {
            check_session(&l->sessions[i]);
            n_ready += l->sessions[i].state == LOAD_READY;
        }
    }
}

static void
end_all(struct load *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        load_session_end(&l->sessions[i]);
        load_session_clear(&l->sessions[i]);
    }
}

static void
run_idle(struct load *l, uint32_t n)
{
    log_all_in(l, n);
    l->watches_stdin = true;
    puts("ready");
    fflush(stdout);
    while (!turn(l, UINT64_MAX))
        for (uint32_t i = 0; i < l->n; i++) {
            load_session_run(&l->sessions[i], 0); /* its clock */
            check_session(&l->sessions[i]);
        }
    end_all(l);
}

/* Session i asks at i/n of the period, and so on once a period. */
static void
run_stats(struct load *l, uint32_t n, uint32_t period_ms, uint32_t seconds)
{
    log_all_in(l, n);
    uint64_t begin = load_now_us(), step = (uint64_t)period_ms * 1000 / n;
    uint64_t n_asks = (uint64_t)seconds * 1000 * n / period_ms, asked = 0;
    while (l->n_samples < n_asks) {
        struct load_session *s = &l->sessions[asked % n];
        uint64_t due = asked < n_asks ? begin + asked * step : UINT64_MAX;
        if (load_now_us() >= due) {
            if (s->state != LOAD_READY)
                die("a STAT took longer than the period", "too slow");
            load_session_ask(s);
            asked++;
            continue;
        }
        turn(l, due);
        for (uint32_t i = 0; i < n; i++) {
            struct load_session *other = &l->sessions[i];
            check_session(other);
            if (other->state == LOAD_READY && other->took_us != 0 &&
                other->request_id != 0) {
                add_sample(l, other->took_us);
                other->took_us = 0;
            }
        }
    }
    print_samples(l, load_now_us() - begin);
    end_all(l);
}

/* ---- connections that say nothing ---- */

static void
run_silent(const struct load *l, uint32_t n)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(l->target.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[256];
    for (uint32_t i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
            die("connect", strerror(errno));
        ssize_t got = read(fd, text, sizeof text);
        if (got < 4 || memcmp(text, "SSH-", 4) != 0)
            die("connection", got < 0 ? strerror(errno) : "no identification came");
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, text, sizeof text) > 0)
        continue;
}

/* ---- the command line ---- */

static uint32_t
number(const char *text, uint32_t most)
{
    char *end = NULL;
    unsigned long x = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || x == 0 || x > most)
        die(text, "not a number that it takes");
    return (uint32_t)x;
}

static struct privkey *
read_key(const char *path)
{
    uint8_t text[16384];
    struct privkey *key = NULL;
    struct fault why = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (n < 0)
        die(path, strerror(errno));
    close(fd);
    if (private_file_parse(bytes_of(text, (size_t)n), (struct bytes){0}, &key, NULL,
                           &why) != ERR_NONE)
        die(path, why.text);
    return key;
}

struct command {
    const char *name;
    int n_words; /* behind the name */
    void (*run)(struct load *l, char **words);
};

static void
logins(struct load *l, char **words)
{
    run_logins(l, number(words[3], SESSIONS_MAX), number(words[4], RUN_SECONDS_MAX / 2));
}

static void
stats(struct load *l, char **words)
{
    run_stats(l, number(words[3], SESSIONS_MAX), number(words[4], 60 * 1000),
              number(words[5], RUN_SECONDS_MAX / 2));
}

static void
idle(struct load *l, char **words)
{
    run_idle(l, number(words[3], SESSIONS_MAX));
}

static void
silent(struct load *l, char **words)
{
    run_silent(l, number(words[1], SESSIONS_MAX));
}

static const struct command commands[] = {
    {"logins", 5, logins},
    {"stats", 6, stats},
    {"idle", 4, idle},
    {"silent", 2, silent},
};

int
main(int argc, char **argv)
{
    static struct load load;
    const struct command *command = NULL;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (argc > 1 && strcmp(argv[1], commands[i].name) == 0)
            command = &commands[i];
    if (!command || argc != 2 + command->n_words)
        die("usage", "see the top of bench/load.c");
    if (crypto_init() != ERR_NONE)
        die("libcrypto", "not usable");
    alarm(RUN_SECONDS_MAX);
    struct privkey *key = command->n_words > 2 ? read_key(argv[4]) : NULL;
    load.target = (struct load_target){
        .port = (uint16_t)number(argv[2], UINT16_MAX), .user = argv[3], .key = key};
    command->run(&load, argv + 2);
    privkey_free(key);
    return 0;
}
