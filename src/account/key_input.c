/* See key_input.h. */
#include "account/key_input.h"

#include "account/store.h"
#include "base/log.h"
#include "key/authorized_keys.h"
#include "key/fingerprint.h"
#include "key/key_type.h"
#include "key/pubkey_line.h"
#include "key/text_line.h"

static bool
is_printable(struct bytes line)
{
    for (size_t i = 0; i < line.n; i++)
        if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            return false;
    return true;
}

/* sshd's "command=" would run a program, which nobody does here. */
static bool
is_command_ours(const struct authorized_key *key)
{
    struct bytes command = buf_bytes(&key->command);
    return !key->has_command || bytes_eq_str(command, "internal-sftp") ||
           bytes_has_prefix(command, "internal-sftp ");
}

static enum err
check_strength(struct bytes blob, struct fault *why)
{
    struct pubkey *parsed = NULL;
    enum err err = pubkey_parse(blob, &parsed);
    pubkey_free(parsed);
    if (err == ERR_CRYPTO)
        return fault_set(why, ERR_PROTO, 0, "a key too weak or not valid (%u bits)",
                         key_blob_bits(blob));
    return err ? fault_set(why, err == ERR_NOMEM ? err : ERR_PROTO, 0, "malformed key")
               : ERR_NONE;
}

static enum err
check_key(const struct authorized_key *key, struct fault *why)
{
    const struct key_type *type = key_type_of_blob(buf_bytes(&key->blob));
    if (!type)
        return fault_set(why, ERR_PROTO, 0, "a kind of key that is not known");
    if (type->is_cert)
        return fault_set(
            why, ERR_PROTO, 0,
            "a certificate: add its CA's key with the option cert-authority");
    if (!is_command_ours(key))
        return fault_set(why, ERR_PROTO, 0,
                         "the option command=\"\" can only name internal-sftp");
    return check_strength(buf_bytes(&key->blob), why);
}

static enum err
give(const struct authorized_key *key, struct bytes line, key_input_take *take, void *ctx,
     struct fault *why)
{
    struct buf fingerprint;
    buf_init(&fingerprint, STORE_FINGERPRINT_MAX + 1);
    enum err err =
        fingerprint_put(FINGERPRINT_SHA256, buf_bytes(&key->blob), &fingerprint);
    const char *text = err ? NULL : buf_cstr(&fingerprint);
    err = text ? take(ctx, line, text)
               : fault_set(why, err ? err : ERR_NOMEM, 0, "cannot make a fingerprint");
    buf_clear(&fingerprint);
    return err;
}

/* line: without its end and the blanks around it. */
static enum err
take_line(struct bytes line, key_input_take *take, void *ctx, struct fault *why)
{
    struct authorized_keys it;
    struct authorized_key key;
    if (line.n > STORE_KEY_LINE_MAX)
        return fault_set(why, ERR_PROTO, 0, "longer than %d octets", STORE_KEY_LINE_MAX);
    if (bytes_has_prefix(line, "-----BEGIN ") || bytes_has_prefix(line, "PuTTY-User-Key"))
        return fault_set(why, ERR_PROTO, 0,
                         "a private key: keep it, and give its public part");
    if (!is_printable(line))
        return fault_set(why, ERR_PROTO, 0, "not printable text");
    authorized_key_init(&key);
    authorized_keys_start(&it, line, 0);
    enum authorized_step step = authorized_keys_next(&it, &key, why);
    enum err err = ERR_PROTO;
    if (step == AUTHORIZED_KEY)
        err = check_key(&key, why);
    if (err == ERR_NONE)
        err = give(&key, line, take, ctx, why);
    authorized_key_clear(&key);
    return err;
}

/* "line N: " in front of what is wrong with it; other errors as they are. */
static enum err
blame_line(unsigned number, enum err err, const struct fault *detail, struct fault *why)
{
    if (err == ERR_PROTO)
        return fault_set(why, err, 0, "line %u: %.200s", number, detail->text);
    return fault_set(why, err, 0, "%s", detail->text);
}

static enum err
take_lines(struct bytes text, key_input_take *take, void *ctx, struct fault *why)
{
    struct bytes line;
    unsigned number = 0, n_taken = 0;
    while (text_next_line(&text, &line)) {
        number++;
        line = text_trim(line);
        if (text_is_comment(line))
            continue;
        struct fault detail = {0};
        enum err err = take_line(line, take, ctx, &detail);
        if (err)
            return blame_line(number, err, &detail, why);
        n_taken++;
    }
    return n_taken ? ERR_NONE : fault_set(why, ERR_PROTO, 0, "there is no key in it");
}

/* RFC 4716: the same key as one line, with its comment. */
static enum err
take_rfc4716(struct bytes text, key_input_take *take, void *ctx, struct fault *why)
{
    struct buf blob, comment, line;
    buf_init(&blob, KEY_BLOB_MAX);
    buf_init(&comment, PUBKEY_COMMENT_MAX);
    buf_init(&line, STORE_KEY_LINE_MAX);
    enum err err = pubkey_text_parse(text, &blob, &comment, why);
    if (err == ERR_NONE) {
        pubkey_line_put(buf_bytes(&blob), buf_bytes(&comment), &line);
        err = buf_err(&line) ? fault_set(why, ERR_PROTO, 0, "the key is too long")
                             : take_line(buf_bytes(&line), take, ctx, why);
    }
    buf_clear(&line);
    buf_clear(&comment);
    buf_clear(&blob);
    return err;
}

enum err
key_input_each(struct bytes text, key_input_take *take, void *ctx, struct fault *why)
{
    /* Windows editors put one in front of UTF-8. */
    if (bytes_has_prefix(text, "\xef\xbb\xbf"))
        text = bytes_skip(text, 3);
    struct bytes rest = text, line;
    while (text_next_line(&rest, &line))
        if (text_trim(line).n != 0)
            return bytes_has_prefix(text_trim(line), "---- BEGIN SSH2 PUBLIC KEY ----")
                       ? take_rfc4716(text, take, ctx, why)
                       : take_lines(text, take, ctx, why);
    return fault_set(why, ERR_PROTO, 0, "there is no key in it");
}
