/*
 * SIGINT, SIGTERM and SIGHUP: a flag, and a descriptor that becomes readable,
 * so that a wait ends at once. The only signal handlers of the client.
 */
#ifndef FERRY_CLI_INTERRUPT_H
#define FERRY_CLI_INTERRUPT_H

#include <stdbool.h>

#include "base/err.h"

/* Install the handlers, ignore SIGPIPE and SIGXFSZ. Once, at the start. */
enum err interrupt_install(void) MUST_USE;

/* How many signals came so far: the second one means it. */
int interrupt_count(void);

/* SIGTERM or SIGHUP came: not one transfer is to end, but the program. */
bool interrupt_is_final(void);

/* Readable once a signal came since interrupt_drain; for poll. */
int interrupt_fd(void);
void interrupt_drain(void);

#endif
