/* See password.h. The hashing itself is libcrypt's. */
#include "account/password.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "crypto/hash.h"

/*
 * yescrypt's cost as crypt_gensalt counts it: N = 2^14, r = 32, so 64 MiB, and 76 ms
 * where this was measured (a server core of 2024; each step doubles both).
 */
enum { PASSWORD_COST = 7 };
/* What crypt_gensalt writes for it; everything else is hashed anew at login. */
#define PASSWORD_SETTING_PREFIX "$y$jBT$"

/* libcrypt takes no longer ones: those are hashed before. */
enum { CRYPT_PHRASE_MAX = CRYPT_MAX_PASSPHRASE_SIZE - 1 };

/* ---- which strings are accepted ---- */

static const char itoa64[] =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static int
value_of(char c)
{
    const char *at = c ? strchr(itoa64, c) : NULL;
    return at ? (int)(at - itoa64) : -1;
}

/* All that libcrypt writes behind the salt's "$": salt, "$", digest. */
static bool
has_alphabet(const char *text)
{
    return text[strspn(text, itoa64)] == 0 && *text;
}

static bool
is_salt_and_digest(const char *text, size_t digest_len)
{
    const char *digest = strchr(text, '$');
    return digest && has_alphabet(digest + 1) && strlen(digest + 1) == digest_len &&
           strspn(text, itoa64) == (size_t)(digest - text);
}

/*
 * "$y$" flavour, log2 N, r: a character each while they are small, which is all
 * that crypt_gensalt makes. Longer forms ask for parallelism or for more: refused.
 */
static bool
is_yescrypt(const char *text)
{
    int n_log2, r;
    if (text[0] != 'j' || !text[1] || !text[2] || text[3] != '$')
        return false;
    n_log2 = value_of(text[1]) + 1;
    r = value_of(text[2]) + 1;
    return n_log2 >= 1 && n_log2 <= PASSWORD_YESCRYPT_N_LOG2_MAX && r >= 1 &&
           r <= PASSWORD_YESCRYPT_R_MAX && is_salt_and_digest(text + 4, 43);
}

/* "$2b$" two digits "$" 22 characters of salt, 31 of digest. */
static bool
is_bcrypt(const char *text)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9' ||
        text[2] != '$')
        return false;
    int cost = (text[0] - '0') * 10 + (text[1] - '0');
    return cost >= 4 && cost <= PASSWORD_BCRYPT_COST_MAX && has_alphabet(text + 3) &&
           strlen(text + 3) == 22 + 31;
}

/* "$6$" ["rounds=" N "$"] salt "$" digest. */
static bool
is_sha_crypt(const char *text, size_t digest_len)
{
    static const char word[] = "rounds=";
    if (strncmp(text, word, strlen(word)) == 0) {
        const char *digits = text + strlen(word);
        size_t n = strspn(digits, "0123456789");
        if (n == 0 || n > 7 || digits[n] != '$' ||
            strtol(digits, NULL, 10) > PASSWORD_SHA_ROUNDS_MAX)
            return false;
        text = digits + n + 1;
    }
    return is_salt_and_digest(text, digest_len);
}

static bool
is_sha256_crypt(const char *text)
{
    return is_sha_crypt(text, 43);
}

static bool
is_sha512_crypt(const char *text)
{
    return is_sha_crypt(text, 86);
}

static const struct {
    const char *prefix;
    bool (*is_usable)(const char *rest);
} schemes[] = {
    {"$y$", is_yescrypt},     {"$2b$", is_bcrypt},      {"$2y$", is_bcrypt},
    {"$6$", is_sha512_crypt}, {"$5$", is_sha256_crypt},
};

static bool
find_scheme(const char *hash, size_t *i)
{
    for (*i = 0; *i < ARRAY_LEN(schemes); ++*i)
        if (strncmp(hash, schemes[*i].prefix, strlen(schemes[*i].prefix)) == 0)
            return true;
    return false;
}

bool
password_hash_is_usable(const char *hash, struct fault *why)
{
    struct fault unused = {0};
    size_t i;
    why = why ? why : &unused;
    if (strlen(hash) > ACCOUNT_HASH_MAX || !find_scheme(hash, &i)) {
        fault_set(why, ERR_PROTO, 0,
                  "not a password hash that is accepted: $y$, $2b$, $2y$, $6$ or $5$");
        return false;
    }
    if (schemes[i].is_usable(hash + strlen(schemes[i].prefix)))
        return true;
    fault_set(why, ERR_PROTO, 0,
              "a %s hash that is cut short, or asks for more work than is allowed",
              schemes[i].prefix);
    return false;
}

