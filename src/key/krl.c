/*
 * See krl.h. A KRL is a header and sections, a section of certificates is made
 * of subsections. All of it is walked, also behind a hit: a list that is broken
 * further down is a broken list.
 */
#include "key/krl.h"

#include "crypto/hash.h"
#include "key/cert.h"
#include "key/pubkey_line.h"
#include "key/text_line.h"
#include "wire/cursor.h"

#define KRL_MAGIC BYTES_LIT("SSHKRL\n\0")

enum { KRL_FORMAT = 1, SHA1_LEN = 20, SHA256_LEN = 32 };

enum krl_section {
    KRL_CERTIFICATES = 1,
    KRL_EXPLICIT_KEY = 2,
    KRL_FINGERPRINT_SHA1 = 3,
    KRL_FINGERPRINT_SHA256 = 5,
    KRL_EXTENSION = 255,
};

enum krl_cert_section {
    KRL_SERIAL_LIST = 0x20,
    KRL_SERIAL_RANGE = 0x21,
    KRL_SERIAL_BITMAP = 0x22,
    KRL_KEY_ID = 0x23,
    KRL_CERT_EXTENSION = 0x39,
};

/* One key that may be listed, in all the ways a list names it. */
struct suspect {
    struct bytes blob;
    uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN];
};

/* The key asked about: itself without certificate, and its CA's. */
struct suspects {
    struct suspect keys[2];
    size_t n;
    struct cert *cert; /* NULL: a plain key */
};

/* ---- lists of keys ---- */

static bool
lists_blob(struct cursor *c, const struct suspects *s)
{
    bool is_hit = false;
    while (cursor_left(c) != 0) {
        struct bytes blob = cursor_string(c);
        for (size_t i = 0; i < s->n; i++)
            is_hit = is_hit || (!c->failed && bytes_eq(blob, s->keys[i].blob));
    }
    return is_hit;
}

/* len tells SHA-1 from SHA-256. */
static bool
lists_hash(struct cursor *c, const struct suspects *s, size_t len)
{
    bool is_hit = false;
    while (cursor_left(c) != 0) {
        struct bytes hash = cursor_string(c);
        if (hash.n != len)
            c->failed = true;
        for (size_t i = 0; i < s->n && !c->failed; i++) {
            const uint8_t *own = len == SHA1_LEN ? s->keys[i].sha1 : s->keys[i].sha256;
            is_hit = is_hit || bytes_eq(hash, bytes_of(own, len));
        }
    }
    return is_hit;
}

/* ---- lists of certificates ---- */

static bool
lists_serial(struct cursor *c, uint64_t serial)
{
    bool is_hit = false;
    while (cursor_left(c) != 0)
        is_hit = (cursor_u64(c) == serial && !c->failed) || is_hit;
    return is_hit;
}

static bool
spans_serial(struct cursor *c, uint64_t serial)
{
    uint64_t min = cursor_u64(c), max = cursor_u64(c);
    if (min > max)
        c->failed = true;
    return !c->failed && serial >= min && serial <= max;
}

/* Bit N of the number, counted from its last octet, stands for offset + N. It
 * may be larger than any number of a message, hence no cursor_mpint. */
static bool
has_serial_bit(struct cursor *c, uint64_t serial)
{
    uint64_t offset = cursor_u64(c);
    struct bytes bits = cursor_string(c);
    if (bits.n != 0 && (bits.p[0] & 0x80) != 0)
        c->failed = true; /* negative */
    if (c->failed || serial < offset || (serial - offset) / 8 >= bits.n)
        return false;
    uint64_t bit = serial - offset;
    return (bits.p[bits.n - 1 - bit / 8] >> (bit % 8) & 1) != 0;
}

static bool
lists_key_id(struct cursor *c, struct bytes key_id)
{
    bool is_hit = false;
    while (cursor_left(c) != 0) {
        struct bytes listed = cursor_string(c);
        is_hit = is_hit || (!c->failed && bytes_eq(listed, key_id));
    }
    return is_hit;
}

/* We know no extension, so a critical one can't be honoured. */
static void
read_extension(struct cursor *c)
{
    cursor_string(c);
    bool is_critical = cursor_bool(c);
    cursor_string(c);
    if (is_critical)
        c->failed = true;
}

/* cert NULL: the section is about other certificates, and only checked. */
static bool
read_cert_section(enum krl_cert_section type, struct cursor *c, const struct cert *cert)
{
    uint64_t serial = cert ? cert->serial : 0;
    bool is_hit = false;
    switch (type) {
    case KRL_SERIAL_LIST:
        is_hit = lists_serial(c, serial) && serial != 0;
        break;
    case KRL_SERIAL_RANGE:
        is_hit = spans_serial(c, serial) && serial != 0;
        break;
    case KRL_SERIAL_BITMAP:
        is_hit = has_serial_bit(c, serial) && serial != 0;
        break;
    case KRL_KEY_ID:
        is_hit = lists_key_id(c, cert ? cert->key_id : (struct bytes){0}) && cert;
        break;
    case KRL_CERT_EXTENSION:
        read_extension(c);
        break;
    default:
        c->failed = true;
    }
    return is_hit;
}

