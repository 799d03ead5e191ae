/*
 * See rates.h.
 *
 * Sessions write their counters themselves and may write anything: a counter
 * that went back counts as one that stood still, and a leap counts as LEAP_MAX.
 * A session that lies about what it moved gets more of its own account's rate,
 * and of nobody else's.
 */
#include "daemon/rates.h"

#include <stdlib.h>

enum {
    LEAST_MS = 100,         /* between two measurements */
    HISTORY = 5,            /* measurements kept: four spans of 250 ms make a second */
    START_RATE = 64 * 1024, /* octets a second that an idle session may begin with */
    PASSES_MAX = 16,
};

static const uint64_t leap_max = UINT64_C(1) << 40; /* octets between measurements */

/* ---- sharing out ---- */

static bool
is_hungry(const struct rate_share *s)
{
    return s->moved != 0 && s->moved >= s->share - s->share / 4;
}

/* What would do for now; with room to grow by half until the next time. */
static uint64_t
demand_of(const struct rate_share *s, uint64_t start)
{
    if (is_hungry(s))
        return UINT64_MAX;
    uint64_t more = s->moved / 2 + start;
    return more > UINT64_MAX - s->moved ? UINT64_MAX : s->moved + more;
}

/* Give those that want no more than a fair part what they want. `share` is 0 for the
 * others afterwards. True: somebody was served, so that the others' part grew. */
static bool
serve_modest(struct rate_share *s, const uint64_t *demand, size_t n, uint64_t *left,
             size_t *n_unserved)
{
    uint64_t fair = *left / *n_unserved;
    bool is_any = false;
    for (size_t i = 0; i < n; i++)
        if (s[i].share == 0 && demand[i] <= fair) {
            s[i].share = demand[i];
            *left -= demand[i];
            --*n_unserved;
            is_any = true;
        }
    return is_any && *n_unserved != 0;
}

/* Max-min fairness. demand: room for n, of the caller. */
static void
share_out(uint64_t limit, struct rate_share *s, uint64_t *demand, size_t n)
{
    uint64_t left = limit, start = limit / (4 * n);
    size_t n_unserved = n;
    start = start < 1 ? 1 : start < START_RATE ? start : START_RATE;
    for (size_t i = 0; i < n; i++) {
        demand[i] = demand_of(&s[i], start);
        s[i].share = 0;
    }
    for (int pass = 0; pass < PASSES_MAX; pass++)
        if (!serve_modest(s, demand, n, &left, &n_unserved))
            break;
    uint64_t fair = n_unserved != 0 ? left / n_unserved : 0;
    for (size_t i = 0; i < n; i++)
        if (s[i].share == 0 && n_unserved != 0) {
            s[i].share = fair;
            left -= fair;
        }
    /* What nobody asked for keeps nobody back: an even part of it on top. */
    uint64_t extra = left / n;
    for (size_t i = 0; i < n; i++) {
        s[i].share += extra;
        s[i].share += s[i].share == 0;
    }
}

void
rates_share(uint64_t limit, struct rate_share *s, size_t n)
{
    uint64_t demand[ADMISSION_PLACES_MAX];
    if (n != 0 && n <= ADMISSION_PLACES_MAX)
        share_out(limit, s, demand, n);
}

/* ---- measuring ---- */

struct counter {
    uint64_t last;          /* as the page said */
    uint64_t sum;           /* as we believe it */
    uint64_t sums[HISTORY]; /* at the last measurements, a ring */
    uint64_t rate;          /* octets a second */
};

struct sample {
    uint64_t id; /* the connection that this is about; 0: none yet */
    struct counter in, out;
    uint64_t n_requests;
    uint64_t moved_ms;   /* when it last did something */
    unsigned n_measured; /* at most HISTORY */
};

struct member {
    const struct admission_place *place;
    uint32_t index;
};

struct rates {
    uint64_t times[HISTORY]; /* of the measurements, a ring */
    unsigned newest;
    bool has_begun;
    uint64_t total_in, total_out;
    struct member members[ADMISSION_PLACES_MAX];
    struct rate_share shares[ADMISSION_PLACES_MAX];
    struct sample samples[ADMISSION_PLACES_MAX];
};

/* Zeroes from the system: places that were never used cost no memory. */
struct rates *
rates_new(void)
{
    return calloc(1, sizeof(struct rates));
}

void
rates_free(struct rates *r)
{
    free(r);
}

/* Take the page's word in; returns what was moved since the last time. */
static uint64_t
counter_take(struct counter *c, uint64_t octets)
{
    uint64_t delta = octets > c->last ? octets - c->last : 0;
    delta = delta < leap_max ? delta : leap_max;
    c->last = octets;
    c->sum += delta;
    return delta;
}

static void
counter_measure(struct counter *c, const struct rates *r, unsigned n_measured)
{
    /* Behind the newest in the ring is the oldest; fewer for one that came lately. */
    unsigned back = n_measured < HISTORY - 1 ? n_measured : HISTORY - 1;
    unsigned oldest = (r->newest + HISTORY - back) % HISTORY;
    uint64_t span = r->times[r->newest] - r->times[oldest];
    c->sums[r->newest] = c->sum;
    uint64_t moved = c->sum - c->sums[oldest];
    c->rate = span == 0 ? 0 : moved / span * 1000 + moved % span * 1000 / span;
}

/* Those of a new connection begin where its page begins: at nothing. */
static struct sample *
sample_of(struct rates *r, uint32_t index, uint64_t id, uint64_t now_ms)
{
    struct sample *s = &r->samples[index];
    if (s->id != id)
        *s = (struct sample){.id = id, .moved_ms = now_ms};
    return s;
}

