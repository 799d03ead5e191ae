/*
 * Passwords made for people: hard to guess and easy to type.
 */
#ifndef FERRY_ACCOUNT_PASSWORD_MAKE_H
#define FERRY_ACCOUNT_PASSWORD_MAKE_H

#include "base/rand.h"

/* 4 groups of 5 letters and digits that don't look alike: 100 bits. */
enum { PASSWORD_MADE_LEN = 23 };
enum err password_make(const struct rand_source *rand,
                       char password[PASSWORD_MADE_LEN + 1]) MUST_USE;

#endif
