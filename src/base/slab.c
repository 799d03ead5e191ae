/* See slab.h. */
#include "base/slab.h"

#include <assert.h>
#include <stdlib.h>

enum { SLAB_ALIGN = 16 };

void
slab_pool_init(struct slab_pool *pool, size_t slab_size, unsigned budget)
{
    *pool = (struct slab_pool){.slab_size = slab_size, .budget = budget};
}

/* Drop the pool's own hold on the slab that pieces are cut from. */
static void
release_current(struct slab_pool *pool)
{
    struct slab *slab = pool->current;
    pool->current = NULL;
    if (slab)
        slab_unref(slab);
}

void
slab_pool_trim(struct slab_pool *pool)
{
    if (pool->current && pool->current->refs == 1)
        release_current(pool);
    while (pool->spare) {
        struct slab *slab = pool->spare;
        pool->spare = slab->next_spare;
        free(slab);
    }
}

void
slab_pool_clear(struct slab_pool *pool)
{
    release_current(pool);
    slab_pool_trim(pool);
    assert(pool->n_live == 0);
}

bool
slab_pool_is_full(const struct slab_pool *pool)
{
    return pool->n_live >= pool->budget;
}

static struct slab *
slab_new(struct slab_pool *pool, size_t size)
{
    struct slab *slab = NULL;
    if (size <= pool->slab_size && pool->spare) {
        slab = pool->spare;
        pool->spare = slab->next_spare;
    } else {
        size_t data = size > pool->slab_size ? size : pool->slab_size;
        size_t total = (sizeof *slab + data + 63) & ~(size_t)63;
        slab = aligned_alloc(64, total);
        if (!slab)
            return NULL;
        slab->size = total - sizeof *slab;
    }
    slab->pool = pool;
    slab->next_spare = NULL;
    slab->refs = 1;
    slab->used = 0;
    pool->n_live++;
    return slab;
}

void *
slab_carve(struct slab_pool *pool, size_t n, struct slab **owner)
{
    struct slab *slab = pool->current;
    if (slab && slab->refs == 1)
        slab->used = 0; /* every piece came back: start over */
    size_t at = slab ? (slab->used + SLAB_ALIGN - 1) & ~(size_t)(SLAB_ALIGN - 1) : 0;
    if (!slab || at > slab->size || n > slab->size - at) {
        struct slab *fresh = slab_new(pool, n);
        if (!fresh)
            return NULL;
        release_current(pool);
        pool->current = slab = fresh;
        at = 0;
    }
    slab->used = at + n;
    slab->refs++;
    *owner = slab;
    return slab->data + at;
}

bool
slab_extend(struct slab *slab, const uint8_t *piece_end, size_t n)
{
    if (piece_end != slab->data + slab->used || n > slab->size - slab->used)
        return false;
    slab->used += n;
    return true;
}

void
slab_shrink(struct slab *slab, const uint8_t *piece_end)
{
    assert(piece_end >= slab->data && piece_end <= slab->data + slab->used);
    slab->used = (size_t)(piece_end - slab->data);
}

void
slab_unref(struct slab *slab)
{
    assert(slab->refs > 0);
    if (--slab->refs != 0)
        return;
    struct slab_pool *pool = slab->pool;
    pool->n_live--;
    unsigned n_spare = 0;
    for (struct slab *s = pool->spare; s; s = s->next_spare)
        n_spare++;
    if (n_spare >= pool->budget || slab->size > pool->slab_size + 64) {
        free(slab);
        return;
    }
    slab->next_spare = pool->spare;
    pool->spare = slab;
}
