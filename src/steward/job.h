/*
 * One question on its way through the steward: what was asked, what the steward
 * laid beside it from the database, and the answer. A worker gets it by fork and
 * gives the answer back; it cannot touch the question of another.
 */
#ifndef FERRY_STEWARD_JOB_H
#define FERRY_STEWARD_JOB_H

#include "account/record.h"
#include "base/log.h"
#include "daemon/steward.h"

/* Which kind of work, for how many may run at a time. */
enum job_class {
    JOB_HASH,   /* memory and processor, on purpose */
    JOB_SYSTEM, /* files, NSS, other programs */
    JOB_PAM,    /* waits for a person */
    JOB_CLASSES
};

union job_question {
    struct steward_head head;
    struct steward_lookup lookup;
    struct steward_password password;
    struct steward_key key;
    struct steward_code code;
    struct steward_pam_begin pam_begin;
    struct steward_pam_answer pam_answer;
    struct steward_pam_end pam_end;
    struct steward_admit admit;
    struct steward_names names;
    struct steward_quota quota;
};

struct job_reply {
    union {
        struct steward_head head;
        struct steward_facts facts;
        struct steward_names_answer names;
        struct steward_quota_answer quota;
        struct steward_answer answer;
    };
    /* For the steward alone, from a worker; "" nothing. */
    char hash[ACCOUNT_HASH_MAX + 1];
};

struct job {
    struct job *next;
    struct steward_head head;           /* of the question that is being answered */
    const union job_question *question; /* owned, of its op's size; wiped */
    enum job_class class;
    uint32_t limit_ms;
    /* Laid beside it from the database. */
    int64_t account;                 /* its id there; 0: none */
    bool is_dummy;                   /* whatever comes out, it is no (threats A4) */
    char hash[ACCOUNT_HASH_MAX + 1]; /* wiped */
    const char *pam_service;         /* borrowed */
    struct buf keys;                 /* authorized_keys text of a virtual account */
};

/* The sentence of an answer, cut to what fits, printable. */
void reply_say(struct job_reply *reply, enum steward_verdict verdict, const char *fmt,
               ...) PRINTF_LIKE(3, 4);

/* A copy of a question of n octets; NULL: no memory. */
struct job *job_new(const void *question, size_t n);
void job_free(struct job *job); /* wipes; NULL allowed */

#endif
