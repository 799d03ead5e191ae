/*
 * The process behind the trust line: loads the host keys and what is needed for
 * verdicts, walls itself in, and answers the questions of the processes that
 * meet peers. It never touches the network, and the listener never touches a
 * key. One for each configuration that is in force: after a reload the one
 * before goes on for the connections that it has.
 */
#ifndef FERRY_DAEMON_MONITOR_PROCESS_H
#define FERRY_DAEMON_MONITOR_PROCESS_H

#include "config/server_config.h"
#include "daemon/admission.h"
#include "daemon/log.h"
#include "daemon/monitor.h"
#include "daemon/sandbox.h"
#include "daemon/settings.h"
#include "daemon/verdict_book.h"

/* Listener to monitor. */
enum monitor_word_type {
    MONITOR_ENTER = 1, /* a connection's pair: its end comes as a descriptor */
    MONITOR_LEFT,      /* connection id is over, all its processes have ended */
};

struct monitor_word {
    uint32_t type;
    uint32_t end;   /* ENTER: enum monitor_end */
    uint32_t place; /* in the listener's table: below ADMISSION_PLACES_MAX */
    uint64_t id;
    char address[64], local_address[64]; /* terminated */
    uint16_t port, local_port;
    uint32_t may_be_proxied;
};

/* Monitor to listener. */
enum monitor_notice_type {
    MONITOR_READY = 1,  /* keys and accounts are loaded; struct monitor_keys follows */
    MONITOR_FAILED,     /* they could not be: the reason has been logged */
    MONITOR_IS_PROXIED, /* of connection id: address, port */
    MONITOR_IDENTIFIED, /* client */
    MONITOR_LOGIN_FAILED,
    MONITOR_BAD_USER, /* a login failed that nobody could have had */
    MONITOR_ACCEPTED, /* account, how; start its session */
    MONITOR_MISUSED,  /* connection id asked what none may ask: kill it */
};

struct monitor_notice {
    uint32_t type;
    uint64_t id;
    char address[64];
    uint16_t port;
    char client[ADMISSION_CLIENT_MAX];
    char account[ACCOUNT_NAME_MAX + 1];
    char how[ADMISSION_METHOD_MAX];
    uint32_t max_sessions;
    uint64_t upload_rate, download_rate;
};

/* Follows MONITOR_READY, once. */
struct monitor_keys {
    char auth_methods[64]; /* `ferryd serve`: for the announcement */
    uint32_t n;
    struct public_key key[PUBLIC_KEYS_MAX];
};

/* What `ferryd serve` has: one account, its folder. */
struct monitor_single {
    const struct settings *settings;
    const struct net_addr *bound; /* settings->n_listen of them, as bound */
};

/* What `ferryd run` has. */
struct monitor_book {
    const struct server_config *config;
    const struct server_options *options; /* outside Match */
    const char *pubkey_algos, *ca_algos;  /* what the lists begin from; resolved */
    const struct verdict_banner *banners;
    size_t n_banners;
    const char *state_dir;
    int steward;       /* daemon/steward.h */
    int recorder;      /* daemon/recorder_client.h; -1: none */
    uint64_t instance; /* random, of the daemon's life */
    bool is_root;
    uint32_t virtual_uid, virtual_gid;
};

struct monitor_process {
    const struct monitor_single *single; /* one of the two */
    const struct monitor_book *book;
    const struct sandbox_plan *plan;
    struct daemon_log *log;
    int link; /* our end of link_pair */
};

/*
 * Runs until the listener's end of the link is closed and the last connection
 * has left; the exit status.
 */
int monitor_process_run(const struct monitor_process *p) MUST_USE;

#endif
