/*
 * The chain that ties the audit log's lines together, so that a line changed or
 * left out in the middle shows. Pure: no file.
 *
 * Each line is a flat JSON object that ends with
 *
 *   ,"seq":N,"prev":"P","hash":"H"}
 *
 * N counts from 1. P is the H of the line before (64 zeros for the first). H is
 * SHA-256 over the 32 octets of P and the line without its `,"hash":"H"`.
 * There is no key in it: who may write the file can write a new chain. Compare
 * seq and hash of the last line, which the log tells now and then, with what
 * was kept elsewhere.
 */
#ifndef FERRY_DAEMON_AUDIT_CHAIN_H
#define FERRY_DAEMON_AUDIT_CHAIN_H

#include "base/buf.h"

enum {
    AUDIT_HASH_LEN = 32,
    AUDIT_LINE_MAX = 80 * 1024, /* octets: two paths whose every octet is escaped */
};

/* The end of a chain. All zero: nothing has been written. */
struct audit_tail {
    uint64_t seq;
    uint8_t hash[AUDIT_HASH_LEN];
};

/* Finish an object that still lacks its brace: seq, prev, hash, newline; tail moves on.
 * On failure, tail stays. */
enum err audit_seal(struct buf *line, struct audit_tail *tail) MUST_USE;

/*
 * Take the end of a line of a chain, which must be sound in itself: *prev is the tail
 * that it follows, *tail its own. line: without its newline.
 * ERR_PROTO: it is no such line. ERR_CRYPTO: its hash is wrong.
 */
enum err audit_open_line(struct bytes line, struct audit_tail *prev,
                         struct audit_tail *tail) MUST_USE;

/* 64 digits and a terminator. */
void audit_hash_text(const uint8_t hash[AUDIT_HASH_LEN], char text[65]);

#endif
