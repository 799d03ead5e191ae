/*
 * The keywords of ferryd's configuration, a row each; see server_keyword.h.
 * A new option is a member in server_options.h and a row here.
 */
#include <limits.h>
#include <strings.h>

#include "config/nearest.h"
#include "config/server_keyword.h"
#include "config/sftp_command.h"

enum {
    LONG_TIME = 365 * 86400, /* seconds; more is a slip */
    MUCH = 1000000,          /* of what is counted */
    ADDENDUM_MAX = 200,      /* octets; an identification has 255, RFC 4253 4.2 */
    RSA_LEAST = 1024,        /* sshd's */
};

#define AT(member) offsetof(struct server_options, member)
#define HUGE_SIZE  INT64_MAX

static const struct option_word only_no[] = {
    {"no", 0}, {"false", 0}, {"none", 0}, {NULL, 0}};
static const struct option_word only_yes[] = {{"yes", 1}, {"true", 1}, {NULL, 0}};
static const struct option_word only_none[] = {{"none", 0}, {NULL, 0}};
static const struct option_word only_sha256[] = {{"sha256", 0}, {NULL, 0}};
static const struct option_word compression_words[] = {
    {"yes", 1}, {"delayed", 1}, {"no", 0}, {NULL, 0}};
static const struct option_word profile_words[] = {
    {"default", 0}, {"compat", 1}, {"gov", 2}, {NULL, 0}};
static const struct option_word account_words[] = {
    {"system", SERVER_ACCOUNTS_SYSTEM}, {"virtual", SERVER_ACCOUNTS_VIRTUAL}, {NULL, 0}};
static const struct option_word sandbox_words[] = {
    {"best-effort", SERVER_SANDBOX_BEST_EFFORT},
    {"require", SERVER_SANDBOX_REQUIRE},
    {NULL, 0}};
static const struct option_word style_words[] = {{"text", SERVER_LOG_TEXT},
                                                 {"json", SERVER_LOG_JSON},
                                                 {"openssh", SERVER_LOG_OPENSSH},
                                                 {NULL, 0}};
static const struct option_word target_words[] = {
    {"stderr", 0}, {"syslog", 1}, {"journal", 2}, {NULL, 0}};
static const struct option_word event_words[] = {
    {"upload", SERVER_EVENT_UPLOAD},
    {"login", SERVER_EVENT_LOGIN},
    {"login-failed", SERVER_EVENT_LOGIN_FAILED},
    {"remove", SERVER_EVENT_REMOVE},
    {"rename", SERVER_EVENT_RENAME},
    {"quota", SERVER_EVENT_QUOTA},
    {NULL, 0}};
static const struct option_word root_words[] = {
    {"no", ROOT_LOGIN_NO},
    {"prohibit-password", ROOT_LOGIN_PROHIBIT_PASSWORD},
    {"without-password", ROOT_LOGIN_PROHIBIT_PASSWORD},
    {"forced-commands-only", ROOT_LOGIN_FORCED_COMMANDS},
    {"yes", ROOT_LOGIN_YES},
    {NULL, 0}};
static const struct option_word atomic_words[] = {
    {"virtual", OPTION_UNSET}, {"yes", 1}, {"no", 0}, {NULL, 0}};

/* Known, of no concern: with any value, or only with one that promises nothing. */
#define NEUTRAL(word)                                               \
    {                                                               \
        .name = word, .type = &type_harmless, .scope = SCOPE_DAEMON \
    }
#define NEUTRAL_IN_MATCH(word)                                     \
    {                                                              \
        .name = word, .type = &type_harmless, .scope = SCOPE_MATCH \
    }
#define ONLY(word, harmless, where, reason)                                      \
    {                                                                            \
        .name = word, .type = &type_harmless, .words = harmless, .scope = where, \
        .help = reason                                                           \
    }
#define ALIAS(word, of)              \
    {                                \
        .name = word, .alias_of = of \
    }

#define NO_SHELL   "ferryd transfers files only"
#define NO_METHOD  "ferryd does not authenticate in this way"
#define NO_PROGRAM "ferryd starts no program for users"

#define LIST_HELP                                                                      \
    " Names separated by commas, which replace those of the Profile; with + in front " \
    "they are added, with ^ put first, and with - the names that match a pattern are " \
    "taken away."