static bool
take_page(struct rates *r, struct sample *s, const struct board_page *page)
{
    uint64_t n_requests = atomic_load_explicit(&page->n_requests, memory_order_relaxed);
    uint64_t in = counter_take(
        &s->in, atomic_load_explicit(&page->octets_in, memory_order_relaxed));
    uint64_t out = counter_take(
        &s->out, atomic_load_explicit(&page->octets_out, memory_order_relaxed));
    bool did_something = in != 0 || out != 0 || n_requests != s->n_requests;
    s->n_requests = n_requests;
    r->total_in += in;
    r->total_out += out;
    return did_something;
}

static void
measure(struct rates *r, uint32_t index, uint64_t id, const struct board_page *page)
{
    uint64_t now_ms = r->times[r->newest];
    struct sample *s = sample_of(r, index, id, now_ms);
    if (take_page(r, s, page))
        s->moved_ms = now_ms;
    counter_measure(&s->in, r, s->n_measured);
    counter_measure(&s->out, r, s->n_measured);
    if (s->n_measured < HISTORY)
        s->n_measured++;
}

void
rates_leave(struct rates *r, const struct admission *a,
            const struct admission_place *place, struct board_page *pages)
{
    uint32_t index = admission_index(a, place);
    struct sample *s = sample_of(r, index, place->id, r->times[r->newest]);
    (void)take_page(r, s, board_at(pages, index));
}

/* ---- a turn ---- */

static int
compare_members(const void *a, const void *b)
{
    const struct member *one = a, *other = b;
    return strcmp(one->place->account, other->place->account);
}

/* Those of accounts with a limit, account by account. */
static size_t
collect_members(struct rates *r, const struct admission *a)
{
    uint32_t cursor = 0;
    size_t n = 0;
    for (const struct admission_place *p; (p = admission_next(a, &cursor)) != NULL;)
        if (p->is_authenticated && (p->upload_rate != 0 || p->download_rate != 0))
            r->members[n++] = (struct member){p, admission_index(a, p)};
    qsort(r->members, n, sizeof *r->members, compare_members);
    return n;
}

/* The one that logged in last was told the account's limits last. */
static const struct admission_place *
newest_of(const struct member *m, size_t n)
{
    const struct admission_place *newest = m->place;
    for (size_t i = 1; i < n; i++)
        if (m[i].place->authenticated_ms > newest->authenticated_ms)
            newest = m[i].place;
    return newest;
}

static void
write_shares(struct rates *r, const struct member *m, size_t n, struct board_page *pages)
{
    const struct admission_place *newest = newest_of(m, n);
    for (size_t i = 0; i < n; i++)
        r->shares[i] = (struct rate_share){
            .moved = r->samples[m[i].index].in.rate,
            .share = atomic_load(&board_at(pages, m[i].index)->upload_share)};
    if (newest->upload_rate != 0)
        rates_share(newest->upload_rate, r->shares, n);
    for (size_t i = 0; i < n; i++) {
        struct board_page *page = board_at(pages, m[i].index);
        atomic_store(&page->upload_share, newest->upload_rate ? r->shares[i].share : 0);
        r->shares[i] = (struct rate_share){.moved = r->samples[m[i].index].out.rate,
                                           .share = atomic_load(&page->download_share)};
    }
    if (newest->download_rate != 0)
        rates_share(newest->download_rate, r->shares, n);
    for (size_t i = 0; i < n; i++)
        atomic_store(&board_at(pages, m[i].index)->download_share,
                     newest->download_rate ? r->shares[i].share : 0);
}

static void
share_accounts(struct rates *r, const struct admission *a, struct board_page *pages)
{
    size_t n = collect_members(r, a);
    for (size_t first = 0, end; first < n; first = end) {
        const struct member *m = &r->members[first];
        for (end = first + 1; end < n && compare_members(m, &r->members[end]) == 0;)
            end++;
        write_shares(r, m, end - first, pages);
    }
}

void
rates_turn(struct rates *r, const struct admission *a, struct board_page *pages,
           uint64_t now_ms)
{
    uint32_t cursor = 0;
    if (r->has_begun && now_ms - r->times[r->newest] < LEAST_MS)
        return;
    r->has_begun = true;
    r->newest = (r->newest + 1) % HISTORY;
    r->times[r->newest] = now_ms;
    for (const struct admission_place *p; (p = admission_next(a, &cursor)) != NULL;) {
        uint32_t index = admission_index(a, p);
        if (p->is_authenticated)
            measure(r, index, p->id, board_at(pages, index));
    }
    share_accounts(r, a, pages);
}

/* Of another connection there are no measurements yet, whatever its place's last one
 * left there. */
static const struct sample *
sample_for(const struct rates *r, uint32_t place, uint64_t id)
{
    static const struct sample none;
    const struct sample *s = &r->samples[place];
    return s->id == id ? s : &none;
}

uint64_t
rates_in(const struct rates *r, uint32_t place, uint64_t id)
{
    return sample_for(r, place, id)->in.rate;
}

uint64_t
rates_out(const struct rates *r, uint32_t place, uint64_t id)
{
    return sample_for(r, place, id)->out.rate;
}

uint64_t
rates_idle_ms(const struct rates *r, uint32_t place, uint64_t id, uint64_t now_ms)
{
    const struct sample *s = sample_for(r, place, id);
    return s->id != 0 && now_ms > s->moved_ms ? now_ms - s->moved_ms : 0;
}

void
rates_totals(const struct rates *r, uint64_t *in, uint64_t *out)
{
    *in = r->total_in;
    *out = r->total_out;
}
