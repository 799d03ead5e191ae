/*
 * What `ferryd run` works with, made from the options that hold outside every
 * Match block: users looked up, lists of algorithms put together, addresses
 * resolved to sockets to be opened, places for files. Holds no secret. Made
 * anew at each reload, before anything of the old is let go.
 */
#ifndef FERRY_DAEMON_RUN_SETTINGS_H
#define FERRY_DAEMON_RUN_SETTINGS_H

#include <limits.h>

#include "config/server_config.h"
#include "daemon/admission.h"
#include "daemon/listener.h"
#include "daemon/public.h"
#include "daemon/settings.h"
#include "daemon/verdict_book.h"

enum { RUN_BANNERS_MAX = 64 };

struct run_settings {
    struct server_config *config;  /* owned */
    struct server_options options; /* outside Match; owned */
    struct daemon_public *public;  /* without keys; owned */
    struct admission_limits limits;
    bool is_root;
    uint32_t virtual_uid, virtual_gid; /* VirtualUser, when root */
    char state_dir[PATH_MAX];
    char database[PATH_MAX];
    char control[PATH_MAX]; /* "": no socket */
    char pubkey_algos[PUBLIC_LIST_MAX], ca_algos[PUBLIC_LIST_MAX];
    struct net_addr listen[LISTENER_SOCKETS_MAX];
    uint32_t n_listen;
    struct verdict_banner banners[RUN_BANNERS_MAX]; /* owned texts */
    size_t n_banners;
};

/*
 * Read the configuration at path with overrides (of -o), and work it out. Makes
 * the state directory. s: overwritten; clear it also after a failure.
 * ERR_PROTO, ERR_AUTH, ERR_IO: *why is one sentence.
 */
enum err run_settings_make(struct run_settings *s, const char *path,
                           const char *const *overrides, const struct environment *env,
                           const char *trace, struct fault *why) MUST_USE;
void run_settings_clear(struct run_settings *s);

/* The words of LogLevel. */
enum log_level run_settings_level(const char *word);

/* A program of ours that is started on its own: beside this one, or where meson
 * installs it. path: room for PATH_MAX octets. ERR_IO: it is not there. */
enum err program_find(const char *name, char *path, struct fault *why) MUST_USE;

#endif
