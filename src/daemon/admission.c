/*
 * See admission.h.
 *
 * An id is a running number with the place's index below it, so that a place is
 * found by its id at once and an old id finds nothing. Free places and
 * unauthenticated ones are in lists through `before` and `after`: the second is
 * what has to be walked for every newcomer, and MaxStartups bounds it.
 */
#include "daemon/admission.h"

#include <assert.h>
#include <stdio.h>

enum { INDEX_BITS = 12 };

_Static_assert(ADMISSION_PLACES_MAX == 1 << INDEX_BITS, "an id's lowest bits");
_Static_assert(ADMISSION_PLACES_MAX < ADMISSION_NONE, "an index that is none");

/* ---- limits ---- */

static uint32_t
clamp(uint32_t x, uint32_t least, uint32_t most)
{
    return x < least ? least : x > most ? most : x;
}

void
admission_set_limits(struct admission *a, const struct admission_limits *limits)
{
    a->limits = *limits;
    a->limits.connections = clamp(limits->connections, 1, ADMISSION_PLACES_MAX);
    a->limits.full = clamp(limits->full, 1, ADMISSION_PLACES_MAX);
    a->limits.begin = clamp(limits->begin, 1, a->limits.full);
    a->limits.rate = clamp(limits->rate, 0, 100);
    a->limits.per_source = clamp(limits->per_source, 1, UINT32_MAX);
}

void
admission_init(struct admission *a, const struct admission_limits *limits)
{
    /* The places are cleared when they are taken: an idle daemon touches none. */
    a->n_used = a->n_unauthenticated = 0;
    a->n_touched = 0;
    a->free = a->unauthenticated = ADMISSION_NONE;
    a->last_number = 0;
    admission_set_limits(a, limits);
}

static struct block
source_of(const struct admission *a, const struct address *address)
{
    return block_of(address, address->is_v6 ? a->limits.bits6 : a->limits.bits4);
}

/* ---- judging ---- */

/* Unauthenticated ones; the block is made anew, as its size may have been changed. */
static uint32_t
count_from(const struct admission *a, const struct address *address)
{
    struct block source = source_of(a, address);
    uint32_t n = 0;
    for (uint16_t i = a->unauthenticated; i != ADMISSION_NONE; i = a->places[i].after)
        n += block_has(&source, &a->places[i].address);
    return n;
}

/* Per cent of newcomers to be dropped now. */
static uint32_t
drop_rate(const struct admission *a)
{
    const struct admission_limits *l = &a->limits;
    uint32_t n = a->n_unauthenticated;
    if (n < l->begin)
        return 0;
    if (n >= l->full)
        return 100;
    return l->rate + (100 - l->rate) * (n - l->begin) / (l->full - l->begin);
}

enum admission_verdict
admission_judge(const struct admission *a, const struct net_addr *peer, uint32_t dice)
{
    struct address address;
    if (a->n_used >= a->limits.connections)
        return ADMISSION_REFUSED_FULL;
    if (!source_address(peer, &address) ||
        count_from(a, &address) >= a->limits.per_source)
        return ADMISSION_REFUSED_SOURCE;
    if (dice % 100 < drop_rate(a))
        return ADMISSION_REFUSED_STARTUP;
    return ADMISSION_GRANTED;
}

/* ---- places ---- */

static uint16_t
index_of(const struct admission *a, const struct admission_place *p)
{
    return (uint16_t)(p - a->places);
}

uint32_t
admission_index(const struct admission *a, const struct admission_place *p)
{
    return index_of(a, p);
}

static void
link_unauthenticated(struct admission *a, struct admission_place *p)
{
    p->before = ADMISSION_NONE;
    p->after = a->unauthenticated;
    if (p->after != ADMISSION_NONE)
        a->places[p->after].before = index_of(a, p);
    a->unauthenticated = index_of(a, p);
    a->n_unauthenticated++;
}

static void
unlink_unauthenticated(struct admission *a, const struct admission_place *p)
{
    if (p->after != ADMISSION_NONE)
        a->places[p->after].before = p->before;
    if (p->before != ADMISSION_NONE)
        a->places[p->before].after = p->after;
    else
        a->unauthenticated = p->after;
    a->n_unauthenticated--;
}

