/* Keccak against libcrypto's SHA3 and SHAKE, one shot and in odd pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "crypto/keccak.h"

enum { INPUT_MAX = 700, OUT_MAX = 1000 };

static const struct {
    const char *name;
    void (*init)(struct keccak *k);
    const EVP_MD *(*evp)(void);
    size_t digest_len; /* 0: as long as wanted */
} functions[] = {
    {"SHA3-256", sha3_256_init, EVP_sha3_256, SHA3_256_LEN},
    {"SHA3-512", sha3_512_init, EVP_sha3_512, SHA3_512_LEN},
    {"SHAKE128", shake128_init, EVP_shake128, 0},
    {"SHAKE256", shake256_init, EVP_shake256, 0},
};

static void
libcrypto_hash(size_t f, uint8_t *out, size_t out_len, struct bytes in)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex(ctx, functions[f].evp(), NULL), 1);
    assert_int_equal(EVP_DigestUpdate(ctx, in.p, in.n), 1);
    if (functions[f].digest_len)
        assert_int_equal(EVP_DigestFinal_ex(ctx, out, NULL), 1);
    else
        assert_int_equal(EVP_DigestFinalXOF(ctx, out, out_len), 1);
    EVP_MD_CTX_free(ctx);
}

static size_t
min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Absorb and squeeze `step` octets at a time. */
static void
our_hash(size_t f, uint8_t *out, size_t out_len, struct bytes in, size_t step)
{
    struct keccak k;
    functions[f].init(&k);
    for (size_t i = 0; i < in.n; i += step)
        keccak_absorb(&k, in.p + i, min_size(step, in.n - i));
    for (size_t i = 0; i < out_len; i += step)
        keccak_squeeze(&k, out + i, min_size(step, out_len - i));
    keccak_clear(&k);
}

static size_t
output_len(size_t f)
{
    return functions[f].digest_len ? functions[f].digest_len : (size_t)OUT_MAX;
}

static void
every_input_length_agrees_with_libcrypto(void **state)
{
    (void)state;
    uint8_t in[INPUT_MAX], ours[OUT_MAX], theirs[OUT_MAX];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + 3);
    for (size_t f = 0; f < ARRAY_LEN(functions); f++) {
        size_t out_len = output_len(f);
        for (size_t n = 0; n <= sizeof in; n++) {
            our_hash(f, ours, out_len, bytes_of(in, n), INPUT_MAX + OUT_MAX);
            libcrypto_hash(f, theirs, out_len, bytes_of(in, n));
            assert_memory_equal(ours, theirs, out_len);
        }
    }
}

static void
pieces_of_any_size_give_the_same_output(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 2, 7, 8, 71, 72, 135, 136, 137, 168, 169, 500};
    uint8_t in[INPUT_MAX] = {1, 2, 3}, whole[OUT_MAX], pieces[OUT_MAX];
    for (size_t f = 0; f < ARRAY_LEN(functions); f++) {
        size_t out_len = output_len(f);
        our_hash(f, whole, out_len, bytes_of(in, sizeof in), INPUT_MAX + OUT_MAX);
        for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
            our_hash(f, pieces, out_len, bytes_of(in, sizeof in), steps[s]);
            assert_memory_equal(whole, pieces, out_len);
        }
    }
}

static void
clear_leaves_no_state(void **state)
{
    (void)state;
    static const struct keccak zero;
    struct keccak k;
    shake256_init(&k);
    keccak_absorb(&k, (const uint8_t *)"secret", 6);
    keccak_clear(&k);
    assert_memory_equal(&k, &zero, sizeof k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_input_length_agrees_with_libcrypto),
        cmocka_unit_test(pieces_of_any_size_give_the_same_output),
        cmocka_unit_test(clear_leaves_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
