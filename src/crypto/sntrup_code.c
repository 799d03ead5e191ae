/* See sntrup_code.h. */
#include "crypto/sntrup_code.h"

#include "base/secret.h"

enum {
    LEVELS = 11,        /* 761 digits, 381, 191, 96, 48, 24, 12, 6, 3, 2, 1 */
    RADIX_MAX = 1 << 14 /* a joined digit's modulus stays below */
};

/* The digits of one level: all have one modulus but the last, which is what
 * became of the odd ones. The moduli are public. */
struct level {
    int n;
    uint32_t radix, last_radix;
};

/* How two digits join: their octets put out, and the modulus of what remains. */
struct joint {
    int octets;
    uint32_t radix;
};

static struct joint
join_radices(uint32_t low, uint32_t high)
{
    struct joint j = {0, low * high};
    while (j.radix >= RADIX_MAX) {
        j.radix = (j.radix + 255) >> 8;
        j.octets++;
    }
    return j;
}

/* The modulus of digit i. */
static inline uint32_t
radix_at(const struct level *l, int i)
{
    return i == l->n - 1 ? l->last_radix : l->radix;
}

static struct level
level_above(const struct level *l)
{
    uint32_t last =
        l->n % 2 != 0 ? l->last_radix : join_radices(l->radix, l->last_radix).radix;
    return (struct level){(l->n + 1) / 2, join_radices(l->radix, l->radix).radix, last};
}

static uint8_t *
put_octets(uint8_t *out, uint32_t digit, int n)
{
    for (int i = 0; i < n; i++)
        *out++ = (uint8_t)(digit >> 8 * i);
    return out;
}

/* Octets of the one digit left at the top. */
static int
top_octets(uint32_t radix)
{
    int n = 0;
    for (; radix > 1; radix = (radix + 255) >> 8)
        n++;
    return n;
}

/* Encode NTRU_P digits below radix. They are overwritten. */
static void
encode(uint8_t *out, uint16_t *digit, uint32_t radix)
{
    struct level l = {NTRU_P, radix, radix};
    for (; l.n > 1; l = level_above(&l)) {
        for (int i = 0; i + 1 < l.n; i += 2) {
            struct joint j = join_radices(l.radix, radix_at(&l, i + 1));
            uint32_t joined = digit[i] + digit[i + 1] * l.radix;
            out = put_octets(out, joined, j.octets);
            digit[i / 2] = (uint16_t)(joined >> 8 * j.octets);
        }
        if (l.n % 2 != 0)
            digit[l.n / 2] = digit[l.n - 1];
    }
    put_octets(out, digit[0], top_octets(l.last_radix));
}

/* floor(2^32 / m), bit by bit, for m >= 2: also public division is avoided, so
 * that looking for division instructions in the object file is a test. */
static uint32_t
reciprocal(uint32_t m)
{
    uint32_t quotient = 0, rest = 1;
    for (int i = 0; i < 32; i++) {
        rest *= 2;
        quotient *= 2;
        if (rest >= m) {
            rest -= m;
            quotient++;
        }
    }
    return quotient;
}

/* x / m, and x mod m in *rest. x < 2^30; inverse: reciprocal(m). */
static inline uint32_t
divide(uint32_t x, uint32_t m, uint32_t inverse, uint32_t *rest)
{
    uint32_t quotient = (uint32_t)((uint64_t)x * inverse >> 32); /* or one less */
    uint32_t r = x - quotient * m;
    uint32_t is_enough = ((r - m) >> 31) - 1; /* a mask */
    *rest = r - (m & is_enough);
    return quotient - is_enough;
}

static uint32_t
get_octets(const uint8_t *in, int n)
{
    uint32_t x = 0;
    for (int i = 0; i < n; i++)
        x |= (uint32_t)in[i] << 8 * i;
    return x;
}

