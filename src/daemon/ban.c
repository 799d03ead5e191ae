/*
 * See ban.h.
 *
 * Bans are sorted by family and mask length, so that an address is looked for
 * once for every length that is in use, by bisection.
 */
#include "daemon/ban.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/files.h"

enum { FIRST_ROOM = 16 };

static bool
has_ended(const struct ban *ban, int64_t wall_s)
{
    return ban->until != BAN_FOREVER && ban->until <= wall_s;
}

void
bans_clear(struct bans *b)
{
    free(b->sorted);
    *b = (struct bans){0};
}

/* ---- the sorted table ---- */

/* Where a block is, or where it would have to be put. */
static size_t
place_of(const struct bans *b, const struct block *block)
{
    size_t low = 0, high = b->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (block_compare(&b->sorted[middle].block, block) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct ban *
find(const struct bans *b, const struct block *block)
{
    size_t i = place_of(b, block);
    bool is_it = i < b->n && block_compare(&b->sorted[i].block, block) == 0;
    return is_it ? &b->sorted[i] : NULL;
}

static uint16_t *
length_count(struct bans *b, const struct block *block)
{
    return &b->lengths[block->network.is_v6][block->bits];
}

static void
remove_at(struct bans *b, size_t i)
{
    --*length_count(b, &b->sorted[i].block);
    b->n--;
    memmove(&b->sorted[i], &b->sorted[i + 1], (b->n - i) * sizeof *b->sorted);
}

static void
drop_ended(struct bans *b, int64_t wall_s)
{
    for (size_t i = b->n; i-- > 0;)
        if (has_ended(&b->sorted[i], wall_s))
            remove_at(b, i);
}

static enum err
make_room(struct bans *b)
{
    if (b->n == BANS_MAX)
        return ERR_LIMIT;
    if (b->n < b->room)
        return ERR_NONE;
    size_t room = b->room != 0 ? b->room * 2 : FIRST_ROOM;
    struct ban *bigger = reallocarray(b->sorted, room, sizeof *bigger);
    if (!bigger)
        return ERR_NOMEM;
    b->sorted = bigger;
    b->room = room;
    return ERR_NONE;
}

/* One line of printable text, cut at the end of a character. */
static void
put_reason(char out[BAN_REASON_MAX + 1], const char *reason)
{
    struct buf text;
    buf_init(&text, 8 * BAN_REASON_MAX);
    text_escape(&text, bytes_str(reason), BAN_REASON_MAX);
    size_t n = text.n < BAN_REASON_MAX ? text.n : BAN_REASON_MAX;
    while (n != 0 && n < text.n && (text.p[n] & 0xc0) == 0x80)
        n--;
    if (n != 0)
        memcpy(out, text.p, n);
    out[n] = 0;
    buf_clear(&text);
}

enum err
bans_add(struct bans *b, const struct ban *ban, int64_t wall_s)
{
    struct ban copy = {.block = ban->block, .since = ban->since, .until = ban->until};
    if (has_ended(ban, wall_s))
        return ERR_PROTO;
    put_reason(copy.reason, ban->reason);
    struct ban *old = find(b, &ban->block);
    if (old) {
        *old = copy;
        return ERR_NONE;
    }
    drop_ended(b, wall_s);
    enum err err = make_room(b);
    if (err != ERR_NONE)
        return err;
    size_t i = place_of(b, &ban->block);
    memmove(&b->sorted[i + 1], &b->sorted[i], (b->n - i) * sizeof *b->sorted);
    b->sorted[i] = copy;
    b->n++;
    ++*length_count(b, &copy.block);
    return ERR_NONE;
}

bool
bans_del(struct bans *b, const struct block *block)
{
    const struct ban *old = find(b, block);
    if (!old)
        return false;
    remove_at(b, (size_t)(old - b->sorted));
    return true;
}

const struct ban *
bans_find(const struct bans *b, const struct address *a, int64_t wall_s)
{
    for (uint32_t bits = 0; bits <= (a->is_v6 ? 128u : 32u); bits++) {
        if (b->lengths[a->is_v6][bits] == 0)
            continue;
        struct block block = block_of(a, bits);
        const struct ban *ban = find(b, &block);
        if (ban && !has_ended(ban, wall_s))
            return ban;
    }
    return NULL;
}

/* ---- text ---- */

static const char forever[] = "-";

void
bans_put(const struct bans *b, struct buf *out)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct ban *ban = &b->sorted[i];
        char block[BLOCK_TEXT_MAX];
        block_text(&ban->block, block);
        buf_printf(out, "%s %" PRId64 " ", block, ban->since);
        if (ban->until == BAN_FOREVER)
            buf_put_str(out, forever);
        else
            buf_printf(out, "%" PRId64, ban->until);
        buf_printf(out, " %s\n", ban->reason);
    }
}

