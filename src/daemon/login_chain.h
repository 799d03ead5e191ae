/*
 * Which factors a login needs, and which of them it has shown: the chains of
 * AuthenticationMethods (sshd_config(5)), or an account's own. One chain shown
 * in full, in its order, lets in.
 */
#ifndef FERRY_DAEMON_LOGIN_CHAIN_H
#define FERRY_DAEMON_LOGIN_CHAIN_H

#include <stddef.h>

#include "daemon/verdict.h"

enum login_factor { FACTOR_PUBLICKEY, FACTOR_PASSWORD, FACTOR_KBDINT, FACTORS };

enum {
    LOGIN_CHAINS_MAX = 32,
    LOGIN_CHAIN_STEPS_MAX = 8, /* one more than is taken from a text */
};

struct login_chains {
    size_t n; /* 0: nothing lets in */
    struct login_chain {
        size_t n, n_shown;
        enum login_factor step[LOGIN_CHAIN_STEPS_MAX];
    } chain[LOGIN_CHAINS_MAX];
};

/* The RFC's name: "publickey", "password", "keyboard-interactive". */
const char *login_factor_name(enum login_factor factor);

/*
 * text: chains with blanks between, factors with commas; NULL, "" or "any": each
 * factor by itself. enabled: bits 1 << factor. A chain with a factor that is not
 * enabled or not known can't be shown and is left out.
 * ERR_LIMIT: more chains, or longer ones, than fit: chains->n is 0.
 */
enum err login_chains_parse(struct login_chains *chains, const char *text,
                            unsigned enabled) MUST_USE;

/* Every chain ends with this factor from now on, unless it has it already. */
void login_chains_require(struct login_chains *chains, enum login_factor factor);

/* How much a proof weighs. SECOND: a one-time code alone, which is worth
 * keyboard-interactive only behind another factor of the same chain (threats A10). */
enum login_weight { WEIGHT_FULL, WEIGHT_SECOND };

/* May a proof of this weight come next, in any chain? */
bool login_chains_takes(const struct login_chains *chains, enum login_factor factor,
                        enum login_weight weight);

/* "publickey,password": the factors that may come next. */
void
login_chains_methods(const struct login_chains *chains, char methods[LOGIN_METHODS_MAX]);

/*
 * A factor was shown. Chains for which it is not the next one, or which it is too
 * light for, stay where they are. True: a chain has been shown in full.
 */
bool login_chains_show(struct login_chains *chains, enum login_factor factor,
                       enum login_weight weight) MUST_USE;

#endif
