/*
 * Our ML-KEM-768 on standard input and output, for tests/oracle/compare.mjs.
 *
 * One request a line, one answer a line, octets in hex:
 *   keypair D Z     -> EK DK
 *   encaps EK M     -> CT SS, or "refused"
 *   decaps CT DK    -> SS
 * Exits 2 at the first line that is none of these.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "crypto/mlkem768.h"

enum { LINE_MAX_LEN = 16384 };

static int
digit_value(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    return c != 0 && at ? (int)(at - digits) : -1;
}

/* word is exactly n octets in hex. */
static bool
read_hex(uint8_t *out, size_t n, const char *word)
{
    if (!word || strlen(word) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = digit_value(word[2 * i]), low = digit_value(word[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void
print_hex(const uint8_t *p, size_t n, char end)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    putchar(end);
}

static bool
answer_keypair(const char *first, const char *second)
{
    uint8_t d[MLKEM768_SEED_LEN], z[MLKEM768_SEED_LEN];
    uint8_t ek[MLKEM768_EK_LEN], dk[MLKEM768_DK_LEN];
    if (!read_hex(d, sizeof d, first) || !read_hex(z, sizeof z, second))
        return false;
    mlkem768_keypair(ek, dk, d, z);
    print_hex(ek, sizeof ek, ' ');
    print_hex(dk, sizeof dk, '\n');
    return true;
}

static bool
answer_encaps(const char *first, const char *second)
{
    uint8_t ek[MLKEM768_EK_LEN], m[MLKEM768_SEED_LEN];
    uint8_t ct[MLKEM768_CT_LEN], ss[MLKEM768_SS_LEN];
    if (!read_hex(ek, sizeof ek, first) || !read_hex(m, sizeof m, second))
        return false;
    if (mlkem768_encaps(ct, ss, ek, m) != ERR_NONE) {
        puts("refused");
        return true;
    }
    print_hex(ct, sizeof ct, ' ');
    print_hex(ss, sizeof ss, '\n');
    return true;
}

static bool
answer_decaps(const char *first, const char *second)
{
    uint8_t ct[MLKEM768_CT_LEN], dk[MLKEM768_DK_LEN], ss[MLKEM768_SS_LEN];
    if (!read_hex(ct, sizeof ct, first) || !read_hex(dk, sizeof dk, second))
        return false;
    mlkem768_decaps(ss, ct, dk);
    print_hex(ss, sizeof ss, '\n');
    return true;
}

static const struct {
    const char *name;
    bool (*answer)(const char *first, const char *second);
} requests[] = {
    {"keypair", answer_keypair},
    {"encaps", answer_encaps},
    {"decaps", answer_decaps},
};

static bool
answer_line(char *line)
{
    char *rest = NULL;
    const char *name = strtok_r(line, " \n", &rest);
    const char *first = strtok_r(NULL, " \n", &rest);
    const char *second = strtok_r(NULL, " \n", &rest);
    for (size_t i = 0; name && i < sizeof requests / sizeof *requests; i++)
        if (strcmp(requests[i].name, name) == 0)
            return requests[i].answer(first, second);
    return false;
}

int
main(void)
{
    static char line[LINE_MAX_LEN];
    while (fgets(line, sizeof line, stdin)) {
        if (!answer_line(line)) {
            fputs("mlkem_oracle: bad request\n", stderr);
            return 2;
        }
    }
    return 0;
}
