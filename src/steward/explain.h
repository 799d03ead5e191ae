/*
 * `ferryd explain USER OPERATION PATH`: which rule allows or refuses something,
 * worked out from the same functions that decide it in the daemon, which need not
 * run: the configuration, the account, who may log in, the grant, the rules about
 * paths, the quota, and what the files' own modes say.
 */
#ifndef FERRY_STEWARD_EXPLAIN_H
#define FERRY_STEWARD_EXPLAIN_H

/* argv[0] is "explain". 0: allowed; 1: refused; 2: wrongly used, or nothing could be
 * told. */
int explain_command(int argc, char **argv);

#endif
