/* See handles.h. */
#include "sftp/handles.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/cursor.h"
#include "wire/put.h"

static bool
find_free_slot(const struct handles *all, uint32_t *slot)
{
    for (uint32_t i = 0; i < SFTP_HANDLES_MAX; i++)
        if (!all->slots[i]) {
            *slot = i;
            return true;
        }
    return false;
}

int
handle_new(struct handles *all, const struct rand_source *rand,
           const struct vfs_path *path, struct handle **h)
{
    uint32_t slot;
    uint64_t generation;
    if (!find_free_slot(all, &slot))
        return EMFILE;
    if (rand_fill(rand, &generation, sizeof generation) != ERR_NONE)
        return EIO;
    struct handle *fresh = malloc(sizeof *fresh + path->n);
    if (!fresh)
        return ENOMEM;
    *fresh = (struct handle){.slot = slot, .generation = generation, .path_len = path->n};
    memcpy(fresh->path, path->text, path->n);
    all->slots[slot] = fresh;
    all->n_open++;
    *h = fresh;
    return 0;
}

struct handle *
handle_find(const struct handles *all, struct bytes wire)
{
    struct cursor c = cursor_of(wire);
    uint32_t slot = cursor_u32(&c);
    uint64_t generation = cursor_u64(&c);
    if (!cursor_is_done(&c) || slot >= SFTP_HANDLES_MAX)
        return NULL;
    struct handle *h = all->slots[slot];
    return h && h->generation == generation ? h : NULL;
}

void
handle_wire(const struct handle *h, uint8_t wire[HANDLE_LEN])
{
    store_u32(wire, h->slot);
    store_u64(wire + 4, h->generation);
}

void
handle_free(struct handles *all, struct handle *h)
{
    all->slots[h->slot] = NULL;
    all->n_open--;
    free(h->why);
    free(h);
}
