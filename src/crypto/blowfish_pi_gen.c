/*
 * Run by the build: writes Blowfish's initial state, which is the fraction of
 * pi in words of 32 bits, as a C table. Better computed than copied: the
 * formula is Machin's, pi = 16 arctan(1/5) - 4 arctan(1/239), in fixed point.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    TABLE_WORDS = 18 + 4 * 256,
    WORDS = 1 + TABLE_WORDS + 2 /* integer part, table, room for rounding */
};

/* word[0] is the integer part; the rest is the fraction, high words first. */
struct fixed {
    uint32_t word[WORDS];
};

static int
is_zero(const struct fixed *x)
{
    static const struct fixed zero;
    return memcmp(x, &zero, sizeof zero) == 0;
}

static void
divide(struct fixed *x, uint32_t by)
{
    uint64_t rest = 0;
    for (int i = 0; i < WORDS; i++) {
        uint64_t high = rest << 32 | x->word[i];
        x->word[i] = (uint32_t)(high / by);
        rest = high % by;
    }
}

static void
add(struct fixed *x, const struct fixed *y)
{
    uint64_t carry = 0;
    for (int i = WORDS; i-- > 0;) {
        carry += (uint64_t)x->word[i] + y->word[i];
        x->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void
subtract(struct fixed *x, const struct fixed *y)
{
    uint64_t borrow = 0;
    for (int i = WORDS; i-- > 0;) {
        uint64_t difference = (uint64_t)x->word[i] - y->word[i] - borrow;
        x->word[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
}

/* factor * arctan(1/n) = factor * (1/n - 1/(3 n^3) + 1/(5 n^5) - ...) */
static struct fixed
arctan(uint32_t factor, uint32_t n)
{
    struct fixed sum = {{0}}, power = {{factor}};
    divide(&power, n);
    for (uint32_t odd = 1; !is_zero(&power); odd += 2) {
        struct fixed term = power;
        divide(&term, odd);
        if (odd % 4 == 1)
            add(&sum, &term);
        else
            subtract(&sum, &term);
        divide(&power, n * n);
    }
    return sum;
}

int
main(void)
{
    struct fixed pi = arctan(16, 5), second = arctan(4, 239);
    subtract(&pi, &second);
    printf("/* Blowfish's P and S: the fraction of pi. Made by blowfish_pi_gen.c. */\n");
    printf("#include <stdint.h>\n\n");
    printf("static const uint32_t blowfish_pi[%d] = {", TABLE_WORDS);
    for (int i = 0; i < TABLE_WORDS; i++)
        printf("%s0x%08x,", i % 6 == 0 ? "\n    " : " ", (unsigned)pi.word[i + 1]);
    printf("\n};\n");
    return ferror(stdout) ? 1 : 0;
}
