/*
 * Questions to the steward, the process that knows accounts: the account
 * database, NSS, shadow, PAM and key files (src/steward/). The monitor asks over
 * a SOCK_SEQPACKET pair and is never held up by an answer: every question is one
 * struct of fixed size with an id, answered once by one struct of fixed size, in
 * any order.
 *
 * The monitor decides; the steward tells facts and checks proofs. What a peer
 * chose inside a question (user name, key, signature, password) is a length and
 * octets, checked again on the other side. Zero is no: a struct that nobody
 * filled in accepts nobody.
 */
#ifndef FERRY_DAEMON_STEWARD_H
#define FERRY_DAEMON_STEWARD_H

#include "daemon/verdict.h"

enum steward_op {
    STEWARD_READY = 1, /* answer to nothing, first of all: verdict, text */
    STEWARD_LOG,       /* answer to nothing: a line for the log; the client takes it */
    STEWARD_LOOKUP,
    STEWARD_PASSWORD,
    STEWARD_KEY,
    STEWARD_CODE,
    STEWARD_PAM_BEGIN,
    STEWARD_PAM_ANSWER,
    STEWARD_PAM_END,
    STEWARD_ADMIT,
    STEWARD_NAMES,
    STEWARD_QUOTA,
    STEWARD_OPS
};

enum {
    STEWARD_MESSAGE_MAX = 1 << 17, /* octets of the largest struct, and some */
    STEWARD_QUEUE_MAX = 1024,      /* questions of one client on their way */
    STEWARD_TEXT_MAX = 512,        /* octets of a line for the log */
    STEWARD_GROUP_NAMES_MAX = 16384,
    STEWARD_NAMES_MAX = 64, /* ids of one STEWARD_NAMES */
    STEWARD_NAME_MAX = 64,
    STEWARD_ALGOS_MAX = 2048, /* octets of an algorithm list */
    STEWARD_FILES_MAX = 8192, /* octets of AuthorizedKeysFile, a name a line */
    STEWARD_COMMAND_MAX = 2048,
};

enum steward_verdict {
    STEWARD_NO = 0,
    STEWARD_YES,
    STEWARD_PROMPT, /* PAM: ask what follows */
    STEWARD_FAILED, /* it could not be told now: too busy, time is up, an error */
};

enum steward_kind { STEWARD_NOBODY = 0, STEWARD_SYSTEM, STEWARD_VIRTUAL };

/* Before every question and every answer. id, mark: copied into the answer. */
struct steward_head {
    uint32_t op;
    uint32_t verdict; /* answers: enum steward_verdict */
    uint64_t id;      /* never twice with one client; set by steward_client_ask */
    uint64_t mark;    /* the asker's own: which connection it is about */
};

/* Whom it is about. kind NOBODY: whoever it is has to be refused, at the price of
 * an account that exists (threats A4). Texts are terminated. */
struct steward_who {
    uint32_t kind;
    char user[ACCOUNT_NAME_MAX + 1];
    char address[64]; /* the client's, numeric */
};

/* ---- LOOKUP: who is this? NO: there is no such account ---- */

struct steward_lookup {
    struct steward_head head;
    uint32_t accounts; /* enum server_accounts bits: where to look; virtual first */
    struct steward_who who;
};

/* What an account holds of its quota. */
struct steward_usage {
    uint64_t octets, files;
    uint64_t changes; /* charges so far */
    uint32_t needs_recount;
};

struct steward_facts {
    struct steward_head head;
    uint32_t kind;
    /* System accounts; of a virtual one only when the daemon is root. */
    uint32_t has_ids, uid, gid;
    uint32_t n_groups;
    uint32_t groups[GRANT_GROUPS_MAX];
    /* Their names, or the virtual account's group, each terminated. */
    uint32_t n_group_names;
    char group_names[STEWARD_GROUP_NAMES_MAX];
    /* System accounts. */
    char home[PATH_MAX];
    uint32_t is_shell_usable; /* its shell exists and may be executed, as sshd asks */
    uint32_t is_expired;      /* shadow(5): the account, not the password */
    uint32_t is_locked;       /* its password begins with '!' */
    uint32_t is_nologin;      /* /etc/nologin exists, and it is not root */
    /* Virtual accounts: what is set for it or its group. */
    struct account_record account;
    struct steward_usage usage;
};

/* ---- PASSWORD: a virtual account's, or a system account's without PAM ---- */

struct steward_password {
    struct steward_head head;
    struct steward_who who;
    uint32_t password_len;
    uint8_t password[SECRET_MAX];
};

/* ---- KEY: may this key log in, and was it there? ---- */

/* What the configuration says about keys; texts terminated, "" unset. */
struct steward_key_rules {
    char pubkey_algos[STEWARD_ALGOS_MAX]; /* resolved lists */
    char ca_algos[STEWARD_ALGOS_MAX];
    uint32_t required_rsa_bits;
    uint32_t is_touch_required, is_verify_required; /* PubkeyAuthOptions */
    char keys_files[STEWARD_FILES_MAX];             /* with tokens, a name a line */
    char keys_command[STEWARD_COMMAND_MAX];         /* with tokens */
    char keys_command_user[ACCOUNT_NAME_MAX + 1];
    char principals_file[PATH_MAX]; /* with tokens */
    char ca_keys[PATH_MAX];         /* TrustedUserCAKeys */
    char revoked_keys[PATH_MAX];
};

