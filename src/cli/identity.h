/*
 * The keys that a login may be tried with, in the order of OpenSSH: keys that
 * both a file names and the agent holds, the agent's other keys (unless
 * IdentitiesOnly), then the other files; a certificate comes before its key.
 * A private key file is decrypted only once the server wants that key.
 */
#ifndef FERRY_CLI_IDENTITY_H
#define FERRY_CLI_IDENTITY_H

#include "cli/agent_link.h"
#include "cli/console.h"
#include "cli/settings.h"
#include "crypto/sig.h"

enum { IDENTITIES_MAX = 256 };

struct identity {
    struct buf blob;  /* what is offered: a plain key or a certificate */
    struct buf plain; /* its plain key, which signs */
    struct buf text;  /* the private key file's content; empty: none */
    char *path;       /* the private key file; NULL: only the agent has it */
    char *label;      /* for messages, encoded */
    bool is_in_agent;
    bool is_encrypted; /* the file needs a passphrase */
    bool is_tried;
    struct privkey *key; /* once loaded */
};

struct identities {
    const struct settings *settings; /* borrowed */
    struct console *console;         /* borrowed */
    struct agent_link agent;
    struct identity list[IDENTITIES_MAX];
    size_t n;
};

/* binding: for session-bind@openssh.com, once the agent is reached. */
void identities_collect(struct identities *ids, const struct settings *s,
                        struct console *console, const struct agent_binding *binding);
void identities_clear(struct identities *ids);

/*
 * The signature algorithm to use with a key: the first of our own list that fits
 * its type and, for RSA, that the server announced (empty: not announced; then
 * our first). NULL: none in common.
 */
const struct sig_algo *
identity_algo(struct bytes blob, struct bytes own_list, struct bytes server_list);

/* May this one be used without anybody being asked (a passphrase, the agent)? */
bool identity_is_ready(const struct identity *id);

/*
 * Sign data; a passphrase is asked for when it is needed. The signature blob is
 * appended. ERR_AUTH: wrong passphrases, or the agent refused; ERR_CLOSED:
 * interrupted; others: the key is of no use. What there is to say is said.
 */
enum err
identity_sign(struct identities *ids, struct identity *id, const struct sig_algo *algo,
              struct bytes data, struct buf *signature) MUST_USE;

#endif
