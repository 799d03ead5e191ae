/*
 * Public keys as text. What is accepted must survive being written and read
 * again, and must be presentable to a person.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "key/fingerprint.h"
#include "key/key_type.h"
#include "key/pubkey_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_and_read(struct bytes blob, struct bytes comment)
{
    struct buf line, again;
    struct bytes note;
    buf_init(&line, PUBKEY_LINE_MAX);
    buf_init(&again, KEY_BLOB_MAX);
    pubkey_line_put(blob, comment, &line);
    if (buf_err(&line) != ERR_NONE ||
        pubkey_line_parse(buf_bytes(&line), &again, &note) != ERR_NONE ||
        !bytes_eq(buf_bytes(&again), blob))
        abort();
    buf_clear(&again);
    buf_clear(&line);
}

/* Certificates may still be malformed inside, so these may fail, not crash. */
static void
present(struct bytes blob, struct bytes comment)
{
    struct buf out;
    struct pubkey *key = NULL;
    buf_init(&out, 65536);
    enum err e = fingerprint_put_line(FINGERPRINT_SHA256, blob, comment, &out);
    if (e == ERR_NONE)
        e = randomart_put(FINGERPRINT_MD5, blob, &out);
    const struct key_type *type = key_type_of_blob(blob);
    if (e != ERR_NONE && !type->is_cert)
        abort();
    if (pubkey_parse(blob, &key) == ERR_NONE)
        pubkey_free(key);
    buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf blob, comment;
    struct fault why = {0};
    if (crypto_init() != ERR_NONE)
        abort();
    buf_init(&blob, KEY_BLOB_MAX);
    buf_init(&comment, PUBKEY_COMMENT_MAX);
    enum err e = pubkey_text_parse(bytes_of(data, size), &blob, &comment, &why);
    if ((e == ERR_NONE) != (blob.n != 0) || (e == ERR_NONE) != (why.text[0] == '\0'))
        abort();
    if (e == ERR_NONE) {
        write_and_read(buf_bytes(&blob), buf_bytes(&comment));
        present(buf_bytes(&blob), buf_bytes(&comment));
    }
    buf_clear(&comment);
    buf_clear(&blob);
    return 0;
}
