/* See pubkey_line.h. RFC 4716 for the form with BEGIN and END lines. */
#include "key/pubkey_line.h"

#include "key/armor.h"
#include "key/key_type.h"
#include "key/text_line.h"
#include "wire/cursor.h"

/* ---- one line ---- */

static enum err
decode_blob(const struct key_type *type, struct bytes base64, struct buf *blob)
{
    if (base64.n / 4 * 3 > KEY_BLOB_MAX)
        return ERR_LIMIT;
    enum err e = base64_decode(base64, blob);
    if (e != ERR_NONE)
        return e;
    bool is_good =
        key_type_of_blob(buf_bytes(blob)) == type && key_blob_is_whole(buf_bytes(blob));
    return is_good ? ERR_NONE : ERR_PROTO;
}

enum err
pubkey_line_parse(struct bytes line, struct buf *blob, struct bytes *comment)
{
    buf_reset(blob);
    *comment = (struct bytes){0};
    if (line.n > PUBKEY_LINE_MAX)
        return ERR_LIMIT;
    const struct key_type *type = key_type_by_name(text_next_word(&line));
    if (!type)
        return ERR_PROTO;
    enum err e = decode_blob(type, text_next_word(&line), blob);
    if (e != ERR_NONE) {
        buf_reset(blob);
        return e;
    }
    *comment = text_trim(line);
    return ERR_NONE;
}

void
pubkey_line_put(struct bytes blob, struct bytes comment, struct buf *out)
{
    struct bytes type = key_blob_type(blob);
    if (!name_is_valid(type)) {
        out->err = out->err != ERR_NONE ? out->err : ERR_PROTO;
        return;
    }
    buf_put(out, type);
    buf_put_u8(out, ' ');
    base64_encode(blob, out);
    if (comment.n != 0)
        buf_put_u8(out, ' ');
    for (size_t i = 0; i < comment.n; i++)
        if (comment.p[i] >= 0x20 && comment.p[i] != 0x7f)
            buf_put_u8(out, comment.p[i]);
}

/* ---- RFC 4716 ---- */

#define RFC4716_BEGIN "---- BEGIN SSH2 PUBLIC KEY ----"
#define RFC4716_END   "---- END SSH2 PUBLIC KEY ----"

enum { TAG_MAX = 64, VALUE_MAX = 1024 }; /* octets, RFC 4716 3.3 */

/* Lines here may also end in a lone CR, RFC 4716 3.1. */
static bool
next_line_cr(struct bytes *text, struct bytes *line)
{
    if (text->n == 0)
        return false;
    size_t n = 0;
    while (n < text->n && text->p[n] != '\n' && text->p[n] != '\r')
        n++;
    *line = bytes_first(*text, n);
    bool is_crlf = text->n - n > 1 && text->p[n] == '\r' && text->p[n + 1] == '\n';
    *text = bytes_skip(*text, n + (is_crlf ? 2 : 1));
    return true;
}

/* A whole header value, its continuation lines joined. False: over the limit. */
static bool
read_value(struct bytes first, struct bytes *text, struct buf *value)
{
    struct bytes line = first;
    buf_reset(value);
    while (line.n != 0 && line.p[line.n - 1] == '\\') {
        buf_put(value, bytes_first(line, line.n - 1));
        if (!next_line_cr(text, &line))
            return false;
    }
    buf_put(value, line);
    return buf_err(value) == ERR_NONE;
}

/* Trimmed, and without a pair of quotes around it. */
static struct bytes
unquote(struct bytes value)
{
    value = text_trim(value);
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        return bytes_of(value.p + 1, value.n - 2);
    return value;
}

/*
 * Read headers up to the body, which is what *text then begins with: the first
 * line without a colon starts it.
 */
static enum err
read_headers(struct bytes *text, struct buf *comment)
{
    struct buf value;
    buf_init(&value, VALUE_MAX);
    enum err e = ERR_NONE;
    struct bytes rest = *text, line;
    while (e == ERR_NONE && next_line_cr(&rest, &line)) {
        const uint8_t *colon = line.n != 0 ? memchr(line.p, ':', line.n) : NULL;
        if (!colon)
            break;
        struct bytes tag = bytes_first(line, (size_t)(colon - line.p));
        if (tag.n > TAG_MAX || !read_value(bytes_skip(line, tag.n + 1), &rest, &value))
            e = value.err == ERR_NOMEM ? ERR_NOMEM : ERR_PROTO;
        else if (text_eq_fold(tag, "Comment")) {
            buf_reset(comment);
            buf_put(comment, unquote(buf_bytes(&value)));
            e = buf_err(comment);
        }
        *text = rest;
    }
    buf_clear(&value);
    return e;
}

/* What lies in front of the END line. False: there is none. */
static bool
find_body(struct bytes text, struct bytes *body)
{
    struct bytes rest = text, here = text, line;
    while (next_line_cr(&rest, &line)) {
        if (bytes_eq_str(line, RFC4716_END)) {
            *body = bytes_first(text, text.n - here.n);
            return true;
        }
        here = rest;
    }
    return false;
}

/* text: behind the BEGIN line. */
static enum err
parse_rfc4716(struct bytes text, struct buf *blob, struct buf *comment)
{
    struct bytes body;
    enum err e = read_headers(&text, comment);
    if (e != ERR_NONE)
        return e;
    if (!find_body(text, &body))
        return ERR_PROTO;
    e = base64_decode_wrapped(body, blob);
    if (e != ERR_NONE)
        return e;
    if (blob->n > KEY_BLOB_MAX)
        return ERR_LIMIT;
    return key_blob_is_whole(buf_bytes(blob)) ? ERR_NONE : ERR_PROTO;
}

/* ---- files ---- */

/* The first line that is neither blank nor a comment. */
static enum err
parse_lines(struct bytes text, struct buf *blob, struct buf *comment)
{
    struct bytes line, note;
    while (text_next_line(&text, &line)) {
        if (text_is_comment(line))
            continue;
        enum err e = pubkey_line_parse(line, blob, &note);
        if (e == ERR_NONE)
            buf_put(comment, bytes_first(note, PUBKEY_COMMENT_MAX));
        return e == ERR_NONE ? buf_err(comment) : e;
    }
    return ERR_PROTO;
}

enum err
pubkey_text_parse(struct bytes text, struct buf *blob, struct buf *comment,
                  struct fault *why)
{
    buf_reset(blob);
    buf_reset(comment);
    if (text.n > PUBKEY_TEXT_MAX)
        return fault_set(why, ERR_LIMIT, 0, "public key file over %d octets",
                         PUBKEY_TEXT_MAX);
    struct bytes rest = text, first;
    bool is_rfc4716 = next_line_cr(&rest, &first) && bytes_eq_str(first, RFC4716_BEGIN);
    enum err e = is_rfc4716 ? parse_rfc4716(rest, blob, comment)
                            : parse_lines(text, blob, comment);
    if (e == ERR_NONE)
        return ERR_NONE;
    buf_reset(blob);
    buf_reset(comment);
    return fault_set(why, e, 0,
                     e == ERR_PROTO   ? "not a public key of a known type"
                     : e == ERR_LIMIT ? "public key too long"
                                      : "out of memory");
}
