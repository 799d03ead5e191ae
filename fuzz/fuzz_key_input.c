/*
 * Keys as people hand them in. Each that is taken is one printable line, which is taken
 * again as the same key.
 */
#include <stdlib.h>

#include "account/key_input.h"
#include "account/store.h"
#include "crypto/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct again {
    const char *fingerprint;
    struct bytes line;
    unsigned n;
};

static enum err
take_again(void *ctx, struct bytes line, const char *fingerprint)
{
    struct again *a = ctx;
    if (a->n++ != 0 || strcmp(fingerprint, a->fingerprint) != 0 ||
        !bytes_eq(line, a->line))
        abort();
    return ERR_NONE;
}

static enum err
take(void *ctx, struct bytes line, const char *fingerprint)
{
    struct again again = {.fingerprint = fingerprint, .line = line};
    struct fault why = {0};
    (void)ctx;
    if (line.n == 0 || line.n > STORE_KEY_LINE_MAX || memchr(line.p, '\n', line.n) ||
        memchr(line.p, 0, line.n) || strlen(fingerprint) > STORE_FINGERPRINT_MAX)
        abort();
    if (key_input_each(line, take_again, &again, &why) != ERR_NONE || again.n != 1)
        abort();
    return ERR_NONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault why = {0};
    if (crypto_init() != ERR_NONE)
        abort();
    enum err err = key_input_each(bytes_of(data, size), take, NULL, &why);
    if ((err != ERR_NONE) != (why.text[0] != 0))
        abort();
    return 0;
}
