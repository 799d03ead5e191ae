/*
 * `ferryd user ...`: accounts of the database added, shown and changed.
 * A program's whole run: reads the terminal, writes standard output.
 */
#ifndef FERRY_ACCOUNT_USER_COMMAND_H
#define FERRY_ACCOUNT_USER_COMMAND_H

#include <stdint.h>

/* What the daemon's configuration says about accounts. */
struct account_user_defaults {
    const char *database; /* NULL: where ferryd looks without a configuration */
    int64_t uid, gid;     /* VirtualUser, whose new roots are; ACCOUNT_UNSET: ours */
};

/* argv[0] is "user". Returns the exit status: 0; 1: failed; 2: wrongly used. */
int
account_user_command(int argc, char **argv, const struct account_user_defaults *defaults);

#endif
