/* See audit_chain.h. */
#include "daemon/audit_chain.h"

#include <stdio.h>

#include "base/json.h"
#include "crypto/hash.h"

/* ,"hash":"..."} */
enum { HEX_LEN = 2 * AUDIT_HASH_LEN, SUFFIX_LEN = 9 + HEX_LEN + 2 };

void
audit_hash_text(const uint8_t hash[AUDIT_HASH_LEN], char text[65])
{
    for (size_t i = 0; i < AUDIT_HASH_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

/* text: what of the line is hashed, without the closing brace. */
static enum err
chain_hash(const uint8_t prev[AUDIT_HASH_LEN], struct bytes text,
           uint8_t out[AUDIT_HASH_LEN])
{
    struct hash *h;
    enum err err = hash_new(HASH_SHA256, &h);
    if (err != ERR_NONE)
        return err;
    err = hash_update(h, bytes_of(prev, AUDIT_HASH_LEN));
    if (err == ERR_NONE)
        err = hash_update(h, text);
    if (err == ERR_NONE)
        err = hash_update(h, BYTES_LIT("}"));
    if (err == ERR_NONE)
        err = hash_final(h, out);
    hash_free(h);
    return err;
}

enum err
audit_seal(struct buf *line, struct audit_tail *tail)
{
    struct audit_tail next = {.seq = tail->seq + 1};
    char text[HEX_LEN + 1];
    audit_hash_text(tail->hash, text);
    json_number(line, "seq", next.seq);
    json_text(line, "prev", bytes_str(text));
    if (buf_err(line) != ERR_NONE)
        return buf_err(line);
    enum err err = chain_hash(tail->hash, buf_bytes(line), next.hash);
    if (err != ERR_NONE)
        return err;
    audit_hash_text(next.hash, text);
    json_text(line, "hash", bytes_str(text));
    json_end(line);
    if (buf_err(line) == ERR_NONE)
        *tail = next;
    return buf_err(line);
}

static bool
take_digit(uint8_t c, uint8_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *value = (uint8_t)(c - 'a' + 10);
    else
        return false;
    return true;
}

static bool
get_hash(struct bytes line, const char *key, uint8_t hash[AUDIT_HASH_LEN])
{
    struct buf text;
    buf_init(&text, HEX_LEN);
    bool is_ok = json_get_text(line, key, &text) && text.n == HEX_LEN;
    for (size_t i = 0; is_ok && i < AUDIT_HASH_LEN; i++) {
        uint8_t high, low;
        is_ok = take_digit(text.p[2 * i], &high) && take_digit(text.p[2 * i + 1], &low);
        if (is_ok)
            hash[i] = (uint8_t)(high << 4 | low);
    }
    buf_clear(&text);
    return is_ok;
}

enum err
audit_open_line(struct bytes line, struct audit_tail *prev, struct audit_tail *tail)
{
    uint8_t hash[AUDIT_HASH_LEN];
    if (line.n < SUFFIX_LEN || line.n > AUDIT_LINE_MAX)
        return ERR_PROTO;
    struct bytes head = bytes_first(line, line.n - SUFFIX_LEN);
    if (!bytes_has_prefix(bytes_skip(line, head.n), ",\"hash\":\"") ||
        !json_get_number(line, "seq", &tail->seq) || tail->seq == 0 ||
        !get_hash(line, "prev", prev->hash) || !get_hash(line, "hash", tail->hash))
        return ERR_PROTO;
    prev->seq = tail->seq - 1;
    enum err err = chain_hash(prev->hash, head, hash);
    if (err != ERR_NONE)
        return err;
    return memcmp(hash, tail->hash, sizeof hash) == 0 ? ERR_NONE : ERR_CRYPTO;
}
