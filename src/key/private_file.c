/*
 * See private_file.h. Layout of openssh-key-v1 (OpenSSH's PROTOCOL.key):
 *
 *   "openssh-key-v1\0" cipher kdf kdf_options  1  public_blob  section  tag
 *                                                              `-- encrypted:
 *   check check  type fields...  comment  1 2 3 ...            (padding)
 */
#include "key/private_file.h"

#include "base/secret.h"
#include "crypto/bcrypt_pbkdf.h"
#include "crypto/keyfile_cipher.h"
#include "key/armor.h"
#include "key/key_type.h"
#include "key/text_line.h"
#include "wire/cursor.h"
#include "wire/put.h"

#define LABEL      "OPENSSH PRIVATE KEY"
#define MAGIC      BYTES_LIT("openssh-key-v1\0")
#define KDF_BCRYPT "bcrypt"
#define CIPHER     "aes256-ctr"

enum {
    SALT_LEN = 16,     /* octets that we write */
    SALT_MAX = 1024,   /* that we read */
    CLEAR_BLOCK = 8,   /* padding unit of cipher "none" */
    PADDING_MAX = 255, /* it counts 1, 2, 3, ... in octets */
};

/* The file's frame, borrowed from its decoded octets. */
struct frame {
    const struct keyfile_cipher *cipher; /* NULL: "none" */
    struct bytes salt;
    uint32_t rounds;
    struct bytes public_blob, section, tag;
};

/* ---- the frame ---- */

static enum err
read_kdf(struct frame *f, struct bytes kdf, struct bytes options, struct fault *why)
{
    if (!f->cipher) {
        bool is_none = bytes_eq_str(kdf, "none") && options.n == 0;
        return is_none ? ERR_NONE : fault_set(why, ERR_PROTO, 0, "damaged private key");
    }
    if (!bytes_eq_str(kdf, KDF_BCRYPT))
        return fault_set(why, ERR_PROTO, 0, "unknown key derivation in private key");
    struct cursor c = cursor_of(options);
    f->salt = cursor_string(&c);
    f->rounds = cursor_u32(&c);
    if (!cursor_is_done(&c) || f->salt.n == 0 || f->salt.n > SALT_MAX || f->rounds == 0)
        return fault_set(why, ERR_PROTO, 0, "damaged key derivation in private key");
    if (f->rounds > BCRYPT_ROUNDS_MAX)
        return fault_set(why, ERR_LIMIT, 0, "private key asks for over %d bcrypt rounds",
                         BCRYPT_ROUNDS_MAX);
    return ERR_NONE;
}

static enum err
read_frame(struct bytes decoded, struct frame *f, struct fault *why)
{
    struct cursor c = cursor_of(decoded);
    *f = (struct frame){0};
    if (!bytes_eq(cursor_raw(&c, MAGIC.n), MAGIC))
        return fault_set(why, ERR_PROTO, 0, "not an OpenSSH private key");
    struct bytes cipher = cursor_string(&c), kdf = cursor_string(&c);
    struct bytes options = cursor_string(&c);
    uint32_t n_keys = cursor_u32(&c);
    f->public_blob = cursor_string(&c);
    f->section = cursor_string(&c);
    if (c.failed || n_keys != 1)
        return fault_set(why, ERR_PROTO, 0, "damaged private key");
    f->cipher = keyfile_cipher_by_name(cipher);
    if (!f->cipher && !bytes_eq_str(cipher, "none"))
        return fault_set(why, ERR_PROTO, 0, "unknown cipher in private key");
    f->tag = cursor_raw(&c, f->cipher ? f->cipher->tag_len : 0);
    size_t block = f->cipher ? f->cipher->block : CLEAR_BLOCK;
    if (!cursor_is_done(&c) || f->section.n == 0 || f->section.n % block != 0)
        return fault_set(why, ERR_PROTO, 0, "damaged private key");
    return read_kdf(f, kdf, options, why);
}

