/* See events_queue.h. */
#include "daemon/events_queue.h"

#include <stdio.h>
#include <stdlib.h>

void
events_queue_clear(struct events_queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        free(q->items[i]);
    free(q->items);
    *q = (struct events_queue){0};
}

/* Where name is or would be. */
static size_t
place_of(const struct events_queue *q, const char *name)
{
    size_t low = 0, high = q->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(q->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err
make_room(struct events_queue *q)
{
    if (q->n >= SPOOL_QUEUE_MAX)
        return ERR_LIMIT;
    if (q->n < q->capacity)
        return ERR_NONE;
    size_t capacity = q->capacity ? 2 * q->capacity : 64;
    struct queued_event **items = reallocarray(q->items, capacity, sizeof *items);
    if (!items)
        return ERR_NOMEM;
    q->items = items;
    q->capacity = capacity;
    return ERR_NONE;
}

enum err
events_queue_add(struct events_queue *q, const char *name)
{
    size_t place = place_of(q, name);
    if (place < q->n && strcmp(q->items[place]->name, name) == 0)
        return ERR_NONE;
    enum err err = make_room(q);
    if (err != ERR_NONE)
        return err;
    struct queued_event *item = calloc(1, sizeof *item);
    if (!item)
        return ERR_NOMEM;
    snprintf(item->name, sizeof item->name, "%s", name);
    memmove(q->items + place + 1, q->items + place,
            (q->n - place) * sizeof(struct queued_event *));
    q->items[place] = item;
    q->n++;
    return ERR_NONE;
}

void
events_queue_remove(struct events_queue *q, struct queued_event *item)
{
    size_t place = place_of(q, item->name);
    memmove(q->items + place, q->items + place + 1,
            (q->n - place - 1) * sizeof(struct queued_event *));
    q->n--;
    free(item);
}

struct queued_event *
events_queue_due(const struct events_queue *q, uint64_t now_ms, uint64_t *next_ms)
{
    *next_ms = UINT64_MAX;
    for (size_t i = 0; i < q->n; i++) {
        struct queued_event *item = q->items[i];
        if (item->is_running)
            continue;
        if (item->due_ms <= now_ms)
            return item;
        if (item->due_ms < *next_ms)
            *next_ms = item->due_ms;
    }
    return NULL;
}
