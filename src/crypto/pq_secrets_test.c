/*
 * Does the time of either KEM depend on a secret? Run under valgrind's
 * memcheck with the secrets marked as never initialised, every branch and
 * every address that depends on one is an error (A. Langley's ctgrind).
 *
 * It leaks once on purpose, to know that leaks are seen.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "base/rand.h"
#include "crypto/keccak.h"
#include "crypto/mlkem768.h"
#include "crypto/rand.h"
#include "crypto/sntrup761.h"

#define POISON(p, n)  (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n)
#define PUBLISH(p, n) (void)VALGRIND_MAKE_MEM_DEFINED(p, n)

static void
try_mlkem768(void)
{
    uint8_t d[32] = {1}, z[32] = {2}, m[32] = {3}, ss[MLKEM768_SS_LEN];
    uint8_t ek[MLKEM768_EK_LEN], dk[MLKEM768_DK_LEN], ct[MLKEM768_CT_LEN];
    POISON(d, sizeof d);
    POISON(z, sizeof z);
    mlkem768_keypair(ek, dk, d, z);
    PUBLISH(ek, sizeof ek);
    PUBLISH(dk + 1152, sizeof ek + 32); /* the copy of ek, and its hash */
    POISON(m, sizeof m);
    if (mlkem768_encaps(ct, ss, ek, m) != ERR_NONE)
        fputs("encaps refused our own key\n", stderr);
    PUBLISH(ct, sizeof ct);
    mlkem768_decaps(ss, ct, dk);
    ct[0] ^= 1;
    mlkem768_decaps(ss, ct, dk);
}

static enum err
poisoned_fill(void *ctx, uint8_t *p, size_t n)
{
    keccak_squeeze(ctx, p, n);
    POISON(p, n);
    return ERR_NONE;
}

/* Whether libcrypto works is no secret. */
static void
expect_none(enum err e)
{
    PUBLISH(&e, sizeof e);
    if (e != ERR_NONE)
        fputs("sntrup761 failed\n", stderr);
}

static void
try_sntrup761(void)
{
    struct keccak stream;
    struct rand_source rand = {poisoned_fill, &stream};
    uint8_t pk[SNTRUP761_PK_LEN], sk[SNTRUP761_SK_LEN];
    uint8_t ct[SNTRUP761_CT_LEN], ss[SNTRUP761_SS_LEN];
    shake256_init(&stream);
    expect_none(sntrup761_keypair(pk, sk, &rand));
    PUBLISH(pk, sizeof pk);
    PUBLISH(sk + 382, sizeof pk);     /* the copy of pk */
    PUBLISH(sk + sizeof sk - 32, 32); /* its hash */
    expect_none(sntrup761_encaps(ct, ss, pk, &rand));
    PUBLISH(ct, sizeof ct);
    expect_none(sntrup761_decaps(ss, ct, sk));
    ct[0] ^= 1;
    expect_none(sntrup761_decaps(ss, ct, sk));
}

static void
leak(void)
{
    uint8_t secret = 1;
    POISON(&secret, 1);
    fputs(secret ? "a leak on purpose\n" : "\n", stderr);
}

int
main(void)
{
    if (!RUNNING_ON_VALGRIND || crypto_init() != ERR_NONE) {
        fputs("run this under valgrind\n", stderr);
        return 1;
    }
    leak();
    unsigned n_expected = VALGRIND_COUNT_ERRORS;
    if (n_expected == 0) {
        fputs("a leak was not seen\n", stderr);
        return 1;
    }
    try_mlkem768();
    try_sntrup761();
    return VALGRIND_COUNT_ERRORS == n_expected ? 0 : 1;
}
