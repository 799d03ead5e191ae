/* See totp.h. */
#include "account/totp.h"

#include <stdio.h>

#include "base/secret.h"
#include "crypto/hash.h"
#include "wire/put.h"

/* RFC 4648 section 6. */
static const char base32[32 + 1] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/* Of recovery codes: no letters that look alike. */
static const char plain_letters[32 + 1] = "abcdefghijkmnpqrstuvwxyz23456789";

/* ---- codes: RFC 4226 section 5.3, RFC 6238 section 4 ---- */

enum err
totp_code(struct bytes secret, int64_t step, char code[TOTP_DIGITS + 1])
{
    uint8_t counter[8], mac[HASH_MAX_LEN];
    store_u64(counter, (uint64_t)step);
    enum err err = hmac_digest(HASH_SHA1, secret, bytes_of(counter, sizeof counter), mac);
    if (err)
        return err;
    size_t at = mac[hash_len(HASH_SHA1) - 1] & 0x0f;
    uint32_t number = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
                      (uint32_t)mac[at + 2] << 8 | (uint32_t)mac[at + 3];
    snprintf(code, TOTP_DIGITS + 1, "%06u", (unsigned)(number % 1000000));
    mem_wipe(mac, sizeof mac);
    return ERR_NONE;
}

/* The digits alone; anything else than digits and blanks makes it nobody's code. */
static bool
digits_of(struct bytes typed, char code[TOTP_DIGITS + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        uint8_t c = typed.p[i];
        if (c == ' ')
            continue;
        if (c < '0' || c > '9' || n == TOTP_DIGITS)
            return false;
        code[n++] = (char)c;
    }
    code[n] = 0;
    return n == TOTP_DIGITS;
}

enum err
totp_verify(struct bytes secret, struct bytes typed, int64_t now, int64_t last_step,
            int64_t *step)
{
    char code[TOTP_DIGITS + 1] = "", wanted[TOTP_DIGITS + 1];
    bool is_code = digits_of(typed, code), is_right = false;
    int64_t middle = now / TOTP_STEP_S;
    enum err err = ERR_NONE;
    for (int64_t at = middle - TOTP_WINDOW; at <= middle + TOTP_WINDOW && !err; at++) {
        err = totp_code(secret, at, wanted);
        if (err == ERR_NONE && at > last_step && at >= 0 && is_code &&
            mem_equal_ct(code, wanted, TOTP_DIGITS)) {
            is_right = true;
            *step = at;
        }
    }
    mem_wipe(wanted, sizeof wanted);
    mem_wipe(code, sizeof code);
    if (err)
        return err;
    return is_right ? ERR_NONE : ERR_AUTH;
}

enum err
totp_make_secret(const struct rand_source *rand, uint8_t secret[TOTP_SECRET_LEN])
{
    return rand_fill(rand, secret, TOTP_SECRET_LEN);
}

/* ---- base32 ---- */

void
base32_encode(struct bytes data, struct buf *out)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < data.n; i++) {
        bits = bits << 8 | data.p[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5)
            buf_put_u8(out, (uint8_t)base32[bits >> (n_bits - 5) & 31]);
        bits &= 0xff; /* what was written is above these */
    }
    if (n_bits != 0)
        buf_put_u8(out, (uint8_t)base32[bits << (5 - n_bits) & 31]);
}

static int
base32_value(uint8_t c)
{
    uint8_t upper = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    const char *at = upper ? strchr(base32, upper) : NULL;
    return at ? (int)(at - base32) : -1;
}

enum err
base32_decode(struct bytes text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    while (text.n != 0 && text.p[text.n - 1] == '=')
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == ' ' || text.p[i] == '-')
            continue;
        int value = base32_value(text.p[i]);
        if (value < 0)
            return ERR_PROTO;
        bits = (bits << 5 | (uint32_t)value) & 0xfff;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            buf_put_u8(out, (uint8_t)(bits >> n_bits));
        }
    }
    return buf_err(out);
}

/* ---- what an app is told ---- */

/* RFC 3986: unreserved characters stand for themselves. */
static void
put_percent(const char *text, struct buf *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_alnum =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (is_alnum || strchr("-._~", c))
            buf_put_u8(out, c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void
totp_uri(const char *issuer, const char *user, struct bytes secret, struct buf *out)
{
    buf_put_str(out, "otpauth://totp/");
    put_percent(issuer, out);
    buf_put_str(out, ":");
    put_percent(user, out);
    buf_put_str(out, "?secret=");
    base32_encode(secret, out);
    buf_put_str(out, "&issuer=");
    put_percent(issuer, out);
    buf_printf(out, "&algorithm=SHA1&digits=%d&period=%d", TOTP_DIGITS, TOTP_STEP_S);
}

/* ---- recovery codes ---- */

enum err
recovery_code_make(const struct rand_source *rand, char code[RECOVERY_CODE_LEN + 1])
{
    uint8_t dice[RECOVERY_CODE_LEN];
    enum err err = rand_fill(rand, dice, sizeof dice);
    if (err)
        return err;
    for (size_t i = 0; i < RECOVERY_CODE_LEN; i++)
        code[i] = plain_letters[dice[i] % 32];
    code[RECOVERY_CODE_LEN] = 0;
    mem_wipe(dice, sizeof dice);
    return ERR_NONE;
}

bool
recovery_code_normal(struct bytes typed, char code[RECOVERY_CODE_LEN + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        uint8_t c = typed.p[i];
        if (c == ' ' || c == '-')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (c == 0 || !strchr(plain_letters, c) || n == RECOVERY_CODE_LEN)
            return false;
        code[n++] = (char)c;
    }
    code[n] = 0;
    return n == RECOVERY_CODE_LEN;
}
