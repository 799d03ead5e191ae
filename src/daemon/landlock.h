/*
 * Landlock, by system call: Debian 12's headers and libc know less of it than
 * its kernels do. landlock(7).
 */
#ifndef FERRY_DAEMON_LANDLOCK_H
#define FERRY_DAEMON_LANDLOCK_H

#include <stdbool.h>

#include "base/err.h"

/* The kernel's ABI version; 0: none. */
int landlock_abi(void);

/*
 * Confine the calling process for good: files beneath root (-1: none) for
 * reading, and unless is_read_only for changing; no TCP; no signals or
 * abstract sockets beyond the process, each as far as abi knows of it.
 * no_new_privs must be set. ERR_IO: errno says why.
 */
enum err landlock_enter(int abi, int root, bool is_read_only) MUST_USE;

#endif
