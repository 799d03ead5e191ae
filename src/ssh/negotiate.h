/*
 * Algorithm negotiation (RFC 4253 7.1): two KEXINITs in, one choice out.
 */
#ifndef FERRY_SSH_NEGOTIATE_H
#define FERRY_SSH_NEGOTIATE_H

#include "base/err.h"
#include "crypto/kex.h"
#include "crypto/protect.h"
#include "crypto/sig.h"
#include "wire/msg.h"

enum { DIR_C2S = 0, DIR_S2C = 1 };

struct algo_choice {
    const struct kex_algo *kex;
    const struct sig_algo *host_key;
    const struct cipher_algo *cipher[2]; /* DIR_C2S, DIR_S2C */
    const struct mac_algo *mac[2];       /* NULL with an AEAD */
    bool zlib[2];                        /* zlib@openssh.com */
    bool guess_was_right; /* RFC 4253 7: both lists begin with the same names */
};

/* The first name of `client` that `server` has too; empty: none. */
struct bytes name_list_match(struct bytes client, struct bytes server);
bool name_list_has(struct bytes list, const char *name);

/*
 * ERR_PROTO: nothing in common in some slot; *why names the slot and shows
 * both lists, with disconnect reason KEY_EXCHANGE_FAILED.
 */
enum err negotiate(const struct ssh_kexinit *client, const struct ssh_kexinit *server,
                   struct algo_choice *choice, struct fault *why) MUST_USE;

#endif
