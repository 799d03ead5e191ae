/*
 * PAM, for system accounts with `UsePAM yes`: whatever its modules do, they do it in
 * a worker that dies with the dialogue (threats A11). It must end with the user it
 * began with, and the account stage has to agree.
 */
#ifndef FERRY_STEWARD_PAM_DIALOGUE_H
#define FERRY_STEWARD_PAM_DIALOGUE_H

#include "steward/job.h"

/*
 * Authenticate: prompts go out through fd as whole struct job_reply with verdict
 * PROMPT, answers come in as struct steward_pam_answer. *reply: the end of it.
 */
void pam_dialogue_run(const char *service, const struct steward_pam_begin *q, int fd,
                      const struct log_sink *log, struct job_reply *reply);

/* The account stage alone, behind a key. */
void pam_admit(const char *service, const struct steward_who *who,
               const struct log_sink *log, struct job_reply *reply);

/* Was PAM built in? */
bool pam_is_there(void);

#endif
