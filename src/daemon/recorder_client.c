/* See recorder_client.h. */
#include "daemon/recorder_client.h"

#include <stdlib.h>

#include "daemon/link.h"

struct pending {
    uint64_t token;
    bool is_sent;
    uint64_t resend_ms;
    struct recorder_request request;
};

struct recorder_client {
    int socket;
    bool is_closed; /* nobody holds the other end: no receipt will come */
    uint64_t last_id;
    size_t n;
    struct pending *items[RECORDER_PENDING_MAX]; /* oldest first; owned */
};

enum err
recorder_client_new(int socket, struct recorder_client **client)
{
    *client = calloc(1, sizeof **client);
    if (!*client)
        return ERR_NOMEM;
    (*client)->socket = socket;
    return ERR_NONE;
}

void
recorder_client_free(struct recorder_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->n; i++)
        free(client->items[i]);
    free(client);
}

static void
remove_at(struct recorder_client *client, size_t i)
{
    free(client->items[i]);
    client->n--;
    memmove(client->items + i, client->items + i + 1,
            (client->n - i) * sizeof *client->items);
}

/* False: no room now. */
static bool
send_one(struct recorder_client *client, struct pending *p, uint64_t now_ms)
{
    enum err err = link_send(client->socket, &p->request, sizeof p->request);
    if (err != ERR_NONE && err != ERR_LIMIT)
        client->is_closed = true;
    p->is_sent = err == ERR_NONE;
    p->resend_ms = now_ms + RECORDER_RESEND_MS;
    return p->is_sent;
}

enum err
recorder_client_put(struct recorder_client *client, const struct record *record,
                    uint64_t token, uint64_t now_ms)
{
    if (client->n == RECORDER_PENDING_MAX)
        return ERR_LIMIT;
    bool must_wait = recorder_client_wants_out(client);
    struct pending *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    p->token = token;
    p->request.id = ++client->last_id;
    p->request.record = *record;
    client->items[client->n++] = p;
    if (!must_wait)
        (void)!send_one(client, p, now_ms); /* in order; the rest at the next tick */
    return ERR_NONE;
}

static bool
take_receipt(struct recorder_client *client, struct recorder_receipt *receipt)
{
    enum err err = link_receive(client->socket, receipt, sizeof *receipt);
    if (err == ERR_CLOSED || err == ERR_PROTO)
        client->is_closed = true;
    return err == ERR_NONE;
}

/* Remove what the receipt is for; 0: unknown (sent twice), or nobody waits. */
static uint64_t
settle(struct recorder_client *client, uint64_t id)
{
    for (size_t i = 0; i < client->n; i++)
        if (client->items[i]->request.id == id) {
            uint64_t token = client->items[i]->token;
            remove_at(client, i);
            return token;
        }
    return 0;
}

bool
recorder_client_take(struct recorder_client *client, uint64_t *token,
                     enum recorder_result *result)
{
    struct recorder_receipt receipt;
    while (take_receipt(client, &receipt)) {
        *token = settle(client, receipt.id);
        *result = receipt.result <= RECORDER_NOT_AUDITED
                      ? (enum recorder_result)receipt.result
                      : RECORDER_FAILED;
        if (*token != 0)
            return true;
    }
    while (client->is_closed && client->n != 0) {
        *token = client->items[0]->token;
        *result = RECORDER_FAILED;
        remove_at(client, 0);
        if (*token != 0)
            return true;
    }
    return false;
}

void
recorder_client_tick(struct recorder_client *client, uint64_t now_ms)
{
    for (size_t i = 0; i < client->n; i++) {
        struct pending *p = client->items[i];
        if ((!p->is_sent || now_ms >= p->resend_ms) && !send_one(client, p, now_ms))
            return;
    }
}

uint64_t
recorder_client_deadline(const struct recorder_client *client)
{
    uint64_t deadline = UINT64_MAX;
    for (size_t i = 0; i < client->n; i++)
        if (client->items[i]->resend_ms < deadline)
            deadline = client->items[i]->resend_ms;
    return deadline;
}

bool
recorder_client_wants_out(const struct recorder_client *client)
{
    for (size_t i = 0; i < client->n; i++)
        if (!client->items[i]->is_sent)
            return true;
    return false;
}
