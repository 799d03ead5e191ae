/*
 * What `ferryd serve` works with, made once from its options before the first
 * process is forked: names resolved, lists of algorithms put together, bounds
 * checked. Holds no secret.
 */
#ifndef FERRY_DAEMON_SETTINGS_H
#define FERRY_DAEMON_SETTINGS_H

#include <limits.h>

#include "daemon/account.h"
#include "daemon/options.h"
#include "net/socket.h"
#include "ssh/conn.h"

enum { SETTINGS_SHIELDED_MAX = 16 };

struct settings {
    const struct serve_options *options; /* borrowed */
    char dir[PATH_MAX];                  /* absolute, without symbolic links */
    char state_dir[PATH_MAX];            /* "" when --host-key made it needless */
    char user[ACCOUNT_USER_MAX + 1];
    struct buf lists[ALGO_SLOTS]; /* as C strings */
    struct conn_limits limits;
    struct net_addr listen[OPTION_TEXTS_MAX];
    uint32_t n_listen;
    /* Files and directories of ours that lie inside dir, relative to it: the
     * client must not reach them (threats P10). Owned texts. */
    char *shielded[SETTINGS_SHIELDED_MAX];
    uint32_t n_shielded;
};

/* What is taken from the environment, before it is cleared (threats F5). */
struct environment {
    char *home, *xdg_state_home, *xdg_runtime_dir, *trace;
    char *notify_socket, *watchdog_usec, *watchdog_pid; /* daemon/notify.h */
    char *listen_pid, *listen_fds, *listen_fdnames;     /* daemon/activation.h */
    char **argv;                                        /* ours */
    char *keep_instance; /* of the ferryd that we replace */
    char *ready_fd;      /* the ferryd that we replace waits for an octet there */
};

/*
 * Makes the state directory if it is needed. s: overwritten; clear it also
 * after a failure. ERR_PROTO: an option makes no sense; others: see *why.
 */
enum err settings_make(struct settings *s, const struct serve_options *o,
                       const struct environment *env, struct fault *why) MUST_USE;
void settings_clear(struct settings *s);

/* Parts of the trace: --trace, else FERRY_TRACE, else NULL. */
const char *settings_trace(const struct serve_options *o, const struct environment *env);
enum log_level settings_log_level(const struct serve_options *o);

/*
 * Where target lies seen from dir; both absolute and without symbolic links.
 * relative: the part of target behind dir, when it is INSIDE.
 */
enum path_relation { PATH_APART, PATH_INSIDE, PATH_IS_DIR, PATH_ABOVE };
enum path_relation
path_relate(const char *dir, const char *target, const char **relative);

#endif
