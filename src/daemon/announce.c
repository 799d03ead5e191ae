/* See announce.h. */
#include "daemon/announce.h"

#include <stdio.h>
#include <unistd.h>

#include "key/fingerprint.h"
#include "key/key_type.h"

static void
put_fingerprints(const struct monitor_keys *keys, struct buf *out)
{
    for (uint32_t i = 0; i < keys->n; i++) {
        struct bytes blob = bytes_of(keys->key[i].p, keys->key[i].n);
        const struct key_type *type = key_type_of_blob(blob);
        buf_put_str(out, "  host key   ");
        if (fingerprint_put(FINGERPRINT_SHA256, blob, out) != ERR_NONE)
            buf_put_str(out, "(no fingerprint)");
        buf_printf(out, " (%s)\n", type ? type->word : "?");
    }
}

/* An address that people can type: the host's name where we listen everywhere. */
static void
host_to_type(const struct net_addr *a, char host[NET_ADDR_TEXT_MAX])
{
    net_addr_host(a, host);
    if (strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0)
        return;
    if (gethostname(host, NET_ADDR_TEXT_MAX) != 0)
        snprintf(host, NET_ADDR_TEXT_MAX, "localhost");
    host[NET_ADDR_TEXT_MAX - 1] = 0;
}

static void
put_commands(const struct announcement *a, struct buf *out)
{
    char host[NET_ADDR_TEXT_MAX];
    const char *user = a->settings->user;
    host_to_type(&a->bound[0], host);
    unsigned port = net_addr_port(&a->bound[0]);
    const char *open = strchr(host, ':') ? "[" : "", *close = *open ? "]" : "";
    buf_put_str(out, "\nConnect with\n");
    buf_printf(out, "  sftp -P %u %s@%s%s%s\n", port, user, open, host, close);
    buf_printf(out, "  ferry ls sftp://%s@%s%s%s:%u/\n", user, open, host, close, port);
}

void
announcement_put(const struct announcement *a, struct buf *out)
{
    const struct settings *s = a->settings;
    char address[NET_ADDR_TEXT_MAX];
    buf_put_str(out, "Sharing ");
    text_escape(out, bytes_str(s->dir), 0);
    buf_put_str(out, s->options->is_read_only ? " over SFTP, read-only\n\n"
                                              : " over SFTP\n\n");
    for (uint32_t i = 0; i < s->n_listen; i++) {
        net_addr_text(&a->bound[i], address);
        buf_printf(out, "  address    %s\n", address);
    }
    buf_printf(out, "  user       %s\n", s->user);
    if (a->password)
        buf_printf(out, "  password   %s   (made up for this run, shown only here)\n",
                   a->password);
    else
        buf_printf(out, "  login by   %s\n", a->keys->auth_methods);
    put_fingerprints(a->keys, out);
    for (uint32_t i = 0; i < s->n_shielded; i++) {
        buf_put_str(out, "  kept back  ");
        text_escape(out, bytes_str(s->shielded[i]), 0);
        buf_put_str(out, " (ferryd's own; clients cannot reach it)\n");
    }
    put_commands(a, out);
    buf_put_str(out, "\nPress Ctrl-C to stop.\n");
}
