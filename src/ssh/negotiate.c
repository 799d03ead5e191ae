/* See negotiate.h. */
#include "ssh/negotiate.h"

#include "base/log.h"
#include "ssh/conn.h"

struct bytes
name_list_match(struct bytes client, struct bytes server)
{
    struct bytes rest = client, want;
    while (bytes_next_item(&rest, &want)) {
        struct bytes others = server, have;
        while (bytes_next_item(&others, &have))
            if (bytes_eq(want, have))
                return want;
    }
    return (struct bytes){0};
}

bool
name_list_has(struct bytes list, const char *name)
{
    struct bytes item;
    while (bytes_next_item(&list, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

static struct bytes
first_name(struct bytes list)
{
    struct bytes item = {0};
    (void)bytes_next_item(&list, &item);
    return item;
}

static enum err
nothing_in_common(const char *slot, struct bytes client, struct bytes server,
                  struct fault *why)
{
    return fault_set(why, ERR_PROTO, DISCONNECT_KEY_EXCHANGE_FAILED,
                     "no %s in common: the client offers \"%.*s\", the server \"%.*s\"",
                     slot, (int)(client.n > 70 ? 70 : client.n), (const char *)client.p,
                     (int)(server.n > 70 ? 70 : server.n), (const char *)server.p);
}

/* Match one slot; its name must be one that we implement, which it is, since
 * one of the two lists is ours: pseudo names are never in both roles' lists. */
static enum err
match_slot(const char *slot, struct bytes client, struct bytes server, struct bytes *name,
           struct fault *why)
{
    *name = name_list_match(client, server);
    return name->n == 0 ? nothing_in_common(slot, client, server, why) : ERR_NONE;
}

static enum err
choose_kex(const struct ssh_kexinit *client, const struct ssh_kexinit *server,
           struct algo_choice *choice, struct fault *why)
{
    struct bytes name;
    enum err e = match_slot("key exchange method", client->kex_algorithms,
                            server->kex_algorithms, &name, why);
    if (e != ERR_NONE)
        return e;
    choice->kex = kex_by_name(name);
    if (!choice->kex)
        return nothing_in_common("key exchange method", client->kex_algorithms,
                                 server->kex_algorithms, why);
    e = match_slot("host key algorithm", client->server_host_key_algorithms,
                   server->server_host_key_algorithms, &name, why);
    if (e != ERR_NONE)
        return e;
    choice->host_key = sig_by_name(name);
    return choice->host_key ? ERR_NONE
                            : nothing_in_common("host key algorithm",
                                                client->server_host_key_algorithms,
                                                server->server_host_key_algorithms, why);
}

struct direction_lists {
    struct bytes cipher, mac, compression;
};

static struct direction_lists
lists_of(const struct ssh_kexinit *k, int dir)
{
    if (dir == DIR_C2S)
        return (struct direction_lists){k->encryption_client_to_server,
                                        k->mac_client_to_server,
                                        k->compression_client_to_server};
    return (struct direction_lists){k->encryption_server_to_client,
                                    k->mac_server_to_client,
                                    k->compression_server_to_client};
}

static enum err
choose_direction(struct direction_lists client, struct direction_lists server, int dir,
                 struct algo_choice *choice, struct fault *why)
{
    struct bytes name;
    enum err e = match_slot("cipher", client.cipher, server.cipher, &name, why);
    if (e != ERR_NONE)
        return e;
    choice->cipher[dir] = cipher_by_name(name);
    if (!choice->cipher[dir])
        return nothing_in_common("cipher", client.cipher, server.cipher, why);
    if (!choice->cipher[dir]->is_aead) {
        e = match_slot("MAC", client.mac, server.mac, &name, why);
        if (e != ERR_NONE)
            return e;
        choice->mac[dir] = mac_by_name(name);
        if (!choice->mac[dir])
            return nothing_in_common("MAC", client.mac, server.mac, why);
    }
    e = match_slot("compression", client.compression, server.compression, &name, why);
    choice->zlib[dir] = bytes_eq_str(name, "zlib@openssh.com");
    return e;
}

enum err
negotiate(const struct ssh_kexinit *client, const struct ssh_kexinit *server,
          struct algo_choice *choice, struct fault *why)
{
    *choice = (struct algo_choice){0};
    enum err e = choose_kex(client, server, choice, why);
    for (int dir = DIR_C2S; e == ERR_NONE && dir <= DIR_S2C; dir++)
        e = choose_direction(lists_of(client, dir), lists_of(server, dir), dir, choice,
                             why);
    choice->guess_was_right = bytes_eq(first_name(client->kex_algorithms),
                                       first_name(server->kex_algorithms)) &&
                              bytes_eq(first_name(client->server_host_key_algorithms),
                                       first_name(server->server_host_key_algorithms));
    return e;
}
