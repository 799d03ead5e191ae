/*
 * See penalty.h.
 *
 * One table a family: an array of entries without gaps, a hash over their
 * sources, and a heap over their ends, so that noting, finding and forgetting
 * the one that ends first cost O(log n) at most. The arrays grow as sources
 * come and are bounded by the configuration. The hash is keyed: whoever
 * chooses the addresses cannot choose the chains.
 */
#include "daemon/penalty.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_ROOM = 64, NOWHERE = UINT32_MAX >> 1 };

struct entry {
    struct block source;
    uint64_t end_ms;
    uint32_t next; /* in its chain of the hash */
    uint32_t heap; /* its place there */
    uint8_t kind;
    bool is_refused; /* has passed `min` once: stays so until it ends */
};

struct table {
    struct entry *entries;
    uint32_t *heap;    /* indexes of entries; the first ends first */
    uint32_t *buckets; /* of the hash: heads of chains; as many as there is room */
    uint32_t n, room, max, n_refused;
    uint32_t bits; /* of a block */
};

struct penalties {
    struct server_penalties limits;
    struct table table[2]; /* [is_v6] */
    struct block exempt[PENALTY_EXEMPT_MAX];
    size_t n_exempt;
    struct bans bans;
    uint64_t seed[2];
};

/* ---- the hash ---- */

/* Two words multiplied to four, halves folded: every bit of the key reaches every bit. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
hash_of(const struct penalties *p, const struct block *source)
{
    uint64_t high, low;
    memcpy(&high, source->network.octets, sizeof high);
    memcpy(&low, source->network.octets + 8, sizeof low);
    uint64_t first = fold(high ^ p->seed[0], p->seed[1] | 1);
    return fold(first ^ low ^ p->seed[1], p->seed[0] | 1);
}

/* room is a power of two. */
static uint32_t *
bucket_of(const struct penalties *p, const struct table *t, const struct block *source)
{
    return &t->buckets[hash_of(p, source) & (t->room - 1)];
}

static struct entry *
table_find(const struct penalties *p, const struct table *t, const struct block *source)
{
    if (t->n == 0)
        return NULL;
    for (uint32_t i = *bucket_of(p, t, source); i != NOWHERE; i = t->entries[i].next)
        if (block_compare(&t->entries[i].source, source) == 0)
            return &t->entries[i];
    return NULL;
}

static void
hash_link(const struct penalties *p, struct table *t, uint32_t i)
{
    uint32_t *head = bucket_of(p, t, &t->entries[i].source);
    t->entries[i].next = *head;
    *head = i;
}

static void
hash_unlink(const struct penalties *p, struct table *t, uint32_t i)
{
    uint32_t *link = bucket_of(p, t, &t->entries[i].source);
    while (*link != i)
        link = &t->entries[*link].next;
    *link = t->entries[i].next;
}

/* ---- the heap ---- */

static uint64_t
end_at(const struct table *t, uint32_t place)
{
    return t->entries[t->heap[place]].end_ms;
}

static void
heap_swap(struct table *t, uint32_t a, uint32_t b)
{
    uint32_t entry = t->heap[a];
    t->heap[a] = t->heap[b];
    t->heap[b] = entry;
    t->entries[t->heap[a]].heap = a;
    t->entries[t->heap[b]].heap = b;
}

static void
heap_up(struct table *t, uint32_t place)
{
    while (place != 0 && end_at(t, place) < end_at(t, (place - 1) / 2)) {
        heap_swap(t, place, (place - 1) / 2);
        place = (place - 1) / 2;
    }
}

static void
heap_down(struct table *t, uint32_t place)
{
    for (;;) {
        uint32_t least = place, left = 2 * place + 1, right = left + 1;
        if (left < t->n && end_at(t, left) < end_at(t, least))
            least = left;
        if (right < t->n && end_at(t, right) < end_at(t, least))
            least = right;
        if (least == place)
            return;
        heap_swap(t, place, least);
        place = least;
    }
}

/* ---- entries ---- */

static void
table_clear(struct table *t)
{
    free(t->entries);
    free(t->heap);
    free(t->buckets);
    t->entries = NULL;
    t->heap = t->buckets = NULL;
    t->n = t->room = t->n_refused = 0;
}

static void
rebuild_hash(const struct penalties *p, struct table *t)
{
    for (uint32_t i = 0; i < t->room; i++)
        t->buckets[i] = NOWHERE;
    for (uint32_t i = 0; i < t->n; i++)
        hash_link(p, t, i);
}

