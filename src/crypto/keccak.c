/* See keccak.h. FIPS 202; the step names are those of its section 3.2. */
#include "crypto/keccak.h"

#include <assert.h>

#include "base/secret.h"

/* iota: one constant a round. */
static const uint64_t round_constant[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline uint64_t
rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* theta: add to each lane the parities of two columns beside it. */
static inline void
theta(uint64_t a[25])
{
    uint64_t parity[5];
    for (int x = 0; x < 5; x++)
        parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int x = 0; x < 5; x++) {
        uint64_t d = parity[(x + 4) % 5] ^ rotl(parity[(x + 1) % 5], 1);
        for (int y = 0; y < 25; y += 5)
            a[y + x] ^= d;
    }
}

/* rho and pi: b is a with each lane rotated and moved. Written out so that
 * every rotation is by a constant and every lane can stay in a register. */
static inline void
rho_pi(uint64_t b[25], const uint64_t a[25])
{
    b[0] = a[0];
    b[1] = rotl(a[6], 44);
    b[2] = rotl(a[12], 43);
    b[3] = rotl(a[18], 21);
    b[4] = rotl(a[24], 14);
    b[5] = rotl(a[3], 28);
    b[6] = rotl(a[9], 20);
    b[7] = rotl(a[10], 3);
    b[8] = rotl(a[16], 45);
    b[9] = rotl(a[22], 61);
    b[10] = rotl(a[1], 1);
    b[11] = rotl(a[7], 6);
    b[12] = rotl(a[13], 25);
    b[13] = rotl(a[19], 8);
    b[14] = rotl(a[20], 18);
    b[15] = rotl(a[4], 27);
    b[16] = rotl(a[5], 36);
    b[17] = rotl(a[11], 10);
    b[18] = rotl(a[17], 15);
    b[19] = rotl(a[23], 56);
    b[20] = rotl(a[2], 62);
    b[21] = rotl(a[8], 55);
    b[22] = rotl(a[14], 39);
    b[23] = rotl(a[15], 41);
    b[24] = rotl(a[21], 2);
}

/* chi: the one non-linear step, row by row. */
static inline void
chi(uint64_t a[25], const uint64_t b[25])
{
    for (int y = 0; y < 25; y += 5)
        for (int x = 0; x < 5; x++)
            a[y + x] = b[y + x] ^ (~b[y + (x + 1) % 5] & b[y + (x + 2) % 5]);
}

static void
permute(uint64_t a[25])
{
    uint64_t b[25];
    for (int round = 0; round < 24; round++) {
        theta(a);
        rho_pi(b, a);
        chi(a, b);
        a[0] ^= round_constant[round];
    }
}

static void
init(struct keccak *k, size_t rate, uint8_t domain)
{
    *k = (struct keccak){.rate = rate, .domain = domain};
}

void
sha3_256_init(struct keccak *k)
{
    init(k, 136, 0x06);
}

void
sha3_512_init(struct keccak *k)
{
    init(k, 72, 0x06);
}

void
shake128_init(struct keccak *k)
{
    init(k, SHAKE128_RATE, 0x1f);
}

void
shake256_init(struct keccak *k)
{
    init(k, SHAKE256_RATE, 0x1f);
}

/* Add an octet at position i of the state. Lanes are little-endian. */
static inline void
add_octet(struct keccak *k, size_t i, uint8_t x)
{
    k->lane[i / 8] ^= (uint64_t)x << (8 * (i % 8));
}

void
keccak_absorb(struct keccak *k, const uint8_t *in, size_t n)
{
    assert(!k->is_squeezing);
    for (size_t i = 0; i < n; i++) {
        add_octet(k, k->at++, in[i]);
        if (k->at == k->rate) {
            permute(k->lane);
            k->at = 0;
        }
    }
}

static void
pad(struct keccak *k)
{
    add_octet(k, k->at, k->domain);
    add_octet(k, k->rate - 1, 0x80);
    k->is_squeezing = 1;
    k->at = k->rate; /* nothing left of this block: the first squeeze permutes */
}

void
keccak_squeeze(struct keccak *k, uint8_t *out, size_t n)
{
    if (!k->is_squeezing)
        pad(k);
    for (size_t i = 0; i < n; i++) {
        if (k->at == k->rate) {
            permute(k->lane);
            k->at = 0;
        }
        out[i] = (uint8_t)(k->lane[k->at / 8] >> (8 * (k->at % 8)));
        k->at++;
    }
}

void
keccak_clear(struct keccak *k)
{
    mem_wipe(k, sizeof *k);
}
