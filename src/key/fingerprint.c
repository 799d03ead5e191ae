/* See fingerprint.h. Randomart is OpenSSH's "drunken bishop": the digest steers
 * a walk over a field, and the field shows how often each cell was visited. */
#include "key/fingerprint.h"

#include <stdio.h>

#include "base/log.h"
#include "key/armor.h"
#include "key/cert.h"
#include "key/text_line.h"

struct digest {
    uint8_t octets[HASH_MAX_LEN];
    size_t n;
};

static enum err
digest_of(enum fingerprint_form form, struct bytes blob, struct digest *d)
{
    enum hash_id hash = form == FINGERPRINT_MD5 ? HASH_MD5 : HASH_SHA256;
    struct buf plain;
    buf_init(&plain, KEY_BLOB_MAX);
    enum err e = cert_plain_blob(blob, &plain);
    if (e == ERR_NONE)
        e = hash_digest(hash, buf_bytes(&plain), d->octets);
    d->n = hash_len(hash);
    buf_clear(&plain);
    return e;
}

static void
put_sha256(const struct digest *d, struct buf *out)
{
    buf_put_str(out, "SHA256:");
    base64_encode(bytes_of(d->octets, d->n), out);
    while (buf_err(out) == ERR_NONE && out->p[out->n - 1] == '=')
        buf_truncate(out, out->n - 1);
}

static void
put_md5(const struct digest *d, struct buf *out)
{
    buf_put_str(out, "MD5");
    for (size_t i = 0; i < d->n; i++)
        buf_printf(out, ":%02x", d->octets[i]);
}

enum err
fingerprint_put(enum fingerprint_form form, struct bytes blob, struct buf *out)
{
    struct digest d;
    enum err e = digest_of(form, blob, &d);
    if (e != ERR_NONE)
        return e;
    if (form == FINGERPRINT_MD5)
        put_md5(&d, out);
    else
        put_sha256(&d, out);
    return buf_err(out);
}

enum err
fingerprint_put_line(enum fingerprint_form form, struct bytes blob, struct bytes comment,
                     struct buf *out)
{
    const struct key_type *type = key_type_of_blob(blob);
    if (!type)
        return ERR_PROTO;
    buf_printf(out, "%u ", key_blob_bits(blob));
    enum err e = fingerprint_put(form, blob, out);
    if (e != ERR_NONE)
        return e;
    buf_put_u8(out, ' ');
    if (comment.n != 0)
        text_escape(out, comment, 0);
    else
        buf_put_str(out, "no comment");
    buf_printf(out, " (%s)", type->word);
    return buf_err(out);
}

/* ---- randomart ---- */

enum { ART_W = 17, ART_H = 9 };
enum { CELL_FULL = 14, CELL_START = 15, CELL_END = 16 };

struct art {
    uint8_t cells[ART_H][ART_W];
};

static int
clamp(int x, int max)
{
    return x < 0 ? 0 : x > max ? max : x;
}

/* Four moves an octet, two bits a move, least significant first. */
static void
walk(struct art *art, const struct digest *d)
{
    int x = ART_W / 2, y = ART_H / 2;
    *art = (struct art){0};
    for (size_t i = 0; i < d->n * 4; i++) {
        unsigned move = (unsigned)d->octets[i / 4] >> (i % 4 * 2);
        x = clamp(x + ((move & 1) != 0 ? 1 : -1), ART_W - 1);
        y = clamp(y + ((move & 2) != 0 ? 1 : -1), ART_H - 1);
        if (art->cells[y][x] < CELL_FULL)
            art->cells[y][x]++;
    }
    art->cells[ART_H / 2][ART_W / 2] = CELL_START;
    art->cells[y][x] = CELL_END;
}

static void
put_repeated(struct buf *out, uint8_t c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_put_u8(out, c);
}

/* A border with its title in the middle. */
static void
put_border(struct buf *out, const char *title)
{
    size_t n = strlen(title), left = (ART_W - n) / 2;
    buf_put_u8(out, '+');
    put_repeated(out, '-', left);
    buf_put_str(out, title);
    put_repeated(out, '-', ART_W - n - left);
    buf_put_u8(out, '+');
}

static void
put_title(struct buf *out, const struct key_type *type, unsigned bits)
{
    char title[ART_W + 1];
    int n = snprintf(title, sizeof title, "[%s %u]", type->word, bits);
    if (n < 0 || n > ART_W)
        snprintf(title, sizeof title, "[%s]", type->word);
    put_border(out, title);
}

enum err
randomart_put(enum fingerprint_form form, struct bytes blob, struct buf *out)
{
    static const char symbols[] = " .o+=*BOX@%&#/^SE";
    const struct key_type *type = key_type_of_blob(blob);
    struct digest d;
    struct art art;
    if (!type)
        return ERR_PROTO;
    enum err e = digest_of(form, blob, &d);
    if (e != ERR_NONE)
        return e;
    walk(&art, &d);
    put_title(out, type, key_blob_bits(blob));
    for (int y = 0; y < ART_H; y++) {
        buf_put_str(out, "\n|");
        for (int x = 0; x < ART_W; x++)
            buf_put_u8(out, (uint8_t)symbols[art.cells[y][x]]);
        buf_put_u8(out, '|');
    }
    buf_put_u8(out, '\n');
    put_border(out, form == FINGERPRINT_MD5 ? "[MD5]" : "[SHA256]");
    return buf_err(out);
}

/* ---- typed by a person ---- */

static bool
is_form(enum fingerprint_form form, struct bytes typed, struct bytes blob)
{
    struct buf own;
    buf_init(&own, 256);
    bool is_same =
        fingerprint_put(form, blob, &own) == ERR_NONE && bytes_eq(typed, buf_bytes(&own));
    buf_clear(&own);
    return is_same;
}

bool
fingerprint_is(struct bytes typed, struct bytes blob)
{
    typed = text_trim(typed);
    return is_form(FINGERPRINT_SHA256, typed, blob) ||
           is_form(FINGERPRINT_MD5, typed, blob);
}
