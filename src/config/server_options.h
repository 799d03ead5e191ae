/*
 * What ferryd's configuration can say, as data: one row a keyword
 * (server_options.c), one member here for each. The grammar and the words are
 * sshd_config's wherever the meaning is; our own words are marked "ours".
 *
 * A `struct server_options` is what holds for one connection or for the whole
 * daemon, all Match blocks applied and all defaults filled in; see
 * config/server_config.h for where it comes from. Texts are owned; NULL is both
 * "not set" and the word "none". Times in seconds, sizes in octets, 0 = none
 * unless said otherwise.
 */
#ifndef FERRY_CONFIG_SERVER_OPTIONS_H
#define FERRY_CONFIG_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/ssh_options.h" /* enum address_family, OPTION_UNSET */

/* What accumulates over lines, or one line's words; each owned. */
struct server_list {
    char **item;
    size_t n;
};
enum { SERVER_LIST_MAX = 4096 };

enum server_login_as_root {
    ROOT_LOGIN_NO,
    ROOT_LOGIN_PROHIBIT_PASSWORD,
    ROOT_LOGIN_FORCED_COMMANDS, /* as PROHIBIT_PASSWORD; our only command is forced */
    ROOT_LOGIN_YES,
};

enum server_sandbox { SERVER_SANDBOX_BEST_EFFORT, SERVER_SANDBOX_REQUIRE };
enum server_log_style { SERVER_LOG_TEXT, SERVER_LOG_JSON, SERVER_LOG_OPENSSH };

/* Which accounts may log in; bits. `Accounts system virtual`. */
enum server_accounts { SERVER_ACCOUNTS_SYSTEM = 1, SERVER_ACCOUNTS_VIRTUAL = 2 };

/* What an event's program can be started for; an index. `Event upload PROGRAM ...`. */
enum server_event {
    SERVER_EVENT_UPLOAD,
    SERVER_EVENT_LOGIN,
    SERVER_EVENT_LOGIN_FAILED,
    SERVER_EVENT_REMOVE,
    SERVER_EVENT_RENAME,
    SERVER_EVENT_QUOTA,
    SERVER_EVENTS
};

struct server_penalties {
    int is_enabled;                                   /* 0, 1 */
    uint32_t crash, authfail, baduser, noauth, grace; /* seconds each */
    uint32_t min, max;                                /* seconds */
    uint32_t max_sources4, max_sources6;
};

struct server_options {
    /* ---- for the whole daemon: outside Match only ---- */
    struct server_list ports, listen_addresses; /* as written; "HOST[:PORT]" */
    int address_family;                         /* enum address_family */
    struct server_list host_keys, host_certificates;
    char *kex, *ciphers, *macs, *host_key_algorithms, *ca_algorithms; /* with + - ^ */
    char *profile;         /* ours: "default", "compat", "gov" */
    int required_rsa_size; /* bits */
    int max_startups_begin, max_startups_rate, max_startups_full;
    int per_source_max_startups;            /* INT_MAX: none */
    int per_source_bits4, per_source_bits6; /* PerSourceNetBlockSize */
    struct server_penalties penalties;
    char *penalty_exempt; /* CIDR list */
    int login_grace_s;
    int compression; /* 0, 1 */
    char *version_addendum;
    char *syslog_facility;
    char *pid_file;
    int use_pam;
    char *pam_service; /* name of the file in /etc/pam.d */
    int tcp_keep_alive;
    int accounts;                       /* ours: enum server_accounts bits */
    char *account_database;             /* ours: path */
    char *state_directory;              /* ours: path */
    char *control_socket;               /* ours: path */
    int sandbox;                        /* ours: enum server_sandbox */
    char *pre_auth_user, *virtual_user; /* ours: system users, when started as root */
    int log_style;                      /* ours: enum server_log_style */
    char *log_target;                   /* ours: "stderr", "syslog", "journal", path */
    char *audit_log;                    /* ours: path */
    char *trusted_proxies;              /* ours: CIDR list that speaks PROXY v2 */
    int drain_s;                        /* ours: from SIGTERM to the end */
    int max_connections;                /* ours */
    struct server_list events[SERVER_EVENTS]; /* ours: program and arguments */
    char *event_user;                         /* ours */
    int event_timeout_s;                      /* ours */

    /* ---- may stand in a Match block ---- */
    char *log_level;
    char *authentication_methods; /* chains, "publickey,password keyboard-interactive" */
    int password_authentication, pubkey_authentication, kbdint_authentication;
    int permit_empty_passwords; /* only "no" is accepted */
    struct server_list authorized_keys_files;
    char *authorized_keys_command, *authorized_keys_command_user;
    char *authorized_principals_file;
    char *trusted_user_ca_keys, *revoked_keys;
    char *pubkey_algorithms; /* PubkeyAcceptedAlgorithms, with + - ^ */
    int pubkey_touch_required, pubkey_verify_required; /* PubkeyAuthOptions */
    int permit_root_login;                             /* enum server_login_as_root */
    struct server_list allow_users, deny_users, allow_groups, deny_groups;
    int max_auth_tries, max_sessions; /* channels of one connection */
    char *chroot_directory;           /* with %h %u %U %% */
    char *force_command;              /* "internal-sftp -R ..."; config/sftp_command.h */
    char *sftp_subsystem;             /* the same; holds where force_command is NULL */
    int alive_interval_s, alive_count_max;
    int channel_timeout_s;               /* ChannelTimeout session=; 0: none */
    int unused_connection_timeout_s;     /* 0: none */
    int64_t rekey_octets, rekey_seconds; /* 0: the default */
    char *banner;                        /* path */
    int is_read_only;                    /* ours: ReadOnly */
    int umask;                           /* ours: octal; OPTION_UNSET: 022 */
    int max_account_sessions;            /* ours: MaxAccountSessions, connections */
    int atomic_uploads;                 /* ours: 0, 1, OPTION_UNSET: by kind of account */
    int durable_uploads;                /* ours: 0, 1 */
    int64_t upload_rate, download_rate; /* ours: octets a second; 0: none */
    int64_t quota_octets, quota_files;  /* ours */
    struct server_list permissions;     /* ours: lines "PATH RIGHTS"; vfs/policy.h */
    struct server_list refused_names;   /* ours: RefuseNames, patterns */
};

void server_options_init(struct server_options *o);
void server_options_clear(struct server_options *o);

/* Name of the ith keyword of the table; NULL behind the last. For documents and tests. */
const char *server_keyword_name(size_t i);

#endif
