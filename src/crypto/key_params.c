/*
 * Parameters for EVP_PKEY_fromdata, in memory that is wiped: libcrypto's own
 * builder (OSSL_PARAM_BLD) leaves private numbers behind in freed memory.
 */
#include <openssl/core_names.h>

#include "crypto/key_impl.h"

void
key_params_init(struct key_params *ps)
{
    *ps = (struct key_params){0};
}

/* Room for the next parameter's value. NULL: failure latched. */
static uint8_t *
value_new(struct key_params *ps, size_t len)
{
    if (ps->failed || ps->n == KEY_PARAMS_MAX) {
        ps->failed = true;
        return NULL;
    }
    buf_init(&ps->store[ps->n], len);
    uint8_t *p = buf_extend(&ps->store[ps->n], len);
    ps->failed = !p;
    return p;
}

void
key_params_bn(struct key_params *ps, const char *name, const BIGNUM *bn)
{
    int len = BN_num_bytes(bn) + 1; /* a zero needs an octet too */
    uint8_t *p = value_new(ps, (size_t)len);
    if (!p)
        return;
    ps->failed = BN_bn2nativepad(bn, p, len) != len;
    ps->param[ps->n++] = OSSL_PARAM_construct_BN(name, p, (size_t)len);
}

void
key_params_octets(struct key_params *ps, const char *name, struct bytes octets)
{
    uint8_t *p = value_new(ps, octets.n);
    if (!p)
        return;
    memcpy(p, octets.p, octets.n);
    ps->param[ps->n++] = OSSL_PARAM_construct_octet_string(name, p, octets.n);
}

void
key_params_text(struct key_params *ps, const char *name, const char *text)
{
    size_t len = strlen(text);
    uint8_t *p = value_new(ps, len + 1);
    if (!p)
        return;
    memcpy(p, text, len + 1);
    ps->param[ps->n++] = OSSL_PARAM_construct_utf8_string(name, (char *)p, len);
}

static EVP_PKEY *
make(struct key_params *ps, const char *type, int selection)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(crypto_lib()->ctx, type, NULL);
    bool is_good = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
                   EVP_PKEY_fromdata(ctx, &pkey, selection, ps->param) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (is_good)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

EVP_PKEY *
key_params_take(struct key_params *ps, const char *type, bool is_pair)
{
    ps->param[ps->n] = OSSL_PARAM_construct_end();
    EVP_PKEY *pkey = NULL;
    if (!ps->failed)
        pkey = make(ps, type, is_pair ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
    for (size_t i = 0; i < KEY_PARAMS_MAX; i++)
        buf_clear(&ps->store[i]);
    return pkey;
}
