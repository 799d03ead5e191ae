/*
 * See mlkem_poly.h. Everything is 16-bit lanes, so that the compiler can work
 * on eight or more at once. Products are Montgomery's: a factor 2^-16 comes
 * with each, which the tables and poly_inverse_ntt make up for. There is no
 * division: a compiler may turn one into an instruction whose time depends on
 * the numerator (KyberSlash).
 */
#include "crypto/mlkem_poly.h"

#include "crypto/keccak.h"

enum {
    Q_INVERSE = -3327,        /* q^-1 mod 2^16, as int16_t */
    SCALE_SQUARED = 1353,     /* 2^32 mod q */
    SCALE_SQUARED_128 = 1441, /* 2^32 / 128 mod q */
};

/* 2^16 * 17^br(i) mod q, centred; br reverses 7 bits. FIPS 203 appendix A. */
static const int16_t zetas[128] = {
    -1044, -758,  -359,  -1517, 1493,  1422,  287,   202,   -171,  622,   1577,  182,
    962,   -1202, -1474, 1468,  573,   -1325, 264,   383,   -829,  1458,  -1602, -130,
    -681,  1017,  732,   608,   -1542, 411,   -205,  -1571, 1223,  652,   -552,  1015,
    -1293, 1491,  -282,  -1544, 516,   -8,    -320,  -666,  -1618, -1162, 126,   1469,
    -853,  -90,   -271,  830,   107,   -1421, -247,  -951,  -398,  961,   -1508, -725,
    448,   -1065, 677,   -1275, -1103, 430,   555,   843,   -1251, 871,   1550,  105,
    422,   587,   177,   -235,  -291,  -460,  1574,  1653,  -246,  778,   1159,  -147,
    -777,  1483,  -602,  1119,  -1590, 644,   -872,  349,   418,   329,   -156,  -75,
    817,   1097,  603,   610,   1322,  -1285, -1465, 384,   -1215, -136,  1218,  -1335,
    -874,  220,   -1187, -1659, -1185, -1530, -1278, 794,   -1510, -854,  -870,  478,
    -108,  -308,  996,   991,   958,   -1460, 1522,  1628,
};

/* The two halves of a product, each one vector instruction. */
static inline int16_t
mul_high(int16_t a, int16_t b)
{
    return (int16_t)((int32_t)a * b >> 16);
}

static inline int16_t
mul_low(int16_t a, int16_t b)
{
    return (int16_t)((int32_t)a * b);
}

/*
 * a * b * 2^-16 mod q, of absolute value at most |a*b| / 2^16 + q / 2.
 * Subtracting the multiple of q with the same low half leaves the high halves.
 */
static inline int16_t
mul(int16_t a, int16_t b)
{
    int16_t multiple = mul_low(mul_low(a, b), Q_INVERSE);
    return (int16_t)(mul_high(a, b) - mul_high(multiple, MLKEM_Q));
}

/* To centred, from any 16 bits. 20159 = round(2^26 / q). */
static inline int16_t
centre(int16_t a)
{
    int16_t quotient = (int16_t)((mul_high(a, 20159) + (1 << 9)) >> 10);
    return (int16_t)(a - mul_low(quotient, MLKEM_Q));
}

static void
centre_all(struct poly *f)
{
    for (int i = 0; i < MLKEM_N; i++)
        f->c[i] = centre(f->c[i]);
}

/* One butterfly of each pair (low[i], high[i]), forward. */
static inline void
butterflies(int16_t *restrict low, int16_t *restrict high, int n, int16_t zeta)
{
    for (int i = 0; i < n; i++) {
        int16_t t = mul(zeta, high[i]);
        high[i] = (int16_t)(low[i] - t);
        low[i] = (int16_t)(low[i] + t);
    }
}

/* A layer adds at most 2496 to a coefficient: q + 7 * 2496 fits 16 bits. */
void
poly_ntt(struct poly *f)
{
    const int16_t *zeta = zetas;
    for (int len = 128; len >= 2; len /= 2)
        for (int16_t *c = f->c; c < f->c + MLKEM_N; c += 2 * len)
            butterflies(c, c + len, len, *++zeta);
    centre_all(f);
}

