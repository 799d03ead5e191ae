/* See log_limit.h. */
#include "daemon/log_limit.h"

#include <stdio.h>
#include <stdlib.h>

struct bucket {
    uint32_t spent;     /* lines of the burst */
    uint64_t refill_ms; /* when one is given back */
};

struct source {
    uint8_t key[9]; /* family, then the octets that count */
    bool is_used;
    char text[64];
    struct bucket bucket;
    uint64_t used_ms;
    uint32_t n_suppressed;
    uint64_t report_ms;
};

struct log_limit {
    struct bucket all;
    struct source others; /* texts that are no address, and counts of the forgotten */
    struct source sources[LOG_LIMIT_SOURCES];
};

enum err
log_limit_new(struct log_limit **limit)
{
    *limit = calloc(1, sizeof **limit);
    if (!*limit)
        return ERR_NOMEM;
    snprintf((*limit)->others.text, sizeof(*limit)->others.text, "other addresses");
    return ERR_NONE;
}

void
log_limit_free(struct log_limit *limit)
{
    free(limit);
}

static bool
bucket_take(struct bucket *b, uint32_t burst, uint32_t refill_ms, uint64_t now_ms)
{
    if (now_ms >= b->refill_ms) {
        uint64_t n = (now_ms - b->refill_ms) / refill_ms + 1;
        b->spent = n < b->spent ? b->spent - (uint32_t)n : 0;
        b->refill_ms += n * refill_ms;
    }
    if (b->spent >= burst)
        return false;
    b->spent++;
    return true;
}

static bool
key_of(const char *source, uint8_t key[9])
{
    struct address a;
    if (!address_parse(bytes_str(source), &a))
        return false;
    memset(key, 0, 9);
    key[0] = a.is_v6 ? 6 : 4;
    memcpy(key + 1, a.octets, a.is_v6 ? 8 : 4);
    return true;
}

static void
suppress(struct source *s, uint32_t n, uint64_t now_ms)
{
    if (n != 0 && s->n_suppressed == 0)
        s->report_ms = now_ms + LOG_LIMIT_REPORT_MS;
    s->n_suppressed = n > UINT32_MAX - s->n_suppressed ? UINT32_MAX : s->n_suppressed + n;
}

/* The source's place: its own, a free one, or that of the longest silent. */
static struct source *
find(struct log_limit *l, const char *text, uint64_t now_ms)
{
    uint8_t key[9];
    if (!key_of(text, key))
        return &l->others;
    struct source *oldest = &l->sources[0];
    for (size_t i = 0; i < LOG_LIMIT_SOURCES; i++) {
        struct source *s = &l->sources[i];
        if (s->is_used && memcmp(s->key, key, sizeof key) == 0)
            return s;
        if (!s->is_used || (oldest->is_used && s->used_ms < oldest->used_ms))
            oldest = s;
    }
    suppress(&l->others, oldest->n_suppressed, now_ms);
    *oldest = (struct source){.is_used = true, .bucket.refill_ms = now_ms};
    memcpy(oldest->key, key, sizeof key);
    snprintf(oldest->text, sizeof oldest->text, "%s", text);
    return oldest;
}

bool
log_limit_allows(struct log_limit *limit, const char *source, uint64_t now_ms)
{
    struct source *s = find(limit, source, now_ms);
    s->used_ms = now_ms;
    if (bucket_take(&s->bucket, LOG_LIMIT_BURST, LOG_LIMIT_REFILL_MS, now_ms) &&
        bucket_take(&limit->all, LOG_LIMIT_ALL_BURST, LOG_LIMIT_ALL_REFILL_MS, now_ms))
        return true;
    suppress(s, 1, now_ms);
    return false;
}

static bool
report_of(struct source *s, uint64_t now_ms, struct log_limit_report *report)
{
    if (s->n_suppressed == 0 || now_ms < s->report_ms)
        return false;
    memcpy(report->source, s->text, sizeof report->source);
    report->n = s->n_suppressed;
    s->n_suppressed = 0;
    return true;
}

bool
log_limit_next(struct log_limit *limit, uint64_t now_ms, struct log_limit_report *report)
{
    if (report_of(&limit->others, now_ms, report))
        return true;
    for (size_t i = 0; i < LOG_LIMIT_SOURCES; i++)
        if (report_of(&limit->sources[i], now_ms, report))
            return true;
    return false;
}

uint64_t
log_limit_deadline(const struct log_limit *limit)
{
    uint64_t deadline = limit->others.n_suppressed ? limit->others.report_ms : UINT64_MAX;
    for (size_t i = 0; i < LOG_LIMIT_SOURCES; i++) {
        const struct source *s = &limit->sources[i];
        if (s->n_suppressed != 0 && s->report_ms < deadline)
            deadline = s->report_ms;
    }
    return deadline;
}
