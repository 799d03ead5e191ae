/*
 * Two engines in one process, no socket, virtual time: octets are carried
 * between them in pieces whose sizes come from a seed. The same seed gives the
 * same session, so a failure is repeated by its number.
 *
 * The client logs in, opens a session and the subsystem "echo", sends `octets`
 * of a pattern (half as bulk through reservations, half as control), and the
 * server sends every octet back. Property: the same octets arrive in the same
 * order, the session ends by itself, nothing stalls, nothing leaks.
 */
#ifndef FERRY_TESTS_SIM_H
#define FERRY_TESTS_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "ssh/conn.h"

enum sim_login { SIM_PASSWORD, SIM_PUBLICKEY, SIM_KBDINT };

struct sim_config {
    uint64_t seed;
    const char *kex, *cipher, *mac, *compression,
        *host_key;         /* one name each; NULL: default */
    uint32_t octets;       /* to be echoed */
    uint32_t window;       /* receive window, both ends; 0: default */
    uint32_t max_packet;   /* 0: default */
    uint64_t rekey_octets; /* 0: never because of volume */
    uint32_t chop_max;     /* octets carried at once, at most */
    enum sim_login login;
    bool has_rekeys_by_hand; /* conn_rekey at random moments, from both ends */
    bool wants_wrong_password_first;
    bool hands_over; /* the server's end goes to another engine after the login */
};

struct sim_result {
    bool is_ok;     /* all octets came back and both ends ended normally */
    uint32_t n_kex; /* key exchanges done */
    uint64_t steps;
    char why[256]; /* when not ok */
};

/* Once per process: keys. */
void sim_init(void);
void sim_clear(void);

struct sim_result sim_run(const struct sim_config *config);

#endif
