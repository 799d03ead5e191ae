/* pam_dialogue.h for builds without PAM: it lets nobody in. */
#include "steward/pam_dialogue.h"

void
pam_dialogue_run(const char *service, const struct steward_pam_begin *q, int fd,
                 const struct log_sink *log, struct job_reply *reply)
{
    (void)service, (void)q, (void)fd, (void)log;
    reply_say(reply, STEWARD_NO, "UsePAM: this program was built without PAM");
}

void
pam_admit(const char *service, const struct steward_who *who, const struct log_sink *log,
          struct job_reply *reply)
{
    (void)service, (void)who, (void)log;
    reply_say(reply, STEWARD_NO, "UsePAM: this program was built without PAM");
}

bool
pam_is_there(void)
{
    return false;
}
