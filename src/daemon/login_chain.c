/* See login_chain.h. */
#include "daemon/login_chain.h"

#include <stdio.h>

static const char *const factor_names[FACTORS] = {
    [FACTOR_PUBLICKEY] = "publickey",
    [FACTOR_PASSWORD] = "password",
    [FACTOR_KBDINT] = "keyboard-interactive",
};

const char *
login_factor_name(enum login_factor factor)
{
    return factor_names[factor];
}

static void
add_single(struct login_chains *chains, unsigned enabled)
{
    for (unsigned f = 0; f < FACTORS; f++)
        if (enabled & 1U << f)
            chains->chain[chains->n++] =
                (struct login_chain){.n = 1, .step = {(enum login_factor)f}};
}

/* "keyboard-interactive:pam": sshd's way to name a device; there is one here. */
static struct bytes
without_device(struct bytes word)
{
    const uint8_t *colon = word.n ? memchr(word.p, ':', word.n) : NULL;
    return colon ? bytes_first(word, (size_t)(colon - word.p)) : word;
}

static bool
factor_of(struct bytes word, unsigned enabled, enum login_factor *factor)
{
    for (unsigned f = 0; f < FACTORS; f++) {
        if (!bytes_eq_str(without_device(word), factor_names[f]))
            continue;
        *factor = (enum login_factor)f;
        return (enabled & 1U << f) != 0;
    }
    return false;
}

/* ERR_AUTH: it can't be shown. */
static enum err
parse_chain(struct bytes text, unsigned enabled, struct login_chain *chain)
{
    struct bytes word;
    *chain = (struct login_chain){0};
    while (bytes_next_item(&text, &word)) {
        enum login_factor factor;
        if (!factor_of(word, enabled, &factor))
            return ERR_AUTH;
        if (chain->n == LOGIN_CHAIN_STEPS_MAX - 1)
            return ERR_LIMIT;
        chain->step[chain->n++] = factor;
    }
    return chain->n == 0 ? ERR_AUTH : ERR_NONE;
}

static bool
next_word(struct bytes *rest, struct bytes *word)
{
    while (rest->n != 0 && (rest->p[0] == ' ' || rest->p[0] == '\t'))
        *rest = bytes_skip(*rest, 1);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    *word = bytes_first(*rest, n);
    *rest = bytes_skip(*rest, n);
    return n != 0;
}

enum err
login_chains_parse(struct login_chains *chains, const char *text, unsigned enabled)
{
    struct bytes rest = bytes_str(text), word;
    *chains = (struct login_chains){0};
    if (rest.n == 0 || bytes_eq_str(rest, "any")) {
        add_single(chains, enabled);
        return ERR_NONE;
    }
    while (next_word(&rest, &word)) {
        struct login_chain chain;
        enum err err = parse_chain(word, enabled, &chain);
        if (err == ERR_AUTH)
            continue;
        if (err != ERR_NONE || chains->n == LOGIN_CHAINS_MAX) {
            chains->n = 0;
            return ERR_LIMIT;
        }
        chains->chain[chains->n++] = chain;
    }
    return ERR_NONE;
}

static bool
chain_has(const struct login_chain *chain, enum login_factor factor)
{
    for (size_t i = 0; i < chain->n; i++)
        if (chain->step[i] == factor)
            return true;
    return false;
}

void
login_chains_require(struct login_chains *chains, enum login_factor factor)
{
    for (size_t i = 0; i < chains->n; i++) {
        struct login_chain *chain = &chains->chain[i];
        if (!chain_has(chain, factor))
            chain->step[chain->n++] = factor; /* parse_chain left room for one */
    }
}

static bool
takes(const struct login_chain *chain, enum login_factor factor, enum login_weight weight)
{
    return chain->n_shown < chain->n && chain->step[chain->n_shown] == factor &&
           (weight == WEIGHT_FULL || chain->n_shown > 0);
}

bool
login_chains_takes(const struct login_chains *chains, enum login_factor factor,
                   enum login_weight weight)
{
    for (size_t i = 0; i < chains->n; i++)
        if (takes(&chains->chain[i], factor, weight))
            return true;
    return false;
}

void
login_chains_methods(const struct login_chains *chains, char methods[LOGIN_METHODS_MAX])
{
    size_t n = 0;
    methods[0] = 0;
    for (unsigned f = 0; f < FACTORS; f++)
        if (login_chains_takes(chains, (enum login_factor)f, WEIGHT_FULL))
            n += (size_t)snprintf(methods + n, LOGIN_METHODS_MAX - n, "%s%s",
                                  n ? "," : "", factor_names[f]);
}

bool
login_chains_show(struct login_chains *chains, enum login_factor factor,
                  enum login_weight weight)
{
    bool is_whole = false;
    for (size_t i = 0; i < chains->n; i++) {
        struct login_chain *chain = &chains->chain[i];
        chain->n_shown += takes(chain, factor, weight);
        is_whole = is_whole || chain->n_shown == chain->n;
    }
    return is_whole;
}
