/*
 * What one connection goes by: command line, -F file or ~/.ssh/config, and
 * /etc/ssh/ssh_config, in this order, then the defaults; names expanded.
 */
#ifndef FERRY_CLI_SETTINGS_H
#define FERRY_CLI_SETTINGS_H

#include "cli/command.h"
#include "cli/target.h"
#include "config/ssh_options.h"
#include "crypto/algos.h"
#include "key/fingerprint.h"

struct settings {
    struct ssh_options o; /* complete: nothing unset but texts without a default */
    char *original;       /* the host as the user named it */
    char *host;           /* what to connect to */
    char *key_name;       /* what known_hosts calls it: HostKeyAlias, or host */
    char *user;           /* to log in as */
    char *home;           /* "" when nobody knows */
    char *proxy_command;  /* expanded; NULL: none */
    char *identity_agent, *revoked_host_keys; /* expanded; NULL: not set */
    enum fingerprint_form fingerprint_form;
    /* File names, expanded. is_default_*: nobody named them, so those that are not
     * there are passed over without a word. */
    struct option_list identity_files, certificate_files;
    struct option_list user_known_hosts, global_known_hosts;
    bool has_default_identities;
    char *lists[ALGO_SLOTS]; /* algorithms to offer */
};

/*
 * ERR_PROTO: what is wrong is in fault->text, with file and line. ERR_NOMEM.
 * settings_clear after use, also after an error.
 */
enum err settings_load(struct settings *s, const struct invocation *inv,
                       const struct target *target, struct fault *fault) MUST_USE;
void settings_clear(struct settings *s);

/* RequiredRSASize: is this key, plain or certificate, large enough? */
bool settings_allow_key(const struct settings *s, struct bytes blob);

#endif