static bool
grow(const struct penalties *p, struct table *t)
{
    uint32_t room = t->room != 0 ? t->room * 2 : FIRST_ROOM;
    struct entry *entries = reallocarray(t->entries, room, sizeof *entries);
    if (entries)
        t->entries = entries;
    uint32_t *heap = reallocarray(t->heap, room, sizeof *heap);
    if (heap)
        t->heap = heap;
    uint32_t *buckets = entries && heap ? calloc(room, sizeof *buckets) : NULL;
    if (!buckets)
        return false;
    free(t->buckets);
    t->buckets = buckets;
    t->room = room;
    rebuild_hash(p, t);
    return true;
}

/* Take the last one's number; it is still in its chain and in the heap. */
static void
move_last_to(const struct penalties *p, struct table *t, uint32_t i)
{
    uint32_t last = t->n - 1;
    if (i == last)
        return;
    hash_unlink(p, t, last);
    t->entries[i] = t->entries[last];
    hash_link(p, t, i);
    t->heap[t->entries[i].heap] = i;
}

static void
table_remove(const struct penalties *p, struct table *t, uint32_t i)
{
    uint32_t place = t->entries[i].heap, last_place = t->n - 1;
    t->n_refused -= t->entries[i].is_refused;
    hash_unlink(p, t, i);
    heap_swap(t, place, last_place);
    move_last_to(p, t, i);
    t->n--;
    if (place < t->n) {
        heap_up(t, place);
        heap_down(t, place);
    }
}

static void
drop_ended(const struct penalties *p, struct table *t, uint64_t now_ms)
{
    while (t->n != 0 && end_at(t, 0) <= now_ms)
        table_remove(p, t, t->heap[0]);
}

/* A new entry that ends now. NULL: no memory, or sources of this family aren't noted. */
static struct entry *
table_add(const struct penalties *p, struct table *t, const struct block *source,
          uint64_t now_ms)
{
    if (t->max == 0)
        return NULL;
    if (t->n == t->max)
        table_remove(p, t, t->heap[0]);
    if (t->n == t->room && !grow(p, t))
        return NULL;
    uint32_t i = t->n++;
    t->entries[i] = (struct entry){.source = *source, .end_ms = now_ms, .heap = i};
    t->heap[i] = i;
    hash_link(p, t, i);
    heap_up(t, i);
    return &t->entries[i];
}

/* ---- the judge ---- */

struct penalties *
penalties_new(const uint64_t seed[2])
{
    /* Digits of pi: a factor of few bits, which chance may bring, would not mix. */
    static const uint64_t salt[2] = {0x243f6a8885a308d3, 0x13198a2e03707344};
    struct penalties *p = calloc(1, sizeof *p);
    for (int i = 0; p && i < 2; i++)
        p->seed[i] = seed[i] ^ salt[i];
    return p;
}

void
penalties_free(struct penalties *p)
{
    if (!p)
        return;
    table_clear(&p->table[0]);
    table_clear(&p->table[1]);
    bans_clear(&p->bans);
    free(p);
}

static enum err
parse_exempt(struct bytes list, struct block out[PENALTY_EXEMPT_MAX], size_t *n)
{
    struct bytes item;
    *n = 0;
    while (bytes_next_item(&list, &item)) {
        if (*n == PENALTY_EXEMPT_MAX)
            return ERR_LIMIT;
        if (!block_parse(item, &out[(*n)++]))
            return ERR_PROTO;
    }
    return ERR_NONE;
}

static void
configure_table(const struct penalties *p, struct table *t, uint32_t max, uint32_t bits)
{
    t->max = max < PENALTY_SOURCES_MAX ? max : PENALTY_SOURCES_MAX;
    while (t->n > t->max)
        table_remove(p, t, t->heap[0]);
    if (t->bits != bits)
        table_clear(t);
    t->bits = bits;
}

enum err
penalties_configure(struct penalties *p, const struct server_penalties *limits,
                    uint32_t bits4, uint32_t bits6, const char *exempt)
{
    struct block blocks[PENALTY_EXEMPT_MAX];
    size_t n;
    enum err err = parse_exempt(bytes_str(exempt), blocks, &n);
    if (err != ERR_NONE)
        return err;
    memcpy(p->exempt, blocks, n * sizeof *blocks);
    p->n_exempt = n;
    p->limits = *limits;
    configure_table(p, &p->table[0], limits->max_sources4, bits4);
    configure_table(p, &p->table[1], limits->max_sources6, bits6);
    return ERR_NONE;
}

struct bans *
penalties_bans(struct penalties *p)
{
    return &p->bans;
}

static bool
is_exempt(const struct penalties *p, const struct address *a)
{
    for (size_t i = 0; i < p->n_exempt; i++)
        if (block_has(&p->exempt[i], a))
            return true;
    return false;
}

