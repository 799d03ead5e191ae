/*
 * See algos.h. The lists are data; everything else here reads them.
 *
 * Order is preference. Post-quantum exchanges first; then what is fastest
 * among the equally strong. Certificate names come before plain ones, so that
 * a peer with a certificate shows it. Every "known" list is the union of what
 * we implement in that slot: a client offers it whole, because it must reach
 * servers that have only the last name of it.
 */
#include "crypto/algos.h"

#include "base/pattern.h"
#include "wire/cursor.h"

#define KEX_PQ \
    "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com"
#define KEX_X25519 "curve25519-sha256,curve25519-sha256@libssh.org"
#define KEX_NIST   "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521"
#define KEX_GROUPS                                                 \
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512," \
    "diffie-hellman-group14-sha256"
#define KEX_GEX   "diffie-hellman-group-exchange-sha256"
#define KEX_KNOWN KEX_PQ "," KEX_X25519 "," KEX_NIST "," KEX_GEX "," KEX_GROUPS

#define KEY_ED  "ssh-ed25519"
#define KEY_EC  "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521"
#define KEY_RS  "rsa-sha2-512,rsa-sha2-256"
#define KEY_SK  "sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com"
#define CERT_ED "ssh-ed25519-cert-v01@openssh.com"
#define CERT_EC                                 \
    "ecdsa-sha2-nistp256-cert-v01@openssh.com," \
    "ecdsa-sha2-nistp384-cert-v01@openssh.com," \
    "ecdsa-sha2-nistp521-cert-v01@openssh.com"
#define CERT_RS "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com"
#define CERT_SK                            \
    "sk-ssh-ed25519-cert-v01@openssh.com," \
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"
#define KEY_PLAIN KEY_ED "," KEY_EC "," KEY_SK "," KEY_RS
#define KEY_CERT  CERT_ED "," CERT_EC "," CERT_SK "," CERT_RS
#define KEY_KNOWN KEY_CERT "," KEY_PLAIN

#define CIPHER_CHACHA "chacha20-poly1305@openssh.com"
#define CIPHER_GCM    "aes256-gcm@openssh.com,aes128-gcm@openssh.com"
#define CIPHER_CTR    "aes256-ctr,aes192-ctr,aes128-ctr"
#define CIPHER_KNOWN  CIPHER_CHACHA "," CIPHER_GCM "," CIPHER_CTR

#define MAC_ETM   "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com"
#define MAC_EAM   "hmac-sha2-512,hmac-sha2-256"
#define MAC_KNOWN MAC_ETM "," MAC_EAM

#define COMPRESSION_KNOWN "none,zlib@openssh.com"

static const char *const known[ALGO_SLOTS] = {
    [ALGO_KEX] = KEX_KNOWN,
    [ALGO_HOST_KEY] = KEY_KNOWN,
    [ALGO_CIPHER] = CIPHER_KNOWN,
    [ALGO_MAC] = MAC_KNOWN,
    [ALGO_COMPRESSION] = COMPRESSION_KNOWN,
    [ALGO_USER_KEY] = KEY_KNOWN,
    [ALGO_CA_SIGNATURE] = KEY_PLAIN,
};

/*
 * A server's default has no finite-field exchange (threats T9), no NIST curve
 * in exchange and host keys, no encrypt-and-MAC. A user's key is the user's
 * choice: there ECDSA, and with it most FIDO tokens, is taken by default.
 */
static const char *const servers[][ALGO_SLOTS] = {
    [PROFILE_DEFAULT] =
        {
            [ALGO_KEX] = KEX_PQ "," KEX_X25519,
            [ALGO_HOST_KEY] = CERT_ED "," CERT_RS "," KEY_ED "," KEY_RS,
            [ALGO_CIPHER] = CIPHER_KNOWN,
            [ALGO_MAC] = MAC_ETM,
            [ALGO_COMPRESSION] = "none",
            [ALGO_USER_KEY] = KEY_KNOWN,
            [ALGO_CA_SIGNATURE] = KEY_PLAIN,
        },
    [PROFILE_COMPAT] =
        {
            [ALGO_KEX] = KEX_PQ "," KEX_X25519 "," KEX_NIST "," KEX_GROUPS,
            [ALGO_HOST_KEY] =
                CERT_ED "," CERT_EC "," CERT_RS "," KEY_ED "," KEY_EC "," KEY_RS,
            [ALGO_CIPHER] = CIPHER_KNOWN,
            [ALGO_MAC] = MAC_KNOWN,
            [ALGO_COMPRESSION] = COMPRESSION_KNOWN,
            [ALGO_USER_KEY] = KEY_KNOWN,
            [ALGO_CA_SIGNATURE] = KEY_PLAIN,
        },
};