struct steward_key {
    struct steward_head head;
    struct steward_who who;
    struct steward_key_rules rules;
    uint32_t is_signed; /* 0: would this key do? */
    uint32_t is_hostbound;
    uint32_t session_id_len;
    uint8_t session_id[HASH_MAX_LEN];
    uint32_t host_key_len;
    uint8_t host_key[KEY_BLOB_MAX];
    char algo[LOGIN_ALGO_MAX];
    uint32_t blob_len;
    uint8_t blob[KEY_BLOB_MAX];
    uint32_t signature_len;
    uint8_t signature[LOGIN_SIGNATURE_MAX];
};

/* ---- ADMIT: every factor was right; does anything else stand against it? ---- */

/* Writes a virtual account's last login; asks PAM's account stage (has_pam) about
 * a system account. */
struct steward_admit {
    struct steward_head head;
    struct steward_who who;
    uint32_t has_pam;
};

/* ---- CODE: a one-time code (RFC 6238) or a recovery code; used up by YES ---- */

struct steward_code {
    struct steward_head head;
    struct steward_who who;
    uint32_t code_len;
    uint8_t code[64];
};

/* ---- PAM: a dialogue, in a process of its own until the last answer ---- */

struct steward_pam_begin {
    struct steward_head head;
    struct steward_who who;
    /* With the method "password": the answer to whatever is asked without echo; no
     * second question may follow. */
    uint32_t has_password, password_len;
    uint8_t password[SECRET_MAX];
};

struct steward_pam_answer {
    struct steward_head head;
    uint64_t dialogue; /* of the last answer */
    uint32_t n_answers;
    struct {
        uint32_t len;
        uint8_t text[LOGIN_ANSWER_MAX];
    } answer[LOGIN_PROMPTS_MAX];
};

/* The peer has gone away in the middle. */
struct steward_pam_end {
    struct steward_head head;
    uint64_t dialogue;
};

/* ---- NAMES: of the system's uids and gids; "" unknown ---- */

struct steward_names {
    struct steward_head head;
    uint32_t is_groups; /* 0: users */
    uint32_t n;
    uint32_t ids[STEWARD_NAMES_MAX];
};

struct steward_names_answer {
    struct steward_head head;
    uint32_t n;
    char names[STEWARD_NAMES_MAX][STEWARD_NAME_MAX];
};

/* ---- QUOTA: the ledger of an account (vfs/quota.h, account/store.h) ---- */

enum steward_quota_act {
    STEWARD_QUOTA_STATE = 1, /* how much is used? Asked before the tree is counted */
    STEWARD_QUOTA_CHARGE,    /* NO: over the limit, nothing was charged */
    STEWARD_QUOTA_COUNTED,   /* octets, files: what the tree was counted to hold */
    STEWARD_QUOTA_END,       /* the session gave back what it did not use */
    STEWARD_QUOTA_ABANDON,   /* it was lost: the tree has to be counted again */
};

struct steward_quota {
    struct steward_head head;
    uint32_t act;
    struct steward_who who;
    uint64_t instance;   /* random, of the daemon's life: --keep of the next one */
    uint64_t connection; /* never twice in an instance */
    int64_t octets, files;
    uint64_t limit_octets, limit_files; /* CHARGE: as granted; 0: none */
    struct steward_usage begun;         /* COUNTED: as STATE told before the count */
};

struct steward_quota_answer {
    struct steward_head head;
    struct steward_usage usage;
    uint32_t is_over_files; /* NO: the number of files passed its limit, not the octets */
};

/* ---- the answer of all that need no other ---- */

struct steward_answer {
    struct steward_head head;
    char text[STEWARD_TEXT_MAX]; /* for the log: why, by which line, ...; escaped */
    /* LOG */
    uint32_t level; /* enum log_level */
    /* KEY: what limits it; from the line and the certificate. */
    uint32_t has_command;
    char command[STEWARD_COMMAND_MAX];
    char key[128]; /* "ED25519 SHA256:..." */
    /* PAM: PROMPT. */
    uint64_t dialogue;
    uint32_t n_prompts;
    struct {
        char text[LOGIN_PROMPT_MAX];
        uint32_t is_echoed;
    } prompt[LOGIN_PROMPTS_MAX];
    char instruction[LOGIN_PROMPT_MAX];
};

/* Octets of an op's question and of its answer, exactly; 0: there is none. */
size_t steward_question_size(uint32_t op);
size_t steward_answer_size(uint32_t op);

/* ---- the monitor's end ---- */

struct steward_client;

/* fd: non-blocking, the client's from now on. log: the steward's lines. ERR_NOMEM. */
enum err steward_client_new(int fd, const struct log_sink *log,
                            struct steward_client **client) MUST_USE;
void steward_client_free(struct steward_client *client); /* NULL allowed */

/* What to poll for: POLLIN, and POLLOUT while questions wait to be sent. */
int steward_client_fd(const struct steward_client *client);
short steward_client_events(const struct steward_client *client);

/*
 * Put a question: copied, sent now or when the steward takes it. question->op is
 * set; mark comes back with the answer. *id: of this question; may be NULL.
 * ERR_LIMIT: too many are on their way. ERR_CLOSED: the steward is gone. ERR_NOMEM.
 */
enum err steward_client_ask(struct steward_client *client, struct steward_head *question,
                            uint64_t mark, uint64_t *id) MUST_USE;

/* Send what waits. ERR_NONE also when some still does. ERR_CLOSED. */
enum err steward_client_flush(struct steward_client *client) MUST_USE;

/*
 * The next answer: a struct steward_facts, steward_names_answer,
 * steward_quota_answer or steward_answer, as *answer's op says; borrowed until
 * the next call. Lines for the log have been said and are not returned.
 * ERR_LIMIT: none is waiting. ERR_CLOSED: the steward is gone. ERR_PROTO: not an
 * answer: its end has to be closed.
 */
enum err steward_client_next(struct steward_client *client,
                             const struct steward_head **answer) MUST_USE;

#endif