bool
password_needs_rehash(const char *hash)
{
    return strncmp(hash, PASSWORD_SETTING_PREFIX, strlen(PASSWORD_SETTING_PREFIX)) != 0;
}

/* ---- computing ---- */

static bool
is_sane(struct bytes password)
{
    return password.n != 0 && password.n <= PASSWORD_MAX &&
           !memchr(password.p, 0, password.n);
}

/* As libcrypt wants it: terminated, and short enough. A long one becomes the hex of its
 * HMAC under a label, so that nobody's hash of it is the password itself. */
static enum err
phrase_of(struct bytes password, char phrase[CRYPT_PHRASE_MAX + 1])
{
    uint8_t digest[64];
    if (password.n <= CRYPT_PHRASE_MAX) {
        memcpy(phrase, password.p, password.n);
        phrase[password.n] = 0;
        return ERR_NONE;
    }
    enum err err =
        hmac_digest(HASH_SHA512, BYTES_LIT("ferry: long password"), password, digest);
    for (size_t i = 0; err == ERR_NONE && i < sizeof digest; i++)
        snprintf(phrase + 2 * i, 3, "%02x", digest[i]);
    mem_wipe(digest, sizeof digest);
    return err;
}

/* setting: checked. The work happens here. */
static enum err
compute(struct bytes password, const char *setting, char hash[ACCOUNT_HASH_MAX + 1])
{
    char phrase[CRYPT_PHRASE_MAX + 1];
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data)
        return ERR_NOMEM;
    enum err err = phrase_of(password, phrase);
    if (err == ERR_NONE) {
        const char *made = crypt_rn(phrase, setting, data, (int)sizeof *data);
        size_t n = made ? strlen(made) : 0;
        err = n != 0 && n <= ACCOUNT_HASH_MAX ? ERR_NONE : ERR_CRYPTO;
        if (err == ERR_NONE)
            memcpy(hash, made, n + 1);
    }
    mem_wipe(phrase, sizeof phrase);
    mem_wipe(data, sizeof *data);
    free(data);
    return err;
}

enum err
password_hash(struct bytes password, const struct rand_source *rand,
              char hash[ACCOUNT_HASH_MAX + 1])
{
    char dice[16], setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!is_sane(password))
        return ERR_PROTO;
    enum err err = rand_fill(rand, dice, sizeof dice);
    if (err)
        return err;
    if (!crypt_gensalt_rn("$y$", PASSWORD_COST, dice, sizeof dice, setting,
                          sizeof setting))
        return ERR_CRYPTO;
    return compute(password, setting, hash);
}

enum err
password_hash_like(struct bytes password, const char *setting,
                   char hash[ACCOUNT_HASH_MAX + 1])
{
    if (!is_sane(password) || !password_hash_is_usable(setting, NULL))
        return ERR_PROTO;
    return compute(password, setting, hash);
}

enum err
password_verify(struct bytes password, const char *hash)
{
    char made[ACCOUNT_HASH_MAX + 1] = {0};
    if (!password_hash_is_usable(hash, NULL))
        return ERR_PROTO;
    /* What cannot be anybody's password costs what others cost (threats A4). */
    bool may_be = is_sane(password);
    enum err err = compute(may_be ? password : BYTES_LIT("none"), hash, made);
    size_t n = strlen(hash);
    bool is_right = err == ERR_NONE && strlen(made) == n && mem_equal_ct(made, hash, n);
    mem_wipe(made, sizeof made);
    if (err)
        return err;
    return is_right && may_be ? ERR_NONE : ERR_AUTH;
}

const char *
password_dummy_hash(void)
{
    /* Of a password drawn by lot and forgotten. */
    return PASSWORD_SETTING_PREFIX
        "hr9CgWWI5GqvqTgg05kCf0$wzfWTTCi8gSl.gEfFS9Xlwm6SfZDth/g.QyAaFS7mc4";
}

/* ---- choosing ---- */

bool
password_is_strong(struct bytes password, const char *user, struct fault *why)
{
    bool is_one_octet = true;
    for (size_t i = 1; i < password.n; i++)
        is_one_octet = is_one_octet && password.p[i] == password.p[0];
    if (password.n < PASSWORD_STRONG_MIN)
        fault_set(why, ERR_PROTO, 0, "a password of at least %d octets is wanted",
                  PASSWORD_STRONG_MIN);
    else if (is_one_octet)
        fault_set(why, ERR_PROTO, 0, "the password repeats one character");
    else if (password.n == strlen(user) &&
             strncasecmp((const char *)password.p, user, password.n) == 0)
        fault_set(why, ERR_PROTO, 0, "the password is the user's name");
    else
        return true;
    return false;
}
