/*
 * May this key log in, was it there, and what does it limit? One check for
 * virtual accounts, whose keys lie in the database, and for system accounts, whose
 * keys lie in files that belong to them.
 *
 * Order: the algorithm's names agree and are allowed (threats K6), the key is not
 * revoked, a line or a trusted authority lets it in, its signature covers this
 * session (threats A3). Only then does it say yes, and what limits it.
 */
#ifndef FERRY_STEWARD_KEY_CHECK_H
#define FERRY_STEWARD_KEY_CHECK_H

#include "steward/job.h"

/*
 * q: sound (questions.h). lines: authorized_keys text of a virtual account; empty
 * for a system account, which is looked up again here. Opens files and, for a
 * system account as root, becomes that account: for workers, except for what
 * key_check_is_quick says.
 */
void key_check(const struct steward_key *q, struct bytes lines,
               const struct log_sink *log, struct job_reply *reply);

/* Needs neither files nor another identity: a plain key of a virtual account. */
bool key_check_is_quick(const struct steward_key *q);

#endif