/* The one that was free last: its memory is warm. */
static struct admission_place *
take_place(struct admission *a)
{
    assert(a->n_used < ADMISSION_PLACES_MAX);
    if (a->free == ADMISSION_NONE)
        return &a->places[a->n_touched++];
    struct admission_place *p = &a->places[a->free];
    a->free = p->after;
    return p;
}

static void
free_place(struct admission *a, struct admission_place *p)
{
    if (!p->is_authenticated)
        unlink_unauthenticated(a, p);
    *p = (struct admission_place){.after = a->free};
    a->free = index_of(a, p);
    a->n_used--;
}

struct admission_place *
admission_enter(struct admission *a, const struct net_addr *peer,
                const struct admission_time *now)
{
    struct admission_place *p = take_place(a);
    *p = (struct admission_place){
        .id = ++a->last_number << INDEX_BITS | index_of(a, p),
        .port = net_addr_port(peer),
        .connected_ms = now->now_ms,
        .connected_s = now->wall_s,
    };
    net_addr_host(peer, p->host);
    bool is_address = source_address(peer, &p->address);
    assert(is_address); /* admission_judge refused any other */
    a->n_used++;
    link_unauthenticated(a, p);
    return p;
}

struct admission_place *
admission_find(struct admission *a, uint64_t id)
{
    uint64_t i = id & (ADMISSION_PLACES_MAX - 1);
    return id != 0 && i < a->n_touched && a->places[i].id == id ? &a->places[i] : NULL;
}

const struct admission_place *
admission_next(const struct admission *a, uint32_t *cursor)
{
    while (*cursor < a->n_touched) {
        const struct admission_place *p = &a->places[(*cursor)++];
        if (p->id != 0)
            return p;
    }
    return NULL;
}

/* ---- processes ---- */

struct admission_place *
admission_of_pid(struct admission *a, pid_t pid)
{
    for (uint16_t i = 0; pid > 0 && i < a->n_touched; i++)
        for (int role = 0; role < ADMISSION_ROLES; role++)
            if (a->places[i].pid[role] == pid)
                return &a->places[i];
    return NULL;
}

bool
admission_started(struct admission *a, uint64_t id, enum admission_role role, pid_t pid)
{
    struct admission_place *p = admission_find(a, id);
    if (!p || pid <= 0 || p->pid[role] != 0)
        return false;
    p->pid[role] = pid;
    return true;
}

static bool
has_process(const struct admission_place *p)
{
    return p->pid[ADMISSION_PRE_AUTH] != 0 || p->pid[ADMISSION_SESSION] != 0;
}

void
admission_abandon(struct admission *a, uint64_t id)
{
    struct admission_place *p = admission_find(a, id);
    if (p && !has_process(p))
        free_place(a, p);
}

bool
admission_ended(struct admission *a, pid_t pid)
{
    struct admission_place *p = admission_of_pid(a, pid);
    if (!p)
        return false;
    for (int role = 0; role < ADMISSION_ROLES; role++)
        if (p->pid[role] == pid)
            p->pid[role] = 0;
    if (!has_process(p))
        free_place(a, p);
    return true;
}

/* ---- what becomes known ---- */

bool
admission_authenticated(struct admission *a, uint64_t id, const char *account,
                        const char *method, const struct admission_time *now)
{
    struct admission_place *p = admission_find(a, id);
    if (!p)
        return false;
    if (p->is_authenticated)
        return true;
    unlink_unauthenticated(a, p);
    p->is_authenticated = true;
    p->authenticated_ms = now->now_ms;
    p->authenticated_s = now->wall_s;
    snprintf(p->account, sizeof p->account, "%s", account);
    snprintf(p->method, sizeof p->method, "%s", method);
    return true;
}

bool
admission_identified(struct admission *a, uint64_t id, struct bytes client)
{
    struct admission_place *p = admission_find(a, id);
    if (!p)
        return false;
    client = bytes_first(client, sizeof p->client - 1);
    for (size_t i = 0; i < client.n; i++) {
        bool is_printable = client.p[i] >= 0x20 && client.p[i] < 0x7f;
        p->client[i] = is_printable ? (char)client.p[i] : '?';
    }
    p->client[client.n] = 0;
    return true;
}

uint32_t
admission_count_account(const struct admission *a, const char *account)
{
    uint32_t n = 0, cursor = 0;
    for (const struct admission_place *p; (p = admission_next(a, &cursor)) != NULL;)
        n += p->is_authenticated && strcmp(p->account, account) == 0;
    return n;
}
