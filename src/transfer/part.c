/* See part.h. */
#include "transfer/part.h"

#include <stdlib.h>

#include "sftp/names.h"
#include "transfer/local.h"

static const char part_suffix[] = ".ferry-part";

enum {
    DIGITS = 8,
    /* dot, name, dot, digits, suffix */
    NAME_ROOM = SFTP_NAME_MAX - 2 - DIGITS - (int)(sizeof part_suffix - 1),
};

static void
put_name(struct buf *out, struct bytes name, uint32_t digits)
{
    buf_put_u8(out, '.');
    buf_put(out, bytes_first(name, NAME_ROOM));
    buf_printf(out, ".%08x%s", digits, part_suffix);
}

/* FNV-1a over the octets of x. No secret: it tells versions apart, it hides nothing. */
static uint32_t
mix(uint32_t hash, uint64_t x)
{
    for (int i = 0; i < 8; i++) {
        hash = (hash ^ (uint32_t)(x & 0xff)) * 16777619U;
        x >>= 8;
    }
    return hash;
}

/* The whole name counts too: shortened ones must not meet. */
static uint32_t
mix_name(uint32_t hash, struct bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ name.p[i]) * 16777619U;
    return hash;
}

void
part_name(struct buf *out, struct bytes name, uint64_t size, uint32_t mtime)
{
    put_name(out, name, mix_name(mix(mix(2166136261U, size), mtime), name));
}

enum err
part_name_random(struct buf *out, struct bytes name, const struct rand_source *rand)
{
    uint32_t digits;
    enum err e = rand_fill(rand, &digits, sizeof digits);
    if (e == ERR_NONE)
        put_name(out, name, digits);
    return e;
}

bool
part_tail_begin(struct part_tail *tail, uint64_t size)
{
    uint32_t len = size < PART_TAIL_LEN ? (uint32_t)size : PART_TAIL_LEN;
    *tail = (struct part_tail){.octets = malloc(len), .offset = size - len, .len = len};
    return tail->octets != NULL;
}

void
part_tail_add(struct part_tail *tail, struct bytes data)
{
    struct bytes part = bytes_first(data, tail->len - tail->got);
    memcpy(tail->octets + tail->got, part.p, part.n);
    tail->got += (uint32_t)part.n;
}

bool
part_tail_matches(struct part_tail *tail, int fd)
{
    size_t got = 0;
    uint8_t *ours = malloc(tail->len);
    struct iovec to = {ours, tail->len};
    bool same = ours && tail->got == tail->len &&
                local_read(fd, &to, 1, tail->offset, &got) == 0 && got == tail->len &&
                memcmp(ours, tail->octets, tail->len) == 0;
    free(ours);
    part_tail_clear(tail);
    return same;
}

void
part_tail_clear(struct part_tail *tail)
{
    free(tail->octets);
    *tail = (struct part_tail){0};
}