/* Up to the next blank, which is consumed. */
static struct bytes
next_word(struct bytes *rest)
{
    const uint8_t *blank = rest->n != 0 ? memchr(rest->p, ' ', rest->n) : NULL;
    struct bytes word = bytes_first(*rest, blank ? (size_t)(blank - rest->p) : rest->n);
    *rest = bytes_skip(*rest, word.n + 1);
    return word;
}

static bool
parse_moment(struct bytes text, int64_t *moment)
{
    enum { DIGITS_MAX = 18 }; /* fit in int64_t */
    *moment = 0;
    if (text.n == 0 || text.n > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *moment = *moment * 10 + (text.p[i] - '0');
    }
    return true;
}

/* The reason was escaped when it was added: it must not be escaped again. */
static bool
take_reason(struct bytes rest, char out[BAN_REASON_MAX + 1])
{
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] < 0x20 || rest.p[i] == 0x7f)
            return false;
    if (rest.n > BAN_REASON_MAX)
        return false;
    if (rest.n != 0)
        memcpy(out, rest.p, rest.n);
    out[rest.n] = 0;
    return true;
}

static bool
parse_line(struct bytes line, struct ban *ban)
{
    struct bytes block = next_word(&line), since = next_word(&line);
    struct bytes until = next_word(&line);
    bool is_forever = bytes_eq_str(until, forever);
    ban->until = BAN_FOREVER;
    return block_parse(block, &ban->block) && parse_moment(since, &ban->since) &&
           (is_forever || parse_moment(until, &ban->until)) &&
           take_reason(line, ban->reason);
}

static enum err
add_line(struct bans *b, struct bytes line, int64_t wall_s)
{
    struct ban ban = {0};
    if (!parse_line(line, &ban))
        return ERR_PROTO;
    if (has_ended(&ban, wall_s))
        return ERR_NONE;
    enum err err = bans_add(b, &ban, wall_s);
    struct ban *added = err == ERR_NONE ? find(b, &ban.block) : NULL;
    if (added)
        memcpy(added->reason, ban.reason, sizeof added->reason);
    return err;
}

enum err
bans_parse(struct bans *b, struct bytes text, int64_t wall_s, struct fault *why)
{
    for (unsigned number = 1; text.n != 0; number++) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        struct bytes line = bytes_first(text, end ? (size_t)(end - text.p) : text.n);
        text = bytes_skip(text, line.n + 1);
        enum err err = add_line(b, line, wall_s);
        if (err == ERR_PROTO)
            return fault_set(why, err, 0, "line %u is no ban", number);
        if (err != ERR_NONE)
            return fault_set(why, err, 0, "line %u: too many bans", number);
    }
    return ERR_NONE;
}

/* ---- the file ---- */

enum err
ban_file_load(struct bans *b, const char *path, int64_t wall_s, struct fault *why)
{
    struct buf text;
    struct fault inner = {0};
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ERR_NONE;
    buf_init(&text, BAN_FILE_MAX);
    enum err err = file_read(path, FILE_SECRET, &text, why);
    if (err == ERR_NONE) {
        err = bans_parse(b, buf_bytes(&text), wall_s, &inner);
        if (err != ERR_NONE)
            fault_set(why, err, 0, "%.120s: %.100s", path, inner.text);
    }
    buf_clear(&text);
    return err;
}

enum err
ban_file_save(const struct bans *b, const char *path, struct fault *why)
{
    struct buf text;
    buf_init(&text, BAN_FILE_MAX);
    bans_put(b, &text);
    enum err err = buf_err(&text);
    if (err == ERR_NONE)
        err = file_replace(path, 0600, buf_bytes(&text), why);
    else
        fault_set(why, err, 0, "the bans are too many for %.160s", path);
    buf_clear(&text);
    return err;
}