/* The same backwards. Low halves double, so they are centred each time. */
static inline void
butterflies_back(int16_t *restrict low, int16_t *restrict high, int n, int16_t zeta)
{
    for (int i = 0; i < n; i++) {
        int16_t t = low[i];
        low[i] = centre((int16_t)(t + high[i]));
        high[i] = mul(zeta, (int16_t)(high[i] - t));
    }
}

void
poly_inverse_ntt(struct poly *f)
{
    const int16_t *zeta = zetas + 128;
    for (int len = 2; len <= 128; len *= 2)
        for (int16_t *c = f->c; c < f->c + MLKEM_N; c += 2 * len)
            butterflies_back(c, c + len, len, *--zeta);
    for (int i = 0; i < MLKEM_N; i++)
        f->c[i] = centre(mul(f->c[i], SCALE_SQUARED_128));
}

/* out += a * b modulo X^2 - gamma, with the factor 2^-16. */
static inline void
add_product2(int16_t out[2], const int16_t a[2], const int16_t b[2], int16_t gamma)
{
    out[0] = (int16_t)(out[0] + mul(a[0], b[0]) + mul(mul(a[1], b[1]), gamma));
    out[1] = (int16_t)(out[1] + mul(a[0], b[1]) + mul(a[1], b[0]));
}

void
poly_product(struct poly *out, const struct poly a[MLKEM_K], const struct poly b[MLKEM_K])
{
    *out = (struct poly){0};
    for (int k = 0; k < MLKEM_K; k++)
        for (int i = 0; i < MLKEM_N; i += 4) {
            int16_t gamma = zetas[64 + i / 4];
            const int16_t *x = a[k].c + i, *y = b[k].c + i;
            add_product2(out->c + i, x, y, gamma);
            add_product2(out->c + i + 2, x + 2, y + 2, (int16_t)-gamma);
        }
    centre_all(out);
}

void
poly_undo_scale(struct poly *f)
{
    for (int i = 0; i < MLKEM_N; i++)
        f->c[i] = mul(f->c[i], SCALE_SQUARED);
}

void
poly_add(struct poly *f, const struct poly *g)
{
    for (int i = 0; i < MLKEM_N; i++)
        f->c[i] = (int16_t)(f->c[i] + g->c[i]);
}

void
poly_sub(struct poly *f, const struct poly *g)
{
    for (int i = 0; i < MLKEM_N; i++)
        f->c[i] = (int16_t)(f->c[i] - g->c[i]);
}

void
poly_reduce(struct poly *f)
{
    for (int i = 0; i < MLKEM_N; i++) {
        int16_t c = centre(f->c[i]);
        f->c[i] = (int16_t)(c + ((c >> 15) & MLKEM_Q));
    }
}

/* Append the 12-bit numbers below q in 3 octets to f; returns the new count. */
static inline int
take_triple(struct poly *f, int n, const uint8_t t[3])
{
    int16_t d1 = (int16_t)(t[0] | (t[1] & 15) << 8);
    int16_t d2 = (int16_t)(t[1] >> 4 | t[2] << 4);
    if (d1 < MLKEM_Q)
        f->c[n++] = d1;
    if (d2 < MLKEM_Q && n < MLKEM_N)
        f->c[n++] = d2;
    return n;
}

void
poly_sample_ntt(struct poly *f, const uint8_t rho[POLY_SEED_LEN], uint8_t x, uint8_t y)
{
    const uint8_t index[2] = {x, y};
    uint8_t block[SHAKE128_RATE];
    struct keccak xof;
    shake128_init(&xof);
    keccak_absorb(&xof, rho, POLY_SEED_LEN);
    keccak_absorb(&xof, index, sizeof index);
    int n = 0;
    while (n < MLKEM_N) {
        keccak_squeeze(&xof, block, sizeof block);
        for (size_t i = 0; i < sizeof block && n < MLKEM_N; i += 3)
            n = take_triple(f, n, block + i);
    }
}

/* Bits 0 and 1 less bits 2 and 3. */
static inline int16_t
noise_of_nibble(unsigned x)
{
    return (int16_t)((int)((x & 1) + (x >> 1 & 1)) - (int)((x >> 2 & 1) + (x >> 3 & 1)));
}

void
poly_sample_noise(struct poly *f, const uint8_t prf[POLY_NOISE_LEN])
{
    for (int i = 0; i < POLY_NOISE_LEN; i++) {
        f->c[2 * i] = noise_of_nibble(prf[i] & 15U);
        f->c[2 * i + 1] = noise_of_nibble(prf[i] >> 4);
    }
}

