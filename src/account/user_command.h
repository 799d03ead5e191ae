/*
 * `ferryd user ...`: accounts of the database added, shown and changed.
 * A program's whole run: reads the terminal, writes standard output.
 */
#ifndef FERRY_ACCOUNT_USER_COMMAND_H
#define FERRY_ACCOUNT_USER_COMMAND_H

/* argv[0] is "user". Returns the exit status: 0; 1: failed; 2: wrongly used. */
int account_user_command(int argc, char **argv);

#endif