/* Undo armour and frame. decoded: holds what *f borrows. */
static enum err
open_frame(struct bytes text, struct buf *decoded, struct frame *f, struct fault *why)
{
    struct bytes body;
    if (!armor_find(text, LABEL, &body))
        return fault_set(why, ERR_PROTO, 0, "damaged private key: no END line");
    enum err e = base64_decode_wrapped(body, decoded);
    if (e != ERR_NONE)
        return fault_set(why, e, 0, "damaged private key: not base64");
    return read_frame(buf_bytes(decoded), f, why);
}

static bool
is_openssh(struct bytes text)
{
    return bytes_has_prefix(text, "-----BEGIN " LABEL "-----");
}

/* What can be said without looking at the content. */
static enum err
check_text(struct bytes text, struct fault *why)
{
    if (text.n > PRIVATE_FILE_MAX)
        return fault_set(why, ERR_LIMIT, 0, "private key file over %d octets",
                         PRIVATE_FILE_MAX);
    if (bytes_has_prefix(text, "PuTTY-User-Key-File-"))
        return fault_set(
            why, ERR_PROTO, 0,
            "PuTTY's key format: convert it with puttygen -O private-openssh");
    return ERR_NONE;
}

/* ---- the section ---- */

/* key: cipher->key_len + iv_len octets, key first; the caller wipes it. */
static enum err
derive(const struct frame *f, struct bytes passphrase, uint8_t *key)
{
    return bcrypt_pbkdf(passphrase, f->salt, f->rounds, key,
                        f->cipher->key_len + f->cipher->iv_len);
}

/* Decrypt section, a copy of f->section, in place. */
static enum err
open_section(const struct frame *f, struct bytes passphrase, uint8_t *section,
             struct fault *why)
{
    uint8_t key[KEYFILE_KEY_MAX];
    size_t key_len = f->cipher->key_len + f->cipher->iv_len;
    if (passphrase.n == 0)
        return fault_set(why, ERR_AUTH, 0, "the private key needs its passphrase");
    enum err e = derive(f, passphrase, key);
    if (e != ERR_NONE)
        fault_set(why, e, 0, "deriving the key from the passphrase failed");
    else if (keyfile_open(f->cipher, bytes_of(key, key_len), section, f->section.n,
                          f->tag) != ERR_NONE)
        e = fault_set(why, ERR_AUTH, 0, "wrong passphrase");
    mem_wipe(key, sizeof key);
    return e;
}

static bool
is_padding(struct bytes rest)
{
    if (rest.n > PADDING_MAX)
        return false;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] != i + 1)
            return false;
    return true;
}

/* c: at the key's type. Leaves c behind its fields. */
static enum err
read_key(struct cursor *c, struct privkey **key, struct fault *why)
{
    const struct key_type *type = key_type_by_name(cursor_string(c));
    if (!type || type->is_cert)
        return fault_set(why, ERR_PROTO, 0,
                         "private key of a type that is not used here");
    if (type->kind == KEY_SK_ED25519 || type->kind == KEY_SK_ECDSA_P256)
        return fault_set(why, ERR_PROTO, 0,
                         "a security key signs by itself: add it to an ssh-agent");
    struct cursor peek = *c;
    size_t used = 0;
    enum err e = privkey_parse_fields(type->kind, cursor_rest(&peek), &used, key);
    if (e != ERR_NONE)
        return fault_set(why, e, 0,
                         e == ERR_CRYPTO ? "the private key is weak or damaged"
                                         : "damaged private key");
    cursor_raw(c, used);
    return ERR_NONE;
}

/* What follows the key, and that it is the key the frame promised. */
static enum err
read_tail(struct cursor *c, const struct frame *f, const struct privkey *key,
          struct buf *comment, struct fault *why)
{
    struct bytes text = cursor_string(c);
    if (c->failed || !is_padding(cursor_rest(c)))
        return fault_set(why, ERR_PROTO, 0, "damaged private key: bad padding");
    if (!bytes_eq(pubkey_blob(privkey_public(key)), f->public_blob))
        return fault_set(why, ERR_CRYPTO, 0, "private and public key do not match");
    if (!comment)
        return ERR_NONE;
    buf_put(comment, bytes_first(text, PRIVATE_FILE_COMMENT_MAX));
    return buf_err(comment);
}