static const struct server_keyword keywords[] = {
    /* ---- where to listen ---- */
    {.name = "Port",
     .type = &type_ports,
     .offset = AT(ports),
     .min = 1,
     .max = 65535,
     .standard = "22",
     .argument = "NUMBER",
     .help = "Listen on this port; may be given several times."},
    {.name = "ListenAddress",
     .type = &type_listen_address,
     .offset = AT(listen_addresses),
     .argument = "HOST | HOST:PORT | [HOST]:PORT",
     .help = "Listen on this local address only; may be given several times. Without a "
             "port, on every Port. Without any ListenAddress, on all addresses."},
    {.name = "AddressFamily",
     .type = &type_word,
     .offset = AT(address_family),
     .words = option_families,
     .standard = "any",
     .argument = "any | inet | inet6",
     .help = "Listen on addresses of both families, of IPv4 or of IPv6 only."},
    {.name = "TCPKeepAlive",
     .type = &type_word,
     .offset = AT(tcp_keep_alive),
     .words = option_yes_no,
     .standard = "yes",
     .argument = "yes | no",
     .help = "Let the system probe silent connections. See also ClientAliveInterval, "
             "which no one on the way can answer in the client's place."},
    ALIAS("KeepAlive", "TCPKeepAlive"),
    {.name = "TrustedProxies",
     .type = &type_networks,
     .offset = AT(trusted_proxies),
     .may_be_none = true,
     .standard = "none",
     .argument = "NETWORKS",
     .help = "Connections from these networks must begin with a header of the PROXY "
             "protocol, version 2, which tells the client's address. From anywhere else "
             "such a header is refused. Addresses or ADDRESS/BITS, separated by commas."},

    /* ---- host keys and algorithms ---- */
    {.name = "HostKey",
     .type = &type_paths,
     .offset = AT(host_keys),
     .may_be_none = true,
     .argument = "PATH",
     .help = "A private host key, which nobody but its owner may read; may be given "
             "several times. Without any, an Ed25519 key is made in StateDirectory at "
             "the first start."},
    {.name = "HostCertificate",
     .type = &type_paths,
     .offset = AT(host_certificates),
     .may_be_none = true,
     .argument = "PATH",
     .help = "A certificate of one of the host keys; may be given several times."},
    {.name = "Profile",
     .type = &type_name,
     .offset = AT(profile),
     .words = profile_words,
     .standard = "default",
     .argument = "default | compat | gov",
     .help = "Which algorithms are offered: default is strong and widely known, compat "
             "adds NIST curves, finite-field groups and plain MACs for older clients, "
             "gov has NIST curves, AES and SHA-2 only. The lists below change it."},
    {.name = "KexAlgorithms",
     .type = &type_algorithms,
     .offset = AT(kex),
     .vocabulary = SERVER_WORD_KEX,
     .argument = "LIST",
     .help = "Key exchange methods." LIST_HELP},
    {.name = "Ciphers",
     .type = &type_algorithms,
     .offset = AT(ciphers),
     .vocabulary = SERVER_WORD_CIPHER,
     .argument = "LIST",
     .help = "Ciphers." LIST_HELP},
    {.name = "MACs",
     .type = &type_algorithms,
     .offset = AT(macs),
     .vocabulary = SERVER_WORD_MAC,
     .argument = "LIST",
     .help = "Message authentication codes." LIST_HELP},
    {.name = "HostKeyAlgorithms",
     .type = &type_algorithms,
     .offset = AT(host_key_algorithms),
     .vocabulary = SERVER_WORD_HOST_KEY,
     .argument = "LIST",
     .help = "Algorithms that the host keys sign with." LIST_HELP},
    {.name = "CASignatureAlgorithms",
     .type = &type_algorithms,
     .offset = AT(ca_algorithms),
     .scope = SCOPE_MATCH,
     .vocabulary = SERVER_WORD_CA_SIGNATURE,
     .argument = "LIST",
     .help = "Algorithms that certification authorities may sign with." LIST_HELP},
    {.name = "RequiredRSASize",
     .type = &type_number,
     .offset = AT(required_rsa_size),
     .min = RSA_LEAST,
     .max = 16384,
     .standard = "2048",
     .argument = "BITS",
     .help = "RSA keys that are smaller are refused."},
    {.name = "Compression",
     .type = &type_word,
     .offset = AT(compression),
     .words = compression_words,
     .standard = "no",
     .argument = "yes | delayed | no",
     .help = "Offer zlib@openssh.com, which begins after the login."},
    {.name = "VersionAddendum",
     .type = &type_line,
     .offset = AT(version_addendum),
     .max = ADDENDUM_MAX,
     .may_be_none = true,
     .standard = "none",
     .argument = "TEXT",
     .help = "Text behind the identification that every client reads first."},

    /* ---- limits of the whole daemon ---- */
    {.name = "MaxConnections",
     .type = &type_number,
     .offset = AT(max_connections),
     .min = 1,
     .max = 65536,
     .standard = "512",
     .argument = "NUMBER",
     .help = "Connections at a time, logged in or not; further ones are closed at once."},
    {.name = "MaxStartups",
     .type = &type_startups,
     .max = 65536,
     .standard = "20:30:200",
     .argument = "FULL | START:PERCENT:FULL",
     .help = "Connections that have not logged in yet: from START on newcomers are "
             "dropped at random, PERCENT of them at first and all from FULL on."},
    {.name = "PerSourceMaxStartups",
     .type = &type_limit,
     .offset = AT(per_source_max_startups),
     .min = 1,
     .max = MUCH,
     .may_be_none = true,
     .standard = "10",
     .argument = "NUMBER | none",
     .help = "The same for one source; see PerSourceNetBlockSize."},
    {.name = "PerSourceNetBlockSize",
     .type = &type_block_size,
     .standard = "32:64",
     .argument = "BITS4[:BITS6]",
     .help = "Addresses that are equal in so many leading bits are one source."},
    {.name = "PerSourcePenalties",
     .type = &type_penalties,
     .standard =
         "yes crash:90 authfail:5 invaliduser:5 noauth:1 grace-exceeded:10 min:15 "
         "max:600 max-sources4:65536 max-sources6:65536",
     .argument = "yes | no | NAME:VALUE ...",
     .help = "What a source that misbehaves has to wait before it may connect again: "
             "after a process of ours died of it (crash), a failed login (authfail), an "
             "unknown user (invaliduser or baduser), a connection without any attempt "
             "(noauth), and one that ran out of time (grace-exceeded or grace). Times "
             "add up; from min on they count, and they end at max. At most max-sources4 "
             "and max-sources6 sources are remembered."},
    {.name = "PerSourcePenaltyExemptList",
     .type = &type_networks,
     .offset = AT(penalty_exempt),
     .may_be_none = true,
     .standard = "none",
     .argument = "NETWORKS",
     .help = "Networks that are never penalised, separated by commas."},
    {.name = "LoginGraceTime",
     .type = &type_time,
     .offset = AT(login_grace_s),
     .max = LONG_TIME,
     .standard = "60",
     .argument = "TIME",
     .help =
         "Time to log in, to which up to four seconds are added at random; 0: no end."},

    /* ---- the daemon itself ---- */
    {.name = "Accounts",
     .type = &type_accounts,
     .words = account_words,
     .standard = "system virtual",
     .argument = "system | virtual | system virtual",
     .help =
         "Whose accounts may log in: those of the operating system, those that "
         "ferryd user keeps in AccountDatabase, or both; a name that both have is the "
         "virtual one. When ferryd is not started as root, only virtual accounts can."},
    {.name = "AccountDatabase",
     .type = &type_state_path,
     .offset = AT(account_database),
     .standard = "accounts.db",
     .argument = "PATH",
     .help = "The file with the virtual accounts. A relative path belongs to "
             "StateDirectory."},
    {.name = "StateDirectory",
     .type = &type_path,
     .offset = AT(state_directory),
     .standard = "/var/lib/ferry",
     .argument = "PATH",
     .help = "Where ferryd keeps what it must not forget."},
    {.name = "ControlSocket",
     .type = &type_path,
     .offset = AT(control_socket),
     .may_be_none = true,
     .standard = "/run/ferry/control",
     .argument = "PATH | none",
     .help = "Where ferryd session, top, status, ban and metrics reach the daemon."},
    {.name = "Sandbox",
     .type = &type_word,
     .offset = AT(sandbox),
     .words = sandbox_words,
     .standard = "best-effort",
     .argument = "best-effort | require",
     .help = "Whether to refuse to start where the kernel or the build lacks a wall "
             "between the processes; the log says which stand."},
    {.name = "PreAuthUser",
     .type = &type_text,
     .offset = AT(pre_auth_user),
     .standard = "_ferry-preauth",
     .argument = "USER",
     .help = "The system user that serves connections until they have logged in, when "
             "ferryd is started as root. It should own nothing."},
    {.name = "VirtualUser",
     .type = &type_text,
     .offset = AT(virtual_user),
     .standard = "_ferry",
     .argument = "USER",
     .help = "The system user that owns the files of virtual accounts without one of "
             "their own, when ferryd is started as root."},
    {.name = "PidFile",
     .type = &type_path,
     .offset = AT(pid_file),
     .may_be_none = true,
     .standard = "none",
     .argument = "PATH | none",
     .help = "A file for the number of the listening process."},
    {.name = "UsePAM",
     .type = &type_word,
     .offset = AT(use_pam),
     .words = option_yes_no,
     .standard = "no",
     .argument = "yes | no",
     .help = "Let PAM check passwords and admit system accounts."},
    {.name = "PAMServiceName",
     .type = &type_text,
     .offset = AT(pam_service),
     .standard = "ferryd",
     .argument = "NAME",
     .help = "Which file of /etc/pam.d is asked."},
    {.name = "DrainTime",
     .type = &type_time,
     .offset = AT(drain_s),
     .max = LONG_TIME,
     .standard = "30",
     .argument = "TIME",
     .help = "After SIGTERM, how long transfers may go on before their connections are "
             "closed."},
    {.name = "Event",
     .type = &type_event,
     .words = event_words,
     .argument = "NAME PROGRAM [ARGUMENT ...]",
     .help =
         "Start a program when something has happened: upload (a file is complete), "
         "login, login-failed, remove, rename, quota (one is exceeded). It is started "
         "without a shell, reads what happened as JSON on its standard input, and is "
         "started at least once for every upload, also when ferryd was killed in "
         "between. One program an event."},
    {.name = "EventUser",
     .type = &type_text,
     .offset = AT(event_user),
     .may_be_none = true,
     .standard = "none",
     .argument = "USER",
     .help = "The system user that these programs run as. Needed when ferryd is started "
             "as root, and only then."},
    {.name = "EventTimeout",
     .type = &type_time,
     .offset = AT(event_timeout_s),
     .min = 1,
     .max = LONG_TIME,
     .standard = "60",
     .argument = "TIME",
     .help = "A program that takes longer is killed."},

    /* ---- logs ---- */
    {.name = "LogLevel",
     .type = &type_name,
     .offset = AT(log_level),
     .words = sftp_log_levels,
     .scope = SCOPE_MATCH,
     .standard = "INFO",
     .argument = "LEVEL",
     .help = "How much is logged: QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG, DEBUG1, "
             "DEBUG2 or DEBUG3."},
    {.name = "LogStyle",
     .type = &type_word,
     .offset = AT(log_style),
     .words = style_words,
     .standard = "text",
     .argument = "text | json | openssh",
     .help = "Sentences, JSON, or the words of sshd for programs that know those."},
    {.name = "LogTarget",
     .type = &type_path,
     .offset = AT(log_target),
     .words = target_words,
     .standard = "stderr",
     .argument = "stderr | syslog | journal | PATH",
     .help = "Where the log goes. A file is opened again on SIGUSR1."},
    {.name = "SyslogFacility",
     .type = &type_name,
     .offset = AT(syslog_facility),
     .words = sftp_log_facilities,
     .standard = "AUTH",
     .argument = "NAME",
     .help = "DAEMON, USER, AUTH, AUTHPRIV or LOCAL0 to LOCAL7."},
    {.name = "AuditLog",
     .type = &type_state_path,
     .offset = AT(audit_log),
     .may_be_none = true,
     .standard = "audit.log",
     .argument = "PATH | none",
     .help = "A file with a line of JSON for every login and every file, each line bound "
             "to the one before; see ferryd audit. A relative path belongs to "
             "StateDirectory."},

    /* ---- who may log in, and how ---- */
    {.name = "AllowUsers",
     .type = &type_user_patterns,
     .offset = AT(allow_users),
     .scope = SCOPE_MATCH,
     .argument = "PATTERN ...",
     .help = "Only users who match one of these may log in. USER or USER@HOST, where "
             "HOST may be ADDRESS/BITS. Lines add up."},
    {.name = "DenyUsers",
     .type = &type_user_patterns,
     .offset = AT(deny_users),
     .scope = SCOPE_MATCH,
     .argument = "PATTERN ...",
     .help = "Users who match one of these may not. Asked before AllowUsers."},
    {.name = "AllowGroups",
     .type = &type_append,
     .offset = AT(allow_groups),
     .scope = SCOPE_MATCH,
     .argument = "PATTERN ...",
     .help = "Only members of a group that matches one of these may log in. Lines add "
             "up."},
    {.name = "DenyGroups",
     .type = &type_append,
     .offset = AT(deny_groups),
     .scope = SCOPE_MATCH,
     .argument = "PATTERN ...",
     .help = "Members of such groups may not. Asked before AllowGroups."},
    {.name = "PermitRootLogin",
     .type = &type_word,
     .offset = AT(permit_root_login),
     .words = root_words,
     .scope = SCOPE_MATCH,
     .standard = "prohibit-password",
     .argument = "yes | prohibit-password | forced-commands-only | no",
     .help = "Whether root may log in. Both words in the middle: with a key only."},
    {.name = "AuthenticationMethods",
     .type = &type_methods,
     .offset = AT(authentication_methods),
     .scope = SCOPE_MATCH,
     .standard = "any",
     .argument = "any | METHOD[,METHOD ...] ...",
     .help = "What must succeed: every method of one of these chains, in this order. "
             "Methods are publickey, password and keyboard-interactive."},
    {.name = "PasswordAuthentication",
     .type = &type_word,
     .offset = AT(password_authentication),
     .words = option_yes_no,
     .scope = SCOPE_MATCH,
     .standard = "yes",
     .argument = "yes | no",
     .help = "Whether the method password is offered."},
    {.name = "PubkeyAuthentication",
     .type = &type_word,
     .offset = AT(pubkey_authentication),
     .words = option_yes_no,
     .scope = SCOPE_MATCH,
     .standard = "yes",
     .argument = "yes | no",
     .help = "Whether the method publickey is offered."},
    {.name = "KbdInteractiveAuthentication",
     .type = &type_word,
     .offset = AT(kbdint_authentication),
     .words = option_yes_no,
     .scope = SCOPE_MATCH,
     .standard = "yes",
     .argument = "yes | no",
     .help = "Whether the method keyboard-interactive is offered. It asks for the "
             "password and for the second factor."},
    ALIAS("ChallengeResponseAuthentication", "KbdInteractiveAuthentication"),
    ALIAS("SkeyAuthentication", "KbdInteractiveAuthentication"),
    {.name = "PermitEmptyPasswords",
     .type = &type_word,
     .words = only_no,
     .offset = AT(permit_empty_passwords),
     .scope = SCOPE_MATCH,
     .standard = "no",
     .argument = "no",
     .help = "An account without a password has no password login."},
    {.name = "MaxAuthTries",
     .type = &type_number,
     .offset = AT(max_auth_tries),
     .min = 1,
     .max = 1000,
     .scope = SCOPE_MATCH,
     .standard = "6",
     .argument = "NUMBER",
     .help = "Failed attempts on one connection, which then ends."},
    {.name = "Banner",
     .type = &type_path,
     .offset = AT(banner),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "PATH | none",
     .help = "A text that is shown before the login."},
    {.name = "AuthorizedKeysFile",
     .type = &type_templates,
     .offset = AT(authorized_keys_files),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = ".ssh/authorized_keys .ssh/authorized_keys2",
     .argument = "PATH ... | none",
     .help = "Files with the keys of a system account, with %h (home), %u (name), %U "
             "(number) and %%. A relative path belongs to the home directory."},
    {.name = "AuthorizedKeysCommand",
     .type = &type_program,
     .offset = AT(authorized_keys_command),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "PROGRAM [ARGUMENT ...] | none",
     .help = "A program that prints further keys, with the tokens of sshd_config(5). "
             "Needs AuthorizedKeysCommandUser."},
    {.name = "AuthorizedKeysCommandUser",
     .type = &type_text,
     .offset = AT(authorized_keys_command_user),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "USER",
     .help = "The system user that it runs as."},
    {.name = "AuthorizedPrincipalsFile",
     .type = &type_template,
     .offset = AT(authorized_principals_file),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "PATH | none",
     .help = "A file with the names, one of which a certificate of a TrustedUserCAKeys "
             "authority must carry; without it, the user's own. Tokens as in "
             "AuthorizedKeysFile."},
    {.name = "TrustedUserCAKeys",
     .type = &type_path,
     .offset = AT(trusted_user_ca_keys),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "PATH | none",
     .help = "A file with the keys of authorities whose certificates log users in."},
    {.name = "RevokedKeys",
     .type = &type_path,
     .offset = AT(revoked_keys),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "PATH | none",
     .help = "A revocation list of ssh-keygen(1), or a file with a key a line. When it "
             "cannot be read, no key logs in."},
    {.name = "PubkeyAcceptedAlgorithms",
     .type = &type_algorithms,
     .offset = AT(pubkey_algorithms),
     .scope = SCOPE_MATCH,
     .vocabulary = SERVER_WORD_USER_KEY,
     .argument = "LIST",
     .help = "Algorithms that users' keys may sign with." LIST_HELP},
    ALIAS("PubkeyAcceptedKeyTypes", "PubkeyAcceptedAlgorithms"),
    {.name = "PubkeyAuthOptions",
     .type = &type_pubkey_options,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "none | touch-required | verify-required",
     .help = "What a FIDO key must attest: that somebody touched it, that it asked for a "
             "PIN."},

    /* ---- a session ---- */
    {.name = "ChrootDirectory",
     .type = &type_root,
     .offset = AT(chroot_directory),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "PATH | none",
     .help = "The directory that is shown as /, with %h, %u, %U and %%. It and every "
             "directory above must belong to root and be writable by no one else."},
    {.name = "ForceCommand",
     .type = &type_command,
     .offset = AT(force_command),
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "internal-sftp [OPTION ...] | none",
     .help =
         "internal-sftp, which is what ferryd does anyway, with the options of "
         "sftp-server(8): -d directory, -f facility, -l level, -P denied, -p allowed "
         "requests, -R (read only), -u umask, -m mode of new files. Any other command "
         "is refused."},
    {.name = "Subsystem",
     .type = &type_subsystem,
     .offset = AT(sftp_subsystem),
     .scope = SCOPE_MATCH,
     .standard = "sftp internal-sftp",
     .argument = "sftp internal-sftp [OPTION ...]",
     .help = "The same where no ForceCommand is said. A path that ends in sftp-server "
             "means internal-sftp too. Any other subsystem is refused."},
    {.name = "MaxSessions",
     .type = &type_number,
     .offset = AT(max_sessions),
     .max = MUCH,
     .scope = SCOPE_MATCH,
     .standard = "10",
     .argument = "NUMBER",
     .help = "Sessions at a time on one connection; 64 at most."},
    {.name = "MaxAccountSessions",
     .type = &type_number,
     .offset = AT(max_account_sessions),
     .max = MUCH,
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "64",
     .argument = "NUMBER | none",
     .help = "Connections at a time of one account."},
    {.name = "ClientAliveInterval",
     .type = &type_time,
     .offset = AT(alive_interval_s),
     .max = LONG_TIME,
     .scope = SCOPE_MATCH,
     .standard = "60",
     .argument = "TIME",
     .help = "Silence after which a client is asked for a sign of life; 0: never."},
    {.name = "ClientAliveCountMax",
     .type = &type_number,
     .offset = AT(alive_count_max),
     .max = MUCH,
     .scope = SCOPE_MATCH,
     .standard = "3",
     .argument = "NUMBER",
     .help = "After so many questions without an answer the connection ends; 0: it does "
             "not."},
    {.name = "ChannelTimeout",
     .type = &type_channel_timeout,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "none | TYPE=TIME ...",
     .help =
         "Close a session that has transferred nothing for so long. TYPE is a pattern "
         "that matches session, session:subsystem:sftp or global; other types of "
         "sshd_config(5) do not exist here."},
    {.name = "UnusedConnectionTimeout",
     .type = &type_time,
     .offset = AT(unused_connection_timeout_s),
     .max = LONG_TIME,
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "60",
     .argument = "TIME | none",
     .help = "Close a connection that has had no session for so long."},
    {.name = "RekeyLimit",
     .type = &type_rekey,
     .scope = SCOPE_MATCH,
     .standard = "default none",
     .argument = "default | SIZE [none | TIME]",
     .help = "Agree upon new keys after so many octets and after so long. The default "
             "depends on the cipher, and is an hour at most."},

    /* ---- files ---- */
    {.name = "ReadOnly",
     .type = &type_word,
     .offset = AT(is_read_only),
     .words = option_yes_no,
     .scope = SCOPE_MATCH,
     .standard = "no",
     .argument = "yes | no",
     .help = "Refuse every change."},
    {.name = "Permissions",
     .type = &type_permissions,
     .offset = AT(permissions),
     .scope = SCOPE_MATCH,
     .argument = "PATH RIGHTS",
     .help =
         "What may be done in PATH, as the session sees it, and beneath. RIGHTS are "
         "separated by commas: list, download, upload, overwrite, delete, rename, "
         "mkdir, symlink, attributes; or all, none, read (list,download), write (all), "
         "dropbox (upload,mkdir). The longest PATH that applies decides alone. Once a "
         "rule stands, what no rule names is forbidden. Lines add up."},
    {.name = "RefuseNames",
     .type = &type_name_patterns,
     .offset = AT(refused_names),
     .scope = SCOPE_MATCH,
     .argument = "PATTERN ...",
     .help = "Names that no file may get. Lines add up."},
    {.name = "Umask",
     .type = &type_octal,
     .offset = AT(umask),
     .max = 0777,
     .scope = SCOPE_MATCH,
     .standard = "022",
     .argument = "OCTAL",
     .help = "Permissions that new files and directories do not get."},
    {.name = "AtomicUploads",
     .type = &type_word,
     .offset = AT(atomic_uploads),
     .words = atomic_words,
     .scope = SCOPE_MATCH,
     .standard = "virtual",
     .argument = "virtual | yes | no",
     .help = "Write new content to a hidden file, which takes its name when the upload "
             "is complete: for virtual accounts only, always, or never."},
    {.name = "DurableUploads",
     .type = &type_word,
     .offset = AT(durable_uploads),
     .words = option_yes_no,
     .scope = SCOPE_MATCH,
     .standard = "no",
     .argument = "yes | no",
     .help = "Say that an upload succeeded only when it is on the disk."},
    {.name = "UploadRate",
     .type = &type_size,
     .offset = AT(upload_rate),
     .max = HUGE_SIZE,
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "SIZE | none",
     .help = "Octets a second that all sessions of an account may send together."},
    {.name = "DownloadRate",
     .type = &type_size,
     .offset = AT(download_rate),
     .max = HUGE_SIZE,
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "SIZE | none",
     .help = "The same for what they fetch."},
    {.name = "QuotaSize",
     .type = &type_size,
     .offset = AT(quota_octets),
     .max = HUGE_SIZE,
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "SIZE | none",
     .help = "Octets that an account's files may hold."},
    {.name = "QuotaFiles",
     .type = &type_big_number,
     .offset = AT(quota_files),
     .max = INT64_MAX,
     .may_be_none = true,
     .scope = SCOPE_MATCH,
     .standard = "none",
     .argument = "NUMBER | none",
     .help = "Files and directories that it may have."},

    /* ---- what a shell server promises: only that it is off ---- */
    ONLY("AllowAgentForwarding", only_no, SCOPE_MATCH, NO_SHELL),
    ONLY("AllowStreamLocalForwarding", only_no, SCOPE_MATCH, NO_SHELL),
    ONLY("AllowTcpForwarding", only_no, SCOPE_MATCH, NO_SHELL),
    ONLY("AuthorizedPrincipalsCommand", only_none, SCOPE_MATCH,
         "AuthorizedPrincipalsFile is asked instead"),
    ONLY("ExposeAuthInfo", only_no, SCOPE_MATCH, NO_PROGRAM),
    ONLY("FingerprintHash", only_sha256, SCOPE_DAEMON, "fingerprints are of SHA256"),
    ONLY("GatewayPorts", only_no, SCOPE_MATCH, NO_SHELL),
    ONLY("GSSAPIAuthentication", only_no, SCOPE_MATCH, NO_METHOD),
    ONLY("GSSAPIKeyExchange", only_no, SCOPE_DAEMON, NO_METHOD),
    ONLY("HostbasedAuthentication", only_no, SCOPE_MATCH, NO_METHOD),
    ONLY("HostKeyAgent", only_none, SCOPE_DAEMON, "host keys are read from files"),
    ONLY("KerberosAuthentication", only_no, SCOPE_MATCH, NO_METHOD),
    ONLY("PermitListen", only_none, SCOPE_MATCH, NO_SHELL),
    ONLY("PermitOpen", only_none, SCOPE_MATCH, NO_SHELL),
    ONLY("PermitTTY", only_no, SCOPE_MATCH, NO_SHELL),
    ONLY("PermitTunnel", only_no, SCOPE_MATCH, NO_SHELL),
    ONLY("PermitUserEnvironment", only_no, SCOPE_DAEMON, NO_PROGRAM),
    ONLY("PermitUserRC", only_no, SCOPE_MATCH, NO_PROGRAM),
    ONLY("RDomain", only_none, SCOPE_MATCH, "ferryd knows no routing domains"),
    ONLY("RefuseConnection", only_no, SCOPE_MATCH, "DenyUsers refuses the login instead"),
    ONLY("StrictModes", only_yes, SCOPE_DAEMON, "modes and owners are always checked"),
    ONLY("UseDNS", only_no, SCOPE_DAEMON, "no name service is asked about clients"),
    ONLY("UseLogin", only_no, SCOPE_DAEMON, NO_PROGRAM),
    ONLY("X11Forwarding", only_no, SCOPE_MATCH, NO_SHELL),

    /* ---- of no concern to a file server ---- */
    NEUTRAL_IN_MATCH("AcceptEnv"),
    NEUTRAL_IN_MATCH("AuthorizedPrincipalsCommandUser"),
    NEUTRAL("DebianBanner"),
    NEUTRAL_IN_MATCH("DisableForwarding"),
    NEUTRAL("GSSAPICleanupCredentials"),
    NEUTRAL("GSSAPIDelegateCredentials"),
    NEUTRAL("GSSAPIEnablek5users"),
    NEUTRAL("GSSAPIKexAlgorithms"),
    NEUTRAL("GSSAPIStoreCredentialsOnRekey"),
    NEUTRAL("GSSAPIStrictAcceptorCheck"),
    NEUTRAL_IN_MATCH("HostbasedAcceptedAlgorithms"),
    NEUTRAL_IN_MATCH("HostbasedAcceptedKeyTypes"),
    NEUTRAL_IN_MATCH("HostbasedUsesNameFromPacketOnly"),
    NEUTRAL_IN_MATCH("IgnoreRhosts"),
    NEUTRAL("IgnoreUserKnownHosts"),
    NEUTRAL_IN_MATCH("IPQoS"),
    NEUTRAL("KerberosGetAFSToken"),
    NEUTRAL("KerberosOrLocalPasswd"),
    NEUTRAL("KerberosTicketCleanup"),
    NEUTRAL("KerberosUniqueCCache"),
    NEUTRAL("KerberosUseKuserok"),
    NEUTRAL("LogVerbose"),
    NEUTRAL("ModuliFile"),
    NEUTRAL("PrintLastLog"),
    NEUTRAL("PrintMotd"),
    NEUTRAL("SecurityKeyProvider"),
    NEUTRAL_IN_MATCH("SetEnv"),
    NEUTRAL("SshdAuthPath"),
    NEUTRAL("SshdSessionPath"),
    NEUTRAL_IN_MATCH("StreamLocalBindMask"),
    NEUTRAL_IN_MATCH("StreamLocalBindUnlink"),
    NEUTRAL_IN_MATCH("X11DisplayOffset"),
    NEUTRAL_IN_MATCH("X11UseLocalhost"),
    NEUTRAL("XAuthLocation"),
    /* sshd ignores these too, with a warning. */
    NEUTRAL("AFSTokenPassing"),
    NEUTRAL("AuthorizedKeysFile2"),
    NEUTRAL("CheckMail"),
    NEUTRAL("DSAAuthentication"),
    NEUTRAL("KerberosTgtPassing"),
    NEUTRAL("KeyRegenerationInterval"),
    NEUTRAL("PAMAuthenticationViaKbdInt"),
    NEUTRAL("Protocol"),
    NEUTRAL("ReverseMappingCheck"),
    NEUTRAL("RhostsAuthentication"),
    NEUTRAL("RhostsRSAAuthentication"),
    NEUTRAL("RSAAuthentication"),
    NEUTRAL("ServerKeyBits"),
    NEUTRAL("UsePrivilegeSeparation"),
    NEUTRAL("VerifyReverseMapping"),
};

_Static_assert(ARRAY_LEN(keywords) <= SERVER_KEYWORDS_MAX, "raise SERVER_KEYWORDS_MAX");

const struct server_keyword *
server_keyword_at(size_t i)
{
    return i < ARRAY_LEN(keywords) ? &keywords[i] : NULL;
}

const char *
server_keyword_name(size_t i)
{
    return i < ARRAY_LEN(keywords) ? keywords[i].name : NULL;
}

size_t
server_keyword_index(const struct server_keyword *k)
{
    return (size_t)(k - keywords);
}

const struct server_keyword *
server_keyword_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (strcasecmp(keywords[i].name, name) == 0)
            return keywords[i].alias_of ? server_keyword_find(keywords[i].alias_of)
                                        : &keywords[i];
    return NULL;
}

/* The words that are no rows: server_config.c reads them itself. */
static const char *const structural[] = {"Include", "Match"};

const char *
server_keyword_nearest(const char *name)
{
    struct nearest n;
    nearest_begin(&n, name);
    for (size_t i = 0; i < ARRAY_LEN(structural); i++)
        nearest_offer(&n, structural[i]);
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        nearest_offer(&n, keywords[i].name);
    return n.best;
}
