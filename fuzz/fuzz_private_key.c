/*
 * Private key files, in two readings of the same octets: as the file's text,
 * and as the content of its armour, so that mutations reach the frame without
 * having to survive base64. Costly key derivations are left out: their cost
 * is capped and tested elsewhere, and would only slow this down.
 */
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/rand.h"
#include "key/armor.h"
#include "key/private_file.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS_BEARABLE = 2 };

static void
parse(struct bytes text, struct bytes passphrase)
{
    struct privkey *key = NULL;
    struct fault why = {0};
    struct buf comment, blob;
    buf_init(&comment, PRIVATE_FILE_COMMENT_MAX);
    buf_init(&blob, KEY_BLOB_MAX);
    enum err e = private_file_parse(text, passphrase, &key, &comment, &why);
    if ((e == ERR_NONE) != (key != NULL) || (e == ERR_NONE) != (why.text[0] == '\0'))
        abort();
    privkey_free(key);
    why = (struct fault){0};
    e = private_file_public(text, &blob, &why);
    if ((e == ERR_NONE) != (blob.n != 0))
        abort();
    buf_clear(&blob);
    buf_clear(&comment);
}

/* Does the image ask for so few rounds that a passphrase can be tried? */
static bool
is_bearable(struct bytes image)
{
    struct cursor c = cursor_of(image);
    cursor_raw(&c, sizeof "openssh-key-v1");
    cursor_string(&c);
    cursor_string(&c);
    struct cursor kdf = cursor_of(cursor_string(&c));
    cursor_string(&kdf);
    return cursor_u32(&kdf) <= ROUNDS_BEARABLE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct buf text;
    if (crypto_init() != ERR_NONE)
        abort();
    parse(input, (struct bytes){0});
    buf_init(&text, 2 * PRIVATE_FILE_MAX);
    armor_put(input, "OPENSSH PRIVATE KEY", &text);
    if (buf_err(&text) == ERR_NONE)
        parse(buf_bytes(&text),
              is_bearable(input) ? BYTES_LIT("correct horse") : (struct bytes){0});
    buf_clear(&text);
    return 0;
}
