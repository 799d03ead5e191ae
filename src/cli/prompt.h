/*
 * Asking a person: on the controlling terminal, or through the program that
 * SSH_ASKPASS names. SSH_ASKPASS_REQUIRE is honoured as ssh(1) describes it.
 * Standard input is never read: it may be a script's.
 */
#ifndef FERRY_CLI_PROMPT_H
#define FERRY_CLI_PROMPT_H

#include "base/secret.h"

enum prompt_echo {
    PROMPT_HIDDEN,  /* a password */
    PROMPT_SHOWN,   /* what is typed is seen */
    PROMPT_CONFIRM, /* the same; tells the askpass program so */
};

/*
 * text: encoded already; shown as it is.
 * ERR_AUTH: there is nobody to ask; ERR_CLOSED: interrupted, or end of input;
 * ERR_LIMIT: an answer longer than SECRET_MAX. answer is empty after an error.
 */
enum err
prompt_ask(const char *text, enum prompt_echo echo, struct secret *answer) MUST_USE;

/*
 * One line from fd, without its end, read octet by octet: what follows it stays
 * there. ERR_CLOSED: interrupted, failed, or at its end; ERR_LIMIT as above.
 */
enum err prompt_read_line(int fd, struct secret *answer) MUST_USE;

/* Is there a terminal to ask on (not the askpass program)? */
bool prompt_has_terminal(void);

#endif
