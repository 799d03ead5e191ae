/*
 * Counted blocks for bulk bytes. One pool a connection; its budget is the
 * back-pressure: when the budget is spent, no file is read and no peer served
 * until something has been sent (architecture: "control is copied, bulk never").
 *
 * Slabs are handed out in pieces: `slab_carve` cuts from the pool's current
 * slab and counts one reference a piece, so that small packets share a slab
 * and big ones have one to themselves. No allocation in steady state: emptied
 * slabs are kept as spares until `slab_pool_trim`.
 */
#ifndef FERRY_BASE_SLAB_H
#define FERRY_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slab_pool;

struct slab {
    struct slab_pool *pool;
    struct slab *next_spare;
    unsigned refs;
    size_t used; /* octets of data[] carved so far */
    size_t size; /* octets of data[] */
    _Alignas(64) uint8_t data[];
};

struct slab_pool {
    size_t slab_size;     /* octets of data in an ordinary slab */
    unsigned budget;      /* slabs that may live before slab_pool_is_full */
    unsigned n_live;      /* slabs with references */
    struct slab *spare;   /* emptied slabs kept for reuse */
    struct slab *current; /* where the next piece is cut; holds one reference */
};

/* slab_size in octets; budget in slabs, at least 2. Allocates nothing yet. */
void slab_pool_init(struct slab_pool *pool, size_t slab_size, unsigned budget);

/* Free everything. All pieces must have been returned. */
void slab_pool_clear(struct slab_pool *pool);

/* Free the spares: an idle connection should hold no bulk memory. */
void slab_pool_trim(struct slab_pool *pool);

/* True when bulk must wait. Control may still carve: it is bounded elsewhere. */
bool slab_pool_is_full(const struct slab_pool *pool);

/*
 * Cut n octets, aligned to 16, from the current slab or a new one (larger than
 * slab_size if n asks for it). *owner: the slab, on which the caller now holds
 * one reference, to be given back with slab_unref. NULL: out of memory.
 */
void *slab_carve(struct slab_pool *pool, size_t n, struct slab **owner);

/*
 * Let the newest piece grow by n octets in place. piece_end: its first octet
 * behind. False: it is not the newest, or its slab is full.
 */
bool slab_extend(struct slab *slab, const uint8_t *piece_end, size_t n);

/* Give unused octets at the newest piece's end back: it ends at piece_end now. */
void slab_shrink(struct slab *slab, const uint8_t *piece_end);

void slab_unref(struct slab *slab);

#endif
