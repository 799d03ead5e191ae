/*
 * Revocation lists: whatever they hold, a refusal comes with a reason, and a
 * list that clears a key does so again.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "key/krl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An Ed25519 key; whose does not matter. */
static const char blob[] = "\0\0\0\x0bssh-ed25519\0\0\0\x20"
                           "0123456789abcdef0123456789abcdef";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault why = {0}, again = {0};
    if (crypto_init() != ERR_NONE)
        abort();
    struct bytes list = bytes_of(data, size), key = bytes_of(blob, sizeof blob - 1);
    enum key_standing standing = krl_check(list, key, &why);
    if ((standing == KEY_REVOKED) != (why.text[0] != '\0') ||
        krl_check(list, key, &again) != standing)
        abort();
    return 0;
}