/* The same for both roles: a client under such rules must not fall out of them. */
static const char *const gov[ALGO_SLOTS] = {
    [ALGO_KEX] = KEX_NIST,
    [ALGO_HOST_KEY] = CERT_EC "," CERT_RS "," KEY_EC "," KEY_RS,
    [ALGO_CIPHER] = CIPHER_GCM "," CIPHER_CTR,
    [ALGO_MAC] = MAC_KNOWN,
    [ALGO_COMPRESSION] = "none",
    [ALGO_USER_KEY] = CERT_EC "," CERT_RS "," KEY_EC "," KEY_RS,
    [ALGO_CA_SIGNATURE] = KEY_EC "," KEY_RS,
};

const char *
algo_list(enum algo_profile profile, enum algo_role role, enum algo_slot slot)
{
    if (profile == PROFILE_GOV)
        return gov[slot];
    return role == ALGO_CLIENT ? known[slot] : servers[profile][slot];
}

bool
algo_profile_by_name(struct bytes name, enum algo_profile *profile)
{
    static const char *const names[] = {[PROFILE_DEFAULT] = "default",
                                        [PROFILE_COMPAT] = "compat",
                                        [PROFILE_GOV] = "gov"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (bytes_eq_str(name, names[i])) {
            *profile = (enum algo_profile)i;
            return true;
        }
    }
    return false;
}

static bool
list_has(struct bytes list, struct bytes name)
{
    struct bytes item;
    while (bytes_next_item(&list, &item))
        if (bytes_eq(item, name))
            return true;
    return false;
}

bool
algo_is_known(enum algo_slot slot, struct bytes name)
{
    return list_has(bytes_str(known[slot]), name);
}

static bool
matches_any(struct bytes patterns, struct bytes name)
{
    struct bytes item;
    while (bytes_next_item(&patterns, &item))
        if (pattern_match(item, name, PATTERN_EXACT))
            return true;
    return false;
}

/* Append unless it is there already. */
static void
add_once(struct buf *out, struct bytes name)
{
    if (list_has(buf_bytes(out), name))
        return;
    if (out->n != 0)
        buf_put_u8(out, ',');
    buf_put(out, name);
}

static void
add_list(struct buf *out, struct bytes list)
{
    struct bytes item;
    while (bytes_next_item(&list, &item))
        add_once(out, item);
}

/* Append the known names that one element names or, with wildcards, matches. */
static bool
add_matching(struct buf *out, enum algo_slot slot, struct bytes pattern)
{
    struct bytes rest = bytes_str(known[slot]), name;
    bool has_any = false;
    while (bytes_next_item(&rest, &name)) {
        if (!pattern_match(pattern, name, PATTERN_EXACT))
            continue;
        add_once(out, name);
        has_any = true;
    }
    return has_any;
}

static enum err
add_spec(struct buf *out, enum algo_slot slot, struct bytes spec, struct bytes *bad)
{
    struct bytes pattern;
    while (bytes_next_item(&spec, &pattern)) {
        if (!add_matching(out, slot, pattern)) {
            *bad = pattern;
            return ERR_PROTO;
        }
    }
    return buf_err(out);
}

static enum err
remove_spec(struct buf *out, struct bytes defaults, struct bytes patterns)
{
    struct bytes name;
    while (bytes_next_item(&defaults, &name))
        if (!matches_any(patterns, name))
            add_once(out, name);
    return buf_err(out);
}

enum err
algo_list_apply(enum algo_slot slot, const char *defaults, struct bytes spec,
                struct buf *out, struct bytes *bad)
{
    *bad = (struct bytes){0};
    struct bytes base = bytes_str(defaults);
    bool is_edit = bytes_has_prefix(spec, "+") || bytes_has_prefix(spec, "-") ||
                   bytes_has_prefix(spec, "^");
    if (!is_edit)
        return add_spec(out, slot, spec, bad);
    struct bytes names = bytes_skip(spec, 1);
    if (bytes_has_prefix(spec, "-"))
        return remove_spec(out, base, names);
    if (bytes_has_prefix(spec, "+"))
        add_list(out, base);
    enum err e = add_spec(out, slot, names, bad);
    if (e == ERR_NONE && bytes_has_prefix(spec, "^"))
        add_list(out, base);
    return e == ERR_NONE ? buf_err(out) : e;
}
