/*
 * The steward: the process that knows accounts, so that neither database, NSS and
 * PAM nor the password hashes are ever in a process that meets peers. Started by
 * the listener of ferryd with a SOCK_SEQPACKET pair, whose other end the monitor
 * holds; ends when that end closes. It reads nothing that a peer sent but names,
 * keys, signatures and passwords of checked lengths (daemon/steward.h).
 */
#ifndef FERRY_STEWARD_PROCESS_H
#define FERRY_STEWARD_PROCESS_H

/*
 * `steward --fd N [--database PATH] [--pam SERVICE] [--keep INSTANCE]...`
 * argv[0] is "steward". --keep: an instance of ferryd whose sessions still live;
 * what sessions of all others charged is counted again.
 * The exit status: 0 the other end closed; 1 it could not start; 2 usage.
 */
int steward_command(int argc, char **argv);

#endif
