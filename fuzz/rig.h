/*
 * One engine under test, driven by an input's records: what its peer sends,
 * what the program around it answers and does, and how time passes.
 *
 * The peer is either nobody (payloads are framed as packets in clear) or a
 * second engine, with which the first has come as far as `start` says; payloads
 * from the input are then sealed with that engine's keys, in its send order.
 * Keys, cookies and padding come from a fixed seed, so that an input does the
 * same in every run.
 */
#ifndef FERRY_FUZZ_RIG_H
#define FERRY_FUZZ_RIG_H

#include "ssh/conn.h"

enum rig_start {
    RIG_ALONE,    /* no peer */
    RIG_FRESH,    /* two engines that have not heard of each other */
    RIG_AT_LOGIN, /* keys are in use, the server waits for a request */
    RIG_OPEN,     /* authenticated, with a session and "sftp" on it */
    RIG_STARTS
};

/*
 * Run one input. What it checks, by abort():
 *   events only in their time: none of a channel's before authentication, none
 *     behind DISCONNECTED; no authentication that nobody granted; no signature
 *     event without a signature made by the key's owner
 *   the engine comes to rest after finitely many events and ticks
 *   when its peer is gone and every question is answered, it ends, with a
 *     reason, and nothing is left to send
 * What events borrow is read, for the sanitizers to see.
 */
void rig_run(enum conn_role role, enum rig_start start, struct bytes input);

#endif
