/*
 * authorized_keys: every line walked, then the key of the first good line
 * looked up: if it is let in, then by a line that names it.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "key/authorized_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* blob: the first key's. */
static void
walk(struct bytes text, struct buf *blob)
{
    struct authorized_keys it;
    struct authorized_key key;
    struct fault why = {0};
    enum authorized_step step;
    unsigned last = 0;
    authorized_key_init(&key);
    authorized_keys_start(&it, text, 0);
    while ((step = authorized_keys_next(&it, &key, &why)) != AUTHORIZED_END) {
        if (key.line <= last && key.line != 0)
            abort();
        last = key.line;
        if (step == AUTHORIZED_IGNORED && why.text[0] == '\0')
            abort();
        if (step == AUTHORIZED_KEY && blob->n == 0)
            buf_put(blob, buf_bytes(&key.blob));
    }
    authorized_key_clear(&key);
}

static void
find(struct bytes text, struct bytes blob)
{
    struct authorized_query query = {
        .text = text,
        .blob = blob,
        .user = BYTES_LIT("alice"),
        .address = BYTES_LIT("192.0.2.7"),
        .host = BYTES_LIT("client.example.com"),
        .now = 1700000000,
        .ca_algos = BYTES_LIT("ssh-ed25519"),
    };
    struct authorized_key match;
    authorized_key_init(&match);
    enum err e = authorized_keys_find(&query, &match);
    if (e == ERR_NONE && !match.is_ca && !bytes_eq(buf_bytes(&match.blob), blob))
        abort();
    if (e == ERR_NONE && match.expires <= query.now)
        abort();
    authorized_key_clear(&match);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct buf blob;
    if (crypto_init() != ERR_NONE)
        abort();
    buf_init(&blob, KEY_BLOB_MAX);
    walk(text, &blob);
    find(text, buf_bytes(&blob));
    buf_clear(&blob);
    return 0;
}
