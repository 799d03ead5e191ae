/*
 * The conversation with ssh-agent: its Unix socket, one request and one reply
 * at a time, blocking (the agent may be asking its user). Messages are
 * key/agent.h's.
 */
#ifndef FERRY_CLI_AGENT_LINK_H
#define FERRY_CLI_AGENT_LINK_H

#include "base/buf.h"
#include "key/agent.h"

struct agent_link {
    int fd;           /* -1: no agent */
    struct buf reply; /* the latest, with its frame */
};

/*
 * named: IdentityAgent, or NULL. "none": no agent; "SSH_AUTH_SOCK" or NULL: the
 * environment's; "$NAME": that variable's; else a path.
 * ERR_CLOSED: there is no agent; al is usable all the same and always empty.
 */
enum err agent_link_open(struct agent_link *al, const char *named) MUST_USE;
void agent_link_close(struct agent_link *al);

/*
 * Send what agent_put_* wrote, wait for the reply. *reply: borrowed until the
 * next call. ERR_CLOSED: no agent, or it went away; ERR_PROTO; ERR_LIMIT.
 */
enum err
agent_link_ask(struct agent_link *al, struct bytes request, struct bytes *reply) MUST_USE;

#endif
