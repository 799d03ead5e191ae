/* See password_make.h. */
#include "account/password_make.h"

#include "base/secret.h"

/* 32 characters, so that a random octet favours none of them. */
enum err
password_make(const struct rand_source *rand, char password[PASSWORD_MADE_LEN + 1])
{
    static const char letters[32 + 1] = "abcdefghijkmnpqrstuvwxyz23456789";
    enum { GROUP = 6 };
    uint8_t dice[PASSWORD_MADE_LEN];
    enum err err = rand_fill(rand, dice, sizeof dice);
    if (err)
        return err;
    for (size_t i = 0; i < PASSWORD_MADE_LEN; i++)
        password[i] = i % GROUP == GROUP - 1 ? '-' : letters[dice[i] % 32];
    password[PASSWORD_MADE_LEN] = 0;
    mem_wipe(dice, sizeof dice);
    return ERR_NONE;
}
