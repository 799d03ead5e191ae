/*
 * What ssh_config can say, as data: one row a keyword (ssh_options.c), one
 * member here for each that Ferry acts upon. `-o`, `-F FILE` and the system's
 * file all arrive through ssh_options_set; the first value obtained wins, so
 * sources are read in order of precedence.
 *
 * Opens no files and asks for no environment: the caller does.
 */
#ifndef FERRY_CONFIG_SSH_OPTIONS_H
#define FERRY_CONFIG_SSH_OPTIONS_H

#include "config/value.h"

enum strict_host_key { STRICT_NO, STRICT_YES, STRICT_ASK, STRICT_ACCEPT_NEW };
enum address_family { FAMILY_ANY, FAMILY_INET, FAMILY_INET6 };
/* Of UpdateHostKeys; the switches use 0 and 1 of the same scale. */
enum yes_no_ask { ANSWER_NO, ANSWER_YES, ANSWER_ASK };

/*
 * Strings: NULL when not set; owned. Numbers: OPTION_UNSET when not set.
 * Switches (bool in spirit): 0, 1 or OPTION_UNSET.
 */
struct ssh_options {
    char *hostname, *user, *host_key_alias, *bind_address, *bind_interface;
    char *proxy_command, *proxy_jump, *identity_agent, *revoked_host_keys;
    char *preferred_authentications, *log_level, *fingerprint_hash, *ignore_unknown;
    /* algorithm lists, as written: they may begin with + - or ^ */
    char *kex, *ciphers, *macs, *host_key_algorithms, *pubkey_algorithms, *ca_algorithms;
    struct option_list identity_files, certificate_files;    /* accumulate */
    struct option_list user_known_hosts, global_known_hosts; /* one line */

    int port;                                   /* 1..65535 */
    int address_family;                         /* enum address_family */
    int connect_timeout, server_alive_interval; /* seconds; 0: none */
    int server_alive_count_max, connection_attempts, password_prompts;
    int required_rsa_size; /* bits */
    int strict_host_key;   /* enum strict_host_key */
    int update_host_keys;  /* enum yes_no_ask */
    int batch_mode, compression, identities_only, hash_known_hosts;
    int tcp_keep_alive, visual_host_key;
    int pubkey_authentication, password_authentication, kbdint_authentication;
    int64_t rekey_octets;  /* 0: the cipher's default */
    int64_t rekey_seconds; /* 0: none */
};

void ssh_options_init(struct ssh_options *o);
void ssh_options_clear(struct ssh_options *o);

/* What holds where nothing was said; call after every source was read. */
void ssh_options_fill_defaults(struct ssh_options *o);

/*
 * Take one directive (words->n >= 1; not Host, Match or Include).
 * is_active false: check it, but change nothing (a Host block that does not
 * apply). ERR_PROTO: *why says what is wrong with it, naming the keyword;
 * valid until the next call with the same buf. ERR_NOMEM.
 */
enum err ssh_options_set(struct ssh_options *o, const struct words *words, bool is_active,
                         struct buf *why) MUST_USE;

/* "name", "name=value" or "name value", as `-o` takes it. */
enum err
ssh_options_set_text(struct ssh_options *o, const char *text, struct buf *why) MUST_USE;

enum config_keyword_kind {
    KEYWORD_SET,     /* a row with a member above */
    KEYWORD_IGNORED, /* known, but of no concern to file transfer */
    KEYWORD_UNKNOWN
};
enum config_keyword_kind ssh_keyword_kind(const char *name);

#endif
