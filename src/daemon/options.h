/*
 * The words of `ferryd serve`: one const table, from which come the parser,
 * --help and the check that doc/ferryd.1 tells of every one of them.
 */
#ifndef FERRY_DAEMON_OPTIONS_H
#define FERRY_DAEMON_OPTIONS_H

#include <stdio.h>

#include "base/buf.h"
#include "crypto/algos.h"

enum { OPTION_TEXTS_MAX = 8 };

/* An option that may be given several times. Borrowed from argv. */
struct option_texts {
    const char *text[OPTION_TEXTS_MAX];
    uint32_t n;
};

enum sandbox_policy { SANDBOX_BEST_EFFORT, SANDBOX_REQUIRE };

/* What was asked for; texts are borrowed from argv, NULL when not given. */
struct serve_options {
    const char *dir; /* NULL: the current directory */
    struct option_texts listen, host_keys;
    const char *user, *password_file, *authorized_keys;
    const char *kex, *host_key_algorithms, *ciphers, *macs, *user_key_algorithms;
    const char *trace;
    uint32_t profile;     /* enum algo_profile */
    uint32_t sandbox;     /* enum sandbox_policy */
    uint32_t compression; /* 0 no, 1 yes */
    uint32_t is_read_only;
    uint32_t max_auth_tries; /* 0: the engine's default, as for the rest */
    uint32_t login_grace_s, keepalive_s;
    uint64_t rekey_octets;
    uint32_t verbose, quiet; /* how often */
    uint32_t help, version;
};

/*
 * argv[0..argc): what follows `serve`. o: set to defaults, then filled.
 * ERR_PROTO: a usage error; one sentence in *why.
 */
enum err serve_options_parse(int argc, char *const *argv, struct serve_options *o,
                             struct fault *why) MUST_USE;

/* The table as --help shows it. */
void serve_options_help(FILE *out);

/* Name of the ith option ("listen"), NULL behind the last. */
const char *serve_option_name(size_t i);

#endif
