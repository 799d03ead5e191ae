/* See log_words.h. Formats: sshd of OpenSSH 9.2, and the filter that reads them. */
#include "daemon/log_words.h"

#include "base/log.h"

enum {
    NAME_SHOWN = 100, /* octets of a user name, as sshd shows */
    TEXT_SHOWN = 100, /* octets of a peer's own words; times 4, they fit into a line */
    OFFER_SHOWN = 200,
    METHOD_SHOWN = 30, /* SSH's own names have no more */
    PIECE_MAX = 2048,  /* octets of one piece, escapes included */
};

/* A word: its blanks are encoded too, so that it cannot go on as our sentence. */
static void
put_word(struct buf *out, struct bytes text, size_t shown)
{
    struct buf word;
    buf_init(&word, PIECE_MAX);
    text_escape(&word, text, shown);
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == ' ')
            buf_put_str(out, "\\x20");
        else
            buf_put_u8(out, word.p[i]);
    buf_clear(&word);
}

static void
put_user(struct buf *out, const struct log_peer *peer)
{
    put_word(out, peer->user, NAME_SHOWN);
}

static void
put_address(struct buf *out, const struct log_peer *peer)
{
    buf_printf(out, "%s port %u", peer->address, peer->port);
}

/* "[invalid user ]u from A port P" */
static void
put_claim(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, peer->is_valid_user ? "" : "invalid user ");
    put_user(out, peer);
    buf_put_str(out, " from ");
    put_address(out, peer);
}

static void
put_verdict(struct buf *out, const char *verdict, const struct log_peer *peer,
            const char *method, const char *detail)
{
    buf_printf(out, "%s ", verdict);
    put_word(out, bytes_str(method), METHOD_SHOWN);
    buf_put_str(out, " for ");
    put_claim(out, peer);
    buf_put_str(out, " ssh2");
    if (detail && detail[0]) {
        buf_put_str(out, ": ");
        text_escape(out, bytes_str(detail), TEXT_SHOWN);
    }
}

void
log_words_accepted(struct buf *out, const struct log_peer *peer, const char *method,
                   const char *detail)
{
    put_verdict(out, "Accepted", peer, method, detail);
}

void
log_words_partial(struct buf *out, const struct log_peer *peer, const char *method,
                  const char *detail)
{
    put_verdict(out, "Partial", peer, method, detail);
}

void
log_words_failed(struct buf *out, const struct log_peer *peer, const char *method,
                 const char *detail)
{
    put_verdict(out, "Failed", peer, method, detail);
}

void
log_words_invalid_user(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, "Invalid user ");
    put_user(out, peer);
    buf_put_str(out, " from ");
    put_address(out, peer);
}

void
log_words_too_many_tries(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, "maximum authentication attempts exceeded for ");
    put_claim(out, peer);
    buf_put_str(out, " ssh2 [preauth]");
}

void
log_words_not_allowed(struct buf *out, const struct log_peer *peer, const char *reason)
{
    buf_put_str(out, "User ");
    put_user(out, peer);
    buf_printf(out, " from %s not allowed because %s", peer->address, reason);
}

void
log_words_connection(struct buf *out, const struct log_peer *peer,
                     const char *local_address, uint16_t local_port)
{
    buf_put_str(out, "Connection from ");
    put_address(out, peer);
    buf_printf(out, " on %s port %u", local_address, local_port);
}

/* "authenticating user u A port P", "invalid user u A port P", "A port P" */
static void
put_candidate(struct buf *out, const struct log_peer *peer)
{
    if (peer->user.n != 0) {
        buf_put_str(out, peer->is_valid_user ? "authenticating user " : "invalid user ");
        put_user(out, peer);
        buf_put_u8(out, ' ');
    }
    put_address(out, peer);
}

void
log_words_closed_preauth(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, "Connection closed by ");
    put_candidate(out, peer);
    buf_put_str(out, " [preauth]");
}

void
log_words_reset_preauth(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, "Connection reset by ");
    put_candidate(out, peer);
    buf_put_str(out, " [preauth]");
}

void
log_words_login_timeout(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, "Timeout before authentication for ");
    put_address(out, peer);
}

void
log_words_no_match(struct buf *out, const struct log_peer *peer, const char *what,
                   struct bytes offer)
{
    buf_put_str(out, "Unable to negotiate with ");
    put_address(out, peer);
    buf_printf(out, ": no matching %s found. Their offer: ", what);
    put_word(out, offer, OFFER_SHOWN);
    buf_put_str(out, " [preauth]");
}

void
log_words_bad_ident(struct buf *out, const struct log_peer *peer)
{
    buf_put_str(out, "banner exchange: Connection from ");
    put_address(out, peer);
    buf_put_str(out, ": invalid format");
}

void
log_words_peer_disconnect(struct buf *out, const struct log_peer *peer, uint32_t reason,
                          struct bytes text, bool is_preauth)
{
    buf_put_str(out, "Received disconnect from ");
    put_address(out, peer);
    buf_printf(out, ":%u: ", reason);
    text_escape(out, text, TEXT_SHOWN);
    buf_put_str(out, is_preauth ? " [preauth]" : "");
}

void
log_words_disconnected(struct buf *out, const struct log_peer *peer, bool is_preauth)
{
    buf_put_str(out, "Disconnected from ");
    if (is_preauth) {
        put_candidate(out, peer);
        buf_put_str(out, " [preauth]");
        return;
    }
    buf_put_str(out, "user ");
    put_user(out, peer);
    buf_put_u8(out, ' ');
    put_address(out, peer);
}

void
log_words_disconnecting(struct buf *out, const struct log_peer *peer, const char *text,
                        bool is_preauth)
{
    buf_put_str(out, "Disconnecting ");
    if (is_preauth) {
        put_candidate(out, peer);
    } else {
        buf_put_str(out, "user ");
        put_user(out, peer);
        buf_put_u8(out, ' ');
        put_address(out, peer);
    }
    buf_put_str(out, ": ");
    text_escape(out, bytes_str(text), TEXT_SHOWN);
    buf_put_str(out, is_preauth ? " [preauth]" : "");
}
