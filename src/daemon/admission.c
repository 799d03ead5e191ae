/* See admission.h. */
#include "daemon/admission.h"

#include <assert.h>

static unsigned
count_from(const struct admission *a, const uint8_t source[9])
{
    unsigned n = 0;
    for (size_t i = 0; i < ADMISSION_CONNECTIONS; i++) {
        const struct admission_place *p = &a->places[i];
        n += p->pid != 0 && !p->is_authenticated &&
             memcmp(p->source, source, sizeof p->source) == 0;
    }
    return n;
}

/* Per cent of newcomers to be dropped while n are unauthenticated. */
static unsigned
drop_rate(unsigned n)
{
    if (n < ADMISSION_START)
        return 0;
    if (n >= ADMISSION_FULL)
        return 100;
    return ADMISSION_RATE + (100 - ADMISSION_RATE) * (n - ADMISSION_START) /
                                (ADMISSION_FULL - ADMISSION_START);
}

enum admission_verdict
admission_judge(const struct admission *a, const uint8_t source[9], uint32_t dice)
{
    if (a->n_used == ADMISSION_CONNECTIONS)
        return ADMISSION_REFUSED_FULL;
    if (count_from(a, source) >= ADMISSION_PER_SOURCE)
        return ADMISSION_REFUSED_SOURCE;
    if (dice % 100 < drop_rate(a->n_unauthenticated))
        return ADMISSION_REFUSED_STARTUP;
    return ADMISSION_GRANTED;
}

uint32_t
admission_next_id(struct admission *a)
{
    return ++a->last_id;
}

static struct admission_place *
find(struct admission *a, pid_t pid, uint32_t id)
{
    for (size_t i = 0; i < ADMISSION_CONNECTIONS; i++) {
        struct admission_place *p = &a->places[i];
        if (p->pid != 0 && (p->pid == pid || p->id == id))
            return p;
    }
    return NULL;
}

void
admission_enter(struct admission *a, pid_t pid, uint32_t id, const uint8_t source[9])
{
    assert(pid > 0 && a->n_used < ADMISSION_CONNECTIONS);
    struct admission_place *p = a->places;
    while (p->pid != 0)
        p++;
    *p = (struct admission_place){.pid = pid, .id = id};
    memcpy(p->source, source, sizeof p->source);
    a->n_used++;
    a->n_unauthenticated++;
}

bool
admission_authenticated(struct admission *a, uint32_t id)
{
    struct admission_place *p = find(a, 0, id);
    if (!p)
        return false;
    if (!p->is_authenticated)
        a->n_unauthenticated--;
    p->is_authenticated = true;
    return true;
}

pid_t
admission_pid(const struct admission *a, uint32_t id)
{
    for (size_t i = 0; i < ADMISSION_CONNECTIONS; i++)
        if (a->places[i].pid != 0 && a->places[i].id == id)
            return a->places[i].pid;
    return 0;
}

bool
admission_leave(struct admission *a, pid_t pid)
{
    struct admission_place *p = pid > 0 ? find(a, pid, 0) : NULL;
    if (!p)
        return false;
    a->n_used--;
    a->n_unauthenticated -= !p->is_authenticated;
    *p = (struct admission_place){0};
    return true;
}
