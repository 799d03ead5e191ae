/* Public keys of sig.h: the table of key types, and blobs taken apart. */
#include <assert.h>
#include <stdlib.h>

#include "crypto/key_impl.h"

static const struct key_row rows[] = {
    [KEY_ED25519] = {"ssh-ed25519", &key_ed25519, 0, false},
    [KEY_ECDSA_P256] = {"ecdsa-sha2-nistp256", &key_ecdsa, CURVE_P256, false},
    [KEY_ECDSA_P384] = {"ecdsa-sha2-nistp384", &key_ecdsa, CURVE_P384, false},
    [KEY_ECDSA_P521] = {"ecdsa-sha2-nistp521", &key_ecdsa, CURVE_P521, false},
    [KEY_RSA] = {"ssh-rsa", &key_rsa, 0, false},
    [KEY_SK_ED25519] = {"sk-ssh-ed25519@openssh.com", &key_ed25519, 0, true},
    [KEY_SK_ECDSA_P256] = {"sk-ecdsa-sha2-nistp256@openssh.com", &key_ecdsa, CURVE_P256,
                           true},
};

const struct key_row *
key_row_of(enum key_kind kind)
{
    return &rows[kind];
}

const char *
key_kind_name(enum key_kind kind)
{
    return rows[kind].type;
}

bool
key_kind_by_name(struct bytes type, enum key_kind *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (bytes_eq_str(type, rows[i].type)) {
            *kind = (enum key_kind)i;
            return true;
        }
    }
    return false;
}

/* Fill the key from its own copy of the blob, into which it will point. */
static enum err
fill(struct pubkey *key)
{
    struct cursor c = cursor_of(buf_bytes(&key->blob));
    struct bytes type = cursor_string(&c);
    if (c.failed || !key_kind_by_name(type, &key->kind))
        return ERR_PROTO;
    const struct key_row *row = &rows[key->kind];
    enum err e = row->ops->public_get(row, &c, key);
    if (e != ERR_NONE)
        return e;
    if (row->is_sk)
        key->application = cursor_string(&c);
    return cursor_is_done(&c) ? ERR_NONE : ERR_PROTO;
}

enum err
pubkey_parse(struct bytes blob, struct pubkey **out)
{
    struct pubkey *key = calloc(1, sizeof *key);
    if (!key)
        return ERR_NOMEM;
    buf_init(&key->blob, KEY_BLOB_MAX);
    buf_put(&key->blob, blob);
    enum err e = buf_err(&key->blob);
    if (e == ERR_LIMIT)
        e = ERR_PROTO;
    if (e == ERR_NONE)
        e = fill(key);
    if (e != ERR_NONE) {
        pubkey_free(key);
        return e;
    }
    *out = key;
    return ERR_NONE;
}

void
pubkey_free(struct pubkey *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    buf_clear(&key->blob);
    free(key);
}

enum key_kind
pubkey_kind(const struct pubkey *key)
{
    return key->kind;
}

struct bytes
pubkey_blob(const struct pubkey *key)
{
    return buf_bytes(&key->blob);
}

unsigned
pubkey_bits(const struct pubkey *key)
{
    return key->bits;
}
