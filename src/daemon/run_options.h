/*
 * The options of `ferryd run`, as sshd has them where it has them.
 */
#ifndef FERRY_DAEMON_RUN_OPTIONS_H
#define FERRY_DAEMON_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "config/server_config.h"

enum { RUN_OVERRIDES_MAX = 64 };

struct run_options {
    const char *config; /* -f; NULL: the default */
    bool is_test;       /* -t: check and end */
    bool is_print;      /* -T: print what is effective and end */
    bool is_help;
    const char *context; /* -C user=U,addr=A,laddr=A,lport=P; NULL none */
    const char *trace;
    /* Directives that come before the file's: -o, -p, -h, -e. NULL-terminated; owned. */
    char *overrides[RUN_OVERRIDES_MAX + 1];
    size_t n_overrides;
};

/* o: overwritten, cleared by the caller in any case. ERR_PROTO: a usage error. */
enum err run_options_parse(int argc, char *const *argv, struct run_options *o,
                           struct fault *why) MUST_USE;
/* The words of -C, into text, which context borrows from. ERR_PROTO. */
enum err
run_context_parse(char *text, struct server_context *context, struct fault *why) MUST_USE;

void run_options_clear(struct run_options *o);
void run_options_help(FILE *out);

#endif
