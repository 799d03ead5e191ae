/*
 * System accounts: what NSS and shadow(5) know. For workers only: NSS runs code of
 * other people's modules and may ask servers. A steward that is not root knows one
 * account, its own.
 */
#ifndef FERRY_STEWARD_SYSTEM_ACCOUNT_H
#define FERRY_STEWARD_SYSTEM_ACCOUNT_H

#include <sys/types.h>

#include "steward/job.h"

/* Whom a worker may become. */
struct identity {
    char name[ACCOUNT_NAME_MAX + 1];
    char home[PATH_MAX];
    uid_t uid;
    gid_t gid;
};

/* The account of that name, exactly so. False: none, or not one we may act for. */
bool system_account_find(const char *user, struct identity *identity);

/* Become it for good: groups, gid, uid, and no way back (threats S5). For root. */
enum err identity_take(const struct identity *identity, struct fault *why) MUST_USE;

/* facts->head.verdict: YES, NO or FAILED. */
void system_account_look_up(const char *user, const struct log_sink *log,
                            struct steward_facts *facts);

/* Against shadow(5), without PAM; costs the same for whoever has no password. */
void system_account_password(const char *user, struct bytes password,
                             const struct log_sink *log, struct job_reply *reply);

void system_account_names(const struct steward_names *q, struct steward_names_answer *a);

#endif
