/*
 * One-time codes of a second factor: RFC 6238 with SHA-1, six digits, steps of
 * 30 seconds, what every authenticator app speaks. And recovery codes for the
 * day the telephone is lost.
 *
 * Pure: time and randomness are handed in. That a code works only once is the
 * store's business (store_totp_use), which keeps the last step used.
 */
#ifndef FERRY_ACCOUNT_TOTP_H
#define FERRY_ACCOUNT_TOTP_H

#include "base/buf.h"
#include "base/rand.h"

enum {
    TOTP_SECRET_LEN = 20, /* octets of those made here: RFC 4226 4, R6 */
    TOTP_SECRET_MIN = 10, /* octets of those taken over from elsewhere */
    TOTP_SECRET_MAX = 64,
    TOTP_DIGITS = 6,
    TOTP_STEP_S = 30,
    TOTP_WINDOW = 1, /* steps that a clock may be off, either way */
    TOTP_NEVER = -1, /* last step used: none */
    RECOVERY_CODES = 10,
    RECOVERY_CODE_LEN = 10, /* of 32 letters: 50 bits each */
};

/* The code of one step. ERR_CRYPTO, ERR_NOMEM. */
enum err
totp_code(struct bytes secret, int64_t step, char code[TOTP_DIGITS + 1]) MUST_USE;

/*
 * Is what was typed (blanks inside are ignored) the code of a step within the
 * window around now (seconds since 1970) and after last_step? All steps are
 * compared, in constant time. *step: which; store it before letting anybody in.
 * ERR_AUTH: no. ERR_CRYPTO, ERR_NOMEM.
 */
enum err totp_verify(struct bytes secret, struct bytes typed, int64_t now,
                     int64_t last_step, int64_t *step) MUST_USE;

enum err totp_make_secret(const struct rand_source *rand,
                          uint8_t secret[TOTP_SECRET_LEN]) MUST_USE;

/* RFC 4648 section 6, without padding; failure latches in out. */
void base32_encode(struct bytes data, struct buf *out);
/* Either case, blanks, '-' and padding at the end are ignored. ERR_PROTO: no base32. */
enum err base32_decode(struct bytes text, struct buf *out) MUST_USE;

/* Append "otpauth://totp/ISSUER:USER?secret=...&issuer=ISSUER", for a QR code. */
void totp_uri(const char *issuer, const char *user, struct bytes secret, struct buf *out);

enum err recovery_code_make(const struct rand_source *rand,
                            char code[RECOVERY_CODE_LEN + 1]) MUST_USE;
/*
 * What was typed, brought to the form that was hashed: lower case, without
 * blanks and '-'. False: cannot be a recovery code.
 */
bool recovery_code_normal(struct bytes typed, char code[RECOVERY_CODE_LEN + 1]);

#endif
