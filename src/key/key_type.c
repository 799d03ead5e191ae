/* See key_type.h. */
#include "key/key_type.h"

#include "wire/cursor.h"

static const struct key_type types[] = {
    {"ssh-ed25519", "ED25519", KEY_ED25519, false},
    {"ssh-rsa", "RSA", KEY_RSA, false},
    {"ecdsa-sha2-nistp256", "ECDSA", KEY_ECDSA_P256, false},
    {"ecdsa-sha2-nistp384", "ECDSA", KEY_ECDSA_P384, false},
    {"ecdsa-sha2-nistp521", "ECDSA", KEY_ECDSA_P521, false},
    {"sk-ssh-ed25519@openssh.com", "ED25519-SK", KEY_SK_ED25519, false},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "ECDSA-SK", KEY_SK_ECDSA_P256, false},
    {"ssh-ed25519-cert-v01@openssh.com", "ED25519-CERT", KEY_ED25519, true},
    {"ssh-rsa-cert-v01@openssh.com", "RSA-CERT", KEY_RSA, true},
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-CERT", KEY_ECDSA_P256, true},
    {"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ECDSA-CERT", KEY_ECDSA_P384, true},
    {"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ECDSA-CERT", KEY_ECDSA_P521, true},
    {"sk-ssh-ed25519-cert-v01@openssh.com", "ED25519-SK-CERT", KEY_SK_ED25519, true},
    {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-SK-CERT", KEY_SK_ECDSA_P256,
     true},
};

const struct key_type *
key_type_by_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (bytes_eq_str(name, types[i].name))
            return &types[i];
    return NULL;
}

const struct key_type *
key_type_plain(enum key_kind kind)
{
    size_t i = 0;
    while (types[i].is_cert || types[i].kind != kind)
        i++;
    return &types[i];
}

struct bytes
key_blob_type(struct bytes blob)
{
    struct cursor c = cursor_of(blob);
    return cursor_string(&c);
}

const struct key_type *
key_type_of_blob(struct bytes blob)
{
    return key_type_by_name(key_blob_type(blob));
}

unsigned
key_field_count(enum key_kind kind)
{
    switch (kind) {
    case KEY_ED25519:
        return 1;
    case KEY_RSA:
    case KEY_ECDSA_P256:
    case KEY_ECDSA_P384:
    case KEY_ECDSA_P521:
    case KEY_SK_ED25519:
        return 2;
    case KEY_SK_ECDSA_P256:
        return 3;
    }
    return 0;
}

static void
skip_strings(struct cursor *c, unsigned n)
{
    while (n-- != 0)
        cursor_string(c);
}

bool
key_blob_is_whole(struct bytes blob)
{
    struct cursor c = cursor_of(blob);
    const struct key_type *type = key_type_by_name(cursor_string(&c));
    if (!type)
        return false;
    if (type->is_cert)
        skip_strings(&c, 1); /* nonce */
    skip_strings(&c, key_field_count(type->kind));
    if (type->is_cert) {
        cursor_raw(&c, 8 + 4); /* serial, use */
        skip_strings(&c, 2);   /* key id, principals */
        cursor_raw(&c, 8 + 8); /* validity */
        skip_strings(&c, 5);   /* options, extensions, reserved, CA, signature */
    }
    return cursor_is_done(&c);
}

/* c: at the exponent, RFC 4253 6.6. */
static unsigned
rsa_bits(struct cursor *c)
{
    cursor_mpint(c);
    struct bytes n = cursor_mpint(c);
    if (c->failed || n.n == 0)
        return 0;
    unsigned top = 0;
    for (unsigned octet = n.p[0]; octet != 0; octet >>= 1)
        top++;
    return (unsigned)(n.n - 1) * 8 + top;
}

unsigned
key_blob_bits(struct bytes blob)
{
    struct cursor c = cursor_of(blob);
    const struct key_type *type = key_type_by_name(cursor_string(&c));
    if (!type)
        return 0;
    if (type->is_cert)
        cursor_string(&c); /* nonce */
    switch (type->kind) {
    case KEY_RSA:
        return rsa_bits(&c);
    case KEY_ECDSA_P384:
        return 384;
    case KEY_ECDSA_P521:
        return 521;
    case KEY_ED25519:
    case KEY_ECDSA_P256:
    case KEY_SK_ED25519:
    case KEY_SK_ECDSA_P256:
        return 256;
    }
    return 0;
}