/*
 * Undo one level: digit[0 .. (n + 1) / 2) become digit[0 .. n). `end` is the
 * end of this level's octets; returns their beginning. The last pair comes
 * first, so that no digit is overwritten before it is read.
 */
static const uint8_t *
split_level(uint16_t *digit, const struct level *l, const uint8_t *end)
{
    const uint32_t inverse = reciprocal(l->radix),
                   inverse_last = reciprocal(l->last_radix);
    if (l->n % 2 != 0)
        digit[l->n - 1] = digit[l->n / 2];
    for (int i = l->n / 2 * 2 - 2; i >= 0; i -= 2) {
        uint32_t high_radix = radix_at(l, i + 1), low, high;
        struct joint j = join_radices(l->radix, high_radix);
        end -= j.octets;
        uint32_t joined =
            get_octets(end, j.octets) + ((uint32_t)digit[i / 2] << 8 * j.octets);
        uint32_t quotient = divide(joined, l->radix, inverse, &low);
        divide(quotient, high_radix, i + 2 == l->n ? inverse_last : inverse, &high);
        digit[i] = (uint16_t)low;
        digit[i + 1] = (uint16_t)high;
    }
    return end;
}

/* Decode NTRU_P digits below radix from the octets that stop at end. */
static void
decode(uint16_t digit[NTRU_P], const uint8_t *end, uint32_t radix)
{
    struct level l[LEVELS] = {{NTRU_P, radix, radix}};
    for (int i = 1; i < LEVELS; i++)
        l[i] = level_above(&l[i - 1]);
    uint32_t top_radix = l[LEVELS - 1].last_radix, top;
    int n = top_octets(top_radix);
    end -= n;
    divide(get_octets(end, n), top_radix, reciprocal(top_radix), &top);
    digit[0] = (uint16_t)top;
    for (int i = LEVELS - 2; i >= 0; i--)
        end = split_level(digit, &l[i], end);
}

void
ring_q_encode(uint8_t out[RING_Q_LEN], const struct ring_q *a)
{
    uint16_t digit[NTRU_P];
    for (int i = 0; i < NTRU_P; i++)
        digit[i] = (uint16_t)(a->c[i] + NTRU_Q_HALF);
    encode(out, digit, NTRU_Q);
    mem_wipe(digit, sizeof digit);
}

void
ring_q_decode(struct ring_q *a, const uint8_t in[RING_Q_LEN])
{
    uint16_t digit[NTRU_P];
    decode(digit, in + RING_Q_LEN, NTRU_Q);
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int16_t)(digit[i] - NTRU_Q_HALF);
}

enum { ROUND_RADIX = (NTRU_Q + 2) / 3 };

void
ring_round_encode(uint8_t out[RING_ROUND_LEN], const struct ring_q *a)
{
    uint16_t digit[NTRU_P];
    for (int i = 0; i < NTRU_P; i++)
        digit[i] = (uint16_t)((a->c[i] + NTRU_Q_HALF) * 10923 >> 15); /* / 3 */
    encode(out, digit, ROUND_RADIX);
    mem_wipe(digit, sizeof digit);
}

void
ring_round_decode(struct ring_q *a, const uint8_t in[RING_ROUND_LEN])
{
    uint16_t digit[NTRU_P];
    decode(digit, in + RING_ROUND_LEN, ROUND_RADIX);
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int16_t)(digit[i] * 3 - NTRU_Q_HALF);
}

void
ring_3_encode(uint8_t out[RING_3_LEN], const struct ring_3 *a)
{
    for (int i = 0; i < RING_3_LEN; i++) {
        unsigned octet = 0;
        for (int j = 0; j < 4 && 4 * i + j < NTRU_P; j++)
            octet |= (unsigned)(a->c[4 * i + j] + 1) << 2 * j;
        out[i] = (uint8_t)octet;
    }
}

void
ring_3_decode(struct ring_3 *a, const uint8_t in[RING_3_LEN])
{
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int8_t)((in[i / 4] >> 2 * (i % 4) & 3) - 1);
}