static enum err
read_section(const struct frame *f, struct bytes section, struct privkey **key,
             struct buf *comment, struct fault *why)
{
    struct cursor c = cursor_of(section);
    uint32_t check = cursor_u32(&c), again = cursor_u32(&c);
    if (c.failed || check != again)
        return f->cipher ? fault_set(why, ERR_AUTH, 0, "wrong passphrase")
                         : fault_set(why, ERR_PROTO, 0, "damaged private key");
    struct privkey *found;
    enum err e = read_key(&c, &found, why);
    if (e != ERR_NONE)
        return e;
    e = read_tail(&c, f, found, comment, why);
    if (e == ERR_NONE)
        *key = found;
    else
        privkey_free(found);
    return e;
}

static enum err
parse_openssh(struct bytes text, struct bytes passphrase, struct privkey **key,
              struct buf *comment, struct fault *why)
{
    struct buf decoded, section;
    struct frame f;
    buf_init(&decoded, PRIVATE_FILE_MAX);
    buf_init(&section, PRIVATE_FILE_MAX);
    enum err e = open_frame(text, &decoded, &f, why);
    if (e == ERR_NONE) {
        buf_put(&section, f.section);
        e = buf_err(&section);
    }
    if (e == ERR_NONE && f.cipher)
        e = open_section(&f, passphrase, section.p, why);
    if (e == ERR_NONE)
        e = read_section(&f, buf_bytes(&section), key, comment, why);
    buf_clear(&section);
    buf_clear(&decoded);
    return e == ERR_NONE ? e : fault_set(why, e, 0, "reading the private key failed");
}

/* ---- PEM ---- */

static enum err
parse_pem(struct bytes text, struct bytes passphrase, struct privkey **key,
          struct fault *why)
{
    enum err e = privkey_parse_pem(text, passphrase, key);
    switch (e) {
    case ERR_NONE:
        return ERR_NONE;
    case ERR_AUTH:
        return fault_set(why, e, 0,
                         passphrase.n == 0 ? "the private key needs its passphrase"
                                           : "wrong passphrase");
    case ERR_PROTO:
        return fault_set(why, e, 0, "not a private key of a known form");
    default:
        return fault_set(why, e, 0, "the private key is not usable");
    }
}

/* ---- reading ---- */

enum err
private_file_parse(struct bytes text, struct bytes passphrase, struct privkey **key,
                   struct buf *comment, struct fault *why)
{
    if (comment)
        buf_reset(comment);
    enum err e = check_text(text, why);
    if (e != ERR_NONE)
        return e;
    return is_openssh(text) ? parse_openssh(text, passphrase, key, comment, why)
                            : parse_pem(text, passphrase, key, why);
}

static enum err
public_of_openssh(struct bytes text, struct buf *blob, struct fault *why)
{
    struct buf decoded;
    struct frame f;
    buf_init(&decoded, PRIVATE_FILE_MAX);
    enum err e = open_frame(text, &decoded, &f, why);
    if (e == ERR_NONE && !key_type_of_blob(f.public_blob))
        e = fault_set(why, ERR_PROTO, 0, "private key of a type that is not used here");
    if (e == ERR_NONE)
        buf_put(blob, f.public_blob);
    buf_clear(&decoded);
    return e == ERR_NONE ? buf_err(blob) : e;
}

static enum err
public_of_pem(struct bytes text, struct buf *blob, struct fault *why)
{
    struct privkey *key;
    enum err e = parse_pem(text, (struct bytes){0}, &key, why);
    if (e != ERR_NONE)
        return e;
    buf_put(blob, pubkey_blob(privkey_public(key)));
    privkey_free(key);
    return buf_err(blob);
}

