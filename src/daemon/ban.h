/*
 * The administrator's bans: networks that are refused until a time or for ever,
 * with a reason, and their text in the state directory. A table in memory;
 * ban_file_* alone touch files.
 */
#ifndef FERRY_DAEMON_BAN_H
#define FERRY_DAEMON_BAN_H

#include "base/buf.h"
#include "daemon/source.h"

enum {
    BANS_MAX = 4096,
    BAN_REASON_MAX = 127,   /* octets */
    BAN_FILE_MAX = 1 << 20, /* octets */
};

#define BAN_FOREVER INT64_MAX

struct ban {
    struct block block;
    int64_t since, until;            /* seconds since 1970; BAN_FOREVER */
    char reason[BAN_REASON_MAX + 1]; /* printable UTF-8, may be empty */
};

struct bans {
    struct ban *sorted; /* by block_compare; owned */
    size_t n, room;
    uint16_t lengths[2][129]; /* how many bans have such a mask; [is_v6][bits] */
};

/* Zeroes are an empty table. */
void bans_clear(struct bans *b);

/*
 * Add one; replaces one of the same block. The reason is made printable.
 * ERR_LIMIT: BANS_MAX are there (those that ended were dropped first).
 * ERR_PROTO: it ended before now. ERR_NOMEM.
 */
enum err bans_add(struct bans *b, const struct ban *ban, int64_t wall_s) MUST_USE;

/* False: there is none of exactly this block. */
bool bans_del(struct bans *b, const struct block *block);

/* The ban that holds for an address now; NULL: none. O(lengths in use * log n). */
const struct ban *
bans_find(const struct bans *b, const struct address *a, int64_t wall_s);

/* A line each: "BLOCK SINCE UNTIL REASON". */
void bans_put(const struct bans *b, struct buf *out);

/* Take such lines in; ended ones are left out. ERR_PROTO: *why names the line. */
enum err
bans_parse(struct bans *b, struct bytes text, int64_t wall_s, struct fault *why) MUST_USE;

/* A missing file is an empty table. ERR_*: as file_read and bans_parse. */
enum err ban_file_load(struct bans *b, const char *path, int64_t wall_s,
                       struct fault *why) MUST_USE;

/* Written beside it, synced, renamed: whole or not at all. */
enum err
ban_file_save(const struct bans *b, const char *path, struct fault *why) MUST_USE;

#endif
