/*
 * An SSH connection to a host with the sftp subsystem started on it: name
 * look-up, connection, host key, authentication, channel; then octets.
 */
#ifndef FERRY_CLI_SSH_CARRIER_H
#define FERRY_CLI_SSH_CARRIER_H

#include "cli/carrier.h"
#include "cli/console.h"
#include "cli/hosts.h"
#include "cli/login.h"
#include "cli/settings.h"
#include "ssh/conn.h"

enum observer_verdict {
    OBSERVER_REFUSES = 0,
    OBSERVER_ACCEPTS,
    /* Go on, but no password or answer is sent to whoever this is. A signature may
     * be: it is bound to this very connection. */
    OBSERVER_ACCEPTS_UNVERIFIED,
};

/* Somebody who watches the steps (`ferry probe`). */
struct ssh_observer {
    /* The socket is connected. address: "ADDR:PORT", or NULL behind a ProxyCommand. */
    void (*connected)(void *ctx, const char *address);
    /* Every event, before it is acted upon. */
    void (*event)(void *ctx, const struct login *login, const struct conn_event *ev);
    /* Decides about the host key in the place of cli/host_key.h. */
    enum observer_verdict (*host_key)(void *ctx, const struct hosts *hosts,
                                      struct conn *conn);
    void *ctx;
};

struct ssh_carrier_config {
    const struct settings *settings;
    struct console *console;
    const char *password_file;           /* NULL: none */
    const struct ssh_observer *observer; /* NULL: none */
};

/*
 * Blocks until the subsystem runs. Everything in config is borrowed for the
 * carrier's life. EXIT_OK: *carrier is the caller's to close; else what went
 * wrong has been said and is told by the status.
 */
enum exit_status
ssh_carrier_open(const struct ssh_carrier_config *config, struct carrier **carrier);

/* The engine, to look at. */
struct conn *ssh_carrier_conn(struct carrier *c);

#endif