enum err
private_file_public(struct bytes text, struct buf *blob, struct fault *why)
{
    buf_reset(blob);
    enum err e = check_text(text, why);
    if (e != ERR_NONE)
        return e;
    return is_openssh(text) ? public_of_openssh(text, blob, why)
                            : public_of_pem(text, blob, why);
}

/* ---- writing ---- */

static enum err
put_section(const struct privkey *key, struct bytes comment, size_t block,
            const struct rand_source *rand, struct buf *out)
{
    uint8_t check[4];
    enum err e = rand_fill(rand, check, sizeof check);
    if (e != ERR_NONE)
        return e;
    buf_put(out, bytes_of(check, sizeof check));
    buf_put(out, bytes_of(check, sizeof check));
    put_cstring(out, key_kind_name(pubkey_kind(privkey_public(key))));
    e = privkey_put_fields(key, out);
    if (e != ERR_NONE)
        return e;
    put_string(out, comment);
    for (uint8_t i = 1; buf_err(out) == ERR_NONE && out->n % block != 0; i++)
        buf_put_u8(out, i);
    return buf_err(out);
}

/* Encrypt the section in place; f->salt is set. */
static enum err
seal_section(const struct frame *f, struct bytes passphrase, struct buf *section)
{
    uint8_t key[KEYFILE_KEY_MAX];
    enum err e = derive(f, passphrase, key);
    if (e == ERR_NONE)
        e = keyfile_seal(f->cipher, bytes_of(key, f->cipher->key_len + f->cipher->iv_len),
                         section->p, section->n);
    mem_wipe(key, sizeof key);
    return e;
}

static void
put_frame(const struct frame *f, struct buf *out)
{
    buf_put(out, MAGIC);
    put_cstring(out, f->cipher ? f->cipher->name : "none");
    put_cstring(out, f->cipher ? KDF_BCRYPT : "none");
    size_t mark = put_string_begin(out);
    if (f->cipher) {
        put_string(out, f->salt);
        put_u32(out, f->rounds);
    }
    put_string_end(out, mark);
    put_u32(out, 1);
    put_string(out, f->public_blob);
    put_string(out, f->section);
}

/* section, image: empty; the caller clears them. */
static enum err
make_image(const struct privkey *key, struct bytes comment, struct bytes passphrase,
           const struct rand_source *rand, struct buf *section, struct buf *image)
{
    uint8_t salt[SALT_LEN];
    struct frame f = {.public_blob = pubkey_blob(privkey_public(key)),
                      .salt = bytes_of(salt, sizeof salt),
                      .rounds = PRIVATE_FILE_ROUNDS};
    if (passphrase.n != 0)
        f.cipher = keyfile_cipher_by_name(bytes_str(CIPHER));
    enum err e = rand_fill(rand, salt, sizeof salt);
    if (e == ERR_NONE)
        e = put_section(key, comment, f.cipher ? f.cipher->block : CLEAR_BLOCK, rand,
                        section);
    if (e == ERR_NONE && f.cipher)
        e = seal_section(&f, passphrase, section);
    if (e != ERR_NONE)
        return e;
    f.section = buf_bytes(section);
    put_frame(&f, image);
    return buf_err(image);
}

enum err
private_file_write(const struct privkey *key, struct bytes comment,
                   struct bytes passphrase, const struct rand_source *rand,
                   struct buf *out)
{
    struct buf section, image;
    if (comment.n > PRIVATE_FILE_COMMENT_MAX)
        return ERR_LIMIT;
    buf_init(&section, PRIVATE_FILE_MAX);
    buf_init(&image, PRIVATE_FILE_MAX);
    enum err e = make_image(key, comment, passphrase, rand, &section, &image);
    if (e == ERR_NONE) {
        armor_put(buf_bytes(&image), LABEL, out);
        e = buf_err(out);
    }
    buf_clear(&image);
    buf_clear(&section);
    return e;
}