void
poly_encode12(uint8_t out[POLY_12BIT_LEN], const struct poly *f)
{
    for (int i = 0; i < MLKEM_N / 2; i++) {
        unsigned a = (unsigned)f->c[2 * i], b = (unsigned)f->c[2 * i + 1];
        out[3 * i] = (uint8_t)a;
        out[3 * i + 1] = (uint8_t)(a >> 8 | b << 4);
        out[3 * i + 2] = (uint8_t)(b >> 4);
    }
}

void
poly_decode12(struct poly *f, const uint8_t in[POLY_12BIT_LEN])
{
    for (int i = 0; i < MLKEM_N / 2; i++) {
        const uint8_t *t = in + 3 * i;
        f->c[2 * i] = (int16_t)(t[0] | (t[1] & 15) << 8);
        f->c[2 * i + 1] = (int16_t)(t[1] >> 4 | t[2] << 4);
    }
}

bool
poly_is_reduced(const struct poly *f)
{
    for (int i = 0; i < MLKEM_N; i++)
        if (f->c[i] < 0 || f->c[i] >= MLKEM_Q)
            return false;
    return true;
}

/*
 * Compress_d(c) = round(2^d c / q) mod 2^d, for 0 <= c < q. The division is a
 * multiplication by round(2^28 / q) or round(2^32 / q), exact in this range.
 */
static inline uint32_t
compress1(int16_t c)
{
    return ((2U * (uint32_t)c + 1665) * 80635 >> 28) & 1;
}

static inline uint32_t
compress4(int16_t c)
{
    return ((16U * (uint32_t)c + 1665) * 80635 >> 28) & 15;
}

static inline uint32_t
compress10(int16_t c)
{
    return (uint32_t)((1024U * (uint64_t)c + 1665) * 1290167 >> 32) & 1023;
}

/* Decompress_d(y) = round(q y / 2^d). */
static inline int16_t
decompress(uint32_t y, unsigned d)
{
    return (int16_t)((y * MLKEM_Q + (1U << (d - 1))) >> d);
}

void
poly_compress10(uint8_t out[POLY_10BIT_LEN], const struct poly *f)
{
    for (int i = 0; i < MLKEM_N / 4; i++) {
        uint64_t bits = 0;
        for (int j = 0; j < 4; j++)
            bits |= (uint64_t)compress10(f->c[4 * i + j]) << 10 * j;
        for (int j = 0; j < 5; j++)
            out[5 * i + j] = (uint8_t)(bits >> 8 * j);
    }
}

void
poly_decompress10(struct poly *f, const uint8_t in[POLY_10BIT_LEN])
{
    for (int i = 0; i < MLKEM_N / 4; i++) {
        uint64_t bits = 0;
        for (int j = 0; j < 5; j++)
            bits |= (uint64_t)in[5 * i + j] << 8 * j;
        for (int j = 0; j < 4; j++)
            f->c[4 * i + j] = decompress((uint32_t)(bits >> 10 * j) & 1023, 10);
    }
}

void
poly_compress4(uint8_t out[POLY_4BIT_LEN], const struct poly *f)
{
    for (int i = 0; i < MLKEM_N / 2; i++)
        out[i] = (uint8_t)(compress4(f->c[2 * i]) | compress4(f->c[2 * i + 1]) << 4);
}

void
poly_decompress4(struct poly *f, const uint8_t in[POLY_4BIT_LEN])
{
    for (int i = 0; i < MLKEM_N / 2; i++) {
        f->c[2 * i] = decompress(in[i] & 15U, 4);
        f->c[2 * i + 1] = decompress(in[i] >> 4, 4);
    }
}

void
poly_compress1(uint8_t out[POLY_1BIT_LEN], const struct poly *f)
{
    for (int i = 0; i < POLY_1BIT_LEN; i++) {
        uint32_t bits = 0;
        for (int j = 0; j < 8; j++)
            bits |= compress1(f->c[8 * i + j]) << j;
        out[i] = (uint8_t)bits;
    }
}

void
poly_decompress1(struct poly *f, const uint8_t in[POLY_1BIT_LEN])
{
    for (int i = 0; i < MLKEM_N; i++)
        f->c[i] = decompress((uint32_t)in[i / 8] >> i % 8 & 1, 1);
}
