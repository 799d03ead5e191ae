/*
 * Is this the right host? known_hosts says what is on record, StrictHostKeyChecking
 * what to do about a new one, and a person may be asked. A changed or revoked
 * key ends the connection, whatever the settings say (product: step 4).
 */
#ifndef FERRY_CLI_HOST_KEY_H
#define FERRY_CLI_HOST_KEY_H

#include "cli/console.h"
#include "cli/hosts.h"

enum host_key_action { HOST_KEY_ACCEPT, HOST_KEY_ASK, HOST_KEY_REJECT };

/* What the settings ask for, given a verdict. A pure function: the policy's table. */
enum host_key_action host_key_policy(enum host_verdict verdict, int strict);

/* Does a verdict that was accepted call for a new line in known_hosts? */
bool host_key_is_to_be_added(enum host_verdict verdict);

/*
 * The verdict on a key: known_hosts, RevokedHostKeys, RequiredRSASize. f:
 * initialised by the caller.
 */
enum host_verdict host_key_judge(const struct hosts *hosts, struct bytes blob,
                                 struct host_finding *f) MUST_USE;

/*
 * Judge the key that the server proved to have, asking and recording as the
 * settings say. Everything for people is said here. False: do not go on.
 */
bool
host_key_decide(const struct hosts *hosts, struct console *console, struct bytes blob);

/* "ED25519", "RSA-CERT"; "unknown". */
const char *host_key_word(struct bytes blob);

/* Append "SHA256:..." (FingerprintHash); "(unreadable)" when it cannot be made. */
void
host_key_put_fingerprint(const struct settings *s, struct bytes blob, struct buf *out);

#endif