enum penalty_verdict
penalty_judge(struct penalties *p, const struct address *a, uint64_t now_ms,
              int64_t wall_s, struct penalty_judgement *why)
{
    *why = (struct penalty_judgement){.ban = bans_find(&p->bans, a, wall_s)};
    if (why->ban)
        return PENALTY_BANNED;
    struct table *t = &p->table[a->is_v6];
    if (!p->limits.is_enabled || is_exempt(p, a))
        return PENALTY_FREE;
    drop_ended(p, t, now_ms);
    struct block source = block_of(a, t->bits);
    const struct entry *e = table_find(p, t, &source);
    if (!e || !e->is_refused)
        return PENALTY_FREE;
    why->kind = (enum penalty_kind)e->kind;
    why->left_ms = e->end_ms - now_ms;
    return PENALTY_PENALISED;
}

static uint64_t
cost_ms(const struct server_penalties *l, enum penalty_kind kind)
{
    const uint32_t seconds[PENALTY_KINDS] = {
        [PENALTY_CRASH] = l->crash,     [PENALTY_AUTHFAIL] = l->authfail,
        [PENALTY_BADUSER] = l->baduser, [PENALTY_NOAUTH] = l->noauth,
        [PENALTY_GRACE] = l->grace,
    };
    return seconds[kind] * UINT64_C(1000);
}

/* now + more, held at the end of time. */
static uint64_t
later(uint64_t now_ms, uint64_t more_ms)
{
    return more_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + more_ms;
}

/* True: begins to be refused. */
static bool
charge(struct penalties *p, struct table *t, struct entry *e, enum penalty_kind kind,
       uint64_t now_ms)
{
    uint64_t most = p->limits.max * UINT64_C(1000),
             least = p->limits.min * UINT64_C(1000);
    uint64_t sum = e->end_ms - now_ms + cost_ms(&p->limits, kind);
    sum = sum < most ? sum : most;
    e->end_ms = later(now_ms, sum);
    e->kind = (uint8_t)kind;
    bool begins = !e->is_refused && sum > least;
    e->is_refused |= begins;
    t->n_refused += begins;
    uint32_t place = e->heap;
    heap_up(t, place);
    heap_down(t, place);
    return begins;
}

bool
penalty_add(struct penalties *p, const struct address *a, enum penalty_kind kind,
            uint64_t now_ms)
{
    struct table *t = &p->table[a->is_v6];
    assert(kind < PENALTY_KINDS);
    if (!p->limits.is_enabled || cost_ms(&p->limits, kind) == 0 || is_exempt(p, a))
        return false;
    drop_ended(p, t, now_ms);
    struct block source = block_of(a, t->bits);
    struct entry *e = table_find(p, t, &source);
    if (!e)
        e = table_add(p, t, &source, now_ms);
    return e && charge(p, t, e, kind, now_ms);
}

size_t
penalty_forgive(struct penalties *p, const struct block *block)
{
    struct table *t = &p->table[block->network.is_v6];
    size_t n = 0;
    for (uint32_t i = t->n; i-- > 0;)
        if (block_overlaps(block, &t->entries[i].source)) {
            table_remove(p, t, i);
            n++;
        }
    return n;
}

/* ---- lists ---- */

void
penalty_count(struct penalties *p, uint64_t now_ms, size_t *n_refused, size_t *n_noted)
{
    *n_refused = *n_noted = 0;
    for (int family = 0; family < 2; family++) {
        drop_ended(p, &p->table[family], now_ms);
        *n_refused += p->table[family].n_refused;
        *n_noted += p->table[family].n;
    }
}

bool
penalty_next(const struct penalties *p, uint64_t now_ms, size_t *cursor,
             struct penalty_view *view)
{
    for (;;) {
        size_t i = (*cursor)++;
        const struct table *t = &p->table[0];
        if (i >= t->n) {
            i -= t->n;
            t = &p->table[1];
        }
        if (i >= t->n)
            return false;
        const struct entry *e = &t->entries[i];
        if (e->end_ms <= now_ms)
            continue;
        *view = (struct penalty_view){.source = e->source,
                                      .kind = (enum penalty_kind)e->kind,
                                      .is_refused = e->is_refused,
                                      .left_ms = e->end_ms - now_ms};
        return true;
    }
}

const char *
penalty_name(enum penalty_kind kind)
{
    static const char *const names[PENALTY_KINDS] = {
        [PENALTY_CRASH] = "crashed a process",
        [PENALTY_AUTHFAIL] = "failed logins",
        [PENALTY_BADUSER] = "logins of unknown users",
        [PENALTY_NOAUTH] = "connections without a login",
        [PENALTY_GRACE] = "logins that took too long",
    };
    return kind < PENALTY_KINDS ? names[kind] : "unknown";
}
