/*
 * System call filters, compiled once and installed by each process. Two
 * implementations, chosen by meson: filter_seccomp.c and filter_none.c.
 */
#ifndef FERRY_DAEMON_FILTER_H
#define FERRY_DAEMON_FILTER_H

#include "daemon/sandbox.h"

/*
 * prog->filter: allocated, the caller's to free. ERR_CLOSED: built without
 * libseccomp; ERR_IO, ERR_NOMEM.
 */
enum err filter_compile(enum sandbox_role role, struct sock_fprog *prog) MUST_USE;

#endif