static bool
read_certificates(struct cursor *c, const struct suspects *s)
{
    struct bytes ca = cursor_string(c);
    cursor_string(c); /* reserved */
    bool is_ours = s->cert && (ca.n == 0 || bytes_eq(ca, s->cert->ca_blob));
    bool is_hit = false;
    while (cursor_left(c) != 0) {
        enum krl_cert_section type = cursor_u8(c);
        struct cursor data = cursor_of(cursor_string(c));
        is_hit = read_cert_section(type, &data, is_ours ? s->cert : NULL) || is_hit;
        if (!cursor_is_done(&data))
            c->failed = true;
    }
    return is_hit;
}

/* ---- the whole list ---- */

static bool
read_section(enum krl_section type, struct cursor *c, const struct suspects *s)
{
    switch (type) {
    case KRL_CERTIFICATES:
        return read_certificates(c, s);
    case KRL_EXPLICIT_KEY:
        return lists_blob(c, s);
    case KRL_FINGERPRINT_SHA1:
        return lists_hash(c, s, SHA1_LEN);
    case KRL_FINGERPRINT_SHA256:
        return lists_hash(c, s, SHA256_LEN);
    case KRL_EXTENSION:
        read_extension(c);
        return false;
    default: /* signatures too, as OpenSSH since 9.4 */
        c->failed = true;
        return false;
    }
}

/* Standing by a KRL; c is behind the magic. */
static enum key_standing
check_sections(struct cursor *c, const struct suspects *s, struct fault *why)
{
    bool is_hit = false;
    if (cursor_u32(c) != KRL_FORMAT)
        c->failed = true;
    cursor_raw(c, 8 + 8 + 8); /* version, date, flags */
    cursor_string(c);         /* reserved */
    cursor_string(c);         /* comment */
    while (cursor_left(c) != 0) {
        enum krl_section type = cursor_u8(c);
        struct cursor data = cursor_of(cursor_string(c));
        is_hit = read_section(type, &data, s) || is_hit;
        if (!cursor_is_done(&data))
            c->failed = true;
    }
    if (!is_hit && cursor_is_done(c))
        return KEY_NOT_REVOKED;
    fault_set(why, is_hit ? ERR_AUTH : ERR_PROTO, 0,
              is_hit ? "the key is revoked" : "the revocation list is not understood");
    return KEY_REVOKED;
}

static bool
is_listed(struct bytes line, const struct suspects *s, struct buf *blob, enum err *e)
{
    struct bytes comment;
    *e = pubkey_line_parse(line, blob, &comment);
    for (size_t i = 0; i < s->n && *e == ERR_NONE; i++)
        if (bytes_eq(buf_bytes(blob), s->keys[i].blob))
            return true;
    return s->cert && *e == ERR_NONE &&
           bytes_eq(buf_bytes(blob), buf_bytes(&s->cert->blob));
}

/* Standing by a file of public key lines. */
static enum key_standing
check_lines(struct bytes text, const struct suspects *s, struct fault *why)
{
    struct buf blob;
    struct bytes line;
    enum err e = ERR_NONE;
    bool is_hit = false;
    buf_init(&blob, KEY_BLOB_MAX);
    while (!is_hit && e == ERR_NONE && text_next_line(&text, &line))
        if (!text_is_comment(line))
            is_hit = is_listed(line, s, &blob, &e);
    buf_clear(&blob);
    if (!is_hit && e == ERR_NONE)
        return KEY_NOT_REVOKED;
    fault_set(why, is_hit ? ERR_AUTH : e, 0,
              is_hit ? "the key is revoked"
                     : "a line of the list of revoked keys is no key");
    return KEY_REVOKED;
}

/* ---- what is asked about ---- */

static enum err
add_suspect(struct suspects *s, struct bytes blob)
{
    struct suspect *key = &s->keys[s->n++];
    key->blob = blob;
    enum err e = hash_digest(HASH_SHA1, blob, key->sha1);
    return e == ERR_NONE ? hash_digest(HASH_SHA256, blob, key->sha256) : e;
}

static enum err
gather_suspects(struct suspects *s, struct bytes blob, struct fault *why)
{
    const struct key_type *type = key_type_of_blob(blob);
    if (!type)
        return ERR_PROTO;
    if (!type->is_cert)
        return add_suspect(s, blob);
    enum err e = cert_parse(blob, &s->cert, why);
    if (e == ERR_NONE)
        e = add_suspect(s, buf_bytes(&s->cert->plain));
    return e == ERR_NONE ? add_suspect(s, s->cert->ca_blob) : e;
}

enum key_standing
krl_check(struct bytes list, struct bytes blob, struct fault *why)
{
    struct suspects s = {0};
    enum key_standing standing = KEY_REVOKED;
    enum err e = list.n > KRL_MAX ? ERR_LIMIT : gather_suspects(&s, blob, why);
    struct cursor c = cursor_of(list);
    if (e != ERR_NONE)
        fault_set(why, e, 0, "checking for revocation failed (%s)", err_name(e));
    else if (bytes_eq(cursor_raw(&c, KRL_MAGIC.n), KRL_MAGIC))
        standing = check_sections(&c, &s, why);
    else
        standing = check_lines(list, &s, why);
    cert_free(s.cert);
    return standing;
}
